"""The limit of `accept`: pgbench leaves behind, in a copy of the database, the very rows that the platform left, by the least SQL.

The platform deals first. Its new rows are copied into the schema `bench` of the copied database, numbered deal by deal; then pgbench writes
them into the copy's own tables (their indexes, foreign keys and triggers on), one statement after the other, prepared, 8 clients at once.
What a deal can only know under its locks is made there again: running balances and versions, and the client's event number.
"""

from typing import Any

import psycopg

from bench import desk

DATABASE = "bench_limit"
# Rows of each table that belong to one deal `t`, and what is left to a default or made under the lock.
_ROWS: dict[str, tuple[str, set[str]]] = {
    "trades_trade": ("x.id = t.id", set()),
    "trades_tradeversion": ("x.trade_id = t.id", {"recorded_at"}),
    "settlement_obligation": ("x.trade_id = t.id", set()),
    "events_event": ("x.subject_id IN (t.id, t.quote_id)", {"position", "xid", "client_seq", "recorded_at"}),
    "core_storedanswer": ("x.scope_id = t.counterparty_id AND x.reference = t.client_order_id", set()),
    "ledger_ledgertransaction": ("x.source_id = t.id", {"recorded_at", "xid"}),
}
LINES = 5  # of each deal: both positions, what the client owes and is owed, our fee
_DEALS = """
CREATE TABLE bench.deal (n int PRIMARY KEY, trade_id uuid, quote_id uuid, rfq_id uuid, line_id uuid, reservation_id uuid, client_id uuid,
  amount numeric, at timestamptz, side text, transaction_id uuid, accounts uuid[], amounts numeric[], assets text[])
"""
_NUMBERED = "SELECT row_number() OVER (ORDER BY id) + %(before)s AS n, * FROM trades_trade WHERE id > %(after)s"
_DEALS_OF = """
SELECT row_number() OVER (ORDER BY t.id) + %(before)s, t.id, t.quote_id, t.rfq_id, r.line_id, r.id, t.counterparty_id, r.amount,
  t.booked_at, q.accepted_side, x.id, l.accounts, l.amounts, l.assets
FROM trades_trade t JOIN credit_reservation r ON r.source_id = t.rfq_id AND r.day IS NULL JOIN rfqs_quote q ON q.id = t.quote_id
JOIN ledger_ledgertransaction x ON x.source_id = t.id
JOIN LATERAL (SELECT array_agg(account_id ORDER BY account_id) AS accounts, array_agg(amount ORDER BY account_id) AS amounts,
  array_agg(asset_code ORDER BY account_id) AS assets FROM ledger_ledgerline WHERE transaction_id = x.id) l ON true
WHERE t.id > %(after)s
"""


def copy_database(session: psycopg.Connection[Any], source: str) -> None:
    """An identical database in the same cluster; nobody may be connected to the source."""
    session.execute(f'CREATE DATABASE {DATABASE} TEMPLATE "{source}" STRATEGY FILE_COPY')
    with desk.superuser(DATABASE) as limit:
        limit.execute("CREATE SCHEMA bench")
        limit.execute(_DEALS)
        for table in _ROWS:
            limit.execute(f"CREATE TABLE bench.{table} (n int, LIKE public.{table})")
            limit.execute(f"CREATE INDEX ON bench.{table} (n)")


def copy_deals(ours: psycopg.Connection[Any], limit: psycopg.Connection[Any], *, after: Any, before: int) -> int:
    """Bring what the platform wrote since the deal `after` over, numbered from `before` + 1; how many deals."""
    given = {"after": after, "before": before}
    count = _copy(ours, limit, _DEALS_OF, given, "bench.deal")
    for table, (belongs, _) in _ROWS.items():
        numbered = f"SELECT t.n, x.* FROM ({_NUMBERED}) t JOIN {table} x ON {belongs}"
        _copy(ours, limit, numbered, given, f"bench.{table}")
    limit.execute("ANALYZE bench.deal")
    return count


def _copy(ours: psycopg.Connection[Any], limit: psycopg.Connection[Any], select: str, given: dict[str, Any], table: str) -> int:
    with psycopg.ClientCursor(ours) as plain:
        sql = plain.mogrify(select, given)
    with ours.cursor() as out, limit.cursor() as into:
        with out.copy(f"COPY ({sql}) TO STDOUT") as source, into.copy(f"COPY {table} FROM STDIN") as sink:
            for block in source:
                sink.write(block)
        return into.rowcount


_UPDATES = r"""
\set n :first + :k * 8 + :client_id
\set k :k + 1
BEGIN;
UPDATE credit_line l SET reserved = reserved - d.amount, used = used + d.amount
  FROM bench.deal d WHERE d.n = :n AND l.id = d.line_id;
UPDATE credit_reservation r SET status = 'COMMITTED', deal_id = d.trade_id
  FROM bench.deal d WHERE d.n = :n AND r.source_id = d.rfq_id;
UPDATE credit_lineday x SET reserved = x.reserved - r.amount, used = x.used + r.amount
  FROM bench.deal d JOIN credit_reservation r ON r.source_id = d.rfq_id WHERE d.n = :n AND x.line_id = r.line_id AND x.day = r.day;
UPDATE rfqs_quote q SET status = 'ACCEPTED', accepted_at = d.at, accepted_side = d.side, ended_at = d.at
  FROM bench.deal d WHERE d.n = :n AND q.id = d.quote_id;
UPDATE rfqs_rfq r SET status = 'FILLED', ended_at = d.at FROM bench.deal d WHERE d.n = :n AND r.id = d.rfq_id;
"""
_EVENTS = r"""
UPDATE events_counter c SET last_seq = last_seq + 2
  FROM bench.deal d WHERE d.n = :n AND c.client_id = d.client_id RETURNING last_seq \gset
INSERT INTO events_event (NAMES, client_seq)
  SELECT NAMES, :last_seq - 2 + row_number() OVER (ORDER BY id) FROM bench.events_event WHERE n = :n;
"""
_BALANCE = r"""
UPDATE ledger_ledgeraccount a SET amount = a.amount + d.amounts[NR], version = a.version + 1
  FROM bench.deal d WHERE d.n = :n AND a.id = d.accounts[NR] RETURNING a.amount AS bNR, a.version AS vNR \gset
"""
_LINES = """
INSERT INTO ledger_ledgerline (transaction_id, account_id, asset_code, amount, balance, version)
  SELECT d.transaction_id, d.accounts[i], d.assets[i], d.amounts[i], b, v FROM bench.deal d, (VALUES ROWS) x (i, b, v) WHERE d.n = :n;
COMMIT;
"""


def script(limit: psycopg.Connection[Any]) -> str:
    """19 statements a deal. Client c of 8 takes the deals first + 8k + c."""

    def insert(table: str) -> str:
        names = _columns(limit, table)
        return f"INSERT INTO {table} ({names}) SELECT {names} FROM bench.{table} WHERE n = :n;\n"

    numbers = range(1, LINES + 1)
    return "".join(
        [
            _UPDATES,
            *(insert(table) for table in ("trades_trade", "trades_tradeversion", "settlement_obligation")),
            _EVENTS.replace("NAMES", _columns(limit, "events_event")),
            *(insert(table) for table in ("core_storedanswer", "ledger_ledgertransaction")),
            *(_BALANCE.replace("NR", str(i)) for i in numbers),
            _LINES.replace("ROWS", ", ".join(f"({i}, :b{i}::numeric, :v{i}::bigint)" for i in numbers)),
        ]
    )


def _columns(limit: psycopg.Connection[Any], table: str) -> str:
    """Those that are copied, as SQL."""
    found = limit.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum", [table]
    ).fetchall()
    return ", ".join(name for (name,) in found if name not in _ROWS[table][1])
