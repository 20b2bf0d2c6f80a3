"""The client's own events, gapless, in order: the same rows that the socket delivers."""

from functools import cache

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show
from apps.api.shapes import Whole, array, moment, obj, read_query, text
from apps.clients import queries as clients
from apps.core import ids
from apps.events import queries
from apps.rfqs.queries import stamp

EVENT = obj(
    {
        "id": text("evt_…"),
        "seq": {"type": "integer", "description": "gapless per client"},
        "type": text("noun.past"),
        "ts": moment("when it was recorded"),
        "data": {"type": "object", "description": "as the resource of the same name"},
    }
)
ANSWER = obj(
    {
        "data": array(EVENT),
        "skipped": {
            **array(obj({"from": {"type": "integer"}, "to": {"type": "integer"}})),
            "description": "numbers of events that belong to accounts which the key does not name, both ends inclusive",
        },
        "through_seq": {"type": "integer", "description": "how far this page goes, skipped ones too: the next after_seq"},
        "top_seq": {"type": "integer", "description": "the last there is"},
    }
)
EXAMPLE = {
    "data": [
        {
            "id": "evt_01m84yq7d2e3vb6w2m4v2y1t5n",
            "seq": 1205,
            "type": "trade.settled",
            "ts": "2026-09-15T12:00:01.000000Z",
            "data": {"id": "trd_01m84yq7d2e3vb6w2m4v2y1t5n", "settlement_status": "SETTLED"},
        }
    ],
    "skipped": [{"from": 1206, "to": 1207}],
    "through_seq": 1207,
    "top_seq": 1207,
}
QUERY = {"after_seq": Whole("exclusive; 0 for all", 0, most=2**53), "limit": Whole("rows", 100, least=1, most=500)}


class Events(Door):
    @documented(
        "What happened, in order, after a sequence number",
        answer=ANSWER,
        query=QUERY,
        answer_example=EXAMPLE,
    )
    def get(self, request: Request) -> HttpResponse:
        query = read_query(request.query_params, QUERY)
        assert self.actor.client_id is not None
        page = queries.read_page(
            actor=self.actor,
            whole=cache(lambda: clients.names_all_accounts(self.actor)),
            after_seq=query["after_seq"] or 0,
            limit=query["limit"] or 100,
        )
        return show(
            {
                "data": [
                    {"id": ids.encode("evt", e.id), "seq": e.client_seq, "type": e.kind, "ts": stamp(e.recorded_at), "data": e.public}
                    for e in page.shown
                ],
                "skipped": [{"from": first, "to": last} for first, last in page.skipped],
                "through_seq": page.through_seq,
                "top_seq": queries.top_seq(self.actor.client_id),
            }
        )
