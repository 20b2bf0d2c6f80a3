"""Every movement of what we hold for a client, and of what either side owes."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show, show_one
from apps.api.shapes import Day, Reference, WireId, array, decimal, moment, obj, page, read_query, text
from apps.clients import queries as clients
from apps.core import ids, money
from apps.core.errors import NotFound
from apps.ledger import queries as ledger
from apps.rfqs.queries import stamp

from .paging import PAGE, newest_first, wire_id

_KINDS = {"CLIENT_BALANCE": "balance", "RECEIVABLE": "receivable", "PAYABLE": "payable"}
_SOURCES = {
    "trade": "trd", "rfq": "rfq", "obligation": "obl", "net_set": "set", "netset": "set", "net_leg": "leg", "netleg": "leg",
    "instruction": "ins", "receipt": "rcp", "deposit": "dep", "withdrawal": "wdr",
}  # fmt: skip
LINE = obj(
    {
        "account_id": text("acc_…"),
        "asset": text("code"),
        "of": text("what we hold for you, what you owe us, what we owe you", enum=list(_KINDS.values())),
        "amount": decimal("in your favour; negative: against you"),
        "balance": decimal("right after it, the same way round"),
        "version": {"type": "integer", "description": "1, 2, … of this balance, without gap"},
    }
)
ENTRY = obj(
    {
        "id": text("ent_…"),
        "kind": text("what happened"),
        "source_id": {"type": ["string", "null"], "description": "what it came from, e.g. trd_…"},
        "narrative": text(""),
        "business_date": text("", format="date"),
        "effective_at": moment("desk time"),
        "recorded_at": moment("wall time"),
        "lines": array(LINE),
    }
)
LIST = {
    "account_id": WireId("only this account", prefix="acc"),
    "asset": Reference("only entries that move this asset", "USD"),
    "since": Day("business date, inclusive"),
    **PAGE,
}


class LedgerEntries(Door):
    @documented(
        "Movements of your balances and of what is owed, newest first",
        name="list_ledger_entries",
        answer=page(ENTRY),
        query=LIST,
        refusals={404: "not_found"},
    )
    def get(self, request: Request) -> HttpResponse:
        query = read_query(request.query_params, LIST)
        wanted = query["account_id"]
        seen = [clients.get_account(wanted, actor=self.actor).id] if wanted else [a.id for a in clients.visible_to(self.actor)]
        rows = ledger.list_entries(seen, asset=query["asset"], since=query["since"])
        return show(newest_first(rows, actor=self.actor, query=query, moment="recorded_at", describe=lambda found: describe(found, seen)))


class OneLedgerEntry(Door):
    @documented("One movement", name="get_ledger_entry", answer=ENTRY, refusals={404: "not_found"}, one=True)
    def get(self, request: Request, entry_id: str) -> HttpResponse:
        seen = [account.id for account in clients.visible_to(self.actor)]
        found = ledger.list_entries(seen).filter(id=wire_id("ent", entry_id)).first()
        if found is None:
            raise NotFound("no such entry")
        return show_one(describe([found], seen)[0])


def describe(entries: list[Any], account_ids: list[Any]) -> list[dict[str, Any]]:
    lines = ledger.list_entry_lines([entry.id for entry in entries], account_ids)
    return [
        {
            "id": ids.encode("ent", e.id),
            "kind": e.kind,
            "source_id": ids.encode(_SOURCES[e.source_type], e.source_id) if e.source_type in _SOURCES else None,
            "narrative": e.narrative,
            "business_date": e.business_date.isoformat(),
            "effective_at": stamp(e.effective_at),
            "recorded_at": stamp(e.recorded_at),
            "lines": [_line(line) for line in lines.get(e.id, [])],
        }
        for e in entries
    ]


def _line(line: Any) -> dict[str, Any]:
    return {
        "account_id": ids.encode("acc", line.account.owner_id),
        "asset": line.asset_code,
        "of": _KINDS[line.account.kind],
        "amount": money.text(-line.amount),
        "balance": money.text(-line.balance),
        "version": line.version,
    }
