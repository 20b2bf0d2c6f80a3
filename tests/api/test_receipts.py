"""A quote's receipt, as a client checks it: over HTTP, with a library that is not ours, against keys that anybody can fetch."""

import dataclasses
import json
import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from flowdesk_client import Api, ReceiptInvalid, Refused, verify_receipt
from joserfc import jws as independent
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from apps.core import clock, db, ids
from apps.jobs import rfqs as jobs
from apps.pricing import queries as pricing
from apps.pricing.feeds import bus
from apps.rfqs.states import Side
from apps.workflows.quote_by_hand import quote_by_hand
from apps.workflows.set_policy import set_policy
from apps.workflows.work_rfq import pick_up
from tests import people, world
from tests import web as webs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.filterwarnings("ignore:EdDSA is deprecated")]
D = Decimal
AMOUNTS = {"price", "quantity", "quote_quantity", "fee", "client_pays", "client_receives"}
OF_THE_HOUSE = ("parts", "trader_price", "reference", "left_out", "by", "skew", "book_as_of", "calendar")


@pytest.fixture
def acme(web: webs.Web) -> world.Firm:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    return world.firm("acme", auto_max_usd=D(100_000))


@pytest.fixture
def api(web: webs.Web, acme: world.Firm) -> Api:
    return webs.api(web, acme.trader, attempts=1)


def read(web: webs.Web, receipt: str) -> dict[str, Any]:
    """By the other library, with nothing but the published key set."""
    answer = httpx.get(f"{web.url}/.well-known/jwks.json", timeout=60)
    assert answer.status_code == 200
    found = independent.deserialize_compact(receipt, KeySet.import_key_set(answer.json()), algorithms=["EdDSA"])
    return dict(json.loads(found.payload))


def test_the_key_set_is_public_and_may_be_kept(web: webs.Web, acme: world.Firm) -> None:
    answer = httpx.get(f"{web.url}/.well-known/jwks.json", timeout=60)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/jwk-set+json")
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.json()["keys"]
    assert all(set(key) == {"kty", "crv", "kid", "x", "alg", "use"} for key in answer.json()["keys"]), "no private half"
    assert httpx.post(f"{web.url}/.well-known/jwks.json", timeout=60).status_code in {403, 405}
    assert "set-cookie" not in answer.headers


def test_a_receipt_says_what_was_quoted_and_holds(web: webs.Web, api: Api, acme: world.Firm) -> None:
    rfq = api.rfq("BTC-USD", "two_way", quantity="2", client_rfq_id="r-1")
    quote = rfq["quote"]
    facts = read(web, quote["quote_receipt"])
    assert facts == verify_receipt(quote["quote_receipt"], api.jwks())
    assert facts["quote_id"] == quote["id"]
    assert (facts["rfq_id"], facts["client_rfq_id"]) == (rfq["id"], "r-1")
    assert (facts["client_id"], facts["account_id"]) == (ids.encode("cli", acme.client_id), rfq["account_id"])
    for name in ("created_at", "expires_at", "value_date", "reference_mid", "spread_bps", "sources", "number"):
        assert facts[name] == quote[name], name
    for side in ("buy", "sell"):
        assert set(facts[side]) == AMOUNTS
        assert facts[side] == {name: quote[side][name] for name in AMOUNTS}
    assert (facts["instrument"], facts["account"], facts["priced_by"], facts["version"]) == ("BTC-USD", "acme-main", "auto", 1)
    assert api.get(f"/api/v1/quotes/{quote['id']}")["quote_receipt"] == quote["quote_receipt"]
    [event] = [e for e in api.events()["data"] if e["type"] == "rfq.quoted"]
    assert event["data"]["quote"]["quote_receipt"] == quote["quote_receipt"]


def test_a_receipt_that_was_changed_does_not_hold(web: webs.Web, api: Api) -> None:
    receipt = api.rfq("BTC-USD", "buy", quantity="2")["quote"]["quote_receipt"]
    header, payload, signature = receipt.split(".")
    facts = verify_receipt(receipt, api.jwks())
    from apps.core.jws import b64, new_key

    cheaper = json.dumps(facts | {"buy": facts["buy"] | {"price": "1"}}).encode()
    forged = new_key().signer("quote-receipt").sign(cheaper)
    for bad in (
        f"{header}.{b64(cheaper)}.{signature}",
        forged,
        f"{header}.{payload}.",
        f"{b64(json.dumps({'alg': 'none', 'typ': 'quote-receipt'}).encode())}.{payload}.",
        f"{forged.split('.')[0]}.{payload}.{signature}",
    ):
        with pytest.raises(ReceiptInvalid):
            verify_receipt(bad, api.jwks())
        with pytest.raises((JoseError, ValueError)):
            read(web, bad)


def test_a_price_of_a_person_carries_one_too(web: webs.Web, api: Api, acme: world.Firm) -> None:
    rfq = api.rfq("BTC-USD", "buy", quantity="9")
    assert rfq["status"] == "RECEIVED"
    tara = people.staff("tara", "trader")
    rfq_id = ids.decode("rfq", rfq["id"])
    pick_up(actor=tara, rfq_id=rfq_id)
    for price in ("20010.5", "20009.5"):
        quote_by_hand(actor=tara, rfq_id=rfq_id, prices={Side.BUY: D(price)}, depth=world.depth(), usd_per_quote=D(1))
    quote = api.get(f"/api/v1/rfqs/{rfq['id']}")["quote"]
    facts = read(web, quote["quote_receipt"])
    assert (facts["priced_by"], facts["number"], facts["buy"]["price"]) == ("desk", 2, "20009.5")
    replaced = [e["data"] for e in api.events()["data"] if e["type"] == "quote.replaced"]
    assert [one["quote_receipt"] for one in replaced] == [quote["quote_receipt"]]
    assert not re.search(r"\btara", json.dumps(facts).lower()), "who of ours priced it is not the client's to know"


def test_each_price_of_a_stream_carries_its_own(web: webs.Web, api: Api) -> None:
    rfq = api.rfq("BTC-USD", "buy", quantity="2", stream=True)
    bus.publish([world.depth(mid="20100")])
    assert jobs.stream_quotes() == 1
    [replaced] = [e["data"] for e in api.events()["data"] if e["type"] == "quote.replaced"]
    facts = read(web, replaced["quote_receipt"])
    assert (facts["quote_id"], facts["number"], facts["reference_mid"], facts["priced_by"]) == (replaced["id"], 2, "20100", "auto")
    assert facts["buy"] == {name: replaced["buy"][name] for name in AMOUNTS}
    assert read(web, rfq["quote"]["quote_receipt"])["number"] == 1


def test_a_stream_makes_no_price_that_does_not_agree_with_its_book(api: Api) -> None:
    rfq = api.rfq("BTC-USD", "buy", quantity="2", stream=True)
    tighten()
    bus.publish([world.depth(mid="20100")])
    assert jobs.stream_quotes() == 0
    assert api.get(f"/api/v1/rfqs/{rfq['id']}")["quote"] == rfq["quote"], "the last price lives out its time"
    assert db.run("SELECT count(*) FROM events_event WHERE kind = 'quote.inconsistent'") == [(1,)]


def tighten() -> None:
    """Bands less than the pair's own spread."""
    policy = pricing.get_policy("BTC-USD")
    terms = dataclasses.replace(pricing.terms_of(policy), sure_bps=D(1), refuse_bps=D(1))
    set_policy(actor=people.staff("tara", "trader"), pair_code="BTC-USD", terms=terms, expected_version=policy.version, reason="a slip")


def test_how_our_price_came_about_stays_in_the_house(web: webs.Web, api: Api) -> None:
    """The total of the spread and the venues are told; its parts, the price before the markup and who was left out are not."""
    rfq = api.rfq("BTC-USD", "two_way", quantity="2")
    kept = json.loads(db.one("SELECT provenance::text FROM rfqs_quote")[0])
    assert set(kept["parts"]["buy"]) >= {"pair", "client", "volatility", "inventory", "size", "time"}
    assert {"trader_price", "reference", "left_out", "by"} <= set(kept)
    told = [rfq, api.get(f"/api/v1/rfqs/{rfq['id']}"), api.get(f"/api/v1/quotes/{rfq['quote']['id']}"), api.events()["data"]]
    told.append(read(web, rfq["quote"]["quote_receipt"]))
    assert not set(OF_THE_HOUSE) & set(_names(told))
    assert rfq["quote"]["spread_bps"] == kept["spread_bps"]


def _names(document: Any) -> list[str]:
    if isinstance(document, dict):
        return [*document, *(name for value in document.values() for name in _names(value))]
    return [name for value in document for name in _names(value)] if isinstance(document, list) else []


def test_a_stranger_gets_no_receipt_of_another(web: webs.Web, api: Api) -> None:
    quote = api.rfq("BTC-USD", "buy", quantity="2")["quote"]
    stranger = webs.api(web, world.firm("borealis").trader, attempts=1)
    with pytest.raises(Refused) as no:
        stranger.get(f"/api/v1/quotes/{quote['id']}")
    assert no.value.code == "not_found"


def test_what_a_quote_was_made_of_never_changes(api: Api) -> None:
    from django.db import IntegrityError

    api.rfq("BTC-USD", "buy", quantity="2")
    for sql in (
        'UPDATE rfqs_quote SET provenance = provenance || \'{"by": "nobody"}\'',
        "UPDATE rfqs_quote SET response_time_us = 1",
        "UPDATE rfqs_rfq SET duplicate_of = id",
    ):
        with pytest.raises(IntegrityError):
            db.run(sql)


# --- the same asked twice ---------------------------------------------------------------------------------------------
def warned(rfq: dict[str, Any]) -> str | None:
    return rfq["warnings"][0]["rfq_id"] if "warnings" in rfq else None


def test_the_same_request_a_moment_later_is_warned_of_and_never_refused(web: webs.Web, api: Api, acme: world.Firm) -> None:
    first = api.rfq("BTC-USD", "buy", quantity="2", client_rfq_id="a")
    again = api.rfq("BTC-USD", "buy", quantity="2", client_rfq_id="b")
    assert (warned(first), warned(again)) == (None, first["id"])
    assert (again["status"], again["warnings"][0]["code"]) == ("QUOTED", "possible_duplicate")
    for other in ({"quantity": "2.5"}, {"side": "sell"}, {"side": "two_way"}):
        assert warned(api.rfq(**{"instrument": "BTC-USD", "side": "buy", "quantity": "2"} | other)) is None, other
    assert warned(api.rfq("BTC-USD", "buy", quantity="400")) is None
    assert warned(api.rfq("BTC-USD", "buy", quote_quantity="400")) is None, "400 BTC are not 400 USD"
    stranger = webs.api(web, world.firm("borealis").trader, attempts=1)
    assert warned(stranger.rfq("BTC-USD", "buy", quantity="2")) is None
    assert warned(api.get(f"/api/v1/rfqs/{again['id']}")) == first["id"]


def test_an_answered_quote_warns_when_it_was_taken_and_not_when_it_is_over(api: Api) -> None:
    taken = api.rfq("BTC-USD", "buy", quantity="1")
    api.accept(taken["quote"]["id"], "buy", taken["quote"]["buy"]["price"])
    assert warned(api.rfq("BTC-USD", "buy", quantity="1")) == taken["id"]
    declined = api.rfq("BTC-USD", "sell", quantity="1")
    api.decline(declined["quote"]["id"])
    assert warned(api.rfq("BTC-USD", "sell", quantity="1")) is None
    short = api.rfq("BTC-USD", "sell", quantity="3", ttl_ms=1000)
    later = datetime.fromisoformat(short["quote"]["expires_at"])
    clock.freeze_desk(later)
    assert warned(api.rfq("BTC-USD", "sell", quantity="3")) is None, "its time was over"
    person = api.rfq("BTC-USD", "sell", quantity="9")
    assert (person["status"], warned(api.rfq("BTC-USD", "sell", quantity="9"))) == ("RECEIVED", person["id"])
    clock.freeze_desk(world.later(later, seconds=10))
    bus.publish([world.depth(at=world.later(later, seconds=10))])
    assert warned(api.rfq("BTC-USD", "sell", quantity="9")) is None, "ten seconds are over"


# --- our own checks -----------------------------------------------------------------------------------------------------
def test_a_price_that_does_not_agree_with_its_book_is_refused_and_the_desk_is_told(api: Api) -> None:
    tighten()
    with pytest.raises(Refused) as no:
        api.rfq("BTC-USD", "buy", quantity="2", client_rfq_id="odd")
    assert (no.value.status, no.value.code) == (422, "quote_inconsistent")
    assert not {"why", "price", "reference", "mid"} & set(no.value.problem)
    assert db.run("SELECT count(*) FROM rfqs_rfq") == [(0,)]
    assert db.run("SELECT coalesce(sum(reserved), 0) FROM credit_line") == [(0,)]
    [(house, public, client)] = db.run("SELECT house, public, client_id FROM events_event WHERE kind = 'quote.inconsistent'")
    assert (db.loads(house)["why"], public, client) == ("far_from_the_book", None, None)
    assert [e["type"] for e in api.events()["data"]] == ["rfq.refused"]


def test_a_person_is_asked_twice_and_then_refused(api: Api) -> None:
    from apps.pricing.errors import PriceFarOff, PriceNeedsSure

    rfq = api.rfq("BTC-USD", "buy", quantity="9")
    tara = people.staff("tara", "trader")
    rfq_id = ids.decode("rfq", rfq["id"])
    pick_up(actor=tara, rfq_id=rfq_id)

    def price(at: str, **sure: bool) -> Any:
        return quote_by_hand(actor=tara, rfq_id=rfq_id, prices={Side.BUY: D(at)}, depth=world.depth(), usd_per_quote=D(1), **sure)

    with pytest.raises(PriceNeedsSure):
        price("20300")
    with pytest.raises(PriceFarOff):
        price("2000.00", sure=True)
    with pytest.raises(PriceFarOff):
        price("200000", sure=True)
    assert db.run("SELECT count(*) FROM rfqs_quote") == [(0,)]
    price("20300", sure=True)
    assert api.get(f"/api/v1/rfqs/{rfq['id']}")["quote"]["buy"]["price"] == "20300"


# --- fair use -----------------------------------------------------------------------------------------------------------
def test_who_is_stopped_for_asking_too_much_is_told_when_to_come_back(web: webs.Web, api: Api, acme: world.Firm) -> None:
    until = world.later(world.NOON, minutes=17)
    live = api.rfq("BTC-USD", "buy", quantity="2", ttl_ms=30_000)
    db.run(
        "INSERT INTO clients_fairuse (client_id, level, requests, deals, since, until) VALUES (%s, 'SOFT', 900, 1, %s, %s)",
        (acme.client_id, world.NOON, until),
    )
    assert api.rfq("BTC-USD", "buy", quantity="3")["status"] == "QUOTED", "a warning stops nothing"
    db.run("UPDATE clients_fairuse SET level = 'HARD'")
    with pytest.raises(Refused) as no:
        api.rfq("BTC-USD", "buy", quantity="4", idempotency_key="k" * 20)
    assert (no.value.status, no.value.code, no.value.retry, no.value.retry_after_s) == (429, "fair_use", "after", 17 * 60)
    price = live["quote"]["buy"]["price"]
    assert api.accept(live["quote"]["id"], "buy", price)["price"] == price, "what was quoted is still dealt"
    stranger = webs.api(web, world.firm("borealis").trader, attempts=1)
    assert stranger.rfq("BTC-USD", "buy", quantity="2")["status"] == "QUOTED"
    clock.freeze_desk(until)
    bus.publish([world.depth(at=until)])
    assert api.rfq("BTC-USD", "buy", quantity="4", idempotency_key="k" * 20)["status"] == "QUOTED", "the same request, once it may"
