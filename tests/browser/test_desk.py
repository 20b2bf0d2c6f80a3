"""The desk in a real Chromium: nothing in the console, nothing asked of another host, at two sizes, light and dark.

DESK_PICTURES=folder keeps the pictures: those of the documentation were taken so.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from apps.core import db, ids
from apps.jobs import events as driving
from apps.users.models import User
from tests.commits import wait_for_readers
from tests.desk.day import Day, settle_day

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
PICTURES = os.environ.get("DESK_PICTURES", "")


def picture(page: Any, name: str) -> None:
    if PICTURES:
        page.wait_for_timeout(800)
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))


def deal_address(day: Day) -> str:
    return f"/desk/deals/{ids.encode('trd', day.deal.id)}/"


def a_payment() -> Any:
    return db.one("SELECT id FROM settlement_instruction WHERE direction = 'PAY' ORDER BY sent_at NULLS LAST, id LIMIT 1")[0]


def require_clean(watched: Any, site: str, but: tuple[str, ...] = ()) -> None:
    """Nothing in the console but these words, each in one line of its own; nothing asked of another host."""
    assert len(watched.errors) == len(but), watched.errors
    assert all(sum(one in told for told in watched.errors) == 1 for one in but), watched.errors
    assert {urlsplit(url).netloc for url in watched.asked} <= {urlsplit(site).netloc}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_screen_is_clean_at_both_sizes(visit: Any, site: str, day: Day, scheme: str) -> None:
    screens = {
        "home": "/desk/", "rfqs": "/desk/rfqs/", "historic": "/desk/rfqs/?tab=historic", "blotter": "/desk/blotter/",
        "unfinished": "/desk/deals/", "position": "/desk/position/", "credit": "/desk/credit/", "statistics": "/desk/statistics/",
        "deal": deal_address(day), "settlement": "/desk/settlement/",
        "reconciliation": "/desk/reconciliation/", "commissions": "/desk/commissions/",
        "receipts": "/desk/receipts/", "closing": "/desk/close/", "openings": "/desk/openings/", "approvals": "/desk/approvals/",
        "approval": f"/desk/approvals/{day.approval.id}/", "halts": "/desk/halts/", "webhooks": "/desk/webhooks/",
        "prices": "/desk/prices/", "coverage": "/desk/coverage/", "pricing": "/desk/pricing/", "policy": "/desk/pricing/BTC-USD/",
        "ssis": "/desk/ssis/?status=all",
        "payment": f"/desk/settlement/payments/{ids.encode('ins', a_payment())}/",
        "adjustments": "/desk/adjustments/", "late": "/desk/settlement/late/", "treasury": "/desk/treasury/",
        "calendar": "/desk/calendar/",
        "clients": "/desk/clients/", "client": "/desk/clients/acme/",
        "account": "/desk/clients/acme/accounts/acme-main/",
        "counterparties": "/desk/counterparties/", "counterparty": "/desk/counterparties/helios/",
    }  # fmt: skip
    wait_for_readers()
    driving.drive("dealing")
    watched = visit("oscar", scheme=scheme)
    page = watched.page
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (dark == "rgb(13, 19, 32)") is (scheme == "dark")
    for width, height in ((1440, 900), (1024, 768)):
        page.set_viewport_size({"width": width, "height": height})
        for name, address in screens.items():
            page.goto(address)
            assert page.locator("h1").inner_text()
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"{name} is {wider} px wider than the window at {width}"
            picture(page, f"{name}-{width}-{scheme}")
    require_clean(watched, site)


# How many rows are marked as new when the first of them comes, and when the next answer follows at once.
TWICE_AT_ONCE = """() => {
  window.marked = [];
  const marked = () => document.querySelectorAll("tr.new");
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id !== "live" || window.marked.length || !marked().length) return;
    window.marked.push(marked().length);
    for (const row of marked()) row.classList.remove("new");
    event.target.dispatchEvent(new CustomEvent("htmx:afterSwap", { bubbles: true, detail: {} }));
    window.marked.push(marked().length);
  });
}"""


def test_a_new_request_comes_by_itself_and_is_announced(visit: Any, site: str, day: Day) -> None:
    from tests.desk import day as days

    watched = visit("tara")
    page = watched.page
    page.goto("/desk/rfqs/")
    page.wait_for_selector("#light[data-state=good]")
    assert page.title().startswith("(4)")
    page.evaluate(TWICE_AT_ONCE)
    days.ask_for(day.acme, "r-fresh", "ETH-USD", days.Side.BUY, "3")
    page.wait_for_selector("text=r-fresh")
    assert "New request: Acme Capital buy 3.00 ETH-USD" in page.locator("#say").inner_text()
    assert page.evaluate("window.marked") == [1, 1]
    assert page.title().startswith("(5)")
    require_clean(watched, site)


def test_keys_search_and_themes_work(visit: Any, site: str, day: Day) -> None:
    watched = visit("tara")
    page = watched.page
    page.keyboard.press("/")
    page.keyboard.type("o-r-1000")
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/deals/trd_*/")
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.goto("/desk/blotter/")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/deals/trd_*/")
    require_clean(watched, site)


def test_the_desk_works_without_javascript(chromium: Any, site: str, day: Day) -> None:
    from tests.desk.day import PASSWORD

    context = chromium.new_context(java_script_enabled=False, base_url=site)
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto("/desk/rfqs/")
    page.fill("#username", "tara")
    page.fill("#password", PASSWORD)
    page.click("button.primary")
    page.wait_for_url("**/desk/rfqs/")
    assert page.locator("tr[data-row]").count() > 4
    page.click("text=Historic")
    page.click("a.open >> nth=0")
    assert "From request to settlement" in page.content()
    page.goto("/desk/halts/")
    page.select_option("[name=scope]", "pair:ETH-USD")
    page.fill("[name=reason]", "feed looks wrong")
    page.click("button.danger")
    page.wait_for_url("**/desk/halts/")
    assert "feed looks wrong" in page.content()
    context.close()


def test_the_whole_life_of_a_deal_is_on_its_page(visit: Any, site: str, day: Day, staff: dict[str, User]) -> None:
    settle_day(day, staff)
    watched = visit("olga")
    watched.page.goto(deal_address(day))
    assert watched.page.locator(".timeline > li").count() > 15
    picture(watched.page, "deal-settled")
    watched.page.goto("/desk/settlement/")
    picture(watched.page, "settlement-value-day")
    require_clean(watched, site)


def test_the_admin_is_clean_under_its_own_policy(visit: Any, site: str, day: Day) -> None:
    watched = visit("olga")
    for address in ("/admin/", "/admin/trades/trade/", f"/admin/trades/trade/{day.deal.id}/change/"):
        watched.page.goto(address)
        assert watched.page.locator("text=Kill switches").first.is_visible()
    picture(watched.page, "admin")
    require_clean(watched, site)


def test_the_api_docs_are_clean_under_the_strict_policy(visit: Any, site: str, day: Day) -> None:
    watched = visit("ada")
    watched.page.goto("/api/docs/")
    watched.page.wait_for_selector("text=/rfqs")
    picture(watched.page, "api-docs")
    require_clean(watched, site)


def test_what_a_deals_form_is_refused_for_is_said_at_the_field(visit: Any, site: str, day: Day) -> None:
    for scheme in ("light", "dark"):
        watched = visit("olga", scheme=scheme)
        page = watched.page
        page.goto(deal_address(day))
        page.click("#correct summary")
        page.fill("#correct [name=price]", "0")
        page.select_option("#correct [name=reason]", "DESK_ERROR")
        page.fill("#correct [name=note]", "the price was typed wrong")
        page.fill("#correct [name=consent]", "call of noon")
        picture(page, f"deal-correct-{scheme}")
        page.click("#correct button")
        page.wait_for_selector("#correct [name=price][aria-invalid] + small.wrong")
        assert page.input_value("#correct [name=note]") == "the price was typed wrong"
        assert page.locator(".wrong").count() == 1
        picture(page, f"deal-refused-{scheme}")
        refused = ("the server responded with a status of 422", f"Response Status Error Code 422 from {deal_address(day)}correct/")
        require_clean(watched, site, but=refused)
    page.fill("#correct [name=price]", "68000")
    page.click("#correct button")
    page.wait_for_selector("text=Waits for a second pair of eyes")
    picture(page, "deal-asked-dark")
    require_clean(watched, site, but=refused)
