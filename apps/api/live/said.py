"""What the server says over a socket: each message with its schema and an example. The other half, what a peer says, is messages.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.api.docs import PROBLEM
from apps.api.shapes import array, decimal, moment, obj, text
from apps.api.v1.event_types import TYPES
from apps.api.v1.rfqs import RFQ

from .messages import MESSAGES

_INTEGER = {"type": "integer", "minimum": 0}
_FLAG = {"type": "boolean"}
_TS = "2026-09-15T12:00:01.000000Z"
_RFQ_CH = "rfq.rfq_01m81nt6tefw6aewv9fav0pe14"
FAULT = obj({"pointer": text("RFC 6901"), "code": text("stable"), "detail": text("what was wrong")})
PARTS = [
    "rfqs",
    "quotes",
    "trades",
    "obligations",
    "settlements",
    "instructions",
    "deposits",
    "withdrawals",
    "balances",
    "credit",
    "exposure_calls",
]


@dataclass(frozen=True, slots=True)
class Told:
    """One kind of message of the server's."""

    about: str
    schema: Mapping[str, Any]
    example: Mapping[str, Any]


def _closed(properties: Mapping[str, Any], *optional: str) -> dict[str, Any]:
    return obj(properties, *optional) | {"additionalProperties": False}


def _control(op: str, about: str, members: Mapping[str, Any], example: Mapping[str, Any], *optional: str) -> Told:
    return Told(about, _closed({"op": {"type": "string", "const": op}, **members}, *optional), {"op": op} | dict(example))


def _frame(about: str, ch: Mapping[str, Any], type: Mapping[str, Any], data: Mapping[str, Any], example: Mapping[str, Any]) -> Told:
    shape = {"ch": dict(ch), "seq": _INTEGER, "ts": moment("when"), "type": dict(type), "id": text("of this frame"), "data": dict(data)}
    return Told(about, _closed(shape), example)


def _const(value: str) -> dict[str, Any]:
    return {"type": "string", "const": value}


def _pattern(value: str) -> dict[str, Any]:
    return {"type": "string", "pattern": value}


_EVENTS = {"type": "string", "pattern": "^(events|rfq\\.rfq_[0-9a-z]{26})$"}
_PRICES = _pattern("^prices\\.[A-Z0-9]{2,12}-[A-Z0-9]{2,12}$")
_LEVELS = {"type": "array", "items": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}}
_OR_NULL = {"type": ["string", "null"]}
PRICE = obj({"pair": text(""), "as_of": moment(""), "mid": _OR_NULL, "bid": _OR_NULL, "ask": _OR_NULL, "bids": _LEVELS, "asks": _LEVELS})
LADDER = obj(
    {
        "pair": text(""),
        "as_of": moment(""),
        "mid": _OR_NULL,
        "ladder": array(obj({"quantity": decimal("base"), "bid": _OR_NULL, "ask": _OR_NULL})),
    }
)
STATUS = obj(
    {
        "dealing": _FLAG,
        "feed": text("up: some price was heard in the last 5 s", enum=["up", "down"]),
        "instruments": array(obj({"instrument": text(""), "dealing": _FLAG, "prices": text("", enum=["live", "stale"])})),
        "shutdown": {"type": "boolean", "description": "this server is about to go: come back, another one takes you"},
    }
)
_PRICE_EXAMPLE = {
    "pair": "BTC-USD",
    "as_of": "2026-09-15T12:00:00.900000Z",
    "mid": "20000.5",
    "bid": "20000",
    "ask": "20001",
    "bids": [["20000", "1.5"]],
    "asks": [["20001", "2"]],
}
_LADDER_EXAMPLE = {
    "pair": "BTC-USD",
    "as_of": "2026-09-15T12:00:00.900000Z",
    "mid": "20000.5",
    "ladder": [{"quantity": "1", "bid": "20000", "ask": "20001"}, {"quantity": "25", "bid": None, "ask": "20012.4"}],
}
_STATUS_EXAMPLE = {
    "dealing": True,
    "feed": "up",
    "instruments": [{"instrument": "BTC-USD", "dealing": True, "prices": "live"}],
    "shutdown": False,
}
_AN_EVENT = {
    "ch": "events",
    "seq": 1205,
    "ts": _TS,
    "type": "trade.settled",
    "id": "evt_01m84yq7d2e3vb6w2m4v2y1t5n",
    "data": {"id": "trd_01m84yq7d2e3vb6w2m4v2y1t5n", "settlement_status": "SETTLED"},
}
_A_PROBLEM = {
    "type": "/api/docs/errors#quote_expired",
    "title": "The quote's time was over",
    "status": 409,
    "detail": "expired at 2026-09-15T12:00:10.000000Z",
    "code": "quote_expired",
    "request_id": "req_01m81nt6tefw6aewv9fav0pe14",
    "retry": "never",
}
_CHANNEL = text("the channel")


def _answers() -> dict[str, Told]:
    """Of each command: what it was answered, as REST answers, or a problem."""
    found = {}
    for op, message in MESSAGES.items():
        if message.command is None:
            continue
        body = {"oneOf": [dict(message.command.answer), PROBLEM]}
        members = {
            "to": _const(op),
            "id": text("yours"),
            "status": {"type": "integer"},
            "replayed": _FLAG,
            "request_id": text("req_…"),
            "retry_after": {"type": "integer", "description": "seconds"},
            "body": body,
        }
        example = {"to": op, "id": "c-17", "status": 409, "replayed": False, "request_id": _A_PROBLEM["request_id"], "body": _A_PROBLEM}
        found[f"answer.{op}"] = _control("answer", f"the answer of `{op}`, as REST gives it", members, example, "retry_after")
    return found


TOLD: Mapping[str, Told] = {
    "subscribed": _control(
        "subscribed",
        "the channel is heard from here on; `after_seq` and `recovered` on events only",
        {"ch": _CHANNEL, "last_seq": _INTEGER, "after_seq": _INTEGER, "recovered": _FLAG},
        {"ch": "events", "recovered": True, "after_seq": 1204, "last_seq": 1310},
        "after_seq",
        "recovered",
    ),
    "unsubscribed": _control("unsubscribed", "it is heard no more", {"ch": _CHANNEL}, {"ch": "prices.BTC-USD"}),
    "pong": _control("pong", "the answer of ping", {"ts": moment("")}, {"ts": _TS}),
    "options": _control("options", "what this socket does from now on", {"cancel_on_disconnect": _FLAG}, {"cancel_on_disconnect": True}),
    "reauthenticated": _control("reauthenticated", "the session lives until then", {"expires_at": moment("")}, {"expires_at": _TS}),
    "error": _control(
        "error",
        "what was said is refused; `errors` names each fault of a message that cannot be read",
        {"code": text("stable"), "detail": text("why"), "ch": _CHANNEL, "id": text("yours"), "errors": array(FAULT)},
        {
            "code": "unknown_op",
            "detail": "/op: one of sub, unsub",
            "errors": [{"pointer": "/op", "code": "unknown_op", "detail": "one of"}],
        },
        "ch",
        "id",
        "errors",
    ),
    "heartbeat": _control(
        "heartbeat",
        "every 5 s, with the last number of each channel",
        {"ts": moment(""), "tops": {"type": "object", "additionalProperties": _INTEGER}},
        {"ts": _TS, "tops": {"events": 1310, "status": 2}},
    ),
    "shutdown": _control("shutdown", "this server goes: 1012 follows, once what is under way is answered", {}, {}),
    "skipped": _control(
        "skipped",
        "events of accounts that the key does not name, both numbers inclusive",
        {"ch": _const("events"), "from": _INTEGER, "to": _INTEGER},
        {"ch": "events", "from": 1206, "to": 1207},
    ),
    "snapshot": _control(
        "snapshot",
        "a part of all that is open as of event `last_seq`, each row as REST shows it; the last one is complete",
        {
            "ch": _const("events"),
            "last_seq": _INTEGER,
            "part": text("", enum=list(PARTS)),
            "data": array({"type": "object"}),
            "complete": _FLAG,
        },
        {"ch": "events", "last_seq": 1310, "part": "rfqs", "data": []},
        "part",
        "data",
        "complete",
    ),
    **_answers(),
    "price": _frame(
        "the whole merged book; may skip",
        _PRICES,
        _const("price"),
        PRICE,
        {"ch": "prices.BTC-USD", "seq": 7, "ts": _TS, "type": "price", "id": "prices.BTC-USD.7", "data": _PRICE_EXAMPLE},
    ),
    "ladder": _frame(
        "the book's average price for each size asked; null where it holds less; may skip",
        _PRICES,
        _const("ladder"),
        LADDER,
        {"ch": "prices.BTC-USD", "seq": 8, "ts": _TS, "type": "ladder", "id": "prices.BTC-USD.8", "data": _LADDER_EXAMPLE},
    ),
    "status": _frame(
        "how things stand for you; told again when it changes",
        _const("status"),
        _const("status"),
        STATUS,
        {"ch": "status", "seq": 1, "ts": _TS, "type": "status", "id": "status.1", "data": _STATUS_EXAMPLE},
    ),
    "rfq.state": _frame(
        "the first frame of a request's own channel: the request with its last quote",
        _pattern("^rfq\\.rfq_[0-9a-z]{26}$"),
        _const("rfq.state"),
        RFQ,
        {},
    ),
    **{
        f"event.{name}": _frame(about or "see docs/errors.md", _EVENTS, _const(name), schema, _AN_EVENT if name == "trade.settled" else {})
        for name, (about, schema) in TYPES.items()
    },
}


def name_of(message: Mapping[str, Any]) -> str | None:
    """Which of these a message is; None for an event whose type is not listed."""
    op = message.get("op")
    if op is not None:
        return f"answer.{message['to']}" if op == "answer" else str(op)
    name = f"event.{message['type']}"
    return name if name in TOLD else str(message["type"]) if message["type"] in TOLD else None
