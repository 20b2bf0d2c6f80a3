"""What a peer may say: every message with its members, read as strictly as a request body, and named wherever it is wrong.

The AsyncAPI document is generated from these classes (asyncapi.py), so what is read and what is documented cannot differ.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from apps.api import jsonbody
from apps.api.jsonbody import FieldError, InvalidBody
from apps.api.shapes import EMPTY, REFERENCE, Amount, Bad, Body, Choice, Field, Flag, Reference
from apps.api.v1.orders import EXAMPLE as ORDER_EXAMPLE
from apps.api.v1.orders import ORDER
from apps.api.v1.quotes import ACCEPT, COUNTER
from apps.api.v1.quotes import EXAMPLE as ACCEPT_EXAMPLE
from apps.api.v1.rfqs import BODY as RFQ_BODY
from apps.api.v1.rfqs import EXAMPLE as RFQ_EXAMPLE
from apps.api.v1.rfqs import QUOTE, RFQ
from apps.api.v1.trades import TRADE

_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
MOST_SIZES = 10


class Raw(Field):
    """A member whose value is judged where it is used, with a code of its own."""

    integer = True  # so that a number, too, gets there

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "description": self.about} | ({"examples": [self.example]} if self.example is not None else {})


class Seq(Field):
    """A whole number; which ones are good depends on the channel."""

    integer = True

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": 0, "description": self.about, "examples": [self.example]}


class Number(Seq):
    """A whole number from 0."""

    def read(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise Bad("out_of_range", "a whole number from 0")
        return value


class Key(Field):
    """An idempotency key as in the header of the same name, without its quotes."""

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or not _KEY.fullmatch(value):
            raise Bad("invalid_idempotency_key", "16 to 64 of A-Z a-z 0-9 _ -")
        return value

    def schema(self) -> dict[str, Any]:
        return Field.schema(self) | {"pattern": "^[A-Za-z0-9_-]{16,64}$"}


class Sizes(Field):
    """Base quantities that a ladder is worked out for."""

    def read(self, value: Any) -> tuple[Decimal, ...]:
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_SIZES:
            raise Bad("invalid", f"a list of 1 to {MOST_SIZES} quantities")
        amount = Amount("a quantity")
        sizes = []
        for place, one in enumerate(value):
            try:
                sizes.append(amount.read(one))
            except Bad as no:
                raise Bad(no.code, no.detail, f"/{place}") from None
        if len(set(sizes)) != len(sizes):
            raise Bad("invalid", "each quantity once")
        return tuple(sorted(sizes))

    def schema(self) -> dict[str, Any]:
        return {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_SIZES,
            "uniqueItems": True,
            "items": Amount("a quantity").schema(),
            "description": self.about,
            "examples": [self.example],
        }


class Line(Field):
    """One header's text."""

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or not 1 <= len(value) <= 1000 or not value.isascii():
            raise Bad("invalid", "the header's text")
        return value


@dataclass(frozen=True, slots=True)
class Command:
    """A message that is a REST request in another envelope: the same view answers it.

    :param path: of the request, `{}` standing for the id that `target` holds
    :param body: what `body` may hold; without members of its own it may be left out
    """

    path: str
    body: Body
    answer: Mapping[str, Any]
    target: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One thing that a peer may say."""

    about: str
    shape: Body
    example: Mapping[str, Any]
    command: Command | None = None


def _message(op: str, about: str, fields: Mapping[str, Field], example: Mapping[str, Any], command: Command | None = None) -> Message:
    shape = Body(op, {"op": Choice(about, op, required=True, among=(op,)), **fields})
    return Message(about, shape, {"op": op} | dict(example), command)


def _command(op: str, about: str, command: Command, example: Mapping[str, Any]) -> Message:
    fields: dict[str, Field] = {
        "id": Reference("yours; the answer carries it", "c-17", required=True),
        "idempotency_key": Key("as the header Idempotency-Key of REST, and shared with it", "8e03978e-40d5-43e8-bc93", required=True),
    }
    if command.target:
        fields[command.target] = Reference("which", f"{command.target[:3]}_01m81nt6tefw6aewv9fav0pe14", required=True)
    given = {"id": "c-17", "idempotency_key": "8e03978e-40d5-43e8-bc93"}
    return _message(op, about, fields, given | dict(example), command)


_CH = Raw("events, prices.{pair}, rfq.{id}, status", "events", required=True)
_A_QUOTE, _AN_RFQ = {"quote_id": "quo_01m81nt6tefw6aewv9fav0pe14"}, {"rfq_id": "rfq_01m81nt6tefw6aewv9fav0pe14"}
MESSAGES: Mapping[str, Message] = {
    "sub": _message(
        "sub",
        "Hear a channel",
        {
            "ch": _CH,
            "after_seq": Seq("events only: the last number you have; without it the stream begins now", 1204),
            "snapshot": Flag("events only, in place of after_seq: all that is open, then what happens", True),
            "sizes": Sizes("prices only: base quantities to work a ladder out for", ["1", "5", "25"]),
        },
        {"ch": "events", "after_seq": 1204},
    ),
    "unsub": _message("unsub", "Hear it no more", {"ch": _CH}, {"ch": "prices.BTC-USD"}),
    "ack": _message(
        "ack",
        "Events up to this number are yours: it opens the window",
        {
            "ch": Choice("events", "events", required=True, among=("events",)),
            "seq": Number("the last you have handled", 1268, required=True),
        },
        {"ch": "events", "seq": 1268},
    ),
    "ping": _message("ping", "Are you there?", {}, {}),
    "options": _message(
        "options",
        "What this socket shall do",
        {"cancel_on_disconnect": Flag("cancel what was asked over this socket and is still open when it ends", True, required=True)},
        {"cancel_on_disconnect": True},
    ),
    "reauth": _message(
        "reauth",
        "Renew the session: the handshake's request line, signed anew by the same key",
        {
            "signature_input": Line("the header Signature-Input, with a new created and nonce", required=True),
            "signature": Line("the header Signature", required=True),
        },
        {
            "signature_input": 'sig1=("@method" "@authority" "@path" "@query");created=1795343037;keyid="ak_test_7q2m";alg="ed25519";'
            'nonce="rU3mT0nC9cZk2q1A";tag="otc-v1"',
            "signature": "sig1=:oSP0na01B6iguUWOBfRgOLI5g1lptpCjWxdbae68AfoF28N6nc7wZW7i7pt2b1hquTSDBblRYRBemlazF8v2CA==:",
        },
    ),
    "rfq": _command("rfq", "Ask for a firm price", Command("/api/v1/rfqs", RFQ_BODY, RFQ), {"body": RFQ_EXAMPLE}),
    "accept": _command(
        "accept",
        "Deal at the quote's price",
        Command("/api/v1/quotes/{}/accept", ACCEPT, TRADE, "quote_id"),
        _A_QUOTE | {"body": ACCEPT_EXAMPLE},
    ),
    "decline": _command("decline", "Say no to a quote", Command("/api/v1/quotes/{}/decline", EMPTY, QUOTE, "quote_id"), _A_QUOTE),
    "counter": _command(
        "counter",
        "Name your limit: the quote ends, and a person answers with another one, or not",
        Command("/api/v1/quotes/{}/counter", COUNTER, RFQ, "quote_id"),
        _A_QUOTE | {"body": {"side": "buy", "price": "20001.00"}},
    ),
    "order": _command(
        "order", "Deal at our price where it is your limit or better", Command("/api/v1/orders", ORDER, TRADE), {"body": ORDER_EXAMPLE}
    ),
    "cancel": _command("cancel", "Take a request back", Command("/api/v1/rfqs/{}/cancel", EMPTY, RFQ, "rfq_id"), _AN_RFQ),
}


class Unreadable(Exception):
    """Not a message of this protocol; what is known of it stands beside.

    :param ends: whether the session ends with it (4400): its form is not of this protocol, not only a value
    """

    def __init__(self, errors: list[FieldError], *, code: str = "invalid_message", op: str = "", id: str = "", ends: bool = True) -> None:
        super().__init__("; ".join(f"{e.pointer or 'message'}: {e.detail}" for e in errors))
        self.errors, self.code, self.op, self.id, self.ends = errors, code, op, id, ends


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it was understood: its members by name, and the text of `body` byte for byte."""

    op: str
    members: Mapping[str, Any]
    body: bytes


# Faults of a value: the session goes on. All else is another protocol than this, or a program that does not know what it sends.
_VALUES = frozenset(
    {"required", "invalid", "invalid_choice", "invalid_reference", "invalid_idempotency_key", "invalid_amount", "not_positive"}
)


def read(raw: str) -> Said:
    """Understand one message.

    :raises Unreadable: naming each fault with its pointer
    """
    try:
        members = _split(raw)
        shell = "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in members if name != "body") + "}"
        head = jsonbody.load(shell.encode("utf-8", "surrogatepass"), integers=frozenset({"/after_seq", "/seq", "/ch"}))
    except InvalidBody as no:
        raise Unreadable(no.errors) from None
    op, known = head.get("op"), head.get("id")
    id = known if isinstance(known, str) and REFERENCE.fullmatch(known) else ""
    message = MESSAGES.get(op) if isinstance(op, str) else None
    if message is None:
        raise Unreadable([FieldError("/op", "unknown_op", f"one of {', '.join(MESSAGES)}")], code="unknown_op", id=id)
    bodies = [value for name, value in members if name == "body"]
    if bodies and message.command is None:
        raise Unreadable([FieldError("/body", "unknown_field", "no such field")], op=message.shape.name, id=id)
    if len(bodies) > 1:
        raise Unreadable([FieldError("/body", "duplicate_member", "named more than once")], op=message.shape.name, id=id)
    try:
        found = message.shape.read(shell.encode())
    except InvalidBody as no:
        ends = any(e.code not in _VALUES for e in no.errors)
        raise Unreadable(no.errors, op=message.shape.name, id=id, ends=ends) from None
    return Said(message.shape.name, found, bodies[0].encode() if bodies else b"{}")


def _split(raw: str) -> list[tuple[str, str]]:
    """The members of an object, each with its value's own text.

    :raises InvalidBody: it is no JSON object
    """
    if not isinstance(jsonbody.decode(raw), dict):
        raise InvalidBody([FieldError("", "not_an_object", "a message is a JSON object")])
    found: list[tuple[str, str]] = []
    at = _skip(raw, _skip(raw, 0) + 1)
    while raw[at] != "}":
        name, at = scanstring(raw, at + 1, True)
        at = _skip(raw, _skip(raw, at) + 1)
        end = jsonbody.value_end(raw, at)
        found.append((name, raw[at:end]))
        at = _skip(raw, end)
        if raw[at] == ",":
            at = _skip(raw, at + 1)
    return found


def _skip(raw: str, at: int) -> int:
    while raw[at] in " \t\n\r":
        at += 1
    return at
