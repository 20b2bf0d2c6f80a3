"""The simulators of venues joined to those of our bank and chain: money that we send there shows there, what we fetch comes, by itself."""

from decimal import Decimal as D
from typing import Any

import pytest

from apps.core import clock
from apps.jobs import settlement as jobs
from apps.jobs import venues as venue_jobs
from apps.settlement.models import HouseTransfer, Nostro, Receipt, VenueMovement, VenuePlace
from apps.settlement.operations.venue_places import Way
from apps.settlement.rails import outside
from apps.settlement.rails.base import Statement
from tests import books
from tests.settlement import venues as there
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ends(settings: Any) -> tuple[dict[str, Nostro], dict[str, VenuePlace]]:
    settings.SIM_RAILS = settings.SIM_RAILS | {"joined": True}
    ours = here.open_house("USD", "BTC")
    places = there.open_venue("USD", "BTC")
    for asset, amount in (("USD", D(100_000)), ("BTC", D(5))):
        there.keeps(place=places[asset], amount=amount)
    return ours, places


def state(made: HouseTransfer) -> str:
    made.refresh_from_db()
    return str(made.status)


def pass_by(minutes: int) -> None:
    """Time goes on, and the sweeps run as the worker runs them."""
    for _ in range(minutes // 10):
        here.at(clock.desk_now(), minutes=10)
        jobs.run_all()
        jobs.run_all()


def test_money_goes_to_a_venue_and_comes_back_with_nobody_at_the_other_side(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    there_and_back = [
        there.sent(*(pair if to_venue else pair[::-1]), amount)
        for pair, amount in (((ours["USD"], places["USD"]), "1000"), ((ours["BTC"], places["BTC"]), "2"))
        for to_venue in (True, False)
    ]
    jobs.run_all()
    assert {state(one) for one in there_and_back} == {"IN_TRANSIT"}, "it takes its time"
    pass_by(90)
    assert [(one.from_name, state(one)) for one in there_and_back] == [
        ("USD house", "SETTLED"), ("Northgate Exchange USD", "SETTLED"), ("BTC house", "SETTLED"), ("Northgate Exchange BTC", "SETTLED"),
    ]  # fmt: skip
    assert (here.balances()["VENUE USD"], here.balances()["VENUE BTC"]) == (D(100_000), D("4.9997")), "but for the fee of the venue"
    assert {one.transaction for one in VenueMovement.objects.filter(amount__gt=0)} == {
        there.payment_of(one).rail_reference for one in there_and_back if one.source is not None
    }
    before, seen = books.count(), VenueMovement.objects.count() + Receipt.objects.count()
    pass_by(60)
    assert books.posted(before) == [] and VenueMovement.objects.count() + Receipt.objects.count() == seen, "each is carried once"
    books.proven()


def test_what_goes_wrong_on_one_side_is_seen_on_the_other(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    bank, venue = there.place_of(ours["USD"]), there.at_venue("USD")
    sent = {}
    for outcome, amount in (("SPLIT", "11"), ("LOSE", "12"), ("RETURN", "13")):
        outside.script(bank, outcome)
        sent[outcome] = there.sent(ours["USD"], places["USD"], amount)
        outside.script(venue, outcome)
        sent[f"{outcome} BACK"] = there.sent(places["USD"], ours["USD"], amount)
    outside.script(venue, "DUPLICATE")
    sent["TWICE"] = there.sent(places["USD"], ours["USD"], "14")
    outside.script(there.at_venue("BTC"), "SPLIT")
    sent["COINS"] = there.sent(places["BTC"], ours["BTC"], "1")
    pass_by(240)
    assert {name: state(one) for name, one in sent.items()} == {
        "SPLIT": "SETTLED", "SPLIT BACK": "SETTLED", "LOSE": "IN_TRANSIT", "LOSE BACK": "IN_TRANSIT", "RETURN": "FAILED",
        "RETURN BACK": "FAILED", "TWICE": "SETTLED", "COINS": "SETTLED",
    }  # fmt: skip
    assert [one.parts.count() for one in (sent["SPLIT BACK"], sent["COINS"])] == [2, 2]
    assert [one.amount for one in Receipt.objects.filter(status="QUARANTINED")] == [D(14)], "paid twice"
    books.proven()


def test_what_is_on_its_way_to_an_earlier_account_of_the_venue_arrives_and_unjoined_nothing_does(ends, settings: Any) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    made = there.sent(ours["USD"], places["USD"], "10")
    new = there.set_place(Way("fedwire-usd", "021000021-7002", "Northgate Exchange", "CHASUS33"))
    pass_by(30)
    assert state(made) == "SETTLED"
    settings.SIM_RAILS = settings.SIM_RAILS | {"joined": False}
    other = there.sent(ours["USD"], new, "20")
    pass_by(30)
    assert state(other) == "IN_TRANSIT" and venue_jobs.carry_simulated() == 0


def test_what_was_carried_is_not_read_again(ends, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    made = there.sent(ours["USD"], places["USD"], "10")
    pass_by(30)
    assert state(made) == "SETTLED"
    lines, statement = list[int](), outside.statement

    def counted(*given: Any, **more: Any) -> Statement:
        found = statement(*given, **more)
        lines.append(len(found.entries))
        return found

    monkeypatch.setattr(outside, "statement", counted)
    assert (venue_jobs.carry_simulated(), set(lines)) == (0, {0})
    next_one = there.sent(ours["USD"], places["USD"], "20")
    pass_by(30)
    assert state(next_one) == "SETTLED"
