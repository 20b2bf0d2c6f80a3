"""What the pages show of a real day, that they stay cheap, safe and at home."""

import csv
import io
import re
from datetime import timedelta
from decimal import Decimal as D
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.core import clock, db, flights, ids
from apps.desk.views.deal import _for_the_front
from apps.reports.queries.desk.deal import Entry, LineRow
from apps.users.models import User
from tests import world
from tests.desk import day as days
from tests.desk.day import Day, settle_day

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = (
    "/desk/",
    "/desk/rfqs/",
    "/desk/rfqs/?tab=historic",
    "/desk/blotter/",
    "/desk/deals/",
    "/desk/position/",
    "/desk/statistics/",
    "/desk/settlement/",
    "/desk/approvals/",
    "/desk/halts/",
)


def deal_address(day: Day) -> str:
    return f"/desk/deals/{ids.encode('trd', day.deal.id)}/"


def body(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def statements(client: Client, address: str) -> int:
    """Queries of one page: the ORM's and the raw ones."""
    before = flights.statements
    with CaptureQueriesContext(connection) as caught:
        assert client.get(address).status_code == 200
    return len(caught) + flights.statements - before


def test_home_shows_the_days_figures(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    page = " ".join(re.sub(r"<[^>]+>", " ", body(enter("olga"), "/desk/")).split())
    assert f"Client deals {len(day.deals)} and 2 hedges" in page
    assert "Waiting for a trader 2" in page
    assert "Open requests 4" in page
    assert "acme" in page
    assert page.count("sensors live") == 3
    assert "sensors_off no price" in page


def test_home_of_a_day_without_deals_leads_to_the_last_one(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    clock.freeze_desk(world.NOON + timedelta(days=3))
    assert "?day=2026-09-15" in body(enter("tara"), "/desk/")
    assert f">{len(day.deals)}<" in body(enter("tara"), "/desk/?day=2026-09-15")


def test_active_requests_come_with_the_least_time_left_first(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    page = body(enter("tara"), "/desk/rfqs/")
    order = [page.index(f">{name}<") for name in ("r-open-2", "r-open-1", "r-large-1", "r-large-2")]
    assert order == sorted(order)
    assert "large for the client" in page


def test_a_request_whose_time_is_over_counts_no_more_and_comes_last(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    clock.freeze_desk(clock.desk_now() + timedelta(seconds=20))
    page = body(enter("tara"), "/desk/rfqs/")
    assert page.index(">r-large-2<") < page.index(">r-open-2<")
    assert ">3<" in body(enter("tara"), "/desk/").split("Open requests")[1][:80]


def test_the_live_part_alone_is_sent_to_htmx(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    client = enter("olga")
    for address in (*PAGES, deal_address(day)):
        part = client.get(address, headers={"HX-Request": "true", "HX-Target": "live"}).content.decode()
        assert "<html" not in part, address
        assert 'id="live"' not in part, address
        whole = body(client, address)
        assert 'id="live"' in whole, address


def test_the_deal_page_tells_one_story_from_request_to_settlement(enter, day: Day, staff: dict[str, User]) -> None:  # type: ignore[no-untyped-def]
    settle_day(day, staff)
    client = enter("olga")
    page = body(client, deal_address(day))
    told = [
        "Request received and quoted", "Quote accepted", "Deal booked", "Posted to the ledger", "Net set frozen", "Net set agreed",
        "Second pair of eyes asked for", "Payment released", "Payment sent", "Payment final", "Deal settled",
    ]  # fmt: skip
    places = [page.index(words) for words in told]
    assert places == sorted(places)
    for words in ("Olga Operations", "Oscar Operations", "acme Trader", "alpha", "beacon", "→", "receivable", "client's event 1"):
        assert words in page, words
    assert client.get(f"/desk/rfqs/{ids.encode('rfq', day.deal.rfq_id)}/")["Location"] == deal_address(day)
    for name in staff.keys() - {"ada"}:
        seen = body(enter(name), deal_address(day))
        assert "Payment final" in seen and "receivable" in seen, name


def test_the_front_reads_what_was_posted_and_nothing_of_what_is_blocked() -> None:
    def posted(kind: str, *accounts: str) -> Entry:
        lines = [LineRow(one, "", "USD", D(1), D(1)) for one in accounts]
        told = {"kind": kind, "note": "why"}
        return Entry(clock.wall_now(), clock.wall_now(), 0, "ledger.posted", "SYSTEM", "", "receipt", uuid4(), None, {}, told, lines)

    entries = [posted("RECEIPT_FINAL", "NOSTRO", "SUSPENSE"), posted("RECEIPT_FROZEN", "SUSPENSE", "BLOCKED")]
    assert [(one.text, one.house) for one in _for_the_front(entries)] == [("RECEIPT_FINAL", "")]


def test_a_request_without_a_deal_has_its_own_story(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    (waiting,) = db.one("SELECT id FROM rfqs_rfq WHERE client_rfq_id = 'r-large-1'")
    page = body(enter("tara"), f"/desk/rfqs/{ids.encode('rfq', waiting)}/")
    assert "waits for a person" in page
    assert "wants to buy 140.00 BTC" in page


def test_who_must_not_know_why_compliance_holds_a_payment_reads_held() -> None:
    from apps.desk.views.blockers import read_blockers

    stored = [{"code": "FROZEN", "kind": "HARD", "detail": "sanctions"}, {"code": "SCREENING"}, "NOT_YET_DUE"]
    assert [b.code for b in read_blockers(stored, may_know=True)] == ["FROZEN", "SCREENING", "NOT_YET_DUE"]
    hidden = read_blockers(stored, may_know=False)
    assert [b.code for b in hidden] == ["HELD", "NOT_YET_DUE"]
    assert "sanctions" not in str(hidden)


def test_settlement_shows_ladder_blockers_and_quarantined_money_to_whom_it_concerns(enter, day: Day, staff: dict[str, User]) -> None:  # type: ignore[no-untyped-def]
    settle_day(day, staff)
    page = body(enter("olga"), "/desk/settlement/")
    for words in ("ssi missing", "borealis-main", "wait for somebody", "/desk/receipts/"):
        assert words in page, words
    waiting = body(enter("olga"), "/desk/receipts/")
    for words in ("unknown sender", "Nobody we know"):
        assert words in waiting, words
    assert "wait for somebody" not in body(enter("rita"), "/desk/settlement/")
    assert enter("rita").get("/desk/receipts/").status_code == 403


def test_position_proves_the_identity_of_every_asset(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    page = body(enter("rita"), "/desk/position/")
    assert "both sides agree in every asset" in page
    for words in ("Book main", "Book treasury", "Day P&amp;L live", "Sales margin", "Unexplained", "hx-1", "Helios Liquidity"):
        assert words in page, words
    assert "no P&L" not in page
    over = body(enter("rita"), "/desk/position/?day=2026-09-01")
    assert "No approved marks of this day" in over


def test_blotter_pages_stay_stable_while_new_deals_come(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    from apps.reports.queries.desk import blotter

    every = [r.id for r in blotter.list_page(blotter.Filter(), limit=100)]
    first = blotter.list_page(blotter.Filter(), limit=4)
    days.deal(day.acme, "r-late", "ETH-USD", days.Side.BUY, "1")
    seen = [r.id for r in first]
    place = first[-1].place
    while rows := blotter.list_page(blotter.Filter(), before=place, limit=3):
        seen += [r.id for r in rows]
        place = rows[-1].place
    assert seen == every
    assert len(seen) == len(set(seen)) == len(day.deals) + 2


def test_the_next_page_of_the_blotter_is_reached_by_its_link(enter, day: Day, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    from apps.desk.views import blotter

    monkeypatch.setattr(blotter, "PAGE", 4)
    client, address, seen = enter("tara"), "/desk/blotter/?kind=CLIENT", list[str]()
    for _ in range(5):
        page = body(client, address)
        seen += re.findall(r'class="open" href="/desk/deals/(trd_\w+)/"', page)
        onward = re.search(r'href="([^"]+before=[^"]+)"[^>]*>Older', page)
        if onward is None:
            break
        address = onward[1].replace("&amp;", "&")
    assert sorted(seen) == sorted(ids.encode("trd", d.id) for d in day.deals)


def test_the_file_holds_the_rows_of_the_filter_with_plain_decimals(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    answer = enter("tara").get("/desk/blotter.csv?client=acme")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    expected = [d for d in day.deals if d.counterparty_id == day.acme.client_id]
    assert {r["trade_id"] for r in rows} == {ids.encode("trd", d.id) for d in expected}
    assert {r["counterparty"] for r in rows} == {"acme"}
    assert all(re.fullmatch(r"\d+(\.\d+)?", r["price"]) for r in rows)


def test_unreadable_filters_are_as_if_not_there(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    client = enter("tara")
    for query in (
        "since=yesterday",
        "before=zzz",
        "status=%00",
        "kind=DROP",
        "client=%27%3B--",
        "before=2026-09-15T12:00:00~trd_x",
        "page=9",
    ):
        assert client.get(f"/desk/blotter/?{query}").status_code == 200, query


def test_a_clients_name_is_never_markup(enter, day: Day, superuser_session) -> None:  # type: ignore[no-untyped-def]
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    superuser_session.execute("UPDATE clients_counterparty SET name = %s WHERE code = 'acme'", [evil])
    client = enter("olga")
    for address in (*PAGES, deal_address(day), "/desk/search/?q=acme", "/admin/clients/counterparty/"):
        page = body(client, address)
        assert "<script>alert" not in page, address
        assert "<img src=x" not in page, address
    assert "&lt;script&gt;alert(1)" in body(client, deal_address(day))
    assert "<b>x" not in body(client, "/desk/search/?q=%3Cb%3Ex")


def test_pages_cost_a_bounded_number_of_statements(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    client = enter("olga")
    body(client, "/desk/")
    few = {address: statements(client, address) for address in (*PAGES, deal_address(day))}
    assert max(few.values()) <= 32, few
    for i in range(6):
        days.deal(day.acme, f"r-more-{i}", "ETH-USD", days.Side.BUY, "1")
    assert {address: statements(client, address) for address in few} == few


def test_every_page_has_the_strict_policy(enter, client: Client, day: Day) -> None:  # type: ignore[no-untyped-def]
    login = client.get("/login/")
    answers = [login, *(enter("olga").get(a) for a in (*PAGES, deal_address(day), "/desk/deals/trd_x/"))]
    for answer in answers:
        policy = (
            dict(part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";"))
            if answer.status_code == 200
            else None
        )
        if policy is None:
            continue  # Django leaves its debug answers of 404 without one
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["connect-src"] == "'self' ws://testserver:8001"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert "unsafe" not in answer["Content-Security-Policy"]
    assert "'unsafe-eval'" in enter("olga").get("/admin/")["Content-Security-Policy"]


def test_the_live_address_follows_the_settings(rf, settings) -> None:  # type: ignore[no-untyped-def]
    from apps.desk.policy import live_origin

    settings.LIVE_PORT = 9001
    settings.ALLOWED_HOSTS = ["*"]
    assert live_origin(rf.get("/", headers={"host": "localhost:8000"})) == "ws://localhost:9001"
    assert live_origin(rf.get("/", headers={"host": "[::1]:8000"})) == "ws://[::1]:9001"
    assert live_origin(rf.get("/", headers={"host": "[::1]"})) == "ws://[::1]:9001"
    settings.LIVE_URL = "https://live.desk.example"
    assert live_origin(rf.get("/")) == "wss://live.desk.example"


def test_no_page_names_another_host_or_has_inline_code(enter, client: Client, day: Day) -> None:  # type: ignore[no-untyped-def]
    pages = {"/login/": client.get("/login/").content.decode()}
    pages |= {a: body(enter("olga"), a) for a in (*PAGES, deal_address(day), f"/desk/approvals/{day.approval.id}/")}
    for address, page in pages.items():
        assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', page), address
        assert not re.findall(r"<script(?![^>]*\bsrc=)", page), address
        assert not re.findall(r"\son\w+=|\sstyle=|<style", page), address
