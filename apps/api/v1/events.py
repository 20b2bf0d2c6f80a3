"""The client's own events, gapless, in order: the same rows that the socket delivers."""

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show
from apps.api.shapes import Whole, array, moment, obj, read_query, text
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
QUERY = {"after_seq": Whole("exclusive; 0 for all", 0, most=2**53), "limit": Whole("rows", 100, least=1, most=500)}


class Events(Door):
    @documented(
        "What happened, in order, after a sequence number",
        answer=obj({"data": array(EVENT), "top_seq": {"type": "integer", "description": "the last there is"}}),
        query=QUERY,
    )
    def get(self, request: Request) -> HttpResponse:
        query = read_query(request.query_params, QUERY)
        assert self.actor.client_id is not None
        rows = queries.list_for_client(actor=self.actor, after_seq=query["after_seq"] or 0, limit=query["limit"] or 100)
        return show(
            {
                "data": [
                    {"id": ids.encode("evt", e.id), "seq": e.client_seq, "type": e.kind, "ts": stamp(e.recorded_at), "data": e.public}
                    for e in rows
                ],
                "top_seq": queries.top_seq(self.actor.client_id),
            }
        )
