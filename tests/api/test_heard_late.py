"""A request, an order and an accept hear what Valkey says of their nonce and rate while PostgreSQL works already (ADR 0032): whatever came
first, a request that was seen before does nothing, and its line is as good as new."""

import json
import secrets
from datetime import datetime
from typing import Any

import pytest
import redis
from django.db import connection
from django.test import override_settings
from flowdesk_client import Key

from apps.api import auth, limits
from apps.api.door import around, show
from apps.api.v1 import rfqs
from apps.core import clock, db, valkey
from apps.core.unit import use_case
from apps.pricing.feeds import bus
from apps.rfqs.models import Rfq
from tests import web as webs
from tests import world
from tests.api.test_flights import ask, counted, post
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
RFQ = {"client_rfq_id": "r-9", "instrument": "BTC-USD", "side": "buy", "quantity": "2"}
ORDER = {"client_order_id": "o-9", "instrument": "BTC-USD", "side": "buy", "quantity": "2", "limit_price": "1", "time_in_force": "FOK"}
NOWHERE = "/api/v1/quotes/quo_00000000000000000000000000/accept"
REPLAY = (401, "invalid_signature")


@pytest.fixture(autouse=True)
def market() -> None:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])


@pytest.fixture
def key() -> Key:
    """A key that this process has read."""
    made = webs.key_for(world.firm("acme").trader)
    assert ask(made).status_code == 201
    return made


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def written() -> Any:
    return db.one("SELECT (SELECT count(*) FROM rfqs_rfq), (SELECT count(*) FROM core_storedanswer), (SELECT count(*) FROM events_event)")


@pytest.mark.parametrize("is_elsewhere", [False, True], ids=["this process", "another process"])
@pytest.mark.parametrize(
    ("path", "body", "first"),
    [
        ("/api/v1/rfqs", RFQ, (201, "")),
        ("/api/v1/rfqs", RFQ | {"quantity": "many"}, (400, "invalid_request")),
        ("/api/v1/rfqs", b"{", (400, "invalid_request")),
        ("/api/v1/rfqs", RFQ | {"allocations": [{"account_id": "acc_1", "quantity": "2"}]}, (400, "invalid_request")),
        ("/api/v1/orders", ORDER, (422, "price_not_met")),
        (NOWHERE, {"client_order_id": "o-9", "side": "buy", "price": "1"}, (404, "not_found")),
        ("/api/v1/quotes/x/accept", {"client_order_id": "o-9", "side": "buy", "price": "1"}, (404, "not_found")),
    ],
    ids=["good", "wrong", "broken", "no account", "refused", "no quote", "no id"],
)
def test_what_was_seen_before_is_refused_wherever_it_would_end(
    key: Key, monkeypatch: pytest.MonkeyPatch, path: str, body: Any, first: tuple[int, str], is_elsewhere: bool
) -> None:
    nonce, once = secrets.token_urlsafe(16), secrets.token_urlsafe(24)
    assert code(post(key, path, body, nonce, once)) == first
    before, spent = written(), sum(counted().values())
    if is_elsewhere:
        monkeypatch.setattr(auth, "_nonces", auth._Nonces())
    for number in (1, 2):
        assert code(post(key, path, body, nonce, once)) == REPLAY
        assert sum(counted().values()) == spent + number, "the allowance of bad signatures alone"
    assert written() == before
    assert ask(key, "r-10").status_code == 201


def test_of_many_at_once_with_one_nonce_one_is_heard(key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(auth._Nonces):
        def _is_first_here(self, name: str) -> bool:
            return True  # each comes to a process of its own

    monkeypatch.setattr(auth, "_nonces", Forgetful())
    nonce = secrets.token_urlsafe(16)
    answers = together(4, lambda number: code(post(key, "/api/v1/rfqs", RFQ | {"client_rfq_id": f"r-{number}-x"}, nonce)))
    assert sorted(answers) == [(201, ""), REPLAY, REPLAY, REPLAY]
    assert Rfq.objects.count() == 2


def test_without_valkey_a_nonce_is_new_once_in_this_process(key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_own", limits._Bucket())
    monkeypatch.setattr(limits, "_breaker", limits._Breaker())
    nonce, once = secrets.token_urlsafe(16), secrets.token_urlsafe(24)
    with override_settings(VALKEY_URL="redis://127.0.0.1:1"):
        assert code(post(key, "/api/v1/rfqs", RFQ, nonce, once)) == (422, "price_unavailable")
        before = written()
        assert code(post(key, "/api/v1/rfqs", RFQ, nonce, once)) == REPLAY
    assert code(post(key, "/api/v1/rfqs", RFQ, nonce, once)) == REPLAY, "nor once it is there again"
    assert written() == before


@pytest.mark.parametrize("no", [ValueError("no"), redis.DataError("no"), KeyboardInterrupt()], ids=lambda no: type(no).__name__)
def test_whatever_is_heard_in_the_air_the_line_is_good_and_not_another_one(
    key: Key, monkeypatch: pytest.MonkeyPatch, no: BaseException
) -> None:
    def fails(*_: Any) -> None:
        raise no

    line, before = db.one("SELECT pg_backend_pid()"), written()
    with monkeypatch.context() as patched:
        patched.setattr(bus, "find_depth", fails)
        if isinstance(no, Exception):
            assert code(ask(key, "r-2")) == (500, "internal_error")
        else:
            with pytest.raises(KeyboardInterrupt):
                ask(key, "r-2")
    assert (db.one("SELECT pg_backend_pid()"), written()) == (line, before)
    assert db.one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()") == (0,)
    assert ask(key, "r-2").status_code == 201


def test_a_request_that_is_heard_twice_spends_once(key: Key) -> None:
    spent = counted()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE clients_member SET name = name || '!'")
    with override_settings(RATE_REQUESTS="1/d", RATE_RFQS="1/d"):
        assert ask(key, "r-2").status_code == 201
        assert sorted(counted().values()) == sorted([*spent.values(), 1, 1])
        assert code(ask(key, "r-3")) == (429, "rate_limited")


def test_what_is_begun_twice_as_in_a_sandbox_is_brought_once(key: Key) -> None:
    @use_case
    def undone(*, now: datetime, **_: Any) -> None:
        raise ValueError

    def twice(*, call: Any, **kw: Any) -> Any:
        with pytest.raises(ValueError):
            undone(**kw)
        return call(**kw)

    spent, token = sum(counted().values()), around.set(twice)
    try:
        assert ask(key, "r-2").status_code == 201
    finally:
        around.reset(token)
    assert sum(counted().values()) == spent + 2, "one of all requests, one of RFQs"


def test_who_answers_without_a_use_case_has_heard_all_the_same(key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rfqs.Rfqs, "post", lambda self, request: show({}))
    nonce = secrets.token_urlsafe(16)
    with override_settings(RATE_REQUESTS="2/d"):
        answers = [post(key, "/api/v1/rfqs", RFQ, one) for one in (nonce, nonce, "", "")]
    assert [answer.status_code for answer in answers] == [200, 401, 200, 429]


def test_a_key_whose_limits_were_widened_meanwhile_is_not_refused_by_the_old_ones(key: Key) -> None:
    def limited(rate: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE clients_apikey SET limits = %s WHERE key_id = %s", [json.dumps({"rfqs": rate}), key.key_id])

    limited("1/1d")
    assert [ask(key, f"r-{number}").status_code for number in (2, 3, 4)] == [201, 429, 429]
    limited("2/1d")
    assert ask(key, "r-5").status_code == 201


def test_a_valkey_that_is_silent_while_postgresql_works_is_given_up_and_its_late_answers_are_nobodys(
    key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_: valkey._Flight) -> None:
        raise redis.TimeoutError("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(limits, "_own", limits._Bucket())
        patched.setattr(limits, "_breaker", limits._Breaker())
        patched.setattr(valkey._Flight, "_answer", silent)
        assert code(ask(key, "r-2")) == (422, "price_unavailable")
    assert ask(key, "r-3").status_code == 201
