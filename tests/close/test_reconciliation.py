"""The four proofs, a made break of each kind, what people do about them, and runs that double nothing."""

from datetime import UTC, date, datetime
from decimal import Decimal as D
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError

from apps.close.errors import DayNotReady, NotWritable, NotYourBreak
from apps.close.models import Break, BreakNote, Proof
from apps.close.states import BREAK, BreakStatus
from apps.core import clock, db, ids
from apps.core.unit import use_case
from apps.jobs import close as close_jobs
from apps.jobs import settlement as jobs
from apps.ledger import operations as ledger
from apps.ledger.rules import Ref, credit, debit
from apps.ledger.states import Kind
from apps.rfqs.states import Side
from apps.settlement.models import Nostro, Receipt
from apps.settlement.rails import outside
from apps.users.errors import RoleMissing
from apps.workflows.close_day import close_day, start_close
from apps.workflows.hedge_breaks import import_lp_record
from apps.workflows.import_fills import COLUMNS, import_fills
from apps.workflows.onboard_client import register_counterparty
from apps.workflows.open_day import open_day
from apps.workflows.reconcile import ask_write_off, import_venue_balances, reconcile, work_break
from tests import books, world
from tests.close import world as days
from tests.deals import person
from tests.settlement import world as here
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
TUESDAY = date(2026, 9, 15)
EVENING = datetime(2026, 9, 15, 21, 30, tzinfo=UTC)


def found(on: date = TUESDAY) -> dict[tuple[str, str], Any]:
    """Proof and kind of every open break → its amount."""
    done = reconcile(entity_id=days.entity_id(), on=on)
    return {(str(one.proof), one.kind): one.amount for one in done.breaks}


def of(kind: str) -> Break:
    return Break.objects.get(kind=kind, status="OPEN")


@use_case
def post(*, nostro: Nostro, amount: D, source: tuple[str, Any], now: datetime) -> None:
    ledger.post(
        key=f"test:{ids.uuid7()}", kind="TEST", source_type=source[0], source_id=source[1], effective_at=now, business_date=TUESDAY,
        lines=[
            debit(Ref(nostro.entity_id, Kind.NOSTRO, nostro.asset_id, owner_id=nostro.id), amount),
            credit(Ref(nostro.entity_id, Kind.CAPITAL, nostro.asset_id), amount),
        ],
    )  # fmt: skip


def test_a_break_of_each_kind_is_found_once_aged_and_ends_when_it_is_gone() -> None:
    nostros = here.open_house("USD", "BTC")
    usd = nostros["USD"]
    here.deal(world.firm("acme"), Side.BUY, "1")
    here.pay_in("USD", D(500), name="Acme Capital", address="021000021-1001", remittance="deposit")
    jobs.run_all()
    assert found() == {}  # a receipt on both sides: PROVEN
    assert {(one.kind, one.proven) for one in Proof.objects.all()} == {(k, True) for k in ("BALANCE", "MOVEMENT", "TRADE", "POSITION")}

    # MOVEMENT, and with it BALANCE: on the statement alone, in the ledger alone, on both with another amount.
    place = here.place("USD")
    outside.change(place, lambda doc: outside.add(doc, at=world.NOON, kind="PAYMENT", amount="-12", remittance="who knows"))
    jobs.poll_rails()
    assert found() == {("MOVEMENT", "NOT_IN_LEDGER"): D(-12), ("BALANCE", "DIFFERENCE"): D(-12)}
    assert of("DIFFERENCE").detail["remainder"] == "0"
    post(nostro=usd, amount=D(30), source=("test", ids.uuid7()))
    post(nostro=usd, amount=D(5), source=("receipt", Receipt.objects.get().id))
    assert found() == {
        ("MOVEMENT", "NOT_IN_LEDGER"): D(-12), ("MOVEMENT", "NOT_ON_STATEMENT"): D(-30), ("MOVEMENT", "AMOUNT_DIFFERS"): D(-5),
        ("BALANCE", "DIFFERENCE"): D(-47),
    }  # fmt: skip
    # BALANCE: a closing balance that no item explains, an account without a statement, lines that do not follow one another.
    db.run("UPDATE settlement_railcursor SET balance = balance - 1 WHERE nostro_id = %s", (usd.id,))
    here.open_client_money(asset="USD")
    db.run(
        "INSERT INTO settlement_statementline (id, nostro_id, sequence, reference, amount, end_to_end_id, kind, counterparty_name, "
        "counterparty_address, remittance, balance, booked_at) VALUES (gen_random_uuid(), %s, 9, 'X', 3, '', 'RECEIPT', '', '', '', 3, %s)",
        (nostros["BTC"].id, world.NOON),
    )
    db.run("UPDATE settlement_railcursor SET balance = balance + 3 WHERE nostro_id = %s", (nostros["BTC"].id,))
    now = found()
    assert Break.objects.get(kind="DIFFERENCE", asset_code="USD").detail["remainder"] == "-1"
    assert ("BALANCE", "NO_STATEMENT") in now
    assert ("BALANCE", "OUT_OF_SEQUENCE") in now
    # TRADE: a hedge that the LP has not confirmed, then differs from, and one that is none of ours. POSITION: what the venue says.
    register_counterparty(code="helios", name="Helios Liquidity", lei="", country="US", roles=["VENUE"])
    head, fill = ",".join(COLUMNS), f"helios,h-1,BTC-USD,buy,1,20000,10,{world.NOON.isoformat()}"
    import_fills(text=f"{head}\n{fill}\n", book_code="main", made_by=None)
    now = found()
    assert ("TRADE", "UNCONFIRMED") in now
    assert ("POSITION", "NO_BALANCE") in now
    other = fill.replace("20000", "20001")
    import_lp_record(actor=None, counterparty="helios", on=TUESDAY, text=f"{head}\n{other}\n{fill.replace('h-1', 'h-2')}\n")
    import_venue_balances(
        actor=None, entity_id=days.entity_id(), counterparty="helios", on=TUESDAY, text="asset,amount\nBTC,1\nUSD,-20011\n"
    )
    now = found()
    assert {kind for proof, kind in now if proof == "TRADE"} == {"DIFFERS", "NOT_OURS"}
    assert now["POSITION", "VENUE_DIFFERS"] == D(-1)
    assert Break.objects.filter(kind="NO_BALANCE").values_list("status", flat=True).distinct().get() == "RESOLVED"

    # The same again, by four at once: not a row more, in breaks, proofs or notes.
    def rows() -> tuple[int, int, int]:
        return Break.objects.count(), Proof.objects.count(), BreakNote.objects.count()

    before = rows()
    assert together(4, lambda _n: close_jobs.run_close()) == [1, 1, 1, 1]
    assert rows() == before
    with pytest.raises(SystemExit) as left:
        call_command("reconcile")
    assert left.value.code == 1
    with pytest.raises(CommandError, match="has not begun"):
        call_command("reconcile", "--date", "2026-09-17")
    # What is mended goes by itself, and is told.
    import_venue_balances(actor=None, entity_id=days.entity_id(), counterparty="helios", on=TUESDAY, text="asset,amount\nUSD,-20010\n")
    import_lp_record(actor=None, counterparty="helios", on=TUESDAY, text=f"{head}\n{fill}\n")
    assert {(proof, kind) for proof, kind in found() if proof in {"TRADE", "POSITION"}} == {("TRADE", "DIFFERS")}  # that one ends by two
    gone = Break.objects.get(kind="VENUE_DIFFERS")
    assert gone.status == "RESOLVED"
    assert [note.text for note in gone.notes.all()] == ["it is gone: both sides agree"]
    assert {(str(a), str(b)) for a in BreakStatus for b in BreakStatus if BREAK.allows(a, b)} == {
        ("OPEN", "RESOLVED"), ("OPEN", "WRITTEN_OFF"),
    }  # fmt: skip
    for sql, wall in (
        ("UPDATE close_break SET status = 'WRITTEN_OFF', ended_at = now() WHERE kind = 'NOT_IN_LEDGER'", "break_four_eyes"),
        ("UPDATE close_break SET status = 'OPEN', ended_at = NULL WHERE kind = 'VENUE_DIFFERS'", "close_break_status_moves"),
        ("UPDATE close_break SET key = 'other'", "close_break_frozen"),
        ("UPDATE close_break SET explanation = 'all is well' WHERE kind = 'NOT_IN_LEDGER'", "break_explained_by_owner"),
    ):
        with pytest.raises(IntegrityError) as no:
            db.run(sql)
        assert no.value.__cause__.diag.constraint_name == wall  # type: ignore[union-attr]


def test_breaks_keep_the_day_open_until_they_are_explained_or_written_off_by_two() -> None:
    here.open_house("USD")
    jobs.poll_rails()
    place = here.place("USD")
    outside.change(place, lambda doc: outside.add(doc, at=world.NOON, kind="PAYMENT", amount="-12", remittance="who knows"))
    open_day(entity_id=days.entity_id(), on=TUESDAY)
    clock.freeze_desk(EVENING)
    jobs.poll_rails()
    reconcile(entity_id=days.entity_id(), on=TUESDAY)
    days.approve_marks(TUESDAY)
    olga, oscar, fay, finn = (
        person("olga", "operations"),
        person("oscar", "operations"),
        person("fay", "finance"),
        person("finn", "finance"),
    )
    start_close(actor=olga, entity_id=days.entity_id(), on=TUESDAY)
    with pytest.raises(DayNotReady) as kept:
        close_day(actor=finn, entity_id=days.entity_id(), on=TUESDAY)
    assert [one["proof"] for one in kept.value.extra["missing"]] == ["BALANCE", "MOVEMENT"]

    line, whole = of("NOT_IN_LEDGER"), of("DIFFERENCE")
    with pytest.raises(RoleMissing):
        work_break(actor=person("tom", "trader"), break_id=line.id, act="take")
    with pytest.raises(NotYourBreak):
        work_break(actor=olga, break_id=line.id, act="explain", text="the bank asks its branch")
    for one in (line, whole):
        work_break(actor=olga, break_id=one.id, act="take")
        work_break(actor=olga, break_id=one.id, act="explain", text="the bank asks its branch")
    work_break(actor=finn, break_id=line.id, act="comment", text="call them again")
    assert close_day(actor=finn, entity_id=days.entity_id(), on=TUESDAY).status == "CLOSED"  # owned and explained
    balance = Proof.objects.filter(kind="BALANCE").latest("id")
    assert balance.proven
    assert balance.detail["explained"] == ["USD house: statement 9999988, ledger 10000000 (Olga: the bank asks its branch)"]

    # Given to another it is to be explained anew. Then it is written off: asked by operations, granted by finance.
    work_break(actor=olga, break_id=line.id, act="give", to="oscar")
    line.refresh_from_db()
    assert (line.owner_name, line.explanation) == ("Oscar", "")
    with pytest.raises(NotWritable):  # the line explains the difference: that is what is written off
        ask_write_off(actor=oscar, break_id=whole.id, reason="too small to follow")
    with pytest.raises(RoleMissing):
        ask_write_off(actor=fay, break_id=line.id, reason="too small to follow")
    asked = ask_write_off(actor=oscar, break_id=line.id, reason="too small to follow")
    assert days.decide(asked, "fay", "finance").status == "EXECUTED"
    rows = db.run(
        "SELECT a.kind, trim_scale(l.amount), t.business_date FROM ledger_ledgerline l JOIN ledger_ledgertransaction t "
        "ON t.id = l.transaction_id JOIN ledger_ledgeraccount a ON a.id = l.account_id WHERE t.source_id = %s ORDER BY l.amount",
        (line.id,),
    )
    wednesday = date(2026, 9, 16)
    assert rows == [("NOSTRO", D(-12), wednesday), ("WRITE_OFF", D(12), wednesday)]
    assert found(wednesday) == {}  # both are gone
    assert [(one.kind, one.status) for one in Break.objects.order_by("kind")] == [
        ("DIFFERENCE", "RESOLVED"), ("NOT_IN_LEDGER", "WRITTEN_OFF"),
    ]  # fmt: skip
    assert [note.by_name for note in line.notes.order_by("id")] == ["Olga", "Olga", "Finn", "Olga", "Fay"]
    books.proven()
