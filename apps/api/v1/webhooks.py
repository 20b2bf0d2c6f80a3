"""Webhooks: endpoints, their keys, what went to them, and sending it again. Delivery itself is a worker's (apps/jobs/webhooks.py)."""

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show, show_one
from apps.api.shapes import EMPTY, Bad, Body, Choice, Choices, Instant, Text, Whole, array, moment, obj, page, read_query, text
from apps.core import clock, ids
from apps.notify.queries import webhooks as queries
from apps.notify.rules import schedule, signing
from apps.workflows import manage_webhooks as stories

from .event_types import TYPES
from .paging import PAGE, newest_first, wire_id
from .trades import NULLABLE

SUBSCRIBABLE = tuple(name for name in TYPES if name != "webhook.pinged")


class Description(Text):
    """May be empty."""

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or len(value) > self.longest or not (value.isprintable() or value == ""):
            raise Bad("invalid", f"a line of at most {self.longest} characters")
        return value


ENDPOINT = obj(
    {
        "id": text("whe_…"),
        "url": text("where it goes"),
        "description": text("yours"),
        "types": array(text("type of event; none: all")),
        "accounts": {
            "type": ["array", "null"],
            "items": {"type": "string"},
            "description": "those of the key that made it; null: all of the client, later ones too",
        },
        "order": text(
            "object: what concerns one object comes in order, each after the one before was answered; parallel: as soon as it can",
            enum=["object", "parallel"],
        ),
        "status": text("DEGRADED: it has not answered for 75 hours; it is still tried", enum=["ACTIVE", "DEGRADED", "DISABLED"]),
        "keys": array(
            obj(
                {
                    "generation": {"type": "integer"},
                    "signature": text("of Standard Webhooks: v1a is Ed25519, v1 HMAC-SHA256", enum=list(signing.SCHEMES)),
                    "public_key": {"type": ["string", "null"], "description": "whpk_…, to verify v1a with; null for v1"},
                    "created_at": moment(""),
                    "expires_at": {"type": ["string", "null"], "description": "after a rotation: it signs until then"},
                }
            )
        ),
        "last_seq": {"type": "integer", "description": "events up to this one have been queued for it"},
        "waiting": {"type": "integer", "description": "deliveries that wait"},
        "failures": {"type": "integer", "description": "in a row"},
        "failing_since": NULLABLE,
        "created_at": moment(""),
    }
)
MADE = obj(
    {
        **ENDPOINT["properties"],
        "secret": {
            "type": ["string", "null"],
            "description": "v1: whsec_…, told once; null for v1a, and when this answer is repeated",
        },
    }
)
_DELIVERY = {
    "event_id": text("evt_…: also the webhook-id of the message, at every try"),
    "type": text(""),
    "seq": {"type": "integer"},
    "status": text("RETRYING: failed at least once", enum=["PENDING", "RETRYING", "SENT"]),
    "attempts": {"type": "integer"},
    "next_try_at": NULLABLE,
    "created_at": moment(""),
    "sent_at": NULLABLE,
}
DELIVERY = obj(_DELIVERY)
DELIVERY_TOLD = obj(
    {
        **_DELIVERY,
        "tried": array(
            obj(
                {
                    "number": {"type": "integer"},
                    "began_at": moment(""),
                    "took_ms": {"type": "integer"},
                    "status_code": {"type": ["integer", "null"]},
                    "error": {
                        "type": ["string", "null"],
                        "description": "status, redirect, timeout, connect_failed, connection_lost, tls_failed, bad_answer, "
                        "name_not_found, name_timeout, address_not_allowed, key_unreadable, sender_lost",
                    },
                    "answer": text(f"the first {schedule.ANSWER_BYTES} bytes"),
                }
            )
        ),
    }
)
_URL = "https, a public host name, port 443 or 8443; no user, no fragment"
_TYPES = Choices("types of event; none or absent: all", ["trade.booked", "settlement.settled"], among=SUBSCRIBABLE)
_ORDER = Choice("object (default) or parallel", "object", among=("object", "parallel"))
_SIGNATURE = Choice("v1a: Ed25519 (default); v1: HMAC-SHA256", "v1a", among=signing.SCHEMES)
CREATE = Body(
    "WebhookRequest",
    {
        "url": Text(_URL, "https://hooks.example.com/flowdesk", required=True, longest=1000),
        "description": Description("yours", "booking system", longest=120),
        "types": _TYPES,
        "order": _ORDER,
        "signature": _SIGNATURE,
    },
)
CHANGE = Body(
    "WebhookChange",
    {
        "url": Text(_URL, "https://hooks.example.com/flowdesk", longest=1000),
        "description": Description("yours", "booking system", longest=120),
        "types": _TYPES,
        "order": _ORDER,
        "status": Choice("ACTIVE: enable it again; it gets what happens from then on", "ACTIVE", among=("ACTIVE",)),
    },
)
ROTATE = Body("WebhookRotation", {"signature": _SIGNATURE})
REPLAY = Body(
    "WebhookReplay",
    {
        "after_seq": Whole("events after this one (exclusive)", 1200, most=2**53),
        "from": Instant("events recorded then or later", "2026-09-15T00:00:00Z"),
        "to": Instant("events recorded before then", "2026-09-16T00:00:00Z"),
    },
    one_of=("after_seq", "from"),
)
LOG = {
    "status": Choice("only these", among=("PENDING", "RETRYING", "SENT")),
    "type": Choice("only of this type", among=tuple(TYPES)),
    **PAGE,
}
_AN_ENDPOINT = {
    "id": "whe_01m84yq3xcfz2akkj4c7zv4h8q",
    "url": "https://hooks.example.com/flowdesk",
    "description": "booking system",
    "types": ["trade.booked"],
    "accounts": None,
    "order": "object",
    "status": "ACTIVE",
    "keys": [
        {
            "generation": 1,
            "signature": "v1a",
            "public_key": "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
            "created_at": "2026-09-15T12:00:00.000000Z",
            "expires_at": None,
        }
    ],
    "last_seq": 1204,
    "waiting": 0,
    "failures": 0,
    "failing_since": None,
    "created_at": "2026-09-15T12:00:00.000000Z",
}
_A_DELIVERY = {
    "event_id": "evt_01m84yq7d2e3vb6w2m4v2y1t5n",
    "type": "trade.booked",
    "seq": 1205,
    "status": "SENT",
    "attempts": 1,
    "next_try_at": None,
    "created_at": "2026-09-15T12:00:01.000000Z",
    "sent_at": "2026-09-15T12:00:01.120000Z",
}
_TRIED = {"number": 1, "began_at": "2026-09-15T12:00:01.000000Z", "took_ms": 120, "status_code": 200, "error": None, "answer": "ok"}
_GONE = {404: "not_found"}
_OFF = {404: "not_found", 409: "endpoint_disabled"}


class _Webhook(Door):
    """Addresses may hold secrets of the client's, so reading needs the scope too."""

    scopes: ClassVar[dict[str, str]] = dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), "webhook")

    def endpoint(self, webhook_id: str) -> Any:
        return queries.get_endpoint(wire_id("whe", webhook_id), actor=self.actor)


class Webhooks(_Webhook):
    @documented("Your endpoints, newest first", name="list_webhooks", answer=page(ENDPOINT), query=PAGE,
                answer_example={"data": [_AN_ENDPOINT], "next_cursor": None})  # fmt: skip
    def get(self, request: Request) -> HttpResponse:
        query = read_query(request.query_params, PAGE)

        def describe(found: list[Any]) -> list[dict[str, Any]]:
            return queries.describe_endpoints(found, at=clock.wall_now())

        return show(newest_first(queries.visible_to(self.actor), actor=self.actor, query=query, moment="created_at", describe=describe))

    @documented(
        "An endpoint that is sent what happens from now on",
        body=CREATE,
        answer=MADE,
        status=201,
        example={"url": "https://hooks.example.com/flowdesk", "types": ["trade.booked"], "order": "object", "signature": "v1a"},
        answer_example=_AN_ENDPOINT | {"secret": None},
        refusals={409: "too_many_endpoints", 422: "url_not_allowed"},
    )
    def post(self, request: Request) -> HttpResponse:
        asked = self.read(CREATE)
        return self.run(
            stories.create_webhook,
            operation="webhook",
            render=lambda made: _made(201, *made),
            told_once=("secret",),
            url=asked["url"],
            description=asked["description"] or "",
            types=asked["types"] or (),
            ordered=asked["order"] != "parallel",
            scheme=asked["signature"] or "v1a",
        )


class OneWebhook(_Webhook):
    @documented("One endpoint", answer=ENDPOINT, refusals=_GONE, answer_example=_AN_ENDPOINT, one=True)
    def get(self, request: Request, webhook_id: str) -> HttpResponse:
        return show_one(_told(self.endpoint(webhook_id)))

    @documented(
        "Change it; what is not given stays",
        body=CHANGE,
        answer=ENDPOINT,
        example={"types": ["trade.booked", "settlement.settled"]},
        answer_example=_AN_ENDPOINT | {"types": ["settlement.settled", "trade.booked"]},
        refusals={404: "not_found", 409: "too_many_endpoints", 422: "url_not_allowed"},
    )
    def patch(self, request: Request, webhook_id: str) -> HttpResponse:
        asked = self.read(CHANGE)
        return self.run(
            stories.change_webhook,
            operation="webhook",
            render=lambda changed: (200, _told(changed)),
            endpoint_id=wire_id("whe", webhook_id),
            url=asked["url"],
            description=asked["description"],
            types=asked["types"],
            ordered=None if asked["order"] is None else asked["order"] == "object",
            enable=asked["status"] == "ACTIVE",
        )

    @documented("Disable it: nothing is sent any more, its log stays", body=EMPTY, answer=ENDPOINT, example={}, refusals=_GONE,
                answer_example=_AN_ENDPOINT | {"status": "DISABLED"})  # fmt: skip
    def delete(self, request: Request, webhook_id: str) -> HttpResponse:
        self.read(EMPTY)
        return self.run(
            stories.disable_webhook,
            operation="webhook",
            render=lambda disabled: (200, _told(disabled)),
            endpoint_id=wire_id("whe", webhook_id),
        )


class RotateWebhook(_Webhook):
    @documented(
        "A new key; the one before signs beside it for 24 hours, an older one ends now",
        body=ROTATE,
        answer=MADE,
        status=201,
        example={"signature": "v1a"},
        answer_example=_AN_ENDPOINT | {"secret": None},
        refusals=_GONE,
    )
    def post(self, request: Request, webhook_id: str) -> HttpResponse:
        asked = self.read(ROTATE)
        return self.run(
            stories.rotate_webhook,
            operation="webhook",
            render=lambda made: _made(201, *made),
            told_once=("secret",),
            endpoint_id=wire_id("whe", webhook_id),
            scheme=asked["signature"],
        )


class PingWebhook(_Webhook):
    @documented(
        "Send a message to try it with: webhook.pinged, to this endpoint alone",
        body=EMPTY,
        answer=obj({"event_id": text("evt_…: look at its delivery under this id")}),
        status=202,
        example={},
        answer_example={"event_id": _A_DELIVERY["event_id"]},
        refusals=_OFF,
    )
    def post(self, request: Request, webhook_id: str) -> HttpResponse:
        self.read(EMPTY)
        return self.run(
            stories.ping_webhook,
            operation="webhook",
            render=lambda event_id: (202, {"event_id": ids.encode("evt", event_id)}),
            endpoint_id=wire_id("whe", webhook_id),
        )


class ReplayWebhook(_Webhook):
    @documented(
        "Send a range of events again, those that never went there too: at most 10,000 at once, 90 days back",
        body=REPLAY,
        answer=obj(
            {
                "queued": {"type": "integer"},
                "through_seq": {"type": "integer", "description": "as far as this replay went"},
                "complete": {"type": "boolean", "description": "false: go on with through_seq as after_seq"},
            }
        ),
        status=202,
        example={"after_seq": 1200},
        answer_example={"queued": 4, "through_seq": 1204, "complete": True},
        refusals=_OFF,
    )
    def post(self, request: Request, webhook_id: str) -> HttpResponse:
        asked = self.read(REPLAY)
        return self.run(
            stories.replay_deliveries,
            operation="webhook",
            render=lambda done: (202, {"queued": done.queued, "through_seq": done.through_seq, "complete": done.complete}),
            endpoint_id=wire_id("whe", webhook_id),
            after_seq=asked["after_seq"] or 0,
            since=asked["from"],
            until=asked["to"],
        )


class Deliveries(_Webhook):
    @documented("What went, or is to go, to an endpoint, newest first; 90 days back", name="list_webhook_deliveries", answer=page(DELIVERY),
                query=LOG, refusals=_GONE, answer_example={"data": [_A_DELIVERY], "next_cursor": None})  # fmt: skip
    def get(self, request: Request, webhook_id: str) -> HttpResponse:
        query = read_query(request.query_params, LOG)
        rows = queries.list_posts(self.endpoint(webhook_id), at=clock.wall_now(), status=query["status"], kind=query["type"])
        bound = {**query, "webhook": webhook_id}
        return show(newest_first(rows, actor=self.actor, query=bound, moment="created_at", describe=queries.describe_posts))


class OneDelivery(_Webhook):
    @documented(
        "One delivery with every try", answer=DELIVERY_TOLD, refusals=_GONE, answer_example=_A_DELIVERY | {"tried": [_TRIED]}, one=True
    )
    def get(self, request: Request, webhook_id: str, event_id: str) -> HttpResponse:
        post = queries.get_post(self.endpoint(webhook_id), wire_id("evt", event_id), at=clock.wall_now())
        return show_one(queries.describe_post(post))


class ResendDelivery(_Webhook):
    @documented("Send it again, or try it now; it keeps its webhook-id", body=EMPTY, answer=DELIVERY, status=202, example={}, refusals=_OFF,
                answer_example=_A_DELIVERY | {"status": "PENDING", "next_try_at": _A_DELIVERY["created_at"], "sent_at": None})  # fmt: skip
    def post(self, request: Request, webhook_id: str, event_id: str) -> HttpResponse:
        self.read(EMPTY)
        return self.run(
            stories.resend_delivery,
            operation="webhook",
            render=lambda post: (202, queries.describe_posts([post])[0]),
            endpoint_id=wire_id("whe", webhook_id),
            event_id=wire_id("evt", event_id),
        )


def _told(endpoint: Any) -> dict[str, Any]:
    return queries.describe_endpoints([endpoint], at=clock.wall_now())[0]


def _made(status: int, endpoint: Any, key: Any) -> tuple[int, dict[str, Any]]:
    return status, _told(endpoint) | {"secret": key.to_hand_over()}
