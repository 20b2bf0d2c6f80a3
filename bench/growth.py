"""`growth`: an RFQ, an accept and a freeze over ten times the stored requests, against the same over one time, in turn.

Two databases of one cluster and a web role on each. The stored rows are copies, made by SQL, of what the platform wrote for requests that
nobody took: request, quote, credit reservation, event and stored answer of each.
"""

from contextlib import ExitStack
from datetime import datetime
from statistics import median
from typing import Any

import psycopg
from django.conf import settings

from apps.core import ids, money
from bench import desk, load, netting
from bench.rows import Row, row
from bench.web import web_role

ROUNDS, EIGHT, LESS, MORE = 6, 8, 100_000, 1_000_000
WHOLE_S = 10  # what `manage.py bench growth` asks for by itself
SMALL, BIG = "bench_growth_1", "bench_growth_10"
BASES = 2 * desk.COMBINATIONS
# Another id for the n-th copy of a row: a moment of its own, earlier than any made now, so that indexes grow as they do in life.
_COPIES = """
CREATE FUNCTION bench_id(id uuid, n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex(1700000000000 + n::bigint * 1000), 12, '0') || substr(replace(id::text, '-', ''), 13))::uuid $$;
CREATE TABLE bench_base AS SELECT id FROM rfqs_rfq;
"""
_AT = "- n * interval '1 second'"
# Table → which rows are copied, and what the copy has in place of a column's value.
_TABLES: dict[str, tuple[str, dict[str, str]]] = {
    "rfqs_rfq": ("x.id IN (SELECT id FROM bench_base)", {
        "id": "bench_id(x.id, n)", "client_rfq_id": "x.client_rfq_id || '-' || n", "status": "'EXPIRED'",
        "received_at": f"x.received_at {_AT}", "respond_by": f"x.respond_by {_AT}", "ended_at": f"x.respond_by {_AT}",
    }),
    "rfqs_quote": ("x.rfq_id IN (SELECT id FROM bench_base)", {
        "id": "bench_id(x.id, n)", "rfq_id": "bench_id(x.rfq_id, n)", "status": "'EXPIRED'",
        "created_at": f"x.created_at {_AT}", "expires_at": f"x.expires_at {_AT}", "ended_at": f"x.expires_at {_AT}",
    }),
    "credit_reservation": ("x.source_id IN (SELECT id FROM bench_base)", {
        "id": "bench_id(x.id, n)", "source_id": "bench_id(x.source_id, n)", "status": "'RELEASED'",
        "created_at": f"x.created_at {_AT}", "ended_at": f"x.created_at {_AT}",
    }),
    "events_event": ("x.subject_id IN (SELECT id FROM bench_base)", {
        "id": "bench_id(x.id, n)", "subject_id": "bench_id(x.subject_id, n)", "position": "nextval('events_position')",
        "client_seq": "c.last_seq + row_number() OVER (PARTITION BY x.client_id ORDER BY n, x.id)",
    }),
    "core_storedanswer": ("x.reference IN (SELECT client_rfq_id FROM rfqs_rfq JOIN bench_base USING (id))", {
        "id": "bench_id(x.id, n)", "key": "left(x.key, 40) || '-' || n", "reference": "x.reference || '-' || n",
    }),
}  # fmt: skip
_OPEN = """
SELECT q.id, r.side, coalesce(q.buy_price, q.sell_price), r.client_id FROM rfqs_quote q JOIN rfqs_rfq r ON r.id = q.rfq_id
WHERE q.status = 'OPEN' AND q.created_at = %s ORDER BY q.id
"""


def run(seconds: int) -> list[Row]:
    less, more = (LESS, MORE) if seconds >= WHOLE_S else (2_000 * seconds, 20_000 * seconds)  # a short run proves that it works, not growth
    desk.migrate()
    dealers = desk.open_desk()
    each = max(2 * EIGHT, 15 * seconds) // EIGHT * EIGHT
    with web_role() as (port, _):
        _ask(port, dealers, 0, BASES, EIGHT)
    desk.let_go()
    name = settings.DATABASES["default"]["NAME"]
    with desk.superuser() as session:
        session.execute(_COPIES)
        _fill(session, 0, less)
    with desk.superuser("postgres") as session:
        for copy in (SMALL, BIG):
            session.execute(f'CREATE DATABASE {copy} TEMPLATE "{name}" STRATEGY FILE_COPY')
    with desk.superuser(BIG) as session:
        _fill(session, less, more)
    quotes: dict[str, list[float]] = {SMALL: [], BIG: []}
    accepts: dict[str, list[float]] = {SMALL: [], BIG: []}
    with ExitStack() as stack:
        ports = {copy: stack.enter_context(web_role(EMBED_DATABASE=copy))[0] for copy in (SMALL, BIG)}
        sessions = {copy: stack.enter_context(desk.superuser(copy)) for copy in (SMALL, BIG)}
        for session in sessions.values():
            session.execute("VACUUM ANALYZE")
            session.execute("CHECKPOINT")
        for turn in range(ROUNDS + 2):
            at = desk.advance(turn, *sessions.values())
            for copy in (SMALL, BIG) if turn % 2 else (BIG, SMALL):
                asked = _ask(ports[copy], dealers, BASES + turn * each, each, 1)
                ready = _ready(sessions[copy], dealers, at)
                taken = _send(ports[copy], EIGHT, [desk.accept_request(ports[copy], one, dealers) for one in ready])
                if turn > 1:  # the first ones warm it up: plans, caches, balances
                    quotes[copy] += asked
                    accepts[copy].append(taken.elapsed_s / each * 1000)
        counts = [session.execute("SELECT count(*) FROM rfqs_rfq").fetchone() for session in sessions.values()]
    note = f"{counts[0][0]:,} and {counts[1][0]:,} stored requests, {{}} of each in turns; desk clock frozen"  # type: ignore[index]
    return [
        _row("growth quote", quotes[BIG], quotes[SMALL], 1 / 1000, "ms median", note.format(f"{len(quotes[BIG])} RFQs")),
        _row("growth accept", accepts[BIG], accepts[SMALL], 1, "ms a deal", note.format(f"{ROUNDS} × {each} accepts at 8 clients")),
        *netting.growth(seconds, dealers),
    ]


def _row(name: str, big: list[float], small: list[float], scale: float, unit: str, note: str) -> Row:
    return row(name, median(big) * scale, median(small) * scale, unit, note)


def _ask(port: int, dealers: list[desk.Dealer], first: int, count: int, connections: int) -> list[float]:
    return _send(port, connections, [desk.rfq_request(port, first + n, dealers) for n in range(count)]).latencies_us


def _send(port: int, connections: int, requests: list[bytes]) -> load.Outcome:
    done = load.run(load.Job(port, connections, requests))
    assert done.statuses == {201: len(requests)}, f"{done.statuses}: {done.first_refusal[:2000]!r}"
    return done


def _fill(session: psycopg.Connection[Any], have: int, want: int) -> None:
    """Copies of the base rows, until `want` requests are stored; past all triggers, as a restored backup is."""
    session.execute("SET session_replication_role = replica")
    first, last = have // BASES, want // BASES - 1
    for table, (belongs, other) in _TABLES.items():
        found = session.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped", [table]
        ).fetchall()
        names = [column for (column,) in found]
        values = ", ".join(other.get(column, f'x."{column}"') for column in names)
        counter = "JOIN events_counter c ON c.client_id = x.client_id" if table == "events_event" else ""
        columns = ", ".join(f'"{column}"' for column in names)
        copies = f"generate_series({max(first, 1)}, {last}) n, {table} x {counter} WHERE {belongs}"
        session.execute(f"INSERT INTO {table} ({columns}) SELECT {values} FROM {copies}")
    session.execute("UPDATE events_counter c SET last_seq = (SELECT max(client_seq) FROM events_event e WHERE e.client_id = c.client_id)")
    session.execute("RESET session_replication_role")
    session.execute("VACUUM ANALYZE")


def _ready(session: psycopg.Connection[Any], dealers: list[desk.Dealer], at: datetime) -> list[desk.Ready]:
    number = {dealer.actor.client_id: at for at, dealer in enumerate(dealers)}
    rows = session.execute(_OPEN, [at]).fetchall()
    return [desk.Ready(ids.encode("quo", quote), side, money.text(price), number[client]) for quote, side, price, client in rows]
