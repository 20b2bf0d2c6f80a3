"""Worked case 7: the bank of the client sends our payment back three days after it was booked, and it is paid again.

Every ledger line is here; debits are positive.
"""

from datetime import UTC, datetime
from decimal import Decimal as D

import pytest

from apps.core import clock
from apps.core.actor import SYSTEM
from apps.jobs import settlement as jobs
from apps.settlement import queries as settlement
from apps.settlement.models import Instruction
from apps.settlement.rails import outside
from tests import books, deals, lines, world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
MONDAY = datetime(2026, 9, 21, 13, 0, tzinfo=UTC)  # three business days after Wednesday 16 September
OURS = {"CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000), "NOSTRO BTC": D(1002), "POSITION BTC": D(-2), "POSITION USD": D("39981.18")}


def attempts() -> list[Instruction]:
    return list(settlement.list_instructions(SYSTEM).filter(direction="PAY").order_by("attempt"))


def release(payment: Instruction) -> None:
    maker, checker = deals.person("otto", "operations"), deals.person("olga", "operations")
    assert here.release(payment.id, maker=maker, checker=checker) == "EXECUTED"
    jobs.run_all()
    here.at(clock.desk_now(), hours=1)
    jobs.run_all()


def test_case_7_a_payment_is_returned_three_days_after_it_was_booked() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    trade = here.sold(acme, "2")
    (net_set,) = settlement.list_net_sets(SYSTEM)
    before = books.count()
    release(attempts()[0])
    assert books.posted(before) == [
        "PAYMENT_SENT PAYABLE USD 39981.18", "PAYMENT_SENT IN_TRANSIT USD -39981.18",
        "PAYMENT_BOOKED IN_TRANSIT USD 39981.18", "PAYMENT_BOOKED NOSTRO USD -39981.18",
    ]  # fmt: skip
    assert here.balances() == OURS | {"NOSTRO USD": D("9960018.82")}
    assert deals.owed(trade) == ["v1 RECEIVE 2 BTC 2026-09-16 SETTLED", "v1 PAY 39981.18 USD 2026-09-16 SETTLED"]
    assert (settlement.get_net_set(net_set.id, actor=SYSTEM).status, attempts()[0].status) == ("SETTLED", "SETTLED")
    assert lines.taken(lines.SETTLEMENT) == lines.taken() == (D(0), D(0))

    # Monday: the statement shows the money back on our account.
    before = books.count()
    here.at(MONDAY)
    outside.give_back(here.place("USD"), attempts()[0].end_to_end_id, reason="AC04 closed account", at=MONDAY)
    jobs.run_all()

    assert books.posted(before) == [
        "REVERSAL PAYABLE USD -39981.18", "REVERSAL IN_TRANSIT USD 39981.18",  # of what was sent
        "REVERSAL IN_TRANSIT USD -39981.18", "REVERSAL NOSTRO USD 39981.18",  # of what was booked
    ]  # fmt: skip
    assert here.balances() == OURS | {"NOSTRO USD": D(10_000_000), "PAYABLE USD": D("-39981.18")}
    assert deals.owed(trade) == ["v1 RECEIVE 2 BTC 2026-09-16 SETTLED", "v1 PAY 39981.18 USD 2026-09-16 NETTED"]
    assert settlement.get_net_set(net_set.id, actor=SYSTEM).status == "SETTLING"
    assert [(one.attempt, one.status, one.failure) for one in attempts()] == [(1, "RETURNED", "AC04 closed account")]
    assert lines.taken(lines.SETTLEMENT) == lines.taken() == (D(0), D(0)), "we owe, nobody owes us: no exposure"
    books.proven()
    jobs.run_all()
    assert [(one.attempt, one.status) for one in attempts()] == [(1, "RETURNED"), (2, "READY")]
    assert attempts()[1].released_by is None

    # The client names where to; two people release the new attempt, and it arrives.
    before = books.count()
    release(attempts()[1])
    assert books.posted(before) == [
        "PAYMENT_SENT PAYABLE USD 39981.18", "PAYMENT_SENT IN_TRANSIT USD -39981.18",
        "PAYMENT_BOOKED IN_TRANSIT USD 39981.18", "PAYMENT_BOOKED NOSTRO USD -39981.18",
    ]  # fmt: skip
    assert here.balances() == OURS | {"NOSTRO USD": D("9960018.82")}
    assert deals.owed(trade) == ["v1 RECEIVE 2 BTC 2026-09-16 SETTLED", "v1 PAY 39981.18 USD 2026-09-16 SETTLED"]
    assert settlement.get_net_set(net_set.id, actor=SYSTEM).status == "SETTLED"
    assert [one.status for one in attempts()] == ["RETURNED", "SETTLED"]
    assert attempts()[0].end_to_end_id != attempts()[1].end_to_end_id
    assert books.seen_by(acme, "instruction", "settlement", "trade") == [
        "trade.booked", "instruction.sent", "settlement.settled", "trade.settled", "instruction.settled",
        "instruction.returned",
        "instruction.sent", "settlement.settled", "trade.settled", "instruction.settled",
    ]  # fmt: skip
    books.proven()
