"""`ledger`: two-movement postings a second through `ledger.operations.post`, against one hand-written SQL function on plain tables."""

import random
import time
from datetime import datetime
from decimal import Decimal
from statistics import median
from uuid import UUID

from django.conf import settings

from apps.core import ids, money
from apps.core.unit import use_case
from apps.ledger import operations as ledger
from apps.ledger.rules import Ref, credit, debit
from apps.ledger.states import Kind
from bench import desk, pgbench
from bench.rows import Row, row

ROUNDS, WRITERS, ACCOUNTS, BATCH = 3, 8, 50, 100
_ENTITY = UUID(int=7)
_REFS = [Ref(_ENTITY, Kind.SUSPENSE, "USD", owner_id=UUID(int=n + 1)) for n in range(ACCOUNTS)]
# The same columns and indexes, without triggers, foreign keys or any look at what is written.
_PLAIN = """
CREATE TABLE bench_account (LIKE ledger_ledgeraccount INCLUDING ALL);
CREATE TABLE bench_transaction (LIKE ledger_ledgertransaction INCLUDING ALL);
CREATE TABLE bench_line (LIKE ledger_ledgerline INCLUDING ALL);
CREATE FUNCTION bench_account_id(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT lpad(n::text, 32, '0')::uuid $$;
INSERT INTO bench_account (id, entity_id, kind, asset_code, owner_id, designation, amount, held, version)
  SELECT bench_account_id(n), bench_account_id(0), 'SUSPENSE', 'USD', bench_account_id(n), 'HOUSE', 0, 0, 0 FROM generate_series(1, 50) n;
CREATE FUNCTION bench_post(a int, b int, moved numeric) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t uuid := uuidv7(); low uuid := bench_account_id(least(a, b)); high uuid := bench_account_id(greatest(a, b));
  first numeric := CASE WHEN a < b THEN moved ELSE -moved END;
  x1 numeric; v1 bigint; x2 numeric; v2 bigint;
BEGIN
  INSERT INTO bench_transaction (id, key, payload_hash, kind, entity_id, source_type, source_id, narrative, effective_at, business_date)
    VALUES (t, 'bench:' || t, repeat('0', 64), 'BENCH', bench_account_id(0), 'bench', t, '', now(), current_date);
  UPDATE bench_account SET amount = amount + first, version = version + 1 WHERE id = low RETURNING amount, version INTO x1, v1;
  UPDATE bench_account SET amount = amount - first, version = version + 1 WHERE id = high RETURNING amount, version INTO x2, v2;
  INSERT INTO bench_line (transaction_id, account_id, asset_code, amount, balance, version)
    VALUES (t, low, 'USD', first, x1, v1), (t, high, 'USD', -first, x2, v2);
END $$;
CREATE FUNCTION bench_post_many(many int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE a int;
BEGIN
  FOR i IN 1..many LOOP
    a := 1 + floor(random() * 50);
    PERFORM bench_post(a, 1 + (a + floor(random() * 49)::int) % 50, 1.25);
  END LOOP;
END $$;
"""
_ONE = "\\set a random(1, 50)\n\\set b 1 + (:a + random(0, 48)) % 50\nSELECT bench_post(:a, :b, 1.25);\n"
_MANY = f"SELECT bench_post_many({BATCH});\n"
_UNTRUE = """
SELECT (SELECT sum(amount) <> 0 FROM ledger_ledgeraccount) OR EXISTS (
  SELECT 1 FROM ledger_ledgeraccount a WHERE amount <> (SELECT coalesce(sum(amount), 0) FROM ledger_ledgerline WHERE account_id = a.id))
"""


@use_case
def post_some(*, count: int, now: datetime) -> None:
    """`count` postings between random accounts in one transaction."""
    for _ in range(count):
        one, other = random.sample(_REFS, 2)
        source = ids.uuid7()
        ledger.post(
            key=f"bench:{source}",
            kind="BENCH",
            source_type="bench",
            source_id=source,
            lines=[debit(one, Decimal("1.25")), credit(other, Decimal("1.25"))],
            effective_at=now,
            business_date=now.date(),
        )


def run(seconds: int) -> list[Row]:
    desk.migrate()
    money.use_exact_context()
    with desk.superuser() as session:
        session.execute(_PLAIN)
    _open()
    name = settings.DATABASES["default"]["NAME"]
    turn_s = max(1, seconds // ROUNDS)
    posted = 0
    ones: list[tuple[float, float]] = []
    manys: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        for writers, count, script, rates in ((WRITERS, 1, _ONE, ones), (1, BATCH, _MANY, manys)):
            done = desk.forked(_write, [(count, turn_s)] * writers)
            posted += sum(many for many, _ in done)
            limit, _ = pgbench.rate(script, database=name, clients=writers, seconds=turn_s)
            rates.append((sum(many / took for many, took in done), limit * count))
    with desk.superuser() as session:
        found = session.execute("SELECT count(*) FROM ledger_ledgertransaction").fetchone()
        untrue = session.execute(_UNTRUE).fetchone()
    assert found is not None and found[0] == posted, f"{posted} postings returned, {found} stand"
    assert untrue is not None and not untrue[0], "balances are not the sums of their lines"
    note = "limit: one SQL function a posting on plain copies of the tables (no triggers, foreign keys or checks of what is posted)"
    return [
        _row("ledger", ones, f"{WRITERS} writers (processes), {ACCOUNTS} accounts, one transaction each; {note}, 8 clients"),
        _row("ledger batch", manys, f"{BATCH} postings a transaction by one writer; {note}, called {BATCH} times in one transaction"),
    ]


def _row(name: str, rates: list[tuple[float, float]], note: str) -> Row:
    told = f"{note}; ratios {', '.join(f'{a / b:.2f}' for a, b in rates)}"
    return row(name, median(a for a, _ in rates), median(b for _, b in rates), "postings/s", told)


@use_case
def _open_all(*, now: datetime) -> None:
    ledger.open_accounts(_REFS)


def _open() -> None:
    _open_all()
    post_some(count=0)


def _write(share: tuple[int, int]) -> tuple[int, float]:
    """Postings made, and the seconds they took."""
    count, seconds = share
    money.use_exact_context()
    random.seed(time.time_ns())
    for _ in range(5):
        post_some(count=0)  # the connection stands
    posted, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < seconds:
        post_some(count=count)
        posted += count
    desk.let_go()
    return posted, took
