"""Shares of a deal planned before it: named at its request, carried out once it is booked."""

from typing import ClassVar
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show
from apps.api.shapes import EMPTY, Body, array, decimal, moment, obj, text
from apps.rfqs import queries as rfqs
from apps.trades import queries
from apps.trades.states import PlanStatus
from apps.workflows.plan_shares import plan_shares, withdraw_plan

from .allocations import BODY as SHARES
from .allocations import to_shares
from .paging import wire_id

PLAN = obj(
    {
        "rfq_id": text("rfq_…"),
        "number": {"type": "integer", "description": "1, 2, … of its request: the last one counts"},
        "status": text(
            "PLANNED while the request is open; DONE: the deal was shared out so, each share ACCEPTED or REJECTED by its account; "
            "REFUSED: it could not be, and its own account keeps all of it",
            enum=[str(s) for s in PlanStatus],
        ),
        "planned_at": moment(""),
        "allocations": array(
            obj(
                {
                    "account_id": text("acc_…"),
                    "quantity": decimal("base"),
                    "percent": decimal("of the whole deal; what rounding leaves goes to the largest share"),
                },
                "quantity",
                "percent",
            )
        ),
        "ended_at": moment("when it was replaced, withdrawn, lapsed or carried out"),
        "trade_id": text("trd_… that it was for"),
        "refusal": text("of a REFUSED one: the code"),
        "detail": text("why"),
    },
    "ended_at",
    "trade_id",
    "refusal",
    "detail",
)
LIST = obj({"data": array(PLAN)})
BODY = Body("PlanAllocations", SHARES.fields)
EXAMPLE = {
    "allocations": [
        {"account_id": "acc_01m82caqccetaba45n1eshq3f7", "percent": "60"},
        {"account_id": "acc_01m82caqccetaba45n1eshq3f8", "percent": "40"},
    ]
}


class Plans(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "trade", "DELETE": "trade"}

    @documented(
        "The shares planned for a request's deal, what was said last first", name="list_plans", answer=LIST, refusals={404: "not_found"}
    )
    def get(self, request: Request, rfq_id: str) -> HttpResponse:
        rfq = rfqs.get_rfq(self._id(rfq_id), actor=self.actor)
        return show({"data": [queries.describe_plan(one) for one in queries.list_plans(rfq.id)]})

    @documented(
        "Say while a request is open how its deal shall be shared out; in place of what was said before",
        body=BODY,
        answer=PLAN,
        status=201,
        example=EXAMPLE,
        refusals={404: "not_found", 409: "rfq_closed", 422: "bad_allocation, no_word"},
    )
    def post(self, request: Request, rfq_id: str) -> HttpResponse:
        asked = self.read(BODY)["allocations"]
        return self.run(
            plan_shares,
            operation="allocation.plan",
            render=lambda plan: (201, queries.describe_plan(plan)),
            rfq_id=self._id(rfq_id),
            shares=to_shares(asked),
        )

    @documented(
        "Plan nothing after all: the request's own account takes the whole deal",
        body=EMPTY,
        answer=PLAN,
        example={},
        refusals={404: "not_found", 409: "rfq_closed, illegal_state", 422: "no_word"},
    )
    def delete(self, request: Request, rfq_id: str) -> HttpResponse:
        self.read(EMPTY)
        return self.run(
            withdraw_plan, operation="allocation.unplan", render=lambda plan: (200, queries.describe_plan(plan)), rfq_id=self._id(rfq_id)
        )

    def _id(self, rfq_id: str) -> UUID:
        found: UUID = wire_id("rfq", rfq_id)
        return found
