"""Reports of closed days. Safe to run twice at once: a run exists once, and one worker at a time renders it."""

from datetime import date, timedelta
from uuid import UUID

from celery import shared_task

from apps.core import clock
from apps.reports.queries import runs
from apps.workflows import run_report as workflow

LOOK_BACK = timedelta(days=14)  # older dates are run by hand (`manage.py run_reports --date`)
BATCH = 50
INVOICED_AFTER = 2  # days into the next month: the roll of the last day has come, in every zone


@shared_task(name="reports.make_due")
def make_due() -> int:
    """Make the reports of each closed business date due, and the invoices of the month before; how many are new."""
    today = clock.desk_now().date()
    made = sum(workflow.make_reports_due(business_date=on) for on in runs.list_closed_without_runs(today - LOOK_BACK))
    if today.day > INVOICED_AFTER:
        made += workflow.make_invoices_due(month_end=today.replace(day=1) - timedelta(days=1))
    return int(made)


@shared_task(name="reports.run_due")
def run_due() -> int:
    """Run what is due, the oldest first; how many ended."""
    return run_all(runs.list_due(clock.wall_now(), limit=BATCH))


def run_invoices(month_end: date) -> int:
    """Make the invoices of a month due and run all of them that are not done."""
    workflow.make_invoices_due(month_end=month_end)
    return run_all(runs.list_due(clock.wall_now(), business_date=month_end))


def run_date(on: date) -> int:
    """Make the reports of one business date due and run all of them that are not done."""
    workflow.make_reports_due(business_date=on)
    return run_all(runs.list_due(clock.wall_now(), business_date=on))


def run_all(run_ids: list[UUID]) -> int:
    return sum(workflow.run_report(run_id) is not None for run_id in run_ids)
