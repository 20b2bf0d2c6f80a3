"""The screen of API keys in a real Chromium: asked for, seen by compliance, and clean at both sizes, light and dark."""

from base64 import b64encode
from typing import Any

import pytest

from apps.approvals.models import Approval
from tests import web as webs
from tests.browser.test_desk import picture, require_clean
from tests.desk.day import Day

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_admin_asks_for_a_key(visit: Any, site: str, day: Day, scheme: str) -> None:
    key = webs.key_for(day.acme.trader)
    watched = visit("ada", scheme=scheme)
    page = watched.page
    page.goto("/desk/keys/?client=acme")
    page.select_option("select[name=member]", label=day.acme.trader.name)
    page.fill("form[action$='/ask/'] input[name=public_key]", b64encode(bytes(range(32))).decode())
    page.check("form[action$='/ask/'] input[name=scope][value=trade]")
    page.fill("form[action$='/ask/'] textarea[name=cidrs]", "203.0.113.0/24")
    page.fill("form[action$='/ask/'] input[name=cap_deal_usd]", "1m")
    page.click("form[action$='/ask/'] button.primary")
    page.wait_for_selector("text=compliance approves it")
    asked = Approval.objects.get(kind="client_key_new")
    assert (asked.payload["scopes"], asked.payload["caps"]) == (["read", "trade"], {"deal_usd": "1000000"})
    for width, height in ((1440, 900), (1024, 768)):
        page.set_viewport_size({"width": width, "height": height})
        for name, address in {"keys": "/desk/keys/?client=acme", "key": f"/desk/keys/{key.key_id}/"}.items():
            page.goto(address)
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"{name} is {wider} px wider than the window at {width}"
            picture(page, f"{name}-{width}-{scheme}")
    require_clean(watched, site)
