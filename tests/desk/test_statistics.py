"""The statistics page, and what of fair use and repeated requests the desk sees."""

import re
from typing import Any

import pytest
from django.test import Client

from apps.core import clock, db
from apps.jobs import events as driving
from apps.rfqs.states import Side
from tests.commits import wait_for_readers
from tests.desk import day as days
from tests.desk.day import Day

pytestmark = pytest.mark.django_db(transaction=True)


def words(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def drive() -> None:
    wait_for_readers()
    driving.drive("dealing")


def test_it_shows_each_client_and_pair_with_ratios_and_times(enter: Any, day: Day) -> None:
    drive()
    tara = enter("tara")
    page = words(tara, "/desk/statistics/")
    requests, quoted, deals = db.one("SELECT sum(requests), sum(quoted), sum(deals) FROM reports_dealinghour")
    assert requests == len(day.deals) + 5
    assert f"Requests {requests} 2 priced by a person" in page
    assert f"{deals} deals of {quoted} quoted" in page
    assert "1.8 ms p50" in page, "every quote of the day took 1,840 us"
    for client, pair in db.run(
        "SELECT DISTINCT c.code, d.pair_code FROM reports_dealinghour d JOIN clients_counterparty c ON c.id = d.client_id"
    ):
        assert f"{client} {pair}" in page
    only = words(tara, "/desk/statistics/?client=borealis&span=month&order=requests")
    assert "borealis EUR-USD" in only
    assert "acme BTC-USD" not in only
    assert "Nobody asked in this span" in words(tara, "/desk/statistics/?pair=X-Y")


def test_an_hour_that_is_older_than_the_span_is_not_in_it(enter: Any, day: Day) -> None:
    drive()
    db.run("UPDATE core_deskclock SET frozen_at = frozen_at + interval '3 days'")
    assert "Nobody asked in this span" in words(enter("tara"), "/desk/statistics/")
    assert "acme BTC-USD" in words(enter("tara"), "/desk/statistics/?span=month")


def test_who_asks_too_much_is_flagged(enter: Any, day: Day) -> None:
    now = clock.desk_now()
    insert = "INSERT INTO clients_fairuse (client_id, level, requests, deals, since, until) VALUES (%s, %s, 5000, 3, %s, %s)"
    db.run(insert, (day.acme.client_id, "SOFT", now, now))
    assert "acme warning asks much, deals little 5000 3" in words(enter("sam"), "/desk/statistics/")
    assert "fair use" in words(enter("sam"), "/desk/rfqs/")
    db.run("UPDATE clients_fairuse SET level = 'HARD'")
    assert "new requests stopped" in words(enter("sam"), "/desk/statistics/")
    db.run("UPDATE clients_fairuse SET level = 'OK'")
    assert "Fair use" not in words(enter("sam"), "/desk/statistics/")
    assert "fair use" not in words(enter("sam"), "/desk/rfqs/")


def test_a_request_that_seems_to_be_sent_twice_says_so_in_the_inbox(enter: Any, day: Day) -> None:
    assert "asked twice?" not in words(enter("sam"), "/desk/rfqs/")
    days.ask_for(day.acme, "r-large-1-again", "BTC-USD", Side.BUY, "140", answer_ms=45_000)
    assert words(enter("sam"), "/desk/rfqs/").count("asked twice?") == 1


def test_the_deal_page_shows_all_that_a_price_was_made_of(enter: Any, day: Day) -> None:
    from tests.desk.test_pages import deal_address

    page = words(enter("tara"), deal_address(day))
    for word in (
        "Trader's rate",
        "Depth for the size",
        "Mid",
        "pair, bp",
        "client, bp",
        "inventory, bp",
        "volatility, bp",
        "alpha",
        "340 ms",
        "1.8 ms",
        "automatic",
    ):
        assert word in page, word
    assert "version 1" in page
