"""What is owed, netted, paid and received; deposits and withdrawals."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show, show_one
from apps.api.shapes import EMPTY, Amount, Body, Items, Reference, Text, WireId, array, decimal, moment, obj, page, read_query, text
from apps.clients import queries as clients
from apps.core import clock
from apps.core.errors import NotFound
from apps.settlement import queries
from apps.settlement.states import DepositStatus, NetLegStatus, NetSetStatus, ObligationStatus, WithdrawalStatus
from apps.workflows.settle_net_set import agree_net_set, dispute_net_set
from apps.workflows.transfer_balance import announce_deposit, approve_withdrawal, cancel_deposit, cancel_withdrawal, request_withdrawal

from .paging import PAGE, newest_first, wire_id

NULLABLE = {"type": ["string", "null"]}
DIRECTION = text("yours: you pay or you receive", enum=["pay", "receive"])
OBLIGATION = obj(
    {
        "id": text("obl_…"),
        "account_id": text("acc_…"),
        "trade_id": {"type": ["string", "null"], "description": "trd_… of the deal it is from"},
        "adjustment_id": {"type": ["string", "null"], "description": "adj_… of the adjustment it is from"},
        "direction": DIRECTION,
        "asset": text("code"),
        "amount": decimal(""),
        "settled_amount": decimal(""),
        "value_date": text("", format="date"),
        "status": text("", enum=[str(one) for one in ObligationStatus]),
        "net_leg_id": NULLABLE,
        "settled_at": NULLABLE,
    }
)
LEG = obj(
    {
        "id": text("leg_…"),
        "asset": text("code"),
        "direction": DIRECTION,
        "amount": decimal("net"),
        "settled_amount": decimal(""),
        "status": text("", enum=[str(one) for one in NetLegStatus]),
    }
)
NET_SET = obj(
    {
        "id": text("set_…"),
        "account_id": text("acc_…"),
        "value_date": text("", format="date"),
        "cutoff_at": moment("what was booked by then is in it"),
        "status": text("FROZEN: yours to agree or dispute", enum=[str(one) for one in NetSetStatus]),
        "agree_by": NULLABLE,
        "legs": array(LEG),
    }
)
LINE = obj({**OBLIGATION["properties"], "disputed": {"type": ["string", "null"], "description": "why you do not agree it"}})
NET_SET_LINES = obj({**NET_SET["properties"], "lines": array(LINE)})
PREVIEW = obj(
    {
        "account_id": text("acc_…"),
        "value_date": text("", format="date"),
        "cutoff_at": moment("what is booked by then is in it"),
        "netted": {"type": "boolean", "description": "without payment netting on file each obligation is paid by itself"},
        "legs": array(
            obj({"asset": text("code"), "direction": DIRECTION, "amount": decimal("net"), "set_off": decimal("what pays itself")})
        ),
        "obligation_ids": array(text("obl_…")),
    }
)
EXCLUDED = obj(
    {**OBLIGATION["properties"], "until": moment("the cut-off of the set that it goes into"), "reason": text("why it was kept out")}
)
DISPUTE = Body(
    "DisputeSettlement",
    {
        "lines": Items(
            "what you do not agree",
            required=True,
            fields={
                "obligation_id": WireId("a line of the set", prefix="obl", required=True),
                "reason": Text("what is wrong with it", "we have 1.2 BTC", required=True),
            },
            most=500,
        )
    },
)
# Of what our own people do with a payment before it leaves, and whether its rail has answered, nothing is told.
STATUSES = [
    "PENDING", "SENDING", "SENT", "PART_SETTLED", "SETTLED", "FAILED", "RETURNED", "CANCELLED", "EXPECTED", "PART_RECEIVED", "RECEIVED",
]  # fmt: skip
# What an instruction leaves in, where it is over the most that its rail takes at once; else there are none.
PART = obj(
    {
        "part": {"type": "integer", "description": "from 1 on"},
        "attempt": {"type": "integer", "description": "at this part"},
        "amount": decimal(""),
        "status": text("as of an instruction", enum=STATUSES),
        "reference": text("of this payment; its remittance names the instruction's"),
        "sent_at": NULLABLE,
        "settled_at": NULLABLE,
    }
)
INSTRUCTION = obj(
    {
        "id": text("ins_…"),
        "account_id": NULLABLE,
        "direction": DIRECTION,
        "asset": text("code"),
        "amount": decimal(""),
        "settled_amount": decimal(""),
        "status": text("PENDING to RETURNED: what we pay; EXPECTED to RECEIVED: what you pay", enum=STATUSES),
        "reference": text("to be quoted with the payment"),
        "attempt": {"type": "integer"},
        "payments": array(PART),
        "net_leg_id": NULLABLE,
        "obligation_id": NULLABLE,
        "withdrawal_id": NULLABLE,
        "due_date": text("", format="date"),
        "sent_at": NULLABLE,
        "settled_at": NULLABLE,
    }
)
DEPOSIT = obj(
    {
        "id": text("dep_…"),
        "account_id": text("acc_…"),
        "asset": text("code"),
        "amount": decimal(""),
        "status": text("", enum=[str(one) for one in DepositStatus]),
        "receipt_id": NULLABLE,
        "created_at": moment(""),
        "credited_at": NULLABLE,
    }
)
WITHDRAWAL = obj(
    {
        "id": text("wdr_…"),
        "account_id": text("acc_…"),
        "client_reference": text("yours"),
        "asset": text("code"),
        "amount": decimal(""),
        "ssi_id": text("where it goes: your active settlement instruction"),
        "status": text("", enum=[str(one) for one in WithdrawalStatus]),
        "requested_by": text("mem_…"),
        "approved_by": NULLABLE,
        "requested_at": moment(""),
        "settled_at": NULLABLE,
    }
)
MOVE = {
    "account_id": WireId("your default account without it", prefix="acc"),
    "asset": Reference("code", "USD", required=True),
    "amount": Amount("in units of the asset", "250000", required=True),
}
WITHDRAW = Body("Withdraw", {**MOVE, "client_reference": Reference("your id of it, unique", "wd-000123", required=True)})
ANNOUNCE = Body("AnnounceDeposit", MOVE)
WITHDRAW_EXAMPLE = {"asset": "USD", "amount": "250000", "client_reference": "wd-000123"}


class Obligations(Door):
    @documented("What both sides owe, from deals and adjustments", name="list_obligations", answer=page(OBLIGATION), query=PAGE)
    def get(self, request: Request) -> HttpResponse:
        return show(_page(self, request, queries.list_obligations, "booked_at", queries.describe_obligation))


class Instructions(Door):
    @documented("Payments made and expected", name="list_instructions", answer=page(INSTRUCTION), query=PAGE)
    def get(self, request: Request) -> HttpResponse:
        return show(_page(self, request, queries.list_instructions, "due_date", queries.describe_instruction))


class NetSets(Door):
    @documented("Net settlements, newest first", name="list_settlements", answer=page(NET_SET), query=PAGE)
    def get(self, request: Request) -> HttpResponse:
        def describe(found: list[Any]) -> list[dict[str, Any]]:
            legs = queries.net_set_legs([s.id for s in found])
            return [queries.describe_net_set(s, legs[s.id]) for s in found]

        query = read_query(request.query_params, PAGE)
        return show(newest_first(queries.list_net_sets(self.actor), actor=self.actor, query=query, moment="frozen_at", describe=describe))


class OneNetSet(Door):
    @documented("One net settlement with its lines", answer=NET_SET_LINES, refusals={404: "not_found"}, one=True)
    def get(self, request: Request, set_id: str) -> HttpResponse:
        found = queries.get_net_set(wire_id("set", set_id), actor=self.actor)
        return show_one({**_net_set(found)[1], "lines": queries.describe_lines(found.id)})


class PreviewNetSets(Door):
    @documented("What would be netted at the cut-offs ahead, out of what is booked now", answer=obj({"data": array(PREVIEW)}))
    def get(self, request: Request) -> HttpResponse:
        read_query(request.query_params, {})
        return show({"data": [queries.describe_preview(one) for one in queries.preview(self.actor, clock.desk_now())]})


class DisputeNetSet(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "settle"}

    @documented(
        "Dispute lines of a net settlement; nothing of it is paid until you agree or it is made anew",
        body=DISPUTE,
        answer=NET_SET,
        example={"lines": [{"obligation_id": "obl_01k5c1v5f8e9ra7f3d8c2m4n6p", "reason": "we have 1.2 BTC"}]},
        refusals={404: "not_found", 409: "illegal_state", 422: "not_in_set, no_settlement_authority"},
    )
    def post(self, request: Request, set_id: str) -> HttpResponse:
        asked = self.read(DISPUTE)
        return self.run(
            dispute_net_set,
            operation="settlement.dispute",
            render=_net_set,
            net_set_id=wire_id("set", set_id),
            lines={one["obligation_id"]: one["reason"] for one in asked["lines"]},
        )


class AgreeNetSet(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "settle"}

    @documented(
        "Agree to a net settlement",
        body=EMPTY,
        answer=NET_SET,
        refusals={404: "not_found", 409: "illegal_state", 422: "no_settlement_authority, account_unavailable"},
        example={},
    )
    def post(self, request: Request, set_id: str) -> HttpResponse:
        self.read(EMPTY)
        return self.run(agree_net_set, operation="settlement.agree", render=_net_set, net_set_id=wire_id("set", set_id))


class Deposits(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "settle"}

    @documented("Deposits, newest first", name="list_deposits", answer=page(DEPOSIT), query=PAGE)
    def get(self, request: Request) -> HttpResponse:
        return show(_page(self, request, queries.list_deposits, "created_at", queries.describe_deposit))

    @documented(
        "Tell what you will pay in",
        body=ANNOUNCE,
        answer=DEPOSIT,
        status=201,
        example={"asset": "USD", "amount": "250000"},
        refusals={404: "not_found", 422: "no_settlement_authority, bad_amount, account_unavailable"},
    )
    def post(self, request: Request) -> HttpResponse:
        asked = self.read(ANNOUNCE)
        return self.run(
            announce_deposit,
            operation="deposit.announce",
            render=lambda deposit: (201, queries.describe_deposit(deposit)),
            account_id=asked["account_id"] or default_account(self),
            asset=asked["asset"],
            amount=asked["amount"],
        )


class CancelDeposit(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "settle"}

    @documented(
        "Take back an announced deposit that has not come",
        body=EMPTY,
        answer=DEPOSIT,
        example={},
        refusals={404: "not_found", 409: "illegal_state", 422: "no_settlement_authority"},
    )
    def post(self, request: Request, deposit_id: str) -> HttpResponse:
        self.read(EMPTY)
        return self.run(
            cancel_deposit,
            operation="deposit.cancel",
            render=lambda deposit: (200, queries.describe_deposit(deposit)),
            deposit_id=wire_id("dep", deposit_id),
        )


class Withdrawals(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "withdraw"}

    @documented("Withdrawals, newest first", name="list_withdrawals", answer=page(WITHDRAWAL), query=PAGE)
    def get(self, request: Request) -> HttpResponse:
        return show(_page(self, request, queries.list_withdrawals, "requested_at", queries.describe_withdrawal))

    @documented(
        "Ask for a withdrawal to your active settlement instruction; a second member approves it",
        body=WITHDRAW,
        answer=WITHDRAWAL,
        status=201,
        example=WITHDRAW_EXAMPLE,
        refusals={
            404: "not_found",
            409: "duplicate_withdrawal",
            422: "no_settlement_authority, bad_amount, no_settlement_instruction, account_unavailable",
        },
    )
    def post(self, request: Request) -> HttpResponse:
        asked = self.read(WITHDRAW)
        return self.run(
            request_withdrawal,
            operation="withdrawal",
            render=lambda w: (201, queries.describe_withdrawal(w)),
            reference=asked["client_reference"],
            account_id=asked["account_id"] or default_account(self),
            asset=asked["asset"],
            amount=asked["amount"],
            client_reference=asked["client_reference"],
        )


class OneWithdrawal(Door):
    @documented("One withdrawal", answer=WITHDRAWAL, refusals={404: "not_found"}, one=True)
    def get(self, request: Request, withdrawal_id: str) -> HttpResponse:
        found = queries.get_withdrawal(wire_id("wdr", withdrawal_id), actor=self.actor)
        return show_one(queries.describe_withdrawal(found))


class ApproveWithdrawal(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "withdraw"}

    @documented(
        "Approve a withdrawal that another member asked for; its amount is held",
        body=EMPTY,
        answer=WITHDRAWAL,
        example={},
        refusals={
            404: "not_found",
            409: "illegal_state",
            422: "second_member_needed, not_withdrawable, insufficient_balance, no_settlement_authority, account_unavailable",
        },
    )
    def post(self, request: Request, withdrawal_id: str) -> HttpResponse:
        self.read(EMPTY)
        return self.run(
            approve_withdrawal,
            operation="withdrawal.approve",
            render=lambda w: (200, queries.describe_withdrawal(w)),
            withdrawal_id=wire_id("wdr", withdrawal_id),
        )


class CancelWithdrawal(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "withdraw"}

    @documented(
        "Take a withdrawal back",
        body=EMPTY,
        answer=WITHDRAWAL,
        example={},
        refusals={404: "not_found", 409: "illegal_state", 422: "no_settlement_authority"},
    )
    def post(self, request: Request, withdrawal_id: str) -> HttpResponse:
        self.read(EMPTY)
        return self.run(
            cancel_withdrawal,
            operation="withdrawal.cancel",
            render=lambda w: (200, queries.describe_withdrawal(w)),
            withdrawal_id=wire_id("wdr", withdrawal_id),
        )


def default_account(door: Door) -> Any:
    """
    :raises NotFound: the key names no account
    """
    first = clients.visible_to(door.actor).first()
    if first is None:
        raise NotFound("no such account")
    return first.id


def _net_set(found: Any) -> tuple[int, dict[str, Any]]:
    return 200, queries.describe_net_set(found, queries.net_set_legs([found.id])[found.id])


def _page(door: Door, request: Request, rows: Callable[..., Any], moment: str, describe: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    query = read_query(request.query_params, PAGE)
    return newest_first(rows(door.actor), actor=door.actor, query=query, moment=moment, describe=lambda found: [describe(r) for r in found])
