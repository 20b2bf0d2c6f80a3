"""`accept`: accepts a second over signed HTTP on the running web role, against pgbench writing the same rows by the least SQL."""

import os
from statistics import median
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings

from bench import cpu, desk, limit, load, pgbench
from bench.rows import Row, row
from bench.web import web_role

ROUNDS, EIGHT, A_SECOND = 4, 8, 800
_SAME = (
    "trades_trade",
    "trades_tradeversion",
    "settlement_obligation",
    "events_event",
    "core_storedanswer",
    "ledger_ledgertransaction",
    "ledger_ledgerline",
)
_UNTRUE = """
SELECT (SELECT count(*) FROM (SELECT asset_code FROM ledger_ledgeraccount GROUP BY 1 HAVING sum(amount) <> 0) x)
  + (SELECT count(*) FROM ledger_ledgeraccount a WHERE amount <>
       (SELECT coalesce(sum(amount), 0) FROM ledger_ledgerline WHERE account_id = a.id))
  + (SELECT count(*) FROM credit_line l WHERE (reserved, used) <> (SELECT
       coalesce(sum(amount) FILTER (WHERE status = 'RESERVED'), 0), coalesce(sum(amount) FILTER (WHERE status = 'COMMITTED'), 0)
       FROM credit_reservation WHERE line_id = l.id AND day IS NULL))
  + (SELECT count(*) FROM credit_lineday d WHERE (reserved, used) <> (SELECT
       coalesce(sum(amount) FILTER (WHERE status = 'RESERVED'), 0), coalesce(sum(amount) FILTER (WHERE status = 'COMMITTED'), 0)
       FROM credit_reservation r WHERE r.line_id = d.line_id AND r.day = d.day))
  + (SELECT count(*) FROM events_counter c WHERE last_seq <> (SELECT count(client_seq) FROM events_event WHERE client_id = c.client_id))
"""


def run(seconds: int) -> list[Row]:
    desk.migrate()
    dealers = desk.open_desk()
    each = max(2 * desk.COMBINATIONS, A_SECOND * seconds // ROUNDS) // EIGHT * EIGHT
    quotes = desk.make_quotes(dealers, 2 * desk.COMBINATIONS + ROUNDS * each)
    warm, quotes = quotes[: 2 * desk.COMBINATIONS], quotes[2 * desk.COMBINATIONS :]
    name = settings.DATABASES["default"]["NAME"]
    with web_role() as (port, _):  # once before the copy: every balance exists, in both databases
        _accept(port, dealers, warm)
    desk.let_go()
    with desk.superuser("postgres") as session:
        session.execute("CHECKPOINT")
        limit.copy_database(session, name)
    rates: list[tuple[float, float]] = []
    with web_role() as (port, web), desk.superuser(name) as ours, desk.superuser(limit.DATABASE) as other:
        ours.execute("VACUUM ANALYZE")
        other.execute("VACUUM ANALYZE")
        script = limit.script(other)
        extra = desk.make_quotes(dealers, desk.COMBINATIONS * 4)
        _accept(port, dealers, extra)  # this web role is warm too; these deals are not the limit's
        base = _counts(ours)
        other_base = _counts(other)
        after = _last(ours)
        server = cpu.parent_of(ours.info.backend_pid)
        spent: list[tuple[float, float]] = []
        for turn in range(ROUNDS):
            mine = quotes[turn * each : (turn + 1) * each]
            began = cpu.used_s(server, web)
            ours_rate = _accept(port, dealers, mine)
            ours_spent = cpu.used_s(server, web) - began
            brought = limit.copy_deals(ours, other, after=after, before=turn * each)
            assert brought == each, f"{each} answers of 201, {brought} deals"
            after = _last(ours)
            began = cpu.used_s(server, os.getpid())
            limit_rate, done = pgbench.rate(script, database=limit.DATABASE, clients=EIGHT, each=each // EIGHT, first=turn * each + 1, k=0)
            assert done == each
            rates.append((ours_rate, limit_rate))
            spent.append((ours_spent / each * 1000, (cpu.used_s(server, os.getpid()) - began) / each * 1000))
        left, left_there = _counts(ours), _counts(other)
        grown = {t: (left[t] - base[t], left_there[t] - other_base[t]) for t in _SAME}
        assert all(a == b for a, b in grown.values()), f"not the same rows (ours, limit): {grown}"
        for session in (ours, other):
            untrue = session.execute(_UNTRUE).fetchone()
            assert untrue is not None and untrue[0] == 0, "balances, lines or event numbers do not add up"
    used, used_there = (median(pair[i] for pair in spent) for i in (0, 1))
    note = (
        f"processor time a deal {used:.2f} ms, limit {used_there:.2f} ms; "
        f"{ROUNDS} rounds of {each} deals, ours and the limit in turn, medians; ratios {', '.join(f'{a / b:.2f}' for a, b in rates)}; "
        "limit: pgbench, 8 clients, prepared, 19 statements a deal, the same rows into a copy of the database; desk clock frozen"
    )
    return [row("accept", median(a for a, _ in rates), median(b for _, b in rates), "accepts/s", note)]


def _accept(port: int, dealers: list[desk.Dealer], quotes: list[desk.Ready]) -> float:
    """Accepts a second; every one of them is a deal."""
    done = load.run(load.Job(port, EIGHT, [desk.accept_request(port, one, dealers) for one in quotes]))
    assert done.statuses == {201: len(quotes)}, f"{done.statuses}: {done.first_refusal[:2000]!r}"
    return len(quotes) / done.elapsed_s


def _counts(session: psycopg.Connection[Any]) -> dict[str, int]:
    found = session.execute(" UNION ALL ".join(f"SELECT '{t}', count(*) FROM {t}" for t in _SAME)).fetchall()
    return dict(found)


def _last(session: psycopg.Connection[Any]) -> UUID:
    found = session.execute("SELECT id FROM trades_trade ORDER BY id DESC LIMIT 1").fetchone()
    assert found is not None
    last: UUID = found[0]
    return last
