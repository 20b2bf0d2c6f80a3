"""The LP's own record beside our hedges; breaks and cancellations by two people."""

from datetime import date
from decimal import Decimal as D
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.approvals.errors import SameHands
from apps.core.actor import Actor
from apps.trades.errors import BadHedge, BadRecord, DuplicateExecution
from apps.trades.models import Hedge, Trade
from apps.users.errors import RoleMissing
from apps.workflows.decide_approval import decide_approval
from apps.workflows.hedge_breaks import Compared, ask_hedge_move, import_lp_record
from apps.workflows.import_fills import import_fills
from tests.trades import books
from tests.trades.books import HEADER, line

pytestmark = pytest.mark.django_db(transaction=True)
DAY = date(2026, 9, 15)


@pytest.fixture
def desk() -> dict[str, Actor]:
    return books.open_desk()


def book(*lines: str) -> None:
    import_fills(text=HEADER + "".join(lines), book_code="main", made_by=None)


def record(desk: dict[str, Actor], *lines: str) -> Compared:
    done: Compared = import_lp_record(actor=desk["olga"], counterparty="venue", on=DAY, text=HEADER + "".join(lines))
    return done


def states() -> dict[str, str]:
    return dict(Hedge.objects.values_list("trade__execution_id", "status"))


def hedge(execution_id: str) -> Hedge:
    return Hedge.objects.select_related("trade").get(trade__execution_id=execution_id)


def test_equal_is_confirmed_different_and_missing_are_breaks_and_strangers_are_listed(desk: dict[str, Actor]) -> None:
    book(
        line(), line(execution_id="x-2", side="sell", quantity="0.5"), line(execution_id="x-3"), line(counterparty="lp", execution_id="x-1")
    )
    done = record(desk, line(), line(execution_id="x-2", side="sell", quantity="0.5", price="20001"), line(execution_id="x-9"))
    assert (done.confirmed, len(done.broken), [f.execution_id for f in done.unknown]) == (1, 2, ["x-9"])
    assert dict(Hedge.objects.filter(trade__counterparty__code="venue").values_list("trade__execution_id", "status")) == {
        "x-1": "CONFIRMED", "x-2": "BREAK", "x-3": "BREAK",
    }  # fmt: skip
    assert Hedge.objects.get(trade__counterparty__code="lp").status == "UNCONFIRMED"
    assert hedge("x-2").differences == [{"field": "price", "ours": "20000", "theirs": "20001"}]
    assert hedge("x-3").differences == [{"field": "execution_id", "ours": "booked", "theirs": "missing"}]


def test_the_same_record_again_changes_nothing(desk: dict[str, Actor]) -> None:
    book(line(), line(execution_id="x-2"))
    record(desk, line())
    before = states(), books.rows("trades_lpfill"), books.rows("events_event")
    again = record(desk, line())
    assert (again.is_new, again.confirmed, len(again.broken)) == (False, 1, 1)
    assert (states(), books.rows("trades_lpfill"), books.rows("events_event")) == before


def test_a_hedge_booked_after_the_record_is_compared_at_once(desk: dict[str, Actor]) -> None:
    record(desk, line(), line(execution_id="x-2"))
    book(line(), line(execution_id="x-2", price="20001"), line(execution_id="x-3"))
    assert states() == {"x-1": "CONFIRMED", "x-2": "BREAK", "x-3": "UNCONFIRMED"}
    assert record(desk, line(), line(execution_id="x-2")).unknown == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"counterparty": "lp"}, "counterparty"),
        ({"executed_at": "2026-09-14T11:00:00+00:00"}, "executed_at"),
        ({"quantity": "-1"}, "quantity"),
        ({"side": "B"}, "side"),
    ],
)
def test_a_bad_line_is_named_and_nothing_of_the_file_counts(desk: dict[str, Actor], changes: dict[str, str], field: str) -> None:
    book(line())
    with pytest.raises(BadRecord) as no:
        record(desk, line(), line(execution_id="x-2", **changes))
    assert (no.value.extra["line"], no.value.extra["field"]) == (3, field)
    assert (states(), books.rows("trades_lprecord")) == ({"x-1": "UNCONFIRMED"}, 0)
    with pytest.raises(DuplicateExecution, match="line 3"):
        record(desk, line(), line())


def test_only_operations_bring_records(desk: dict[str, Actor]) -> None:
    with pytest.raises(RoleMissing):
        import_lp_record(actor=desk["tara"], counterparty="venue", on=DAY, text=HEADER)
    with pytest.raises(BadRecord):
        import_lp_record(actor=desk["olga"], counterparty="nobody", on=DAY, text=HEADER)


def test_a_break_is_closed_by_two_people_of_operations(desk: dict[str, Actor]) -> None:
    book(line())
    record(desk, line(price="20001"))
    trade = Trade.objects.get()
    with pytest.raises(RoleMissing):
        ask_hedge_move(actor=desk["tara"], trade_id=trade.id, move="confirm", reason="ours is right")
    with pytest.raises(BadHedge):
        ask_hedge_move(actor=desk["olga"], trade_id=trade.id, move="confirm", reason=" ")
    asked = ask_hedge_move(actor=desk["olga"], trade_id=trade.id, move="confirm", reason="the LP corrected it by mail")
    assert asked.before["differences"] == ["price: 20000 / 20001"]
    with pytest.raises(SameHands):
        decide_approval(approval_id=asked.id, actor=desk["olga"], approve=True)
    assert decide_approval(approval_id=asked.id, actor=desk["oscar"], approve=True).status == "EXECUTED"
    found = hedge("x-1")
    assert (found.status, found.asked_by, found.checked_by) == ("CONFIRMED", desk["olga"].id, desk["oscar"].id)
    with pytest.raises(BadHedge):
        ask_hedge_move(actor=desk["olga"], trade_id=trade.id, move="confirm", reason="again")


def test_a_new_record_makes_an_older_decision_stale(desk: dict[str, Actor]) -> None:
    book(line())
    record(desk, line(price="20001"))
    asked = ask_hedge_move(actor=desk["olga"], trade_id=Trade.objects.get().id, move="confirm", reason="ours is right")
    record(desk, line(price="20002"))
    assert decide_approval(approval_id=asked.id, actor=desk["oscar"], approve=True).status == "STALE"
    assert states() == {"x-1": "BREAK"}


def test_a_cancelled_hedge_takes_its_ledger_lines_back(desk: dict[str, Actor]) -> None:
    book(line(), line(execution_id="x-2", side="sell", quantity="0.5", fee="0"))
    assert books.positions() == {"BTC": D(1), "USD": D(-20003)}
    asked = ask_hedge_move(actor=desk["tara"], trade_id=hedge("x-1").trade_id, move="cancel", reason="never dealt")
    assert decide_approval(approval_id=asked.id, actor=desk["olga"], approve=True).status == "EXECUTED"
    found = hedge("x-1")
    assert (found.status, found.trade.status, found.trade.version) == ("CANCELLED", "CANCELLED", 2)
    assert [v.action for v in found.trade.versions.order_by("number")] == ["NEW", "CANCEL"]
    assert books.positions() == {"BTC": D("-0.5"), "USD": D(10000)}
    with pytest.raises(BadHedge):
        ask_hedge_move(actor=desk["tara"], trade_id=found.trade_id, move="cancel", reason="again")
    assert [f.execution_id for f in record(desk, line(), line(execution_id="x-2", side="sell", quantity="0.5", fee="0")).unknown] == ["x-1"]


def test_a_rejected_cancellation_changes_nothing(desk: dict[str, Actor]) -> None:
    book(line())
    asked = ask_hedge_move(actor=desk["tara"], trade_id=Trade.objects.get().id, move="cancel", reason="never dealt")
    decide_approval(approval_id=asked.id, actor=desk["olga"], approve=False, comment="the LP has it")
    assert states() == {"x-1": "UNCONFIRMED"}
    assert books.positions() == {"BTC": D("1.5"), "USD": D(-30003)}


def test_the_command_tells_what_agrees_and_names_the_rest(
    desk: dict[str, Actor], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book(line(), line(execution_id="x-2"))
    file = tmp_path / "copy.csv"
    file.write_text(HEADER + line() + line(execution_id="x-9"))
    call_command("import_lp_record", "venue", "2026-09-15", str(file))
    told = capsys.readouterr().out
    assert "copy.csv: 1 agree, 1 differ, 1 we do not know" in told
    assert "break x-2: execution_id: ours booked, theirs missing" in told
    assert "unknown x-9: line 3, buy 1.5 BTC-USD" in told
    with pytest.raises(CommandError, match=r"copy\.csv: bad_record: line 2, executed_at"):
        call_command("import_lp_record", "venue", "2026-09-16", str(file))
