"""Record facts in their own transaction; tell readers after the commit."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from apps.core import actor as acting
from apps.core import clock, db, ids, unit, valkey
from apps.core.errors import AppError
from apps.core.unit import step

from . import queries, rules
from .models import Cursor, Event, Failure, Seal

log = logging.getLogger(__name__)

_SQL = """
WITH fresh AS (
  SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::uuid[], %s::uuid[], %s::jsonb[], %s::jsonb[], %s::timestamptz[],
                       %s::int[])
    AS f(id, kind, subject_type, subject_id, client_id, account_id, public, house, effective_at, ord)
), counted AS (
  INSERT INTO events_counter AS c (client_id, last_seq)
  SELECT client_id, count(*) FROM fresh WHERE public IS NOT NULL GROUP BY client_id ORDER BY client_id
  ON CONFLICT (client_id) DO UPDATE SET last_seq = c.last_seq + EXCLUDED.last_seq
  RETURNING client_id, last_seq
), numbered AS (
  SELECT f.*, CASE WHEN f.public IS NOT NULL THEN
      c.last_seq - count(f.public) OVER (PARTITION BY f.client_id) + count(f.public) OVER (PARTITION BY f.client_id ORDER BY f.ord)
    END AS seq
  FROM fresh f LEFT JOIN counted c ON c.client_id = f.client_id
)
INSERT INTO events_event (id, era, kind, subject_type, subject_id, client_id, account_id, client_seq, public, house,
                          actor_kind, actor_id, actor_name, request_id, effective_at)
SELECT id, %s, kind, subject_type, subject_id, client_id, account_id, seq, public, house, %s, %s, %s, %s, coalesce(effective_at, desk_now())
FROM numbered ORDER BY ord
"""


@step
def record(
    kind: str,
    *,
    subject_type: str,
    subject_id: UUID,
    client_id: UUID | None = None,
    account_id: UUID | None = None,
    public: Mapping[str, Any] | None = None,
    house: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> UUID:
    """Write one event with the fact, just before the commit; its id.

    :param kind: noun.past, one of api/v1/event_types.py where a client is told, with the fields its public payload has
    :param public: what the client sees (needs client_id); None for a house-only fact
    :param house: what never leaves the desk
    :param at: desk time at which it took effect; default now
    """
    item = (ids.uuid7(), kind, subject_type, subject_id, client_id, account_id, public, house or {}, at)
    unit.bag(unit.EVENTS, "events", item, _flush)
    return item[0]


@step
def record_fact_of(*, refusal: AppError) -> None:
    """The house's own fact that a refusal brings along, where its class names one."""
    if refusal.event:
        record(refusal.event, subject_type="request", subject_id=ids.uuid7(), house={"code": refusal.code, **refusal.house})


# The same for few events that are all told to one client, which is what a deal makes: no arrays, no windows.
_FEW = 4
_COLUMNS = ("id", "kind", "subject_type", "subject_id", "account_id", "public", "house", "effective_at")
_TYPES = ("uuid", "text", "text", "uuid", "uuid", "jsonb", "jsonb", "timestamptz")


@cache
def _few(count: int) -> str:
    rows = ", ".join("(" + ", ".join(f"%s::{kind}" for kind in (*_TYPES, "int")) + ")" for _ in range(count))
    return f"""
WITH counted AS (
  INSERT INTO events_counter AS c (client_id, last_seq) VALUES (%s, %s::bigint)
  ON CONFLICT (client_id) DO UPDATE SET last_seq = c.last_seq + EXCLUDED.last_seq RETURNING client_id, last_seq
)
INSERT INTO events_event (id, era, kind, subject_type, subject_id, client_id, account_id, client_seq, public, house,
                          actor_kind, actor_id, actor_name, request_id, effective_at)
SELECT f.id, %s, f.kind, f.subject_type, f.subject_id, c.client_id, f.account_id, c.last_seq - f.back, f.public, f.house,
       %s, %s, %s, %s, coalesce(f.effective_at, desk_now())
FROM counted c, (VALUES {rows}) AS f({", ".join(_COLUMNS)}, back)
"""  # noqa: S608


def _flush(items: list[tuple[Any, ...]]) -> None:
    who = acting.current()
    actor = (settings.EVENT_ERA, who.kind, db.text(who.id), who.name, acting.current_request_id())
    clients = {item[4] for item in items}
    if len(items) <= _FEW and len(clients) == 1 and all(item[6] is not None for item in items):
        values: list[Any] = [clients.pop(), len(items), *actor]
        for at, (key, kind, subject_type, subject_id, _, account_id, public, house, moment) in enumerate(items):
            values += [db.text(one) for one in (key, kind, subject_type, subject_id, account_id)]
            values += [db.dumps(public), db.dumps(house), db.text(moment), len(items) - 1 - at]
        db.send(_few(len(items)), values)
    else:
        _send_many(items, actor)
    touched = {str(item[4]) for item in items if item[6] is not None}
    transaction.on_commit(lambda: tell(touched), robust=True)


def _send_many(items: list[tuple[Any, ...]], actor: tuple[Any, ...]) -> None:
    rows = [(*item[:6], None if item[6] is None else db.jsonb(item[6]), db.jsonb(item[7]), item[8]) for item in items]
    columns = [db.array(column) for column in zip(*rows, strict=True)]
    db.send(_SQL, (*columns, db.array(range(len(items))), *actor))


# --- after the commit: a nudge, never the fact ------------------------------------------------------------------------
def tell(clients: set[str]) -> None:
    """Wake the readers of these clients' events, or of the house's. A lost nudge heals: readers compare the top every 5 s."""
    valkey.shout([("PUBLISH", settings.EVENTS_CHANNEL, one) for one in clients or {"house"}])


# --- seals: what was committed, in a hash chain ---------------------------------------------------------------------------
@step
def seal(*, after: tuple[int, int, int, bytes], era: int, xid: int, ids: Sequence[UUID], digests: bytes) -> Seal:
    """Add a block to the chain. The caller holds :func:`queries.lock_chain` and has read the rows since `after` in commit order.

    :param after: number, era, xid and head of the last block
    """
    number, last_era, last_xid, previous = after
    block: dict[str, Any] = {
        "number": number + 1,
        "era": era,
        "after_xid": last_xid if era == last_era else 0,
        "xid": xid,
        "digests": digests,
    }
    block |= {"previous": previous, "sealed_at": clock.wall_now()}
    made = Seal(**block, ids=list(ids), head=rules.head_of(**block, ids=ids))
    made.save(force_insert=True)
    return made


@step
def keep_anchor(*, on: date, number: int, head: str, signed: str) -> bool:
    """The signed head of a day, once; False when somebody was faster."""
    made = db.run(
        "INSERT INTO events_anchor (date, number, head, signed, written_at) VALUES (%s, %s, %s, %s, clock_timestamp()) "
        "ON CONFLICT DO NOTHING RETURNING number",
        (on, number, bytes.fromhex(head), signed),
    )
    return bool(made)


# --- readers: each has its own place in commit order --------------------------------------------------------------------
MAX_TRIES = 5


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who reads events, under a name of settings.SUBSCRIBERS. `handle(event=, now=)` runs inside the delivering use case.

    It is called at least once for each event, so what it does is keyed by the event's id. It never calls outside.

    :param kinds: the events it is told of; None for all
    :param together: it is handed many at a time, in commit order: `handle(events=, now=)`
    """

    kinds: frozenset[str] | None
    handle: Callable[..., None]
    together: bool = False

    def wants(self, event: Event) -> bool:
        return self.kinds is None or event.kind in self.kinds


def get_subscriber(name: str) -> Subscriber:
    found: Subscriber = import_string(settings.SUBSCRIBERS[name])
    return found


def place_of(event: Event) -> tuple[int, int, int]:
    """An event's place in commit order."""
    return event.era, event.xid, event.position


@step
def deliver(*, subscriber: str, events: Sequence[Event], after: tuple[int, int, int], to: tuple[int, int, int], now: datetime) -> bool:
    """Hand events to a subscriber and move its cursor to `to`; only move it where there are none.

    :param after: where the cursor stood when they were read
    :return: False when another worker holds the cursor or has moved it: nothing is done then
    """
    cursor = _lock_cursor(subscriber)
    if cursor is None or (cursor.era, cursor.xid, cursor.position) != after:
        return False
    reader = get_subscriber(subscriber)
    if reader.together and events:
        reader.handle(events=events, now=now)
    elif not reader.together:
        for event in events:
            reader.handle(event=event, now=now)
    _move(cursor, to)
    return True


@step
def note_failure(*, subscriber: str, event: Event, after: tuple[int, int, int], error: str, now: datetime) -> bool:
    """Count a failed try of one event; after MAX_TRIES it is set aside as a Failure and the cursor moves on.

    :return: whether the event was given up
    """
    cursor = _lock_cursor(subscriber)
    if cursor is None or (cursor.era, cursor.xid, cursor.position) != after:
        return False
    text = error.replace("\0", "")[:500]
    cursor.failures, cursor.last_error = cursor.failures + 1, text
    if cursor.failures < MAX_TRIES:
        cursor.save(update_fields=["failures", "last_error", "updated_at"])
        return False
    Failure.objects.get_or_create(
        subscriber=subscriber, event=event, defaults={"id": ids.uuid7(), "error": text, "tags": [event.kind], "failed_at": now}
    )
    _move(cursor, place_of(event))
    return True


def _lock_cursor(subscriber: str) -> Cursor | None:
    db.run(
        "INSERT INTO events_cursor (subscriber, era, xid, position, updated_at, failures, last_error) VALUES (%s, 1, 0, 0, now(), 0, '') "
        "ON CONFLICT DO NOTHING",
        (subscriber,),
    )
    return queries.lock_cursor(subscriber)


def _move(cursor: Cursor, to: tuple[int, int, int]) -> None:
    cursor.era, cursor.xid, cursor.position = to
    cursor.failures = 0
    cursor.save(update_fields=["era", "xid", "position", "failures", "last_error", "updated_at"])
