"""The life of a report run: DUE → RUNNING → DONE, or FAILED and again."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from apps.core import db, ids
from apps.core.unit import step
from apps.events import operations as events
from apps.events import queries as history
from apps.reports.errors import NotCorrectable
from apps.reports.models import ReportRun
from apps.reports.queries import runs as queries
from apps.reports.rules import LEASE, NUMBERED
from apps.reports.states import RUN, RunStatus


@step
def make_due(*, business_date: date, scopes: Iterable[tuple[str, str]], now: datetime) -> int:
    """One run, version 1, for each (report, scope) that has none for the date; how many are new."""
    rows = [(ids.uuid7(), report, scope) for report, scope in scopes]
    made = db.run(
        "INSERT INTO reports_reportrun (id, report, scope, business_date, version, status, number, files, due_at, error) "
        "SELECT id, report, scope, %s, 1, 'DUE', '', '[]'::jsonb, %s, '' "
        "FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS f(id, report, scope) "
        "WHERE NOT EXISTS (SELECT 1 FROM reports_reportrun r WHERE r.report = f.report AND r.scope = f.scope AND r.business_date = %s) "
        "ORDER BY report, scope ON CONFLICT (report, scope, business_date, version) DO NOTHING RETURNING id",
        (business_date, now, *([row[i] for row in rows] for i in range(3)), business_date),
    )
    return len(made)


@step
def correct(*, report: str, scope: str, business_date: date, now: datetime) -> ReportRun:
    """The next version of a report that was issued; the earlier ones stay.

    :raises NotCorrectable: its last version is not DONE
    """
    last = (
        ReportRun.objects.select_for_update(no_key=True)
        .filter(report=report, scope=scope, business_date=business_date)
        .order_by("-version")
        .first()
    )
    if last is None or last.status != RunStatus.DONE:
        raise NotCorrectable(f"{report} of {scope} for {business_date.isoformat()} was not issued")
    made = ReportRun(id=ids.uuid7(), report=report, scope=scope, business_date=business_date, version=last.version + 1, due_at=now)
    with db.refuse_on("reportrun_once", NotCorrectable("somebody else corrects it")):
        db.insert(made)
    return made


@step
def start(*, run_id: UUID, now: datetime, wall: datetime) -> ReportRun | None:
    """Take a run for rendering, under a lease; None when another worker has it or it is done.

    A numbered document gets the next number of its client here, once, for all its attempts; each attempt names the audit chain as it is.
    """
    run = ReportRun.objects.select_for_update(no_key=True, skip_locked=True).filter(id=run_id).first()
    if run is None or run.status == RunStatus.DONE:
        return None
    if run.status == RunStatus.RUNNING and run.lease_until is not None and run.lease_until > wall:
        return None
    if run.status != RunStatus.RUNNING:
        RUN.move(run, RunStatus.RUNNING)
    run.started_at = now  # the document's own time
    run.lease_until, run.error = wall + LEASE, ""
    if run.report in NUMBERED and not run.number:
        client = queries.find_client_of(run.scope)
        run.number = f"{client}-{_next_number(client, run.report):06d}"
    number, head = history.find_sealed()
    run.chain_number, run.chain_head = number, head
    run.save(update_fields=["status", "started_at", "lease_until", "error", "number", "chain_number", "chain_head"])
    return run


@step
def finish(*, run_id: UUID, lease_until: datetime, files: list[dict[str, Any]], now: datetime) -> ReportRun | None:
    """RUNNING → DONE with its files; None when the lease has passed to another worker."""
    run = _held(run_id, lease_until)
    if run is None:
        return None
    RUN.move(run, RunStatus.DONE)
    run.files, run.done_at = files, now
    run.save(update_fields=["status", "files", "done_at"])
    events.record(
        "report.issued",
        subject_type="report",
        subject_id=run.id,
        house={
            "report": run.report,
            "scope": run.scope,
            "date": run.business_date.isoformat(),
            "version": run.version,
            "number": run.number,
        },
    )
    return run


@step
def fail(*, run_id: UUID, lease_until: datetime, error: str) -> ReportRun | None:
    """RUNNING → FAILED, to be tried again."""
    run = _held(run_id, lease_until)
    if run is None:
        return None
    RUN.move(run, RunStatus.FAILED)
    run.error = error[:300]
    run.save(update_fields=["status", "error"])
    return run


def _held(run_id: UUID, lease_until: datetime) -> ReportRun | None:
    run = ReportRun.objects.select_for_update(no_key=True).get(id=run_id)
    return run if run.status == RunStatus.RUNNING and run.lease_until == lease_until else None


def _next_number(scope: str, kind: str) -> int:
    return int(
        db.one(
            "INSERT INTO reports_documentcounter AS c (scope, kind, last) VALUES (%s, %s, 1) "
            "ON CONFLICT (scope, kind) DO UPDATE SET last = c.last + 1 RETURNING last",
            (scope, kind),
        )[0]
    )
