"""Everything that a client was told of one deal, from the request to the last payment."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show_one
from apps.api.shapes import array, moment, obj, read_query, text
from apps.core import ids
from apps.events import queries as events
from apps.rfqs import queries as rfqs
from apps.rfqs.queries import stamp
from apps.settlement import queries as settlement
from apps.trades import queries as trades

from .paging import wire_id

STEP = obj(
    {
        "id": text("evt_…"),
        "seq": {"type": "integer", "description": "as in /events"},
        "type": text("listed in /event-types"),
        "at": moment("desk time: when it took effect"),
        "data": {"type": "object", "description": "as it was told then"},
    }
)


class Timeline(Door):
    @documented(
        "What happened to a deal, in order: request, quotes, deal, net set, payments",
        name="get_trade_timeline",
        answer=obj({"trade_id": text("trd_…"), "data": array(STEP)}),
        refusals={404: "not_found"},
        one=True,
    )
    def get(self, request: Request, trade_id: str) -> HttpResponse:
        read_query(request.query_params, {})
        trade = trades.get_trade(wire_id("trd", trade_id), actor=self.actor)
        subjects = {trade.id, *settlement.list_parts_of(trade.id)}
        if trade.quote_id is not None:
            subjects |= rfqs.list_family(trade.quote_id)
        assert self.actor.client_id is not None
        found = events.list_of(subjects, client_id=self.actor.client_id)
        return show_one({"trade_id": trade_id, "data": [_step(event) for event in found]})


def _step(event: Any) -> dict[str, Any]:
    return {
        "id": ids.encode("evt", event.id),
        "seq": event.client_seq,
        "type": event.kind,
        "at": stamp(event.effective_at),
        "data": event.public,
    }
