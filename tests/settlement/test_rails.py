"""The simulated outside world: its own memory, moved by the desk clock alone."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.test import override_settings

from apps.settlement.errors import UnknownRail
from apps.settlement.rails import get_rail, outside
from apps.settlement.rails.bank import BOOKED_AFTER, BankSimulator
from apps.settlement.rails.base import Outcome, Payment, Place
from apps.settlement.rails.chain import ChainSimulator
from tests.world import NOON

BANK, WALLET = Place("fedwire-usd", "ours-1", "USD"), Place("bitcoin-btc", "bc1qours", "BTC", 3)


def pay(key: str = "FD1", amount: str = "10", to: str = "theirs") -> Payment:
    return Payment(key, D(amount), "Them", to)


def lines(place: Place = BANK, after: int = 0, at=NOON + timedelta(days=2)):  # type: ignore[no-untyped-def]
    return [(e.sequence, e.kind, e.amount, e.balance) for e in outside.statement(place, after=after, now=at).entries]


def test_the_same_key_pays_once() -> None:
    outside.opening(BANK, D(100), "a")
    outside.opening(BANK, D(100), "a")
    first = BankSimulator().send(BANK, pay(), now=NOON)
    assert BankSimulator().send(BANK, pay(), now=NOON) == first
    assert first.outcome is Outcome.ACCEPTED
    assert lines() == [(1, "PAYMENT", D(-10), D(90))]


def test_a_line_is_there_at_its_desk_time_and_not_before() -> None:
    BankSimulator().send(BANK, pay(), now=NOON)
    assert lines(at=NOON + BOOKED_AFTER - timedelta(microseconds=1)) == []
    assert len(lines(at=NOON + BOOKED_AFTER)) == 1
    assert lines(after=1) == []


@pytest.mark.parametrize(
    ("outcome", "answer", "later", "booked"),
    [
        ("OK", "ACCEPTED", "ACCEPTED", [D(-10)]),
        ("TIMEOUT", "UNKNOWN", "ACCEPTED", [D(-10)]),
        ("TIMEOUT_LOST", "UNKNOWN", "NOT_FOUND", []),
        ("REJECT", "REJECTED", "REJECTED", []),
        ("LOSE", "ACCEPTED", "ACCEPTED", []),
        ("SPLIT", "ACCEPTED", "ACCEPTED", [D(-5), D(-5)]),
        ("DUPLICATE", "ACCEPTED", "ACCEPTED", [D(-10), D(-10)]),
        ("CHARGE", "ACCEPTED", "ACCEPTED", [D(-10), D(-15)]),
        ("RETURN", "ACCEPTED", "ACCEPTED", [D(-10), D(10)]),
    ],
)
def test_a_scripted_outcome_hits_the_next_payment_that_fits(outcome: str, answer: str, later: str, booked: list[D]) -> None:
    outside.script(BANK, outcome, beneficiary="theirs")
    assert BankSimulator().send(BANK, pay("FD0", "3", "others"), now=NOON).outcome == "ACCEPTED"
    assert BankSimulator().send(BANK, pay(), now=NOON).outcome == answer
    assert BankSimulator().status(BANK, "FD1", now=NOON).outcome == later
    assert [amount for _, _, amount, _ in lines()][1:] == booked


def test_a_silent_rail_says_nothing_of_a_payment_for_four_hours() -> None:
    bank, found = BankSimulator(), NOON + timedelta(hours=4)
    outside.script(BANK, "SILENT")
    assert bank.send(BANK, pay(), now=NOON).outcome is Outcome.UNKNOWN
    before = found - timedelta(microseconds=1)
    assert {bank.send(BANK, pay(), now=before).outcome, bank.status(BANK, "FD1", now=before).outcome} == {Outcome.UNKNOWN}
    assert lines(at=found) == []
    assert bank.status(BANK, "FD1", now=found) == bank.send(BANK, pay(), now=found)
    assert bank.status(BANK, "FD1", now=found).outcome is Outcome.ACCEPTED
    assert lines(at=found + BOOKED_AFTER) == [(1, "PAYMENT", D(-10), D(-10))]


def test_a_slow_payment_is_booked_an_hour_later() -> None:
    outside.script(BANK, "SLOW")
    BankSimulator().send(BANK, pay(), now=NOON)
    assert lines(at=NOON + timedelta(minutes=59)) == []
    assert len(lines(at=NOON + timedelta(minutes=60))) == 1


def outcomes(seed: int) -> list[str]:
    with override_settings(SIM_RAILS={"seed": seed, "per_mille": {"REJECT": 300, "TIMEOUT": 200}, "joined": False}):
        outside.forget(BANK)
        return [str(BankSimulator().send(BANK, pay(f"{seed}-{n}", str(n)), now=NOON).outcome) for n in range(1, 101)]


def test_the_same_seed_gives_the_same_outcomes_and_another_seed_others() -> None:
    first = outcomes(1)
    assert outcomes(1) == first
    assert outcomes(2) != first
    found = Counter(first)
    assert found["REJECTED"] > 10
    assert found["UNKNOWN"] > 5
    assert found["ACCEPTED"] > 25


def test_a_chain_tells_confirmations_and_books_after_the_last() -> None:
    chain = ChainSimulator()
    chain.pay_in(WALLET, D(2), sender_name="", sender_address="bc1qtheirs", remittance="", at=NOON)
    assert chain.incoming(WALLET, now=NOON - timedelta(seconds=1)) == ()
    (seen,) = chain.incoming(WALLET, now=NOON + timedelta(minutes=25))
    assert (seen.confirmations, seen.dropped) == (2, False)
    assert chain.statement(WALLET, after=0, now=NOON + timedelta(minutes=29)).entries == ()
    (entry,) = chain.statement(WALLET, after=0, now=NOON + timedelta(minutes=30)).entries
    assert (entry.amount, entry.reference) == (D(2), seen.reference)
    assert chain.incoming(WALLET, now=NOON + timedelta(minutes=31)) == ()


def test_an_unnamed_rail_is_refused() -> None:
    with pytest.raises(UnknownRail):
        get_rail("pigeon", "BIRD")
    assert get_rail("bitcoin-btc", "CHAIN") is get_rail("ethereum-eth", "CHAIN")
