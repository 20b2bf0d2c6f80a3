"""What is owed and is no trade: rebates, compensation, interest, charges, commissions, write-offs, close-outs."""

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show, show_one
from apps.api.shapes import decimal, obj, page, read_query, text
from apps.settlement.queries import adjustments
from apps.settlement.queries.adjustments import TOLD
from apps.settlement.states import AdjustmentKind

from .paging import PAGE, newest_first, wire_id
from .settlement import DIRECTION, NULLABLE

ADJUSTMENT = obj(
    {
        "id": text("adj_…"),
        "account_id": text("acc_…"),
        "kind": text("what it is for", enum=[str(kind) for kind in AdjustmentKind]),
        "direction": DIRECTION,
        "asset": text("code"),
        "amount": decimal("in units of the asset"),
        "value_date": text("when it is due", format="date"),
        "status": text("REVERSED: it is taken back, and nothing is owed from it", enum=[str(one) for one in TOLD]),
        "reason": text("why it is owed"),
        "trade_id": {"type": ["string", "null"], "description": "trd_… of the deal it is about"},
        "booked_at": NULLABLE,
        "settled_at": NULLABLE,
    }
)


class Adjustments(Door):
    @documented("What is owed and is no deal, newest first", name="list_adjustments", answer=page(ADJUSTMENT), query=PAGE)
    def get(self, request: Request) -> HttpResponse:
        query = read_query(request.query_params, PAGE)
        rows = adjustments.visible_to(self.actor)
        return show(
            newest_first(
                rows,
                actor=self.actor,
                query=query,
                moment="requested_at",
                describe=lambda found: [adjustments.describe(one) for one in found],
            )
        )


class OneAdjustment(Door):
    @documented("One adjustment", name="get_adjustment", answer=ADJUSTMENT, refusals={404: "not_found"}, one=True)
    def get(self, request: Request, adjustment_id: str) -> HttpResponse:
        return show_one(adjustments.describe(adjustments.get(wire_id("adj", adjustment_id), actor=self.actor)))
