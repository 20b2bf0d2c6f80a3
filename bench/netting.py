"""`netting`: 100,000 open obligations of 200 clients frozen into net sets by the sweep, against one SQL statement for the same rows.

Both sides act on copies of one database, walls, foreign keys and indexes on; in a second measure the limit's are off. What our side has
written lends the limit nothing but ids and the payloads of events; who is in, what nets to what, and every row are its own work.
"""

import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

from apps.clients.models import Account
from apps.core import clock, ids, money
from apps.instruments import queries as instruments
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.workflows.accept_quote import accept_quote
from apps.workflows.onboard_client import Applicant, onboard_client
from bench import desk
from bench.rows import Row, row

OPEN, ACCOUNTS, ROUNDS, WHOLE_S = 100_000, 200, 3, 10
LIMIT, BARE = "bench_netting_limit", "bench_netting_bare"
SMALL, BIG = "bench_netting_1", "bench_netting_10"
KEPT = {"settlement_netset": "id", "settlement_netleg": "net_set_id", "events_event": "subject_id"}  # what points at the set
WEEK = timedelta(days=7)
FIRST = date(2026, 9, 17)
# The n-th copy of a base row for an account: an id of its own, of a moment of its own.
_ID = """
CREATE FUNCTION netting_id(id uuid, n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex(1700000000000 + n::bigint), 12, '0') || substr(replace(id::text, '-', ''), 13))::uuid $$;
CREATE TABLE netting_base AS SELECT id, row_number() OVER (ORDER BY id) - 1 AS nr FROM trades_trade;
CREATE TABLE netting_account AS SELECT a.id, a.owner_id, row_number() OVER (ORDER BY a.id) - 1 AS nr FROM clients_account a;
"""
# Amounts differ from copy to copy, so that no leg nets to exactly nothing.
_MORE = "round(x.{0} * (1 + n::numeric / 100000), CASE WHEN x.{0} < 1000 THEN 8 ELSE 2 END)"
_TABLES: dict[str, tuple[str, dict[str, str]]] = {
    "trades_trade": ("x.id = b.id", {
        "id": "netting_id(x.id, n)", "counterparty_id": "a.owner_id", "account_id": "a.id", "rfq_id": "netting_id(x.rfq_id, n)",
        "quote_id": "netting_id(x.quote_id, n)", "client_order_id": "x.client_order_id || '-' || n",
    }),
    "trades_tradeversion": ("x.trade_id = b.id", {
        "id": "netting_id(x.id, n)", "trade_id": "netting_id(x.trade_id, n)", "value_date": "%(day)s::date",
        "pays": _MORE.format("pays"), "receives": _MORE.format("receives"),
    }),
    "settlement_obligation": ("x.trade_id = b.id", {
        "id": "netting_id(x.id, n)", "trade_id": "netting_id(x.trade_id, n)", "version_id": "netting_id(x.version_id, n)",
        "account_id": "a.id",
        "amount": _MORE.format("amount"), "value_date": "%(day)s::date", "status": "%(status)s", "settled_at": "NULL",
        "settled_amount": f"CASE WHEN %(status)s = 'SETTLED' THEN {_MORE.format('amount')} ELSE 0 END",
    }),
}  # fmt: skip
_ONE = """
WITH taken AS MATERIALIZED (
  SELECT o.id, o.account_id, o.entity_id, o.asset_id, CASE o.direction WHEN 'PAY' THEN o.amount ELSE -o.amount END AS due
  FROM settlement_obligation o
  WHERE o.status = 'OPEN' AND o.value_date = %(day)s AND o.booked_at <= %(cutoff)s AND (o.held_until IS NULL OR o.held_until <= %(cutoff)s)
    AND NOT EXISTS (SELECT 1 FROM trades_trade t JOIN clients_terms c ON c.id = t.terms_id WHERE t.id = o.trade_id AND c.mode = 'PREFUNDED')
    AND NOT EXISTS (SELECT 1 FROM trades_dispute d WHERE d.trade_id = o.trade_id AND d.status = 'OPEN')
  FOR NO KEY UPDATE OF o
), sets AS (
  INSERT INTO settlement_netset (id, account_id, entity_id, value_date, cutoff_at, attempt, status, agree_by, frozen_at)
  SELECT s.id, t.account_id, t.entity_id, %(day)s, %(cutoff)s, 1, 'FROZEN', s.agree_by, %(now)s
  FROM (SELECT DISTINCT account_id, entity_id FROM taken) t
  JOIN bench.settlement_netset s ON s.account_id = t.account_id AND s.entity_id = t.entity_id AND s.value_date = %(day)s
  RETURNING id, account_id, entity_id
), legs AS (
  INSERT INTO settlement_netleg (id, net_set_id, asset_id, direction, amount, settled_amount, status)
  SELECT l.id, n.set_id, n.asset_id, CASE WHEN n.due >= 0 THEN 'PAY' ELSE 'RECEIVE' END, abs(n.due), 0, 'OPEN'
  FROM (SELECT s.id AS set_id, t.asset_id, sum(t.due) AS due FROM taken t JOIN sets s USING (account_id, entity_id) GROUP BY 1, 2) n
  JOIN bench.settlement_netleg l ON l.net_set_id = n.set_id AND l.asset_id = n.asset_id
  RETURNING id, net_set_id, asset_id
), members AS (
  UPDATE settlement_obligation o SET status = 'NETTED', net_leg_id = l.id
  FROM taken t JOIN sets s USING (account_id, entity_id) JOIN legs l ON l.net_set_id = s.id AND l.asset_id = t.asset_id WHERE o.id = t.id
), counted AS (
  INSERT INTO events_counter AS c (client_id, last_seq)
  SELECT e.client_id, 1 FROM sets s JOIN bench.events_event e ON e.subject_id = s.id
  ON CONFLICT (client_id) DO UPDATE SET last_seq = c.last_seq + 1
  RETURNING client_id, last_seq
)
INSERT INTO events_event (NAMES, client_seq)
SELECT NAMES, c.last_seq FROM sets s JOIN bench.events_event e ON e.subject_id = s.id JOIN counted c USING (client_id)
"""
_LEFT = {  # what freezing leaves behind, each as one hash
    "sets": "SELECT md5(string_agg(s::text, ',' ORDER BY s.id)) FROM settlement_netset s",
    "legs": "SELECT md5(string_agg(l::text, ',' ORDER BY l.id)) FROM settlement_netleg l",
    "members": "SELECT md5(string_agg(o::text, ',' ORDER BY o.id)) FROM settlement_obligation o",
    "events": "SELECT md5(string_agg(concat(id, client_id, client_seq, kind, public), ',' ORDER BY id)) FROM events_event",
}


def run(seconds: int) -> list[Row]:
    many = OPEN if seconds >= WHOLE_S else 1_000 * seconds  # a short run proves that it works
    days = [FIRST + WEEK * turn for turn in range(ROUNDS + 1)]
    desk.migrate()
    _deal(desk.open_desk())
    name = settings.DATABASES["default"]["NAME"]
    with desk.superuser() as session:
        for nr, day in enumerate(days):
            _fill(session, day, many if nr else ACCOUNTS * 20, "OPEN", nr)
        session.execute("VACUUM ANALYZE")
    desk.let_go()
    with desk.superuser("postgres") as session:
        for copy in (LIMIT, BARE):
            session.execute(f'CREATE DATABASE {copy} TEMPLATE "{name}" STRATEGY FILE_COPY')
    times: list[tuple[float, float, float]] = []
    with desk.superuser(name) as ours, desk.superuser(LIMIT) as limit, desk.superuser(BARE) as bare:
        for other in (limit, bare):
            other.execute("CREATE SCHEMA bench")
            for table, column in KEPT.items():
                other.execute(f"CREATE TABLE bench.{table} (LIKE public.{table})")
                other.execute(f"CREATE INDEX ON bench.{table} ({column})")
            other.execute("SET enable_nestloop = off")  # 100,000 rows are hashed, which the planner cannot know of what a CTE writes
        bare.execute("SET session_replication_role = replica")
        for nr, day in enumerate(days):
            ours.execute("CHECKPOINT")  # before each of the three: what one has dirtied is not written out in another's time
            took = _freeze(day)
            with_walls, without = (_same(ours, other, day) for other in (limit, bare))
            if nr:  # the first one, a small one, warms it up
                times.append((took, with_walls, without))
        assert not (left := _open_of(ours)), f"{left} obligations are not frozen"
        copies = {"limit": limit, "bare": bare}
        untrue = [(what, side) for what, sql in _LEFT.items() for side, copy in copies.items() if _one(ours, sql) != _one(copy, sql)]
        assert not untrue, f"not the same rows: {untrue}"
        sets = _one(ours, "SELECT count(*) FROM settlement_netset") // len(days)
    ratios = ", ".join(f"{mine / theirs:.2f}" for mine, theirs, _ in times)
    plain = median(mine / bare_s for mine, _, bare_s in times)
    note = (
        f"{ROUNDS} rounds of {many:,} obligations into {sets} sets, each account in a transaction of its own, in turn with the limit; "
        f"ratios {ratios}; limit: one statement, one transaction, hash joins only, walls, foreign keys and indexes on; "
        f"without walls and keys {plain:.2f}"
    )
    return [row("netting", median(t[0] for t in times), median(t[1] for t in times), "s", note)]


def growth(seconds: int, dealers: list[desk.Dealer]) -> list[Row]:
    """Freezing over ten times the settled obligations, against one time, in turn."""
    less, more, each = (OPEN, 10 * OPEN, OPEN // 5) if seconds >= WHOLE_S else (2_000 * seconds, 20_000 * seconds, 1_000 * seconds)
    days = [FIRST + WEEK * turn for turn in range(ROUNDS + 1)]
    name = settings.DATABASES["default"]["NAME"]
    _deal(dealers)
    with desk.superuser() as session:
        for nr, day in enumerate(days):
            _fill(session, day, each, "OPEN", nr)
        _fill(session, FIRST - WEEK, less, "SETTLED", len(days))
    desk.let_go()
    with desk.superuser("postgres") as session:
        for copy in (SMALL, BIG):
            session.execute(f'CREATE DATABASE {copy} TEMPLATE "{name}" STRATEGY FILE_COPY')
    with desk.superuser(BIG) as session:
        _fill(session, FIRST - WEEK, more - less, "SETTLED", len(days) + 1)
    took: dict[str, list[float]] = {SMALL: [], BIG: []}
    for copy in (SMALL, BIG):
        with desk.superuser(copy) as session:
            session.execute("VACUUM ANALYZE")
    for nr, day in enumerate(days):
        for copy in (SMALL, BIG) if nr % 2 else (BIG, SMALL):
            _connect(copy)
            one = _freeze(day)
            if nr:
                took[copy].append(one)
    _connect(name)
    note = f"{less:,} and {more:,} settled obligations stored, {ROUNDS} rounds of {each:,} open ones frozen in turn"
    return [row("growth netting", median(took[BIG]), median(took[SMALL]), "s", note)]


def _connect(database: str) -> None:
    desk.let_go()
    connection.settings_dict["NAME"] = database


def _deal(dealers: list[desk.Dealer]) -> None:
    """200 clients on credit; the first of them have dealt once on each side of every pair."""
    desk.publish()
    entity, book = instruments.get_entity("flowdesk"), instruments.get_book("main")
    for number in range(len(dealers), ACCOUNTS):
        code = f"bench{number:03}"
        onboard_client(
            applicant=Applicant(
                code=code, name=f"Bench {number}", lei="", country="GB", email=f"{code}@example.com", mode="CREDIT", pairs=tuple(desk.PAIRS)
            ),
            entity_id=entity.id,
            book_id=book.id,
            approved_by=None,
        )
    assert Account.objects.count() == ACCOUNTS
    for ready in desk.make_quotes(dealers, 2 * desk.COMBINATIONS, processes=1):
        actor = dealers[ready.dealer].actor
        quote_id = ids.decode("quo", ready.quote_id)
        accept_quote(actor=actor, quote_id=quote_id, client_order_id=ready.quote_id, side=Side(ready.side), price=Decimal(ready.price))
    money.use_exact_context()
    with desk.superuser() as session:
        session.execute(_ID)
        session.execute("SET session_replication_role = replica")
        session.execute("UPDATE settlement_obligation SET status = 'CANCELLED'")  # the base is copied, not frozen


def _fill(session: psycopg.Connection[Any], day: date, many: int, status: str, nr: int) -> None:
    """`many` obligations of a value date, of all accounts alike; past all triggers, as a restored backup is."""
    session.execute("SET session_replication_role = replica")
    each = many // 2 // ACCOUNTS
    for table, (belongs, other) in _TABLES.items():
        found = session.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped", [table]
        ).fetchall()
        values = ", ".join(other.get(column, f'x."{column}"') for (column,) in found)
        columns = ", ".join(f'"{column}"' for (column,) in found)
        copies = (
            f"netting_account a CROSS JOIN generate_series(0, {each - 1}) k"
            f" CROSS JOIN LATERAL (SELECT ({nr * 2_000_000} + a.nr * {each} + k)::int) q(n)"
            f" JOIN netting_base b ON b.nr = mod(k + a.nr, (SELECT count(*) FROM netting_base)) JOIN {table} x ON {belongs}"
        )
        with psycopg.ClientCursor(session) as plain:
            plain.execute(f"INSERT INTO {table} ({columns}) SELECT {values} FROM {copies}", {"day": day, "status": status})
    session.execute("RESET session_replication_role")


def _freeze(day: date) -> float:
    """The sweep right after the cut-off of a value date; its seconds."""
    clock.freeze_desk(_cutoff(day) + timedelta(seconds=10))
    began = time.perf_counter()
    jobs.freeze_sets()
    return time.perf_counter() - began


def _cutoff(day: date) -> datetime:
    before = day - timedelta(days=1)
    return datetime(before.year, before.month, before.day, 15 if before < date(2026, 10, 25) else 16, tzinfo=UTC)


def _same(ours: psycopg.Connection[Any], other: psycopg.Connection[Any], day: date) -> float:
    """The limit's statement on the same obligations; its seconds."""
    for table, column in KEPT.items():
        mine = f"SELECT x.* FROM {table} x JOIN settlement_netset s ON s.id = x.{column} WHERE s.value_date = '{day}'"
        with (
            ours.cursor().copy(f"COPY ({mine}) TO STDOUT") as source,
            other.cursor().copy(f"COPY bench.{table} FROM STDIN") as sink,
        ):
            for block in source:
                sink.write(block)
        other.execute(f"ANALYZE bench.{table}")
    found = other.execute("SELECT attname FROM pg_attribute WHERE attrelid = 'bench.events_event'::regclass AND attnum > 0").fetchall()
    names = ", ".join(name for (name,) in found if name not in {"client_seq", "position", "xid", "recorded_at"})
    sql = _ONE.replace("SELECT NAMES", "SELECT " + ", ".join(f"e.{name}" for name in names.split(", "))).replace("NAMES", names)
    at = _cutoff(day)
    other.execute("CHECKPOINT")
    began = time.perf_counter()
    other.execute(sql, {"day": day, "cutoff": at, "now": at + timedelta(seconds=10)})
    return time.perf_counter() - began


def _open_of(session: psycopg.Connection[Any]) -> int:
    return int(_one(session, "SELECT count(*) FROM settlement_obligation WHERE status = 'OPEN'"))


def _one(session: psycopg.Connection[Any], sql: Any) -> Any:
    found = session.execute(sql).fetchone()
    assert found is not None
    return found[0]
