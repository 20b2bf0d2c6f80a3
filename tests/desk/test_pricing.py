"""Prices and pricing in the desk: what is shown, who sets what, what waits for risk, and which field is wrong."""

import re
import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from apps.core import clock, db
from apps.pricing import queries, rules
from apps.pricing.feeds import bus
from apps.pricing.rules import Source
from tests import world
from tests.desk.day import depth

pytestmark = pytest.mark.django_db(transaction=True)


def key() -> str:
    return str(uuid.uuid4())


def form(pair: str = "BTC-USD", **changed: str) -> dict[str, str]:
    policy = queries.get_policy(pair)
    return rules.write_terms(queries.terms_of(policy)) | {"once": key(), "version": str(policy.version), "reason": "test"} | changed


def tile(page: bytes, pair: str) -> str:
    return next(part for part in page.decode().split('<section class="card price') if f"{pair}-" in part[:200])


# --- prices ---------------------------------------------------------------------------------------------------------------


def test_a_tile_shows_bid_ask_sources_with_reasons_and_a_ladder_in_which_more_is_never_better(enter) -> None:  # type: ignore[no-untyped-def]
    clock.freeze_desk(world.NOON)
    book = depth("BTC-USD", world.NOON)
    left_out = Source("delta", "BTC-USD", world.NOON, 9000, D("68000"), ("stale", "outlier"))
    bus.publish([replace(book, sources=(*book.sources, left_out))])
    page = enter("tara").get("/desk/prices/").content
    shown = tile(page, "BTC-USD")
    assert "68,416.03" in shown and "68,426.97" in shown
    assert "stale, outlier" in shown
    assert re.search(r"σ\s+50\.0 %", shown)
    bids, asks = (
        [D(n.replace(",", "")) for n in column]
        for column in zip(*re.findall(r"<b>([\d,.]+)</b></td><td class=\"n\"><b>([\d,.]+)</b>", shown), strict=True)
    )
    assert len(asks) >= 3
    assert list(asks) == sorted(asks) and list(bids) == sorted(bids, reverse=True)
    assert all(bid < ask for bid, ask in zip(bids, asks, strict=True))
    assert "no price" in tile(page, "ETH-USD")


@pytest.mark.parametrize(("ms", "health"), [(0, "live"), (4_500, "slow"), (5_001, "stale")])
def test_an_old_price_greys_out(enter, ms, health) -> None:  # type: ignore[no-untyped-def]
    clock.freeze_desk(world.NOON + timedelta(milliseconds=ms))
    bus.publish([replace(depth("BTC-USD", world.NOON))])
    shown = tile(enter("tara").get("/desk/prices/").content, "BTC-USD")
    assert shown.split('"')[0].strip() == health
    assert ("To the desk: price age" in shown) is (health != "live")


def test_a_halt_stands_on_its_tile_and_a_lie_on_the_bus_is_no_price(enter) -> None:  # type: ignore[no-untyped-def]
    clock.freeze_desk(world.NOON)
    lie = depth("BTC-USD", world.NOON)
    bus.publish([replace(lie, bids=lie.asks), depth("ETH-USD", world.NOON)])
    tara = enter("tara")
    tara.post("/desk/halts/throw/", {"once": key(), "scope": "pair:ETH-USD", "reason": "odd prints"})
    page = tara.get("/desk/prices/").content
    assert "no price" in tile(page, "BTC-USD")
    assert "odd prints" in tile(page, "ETH-USD")


def test_the_feed_tells_how_each_venue_does(enter) -> None:  # type: ignore[no-untyped-def]
    assert b"no feed leads" in enter("tara").get("/desk/prices/").content
    venue = bus.VenueState("kraken", 1, 2, ["crossed"], 140, "down", 812, 3, 4, "BTC-USD: crossed")
    bus.publish_state(bus.FeedState("live", "host:1", 77, world.NOON, (venue,)))
    page = enter("tara").get("/desk/prices/", headers={"HX-Request": "true", "HX-Target": "live"}).content.decode()
    assert all(word in page for word in ("kraken", "down", "BTC-USD: crossed", "812", "leads for 77 s"))


# --- pricing --------------------------------------------------------------------------------------------------------------


def test_a_trader_moves_a_spread_a_little_at_once(enter) -> None:  # type: ignore[no-untyped-def]
    tara = enter("tara")
    answer = tara.post("/desk/pricing/BTC-USD/set/", form(spread_bps="3.5"), follow=True)
    assert "version 2 is in force" in answer.content.decode()
    assert queries.get_policy("BTC-USD").spread_bps == D("3.5")
    page = answer.content.decode()
    assert "spread bps 2 → 3.5" in page and "Tara Trader" in page


def test_past_the_bound_risk_decides(enter) -> None:  # type: ignore[no-untyped-def]
    answer = enter("sam").post("/desk/pricing/BTC-USD/set/", form(spread_bps="12", auto_max_quantity="150"), follow=True)
    assert "Asked of risk" in answer.content.decode()
    assert queries.get_policy("BTC-USD").version == 1
    (approval,) = db.one("SELECT id FROM approvals_approval WHERE kind = 'pair_policy'")
    rita = enter("rita")
    page = rita.get(f"/desk/approvals/{approval}/").content.decode()
    assert "spread bps" in page and "12" in page and "150" in page
    assert rita.post(f"/desk/approvals/{approval}/decide/", {"once": key(), "decision": "approve"}).status_code == 302
    policy = queries.get_policy("BTC-USD")
    assert (policy.version, policy.spread_bps, policy.auto_max_quantity) == (2, D(12), D(150))
    assert "Rita Risk" in rita.get("/desk/pricing/BTC-USD/").content.decode()


@pytest.mark.parametrize("wrong", [{"spread_bps": "wide"}, {"size_tiers": "5:3, 25:1"}, {"auto_max_age_ms": "9000"}, {"legs": "BTC"}])
def test_a_wrong_field_is_named_and_nothing_changes(enter, wrong) -> None:  # type: ignore[no-untyped-def]
    answer = enter("tara").post("/desk/pricing/BTC-USD/set/", form(**wrong))
    assert answer.status_code == 422
    assert b"policy_invalid" in answer.content and next(iter(wrong)).encode() in answer.content
    assert queries.get_policy("BTC-USD").version == 1


def test_the_same_form_sent_twice_makes_one_version_and_an_old_form_none(enter) -> None:  # type: ignore[no-untyped-def]
    tara, sent, old = enter("tara"), form(spread_bps="3"), form(minimum_earn="6")
    assert [tara.post("/desk/pricing/BTC-USD/set/", sent).status_code for _ in range(2)] == [302, 302]
    assert tara.post("/desk/pricing/BTC-USD/set/", old).status_code == 409
    assert queries.get_policy("BTC-USD").version == 2


def test_risk_and_others_look_but_do_not_set(enter) -> None:  # type: ignore[no-untyped-def]
    for name in ("rita", "olga", "fay", "ada", "audrey"):
        client = enter(name)
        assert b"Sales and traders set these" in client.get("/desk/pricing/BTC-USD/").content
        assert client.post("/desk/pricing/BTC-USD/set/", form(spread_bps="3")).status_code == 403
        assert client.post("/desk/pricing/venues/set/", {"once": key(), "venue": "kraken", "taker_bps": "1"}).status_code == 403
    assert queries.get_policy("BTC-USD").version == 1


def test_a_venues_fee_is_set_and_a_new_venue_is_added(enter) -> None:  # type: ignore[no-untyped-def]
    tara = enter("tara")
    for venue, bps in (("kraken", "8"), ("lmax", "2.5")):
        assert tara.post("/desk/pricing/venues/set/", {"once": key(), "venue": venue, "taker_bps": bps}).status_code == 302
    fees = queries.get_recipe().fees_bps
    assert (fees["kraken"], fees["lmax"]) == (D(8), D("2.5"))
    for venue, bps in (("kraken", "-1"), ("kraken", "x"), ("K R", "1"), ("kraken", "1000")):
        assert tara.post("/desk/pricing/venues/set/", {"once": key(), "venue": venue, "taker_bps": bps}).status_code == 422


def test_an_unknown_pair_is_not_there(enter) -> None:  # type: ignore[no-untyped-def]
    tara = enter("tara")
    assert tara.get("/desk/pricing/X-Y/").status_code == 404
    assert tara.post("/desk/pricing/X-Y/set/", form()).status_code == 404
