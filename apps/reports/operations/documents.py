"""Write the files of a run: rows from one snapshot, laid out, each file whole or not there."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from apps.pricing import queries as prices
from apps.reports.errors import MarksNotApproved, UnknownReport
from apps.reports.models import ReportRun
from apps.reports.queries import documents as queries
from apps.reports.queries import invoices
from apps.reports.rendering import csvfile, files, layouts, pdf
from apps.reports.rules import Report


def write(run: ReportRun, folder: Path) -> list[dict[str, Any]]:
    """Render a run; the caller has opened a snapshot. The same rows and start make the same bytes.

    :param folder: settings.REPORTS_DIR; files go into its folder of the business date
    :return: of each file its name (from `folder`), format, sha256 and bytes
    :raises UnknownReport, MarksNotApproved
    """
    writers = {Report.BLOTTER: _blotter, Report.POSITION: _position, Report.STATEMENT: _statement, Report.INVOICE: _invoice}
    if run.report not in set(Report):
        raise UnknownReport(run.report)
    stem = Path(run.business_date.isoformat()) / f"{run.report}_{run.scope}_v{run.version}"
    return writers[Report(run.report)](run, folder, stem)


def _blotter(run: ReportRun, folder: Path, stem: Path) -> list[dict[str, Any]]:
    entity_id, issuer = queries.get_issuer(run.scope)
    assert run.started_at is not None, "it was started"
    cells = layouts.blotter_cells(queries.list_deals(entity_id, run.business_date))
    table = _put(folder, stem, "csv", csvfile.encode(layouts.BLOTTER_HEADER, cells))
    deals = list(queries.list_deals(entity_id, run.business_date))
    document = layouts.blotter(issuer, run.business_date, run.started_at, run.version, deals, queries.get_scales())
    return [table, _put(folder, stem, "pdf", [pdf.render(document)])]


def _position(run: ReportRun, folder: Path, stem: Path) -> list[dict[str, Any]]:
    entity_id, issuer = queries.get_issuer(run.scope)
    assert run.started_at is not None, "it was started"
    positions = [
        p for p in queries.list_positions(entity_id, run.business_date) if p.opening or p.closing or p.have or p.client_deals or p.hedges
    ]
    marks = prices.find_approved_marks(entity_id, run.business_date)
    if marks is None:
        raise MarksNotApproved(f"{run.business_date.isoformat()} has no approved marks")
    if missing := [p.asset for p in positions if p.closing and p.asset not in marks]:
        raise MarksNotApproved(f"{', '.join(missing)} has no approved mark on {run.business_date.isoformat()}", missing=missing)
    valued = layouts.Valuation(positions, marks, prices.find_last_marks(entity_id, run.business_date) or {})
    hedges = queries.list_hedges(entity_id, run.business_date)
    document = layouts.position(issuer, run.business_date, run.started_at, run.version, valued, hedges, queries.get_scales())
    return [
        _put(
            folder, stem, "csv", csvfile.encode(layouts.POSITION_HEADER, layouts.position_cells(run.business_date, issuer.currency, valued))
        ),
        _put(folder, stem.with_name(f"{stem.name}_hedges"), "csv", csvfile.encode(layouts.BLOTTER_HEADER, layouts.blotter_cells(hedges))),
        _put(folder, stem, "pdf", [pdf.render(document)]),
    ]


def _statement(run: ReportRun, folder: Path, stem: Path) -> list[dict[str, Any]]:
    account_id, entity_id, issuer, holder = queries.get_holder(run.scope)
    assert run.started_at is not None, "it was started"
    deals = queries.list_account_deals(entity_id, account_id, run.business_date)
    account = layouts.Account(queries.list_movements(account_id, entity_id, run.business_date), deals)
    obligations = queries.list_obligations(account_id, entity_id)
    document = layouts.statement(
        issuer, holder, run.business_date, run.started_at, run.number, run.version, account, deals, obligations, queries.get_scales(),
        layouts.sealed(run.chain_number, run.chain_head),
    )  # fmt: skip
    cells = layouts.statement_cells(holder, account, deals, obligations, (run.chain_number, run.chain_head))
    return [
        _put(folder, stem, "csv", csvfile.encode(layouts.STATEMENT_HEADER, cells)),
        _put(folder, stem, "pdf", [pdf.render(document)]),
    ]


def _invoice(run: ReportRun, folder: Path, stem: Path) -> list[dict[str, Any]]:
    account_id, entity_id, issuer, holder = queries.get_holder(run.scope)
    assert run.started_at is not None, "it was started"
    charged = invoices.list_charged(account_id, entity_id, run.business_date)
    document = layouts.invoice(
        issuer, holder, run.business_date, run.started_at, run.number, run.version, charged, queries.get_scales(),
        layouts.sealed(run.chain_number, run.chain_head),
    )  # fmt: skip
    return [
        _put(folder, stem, "csv", csvfile.encode(layouts.INVOICE_HEADER, layouts.invoice_cells(run.number, holder, charged))),
        _put(folder, stem, "pdf", [pdf.render(document)]),
    ]


def _put(folder: Path, stem: Path, kind: str, chunks: Iterable[bytes]) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    name = stem.with_name(f"{stem.name}.{kind}")
    with files.atomic(folder / name) as out:
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            out.write(chunk)
    return {"name": name.as_posix(), "format": kind, "sha256": digest.hexdigest(), "bytes": size}
