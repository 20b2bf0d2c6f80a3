"""A streamed request: each new price a new quote, the one before good for its minimum life, one reservation, one trade."""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from apps.core import clock, db
from apps.jobs import rfqs as jobs
from apps.pricing.feeds import bus
from apps.rfqs.errors import QuoteAnswered, QuoteSuperseded, QuoteWithdrawn
from apps.rfqs.models import Quote, Rfq
from apps.workflows.stream_quotes import stream_quote
from apps.workflows.work_rfq import pick_up
from tests import world
from tests.rfqs.desk import Desk, a_desk, fund, held, kinds, market, pass_time, reserved, state, used

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(transactional_db: None) -> Desk:
    return a_desk()


def stream(desk: Desk, **changes: Any) -> tuple[Rfq, Quote]:
    rfq, quote = desk.ask(**({"stream": True, "respond_within_ms": 600_000} | changes))
    assert quote is not None
    return rfq, quote


def tick(rfq: Rfq, mid: str = "20000", **changes: Any) -> Any:
    return stream_quote(rfq_id=rfq.id, depth=changes.get("depth", market(mid)), usd_per_quote=D(1))


def test_a_new_price_is_a_new_quote_and_the_old_one_lives_on_for_its_minimum_life(desk: Desk) -> None:
    rfq, first = stream(desk)
    pass_time(seconds=1)
    second = tick(rfq, "20100")
    assert state(rfq) == ("QUOTED", ["SUPERSEDED", "OPEN"])
    first.refresh_from_db()
    assert (second.number, first.good_until) == (2, clock.desk_now() + timedelta(milliseconds=500))
    assert kinds()[-1] == "quote.replaced"
    pass_time(milliseconds=499)
    desk.take(first)
    assert state(rfq) == ("FILLED", ["ACCEPTED", "WITHDRAWN"])
    second.refresh_from_db()
    assert second.end_reason == "FILLED"
    with pytest.raises(QuoteAnswered):
        desk.take(second, "o2")
    assert reserved() == 0


def test_past_its_minimum_life_a_superseded_price_is_gone(desk: Desk) -> None:
    rfq, first = stream(desk)
    pass_time(seconds=1)
    second = tick(rfq, "20100")
    pass_time(milliseconds=500)
    with pytest.raises(QuoteSuperseded):
        desk.take(first)
    desk.take(second)
    assert state(rfq) == ("FILLED", ["SUPERSEDED", "ACCEPTED"])


def test_the_minimum_life_never_outlives_the_quote(desk: Desk) -> None:
    rfq, first = stream(desk, ttl_ms=1_000)
    pass_time(milliseconds=700)
    tick(rfq, "20100")
    first.refresh_from_db()
    assert first.good_until == first.expires_at


def test_the_same_price_is_left_alone_until_its_life_is_nearly_over(desk: Desk) -> None:
    rfq, first = stream(desk)
    pass_time(seconds=7)
    assert tick(rfq) is None
    pass_time(seconds=2)
    renewed = tick(rfq)
    assert (renewed.number, renewed.buy_price) == (2, first.buy_price)
    assert renewed.expires_at == clock.desk_now() + timedelta(seconds=10)


def test_one_reservation_is_raised_and_never_lowered(desk: Desk) -> None:
    rfq, first = stream(desk)
    low = reserved()
    pass_time(seconds=1)
    tick(rfq, "20100")
    high = reserved()
    assert high > low
    pass_time(seconds=1)
    cheap = tick(rfq, "19000")
    assert reserved() == high
    assert db.one("SELECT count(*) FROM credit_reservation WHERE status = 'RESERVED' AND amount > 0 GROUP BY line_id") == (1,)
    desk.take(cheap)
    assert (reserved(), used()) == (D(0), high)
    assert first.number == 1


def test_a_prefunded_stream_holds_once_and_gives_all_back(transactional_db: None) -> None:
    desk = a_desk(mode="PREFUNDED")
    fund(firm=desk.firm, asset="USD", amount=D(100_000))
    rfq, first = stream(desk)
    low = held()
    pass_time(seconds=1)
    second = tick(rfq, "20100")
    assert held() > low == first.buy_client_pays
    desk.take(second)
    assert held() == 0
    assert db.one("SELECT count(*) FROM ledger_hold WHERE status = 'PENDING'") == (0,)


def test_a_lost_feed_withdraws_says_so_and_comes_back(desk: Desk) -> None:
    rfq, first = stream(desk)
    pass_time(seconds=6)
    assert tick(rfq, depth=None) is None
    assert state(rfq) == ("RECEIVED", ["WITHDRAWN"])
    first.refresh_from_db()
    assert (first.end_reason, reserved()) == ("FEED_LOST", D(0))
    with pytest.raises(QuoteWithdrawn):
        desk.take(first)
    assert tick(rfq, depth=world.depth(at=world.NOON)) is None, "still the old price"
    second = tick(rfq)
    assert (second.number, state(rfq)) == (2, ("QUOTED", ["WITHDRAWN", "OPEN"]))
    assert reserved() == second.buy_quote_quantity


def test_a_request_without_a_feed_may_be_picked_up_by_a_person_and_streams_no_more(desk: Desk) -> None:
    rfq, _ = stream(desk)
    tick(rfq, depth=None)
    pick_up(actor=desk.trader, rfq_id=rfq.id)
    assert tick(rfq) is None
    desk.take(desk.price(rfq.id, "20010"))
    assert state(rfq) == ("FILLED", ["WITHDRAWN", "ACCEPTED"])


def test_outside_the_bounds_no_new_price_goes_out_and_the_old_one_is_never_withdrawn(transactional_db: None) -> None:
    desk = a_desk(auto_max_usd=D(45_000))
    rfq, first = stream(desk)
    pass_time(seconds=1)
    assert tick(rfq, "30000") is None
    assert state(rfq) == ("QUOTED", ["OPEN"])
    desk.take(first)


def test_it_ends_when_the_request_ends(desk: Desk) -> None:
    rfq, _ = stream(desk, respond_within_ms=15_000)
    pass_time(seconds=9)
    last = tick(rfq, "20100")
    assert last.expires_at == world.NOON + timedelta(seconds=15)
    pass_time(seconds=6)
    assert tick(rfq, "20200") is None
    pass_time(seconds=10)
    assert jobs.sweep_quotes() == 2
    assert state(rfq) == ("EXPIRED", ["EXPIRED", "EXPIRED"])
    assert reserved() == 0


def test_the_job_reads_each_book_once_and_prices_every_stream(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        stream(desk, quantity=D(1))
    desk.ask(quantity=D(1))
    bus.publish([world.depth(mid="20100")])
    reads: list[str] = []
    real = bus.read_depth
    monkeypatch.setattr(bus, "read_depth", lambda pair: reads.append(pair) or real(pair))
    assert jobs.stream_quotes() == 3
    assert reads == ["BTC-USD"]
    assert jobs.stream_quotes() == 0
    assert Quote.objects.filter(status="OPEN", number=2).count() == 3


def test_a_superseded_quote_that_ends_takes_nothing_from_the_living_one(desk: Desk) -> None:
    rfq, _ = stream(desk)
    pass_time(seconds=9)
    tick(rfq, "20100")
    pass_time(seconds=9.5)
    tick(rfq, "20200")
    before = reserved()
    pass_time(seconds=2)
    assert jobs.sweep_quotes() == 1
    assert state(rfq) == ("QUOTED", ["EXPIRED", "SUPERSEDED", "OPEN"])
    assert reserved() == before > 0
