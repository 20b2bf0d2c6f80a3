"""Position limits: passed ones are told as events, by what the ledger says."""

from celery import shared_task

from apps.workflows.limit_position import watch_positions


@shared_task(name="flowdesk.watch_positions")
def watch() -> None:
    watch_positions()
