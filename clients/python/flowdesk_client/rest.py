"""REST over httpx: every request signed anew, every mutation sent again only under its first idempotency key."""

import json
import random
import secrets
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import httpx

from .errors import Refused, Unreachable
from .keys import Key
from .signing import sign

_BODY_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_AGAIN = frozenset({"safe", "after", "check_status"})


class Api:
    """One client's view of the API. Not shared between threads that sign with different keys; otherwise thread-safe.

    :param base_url: scheme, host and port, such as ``http://localhost:8000``
    :param attempts: how often one call is sent at most
    :param timeout_s: of one attempt
    """

    def __init__(
        self,
        base_url: str,
        key: Key,
        *,
        attempts: int = 5,
        timeout_s: float = 10.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.key, self._attempts, self._sleep = key, attempts, sleep
        self._http = httpx.Client(base_url=base_url, timeout=timeout_s, transport=transport, headers={"Accept": "application/json"})

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

    def post(self, path: str, body: dict[str, Any] | None = None, *, idempotency_key: str = "") -> Any:
        return self.call("POST", path, body=body, idempotency_key=idempotency_key)

    def patch(self, path: str, body: dict[str, Any] | None = None, *, idempotency_key: str = "") -> Any:
        return self.call("PATCH", path, body=body, idempotency_key=idempotency_key)

    def delete(self, path: str, body: dict[str, Any] | None = None, *, idempotency_key: str = "") -> Any:
        return self.call("DELETE", path, body=body, idempotency_key=idempotency_key)

    def call(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        idempotency_key: str = "",
    ) -> Any:
        """Send one request until it is answered for good, and give back the decoded answer.

        :raises Refused: the server's last word
        :raises Unreachable: no answer in all attempts
        """
        content = None
        if method in _BODY_METHODS:
            content = json.dumps(body or {}, separators=(",", ":"), ensure_ascii=False).encode()
            idempotency_key = idempotency_key or secrets.token_urlsafe(24)
        given = {name: str(value) for name, value in (params or {}).items() if value is not None}
        last: Refused | httpx.TransportError | None = None
        for attempt in range(self._attempts):
            if attempt:
                self._sleep(self._pause_s(attempt, last))
            try:
                answer = self._send(method, path, given, content, idempotency_key)
            except httpx.TransportError as lost:
                last = lost
                continue
            if answer.is_success:
                return answer.json() if answer.content else None
            last = _refusal(answer, idempotency_key)
            if last.retry not in _AGAIN:
                raise last
        if isinstance(last, Refused):
            raise last
        raise Unreachable(f"{method} {path}: {last!r}", idempotency_key) from last

    def _send(self, method: str, path: str, params: dict[str, str], content: bytes | None, idempotency_key: str) -> httpx.Response:
        request = self._http.build_request(method, path, params=params or None, content=content)
        target, _, query = request.url.raw_path.decode("ascii").partition("?")
        headers = sign(
            self.key,
            method=method,
            host=request.headers["host"],
            path=target,
            query=query,
            body=content,
            idempotency_key=idempotency_key,
        )
        request.headers.update(headers)
        return self._http.send(request)

    @staticmethod
    def _pause_s(attempt: int, last: Refused | httpx.TransportError | None) -> float:
        """Full jitter, doubling from 0.1 s to 5 s; never shorter than the server's Retry-After."""
        backoff = random.uniform(0.05, min(5.0, 0.1 * 2**attempt))  # noqa: S311 (jitter, no secret)
        return max(backoff, float(last.retry_after_s)) if isinstance(last, Refused) else backoff

    def jwks(self) -> dict[str, Any]:
        """The desk's public keys, for `verify_receipt`; public, so not signed, and fit to be kept.

        :raises Unreachable: no key set came back
        """
        try:
            answer = self._http.get("/.well-known/jwks.json")
            return dict(answer.raise_for_status().json())
        except (httpx.HTTPError, ValueError) as lost:
            raise Unreachable(f"GET /.well-known/jwks.json: {lost!r}") from lost

    # --- the desk's vocabulary ----------------------------------------------------------------------------------------
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
        amounts = {"quantity": quantity, "quote_quantity": quote_quantity}
        body |= {name: value for name, value in (amounts | options).items() if value is not None}
        return dict(self.post("/api/v1/rfqs", body, idempotency_key=idempotency_key))

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


def _refusal(answer: httpx.Response, idempotency_key: str) -> Refused:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    after = answer.headers.get("retry-after", "")
    seconds = int(after) if after.isascii() and after.isdigit() else 0
    return Refused(answer.status_code, problem if isinstance(problem, dict) else {}, retry_after_s=seconds, idempotency_key=idempotency_key)
