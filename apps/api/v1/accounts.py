"""Accounts and their balances."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show, show_one
from apps.api.shapes import Instant, WireId, array, decimal, obj, read_query, text
from apps.clients import queries as clients
from apps.clients.states import ClientStatus
from apps.core import ids, money
from apps.ledger import queries as ledger

from .paging import wire_id

STATUSES = [str(one) for one in ClientStatus if one != ClientStatus.FROZEN]  # who is frozen is never told so
ACCOUNT = obj(
    {"id": text("acc_…"), "code": text(""), "name": text(""), "status": text("", enum=STATUSES), "is_default": {"type": "boolean"}}
)
BALANCE = obj(
    {
        "account_id": text("acc_…"),
        "asset": text("code"),
        "posted": decimal("what we hold for you; negative: you owe it"),
        "held": decimal("set aside for quotes and withdrawals"),
        "available": decimal("posted − held"),
        "receivable": decimal("what you owe from deals not settled"),
        "payable": decimal("what we owe you from deals not settled"),
    }
)
QUERY = {
    "account_id": WireId("only this account", prefix="acc"),
    "as_of": Instant("what had taken effect by then (desk time)", "2026-09-15T12:00:00Z"),
    "recorded_at": Instant("as far as it was recorded by then (wall time)", "2026-09-16T08:00:00Z"),
}


class Accounts(Door):
    @documented("The accounts this key may use", answer=obj({"data": array(ACCOUNT)}))
    def get(self, request: Request) -> HttpResponse:
        return show({"data": [_describe(account) for account in clients.visible_to(self.actor)]})


class OneAccount(Door):
    @documented("One account", name="get_account", answer=ACCOUNT, refusals={404: "not_found"}, one=True)
    def get(self, request: Request, account_id: str) -> HttpResponse:
        return show_one(_describe(clients.get_account(wire_id("acc", account_id), actor=self.actor)))


def _describe(a: Any) -> dict[str, Any]:
    shown = "SUSPENDED" if a.status == "FROZEN" else a.status  # who is frozen is never told so
    return {"id": ids.encode("acc", a.id), "code": a.code, "name": a.name, "status": shown, "is_default": a.is_default}


class Balances(Door):
    @documented(
        "Balances by account and asset: now, or as of a moment, or as they were known at one",
        answer=obj({"data": array(BALANCE)}),
        query=QUERY,
        refusals={404: "not_found"},
    )
    def get(self, request: Request) -> HttpResponse:
        query = read_query(request.query_params, QUERY)
        wanted, as_of, recorded_at = query["account_id"], query["as_of"], query["recorded_at"]
        accounts = [clients.get_account(wanted, actor=self.actor)] if wanted else list(clients.visible_to(self.actor))
        if as_of is None and recorded_at is None:
            return show({"data": describe_balances(accounts)})
        then = ledger.list_client_balances_as_of([a.id for a in accounts], effective_at=as_of, recorded_at=recorded_at)
        return show({"data": _describe_balances(accounts, then)})


def describe_balances(accounts: list[Any]) -> list[dict[str, Any]]:
    """Balances of accounts, by account and asset."""
    return _describe_balances(accounts, ledger.list_client_balances([a.id for a in accounts]))


def _describe_balances(accounts: list[Any], by_account: dict[Any, list[Any]]) -> list[dict[str, Any]]:
    return [
        {
            "account_id": ids.encode("acc", account.id),
            "asset": b.asset,
            "posted": money.text(b.posted),
            "held": money.text(b.held),
            "available": money.text(b.available),
            "receivable": money.text(b.receivable),
            "payable": money.text(b.payable),
        }
        for account in accounts
        for b in by_account.get(account.id, [])
    ]
