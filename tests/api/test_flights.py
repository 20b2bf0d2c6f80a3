"""What a quote and an accept cost in round trips: statements, flights to PostgreSQL and to Valkey, exactly. And what the API counts."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal as D
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test import Client, override_settings
from flowdesk_client import Key, sign

from apps.api import limits
from apps.core import clock, db, flights, valkey
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.ledger import operations as ledger
from apps.ledger.rules import Ref, credit, debit
from apps.ledger.states import Kind
from apps.pricing.feeds import bus
from flowdesk import services
from tests import web as webs
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)
HOST = "localhost:8000"


@dataclass(frozen=True)
class Cost:
    """Of one request. BEGIN is no statement of its own here."""

    statements: int
    flights: int
    valkey: int
    orm: int  # statements of Django's ORM, each a flight of its own
    shouts: int = 1  # to Valkey, without an answer: the nudge after the commit


def post(key: Key, path: str, body: dict[str, Any] | bytes, nonce: str = "", once: str = "") -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    signed = sign(key, method="POST", host=HOST, path=path, body=content, idempotency_key=once or secrets.token_urlsafe(24), nonce=nonce)
    kind = signed.pop("Content-Type")
    return Client().post(path, content, content_type=kind, headers={**signed, "Host": HOST})


def costs(call: Callable[[], Any]) -> tuple[Any, Cost]:
    orm = 0

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal orm
        orm += 1
        return execute(sql, params, many, context)

    before, said = (flights.statements, flights.flights, valkey.flights), valkey.shouts
    with connection.execute_wrapper(count):
        answer = call()
    after = (flights.statements, flights.flights, valkey.flights)
    return answer, Cost(*(b - a for a, b in zip(before, after, strict=True)), orm, valkey.shouts - said)


@pytest.fixture(autouse=True)
def market() -> None:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    ledger.forget_accounts()


def trader(mode: str) -> Key:
    firm = world.firm("acme" if mode == "CREDIT" else "cygnus", mode)
    if mode == "PREFUNDED":
        fund(firm=firm, amount=D(1_000_000))
    return webs.key_for(firm.trader)


@use_case
def fund(*, firm: world.Firm, amount: D, now: datetime) -> None:
    """The client's money is there."""
    entity = instruments.get_entity("flowdesk").id
    nostro, balance = Ref(entity, Kind.NOSTRO, "USD"), Ref(entity, Kind.CLIENT_BALANCE, "USD", owner_id=firm.account.id)
    ledger.post(
        key=f"fund:{firm.account.id}",
        kind="RECEIPT",
        source_type="test",
        source_id=firm.account.id,
        lines=[debit(nostro, amount), credit(balance, amount)],
        effective_at=now,
        business_date=now.date(),
    )


def ask(key: Key, reference: str = "r-1", **changes: Any) -> Any:
    return post(key, "/api/v1/rfqs", {"client_rfq_id": reference, "instrument": "BTC-USD", "side": "buy", "quantity": "2"} | changes)


def accept(key: Key, quoted: Any, reference: str = "o-1") -> Any:
    quote = quoted.json()["quote"]
    body = {"client_order_id": reference, "side": "buy", "price": quote["buy"]["price"]}
    return post(key, f"/api/v1/quotes/{quote['id']}/accept", body)


@pytest.mark.parametrize(
    ("mode", "quote", "deal"),
    [
        ("CREDIT", Cost(12, 2, 1, 0), Cost(14, 3, 1, 0)),
        ("PREFUNDED", Cost(13, 3, 1, 0), Cost(17, 4, 1, 0)),
    ],
)
def test_a_quote_and_an_accept_take_so_many_statements_and_round_trips(mode: str, quote: Cost, deal: Cost) -> None:
    key = trader(mode)
    assert accept(key, ask(key, "warm"), "warm").status_code == 201  # balances exist from here on
    quoted, cost = costs(lambda: ask(key))
    assert (quoted.status_code, cost) == (201, quote)
    dealt, cost = costs(lambda: accept(key, quoted))
    assert (dealt.status_code, cost) == (201, deal)


def counted() -> dict[str, int]:
    """The rate counters as they stand, by their sum."""
    with redis.Redis.from_url(settings.VALKEY_URL) as line:
        return {key.decode(): int(line.get(key)) for key in line.keys("*rl:*")}  # type: ignore[arg-type, union-attr]


def test_a_request_that_ends_early_spends_only_what_it_came_to() -> None:
    key = trader("CREDIT")
    assert ask(key).status_code == 201
    assert sorted(counted().values()) == [1, 1], "one of all requests, one of RFQs"
    nonce = secrets.token_urlsafe(16)
    once = secrets.token_urlsafe(24)
    body = {"client_rfq_id": "r-2", "instrument": "BTC-USD", "side": "buy", "quantity": "2"}
    with redis.Redis.from_url(settings.VALKEY_URL) as line:
        line.flushall()
        bus.publish([world.depth()])
    assert post(key, "/api/v1/rfqs", body, nonce, once).status_code == 201
    spent = sum(counted().values())
    assert post(key, "/api/v1/rfqs", body, nonce, once).status_code == 401, "a replay"
    assert sum(value for name, value in counted().items()) == spent + 1, "the allowance of bad signatures alone"
    assert post(key, "/api/v1/rfqs", body | {"quantity": "x"}).status_code == 400
    assert sum(counted().values()) == spent + 2, "a body that is none is a request, but no RFQ"


def test_a_bad_signature_spends_neither_nonce_nor_quota() -> None:
    key = trader("CREDIT")
    nonce = secrets.token_urlsafe(16)
    other = webs.Ed25519PrivateKey.generate()
    forged = Key(key_id=key.key_id, private=other)
    body = {"client_rfq_id": "r-1", "instrument": "BTC-USD", "side": "buy", "quantity": "2"}
    assert post(forged, "/api/v1/rfqs", body, nonce).status_code == 401
    assert sorted(counted().values()) == [1], "the address's allowance of bad signatures"
    assert post(key, "/api/v1/rfqs", body, nonce).status_code == 201


@pytest.mark.parametrize(("rates", "policy"), [({"RATE_RFQS": "2/d"}, "rfqs"), ({"RATE_REQUESTS": "2/d"}, "requests")])
def test_past_its_rate_a_key_waits(rates: dict[str, str], policy: str) -> None:
    key = trader("CREDIT")
    with override_settings(**rates):
        answers = [ask(key, f"r-{number}") for number in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 429, 429]
    refused = answers[-1].json()
    assert (refused["code"], refused["policy"]) == ("rate_limited", policy)
    assert int(answers[-1]["Retry-After"]) >= 1


def test_a_rate_that_is_spent_undoes_what_was_read_beside_it_and_is_heard_first_the_next_time() -> None:
    key = trader("CREDIT")
    rows = "SELECT (SELECT count(*) FROM rfqs_rfq), (SELECT count(*) FROM core_storedanswer), (SELECT count(*) FROM events_event)"
    with override_settings(RATE_RFQS="1/d"):
        assert ask(key, "r-1").status_code == 201
        before = db.one(rows)
        late, cost = costs(lambda: ask(key, "r-2"))
        assert (late.status_code, cost.statements > 2) == (429, True), "beside a first flight"
        soon, cost = costs(lambda: ask(key, "r-3"))
        assert (soon.status_code, cost.statements) == (429, 1), "the key alone was read again"
        assert db.one(rows) == before
    assert ask(key, "r-4").status_code == 201


def test_the_defaults_are_a_rate_and_a_burst_and_a_keys_own_row_goes_first() -> None:
    key = trader("CREDIT")
    answer = ask(key, "r-0")
    assert answer["RateLimit-Policy"] == '"requests";q=400;w=4, "rfqs";q=200;w=4'
    left = [part.split(";") for part in answer["RateLimit"].split(", ")]
    assert [part[:2] for part in left] == [['"requests"', "r=399"], ['"rfqs"', "r=199"]]
    assert all(1 <= int(part[2].removeprefix("t=")) <= 4 for part in left)
    with services.superuser(settings.DATABASES["default"]["NAME"]) as hand:
        hand.execute("UPDATE clients_apikey SET limits = %s WHERE key_id = %s", [json.dumps({"rfqs": "2/1d"}), key.key_id])
    answers = [ask(key, f"r-{number}") for number in range(1, 4)]
    assert [one.status_code for one in answers] == [201, 201, 429]
    assert answers[-1].json()["policy"] == "rfqs"
    assert 1 <= int(answers[-1]["Retry-After"]) <= 86_400
    assert '"rfqs";q=2;w=86400' in answers[-1]["RateLimit-Policy"]


def test_without_valkey_rates_hold_in_each_process_and_there_is_no_price(monkeypatch: pytest.MonkeyPatch) -> None:
    key = trader("CREDIT")
    monkeypatch.setattr(limits, "_own", limits._Bucket())
    monkeypatch.setattr(limits, "_breaker", limits._Breaker())
    with override_settings(VALKEY_URL="redis://127.0.0.1:1", RATE_REQUESTS="8/d"):
        answers = [ask(key, f"r-{number}") for number in range(3)]
    assert [answer.json()["code"] for answer in answers] == ["price_unavailable", "price_unavailable", "rate_limited"]
