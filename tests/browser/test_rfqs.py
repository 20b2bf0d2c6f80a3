"""Requests priced by hand in a real Chromium: picked up, worked out, sent, dealt; and two traders who want the same one."""

from decimal import Decimal as D
from typing import Any

import pytest

from apps.core import db
from apps.users.models import User
from apps.users.operations import create_staff
from tests.browser.test_desk import picture, require_clean
from tests.desk import day as days
from tests.desk.day import PASSWORD, Day
from tests.web import api, start_web

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def row(page: Any, reference: str) -> Any:
    return page.locator(f"tr:has(a.open:text-is('{reference}'))")


@pytest.fixture(autouse=True)
def by_hand(day: Day) -> None:
    """A request that the line has room for."""
    days.ask_for(day.acme, "r-hand", "BTC-USD", days.Side.BUY, "110", answer_ms=120_000)


def pick_up(page: Any, reference: str) -> None:
    page.goto("/desk/rfqs/")
    row(page, reference).get_by_text("Pick up").click()
    page.wait_for_url("**/ticket/")


def test_a_trader_picks_up_reprices_and_sends_and_the_client_accepts_over_the_api(visit: Any, site: str, day: Day) -> None:
    watched = visit("tara")
    page = watched.page
    pick_up(page, "r-hand")
    assert "buys 110.00 BTC against USD" in page.locator(".sentence").inner_text()
    before = page.input_value("#rate_buy")
    page.fill("#margin_buy", "20")
    page.keyboard.press("Enter")
    page.wait_for_function("was => document.querySelector('#rate_buy').value !== was", arg=before)
    assert page.url.endswith("/ticket/"), "Enter works the rate out and sends nothing"
    assert page.input_value("#margin_buy") == "20.00"
    assert page.evaluate("document.activeElement.id") == "margin_buy"
    rate = page.input_value("#rate_buy")
    assert page.locator(".seen b").first.inner_text() == rate
    page.wait_for_timeout(2500)
    assert page.input_value("#rate_buy") == rate, "nothing creeps while the market stands still"
    page.click("[data-send]")
    page.wait_for_url("**/desk/rfqs/")
    assert f"buys at {rate}" in page.locator(".note.success").inner_text()
    assert "quoted" in row(page, "r-hand").inner_text()
    (price,) = db.one("SELECT buy_price FROM rfqs_quote WHERE priced_by_id IS NOT NULL")
    assert price == D(rate.replace(",", ""))
    web = start_web()
    try:
        client = api(web, day.acme.trader)
        quoted = client.get("/api/v1/rfqs?status=QUOTED")["data"]
        asked = next(one for one in quoted if one["client_rfq_id"] == "r-hand")
        quote = client.get(f"/api/v1/rfqs/{asked['id']}")["quote"]
        body = {"client_order_id": "o-hand", "side": "buy", "price": quote["buy"]["price"]}
        client.post(f"/api/v1/quotes/{quote['id']}/accept", body)
    finally:
        web.stop()
    page.wait_for_selector("tr.over:has(a.open:text-is('r-hand'))")
    page.click("text=Historic")
    page.wait_for_selector("a.open:text-is('r-hand')")
    row(page, "r-hand").locator("a.open").click()
    page.wait_for_url("**/desk/deals/trd_*/")
    told = page.locator(".timeline").inner_text()
    for words in ("Picked up", "Quote sent", "Quote accepted", "Deal booked", "Tara Trader"):
        assert words in told, words
    require_clean(watched, site)


def test_two_traders_and_a_take_over(visit: Any, site: str, day: Day) -> None:
    create_staff(username="tom", name="Tom Trader", roles=["trader"], password=PASSWORD)
    first, second = visit("tara"), visit("tom")
    pick_up(first.page, "r-hand")
    first.page.fill("#rate_buy", "68,555.00")  # what is being typed is not refreshed under the hands
    second.page.goto("/desk/rfqs/")
    assert "tara" in row(second.page, "r-hand").inner_text()
    row(second.page, "r-hand").get_by_text("Take over").click()
    second.page.wait_for_url("**/ticket/#take-over")
    second.page.fill("#take-over [name=reason]", "tara went home")
    second.page.click("#take-over button")
    second.page.wait_for_selector("[data-send]")
    first.page.evaluate("document.querySelector('[data-send]').click()")
    first.page.wait_for_selector("#verdict [role=alert]")
    assert "somebody else works on it" in first.page.locator("#verdict").inner_text()
    assert first.page.input_value("#rate_buy") == "68,555.00", "what was typed stays"
    assert first.page.input_value("#quote [name=once]") == first.page.get_attribute("#verdict [data-once]", "data-once")
    first.page.locator("#rate_buy").blur()
    first.page.wait_for_selector("#take-over")
    assert db.one("SELECT count(*) FROM rfqs_quote WHERE priced_by_id IS NOT NULL") == (0,)
    require_clean(second, site)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_ticket_fits_at_both_sizes(visit: Any, site: str, day: Day, scheme: str) -> None:
    days.ask_for(day.acme, "r-two", "BTC-USD", days.Side.TWO_WAY, "110", answer_ms=90_000)
    watched = visit("tara", scheme=scheme)
    page = watched.page
    pick_up(page, "r-large-2")
    pick_up(page, "r-two")
    ticket = page.url
    for width, height in ((1440, 900), (1024, 768)):
        page.set_viewport_size({"width": width, "height": height})
        for name, address in (("ticket", ticket), ("inbox", "/desk/rfqs/"), ("on-behalf", "/desk/on-behalf/")):
            page.goto(address)
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"{name} is {wider} px wider than the window at {width}"
            inside = page.evaluate("Math.max(0, ...[...document.querySelectorAll('.table')].map((t) => t.scrollWidth - t.clientWidth))")
            assert inside <= 0, f"a table of {name} is {inside} px wider than its card at {width}"
            picture(page, f"{name}-{width}-{scheme}")
    require_clean(watched, site)


def test_a_rubbish_rate_is_refused_in_place(visit: Any, site: str, day: Day, staff: dict[str, User]) -> None:
    page = visit("tara").page
    pick_up(page, "r-hand")
    page.fill("#rate_buy", "a lot")
    page.keyboard.press("Enter")
    page.wait_for_selector("#verdict [role=alert]")
    assert "an amount such as" in page.locator("#verdict").inner_text()
    assert page.input_value("#rate_buy") == "a lot"


STOP_TIME = "() => { const at = performance.now(); performance.now = () => at; }"


class Held:
    """Answers of the ticket that a slow server has not given yet."""

    def __init__(self, page: Any) -> None:
        self.page, self.routes, self.is_slow = page, list[Any](), True
        page.route("**/ticket/", lambda route: self.routes.append(route) if self.is_slow else route.continue_())

    def wait(self) -> None:
        for _ in range(1_200):
            if self.routes:
                return
            self.page.wait_for_timeout(50)
        pytest.fail("the ticket asked for nothing")

    def answer(self) -> None:
        """One answer, all there is to it: shown or not."""
        with self.page.expect_response("**/ticket/"):
            self.routes.pop(0).continue_()
        self.page.wait_for_timeout(100)


def test_a_slow_answer_takes_nothing_away_that_was_typed_or_is_being_pressed(visit: Any, site: str, day: Day) -> None:
    watched = visit("tara")
    page = watched.page
    pick_up(page, "r-hand")
    slow = Held(page)
    days.ask_for(day.acme, "r-nudge", "BTC-USD", days.Side.BUY, "1")
    slow.wait()
    page.fill("#margin_buy", "30")
    slow.answer()
    assert page.input_value("#margin_buy") == "30", "an answer to an older question is not shown"
    page.keyboard.press("Enter")
    slow.wait()
    shown = page.input_value("#rate_buy")
    page.locator("[data-send]").hover()
    page.evaluate(STOP_TIME)  # a button is taken for released after some seconds, however slow the machine is
    page.mouse.down()
    slow.answer()
    assert page.input_value("#rate_buy") == shown, "nothing moves under a pressed button"
    page.evaluate("delete performance.now")
    page.mouse.up()
    page.wait_for_selector("#verdict [role=alert]")
    assert "look at it and send again" in page.locator("#verdict").inner_text()
    slow.wait()
    slow.is_slow = False
    slow.answer()
    page.wait_for_function("was => document.querySelector('#rate_buy').value !== was", arg=shown)
    assert page.input_value("#margin_buy") == "30.00"
    rate = page.input_value("#rate_buy")
    page.click("[data-send]")
    page.wait_for_url("**/desk/rfqs/")
    assert f"buys at {rate}" in page.locator(".note.success").inner_text()
