"""Report runs: what is due, what there is."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.core import db
from apps.reports.models import ReportRun
from apps.reports.rules import Report
from apps.reports.states import RunStatus

OF_CLIENTS = (Report.STATEMENT, Report.INVOICE)  # documents whose scope is an account, and which its client gets

# One blotter and position an entity, one statement an account that may have dealt.
_SCOPES = """
SELECT report, code FROM instruments_bookingentity CROSS JOIN unnest(%s::text[]) AS report
UNION ALL
SELECT %s, a.code FROM clients_account a JOIN clients_terms t ON t.account_id = a.id AND t.effective_until IS NULL
WHERE a.status NOT IN ('PROSPECT', 'ONBOARDING', 'REFUSED')
"""
_CLOSED = """
SELECT d.date FROM close_businessday d WHERE d.status = 'CLOSED' AND d.date >= %s AND NOT EXISTS
  (SELECT 1 FROM reports_reportrun r WHERE r.business_date = d.date AND r.report <> 'invoice') GROUP BY d.date ORDER BY d.date
"""


def list_scopes() -> list[tuple[str, str]]:
    """(report, scope) of every report of a business date."""
    return list(db.run(_SCOPES, ([str(Report.BLOTTER), str(Report.POSITION)], str(Report.STATEMENT))))


def list_closed_without_runs(since: date) -> list[date]:
    """Closed business dates from `since` on that nobody has made reports due for."""
    return [row[0] for row in db.run(_CLOSED, (since,))]


def list_due(wall: datetime, *, business_date: date | None = None, limit: int = 500) -> list[UUID]:
    """Runs that wait, that failed, or whose worker was lost; the oldest first."""
    waiting = Q(status__in=[RunStatus.DUE, RunStatus.FAILED]) | Q(status=RunStatus.RUNNING, lease_until__lt=wall)
    runs = ReportRun.objects.filter(waiting)
    if business_date is not None:
        runs = runs.filter(business_date=business_date)
    return list(runs.order_by("due_at", "id").values_list("id", flat=True)[:limit])


def visible_to(account_codes: Iterable[str]) -> QuerySet[ReportRun]:
    """Documents that were made of these accounts, which the caller may see."""
    return ReportRun.objects.filter(report__in=[str(kind) for kind in OF_CLIENTS], scope__in=list(account_codes), status=RunStatus.DONE)


def list_runs(business_date: date) -> QuerySet[ReportRun]:
    return ReportRun.objects.filter(business_date=business_date).order_by("report", "scope", "version")


def find_client_of(account_code: str) -> str:
    """The code of the client whose account it is; statements are numbered per client."""
    return str(
        db.one("SELECT c.code FROM clients_account a JOIN clients_counterparty c ON c.id = a.owner_id WHERE a.code = %s", (account_code,))[
            0
        ]
    )
