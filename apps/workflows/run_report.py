"""Reports of a business date: made due once, each run once, rendered between two short transactions."""

import logging
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from apps.core import clock, db
from apps.core.errors import AppError
from apps.core.unit import use_case
from apps.reports import operations as reports
from apps.reports.models import ReportRun
from apps.reports.queries import invoices
from apps.reports.queries import runs as queries
from apps.reports.rules import Report

log = logging.getLogger(__name__)


@use_case
def make_reports_due(*, business_date: date, now: datetime) -> int:
    """A run for every report and scope of the date that has none; how many are new. Safe to call twice at once."""
    return reports.make_due(business_date=business_date, scopes=queries.list_scopes(), now=now)


@use_case
def make_invoices_due(*, month_end: date, now: datetime) -> int:
    """An invoice for every account that was charged something in the month; how many are new. Safe to call twice at once.

    :param month_end: its last day, which has passed
    """
    if month_end >= now.date():
        return 0
    scopes = [(str(Report.INVOICE), code) for code in invoices.list_invoiced(month_end)]
    return reports.make_due(business_date=month_end, scopes=scopes, now=now)


@use_case
def correct_report(*, report: str, scope: str, business_date: date, now: datetime) -> ReportRun:
    """The next version of a report that was issued.

    :raises NotCorrectable: its last version was not
    """
    return reports.correct(report=report, scope=scope, business_date=business_date, now=now)


def run_report(run_id: UUID) -> Any:
    """Take the run, render it in one read snapshot, record its files: the run, or None when another worker has it or it is done.

    What goes wrong while rendering is kept on the run (FAILED, with its error), to be tried again.
    """
    run: ReportRun | None = start_report(run_id=run_id)
    if run is None:
        return None
    ended: ReportRun | None
    try:
        with db.snapshot():
            files = reports.write(run, settings.REPORTS_DIR)
    except AppError as no:
        ended = fail_report(run_id=run.id, lease_until=run.lease_until, error=f"{no.code}: {no.detail}")
    except Exception as no:
        log.exception("report %s of %s for %s", run.report, run.scope, run.business_date)
        ended = fail_report(run_id=run.id, lease_until=run.lease_until, error=f"{type(no).__name__}: {no}")
    else:
        ended = finish_report(run_id=run.id, lease_until=run.lease_until, files=files)
    return ended


@use_case
def start_report(*, run_id: UUID, now: datetime) -> ReportRun | None:
    return reports.start(run_id=run_id, now=now, wall=clock.wall_now())


@use_case
def finish_report(*, run_id: UUID, lease_until: datetime, files: list[dict[str, Any]], now: datetime) -> ReportRun | None:
    return reports.finish(run_id=run_id, lease_until=lease_until, files=files, now=now)


@use_case
def fail_report(*, run_id: UUID, lease_until: datetime, error: str, now: datetime) -> ReportRun | None:
    return reports.fail(run_id=run_id, lease_until=lease_until, error=error)
