"""Record facts in their own transaction; tell readers after the commit."""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.core import actor as acting
from apps.core import db, ids, unit
from apps.core.unit import step

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
) -> None:
    """Write one event with the fact, just before the commit.

    :param kind: noun.past, registered in events.rules.KINDS with the fields its public payload may have
    :param public: what the client sees (needs client_id); None for a house-only fact
    :param house: what never leaves the desk
    :param at: desk time at which it took effect; default now
    """
    item = (ids.uuid7(), kind, subject_type, subject_id, client_id, account_id, public, house or {}, at)
    unit.bag(unit.EVENTS, "events", item, _flush)


def _flush(items: list[tuple[Any, ...]]) -> None:
    columns: list[list[Any]] = [list(column) for column in zip(*items, strict=True)]
    columns[6] = [None if value is None else db.jsonb(value) for value in columns[6]]
    columns[7] = [db.jsonb(value) for value in columns[7]]
    who = acting.current()
    db.run(_SQL, (*columns, list(range(len(items))), settings.EVENT_ERA, who.kind, who.id, who.name, acting.current_request_id()))
    touched = {str(item[4]) for item in items if item[6] is not None}
    transaction.on_commit(lambda: tell(touched), robust=True)


# --- after the commit: a nudge, never the fact ------------------------------------------------------------------------
class _Publisher:
    """One thread a process sends nudges over Valkey. A lost nudge heals: readers compare the top every 5 s."""

    def __init__(self) -> None:
        self.ready = threading.Condition()
        self.clients: set[str] = set()
        self.thread: threading.Thread | None = None

    def tell(self, clients: set[str]) -> None:
        with self.ready:
            self.clients |= clients or {"house"}
            if self.thread is None or not self.thread.is_alive():
                self.thread = threading.Thread(target=self._run, name="event-nudges", daemon=True)
                self.thread.start()
            self.ready.notify()

    def _run(self) -> None:
        import redis

        client = redis.Redis.from_url(settings.VALKEY_URL, socket_timeout=0.05, socket_connect_timeout=0.05)
        while True:
            with self.ready:
                while not self.clients:
                    if not self.ready.wait(timeout=30):
                        self.thread = None
                        return
                batch, self.clients = self.clients, set()
            try:
                with client.pipeline(transaction=False) as pipe:
                    for one in batch:
                        pipe.publish(settings.EVENTS_CHANNEL, one)
                    pipe.execute()
            except redis.RedisError as no:
                log.warning("event nudge not sent: %s", no)


_publisher = _Publisher()
tell: Callable[[set[str]], None] = _publisher.tell
