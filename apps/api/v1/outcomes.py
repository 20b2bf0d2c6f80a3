"""What became of a request whose answer was lost."""

from datetime import timedelta

import orjson
from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show
from apps.api.shapes import Bad, Instant, Reference, obj, read_query, text
from apps.core import answers, clock, ids
from apps.core.errors import NotFound

DEFINITE_AFTER = timedelta(seconds=40)  # a signed request is refused 30 s after its `created`; 10 s for a transaction to end
QUERY = {"created": Instant("the `created` of the lost request's signature, as a time")}
OUTCOME = obj(
    {
        "outcome": text("", enum=["answered", "refused", "never_received", "unknown_yet"]),
        "status": {"type": "integer", "description": "the HTTP status that was answered"},
        "answer": {"type": "object", "description": "the stored answer"},
    },
    "status",
    "answer",
)


class ByClientId(Door):
    @documented(
        "The outcome of an RFQ, order, accept or withdrawal by your own id",
        answer=OUTCOME,
        query=QUERY,
        refusals={404: "not_found"},
        headers={"Retry-After": "of `unknown_yet`: seconds to wait before asking again"},
    )
    def get(self, request: Request, reference: str) -> HttpResponse:
        try:
            Reference("").read(reference)
        except Bad:
            raise NotFound("no such reference") from None
        created = read_query(request.query_params, QUERY)["created"]
        assert self.actor.client_id is not None
        for status, body in answers.list_by_reference(self.actor.client_id, reference):
            answer = orjson.loads(body)
            if status >= 400 or self._names(answer.get("account_id")):  # a refusal was told to the whole client, as an event
                return show({"outcome": "answered" if status < 400 else "refused", "status": status, "answer": answer})
        if created is not None and clock.wall_now() - created >= DEFINITE_AFTER:
            return show({"outcome": "never_received"})
        out = show({"outcome": "unknown_yet"})
        out["Retry-After"] = "5"
        return out

    def _names(self, account_id: str | None) -> bool:
        """Whether the key names the account that was asked or dealt for: what it does not name is like what is not there."""
        mine = self.actor.account_ids
        return mine is None or account_id is None or ids.decode("acc", account_id) in mine
