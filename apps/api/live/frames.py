"""What goes over the socket: envelopes, control messages, close codes, limits. Text is built once, however many sockets get it."""

import json
import re
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any
from uuid import UUID

from apps.core import ids

SUBPROTOCOL = "otc.v1.json"

MESSAGE_BYTES = 64 * 1024
FRAGMENTS = 256  # of one message
WINDOW_EVENTS, WINDOW_BYTES = 1024, 1024 * 1024  # sent and not yet acknowledged
ACK_EVENTS, ACK_EVENT_BYTES = 64, 64 * 1024  # an acknowledgement of so much is not counted as a message
ACK_BYTES = 100
CHANNELS = 128
COMMANDS = 16  # under way at once on a socket
REPLIES = 256  # answers that wait for a peer to read
REMEMBERED_MS = 1_020_000  # how long a request can be open: respond_within_ms and a quote's life at their most
BURST, PER_SECOND = 20, 10  # messages from the peer
SOCKETS_PER_KEY = 10
DAYS_BACK = 7

HEARTBEAT_MS = 5_000
SILENCE_MS = 15_000
STALL_MS = 7_000  # with something to send and no way to send it; a look a second and the close itself, and it is gone within 10 s
UNUSED_MS = 30_000  # connected and subscribed to nothing
SESSION_MS = 23 * 3_600_000

CHANNEL = re.compile(r"events|status|desk|prices\.[A-Z0-9]{2,12}-[A-Z0-9]{2,12}|rfq\.rfq_[0-9a-z]{26}", re.ASCII)


class Close(IntEnum):
    """Why a socket ends. 1012, 1013, 4500, 4508 and 4512 ask the client to come back; the others would only repeat themselves."""

    RESTART = 1012
    TRY_LATER = 1013
    MALFORMED = 4400  # not a message of this protocol
    NOT_VALID = 4401  # the key, its member or the session is no longer valid
    FORBIDDEN = 4403
    UNUSED = 4408  # nothing subscribed in time
    CONFLICT = 4409  # acknowledged what was never sent
    TOO_LARGE = 4413
    TOO_MANY = 4429
    INTERNAL = 4500
    TOO_SLOW = 4508  # the window stayed full, or the line stayed blocked
    OVER = 4512  # after 23 h, or what its key may do was narrowed: come back and be seen as you are now


def stamp(moment: datetime) -> str:
    """RFC 3339 UTC with microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def now() -> str:
    return stamp(datetime.now(UTC))


def later(ms: int) -> str:
    """The instant in so many milliseconds."""
    return stamp(datetime.now(UTC) + timedelta(milliseconds=ms))


def envelope(*, ch: str, seq: int, ts: str, kind: str, id: str, data: str) -> bytes:
    """One frame of a channel; ``data`` is JSON text and goes in as it is."""
    head = json.dumps({"ch": ch, "seq": seq, "ts": ts, "type": kind, "id": id}, separators=(",", ":"))
    return f'{head[:-1]},"data":{data}}}'.encode()


def event(ch: str, seq: int, recorded_at: datetime, kind: str, id: UUID, public: str) -> bytes:
    """A private event, as the table holds it, in the channel `events` or in its request's own."""
    return envelope(ch=ch, seq=seq, ts=stamp(recorded_at), kind=kind, id=ids.encode("evt", id), data=public)


def public_price(composite: bytes) -> dict[str, Any]:
    """What a client sees of a composite: its instant, mid, best bid and ask, and the ladder (price, quantity).

    Our venues, what was wrong with them, and the volatility we price with stay in the house.

    :raises ValueError, KeyError, TypeError: it is not a composite
    """
    raw = json.loads(composite)
    bids, asks = raw["bids"], raw["asks"]
    return {
        "pair": raw["pair"],
        "as_of": stamp(datetime.fromisoformat(raw["as_of"])),
        "mid": raw["mid"],
        "bid": bids[0][0] if bids else None,
        "ask": asks[0][0] if asks else None,
        "bids": bids,
        "asks": asks,
    }


def control(op: str, **members: Any) -> bytes:
    """A message about the stream rather than in it."""
    return json.dumps({"op": op} | members, separators=(",", ":")).encode()


def error(code: str, detail: str, **members: Any) -> bytes:
    """A refused operation; the socket stays open."""
    return control("error", code=code, detail=detail, **members)


def is_like_ack(payload: bytes) -> bool:
    """Whether a message may turn out to be an acknowledgement."""
    return len(payload) <= ACK_BYTES and b'"ack"' in payload


def skipped(first: int, last: int) -> bytes:
    """Events that belong to accounts which the key does not name: their numbers, so that no gap is left unexplained."""
    return control("skipped", ch="events", **{"from": first, "to": last})


def problem(status: int, code: str, title: str, detail: str, retry: str = "never", request_id: str = "") -> bytes:
    """A refusal before the handshake, RFC 9457."""
    body = {"type": f"/api/docs/errors#{code}", "title": title, "status": status, "detail": detail, "code": code}
    body |= {"request_id": request_id or ids.encode("req", ids.uuid7()), "retry": retry}
    return json.dumps(body, separators=(",", ":")).encode()
