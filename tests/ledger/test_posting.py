"""Promise 3: every transaction sums to zero, entries stay, balances are their running sums, at any concurrency."""

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal as D
from uuid import UUID

import pytest
from django.db import IntegrityError, ProgrammingError

from apps.core import db, ids
from apps.core.unit import use_case
from apps.ledger import operations as ledger
from apps.ledger import queries
from apps.ledger.errors import PostingConflict, Unbalanced
from apps.ledger.rules import Line, Ref, credit, debit
from apps.ledger.states import Kind
from tests import world
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
HOUSE = UUID(int=1)
BOOK = UUID(int=2)
SOURCE = UUID(int=3)


def nostro(asset: str = "USD", entity: UUID = HOUSE) -> Ref:
    return Ref(entity, Kind.NOSTRO, asset, owner_id=UUID(int=9))


def capital(asset: str = "USD", entity: UUID = HOUSE) -> Ref:
    return Ref(entity, Kind.CAPITAL, asset)


def balance(owner: UUID, asset: str = "USD") -> Ref:
    return Ref(HOUSE, Kind.CLIENT_BALANCE, asset, owner_id=owner)


@use_case
def post(*, key: str, lines: Sequence[Line], now: datetime, again: Sequence[Line] | None = None, kind: str = "TEST") -> None:
    for one in (lines, again):
        if one is not None:
            ledger.post(
                key=key,
                kind=kind,
                source_type="test",
                source_id=SOURCE,
                lines=one,
                effective_at=now,
                business_date=world.NOON.date(),
            )


def moved(amount: str = "100", asset: str = "USD") -> list[Line]:
    return [debit(nostro(asset), D(amount)), credit(capital(asset), D(amount))]


def wrong_balances() -> list[tuple[object, ...]]:
    """Accounts whose balance or version is not that of their lines, and lines that do not run."""
    return db.run("""
      SELECT a.id FROM ledger_ledgeraccount a
      LEFT JOIN (SELECT account_id, sum(amount) AS s, count(*) AS n, max(version) AS top FROM ledger_ledgerline GROUP BY account_id) l
        ON l.account_id = a.id
      WHERE a.amount <> coalesce(l.s, 0) OR a.version <> coalesce(l.n, 0) OR a.version <> coalesce(l.top, 0)
      UNION ALL
      SELECT account_id FROM (
        SELECT account_id, balance, sum(amount) OVER w AS running, version, row_number() OVER w AS place
        FROM ledger_ledgerline WINDOW w AS (PARTITION BY account_id ORDER BY version)) r
      WHERE balance <> running OR version <> place""")


def test_a_posting_moves_balances_to_the_last_of_eighteen_decimals() -> None:
    post(key="one", lines=moved("0.000000000000000001"))
    post(key="two", lines=moved("12345678901234567890.1"))
    assert queries.get_amount(nostro()) == D("12345678901234567890.100000000000000001")
    assert queries.get_amount(capital()) == -queries.get_amount(nostro())
    assert not wrong_balances()


def test_several_lines_of_one_account_run_in_their_order() -> None:
    post(key="many", lines=[debit(nostro(), D(5)), credit(nostro(), D(2)), debit(nostro(), D(1)), credit(capital(), D(4))])
    rows = db.run("SELECT amount, balance, version FROM ledger_ledgerline WHERE account_id = %s ORDER BY version", (nostro().id,))
    assert rows == [(D(5), D(5), 1), (D(-2), D(3), 2), (D(1), D(4), 3)]


@pytest.mark.parametrize(
    "lines",
    [
        [debit(nostro(), D(1)), credit(capital(), D("0.999999999999999999"))],
        [debit(nostro("USD"), D(1)), credit(capital("EUR"), D(1))],
        [debit(nostro(), D(1)), credit(capital(entity=UUID(int=7)), D(1))],
        [debit(nostro(), D(0)), credit(capital(), D(0))],
        [],
    ],
)
def test_lines_that_do_not_sum_to_zero_per_asset_within_one_entity_are_a_bug(lines: list[Line]) -> None:
    with pytest.raises(Unbalanced):
        post(key="off", lines=lines)
    assert db.one("SELECT count(*) FROM ledger_ledgertransaction") == (0,)


def test_the_same_key_with_the_same_lines_posts_once() -> None:
    for _ in range(3):
        post(key="deal:1", lines=moved())
    post(key="deal:1", lines=list(reversed(moved())))
    post(key="deal:1", lines=moved(), again=moved())
    assert queries.get_amount(nostro()) == D(100)
    assert db.one("SELECT count(*), (SELECT count(*) FROM ledger_ledgerline) FROM ledger_ledgertransaction") == (1, 2)


def test_the_same_key_twice_in_one_use_case_posts_once() -> None:
    post(key="deal:1", lines=moved(), again=moved())
    assert queries.get_amount(nostro()) == D(100)


@pytest.mark.parametrize("other", [moved("101"), [debit(capital(), D(100)), credit(nostro(), D(100))], moved("100", "EUR")])
def test_the_same_key_with_other_lines_is_a_conflict_and_changes_nothing(other: list[Line]) -> None:
    post(key="deal:1", lines=moved())
    with pytest.raises(PostingConflict):
        post(key="deal:1", lines=other)
    with pytest.raises(PostingConflict):
        post(key="deal:1", lines=moved(), kind="ANOTHER")
    assert queries.get_amount(nostro()) == D(100)
    assert not wrong_balances()


def test_eight_threads_posting_on_shared_accounts_keep_running_balances_exact() -> None:
    owners = [UUID(int=100 + i) for i in range(4)]

    def work(index: int) -> None:
        for number in range(25):
            owner = owners[(index + number) % 4]
            amount = D(f"0.{index + 1:06d}{number + 1:012d}")
            post(key=f"{index}:{number}", lines=[debit(nostro(), amount), credit(balance(owner), amount)])

    assert together(8, work) == [None] * 8
    assert db.one("SELECT count(*) FROM ledger_ledgertransaction") == (200,)
    assert db.one("SELECT version, amount FROM ledger_ledgeraccount WHERE id = %s", (nostro().id,)) == (
        200,
        sum((D(f"0.{i + 1:06d}{n + 1:012d}") for i in range(8) for n in range(25)), D(0)),
    )
    assert not wrong_balances()
    assert db.one("SELECT sum(amount) FROM ledger_ledgeraccount") == (D(0),)


def test_eight_threads_with_one_key_post_it_once() -> None:
    assert together(8, lambda _: post(key="same", lines=moved())) == [None] * 8
    assert queries.get_amount(nostro()) == D(100)
    assert not wrong_balances()


def test_eight_threads_with_one_key_and_other_lines_post_one_of_them() -> None:
    found = together(8, lambda index: post(key="same", lines=moved(str(index + 1))))
    assert sorted(type(one).__name__ for one in found) == ["NoneType"] + ["PostingConflict"] * 7
    assert queries.get_amount(nostro()) == D(found.index(None) + 1)
    assert not wrong_balances()


def test_postings_in_opposite_order_do_not_deadlock() -> None:
    one, other = balance(UUID(int=50)), balance(UUID(int=51))

    def work(index: int) -> None:
        for number in range(20):
            first, second = (one, other) if (index + number) % 2 else (other, one)
            post(key=f"{index}:{number}", lines=[debit(first, D(1)), credit(second, D(1))])

    assert together(8, work) == [None] * 8
    assert not wrong_balances()


# --- the database as second wall ----------------------------------------------------------------------------------------
def header(key: str, xid: str = "pg_current_xact_id()::text::bigint") -> UUID:
    made = ids.uuid7()
    db.run(
        "INSERT INTO ledger_ledgertransaction "
        "(id, key, payload_hash, kind, entity_id, source_type, source_id, narrative, effective_at, business_date, xid) "
        f"VALUES (%s, %s, 'x', 'RAW', %s, 'raw', %s, '', now(), now(), {xid})",
        (made, key, HOUSE, SOURCE),
    )
    return made


@use_case
def raw(*, amounts: Sequence[tuple[Ref, str, str, int]], now: datetime, key: str = "raw", of: UUID | None = None) -> None:
    """Insert a header and lines (ref, amount, balance, version) by hand, all lines in one statement, balances moved with them."""
    transaction = of or header(key)
    for ref, amount, _, version in amounts:
        db.run("UPDATE ledger_ledgeraccount SET amount = amount + %s, version = %s WHERE id = %s", (D(amount), version, ref.id))
    if amounts:
        values = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(amounts))
        params = [x for ref, amount, run, version in amounts for x in (transaction, ref.id, ref.asset, D(amount), D(run), version)]
        db.run(f"INSERT INTO ledger_ledgerline (transaction_id, account_id, asset_code, amount, balance, version) VALUES {values}", params)


def test_raw_lines_that_run_and_sum_to_zero_are_taken() -> None:
    post(key="first", lines=moved())
    raw(amounts=[(nostro(), "5", "105", 2), (capital(), "-5", "-105", 2)])
    assert not wrong_balances()


@pytest.mark.parametrize(
    ("amounts", "constraint"),
    [
        ([(nostro(), "5", "105", 2), (capital(), "-4.999999999999999999", "-104.999999999999999999", 2)], "ledger_zero_sum"),
        ([(nostro(), "5", "105", 2)], "ledger_zero_sum"),
        ([(nostro(), "5", "106", 2), (capital(), "-5", "-105", 2)], "ledger_running"),
        ([(nostro(), "5", "105", 3), (capital(), "-5", "-105", 2)], "ledger_running"),
        ([(nostro(), "5", "105", 1), (capital(), "-5", "-105", 2)], "ledgerline_version"),
        ([(nostro(), "0", "100", 2), (capital(), "0", "-100", 2)], "ledgerline_not_zero"),
        ([], "ledger_has_lines"),
        ([(nostro(), "5", "105", 2), (nostro(entity=UUID(int=8)), "-5", "-5", 1)], "ledger_running"),
    ],
)
def test_raw_sql_cannot_post_what_does_not_balance_or_run(amounts: list[tuple[Ref, str, str, int]], constraint: str) -> None:
    post(key="first", lines=moved())
    with pytest.raises(IntegrityError, match=constraint if constraint.startswith("ledgerline") else None) as no:
        raw(amounts=amounts)
    assert no.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]
    assert queries.get_amount(nostro()) == D(100)


def test_an_account_is_on_one_side_of_the_position_identity() -> None:
    """With zero sums per asset and entity that is all the identity needs, at every commit."""
    with pytest.raises(IntegrityError) as no:
        db.run(
            "INSERT INTO ledger_ledgeraccount (id, entity_id, kind, asset_code, designation, amount, held, version) "
            "VALUES (%s, %s, 'ELSEWHERE', 'USD', 'HOUSE', 0, 0, 0)",
            (ids.uuid7(), HOUSE),
        )
    assert no.value.__cause__.diag.constraint_name == "ledgeraccount_kind"  # type: ignore[union-attr]


def test_a_single_posting_and_many_at_once_leave_the_same_lines() -> None:
    """The function and the statement: lines in the order of the posting, several of one account running."""
    a, b = nostro(), capital()
    some = [debit(a, D(3)), credit(b, D(1)), credit(b, D(2)), debit(b, D(5)), credit(a, D(5))]
    post(key="one", lines=some)

    @use_case
    def both(*, now: datetime) -> None:
        for key in ("two", "three"):
            post.__wrapped__(key=key, lines=some, now=now)

    both()
    told = db.run(
        "SELECT t.key, l.account_id, l.amount FROM ledger_ledgerline l "
        "JOIN ledger_ledgertransaction t ON t.id = l.transaction_id ORDER BY l.id"
    )
    for key in ("one", "two", "three"):
        assert [row[1:] for row in told if row[0] == key] == [(line.ref.id, line.amount) for line in some]
    assert not wrong_balances()


def test_lines_cannot_be_added_to_a_transaction_later() -> None:
    post(key="first", lines=moved())
    first = db.one("SELECT id FROM ledger_ledgertransaction")[0]
    with pytest.raises(IntegrityError, match="never added"):
        raw(amounts=[(nostro(), "5", "105", 2), (capital(), "-5", "-105", 2)], of=first)
    assert not wrong_balances()


def test_what_makes_a_header_may_write_its_lines_in_two_statements_each_of_which_balances() -> None:
    post(key="first", lines=moved())

    @use_case
    def halves(*, second: str, now: datetime) -> None:
        made = header("halves")
        raw.__wrapped__(amounts=[(nostro(), "5", "105", 2), (capital(), "-5", "-105", 2)], of=made, now=now)
        raw.__wrapped__(amounts=[(nostro(), "5", "110", 3), (capital(), second, "-110", 3)], of=made, now=now)

    with pytest.raises(IntegrityError, match="sum to zero"):
        halves(second="-4")
    halves(second="-5")
    assert not wrong_balances()


def test_a_header_cannot_be_prepared_for_a_later_transaction() -> None:
    """`xid` is what tells that a line is not added later: one that is of another transaction takes no lines."""
    post(key="first", lines=moved())

    @use_case
    def ahead(*, now: datetime) -> None:
        made = header("ahead", xid="pg_current_xact_id()::text::bigint + 1")
        raw.__wrapped__(amounts=[(nostro(), "5", "105", 2), (capital(), "-5", "-105", 2)], of=made, now=now)

    with pytest.raises(IntegrityError, match="never added"):
        ahead()


def test_a_header_of_before_a_restore_takes_no_lines_though_its_number_comes_again(superuser_session) -> None:  # type: ignore[no-untyped-def]
    post(key="first", lines=moved())
    superuser_session.execute("SET session_replication_role = 'replica'")  # no trigger looks

    @use_case
    def again(*, now: datetime) -> None:
        older.execute("SELECT pg_current_xact_id()")
        number, made = db.one("SELECT pg_current_xact_id()::text::bigint")[0], ids.uuid7()
        older.execute(
            "INSERT INTO ledger_ledgertransaction SELECT (jsonb_populate_record(t, %s)).* FROM ledger_ledgertransaction t",
            (json.dumps({"id": str(made), "key": "restored", "xid": number}),),
        )
        older.execute("COMMIT")
        raw.__wrapped__(amounts=[(nostro(), "5", "105", 2), (capital(), "-5", "-105", 2)], of=made, now=now)

    older = superuser_session
    older.execute("BEGIN")
    with pytest.raises(IntegrityError, match="never added"):
        again()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE ledger_ledgerline SET amount = amount",
        "UPDATE ledger_ledgertransaction SET narrative = 'changed'",
        "DELETE FROM ledger_ledgerline",
        "DELETE FROM ledger_ledgertransaction",
        "DELETE FROM ledger_ledgeraccount",
        "TRUNCATE ledger_ledgerline",
        "TRUNCATE ledger_ledgertransaction CASCADE",
        "TRUNCATE ledger_ledgeraccount CASCADE",
    ],
)
def test_entries_are_never_changed_by_the_app_nor_by_the_owner(sql: str, superuser_session) -> None:  # type: ignore[no-untyped-def]
    post(key="first", lines=moved())
    with pytest.raises((IntegrityError, ProgrammingError)):
        db.run(sql)
    with pytest.raises(Exception, match=r"is refused, its rows are kept"):
        superuser_session.execute(sql)
    assert queries.get_amount(nostro()) == D(100)


@pytest.mark.parametrize(
    "change",
    [
        "amount = amount + 1",
        "amount = 0, version = 0",
        "version = version + 1",
        "asset_code = 'EUR'",
        "kind = 'CAPITAL'",
        "owner_id = NULL",
    ],
)
def test_a_balance_is_nothing_but_its_lines(change: str) -> None:
    post(key="first", lines=moved())
    with pytest.raises(IntegrityError):
        db.run(f"UPDATE ledger_ledgeraccount SET {change} WHERE id = %s", (nostro().id,))
    assert not wrong_balances()


def test_a_balance_never_goes_back_to_an_older_line() -> None:
    post(key="first", lines=moved())
    post(key="second", lines=moved())
    with pytest.raises(IntegrityError) as no:
        db.run("UPDATE ledger_ledgeraccount SET amount = 100, version = 1 WHERE id = %s", (nostro().id,))
    assert no.value.__cause__.diag.constraint_name == "ledger_balance"  # type: ignore[union-attr]
    assert queries.get_amount(nostro()) == D(200)


@pytest.mark.parametrize(
    "change",
    [
        "entity_id = %s",
        "kind = 'VENUE'",
        "asset_code = 'BTC'",
        "book_id = %s",
        "owner_id = %s",
        "designation = 'CLIENT'",
        "amount = 0, kind = 'VENUE'",
    ],
)
def test_what_a_balance_is_of_never_changes(change: str) -> None:
    post(key="first", lines=moved())
    with pytest.raises(IntegrityError) as no:
        db.run(f"UPDATE ledger_ledgeraccount SET {change} WHERE kind = 'NOSTRO'", (ids.uuid7(),) if "%s" in change else ())
    assert no.value.__cause__.diag.constraint_name == "ledger_ledgeraccount_frozen"  # type: ignore[union-attr]


def test_an_account_is_born_at_zero() -> None:
    with pytest.raises(IntegrityError, match="born at zero"):
        db.run(
            "INSERT INTO ledger_ledgeraccount (id, entity_id, kind, asset_code, designation, amount, held, version) "
            "VALUES (%s, %s, 'NOSTRO', 'USD', 'HOUSE', 5, 0, 0)",
            (ids.uuid7(), HOUSE),
        )


def test_a_crash_before_the_commit_leaves_neither_lines_nor_balances() -> None:
    @use_case
    def dies(*, now: datetime) -> None:
        post.__wrapped__(key="lost", lines=moved(), now=now)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dies()
    assert db.one("SELECT count(*) FROM ledger_ledgertransaction") == (0,)
    post(key="lost", lines=moved())
    assert queries.get_amount(nostro()) == D(100)


def test_what_a_transaction_posts_it_reverses_and_counts_though_nothing_is_written_yet() -> None:
    other, nth = ids.uuid7(), list[int]()

    @use_case
    def run(*, now: datetime) -> None:
        given = {"source_type": "test", "effective_at": now, "business_date": world.NOON.date()}
        back = {"source_id": SOURCE, "kinds": ["TEST"], "effective_at": now, "business_date": world.NOON.date()}
        for _ in range(2):
            nth.append(ledger.count_posted(source_ids=[SOURCE, other], kind="TEST")[SOURCE])
            ledger.post(key=f"t-{nth[-1]}", kind="TEST", source_id=SOURCE, lines=moved(), **given)
            ledger.post(key=f"o-{nth[-1]}", kind="OTHER", source_id=SOURCE, lines=moved("1"), **given)
            assert (ledger.reverse(**back), ledger.reverse(**back)) == (1, 0)

    run()
    run()
    assert nth == [0, 1, 2, 3]
    rows = db.run("SELECT t.key, o.key FROM ledger_ledgertransaction t JOIN ledger_ledgertransaction o ON o.id = t.reverses_id ORDER BY 1")
    assert rows == [(f"t-{n}:reversed", f"t-{n}") for n in range(4)]
    assert db.one("SELECT amount FROM ledger_ledgeraccount WHERE id = %s", (nostro().id,)) == (D(4),)
    assert wrong_balances() == []
