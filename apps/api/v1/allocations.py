"""Blocks shared out to other accounts of the client."""

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show
from apps.api.shapes import Amount, Body, Items, WireId, array, decimal, moment, obj, text
from apps.trades import queries
from apps.workflows.allocate_deal import allocate_trade, reverse_allocation
from apps.workflows.sharing import Share

from .paging import wire_id

SHARE = {
    "account_id": WireId("another of your accounts, on credit with the same entity of ours", prefix="acc", required=True),
    "quantity": Amount("base", "1.5"),
    "percent": Amount("of the whole deal; what rounding leaves goes to the largest share", None),
}
SHARES = Items("one an account", required=True, fields=SHARE, one_of=("quantity", "percent"))
BODY = Body("Allocate", {"allocations": SHARES})
EMPTY = Body("ReverseAllocation", {})
ALLOCATION = obj(
    {
        "id": text("alc_…"),
        "trade_id": text("trd_…"),
        "account_id": text("acc_…"),
        "quantity": decimal("base"),
        "status": text("", enum=["PROPOSED", "ACCEPTED", "REJECTED", "REVERSED"]),
        "proposed_at": moment(""),
        "refusal": text("of a REJECTED one: the code, as a deal of that account would be refused"),
        "detail": text("why"),
    },
    "refusal",
    "detail",
)
LIST = obj({"data": array(ALLOCATION), "unallocated": decimal("base that the deal's own account settles")})
EXAMPLE = {"allocations": [{"account_id": "acc_01m82caqccetaba45n1eshq3f7", "quantity": "1.5"}]}


def to_shares(asked: list[dict[str, Any]] | None) -> list[Share]:
    """A list that was read; none where it was not given."""
    return [Share(one["account_id"], one["quantity"], one["percent"]) for one in asked or ()]


class Allocations(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "trade"}

    @documented("How a deal is shared out", name="list_allocations", answer=LIST, refusals={404: "not_found"})
    def get(self, request: Request, trade_id: str) -> HttpResponse:
        trade = queries.get_trade(wire_id("trd", trade_id), actor=self.actor)
        told = [queries.describe_allocation(one) for one in queries.list_allocations(trade)]
        return show({"data": told, "unallocated": queries.describe_unallocated(trade)})

    @documented(
        "Share a deal out to your other accounts, before it is netted; each share is checked like a deal of its account",
        body=BODY,
        answer=obj({"data": array(ALLOCATION)}),
        status=201,
        example=EXAMPLE,
        refusals={
            404: "not_found",
            409: "not_allocatable, already_allocated, illegal_state",
            422: "bad_allocation, no_word, account_unavailable",
        },
    )
    def post(self, request: Request, trade_id: str) -> HttpResponse:
        asked = self.read(BODY)["allocations"]
        return self.run(
            allocate_trade,
            operation="allocate",
            render=lambda made: (201, {"data": [queries.describe_allocation(one) for one in made]}),
            trade_id=wire_id("trd", trade_id),
            shares=to_shares(asked),
        )


class ReverseAllocation(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "trade"}

    @documented(
        "Give a share back to the deal's own account",
        body=EMPTY,
        answer=ALLOCATION,
        example={},
        refusals={404: "not_found", 409: "not_allocatable, illegal_state", 422: "no_word, account_unavailable"},
    )
    def post(self, request: Request, trade_id: str, allocation_id: str) -> HttpResponse:
        self.read(EMPTY)
        return self.run(
            reverse_allocation,
            operation="allocation.reverse",
            render=lambda one: (200, queries.describe_allocation(one)),
            trade_id=wire_id("trd", trade_id),
            allocation_id=wire_id("alc", allocation_id),
        )
