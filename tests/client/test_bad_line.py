"""What the client does when the line or the server fails: nothing is done twice, nothing is lost unsaid."""

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from flowdesk_client import Client, Refused, Unreachable
from flowdesk_client.models import Quote

from apps.rfqs.models import Rfq
from apps.trades.models import Trade
from tests import web as webs
from tests import world
from tests.client.conftest import BadLine

pytestmark = pytest.mark.django_db(transaction=True)


def answer(status: int, code: str, retry: str, *headers: str) -> bytes:
    body = json.dumps({"code": code, "retry": retry}).encode()
    head = [f"HTTP/1.1 {status} X", "Content-Type: application/problem+json", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def quote(client: Client) -> Quote:
    found = client.rfqs.create(instrument="BTC-USD", side="buy", quantity=Decimal(2)).quote
    assert found is not None
    return found


def accept(client: Client, one: Quote) -> Callable[[], object]:
    assert one.buy is not None
    price = one.buy.price
    return lambda: client.quotes.accept(one.id, side="buy", price=price)


@pytest.mark.parametrize("what", [("lose_answer",), ("lose_request", "lose_answer"), ("lose_answer", "lose_answer", "lose_request")])
def test_a_lost_answer_is_asked_for_again_and_dealt_once(client: Client, line: BadLine, what: tuple[str, ...]) -> None:
    deal = accept(client, quote(client))
    line.will(*what)
    before = len(line.seen)
    deal()
    assert len(line.seen) - before == len(what) + 1
    assert Trade.objects.count() == 1
    delivered = [one for one in line.answers if b'"trd_' in one]
    assert len({one.partition(b"\r\n\r\n")[2] for one in delivered}) == 1


def test_a_request_that_is_delivered_twice_is_done_once(client: Client, line: BadLine) -> None:
    deal = accept(client, quote(client))
    line.will("twice")
    deal()
    assert Trade.objects.count() == 1
    assert b" 401 " in line.answers[-1].partition(b"\r\n")[0]  # the copy: its nonce was used


@pytest.mark.parametrize(
    ("given", "times"),
    [
        (answer(503, "busy", "safe"), 1),
        (answer(503, "outcome_unknown", "check_status"), 1),
        (answer(429, "rate_limited", "after", "Retry-After: 1"), 2),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\nConnection: close\r\n\r\nnginx", 2),
    ],
)
def test_what_may_be_sent_again_is(client: Client, line: BadLine, given: bytes, times: int) -> None:
    line.will(*[given] * times)
    quote(client)
    keys = {line_ for one in line.seen for line_ in one.split(b"\r\n") if line_.lower().startswith(b"idempotency-key:")}
    assert (len(line.seen), len(keys)) == (times + 1, 1)
    assert Rfq.objects.count() == 1


def test_who_asks_for_too_long_a_wait_is_not_waited_for(client: Client, line: BadLine) -> None:
    line.will(answer(429, "fair_use", "after", "Retry-After: 7200"))
    with pytest.raises(Refused) as no:
        quote(client)
    assert (no.value.code, no.value.retry_after_s, len(line.seen)) == ("fair_use", 7200, 1)


def test_after_the_last_try_the_outcome_is_asked_for_by_our_own_id(client: Client, line: BadLine) -> None:
    deal = accept(client, quote(client))
    line.will(*["lose_answer"] * 5)
    with pytest.raises(Unreachable) as lost:
        deal()
    out = client.outcome_of(lost.value)
    assert (out.outcome, out.status) == ("answered", 201)
    assert Trade.objects.count() == 1
    line.will(*["lose_request"] * 5)
    with pytest.raises(Unreachable) as lost:
        quote(client)
    assert client.outcome_of(lost.value, wait_s=0).outcome == "unknown_yet"
    assert lost.value.sent_at is not None
    assert client.by_client_id.get(lost.value.reference, created=lost.value.sent_at - timedelta(minutes=1)).outcome == "never_received"


def test_a_clock_that_is_wrong_is_noticed_and_lived_with(client: Client, line: BadLine) -> None:
    client.api.clock.skew_s = -3600  # as if this machine were an hour behind
    assert client.time.get().wall.year >= 2026
    assert (len(line.seen), abs(client.api.clock.skew_s) < 60) == (2, True)
    assert abs(client.clock_skew()) < timedelta(seconds=60)


def test_a_wrong_key_is_said_once(line: BadLine, acme: world.Firm) -> None:
    key = webs.key_for(acme.trader)
    other = webs.key_for(acme.trader)
    with Client(line.url, type(key)(key_id=key.key_id, private=other.private)) as client, pytest.raises(Refused) as no:
        client.time.get()
    assert (no.value.code, len(line.seen)) == ("invalid_signature", 1)


@pytest.mark.drill
def test_a_server_that_is_killed_while_it_works(line: BadLine, acme: world.Firm) -> None:
    def kill(_: bytes) -> str:
        threading.Timer(0.002, webs.kill, [line.web]).start()
        threading.Thread(target=line.start).start()
        return "pass"

    with Client(line.url, webs.key_for(acme.trader), attempts=600, sleep=lambda _: time.sleep(0.1)) as client:
        one = quote(client)
        line.will(kill)
        accept(client, one)()
        assert Trade.objects.count() == 1
        assert client.trades.list().data[0].quote_id == one.id
