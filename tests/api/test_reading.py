"""What a client reads: value dates, entries, members, ways in, the story of a deal, documents; each object by itself, and nobody else's."""

import hashlib
import json
from datetime import date, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from django.core.management import call_command
from flowdesk_client import Api, Client, Refused
from flowdesk_client.signing import sign
from joserfc import jws as independent
from joserfc.jwk import KeySet

from apps.core import clock
from apps.jobs import settlement as jobs
from apps.jobs.events import seal
from apps.pricing.feeds import bus
from apps.reports.queries import runs
from apps.workflows import run_report
from tests import web as webs
from tests import world
from tests.api.test_dealing import ask
from tests.commits import wait_for_readers
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme(web: webs.Web) -> world.Firm:
    here.open_house("USD", "EUR", "BTC", "ETH")
    bus.publish([world.depth()])
    return world.firm("acme")


@pytest.fixture
def api(web: webs.Web, acme: world.Firm) -> Api:
    return Api(web.url, webs.key_for(acme.trader, scopes=("read", "quote", "trade", "settle", "report")), attempts=1)


def deal(api: Api, reference: str = "r-1", **changes: Any) -> dict[str, Any]:
    quote = ask(api, reference, **changes)["quote"]
    body = {"client_order_id": f"o-{reference}", "side": "buy", "price": quote["buy"]["price"]}
    trade: dict[str, Any] = api.post(f"/api/v1/quotes/{quote['id']}/accept", body)
    return trade


def raw(web: webs.Web, api: Api, path: str, **headers: str) -> httpx.Response:
    signed = sign(api.key, method="GET", host=web.url.removeprefix("http://"), path=path)
    return httpx.get(web.url + path, headers=signed | headers, timeout=60)


def test_value_dates_are_those_a_request_is_told(api: Api) -> None:
    told = api.get("/api/v1/instruments/BTC-USD/value-dates")
    assert [row["tenor"] for row in told["data"]] == ["T+0", "T+1", "T+2"]
    for row in told["data"]:
        rfq = ask(api, f"v-{row['tenor'][-1]}", tenor=row["tenor"])
        assert (rfq["value_date"], rfq["quote"]["cutoffs"]) == (row["value_date"], row["cutoffs"])


def test_past_its_cut_off_a_tenor_says_the_next_date(api: Api) -> None:
    clock.freeze_desk(world.later(world.NOON, hours=8, minutes=45))
    first = api.get("/api/v1/instruments/BTC-USD/value-dates")["data"][0]
    if not first["available"]:
        assert first["cutoffs"] == {}
        assert date.fromisoformat(first["value_date"]) > world.NOON.date()
        assert "cut-off" in first["detail"]
    with pytest.raises(Refused) as no:
        api.get("/api/v1/instruments/XXX-YYY/value-dates")
    assert no.value.status == 404


def test_entries_add_up_to_the_balances(api: Api) -> None:
    trade = deal(api)
    entries = api.get("/api/v1/ledger-entries")["data"]
    assert entries[0]["source_id"] == trade["id"]
    total: dict[tuple[str, str], D] = {}
    for entry in entries:
        assert api.get(f"/api/v1/ledger-entries/{entry['id']}") == entry
        for line in entry["lines"]:
            total[line["asset"], line["of"]] = total.get((line["asset"], line["of"]), D(0)) + D(line["amount"])
    balances = {row["asset"]: row for row in api.get("/api/v1/balances")["data"]}
    assert total[("BTC", "payable")] == D(balances["BTC"]["payable"]) == D(2)
    assert total[("USD", "receivable")] == -D(balances["USD"]["receivable"])
    assert api.get("/api/v1/ledger-entries?asset=EUR")["data"] == []
    assert api.get("/api/v1/ledger-entries?asset=BTC")["data"] == entries


def test_balances_of_a_moment_are_those_that_had_taken_effect_and_were_recorded(api: Api) -> None:
    deal(api, "one")
    first = {row["asset"]: row for row in api.get("/api/v1/balances")["data"]}
    recorded = api.get("/api/v1/ledger-entries")["data"][0]["recorded_at"]
    clock.freeze_desk(world.NOON + timedelta(seconds=1))
    deal(api, "two")
    now = {row["asset"]: row for row in api.get("/api/v1/balances")["data"]}
    assert (first["BTC"]["payable"], now["BTC"]["payable"]) == ("2", "4")

    def of(**query: str) -> dict[str, Any]:
        return {row["asset"]: row for row in api.get(f"/api/v1/balances?{urlencode(query)}")["data"]}

    noon, one = world.NOON.isoformat(), (world.NOON + timedelta(seconds=1)).isoformat()
    assert of(as_of=noon) == first
    assert of(as_of=one) == now
    assert of(recorded_at=recorded) == first
    assert of(as_of=one, recorded_at=recorded) == first
    assert of(as_of=(world.NOON - timedelta(days=1)).isoformat()) == {}
    for wrong in ("yesterday", "2026-09-15T12:00:00"):
        with pytest.raises(Refused) as no:
            of(as_of=wrong)
        assert no.value.status == 422 or no.value.status == 400


def test_a_page_of_entries_goes_on_where_it_ended(api: Api) -> None:
    for number in range(3):
        deal(api, f"p-{number}", quantity=str(number + 1))
    whole = api.get("/api/v1/ledger-entries")["data"]
    first = api.get("/api/v1/ledger-entries?limit=2")
    second = api.get(f"/api/v1/ledger-entries?limit=2&cursor={first['next_cursor']}")
    assert first["data"] + second["data"] == whole[:4]
    for bad in (f"limit=2&asset=BTC&cursor={first['next_cursor']}", f"cursor={first['next_cursor'][:-2]}AA", "cursor=x"):
        with pytest.raises(Refused) as no:
            api.get(f"/api/v1/ledger-entries?{bad}")
        assert (no.value.status, no.value.code) == (400, "invalid_cursor")


def test_the_story_of_a_deal_is_told_in_order(api: Api) -> None:
    trade = deal(api)
    story = api.get(f"/api/v1/trades/{trade['id']}/timeline")
    assert [step["type"] for step in story["data"]][:3] == ["rfq.quoted", "quote.accepted", "trade.booked"]
    deal(api, "other", quantity="1")
    here.at(here.CUTOFF, minutes=1)
    jobs.run_all()
    later = [step["type"] for step in api.get(f"/api/v1/trades/{trade['id']}/timeline")["data"]]
    assert later[:3] == ["rfq.quoted", "quote.accepted", "trade.booked"]
    assert "net_set.frozen" in later
    assert later.count("trade.booked") == 1, "another deal's own story is another"
    seqs = [step["seq"] for step in api.get(f"/api/v1/trades/{trade['id']}/timeline")["data"]]
    assert seqs == sorted(set(seqs))


def test_objects_of_settlement_are_read_one_by_one(web: webs.Web, acme: world.Firm, api: Api) -> None:
    deal(api)
    here.at(here.CUTOFF, minutes=1)
    jobs.run_all()
    webs.api(web, acme.treasury).post("/api/v1/deposits", {"asset": "USD", "amount": "10"})
    for listed in ("obligations", "instructions", "deposits", "settlements", "accounts", "members"):
        rows = api.get(f"/api/v1/{listed}")["data"]
        assert rows, listed
        for row in rows:
            answer = raw(web, api, f"/api/v1/{listed}/{row['id']}")
            whole = answer.json()
            more = {"lines"} if listed == "settlements" else set()  # one set by itself tells what it nets
            assert whole == row | {name: whole[name] for name in more}, listed
            again = raw(web, api, f"/api/v1/{listed}/{row['id']}", **{"If-None-Match": answer.headers["ETag"]})
            assert (again.status_code, again.content) == (304, b"")


def test_a_client_is_told_where_to_pay_and_from_where(api: Api) -> None:
    ways = api.get("/api/v1/deposit-instructions")["data"]
    assert {way["asset"] for way in ways} == {"USD", "EUR", "BTC", "ETH"}
    assert all(way["holder"] and way["address"] and way["rail"] for way in ways)


def test_members_are_told_with_what_they_may_do(api: Api, acme: world.Firm) -> None:
    members = api.get("/api/v1/members")["data"]
    mine = next(one for one in members if one["name"] == acme.trader.name)
    assert mine["status"] == "ACTIVE"
    assert "trader" in mine["authorities"][0]["roles"]


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_statements_are_listed_and_downloaded_as_they_were_made(web: webs.Web, api: Api, acme: world.Firm, tmp_path: Path) -> None:
    day = world.NOON.date()
    run_report.make_reports_due(business_date=day)
    (made,) = runs.list_runs(day).filter(report="statement", scope=acme.account.code)
    assert api.get("/api/v1/statements")["data"] == [], "what is not made is not shown"
    wait_for_readers()
    assert seal() > 0
    run_report.run_report(made.id)
    (one,) = api.get("/api/v1/statements")["data"]
    # The head of the audit chain, which the client keeps: verified offline, with another library, by the published keys.
    keys = KeySet.import_key_set(httpx.get(f"{web.url}/.well-known/jwks.json", timeout=60).json())
    kept = json.loads(independent.deserialize_compact(one["chain"]["signed"], keys, algorithms=["EdDSA"]).payload)
    assert (kept["number"], kept["head"], kept["document"]) == (one["chain"]["number"], one["chain"]["head"], one["number"])
    assert kept["sha256"] == {file["format"]: file["sha256"] for file in one["files"]}
    (tmp_path / "kept").write_text(one["chain"]["signed"])
    call_command("verify_chain", against=tmp_path / "kept")
    assert (one["report"], one["business_date"], one["version"]) == ("statement", day.isoformat(), 1)
    assert api.get("/api/v1/reports?report=statement")["data"] == [one]
    assert api.get(f"/api/v1/reports/{one['id']}") == one
    assert api.get(f"/api/v1/statements?from={day.isoformat()}&to={day.isoformat()}")["data"] == [one]
    assert api.get("/api/v1/statements?to=2020-01-01")["data"] == []
    for file in one["files"]:
        answer = raw(web, api, file["url"])
        assert answer.status_code == 200
        assert (hashlib.sha256(answer.content).hexdigest(), len(answer.content)) == (file["sha256"], file["bytes"])
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
        typed = getattr(Client(web.url, api.key).reports, file["format"])
        assert api.get(file["url"]) == typed(one["id"]) == answer.content, "the library gives a file's bytes"
    mallory = Api(web.url, webs.key_for(world.firm("mallory").trader, scopes=("report",)), attempts=1)
    assert mallory.get("/api/v1/statements")["data"] == []
    with pytest.raises(Refused) as no:
        mallory.get(f"/api/v1/reports/{one['id']}/pdf")
    assert no.value.status == 404


def test_the_indicative_book_is_read_whole_and_without_a_price_it_says_so(web: webs.Web, api: Api) -> None:
    book = world.depth()
    told = api.get("/api/v1/prices/BTC-USD")
    assert (told["firm"], told["bids"][0][0], told["asks"][0][0]) == (False, told["bid"], told["ask"])
    for side, levels in ((told["bids"], book.bids), (told["asks"], book.asks)):
        assert [(D(price), D(quantity)) for price, quantity in side] == [(one.price, one.quantity) for one in levels]
    assert Client(web.url, api.key).prices.get("BTC-USD").bids[0] == [book.bids[0].price, book.bids[0].quantity]
    for instrument, status, code in (("ETH-USD", 422, "price_unavailable"), ("DOGE-GBP", 404, "not_found")):
        with pytest.raises(Refused) as no:
            api.get(f"/api/v1/prices/{instrument}")
        assert (no.value.status, no.value.code) == (status, code)


def test_deals_are_listed_by_any_instrument(api: Api) -> None:
    made = deal(api)["id"]
    for instrument, found in (("BTC-USD", [made]), ("ETH-USD", []), ("SOL-USD", [])):
        assert [one["id"] for one in api.get(f"/api/v1/trades?instrument={instrument}")["data"]] == found


def test_events_are_read_after_a_number_of_sixteen_digits_and_past_what_json_holds_it_is_refused(api: Api) -> None:
    most = 2**53
    assert (len(str(most)), api.get(f"/api/v1/events?after_seq={most}")["data"]) == (16, [])
    for wrong in (most + 1, 10**18):
        with pytest.raises(Refused) as no:
            api.get(f"/api/v1/events?after_seq={wrong}")
        assert (no.value.status, [one["pointer"] for one in no.value.errors]) == (400, ["?after_seq"])
