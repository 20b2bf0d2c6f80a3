"""Worked case 6: we send 2 BTC and the rail gives no answer. The statement shows it paid; and the same, not paid.

Every ledger line is here; debits are positive. While it is UNKNOWN nothing is posted and nothing is sent again.
"""

from decimal import Decimal as D

import pytest

from apps.core import clock
from apps.core.actor import SYSTEM
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.models import Instruction
from apps.settlement.rails import outside
from apps.settlement.rails.base import Answer, Outcome
from apps.settlement.rails.chain import ChainSimulator
from apps.trades.models import Trade
from apps.workflows.settle_net_set import agree_net_set
from tests import books, deals, lines, world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE = {"CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000), "NOSTRO BTC": D(1000), "NOSTRO USD": D("10040018.82")}
OWED = {"PAYABLE BTC": D(-2), "POSITION BTC": D(2), "POSITION USD": D("-40018.82")}
FEE = D("0.00005")  # of the chain, for one payment


def payment() -> Instruction:
    """The last attempt to pay the 2 BTC."""
    found = settlement.list_instructions(SYSTEM).filter(direction="PAY").order_by("-attempt").first()
    assert found is not None
    return found


def sent_without_an_answer(truth: str) -> tuple[world.Firm, Trade, int]:
    """Acme bought 2 BTC at 20,009.41 and has paid; our 2 BTC are released and sent, and the rail says nothing.

    :return: the firm, its deal, how many ledger lines there were before we sent
    """
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    trade = here.deal(acme, Side.BUY, "2")
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    (net_set,) = settlement.list_net_sets(SYSTEM)
    agree_net_set(net_set_id=net_set.id, actor=acme.treasury)
    here.at(here.VALUE_DAY)
    dollars = here.only("EXPECTED")
    here.pay_in("USD", D("40018.82"), name="Acme Capital", address="021000021-1001", remittance=dollars.end_to_end_id)
    jobs.run_all()
    assert here.release(payment().id, maker=deals.person("otto", "operations"), checker=deals.person("olga", "operations")) == "EXECUTED"
    before = books.count()
    outside.script(here.place("BTC"), truth)
    jobs.send_released()
    assert payment().status == "UNKNOWN"
    return acme, trade, before


@pytest.fixture
def mute(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A rail that cannot say either what became of a payment."""
    monkeypatch.setattr(ChainSimulator, "status", lambda *_a, **_k: Answer(Outcome.UNKNOWN))
    return monkeypatch


def nothing_moves_while_unknown(trade: Trade, before: int) -> None:
    jobs.run_all()
    assert (payment().attempt, payment().status, books.count()) == (1, "UNKNOWN", before)
    assert here.balances() == BEFORE | OWED
    assert deals.owed(trade) == ["v1 RECEIVE 40018.82 USD 2026-09-16 SETTLED", "v1 PAY 2 BTC 2026-09-16 NETTED"]
    assert lines.taken(lines.SETTLEMENT) == (D(0), D("40018.82")), "the deal is not over yet"
    books.proven()


def test_case_6_the_statement_shows_it_paid(mute: pytest.MonkeyPatch) -> None:
    acme, trade, before = sent_without_an_answer("TIMEOUT")
    nothing_moves_while_unknown(trade, before)

    here.at(here.VALUE_DAY, hours=1)
    jobs.run_all()  # the wallet's statement shows the payment, and what it cost

    assert books.posted(before) == [
        "PAYMENT_SENT PAYABLE BTC 2", "PAYMENT_SENT IN_TRANSIT BTC -2",
        "PAYMENT_BOOKED IN_TRANSIT BTC 2", "PAYMENT_BOOKED NOSTRO BTC -2",
        "CHARGE COST BTC 0.00005", "CHARGE NOSTRO BTC -0.00005",
    ]  # fmt: skip
    assert (payment().attempt, payment().status) == (1, "SETTLED")
    assert deals.owed(trade) == ["v1 RECEIVE 40018.82 USD 2026-09-16 SETTLED", "v1 PAY 2 BTC 2026-09-16 SETTLED"]
    assert lines.taken(lines.SETTLEMENT) == lines.taken() == (D(0), D(0))
    assert here.balances() == BEFORE | {
        "NOSTRO BTC": D(998) - FEE, "COST BTC": FEE, "POSITION BTC": D(2), "POSITION USD": D("-40018.82"),
    }  # fmt: skip
    assert books.seen_by(acme, "instruction", "settlement", "trade")[-4:] == [
        "instruction.sent", "settlement.settled", "trade.settled", "instruction.settled",
    ]  # fmt: skip
    books.proven()


def test_case_6_the_same_not_paid(mute: pytest.MonkeyPatch) -> None:
    acme, trade, before = sent_without_an_answer("TIMEOUT_LOST")
    nothing_moves_while_unknown(trade, before)

    here.at(here.VALUE_DAY, hours=1)
    jobs.run_all()  # the statement shows nothing, and that is no answer either
    nothing_moves_while_unknown(trade, before)
    mute.undo()
    jobs.run_all()  # now the rail can say: it has never got this key, and will not take it any more
    assert (payment().attempt, payment().status) == (1, "FAILED")
    assert books.count() == before, "what was never paid leaves no line"
    assert here.balances() == BEFORE | OWED
    assert deals.owed(trade) == ["v1 RECEIVE 40018.82 USD 2026-09-16 SETTLED", "v1 PAY 2 BTC 2026-09-16 NETTED"]
    books.proven()

    jobs.run_all()  # paying again is a new instruction, with an id of its own, gated and released afresh
    first, second = settlement.list_instructions(SYSTEM).filter(direction="PAY").order_by("attempt")
    assert (second.attempt, second.status, second.released_by) == (2, "READY", None)
    assert first.end_to_end_id != second.end_to_end_id
    assert here.release(payment().id, maker=deals.person("olga", "operations"), checker=deals.person("otto", "operations")) == "EXECUTED"
    jobs.run_all()
    here.at(clock.desk_now(), hours=1)
    jobs.run_all()
    assert books.posted(before) == [
        "PAYMENT_SENT PAYABLE BTC 2", "PAYMENT_SENT IN_TRANSIT BTC -2",
        "PAYMENT_BOOKED IN_TRANSIT BTC 2", "PAYMENT_BOOKED NOSTRO BTC -2",
        "CHARGE COST BTC 0.00005", "CHARGE NOSTRO BTC -0.00005",
    ]  # fmt: skip
    assert [one.status for one in settlement.list_instructions(SYSTEM).filter(direction="PAY").order_by("attempt")] == ["FAILED", "SETTLED"]
    assert outside.change(here.place("BTC"), lambda doc: [line["amount"] for line in doc["lines"] if line["kind"] == "PAYMENT"]) == ["-2"]
    assert settlement.trade_status([trade.id]) == {trade.id: "SETTLED"}
    assert lines.taken(lines.SETTLEMENT) == lines.taken() == (D(0), D(0))
    assert books.seen_by(acme, "instruction", "settlement", "trade")[-5:] == [
        "instruction.failed", "instruction.sent", "settlement.settled", "trade.settled", "instruction.settled",
    ]  # fmt: skip
    books.proven()
