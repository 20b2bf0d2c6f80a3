"""Our own people at the desk's pages: they sign in, read and send its forms over HTTP, as their browsers would."""

import re
from html.parser import HTMLParser

import httpx
from django.conf import settings

from .stage import DemoFailed

LIVES_S = "30"


class Forms(HTMLParser):
    """The forms of a page: their fields by the address that they are sent to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.by_action: dict[str, dict[str, str]] = {}
        self._by_id: dict[str, dict[str, str]] = {}
        self._open: dict[str, str] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form" and told.get("method") == "post":
            self._open = self.by_action.setdefault(told.get("action", ""), {})
            self._by_id[told.get("id", "")] = self._open
        elif tag == "input" and "name" in told and (told.get("type") not in {"radio", "checkbox"} or "checked" in told):
            form = self._by_id.get(told["form"]) if "form" in told else self._open
            if form is not None:
                form[told["name"]] = told.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


class DeskBrowser:
    """One of our people, signed in."""

    def __init__(self, web_url: str, username: str) -> None:
        self._http = httpx.Client(base_url=web_url, follow_redirects=True, timeout=30)
        self.page = self._http.get("/login/")
        self.send("", username=username, password=settings.DEMO_PASSWORD)
        if self.page.url.path != "/desk/":
            raise DemoFailed(f"{username} could not sign in at the desk")

    def open(self, address: str) -> str:
        """
        :raises DemoFailed: the page does not come
        """
        self.page = self._http.get(address)
        return self._read()

    def send(self, action: str, to: str = "", **typed: str) -> str:
        """Send a form of the page in sight, some of its fields typed into.

        :param to: where one of its buttons sends it instead
        :raises DemoFailed: the page has no such form, or it is refused
        """
        form = Forms(self.page.text).by_action.get(action)
        if form is None:
            raise DemoFailed(f"the desk's page {self.page.url.path} has no form for {action}")
        self.page = self._http.post(to or action or str(self.page.url), data=form | typed)
        return self._read()

    def _read(self) -> str:
        if self.page.status_code != 200:
            said = " ".join(re.sub(r"<[^>]+>", " ", self.page.text).split())
            raise DemoFailed(f"the desk answered {self.page.status_code} to {self.page.request.url.path}: {said[:300]}")
        return self.page.text

    def close(self) -> None:
        self._http.close()


class Trader(DeskBrowser):
    """Works requests: picks them up, prices or rejects them."""

    def __init__(self, web_url: str) -> None:
        super().__init__(web_url, "tara")

    def pick_up(self, rfq_id: str) -> None:
        self.open("/desk/rfqs/")
        self.send(f"/desk/rfqs/{rfq_id}/pick-up/")

    def price(self, rfq_id: str, side: str, margin_bps: str) -> None:
        """Type a margin into the ticket, look at the rate it makes, and send that."""
        address = f"/desk/rfqs/{rfq_id}/ticket/"
        self.open(address)
        self.send(address, **{f"margin_{side}": margin_bps})
        self.send(address, to=f"/desk/rfqs/{rfq_id}/send/", life=LIVES_S)

    def meet_limit(self, rfq_id: str) -> None:
        """Answer a client's limit with a quote at it."""
        address = f"/desk/rfqs/{rfq_id}/ticket/"
        self.open(address)
        self.send(address, use="limit")
        self.send(address, to=f"/desk/rfqs/{rfq_id}/send/", life=LIVES_S, sure="1")

    def reject(self, rfq_id: str, code: str) -> None:
        self.open(f"/desk/rfqs/{rfq_id}/ticket/")
        self.send(f"/desk/rfqs/{rfq_id}/reject/", code=code)


class Sales(DeskBrowser):
    """Books what was agreed by voice or chat."""

    def __init__(self, web_url: str) -> None:
        super().__init__(web_url, "sam")

    def book(self, **agreed: str) -> str:
        """The address of the deal's page."""
        self.open("/desk/on-behalf/")
        self.send("/desk/on-behalf/", **agreed)
        return str(self.page.url.path)
