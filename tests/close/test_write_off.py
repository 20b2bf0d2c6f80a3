"""A write-off takes a difference away for good: from the day on which it was found, also where that day was closed, and never twice."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.approvals.models import Approval
from apps.close.errors import DayIsClosed, MonthIsLocked, NoSuchDay
from apps.close.models import Break, BusinessDay
from apps.core import clock, db
from apps.core.errors import IllegalMove
from apps.instruments.models import BookingEntity
from apps.jobs import settlement as jobs
from apps.settlement.rails import outside
from apps.workflows.hedge_breaks import import_lp_record
from apps.workflows.import_fills import COLUMNS, import_fills
from apps.workflows.onboard_client import register_counterparty
from apps.workflows.open_day import open_day
from apps.workflows.reconcile import ask_write_off, due_date, import_venue_balances, reconcile, work_break
from tests import world
from tests.close import world as days
from tests.deals import person
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
TUESDAY, WEDNESDAY = date(2026, 9, 15), date(2026, 9, 16)
EVENING = datetime(2026, 9, 15, 21, 30, tzinfo=UTC)  # Tuesday has rolled
FILL = f"helios,h-1,BTC-USD,buy,1,20000,10,{world.NOON.isoformat()}"


def found(on: date) -> dict[str, Any]:
    """Kind of every open break → its amount."""
    return {one.kind: one.amount for one in reconcile(entity_id=days.entity_id(), on=on).breaks}


def slip(amount: int) -> None:
    """The bank's closing balance moves by what no line of it says."""
    db.run("UPDATE settlement_railcursor SET balance = balance + %s", (amount,))


def venue_says(on: date, btc: str) -> None:
    import_venue_balances(
        actor=None, entity_id=days.entity_id(), counterparty="helios", on=on, text=f"asset,amount\nBTC,{btc}\nUSD,-20010\n"
    )


def deal_at_venue() -> None:
    register_counterparty(code="helios", name="Helios Liquidity", lei="", country="US", roles=["VENUE"])
    import_fills(text=f"{','.join(COLUMNS)}\n{FILL}\n", book_code="main", made_by=None)


def ask(kind: str) -> Approval:
    row = Break.objects.get(kind=kind, status="OPEN")
    asked: Approval = ask_write_off(actor=person("olga", "operations"), break_id=row.id, reason="too small to follow")
    return asked


def write_off(kind: str) -> None:
    assert days.decide(ask(kind), "fay", "finance").status == "EXECUTED"


def posted() -> list[Any]:
    """Business date and amount (of ours) of every write-off."""
    return db.run(
        "SELECT t.business_date, trim_scale(l.amount) FROM ledger_ledgertransaction t JOIN ledger_ledgerline l ON l.transaction_id = t.id "
        "JOIN ledger_ledgeraccount a ON a.id = l.account_id WHERE t.kind = 'WRITE_OFF' AND a.kind IN ('NOSTRO', 'VENUE') ORDER BY t.id"
    )


@pytest.fixture
def rolled() -> None:
    """Tuesday has rolled and is open; all agrees."""
    here.open_house("USD")
    jobs.poll_rails()
    open_day(entity_id=days.entity_id(), on=TUESDAY)
    deal_at_venue()
    db.run("UPDATE trades_hedge SET status = 'CONFIRMED'")
    clock.freeze_desk(EVENING)
    jobs.poll_rails()
    venue_says(TUESDAY, "1")
    venue_says(WEDNESDAY, "1")
    assert found(TUESDAY) == found(WEDNESDAY) == {}


def test_a_difference_of_balances_is_written_off_on_the_day_on_which_it_was_found(rolled: None) -> None:
    slip(-3)
    venue_says(TUESDAY, "1.5")
    venue_says(WEDNESDAY, "1.5")
    assert found(TUESDAY) == {"DIFFERENCE": D(-3), "VENUE_DIFFERS": D("0.5")}
    write_off("DIFFERENCE")
    write_off("VENUE_DIFFERS")
    assert posted() == [(TUESDAY, D(-3)), (TUESDAY, D("0.5"))]
    assert found(TUESDAY) == found(WEDNESDAY) == {}
    assert Break.objects.count() == 2


def test_a_write_off_of_a_closed_day_posts_on_the_next_and_clears_the_closed_one_too(rolled: None) -> None:
    venue_says(TUESDAY, "1.5")
    venue_says(WEDNESDAY, "1.5")
    assert found(TUESDAY) == {"VENUE_DIFFERS": D("0.5")}
    row, olga = Break.objects.get(), person("olga", "operations")
    work_break(actor=olga, break_id=row.id, act="take")
    work_break(actor=olga, break_id=row.id, act="explain", text="the venue looks for it")
    days.close(TUESDAY)
    slip(-3)  # the bank's, known after Tuesday was closed
    assert found(WEDNESDAY) == {"DIFFERENCE": D(-3), "VENUE_DIFFERS": D("0.5")}
    write_off("VENUE_DIFFERS")
    write_off("DIFFERENCE")
    assert posted() == [(WEDNESDAY, D("0.5")), (WEDNESDAY, D(-3))]
    with pytest.raises(DayIsClosed):
        found(TUESDAY)
    assert found(WEDNESDAY) == {}
    assert days.reopen(TUESDAY).status == "EXECUTED"
    assert found(TUESDAY) == found(WEDNESDAY) == {}  # not found anew
    assert Break.objects.count() == 2


def test_what_was_seen_on_a_later_day_first_belongs_to_the_earlier_one(rolled: None) -> None:
    for on in (TUESDAY, WEDNESDAY):
        venue_says(on, "1.5")
    assert found(WEDNESDAY) == {"VENUE_DIFFERS": D("0.5")}
    row, olga = Break.objects.get(), person("olga", "operations")
    work_break(actor=olga, break_id=row.id, act="take")
    work_break(actor=olga, break_id=row.id, act="explain", text="the venue looks for it")
    done = reconcile(entity_id=days.entity_id(), on=TUESDAY)
    assert [(one.since, one.owner_name, one.explanation) for one in done.breaks] == [(TUESDAY, "Olga", "the venue looks for it")]
    assert [proof.detail["explained"] for proof in done.proofs if proof.kind == "POSITION"] == [
        ["helios BTC: they say 1.5, ledger 1 (Olga: the venue looks for it)"]
    ]
    row.refresh_from_db()
    assert (row.status, row.notes.latest("id").text) == ("RESOLVED", "it was there on 2026-09-15 already")
    write_off("VENUE_DIFFERS")
    assert found(TUESDAY) == found(WEDNESDAY) == {}


def test_a_write_off_is_stale_when_what_was_missing_has_come_meanwhile(rolled: None) -> None:
    place = here.place("USD")
    outside.change(place, lambda doc: outside.add(doc, at=EVENING, kind="PAYMENT", amount="-12", remittance="who knows"))
    jobs.poll_rails()
    venue_says(TUESDAY, "1.5")
    reconcile(entity_id=days.entity_id(), on=WEDNESDAY)
    found(TUESDAY)
    asked = ask("VENUE_DIFFERS")
    venue_says(TUESDAY, "1")  # comes after the last run
    assert days.decide(asked, "fay", "finance").status == "STALE"
    assert Break.objects.get(kind="VENUE_DIFFERS").status == "RESOLVED"
    # Asked for what is gone since the last run.
    slip(-3)
    found(TUESDAY)
    slip(3)
    with pytest.raises(IllegalMove, match="RESOLVED"):
        ask("DIFFERENCE")
    # Another amount than the one that was asked for.
    slip(-3)
    found(TUESDAY)
    venue_says(TUESDAY, "1.5")
    found(TUESDAY)
    asked = ask("VENUE_DIFFERS")
    venue_says(TUESDAY, "1.7")
    assert days.decide(asked, "fay", "finance").status == "STALE"
    assert Break.objects.get(kind="VENUE_DIFFERS", status="OPEN").amount == D("0.7")
    assert posted() == []


def test_a_past_day_that_was_never_opened_is_not_opened_by_reconciling_it(rolled: None) -> None:
    before = set(BusinessDay.objects.values_list("date", flat=True))
    assert before == {TUESDAY, WEDNESDAY}
    for on in (date(2026, 9, 14), date(2020, 1, 1)):
        with pytest.raises(NoSuchDay):
            reconcile(entity_id=days.entity_id(), on=on)
    with pytest.raises(CommandError, match="no_such_day"):
        call_command("reconcile", "--date", "2026-09-14")
    assert set(BusinessDay.objects.values_list("date", flat=True)) == before
    assert due_date(days.entity_id(), clock.desk_now()) == TUESDAY  # nothing older keeps it open
    days.close(TUESDAY)
    days.close(WEDNESDAY)


def test_each_entity_has_its_own_venue_balances_and_unknown_fills(rolled: None, tmp_path: Any) -> None:
    ours = BookingEntity.objects.get()
    other = BookingEntity.objects.create(code="sydney", name="Flowdesk Sydney", **world_of(ours))
    file = tmp_path / "balances.csv"
    file.write_text("asset,amount\nBTC,7\n", encoding="utf-8")
    with pytest.raises(CommandError, match="--entity"):
        call_command("import_venue_balances", "helios", "2026-09-16", str(file))
    call_command("import_venue_balances", "helios", "2026-09-16", str(file), "--entity", "sydney")
    import_lp_record(actor=None, counterparty="helios", on=TUESDAY, text=f"{','.join(COLUMNS)}\n{FILL}\n{FILL.replace('h-1', 'h-2')}\n")
    mine = {one.kind for one in reconcile(entity_id=ours.id, on=WEDNESDAY).breaks}
    theirs = {one.kind: one.amount for one in reconcile(entity_id=other.id, on=WEDNESDAY).breaks}
    assert mine == {"NOT_OURS"}  # helios deals with us alone
    assert theirs == {"VENUE_DIFFERS": D(7)}


def world_of(entity: BookingEntity) -> dict[str, Any]:
    """What another entity has in common with this one."""
    return {f.attname: getattr(entity, f.attname) for f in entity._meta.concrete_fields if f.attname not in {"id", "code", "name", "lei"}}


def test_a_day_is_not_opened_in_a_locked_month() -> None:
    here.open_house("USD")
    jobs.poll_rails()
    days.close(TUESDAY)
    here.at(datetime(2026, 10, 1, 12, tzinfo=UTC))
    assert days.move_month(TUESDAY).status == "EXECUTED"
    with pytest.raises(MonthIsLocked):
        open_day(entity_id=days.entity_id(), on=TUESDAY + timedelta(days=1))
    assert open_day(entity_id=days.entity_id(), on=TUESDAY).status == "CLOSED"  # it is there: nothing opens
