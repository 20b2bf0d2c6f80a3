"""What screens add to the numbers: an estimate beside waiting requests, a line of recent mids, our limits at LPs."""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from apps.clients import queries as clients
from apps.core import clock
from apps.credit.states import Level
from apps.desk.views.estimate import margins_of
from apps.desk.views.prices import trail_of
from apps.jobs import credit as jobs
from apps.pricing.feeds import bus
from apps.reports.queries.desk import rfqs
from tests import lines, world
from tests.desk.day import Day

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_a_waiting_request_would_earn_is_estimated_by_the_book_as_it_is(enter: Any, day: Day) -> None:
    now = clock.desk_now()
    bus.publish([world.depth("ETH-USD", "2630", at=now, size="5000"), world.depth("BTC-USD", "68400", at=now, size="5")])
    waiting = {row.client_rfq_id: row for row in rfqs.list_active() if row.status in rfqs.WAITING}
    found = margins_of(list(waiting.values()))
    (margin,) = found[waiting["r-large-2"].id]
    assert margin.side == "sell"
    assert margin.profit > 0
    assert margin.bps == (D(2629) - margin.rate) / D(2629) * 10_000, "over the book's bid for the size"
    assert waiting["r-large-1"].id not in found, "the book holds five of the 140"
    text = enter("tara").get("/desk/rfqs/").content.decode()
    assert f"≈ {margin.bps:.1f}" in text


def test_a_trail_of_mids_is_drawn_in_its_box(enter: Any, day: Day) -> None:
    at = clock.desk_now()
    for step, mid in enumerate(("100", "102", "101")):
        bus.publish([world.depth("BTC-USD", mid, at=at - timedelta(seconds=60 - 15 * step))])
    bus.publish([world.depth("BTC-USD", "1", at=at - timedelta(hours=2))])
    assert bus.read_trails(["BTC-USD", "DOGE-USD"], at) == {"BTC-USD": [D(100), D(102), D(101)], "DOGE-USD": []}
    assert trail_of([D(100), D(102), D(101)]) == "0.0,23.0 50.0,1.0 100.0,12.0"
    assert (trail_of([]), trail_of([D(1)]), trail_of([D(1), D(1)])) == ("", "", "0.0,12.0 100.0,12.0")
    assert '<polyline points="0.0,23.0 50.0,1.0 100.0,12.0"/>' in enter("tara").get("/desk/prices/").content.decode()


def test_our_limits_at_lps_stand_on_the_position_page(enter: Any, day: Day) -> None:
    assert "No LP or venue has a limit" in enter("tara").get("/desk/position/").content.decode()
    lp = clients.get_client("helios")
    line = lines.grant(subject_id=lp.id, level=Level.LP, amount="100000")
    jobs.revalue()
    text = enter("tara").get("/desk/position/").content.decode()
    assert f"/desk/credit/lines/{line.id}/" in text and "past its limit" in text
    assert f'value="LP:{lp.id}"' in enter("rita").get("/desk/credit/").content.decode()
