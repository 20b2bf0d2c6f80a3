"""Worked case: we owe more than the rail takes at once. Two people release one payment; it leaves in three, of which one is refused and
one comes back. Each is paid again alone, and the client sees one leg, part-paid and then paid.

Every ledger line is here; debits are positive.
"""

from decimal import Decimal as D
from typing import Any

import pytest

from apps.core import clock
from apps.jobs import settlement as jobs
from apps.settlement import queries as settlement
from apps.settlement.models import Instruction
from apps.settlement.rails import outside
from tests import books, deals, world
from tests.settlement import world as here
from tests.settlement.splitting import parts, release, set_limit, whole

pytestmark = pytest.mark.django_db(transaction=True)


def seen(firm: world.Firm) -> dict[str, Any]:
    """Our payment as the client's API tells it."""
    (told,) = [settlement.describe_instruction(i) for i in settlement.list_instructions(firm.treasury) if i.direction == "PAY"]
    return told


def leg(firm: world.Firm) -> list[Any]:
    (net_set,) = settlement.list_net_sets(firm.treasury)
    (told,) = [one for one in settlement.net_set_legs([net_set.id])[net_set.id] if one.direction == "PAY"]
    return [told.status, told.settled_amount, net_set.status]


def states() -> list[str]:
    return [f"{one.part}.{one.attempt} {one.amount.normalize():f} {one.status}" for one in parts()]


def later(hours: int) -> None:
    here.at(clock.desk_now(), hours=hours)
    jobs.run_all()


def test_one_payment_leaves_in_three_and_each_has_a_life_of_its_own() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    set_limit("fedwire-usd", largest="15000", most=3)
    trade = here.sold(acme, "2")

    # One payment is released, by two people who see all of it; nothing is over the limit any more.
    one = here.only("READY")
    assert (one.amount, [b.code for b in settlement.list_decisions([one.id])[:1] for b in b.blockers]) == (D("39981.18"), [])
    outside.script(here.place("USD"), "REJECT", amount=D(15000))  # the first that leaves
    outside.script(here.place("USD"), "RETURN", amount=D("9981.18"))
    before = books.count()
    release(one)
    assert states() == ["1.1 15000 RELEASED", "2.1 15000 RELEASED", "3.1 9981.18 RELEASED"]
    assert (seen(acme)["status"], seen(acme)["settled_amount"]) == ("PENDING", "0")
    jobs.run_all()
    assert states() == ["1.1 15000 FAILED", "1.2 15000 READY", "2.1 15000 SENT", "3.1 9981.18 SENT"]
    assert books.posted(before) == [
        "PAYMENT_SENT PAYABLE USD 15000", "PAYMENT_SENT IN_TRANSIT USD -15000",
        "PAYMENT_SENT PAYABLE USD 9981.18", "PAYMENT_SENT IN_TRANSIT USD -9981.18",
    ]  # fmt: skip
    assert (seen(acme)["status"], leg(acme)) == ("SENDING", ["INSTRUCTED", D(0), "SETTLING"])
    books.proven()

    # Two are booked: part-paid. The deal is not settled.
    before = books.count()
    later(1)
    assert books.posted(before) == [
        "PAYMENT_BOOKED IN_TRANSIT USD 15000", "PAYMENT_BOOKED NOSTRO USD -15000",
        "PAYMENT_BOOKED IN_TRANSIT USD 9981.18", "PAYMENT_BOOKED NOSTRO USD -9981.18",
    ]  # fmt: skip
    assert leg(acme) == ["PART_SETTLED", D("24981.18"), "SETTLING"]
    told = seen(acme)
    assert (told["status"], told["settled_amount"], told["settled_at"]) == ("PART_SETTLED", "24981.18", None)
    assert [(p["part"], p["attempt"], p["amount"], p["status"]) for p in told["payments"]] == [
        (1, 1, "15000", "FAILED"), (1, 2, "15000", "PENDING"), (2, 1, "15000", "SETTLED"), (3, 1, "9981.18", "SETTLED"),
    ]  # fmt: skip
    assert deals.owed(trade)[1] == "v1 PAY 39981.18 USD 2026-09-16 NETTED"
    books.proven()

    # The third comes back: it alone is owed again.
    before = books.count()
    later(2)
    assert books.posted(before) == [
        "REVERSAL PAYABLE USD -9981.18", "REVERSAL IN_TRANSIT USD 9981.18",
        "REVERSAL IN_TRANSIT USD -9981.18", "REVERSAL NOSTRO USD 9981.18",
    ]  # fmt: skip
    assert states()[-2:] == ["3.1 9981.18 RETURNED", "3.2 9981.18 READY"]
    assert leg(acme) == ["PART_SETTLED", D(15000), "SETTLING"]
    books.proven()

    # The two that are left are released like any payment, and the whole is paid.
    release(*[one for one in parts() if one.status == "READY"])
    jobs.run_all()
    later(1)
    assert leg(acme) == ["SETTLED", D("39981.18"), "SETTLED"]
    assert (seen(acme)["status"], seen(acme)["settled_amount"]) == ("SETTLED", "39981.18")
    assert deals.owed(trade) == ["v1 RECEIVE 2 BTC 2026-09-16 SETTLED", "v1 PAY 39981.18 USD 2026-09-16 SETTLED"]
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000), "NOSTRO BTC": D(1002), "NOSTRO USD": D("9960018.82"),
        "POSITION BTC": D(-2), "POSITION USD": D("39981.18"),
    }  # fmt: skip
    assert len({one.end_to_end_id for one in [whole(), *parts()]}) == 6
    assert books.seen_by(acme, "instruction", "settlement", "trade") == [
        "trade.booked", "instruction.payment_failed", "instruction.payment_sent", "instruction.payment_sent",
        "instruction.payment_settled", "instruction.payment_settled", "instruction.payment_returned",
        "instruction.payment_sent", "instruction.payment_sent", "instruction.payment_settled",
        "settlement.settled", "trade.settled", "instruction.payment_settled", "instruction.settled",
    ]  # fmt: skip
    books.proven()
    sent = Instruction.objects.filter(status="SETTLED", direction="PAY")
    assert sum(one.amount for one in sent) == D("39981.18")
