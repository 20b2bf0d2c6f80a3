"""Accepts against everything that may end a quote: an accept that came in time always trades, and nothing is ever done twice."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal as D
from typing import Any

import psycopg
import pytest
from django.db import connections
from flowdesk_client import Api, Refused

from apps.clients import queries
from apps.clients.models import Account
from apps.core import clock, db
from apps.core.actor import Actor
from apps.core.errors import AppError
from apps.jobs import rfqs as jobs
from apps.pricing.feeds import bus
from apps.rfqs.models import Quote, Rfq
from apps.rfqs.states import Side
from apps.trades.models import Trade
from apps.workflows import client_terms
from apps.workflows.change_terms import ask_terms
from apps.workflows.counter_quote import counter_quote
from apps.workflows.decide_approval import decide_approval
from apps.workflows.end_quote import cancel_rfq, expire_quote
from apps.workflows.halt import throw_halt
from apps.workflows.quote_by_hand import quote_by_hand
from apps.workflows.stream_quotes import stream_quote
from apps.workflows.withdraw_quote import withdraw_quote
from apps.workflows.work_rfq import pick_up, reject_rfq
from tests import people, world
from tests import web as webs
from tests.engines import superuser
from tests.races.test_accepts import at_once, take
from tests.rfqs.desk import reserved, used

pytestmark = pytest.mark.django_db(transaction=True)
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.fixture
def acme(web: webs.Web) -> world.Firm:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth(size="100000")])
    return world.firm("acme", line=D(1_000_000_000), auto_max_usd=D(1_000_000))


@pytest.fixture
def api(web: webs.Web, acme: world.Firm) -> Api:
    return webs.api(web, acme.trader, attempts=1)


@pytest.fixture
def tina(acme: world.Firm) -> Actor:
    return people.staff("tina", "trader")


def ask(api: Api, reference: str, **changes: Any) -> tuple[Rfq, dict[str, Any]]:
    body = {"client_rfq_id": reference, "instrument": "BTC-USD", "side": "buy", "quantity": "1"} | changes
    made = api.post("/api/v1/rfqs", body)
    return Rfq.objects.get(client_rfq_id=reference), made.get("quote", {})


def priced(api: Api, tina: Actor, reference: str, price: str = "20010") -> tuple[Rfq, dict[str, Any]]:
    """A request that a person has quoted."""
    rfq, _ = ask(api, reference, quantity="60")
    pick_up(actor=tina, rfq_id=rfq.id)
    by_hand(tina, rfq, price)
    return rfq, api.get(f"/api/v1/rfqs/{reference_of(rfq)}")["quote"]


def reference_of(rfq: Rfq) -> str:
    from apps.core import ids

    return ids.encode("rfq", rfq.id)


def by_hand(tina: Actor, rfq: Rfq, price: str) -> Quote:
    made: Quote = quote_by_hand(
        actor=tina, rfq_id=rfq.id, prices={Side.BUY: D(price)}, depth=world.depth(at=clock.desk_now()), usd_per_quote=D(1)
    )
    return made


def coded(call: Callable[[], Any]) -> str:
    """What became of it: its code where it was refused."""
    try:
        call()
    except AppError as no:
        return no.code
    finally:
        connections.close_all()
    return "DONE"


@contextmanager
def held(sql: str) -> Iterator[Callable[[timedelta], None]]:
    """Somebody holds these rows; time goes on by the function given."""
    holder: psycopg.Connection[Any] = superuser()
    with holder.transaction():
        holder.execute(sql)  # type: ignore[call-overload]
        yield lambda by: clock.freeze_desk(clock.desk_now() + by)


def until_waiting(number: int, *running: Future[Any]) -> None:
    deadline = time.monotonic() + 30
    watcher = superuser()
    while watcher.execute(WAITING).fetchone()[0] < number:  # type: ignore[index]
        watcher.execute("SELECT pg_stat_clear_snapshot()")
        assert time.monotonic() < deadline, "nobody waits"
        assert not any(one.done() for one in running), [one.result() for one in running if one.done()]
        time.sleep(0.02)


def drop_all_but(pair: str, at: datetime) -> None:
    """Signed: from `at` on acme deals in this alone."""
    terms = replace(client_terms.read(queries.get_terms(Account.objects.get(code="acme-main").id, world.NOON)), pairs=(pair,))
    asked = ask_terms(actor=people.staff("sam", "sales"), account="acme-main", terms=terms, effective_from=at, reason="drill")
    assert decide_approval(approval_id=asked.id, actor=people.staff("rita", "risk"), approve=True).status == "EXECUTED"


@pytest.mark.parametrize("rows", ["credit_line", "rfqs_rfq"])
@pytest.mark.parametrize("end", ["withdraw", "reject", "requote", "halt", "terms", "expire"])
def test_an_accept_that_came_before_the_end_gets_its_price_however_long_it_waits(
    api: Api, acme: world.Firm, tina: Actor, rows: str, end: str
) -> None:
    """No last look: locks are held for seconds of the desk's time, and whatever else comes meanwhile comes later."""
    rfq, quote = priced(api, tina, "r")
    row = Quote.objects.get()
    if end == "terms":
        drop_all_but("EUR-USD", world.NOON + timedelta(seconds=2))
    later: dict[str, Callable[[], Any]] = {
        "withdraw": lambda: withdraw_quote(actor=tina, quote_id=row.id),
        "reject": lambda: reject_rfq(actor=tina, rfq_id=rfq.id, code="pass"),
        "requote": lambda: by_hand(tina, rfq, "20030"),
        "halt": lambda: (throw_halt(actor=tina, reason="drill"), jobs.sweep_halted()),
        "terms": jobs.sweep_dropped,
        "expire": lambda: expire_quote(quote_id=row.id),
    }
    with ThreadPoolExecutor(2) as pool:
        with held(f"SELECT 1 FROM {rows} FOR UPDATE") as go_on:
            accepting = pool.submit(take, api, quote, "o-1")
            until_waiting(1, accepting)
            go_on(timedelta(seconds=3 if end != "expire" else 29.999))
            ending = pool.submit(coded, later[end])
            until_waiting(2, accepting)
            go_on(timedelta(seconds=2))
        assert accepting.result(30) == "TRADED"
        ending.result(30)
    trade = Trade.objects.get()
    assert (trade.quote_id, trade.booked_at) == (row.id, world.NOON)
    assert (Rfq.objects.get().status, reserved(), used()) == ("FILLED", D(0), D(60) * 20010)
    assert not Quote.objects.filter(status="OPEN").exists()


@pytest.mark.parametrize(("ms", "code"), [(-2, "TRADED"), (0, "quote_expired"), (2, "quote_expired")])
def test_two_milliseconds_around_the_end_are_two_different_answers(api: Api, acme: world.Firm, ms: int, code: str) -> None:
    rfq, quote = ask(api, "r")
    row = Quote.objects.get()
    clock.freeze_desk(row.expires_at + timedelta(milliseconds=ms))
    with ThreadPoolExecutor(2) as pool, held("SELECT 1 FROM credit_line FOR UPDATE") as go_on:
        accepting = pool.submit(take, api, quote, "o-1")
        until_waiting(1, accepting)
        go_on(timedelta(seconds=20))
        sweeping = pool.submit(jobs.sweep_quotes)
        time.sleep(0.2)
    assert accepting.result(30) == code
    sweeping.result(30)
    assert (Rfq.objects.get(id=rfq.id).status, reserved()) == ("FILLED" if code == "TRADED" else "EXPIRED", D(0))


@pytest.mark.parametrize("rival", ["cancel", "counter", "withdraw", "requote"])
def test_whoever_is_faster_there_is_one_outcome_and_the_credit_agrees(api: Api, acme: world.Firm, tina: Actor, rival: str) -> None:
    for n in range(6):
        rfq, quote = priced(api, tina, f"r-{n}")
        row = Quote.objects.get(rfq=rfq)
        other: dict[str, Callable[[], Any]] = {
            "cancel": lambda rfq=rfq: cancel_rfq(actor=acme.trader, rfq_id=rfq.id),
            "counter": lambda row=row: counter_quote(actor=acme.trader, quote_id=row.id, side=Side.BUY, price=D(20000)),
            "withdraw": lambda row=row: withdraw_quote(actor=tina, quote_id=row.id),
            "requote": lambda rfq=rfq: by_hand(tina, rfq, "20030"),
        }
        taken, done = at_once([lambda quote=quote, n=n: take(api, quote, f"o-{n}"), lambda end=other[rival]: coded(end)])
        traded = taken == "TRADED"
        assert traded == Trade.objects.filter(rfq=rfq).exists()
        status = Rfq.objects.get(id=rfq.id).status
        assert (status == "FILLED") == traded, (status, taken, done)
        if rival != "requote":
            assert (done == "DONE") != traded, (taken, done)
        assert Quote.objects.filter(rfq=rfq, status="OPEN").count() == (1 if status == "QUOTED" else 0)
        live = db.one("SELECT count(*) FROM credit_reservation WHERE source_id = %s AND status = 'RESERVED'", (rfq.id,))[0]
        assert (live > 0) == (status == "QUOTED")
    assert Trade.objects.count() == Rfq.objects.filter(status="FILLED").count()


def test_two_prices_of_one_stream_hit_at_once_are_one_trade(api: Api, web: webs.Web, acme: world.Firm) -> None:
    second_api = webs.api(web, acme.trader, attempts=1)
    for n in range(6):
        rfq, first = ask(api, f"r-{n}", stream=True)
        newer = stream_quote(rfq_id=rfq.id, depth=world.depth(mid=str(20100 + n)), usd_per_quote=D(1))
        second = api.get(f"/api/v1/rfqs/{reference_of(rfq)}")["quote"]
        assert second["number"] == newer.number == 2
        codes = at_once([lambda f=first, n=n: take(api, f, f"a-{n}"), lambda s=second, n=n: take(second_api, s, f"b-{n}")])
        assert sorted(codes) == ["TRADED", "quote_answered"]
        assert Trade.objects.filter(rfq=rfq).count() == 1
    assert reserved() == 0


def test_streams_ticked_by_four_workers_at_once_have_one_next_quote_each(api: Api, acme: world.Firm) -> None:
    rfq, _ = ask(api, "r", stream=True)
    for n in range(5):
        depth = world.depth(mid=str(20100 + n))
        made = at_once([lambda depth=depth: stream_quote(rfq_id=rfq.id, depth=depth, usd_per_quote=D(1)) for _ in range(4)])
        assert sum(one is not None for one in made) == 1
    assert [q.number for q in Quote.objects.order_by("number")] == [1, 2, 3, 4, 5, 6]


def test_one_order_sent_seven_times_under_seven_keys_is_one_trade(api: Api, web: webs.Web, acme: world.Firm) -> None:
    body = {"client_order_id": "f", "instrument": "BTC-USD", "side": "buy", "quantity": "1", "limit_price": "20100", "time_in_force": "FOK"}

    def send(one: Api) -> str:
        try:
            one.post("/api/v1/orders", body)
        except Refused as no:
            return no.code
        return "TRADED"

    apis = [webs.api(web, acme.trader, attempts=1) for _ in range(7)]
    codes = at_once([lambda one=one: send(one) for one in apis])
    assert sorted(codes) == ["TRADED", *["duplicate_client_order_id"] * 6]
    assert (Trade.objects.count(), Rfq.objects.count(), Quote.objects.count()) == (1, 1, 1)
    assert reserved() == 0
