"""Fees that are invoiced are billed when their month has ended. Safe to run twice at once, and late."""

import logging

from celery import shared_task
from django.db import DatabaseError

from apps.core.errors import AppError
from apps.reports.queries import invoices
from apps.workflows.bill_fees import ask_month

log = logging.getLogger(__name__)


def bill() -> int:
    """How many bills were asked for."""
    asked = 0
    for account_id, asset in sorted({(one.account_id, one.asset) for one in invoices.list_unbilled()}):
        try:
            asked += ask_month(account_id=account_id, asset=asset) is not None
        except (AppError, DatabaseError) as no:
            log.warning("fees of account %s in %s not billed: %s", account_id, asset, no)
    return asked


@shared_task(name="flowdesk.bill_fees")
def bill_fees() -> None:
    bill()
