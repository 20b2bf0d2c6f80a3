"""REST over httpx: every request signed anew, every mutation sent again only under its first idempotency key."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from .errors import Unreachable
from .keys import Key
from .sending import Call, Clock
from .wire import Page, decode

T = TypeVar("T")
JWKS = "/.well-known/jwks.json"


class Api:
    """The plain door: paths and dictionaries, as the wire has them. ``Client`` stands on it with types.

    Not shared between threads that sign with different keys; otherwise thread-safe.

    :param base_url: scheme, host and port, such as ``http://localhost:8000``
    :param attempts: how often one call is sent at most
    :param timeout_s: of one attempt
    :param max_wait_s: a refusal that asks to wait longer than this (Retry-After) is raised at once
    """

    def __init__(
        self,
        base_url: str,
        key: Key,
        *,
        attempts: int = 5,
        timeout_s: float = 10.0,
        max_wait_s: float = 30.0,
        headers: Mapping[str, str] | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.key, self.clock, self._attempts, self._max_wait_s, self._sleep = key, Clock(), attempts, max_wait_s, sleep
        sent = {"Accept": "application/json", **(headers or {})}
        self._http = httpx.Client(base_url=base_url, timeout=timeout_s, transport=transport, headers=sent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # --- the four doors -----------------------------------------------------------------------------------------------
    def get(self, path: str, **params: Any) -> Any:
        """GET; parameters that are None are left out."""
        return self.call("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, idempotency_key: str = "") -> Any:
        return self.call("POST", path, body=body, idempotency_key=idempotency_key)

    def patch(self, path: str, body: Mapping[str, Any] | None = None, *, idempotency_key: str = "") -> Any:
        return self.call("PATCH", path, body=body, idempotency_key=idempotency_key)

    def delete(self, path: str, body: Mapping[str, Any] | None = None, *, idempotency_key: str = "") -> Any:
        return self.call("DELETE", path, body=body, idempotency_key=idempotency_key)

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send one request until it is answered for good, and give back the decoded answer; of a file, its bytes.

        :raises Refused: the server's last word
        :raises Unreachable: no answer in all attempts
        :raises NotUnderstood: an answer that is no JSON
        """
        call = Call(
            self.key,
            self.clock,
            method,
            path,
            params=params,
            body=body,
            idempotency_key=idempotency_key,
            max_wait_s=self._max_wait_s,
        )
        for attempt in range(self._attempts):
            if attempt:
                self._sleep(call.pause_s(attempt))
            request = self._http.build_request(method, path, params=call.params or None, content=call.content, headers=headers)
            call.sign(request)
            try:
                answer = self._http.send(request)
            except httpx.TransportError as lost:
                call.lost(lost)
                continue
            if call.is_answered(answer):
                return call.result
        raise call.gave_up()

    def jwks(self) -> dict[str, Any]:
        """The desk's public keys, for `verify_receipt`; public, so not signed, and fit to be kept.

        :raises Unreachable: no key set came back
        """
        try:
            return dict(self._http.get(JWKS).raise_for_status().json())
        except (httpx.HTTPError, ValueError) as lost:
            raise Unreachable(f"GET {JWKS}: {lost!r}") from lost

    # --- what the typed resources stand on ----------------------------------------------------------------------------
    def ask(
        self,
        method: str,
        path: str,
        hint: type[T],
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str = "",
    ) -> T:
        """`call`, with the answer read as a type."""
        out: T = decode(hint, self.call(method, path, params=params, body=body, idempotency_key=idempotency_key))
        return out

    def walk(self, path: str, hint: type[T], params: Mapping[str, Any]) -> Iterator[T]:
        """Every item of a list, page by page, by its ``next_cursor``."""
        cursor: str | None = None
        while True:
            page: Page[T] = self.ask("GET", path, Page[hint], params={**params, "cursor": cursor})  # type: ignore[valid-type]
            yield from page
            if not (cursor := page.next_cursor):
                return

    def walk_seq(self, path: str, hint: type[T], params: Mapping[str, Any]) -> Iterator[T]:
        """Every item of a list that is counted, page by page, by ``after_seq``, up to the last there is."""
        seen = params.get("after_seq") or 0
        while page := self.call("GET", path, params={**params, "after_seq": seen})["data"]:
            yield from (decode(hint, one) for one in page)
            seen = page[-1]["seq"]

    # --- the desk's vocabulary, as dictionaries -----------------------------------------------------------------------
    def rfq(
        self,
        instrument: str,
        side: str,
        *,
        quantity: str | None = None,
        quote_quantity: str | None = None,
        client_rfq_id: str = "",
        idempotency_key: str = "",
        **options: Any,
    ) -> dict[str, Any]:
        """Ask for a price; ``side`` is yours, of the base asset: buy, sell or two_way. Amounts are decimal strings.

        :param options: ``account_id``, ``tenor``, ``ttl_ms``, ``respond_within_ms``, ``network``, ``stream``
        """
        body = {"client_rfq_id": client_rfq_id or f"rfq-{secrets.token_hex(12)}", "instrument": instrument, "side": side}
        return dict(
            self.post(
                "/api/v1/rfqs", body | {"quantity": quantity, "quote_quantity": quote_quantity} | options, idempotency_key=idempotency_key
            )
        )

    def accept(self, quote_id: str, side: str, price: str, *, client_order_id: str = "", idempotency_key: str = "") -> dict[str, Any]:
        """Deal on a live quote at exactly its price."""
        body = {"client_order_id": client_order_id or f"ord-{secrets.token_hex(12)}", "side": side, "price": price}
        return dict(self.post(f"/api/v1/quotes/{quote_id}/accept", body, idempotency_key=idempotency_key))

    def decline(self, quote_id: str, *, idempotency_key: str = "") -> dict[str, Any]:
        return dict(self.post(f"/api/v1/quotes/{quote_id}/decline", {}, idempotency_key=idempotency_key))

    def trades(self, **filters: Any) -> dict[str, Any]:
        """One page of your trades, with the cursor of the next."""
        return dict(self.get("/api/v1/trades", **filters))

    def balances(self, as_of: str | None = None) -> Any:
        return self.get("/api/v1/balances", as_of=as_of)

    def events(self, after_seq: int = 0, *, limit: int | None = None) -> dict[str, Any]:
        """One page of your events after ``after_seq`` (exclusive), in order."""
        return dict(self.get("/api/v1/events", after_seq=after_seq, limit=limit))

    def pages(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list, page by page, by its ``next_cursor``."""
        cursor: str | None = None
        while True:
            page = self.get(path, **params, cursor=cursor)
            yield from page["data"]
            cursor = page.get("next_cursor")
            if not cursor:
                return
