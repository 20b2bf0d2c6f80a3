"""What a close keeps: the next proof starts there, finds what one from the beginning finds, and reads no more for a longer history."""

from datetime import UTC, date, datetime
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError

from apps.close.models import Break, Closing, ClosingBalance
from apps.core import clock, db, ids
from apps.jobs import settlement as jobs
from apps.reports.queries import movements, proofs
from apps.settlement.rails import outside
from apps.workflows.close_day import close_day, start_close
from apps.workflows.hedge_breaks import ask_hedge_move, import_lp_record
from apps.workflows.import_fills import COLUMNS, import_fills
from apps.workflows.onboard_client import register_counterparty
from apps.workflows.open_day import open_day
from apps.workflows.reconcile import import_venue_balances, reconcile, work_break
from tests import world
from tests.close import world as days
from tests.deals import person
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
TUESDAY, WEDNESDAY, THURSDAY = date(2026, 9, 15), date(2026, 9, 16), date(2026, 9, 17)


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 13, 0, tzinfo=UTC)


def close(on: date) -> None:
    """With what is open explained; the simulated bank is not asked."""
    evening = datetime(on.year, on.month, on.day, 21, 30, tzinfo=UTC)
    if clock.desk_now() < evening:
        clock.freeze_desk(evening)
    db.run("UPDATE settlement_railcursor SET read_at = %s", (clock.desk_now(),))
    open_day(entity_id=days.entity_id(), on=on)
    reconcile(entity_id=days.entity_id(), on=on)
    olga = person("olga", "operations")
    for one in Break.objects.filter(status="OPEN"):
        work_break(actor=olga, break_id=one.id, act="take")
        work_break(actor=olga, break_id=one.id, act="explain", text="they ask their branch")
    days.approve_marks(on)
    start_close(actor=olga, entity_id=days.entity_id(), on=on)
    assert close_day(actor=person("finn", "finance"), entity_id=days.entity_id(), on=on).status == "CLOSED"


def breaks(on: date) -> set[tuple[str, str, D | None]]:
    """Kind, key and amount of what a run of the date finds."""
    return {(one.kind, one.key, one.amount) for one in reconcile(entity_id=days.entity_id(), on=on).breaks}


def verified() -> None:
    with db.snapshot():
        assert [
            line for line in proofs.run(["closings", "proofs_from_closings", "closed_days_were_proven", "triggers_stand"]) if not line.ok
        ] == []


def read(session: Any, on: date) -> int:
    """Rows that a run of the date reads, of all tables, where every lookup may take an index."""

    def counted() -> int:
        db.run("SELECT pg_stat_force_next_flush()")
        rows = session.execute(
            "SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables) + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)"
        )
        return int(rows.fetchone()[0])

    db.run("SET enable_seqscan = off")
    session.execute("ANALYZE")  # and what is prepared is planned anew
    before = counted()
    reconcile(entity_id=days.entity_id(), on=on)
    db.run("RESET enable_seqscan")
    return counted() - before


def _long_ago(session: Any) -> None:
    """The closes as if no record had come in on the day before them, which would be looked at again."""
    session.execute("SET session_replication_role = replica")
    session.execute("UPDATE close_closing SET made_at = made_at + interval '1 day'")
    session.execute("RESET session_replication_role")


def test_a_run_reads_the_days_since_the_last_close_and_what_is_open(superuser_session: Any) -> None:
    nostro = here.open_house("USD")["USD"]
    jobs.poll_rails()
    register_counterparty(code="helios", name="Helios Liquidity", lei="", country="US", roles=["VENUE"])
    head, rows = ",".join(COLUMNS), {}
    for on, count in ((TUESDAY, 10), (WEDNESDAY, 150), (THURSDAY, 10)):  # as many, after a history of few and of many
        clock.freeze_desk(at(on))
        fills = "".join(f"helios,{on}-{n},BTC-USD,buy,1,20000,0,{at(on).isoformat()}\n" for n in range(count))
        import_fills(text=f"{head}\n{fills}", book_code="main", made_by=None)
        import_lp_record(actor=None, counterparty="helios", on=on, text=f"{head}\n{fills}")
        held = {"BTC": 0, "USD": 0} | dict(
            db.run("SELECT asset_code, trim_scale(amount)::text FROM ledger_ledgeraccount WHERE kind = 'VENUE'")
        )
        text = f"asset,amount\nBTC,{held['BTC']}\nUSD,{held['USD']}\n"
        import_venue_balances(actor=None, entity_id=days.entity_id(), counterparty="helios", on=on, text=text)
        days.charge(nostro=nostro, lines=[ids.uuid7() for _ in range(count)], on=on)
        assert breaks(on) == set()
        rows[on] = read(superuser_session, on)
        if on != THURSDAY:
            close(on)
            _long_ago(superuser_session)
    # Wednesday began after 10 lines and 10 fills, Thursday after 160 of each; each line of the day is touched a few times.
    assert rows[WEDNESDAY] - rows[TUESDAY] > 140 * 2
    assert rows[THURSDAY] - rows[TUESDAY] < 100  # a history that is read but once is 150
    verified()


def test_what_is_open_is_carried_until_it_is_gone_and_nothing_is_found_twice() -> None:
    nostros = here.open_house("USD")
    usd = nostros["USD"]
    jobs.poll_rails()
    place = here.place("USD")
    outside.change(place, lambda doc: outside.add(doc, at=world.NOON, kind="PAYMENT", amount="-12", remittance="who knows"))
    jobs.poll_rails()
    register_counterparty(code="helios", name="Helios Liquidity", lei="", country="US", roles=["VENUE"])
    head = ",".join(COLUMNS)
    ours, theirs = (f"helios,{name},BTC-USD,buy,1,20000,10,{world.NOON.isoformat()}\n" for name in ("h-1", "h-2"))
    import_fills(text=f"{head}\n{ours}", book_code="main", made_by=None)
    import_lp_record(actor=None, counterparty="helios", on=TUESDAY, text=f"{head}\n{ours}{theirs}")
    balances = "asset,amount\nBTC,1\nUSD,-20010\n"
    import_venue_balances(actor=None, entity_id=days.entity_id(), counterparty="helios", on=TUESDAY, text=balances)
    days.charge(nostro=usd, lines=[ids.uuid7()], on=TUESDAY)
    days.charge(nostro=usd, lines=[ids.uuid7()], on=WEDNESDAY)  # of the next date, before Tuesday is closed
    open_now = breaks(TUESDAY)
    assert {(kind, amount) for kind, _, amount in open_now} == {("NOT_IN_LEDGER", D(-12)), ("DIFFERENCE", D(-12)), ("NOT_OURS", None)}
    close(TUESDAY)

    kept = ClosingBalance.objects.get(kind="NOSTRO")
    assert (kept.ledger, kept.stated, kept.apart) == (D(9_999_999), D(9_999_987), 0)
    assert len(kept.open_lines) == 1  # Wednesday's
    assert len(kept.open_statement_lines) == 2  # Wednesday's, and the one that nobody knows
    assert {(one.asset_code, one.ledger, one.stated) for one in ClosingBalance.objects.filter(kind="VENUE")} == {
        ("BTC", D(1), D(1)), ("USD", D(-20010), D(-20010)),
    }  # fmt: skip
    import_venue_balances(actor=None, entity_id=days.entity_id(), counterparty="helios", on=WEDNESDAY, text=balances)
    clock.freeze_desk(at(WEDNESDAY))
    assert breaks(WEDNESDAY) == open_now  # the same ones: none is new, none has gone
    assert Break.objects.exclude(status="OPEN").count() == 0
    verified()

    # A hedge of a closed day is cancelled: its fill is ours no more, though its record was looked at.
    hedge = db.one("SELECT id FROM trades_trade WHERE execution_id = 'h-1'")[0]
    asked = ask_hedge_move(actor=person("olga", "operations"), trade_id=hedge, move="cancel", reason="not ours")
    assert days.decide(asked, "oscar", "operations").status == "EXECUTED"
    assert {key.rpartition(":")[2] for kind, key, _ in breaks(WEDNESDAY) if kind == "NOT_OURS"} == {"h-1", "h-2"}
    # The LP mends its record of the closed day, and the bank takes its line back: both are gone.
    import_lp_record(actor=None, counterparty="helios", on=TUESDAY, text=f"{head}\n{ours}")
    assert {key.rpartition(":")[2] for kind, key, _ in breaks(WEDNESDAY) if kind == "NOT_OURS"} == {"h-1"}
    close(WEDNESDAY)
    assert movements.list_figures(days.entity_id(), THURSDAY, None) == movements.list_figures(
        days.entity_id(), THURSDAY, Closing.objects.get(day__date=WEDNESDAY).id
    )
    verified()


def test_a_day_opened_again_undoes_what_was_kept_of_it_and_of_later_ones() -> None:
    usd = here.open_house("USD")["USD"]
    jobs.poll_rails()
    for on in (TUESDAY, WEDNESDAY):
        clock.freeze_desk(at(on))
        days.charge(nostro=usd, lines=[ids.uuid7()], on=on)
        close(on)
    verified()
    days.reopen(TUESDAY)
    assert set(Closing.objects.values_list("day__date", "status")) == {(TUESDAY, "UNDONE"), (WEDNESDAY, "UNDONE")}
    days.charge(nostro=usd, lines=[ids.uuid7()], on=TUESDAY)  # posted late, with effect on the day
    close(TUESDAY)
    again = ClosingBalance.objects.get(closing__status="STANDING")
    assert (again.ledger, again.stated) == (D(9_999_998), D(9_999_998))  # Tuesday's two; Wednesday's is later
    clock.freeze_desk(at(THURSDAY))
    assert breaks(THURSDAY) == set()
    verified()

    for sql, wall in (
        ("UPDATE close_closing SET status = 'STANDING' WHERE status = 'UNDONE'", "close_closing_status_moves"),
        ("UPDATE close_closing SET made_at = now()", "close_closing_frozen"),
        ("INSERT INTO close_closing (id, day_id, status) SELECT gen_random_uuid(), id, 'STANDING' FROM close_businessday "
         "WHERE status <> 'CLOSED' LIMIT 1", "close_closing_of_a_closed_day"),
        (_again("version, ledger + 1, stated, apart"), "close_closing_agrees"),
        (_again("version + 100, ledger, stated, apart"), "close_closing_agrees"),
        (_again("version, ledger, stated, apart + 1"), "close_closing_agrees"),
        (_again("version, ledger, stated, apart", lines="'{}'"), "close_closing_agrees"),  # Wednesday's left out
    ):  # fmt: skip
        with pytest.raises(IntegrityError) as no:
            db.run(sql)
        assert no.value.__cause__.diag.constraint_name == wall  # type: ignore[union-attr]
    for sql in ("UPDATE close_closingbalance SET ledger = 0", "DELETE FROM close_closingbalance", "DELETE FROM close_closing"):
        with pytest.raises(DatabaseError, match="permission denied"):
            db.run(sql)
    verified()


def _again(values: str, lines: str = "open_lines") -> str:
    """The same balance of the standing closing, with other figures, beside it."""
    return (
        "INSERT INTO close_closingbalance (id, closing_id, kind, owner_id, asset_code, version, ledger, stated, apart, sequence, "
        f"open_lines, open_statement_lines) SELECT gen_random_uuid(), closing_id, kind, owner_id, asset_code, {values}, sequence, {lines}, "
        "open_statement_lines FROM close_closingbalance b JOIN close_closing c ON c.id = b.closing_id WHERE c.status = 'STANDING'"
    )
