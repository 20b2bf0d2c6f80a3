"""The API's docs page: offline, under the strict policy, and its "try it" with a bearer token."""

from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser

from apps.api import tokens
from apps.core.clock import wall_now
from tests import web as webs
from tests import world
from tests.browser.conftest import Watched
from tests.browser.test_desk import picture

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_token_reads_from_the_docs_page_itself(chromium: Browser, live_server: Any, transactional_db: None) -> None:
    firm = world.firm("acme")
    token = tokens.make(webs.key_for(firm.trader, scopes=("read",), cidrs=()).key_id, wall_now() + timedelta(minutes=5))
    context = chromium.new_context(viewport={"width": 1440, "height": 1000}, base_url=live_server.url)
    context.set_default_timeout(60_000)
    watched = Watched(context.new_page())
    page = watched.page
    page.goto("/api/docs/")
    page.click(".btn.authorize")
    page.fill("#auth-bearer-value", token)
    page.locator(".auth-container", has=page.locator("#auth-bearer-value")).locator("button.authorize").click()
    page.locator(".modal-ux .close-modal").click()
    operation = page.locator("#operations-accounts-accounts_retrieve")
    operation.locator(".opblock-summary-control").click()
    operation.locator(".try-out__btn").click()
    operation.locator(".execute").click()
    operation.locator(".live-responses-table .response-col_status", has_text="200").wait_for()
    assert firm.account.code in operation.locator(".live-responses-table .microlight").first.inner_text()
    picture(page, "api-docs-tried")
    assert not watched.errors
    assert all(address.startswith((live_server.url, "data:")) for address in watched.asked), "nothing from elsewhere"
    context.close()
