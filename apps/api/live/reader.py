"""The one database connection of a live process: raw, read-only, outside Django's pool; everything sockets show comes through it.

Every statement here names tables of other apps: this file and nothing else on the top floor does, because no ORM call
may run in a loop that feeds sockets. A test runs each against the schema.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from django.db import connection as django_connection
from psycopg.conninfo import make_conninfo

from . import frames
from .standing import Standing

logger = logging.getLogger(__name__)

PAGE = 128
_TIMEOUTS = "-c default_transaction_read_only=on -c statement_timeout=5s -c idle_in_transaction_session_timeout=10s -c timezone=UTC"

_TOPS = "SELECT client_id, last_seq FROM events_counter WHERE client_id = ANY(%s)"
_AFTER = """
SELECT e.client_id, e.client_seq, e.recorded_at, e.kind, e.id, e.public::text, e.account_id,
       CASE WHEN e.subject_type = 'request' AND e.kind LIKE '%%.refused' THEN e.actor_id END,
       coalesce(e.public->>'rfq_id', CASE WHEN e.subject_type = 'rfq' THEN e.public->>'id' END)
FROM unnest(%s::uuid[], %s::bigint[]) AS want(client_id, after_seq)
CROSS JOIN LATERAL (
  SELECT * FROM events_event WHERE client_id = want.client_id AND client_seq > want.after_seq ORDER BY client_seq LIMIT %s
) AS e
ORDER BY e.client_id, e.client_seq
"""
_TOO_OLD = """
SELECT recorded_at < now() - make_interval(days => %s) FROM events_event
WHERE client_id = %s AND client_seq > %s ORDER BY client_seq LIMIT 1
"""
_HORIZON = "SELECT COALESCE(max(era), 1), pg_snapshot_xmin(pg_current_snapshot())::text::bigint FROM events_event"
_HOUSE = """
SELECT era, xid, position, recorded_at, kind, id, subject_type, subject_id, client_id FROM events_event
WHERE (era, xid, position) > (%s, %s, %s) AND xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
ORDER BY era, xid, position LIMIT %s
"""
_STANDINGS = """
SELECT k.key_id, k.scopes, k.allowed_cidrs, own.accounts,
  NOT EXISTS (SELECT 1 FROM clients_account a WHERE a.owner_id = c.id AND a.id <> ALL (own.accounts))
FROM clients_apikey k
JOIN clients_member m ON m.id = k.member_id JOIN clients_counterparty c ON c.id = m.counterparty_id
CROSS JOIN LATERAL (
  SELECT coalesce(array_agg(a.account_id), '{}') AS accounts FROM clients_authority a WHERE a.member_id = m.id
    AND (NOT EXISTS (SELECT 1 FROM clients_apikey_accounts x WHERE x.apikey_id = k.id)
         OR EXISTS (SELECT 1 FROM clients_apikey_accounts x WHERE x.apikey_id = k.id AND x.account_id = a.account_id))) own
WHERE k.key_id = ANY(%s) AND k.revoked_at IS NULL AND k.expires_at > now()
  AND m.closed_at IS NULL AND m.stopped_at IS NULL
  AND (m.valid_until IS NULL OR m.valid_until > now()) AND c.status NOT IN ('REFUSED', 'OFFBOARDED')
"""
_PAIRS = "SELECT code FROM instruments_pair WHERE active ORDER BY code"
_HALTS = "SELECT scope, pair_code, client_id FROM pricing_halt WHERE lifted_at IS NULL"
_LIVING_SESSIONS = """
SELECT s.session_key FROM django_session s JOIN unnest(%s::text[], %s::text[]) AS held(session_key, user_id) USING (session_key)
JOIN users_user u ON u.id::text = held.user_id
WHERE s.expire_date > now() AND u.is_active AND u.is_staff AND EXISTS (SELECT 1 FROM users_user_groups g WHERE g.user_id = u.id)
"""


class Event(NamedTuple):
    """A client's event as the table holds it.

    :param asked_by: the member whose request was refused, where that is what the event tells
    :param rfq_id: the request it belongs to, as its public payload names it
    """

    client_id: UUID
    seq: int
    recorded_at: datetime
    kind: str
    id: UUID
    public: str
    account_id: UUID | None
    asked_by: UUID | None
    rfq_id: str | None


class HouseEvent(NamedTuple):
    """Enough of any event for a desk page to know what to fetch again."""

    era: int
    xid: int
    position: int
    recorded_at: datetime
    kind: str
    id: UUID
    subject_type: str
    subject_id: UUID
    client_id: UUID | None


Place = tuple[int, int, int]  # era, xid, position: commit order


class Reader:
    """Opens its connection when first asked, and again after a loss; one statement at a time.

    Every method raises psycopg.Error or OSError when the database cannot be asked.
    """

    def __init__(self) -> None:
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._turn = asyncio.Lock()

    @property
    def is_up(self) -> bool:
        return self._connection is not None and not self._connection.closed

    async def tops(self, clients: Collection[UUID]) -> dict[UUID, int]:
        """The last sequence number of each client; those without an event are absent."""
        return dict(await self._all(_TOPS, [list(clients)]))

    async def after(self, wanted: dict[UUID, int], limit: int = PAGE) -> list[Event]:
        """Up to ``limit`` events of each client after its number, in order."""
        return [Event(*row) for row in await self._all(_AFTER, [list(wanted), list(wanted.values()), limit])]

    async def is_too_old(self, client_id: UUID, after_seq: int) -> bool:
        """Whether what follows ``after_seq`` began more than seven days ago."""
        rows = await self._all(_TOO_OLD, [frames.DAYS_BACK, client_id, after_seq])
        return bool(rows and rows[0][0])

    async def horizon(self) -> Place:
        """The place in commit order before which nothing can appear any more."""
        era, xid = (await self._all(_HORIZON, []))[0]
        return era, xid - 1, 2**62

    async def house_after(self, place: Place, limit: int = 500) -> list[HouseEvent]:
        """All events after a place, in commit order, behind the oldest running transaction: none is ever passed over."""
        return [HouseEvent(*row) for row in await self._all(_HOUSE, [*place, limit])]

    async def standings(self, key_ids: Collection[str]) -> dict[str, Standing]:
        """What each key may do now; those that may no longer be used are absent."""
        rows = await self._all(_STANDINGS, [list(key_ids)])
        return {key: Standing(frozenset(scopes), tuple(cidrs), frozenset(own), whole) for key, scopes, cidrs, own, whole in rows}

    async def dealing(self) -> tuple[list[str], list[tuple[str, str, UUID | None]]]:
        """The pairs that can be dealt, and the kill switches that are on: scope, pair, client."""
        pairs = [code for (code,) in await self._all(_PAIRS, [])]
        return pairs, await self._all(_HALTS, [])

    async def living_sessions(self, held: Collection[tuple[str, str]]) -> set[str]:
        """Those of the (session key, user id) whose session and person are still good."""
        return {key for (key,) in await self._all(_LIVING_SESSIONS, [[key for key, _ in held], [user for _, user in held]])}

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _all(self, sql: str, params: Sequence[Any]) -> list[Any]:
        async with self._turn:
            if self._connection is None or self._connection.closed:
                self._connection = await psycopg.AsyncConnection.connect(
                    _conninfo(), autocommit=True, prepare_threshold=1, connect_timeout=5
                )
            try:
                cursor = await self._connection.execute(sql.encode(), params)
                return await cursor.fetchall()
            except (psycopg.OperationalError, psycopg.InterfaceError, asyncio.CancelledError):
                await self._connection.close()  # half an answer may be on the line
                raise


def _conninfo() -> str:
    """The address and role of Django's own connection, without its pool."""
    known = django_connection.get_connection_params()
    address = {name: known[name] for name in ("dbname", "user", "password", "host", "port") if known.get(name)}
    ssl = {name: value for name, value in known.items() if name.startswith("ssl")}
    return make_conninfo("", **address, **ssl, application_name="flowdesk-live", options=f"{known.get('options', '')} {_TIMEOUTS}".strip())
