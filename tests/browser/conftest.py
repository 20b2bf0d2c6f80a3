"""Debian's Chromium against a real web server thread and a real live process, as a person at the desk has them."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from apps.users.models import User
from tests.desk.day import PASSWORD, Day, make_day, make_staff
from tests.live.conftest import start_live
from tests.ports import free_port

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture(scope="session")
def _loop_is_playwrights() -> Iterator[None]:
    """Playwright's own loop runs in this thread; Django would take each query here for a mistake."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    yield
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")


@pytest.fixture(scope="session")
def chromium(_loop_is_playwrights: None) -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing: apt-get install chromium")
        pytest.skip("Chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS, timeout=120_000)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def _quick_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def staff(transactional_db: None) -> dict[str, User]:
    return make_staff()


@pytest.fixture
def day(staff: dict[str, User]) -> Day:
    return make_day(staff)


@pytest.fixture
def site(live_server: Any, day: Day, settings: Any) -> Iterator[str]:
    """The desk's address, with the live process beside it."""
    settings.LIVE_PORT = free_port()
    live = start_live(settings.LIVE_PORT, DESK_ORIGINS=live_server.url, EMBED_DATABASE=os.environ["EMBED_DATABASE"])
    yield live_server.url
    assert live.stop() == 0


class Watched:
    """A page that remembers all that went wrong in it and every address it asked."""

    def __init__(self, page: Page) -> None:
        self.page, self.errors, self.asked = page, list[str](), list[str]()
        page.on("console", lambda m: self.errors.append(f"{m.text} {m.location}") if m.type in {"error", "warning"} else None)
        page.on("pageerror", lambda e: self.errors.append(str(e)))
        page.on("request", lambda r: self.asked.append(r.url))


@pytest.fixture
def visit(chromium: Browser, site: str) -> Iterator[Any]:
    """`visit(name, width=, height=, scheme=)` signs a member of staff in through the form and gives the watched page."""
    contexts: list[BrowserContext] = []

    def signed_in(name: str, *, width: int = 1440, height: int = 900, scheme: str = "light") -> Watched:
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, base_url=site)
        context.set_default_timeout(60_000)
        contexts.append(context)
        watched = Watched(context.new_page())
        watched.page.goto("/desk/")
        watched.page.fill("#username", name)
        watched.page.fill("#password", PASSWORD)
        watched.page.click("button.primary")
        watched.page.wait_for_url("**/desk/")
        return watched

    yield signed_in
    for context in contexts:
        context.close()
