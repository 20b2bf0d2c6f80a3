"""Worked case 12: a correction into a closed day; into a locked month. Every posting with both of its dates; debits are positive."""

from datetime import UTC, date, datetime
from decimal import Decimal as D
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from apps.core import clock, db, money
from apps.core.unit import use_case
from apps.jobs import settlement as jobs
from apps.ledger import operations as ledger
from apps.ledger import queries as balances
from apps.ledger.rules import Line, Ref
from apps.ledger.states import Kind
from apps.reports.queries import adjustments, closing
from apps.rfqs.states import Side
from apps.settlement.rails import outside
from tests import books, deals, world
from tests.close import world as days
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
TUESDAY, WEDNESDAY, SEPTEMBER = date(2026, 9, 15), date(2026, 9, 16), date(2026, 9, 1)


@pytest.fixture(autouse=True)
def _proven(transactional_db: None) -> Any:
    yield
    books.proven()


def charge(amount: str, at: datetime) -> None:
    """The bank charges us, and tells it when its statement is read next."""
    place = here.place("USD")
    outside.change(place, lambda doc: outside.add(doc, at=at, kind="CHARGE", amount=money.text(-D(amount)), remittance="account fee"))


def journal() -> list[str]:
    """'posted on | effective: kind account asset amount', in the order in which they were recorded."""
    rows = db.run(
        """SELECT t.business_date, to_char(t.effective_at, 'YYYY-MM-DD HH24:MI'), t.kind, a.kind, l.asset_code, trim_scale(l.amount)
           FROM ledger_ledgertransaction t JOIN ledger_ledgerline l ON l.transaction_id = t.id JOIN ledger_ledgeraccount a
           ON a.id = l.account_id WHERE t.kind <> 'FUNDING' ORDER BY t.recorded_at, t.id, l.asset_code DESC, l.amount DESC"""
    )
    return [f"{posted} | {effective}: {kind} {account} {asset} {amount}" for posted, effective, kind, account, asset, amount in rows]


def position(on: date) -> dict[str, D]:
    """What a close of that day proves: the net open position of each asset at its end."""
    return {one.asset: one.position for one in closing.list_held(days.entity_id(), on)}


def test_case_12_a_correction_into_a_closed_day_and_into_a_locked_month() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    trade = here.deal(acme, Side.BUY, "2")
    jobs.poll_rails()
    days.close(TUESDAY)
    assert position(TUESDAY) == {"BTC": D(-2), "USD": D("40018.82")}

    # The bank booked a charge on Tuesday afternoon; its statement is read on Wednesday morning. And the price was typed wrong.
    charge("12.50", at=datetime(2026, 9, 15, 20, 15, tzinfo=UTC))
    here.at(here.VALUE_DAY)
    jobs.poll_rails()
    deals.change(trade, price="19990")
    assert journal() == [
        "2026-09-15 | 2026-09-15 12:00: DEAL RECEIVABLE USD 40018.82",
        "2026-09-15 | 2026-09-15 12:00: DEAL POSITION USD -40018.82",
        "2026-09-15 | 2026-09-15 12:00: DEAL POSITION BTC 2",
        "2026-09-15 | 2026-09-15 12:00: DEAL PAYABLE BTC -2",
        "2026-09-16 | 2026-09-15 20:15: CHARGE COST USD 12.5",  # Tuesday is closed: posted on Wednesday, effective on Tuesday
        "2026-09-16 | 2026-09-15 20:15: CHARGE NOSTRO USD -12.5",
        "2026-09-16 | 2026-09-15 12:00: CORRECTION POSITION USD 38.82",
        "2026-09-16 | 2026-09-15 12:00: CORRECTION RECEIVABLE USD -38.82",
    ]
    assert position(TUESDAY) == {"BTC": D(-2), "USD": D("40018.82")}  # what was closed stays as it was proven
    assert position(WEDNESDAY) == {"BTC": D(-2), "USD": D("39967.50")}
    tuesday_evening = datetime(2026, 9, 15, 20, 59, tzinfo=UTC)
    known = balances.list_client_balances_as_of([acme.account.id], effective_at=tuesday_evening, recorded_at=None)
    (owed,) = [one for one in known[acme.account.id] if one.asset == "USD"]
    assert owed.receivable == D(39980)  # asked by what took effect, Tuesday has the corrected price
    assert adjustments.list_adjustments(days.entity_id()) == []  # no month was locked

    # Finance lock September; in October a charge of September comes, and the deal is corrected once more.
    here.at(datetime(2026, 10, 1, 12, tzinfo=UTC))
    assert days.move_month(SEPTEMBER).status == "EXECUTED"
    charge("7", at=datetime(2026, 9, 30, 15, tzinfo=UTC))
    jobs.poll_rails()
    before = len(journal())
    assert journal()[before - 2 :] == [
        "2026-10-01 | 2026-09-30 15:00: CHARGE COST USD 7",  # Wednesday the 30th was never opened, but its month is locked
        "2026-10-01 | 2026-09-30 15:00: CHARGE NOSTRO USD -7",
    ]
    deals.change(trade, price="20017.91")
    assert journal()[before:] == [
        "2026-10-01 | 2026-09-15 12:00: CORRECTION RECEIVABLE USD 55.82",
        "2026-10-01 | 2026-09-15 12:00: CORRECTION POSITION USD -55.82",
    ]
    told = [
        (str(one.effective), str(one.business_date), one.kind, one.account, one.owner, one.asset, one.amount)
        for one in adjustments.list_adjustments(days.entity_id())
    ]
    assert told == [
        ("2026-09-30", "2026-10-01", "CHARGE", "COST", "main", "USD", D(7)),
        ("2026-09-30", "2026-10-01", "CHARGE", "NOSTRO", "USD house", "USD", D(-7)),
        ("2026-09-15", "2026-10-01", "CORRECTION", "RECEIVABLE", "acme-main", "USD", D("55.82")),
        ("2026-09-15", "2026-10-01", "CORRECTION", "POSITION", "main", "USD", D("-55.82")),
    ]

    # Unlocked, the days that were never closed take postings again; Tuesday stays closed, and what was told stays told.
    assert days.move_month(SEPTEMBER, "OPEN", "the auditor asks for an accrual").status == "EXECUTED"
    charge("1", at=datetime(2026, 9, 30, 16, tzinfo=UTC))
    jobs.poll_rails()
    assert journal()[-1] == "2026-09-30 | 2026-09-30 16:00: CHARGE NOSTRO USD -1"
    assert len(adjustments.list_adjustments(days.entity_id())) == 4


def test_nobody_posts_into_a_closed_day_not_even_by_raw_sql() -> None:
    here.open_house("USD", "BTC")
    trade = here.deal(world.firm("acme"), Side.BUY, "2")
    jobs.poll_rails()
    days.close(TUESDAY)
    header = """INSERT INTO ledger_ledgertransaction (id, key, payload_hash, kind, entity_id, source_type, source_id, narrative,
                effective_at, business_date) SELECT gen_random_uuid(), 'late', '', 'TEST', entity_id, '', id, '', %s, %s
                FROM trades_trade"""
    for sql, params, wall in (
        ("INSERT INTO ledger_closedday SELECT gen_random_uuid(), entity_id, date + 1 FROM ledger_closedday", (), "close_closes_days"),
        ("UPDATE ledger_closedday SET date = date - 1", (), "close_closes_days"),
        ("UPDATE close_businessday SET status = 'OPEN', closed_by = NULL, started_by = NULL", (), "close_reopened_by_two"),
        ("UPDATE close_businessday SET date = date - 1", (), "close_businessday_frozen"),
    ):
        with pytest.raises(IntegrityError) as no:
            db.run(sql, params)
        assert no.value.__cause__.diag.constraint_name == wall  # type: ignore[union-attr]

    with transaction.atomic():
        db.run(header, (world.NOON, TUESDAY))
        assert db.one("SELECT business_date FROM ledger_ledgertransaction WHERE key = 'late'") == (WEDNESDAY,)
        transaction.set_rollback(True)

    @use_case
    def post(*, now: datetime) -> None:
        ledger.reverse(source_id=trade.id, kinds=["DEAL"], effective_at=world.NOON, business_date=TUESDAY)
        ledger.post(key="again", kind="TEST", source_type="trade", source_id=trade.id, effective_at=world.NOON, business_date=TUESDAY,
                    lines=_back(trade.id))  # fmt: skip

    post()  # two in one statement: both go to the open day
    assert {row[0] for row in db.run("SELECT business_date FROM ledger_ledgertransaction WHERE kind IN ('REVERSAL', 'TEST')")} == {
        WEDNESDAY
    }
    assert clock.desk_now().date() == TUESDAY


def _back(trade_id: UUID) -> list[Line]:
    rows = balances.list_lines_of([trade_id])
    return [
        Line(Ref(a.entity_id, Kind(a.kind), a.asset_code, book_id=a.book_id, owner_id=a.owner_id), one.amount)
        for one in rows
        for a in [one.account]
    ]
