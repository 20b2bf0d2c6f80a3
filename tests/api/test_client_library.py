"""The client library sends again only what may be sent again, and always under the first idempotency key."""

import json
from collections.abc import Callable

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flowdesk_client import Api, Key, Refused, Unreachable

from apps.api import signing

PRIVATE = Ed25519PrivateKey.generate()
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
Answer = Callable[[httpx.Request], httpx.Response]


def problem(status: int, retry: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"code": "some_code", "retry": retry, "errors": [{"pointer": "/x", "detail": "d"}]}, headers=headers)


class Server:
    """Answers in turn, and holds each request to the profile as the real one does."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers, self.requests, self.slept = list(answers), list[httpx.Request](), list[float]()
        self.nonces: set[str] = set()
        self.api = Api(
            "http://localhost:8000",
            Key("ak_test_1", PRIVATE),
            transport=httpx.MockTransport(self.answer),
            sleep=self.slept.append,
        )

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        created = int(headers["signature-input"].split("created=")[1].split(";")[0])
        signed = signing.parse(
            headers=headers,
            method=request.method,
            authority=headers["host"],
            path=request.url.raw_path.decode().partition("?")[0],
            query=request.url.query.decode(),
            body=request.content,
            authorities={"localhost:8000"},
            now=created,
        )
        signing.verify(signed, PUBLIC)
        assert signed.nonce not in self.nonces
        self.nonces.add(signed.nonce)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def keys(self) -> set[str]:
        return {request.headers["idempotency-key"] for request in self.requests}


def test_an_rfq_is_sent_again_under_its_first_key_until_it_is_answered() -> None:
    server = Server(httpx.ConnectError("down"), httpx.ReadTimeout("slow"), problem(503, "safe"), httpx.Response(201, json={"id": "rfq_1"}))
    assert server.api.rfq("BTC-USD", "buy", quantity="2.5", ttl_ms=5000)["id"] == "rfq_1"
    assert len(server.requests) == 4
    assert len(server.keys) == 1
    assert len({request.content for request in server.requests}) == 1
    assert json.loads(server.requests[0].content)["quantity"] == "2.5"


def test_an_unknown_outcome_is_asked_for_again_under_the_same_key() -> None:
    server = Server(problem(503, "check_status"), httpx.Response(201, json={"id": "trd_1"}))
    assert server.api.accept("quo_1", "buy", "100.5", client_order_id="o-1")["id"] == "trd_1"
    assert len(server.keys) == 1
    assert server.requests[0].url.path == "/api/v1/quotes/quo_1/accept"


def test_a_refusal_for_good_is_raised_at_once_with_its_code_and_fields() -> None:
    server = Server(problem(422, "never"))
    with pytest.raises(Refused) as refused:
        server.api.accept("quo_1", "buy", "100.5")
    assert (refused.value.status, refused.value.code, refused.value.errors[0]["pointer"]) == (422, "some_code", "/x")
    assert len(server.requests) == 1


def test_the_pause_is_never_shorter_than_the_server_asked_for() -> None:
    server = Server(problem(429, "after", **{"Retry-After": "7"}), httpx.Response(200, json={"data": []}))
    assert server.api.trades(status="BOOKED", cursor=None) == {"data": []}
    assert server.slept[0] >= 7
    assert server.requests[0].url.query == b"status=BOOKED"


def test_silence_ends_in_an_error_that_keeps_the_idempotency_key() -> None:
    server = Server(*[httpx.ConnectError("down")] * 5)
    with pytest.raises(Unreachable) as lost:
        server.api.decline("quo_1", idempotency_key="k" * 20)
    assert lost.value.idempotency_key == "k" * 20


def test_a_query_that_needs_encoding_is_signed_as_it_is_sent() -> None:
    server = Server(httpx.Response(200, json={"data": []}))
    server.api.get("/api/v1/trades", after="2026-11-22T12:00:00+00:00", note="a b/ü")
    assert b"%20" in server.requests[0].url.query or b"+" in server.requests[0].url.query


def test_a_proxy_that_answers_without_a_problem_is_still_understood() -> None:
    server = Server(httpx.Response(502, text="<html>bad gateway"), httpx.Response(200, json=[]))
    assert server.api.balances() == []


def test_all_pages_of_a_list_are_read_in_turn() -> None:
    server = Server(
        httpx.Response(200, json={"data": [{"n": 1}], "next_cursor": "c1"}),
        httpx.Response(200, json={"data": [{"n": 2}], "next_cursor": None}),
    )
    assert [item["n"] for item in server.api.pages("/api/v1/trades")] == [1, 2]
    assert b"cursor=c1" in server.requests[1].url.query
