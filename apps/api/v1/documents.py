"""Documents of a client's accounts: what there is, and the files."""

import hashlib
import json
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from apps.api import etags
from apps.api.docs import documented
from apps.api.door import Door, show, show_one
from apps.api.shapes import Choice, Day, Field, WireId, array, moment, obj, page, read_query, text
from apps.clients import queries as clients
from apps.core import ids, signing_keys
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.core.signing_keys import CHAIN_HEAD
from apps.reports.queries import runs
from apps.reports.rules import Report
from apps.rfqs.queries import stamp

from .paging import PAGE, newest_first, wire_id

FORMATS = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}
KINDS = tuple(str(kind) for kind in runs.OF_CLIENTS)
FILE = obj(
    {
        "format": text("", enum=list(FORMATS)),
        "sha256": text("of the file's bytes, hexadecimal"),
        "bytes": {"type": "integer"},
        "url": text("GET it, signed as any other"),
    }
)
CHAIN = obj(
    {
        "number": {"type": "integer", "description": "last block of the audit chain when the document was made"},
        "head": text("of that block, hexadecimal; both stand in the document's footer"),
        "signed": text("number, head, document and the files' digests as a JWS (EdDSA, by a key of /.well-known/jwks.json)"),
    }
)
DOCUMENT = obj(
    {
        "id": text("rep_…"),
        "report": text("", enum=list(KINDS)),
        "account_id": text("acc_…"),
        "business_date": text("of an invoice: the last day of its month", format="date"),
        "version": {"type": "integer", "description": "a correction is a new document of the next version"},
        "number": text("of statements and invoices: gapless per client and kind"),
        "made_at": moment(""),
        "chain": CHAIN,
        "files": array(FILE),
    },
    "chain",
)
_FILTERS: dict[str, Field] = {
    "account_id": WireId("only this account", prefix="acc"),
    "from": Day("business date, inclusive"),
    "to": Day("business date, inclusive"),
}
STATEMENTS = {**_FILTERS, **PAGE}
REPORTS = {"report": Choice("only this kind", among=KINDS), **_FILTERS, **PAGE}
_GONE = {404: "not_found"}


class _Documents(Door):
    scopes: ClassVar[dict[str, str]] = {"GET": "report"}

    def listed(self, query: dict[str, Any], report: str | None) -> HttpResponse:
        codes = {account.code: account.id for account in clients.visible_to(self.actor)}
        if query["account_id"] is not None:
            codes = {clients.get_account(query["account_id"], actor=self.actor).code: query["account_id"]}
        rows = runs.visible_to(codes)
        for name, wanted in (("report", report), ("business_date__gte", query["from"]), ("business_date__lte", query["to"])):
            if wanted is not None:
                rows = rows.filter(**{name: wanted})
        shown = newest_first(
            rows,
            actor=self.actor,
            query=query,
            moment="business_date",
            describe=lambda found: [_describe(run, codes) for run in found],
        )
        return show(shown)

    def file(self, report_id: str, kind: str) -> HttpResponse:
        """The file of a document, byte for byte as it was made.

        :raises NotFound: no such document, or it has no such file
        """
        run, _ = _find(report_id, self.actor)
        told = next((one for one in run.files if one["format"] == kind), None)
        if told is None:
            raise NotFound("no such file")
        content = (settings.REPORTS_DIR / told["name"]).read_bytes()
        if hashlib.sha256(content).hexdigest() != told["sha256"]:
            raise ValueError(f"{told['name']} is not what was made")
        answer = HttpResponse(content, content_type=FORMATS[kind])
        answer["Content-Disposition"] = f'attachment; filename="{Path(told["name"]).name}"'
        return etags.tagged(answer)


class Statements(_Documents):
    @documented("Statements of account, newest first", name="list_statements", answer=page(DOCUMENT), query=STATEMENTS, refusals=_GONE)
    def get(self, request: Request) -> HttpResponse:
        return self.listed(read_query(request.query_params, STATEMENTS), str(Report.STATEMENT))


class Invoices(_Documents):
    @documented("Invoices of a month each, newest first", name="list_invoices", answer=page(DOCUMENT), query=STATEMENTS, refusals=_GONE)
    def get(self, request: Request) -> HttpResponse:
        return self.listed(read_query(request.query_params, STATEMENTS), str(Report.INVOICE))


class Reports(_Documents):
    @documented("Every document of your accounts, newest first", name="list_reports", answer=page(DOCUMENT), query=REPORTS, refusals=_GONE)
    def get(self, request: Request) -> HttpResponse:
        query = read_query(request.query_params, REPORTS)
        return self.listed(query, query["report"])


class OneReport(_Documents):
    @documented("One document", name="get_report", answer=DOCUMENT, refusals=_GONE, one=True)
    def get(self, request: Request, report_id: str) -> HttpResponse:
        run, codes = _find(report_id, self.actor)
        return show_one(_describe(run, codes))


class ReportCsv(_Documents):
    media = "text/csv"

    @documented("A document's figures, as a table", name="get_report_csv", answer={}, refusals=_GONE, file="text/csv")
    def get(self, request: Request, report_id: str) -> HttpResponse:
        return self.file(report_id, "csv")


class ReportPdf(_Documents):
    media = "application/pdf"

    @documented("A document to print", name="get_report_pdf", answer={}, refusals=_GONE, file="application/pdf")
    def get(self, request: Request, report_id: str) -> HttpResponse:
        return self.file(report_id, "pdf")


def _find(report_id: str, actor: Actor) -> tuple[Any, dict[str, Any]]:
    codes = {account.code: account.id for account in clients.visible_to(actor)}
    run = runs.visible_to(codes).filter(id=wire_id("rep", report_id)).first()
    if run is None:
        raise NotFound("no such document")
    return run, codes


def _describe(run: Any, codes: dict[str, Any]) -> dict[str, Any]:
    own = ids.encode("rep", run.id)
    assert run.done_at is not None, "only what was made is shown"
    return {
        "id": own,
        "report": run.report,
        "account_id": ids.encode("acc", codes[run.scope]),
        "business_date": run.business_date.isoformat(),
        "version": run.version,
        "number": run.number,
        "made_at": stamp(run.done_at),
        **({} if run.chain_number is None else {"chain": _chain(run)}),
        "files": [
            {"format": one["format"], "sha256": one["sha256"], "bytes": one["bytes"], "url": f"/api/v1/reports/{own}/{one['format']}"}
            for one in run.files
            if one["format"] in FORMATS
        ],
    }


def _chain(run: Any) -> dict[str, Any]:
    """What a client keeps: whoever makes the history anew later cannot make this."""
    facts = {
        "number": run.chain_number,
        "head": run.chain_head,
        "document": run.number,
        "version": run.version,
        "sha256": {one["format"]: one["sha256"] for one in run.files if one["format"] in FORMATS},
    }
    signed = signing_keys.sign(json.dumps(facts, sort_keys=True).encode(), CHAIN_HEAD)
    return {"number": run.chain_number, "head": run.chain_head, "signed": signed}
