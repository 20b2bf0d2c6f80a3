"""Simultaneous accepts, accepts against expiry, one credit line under sixteen threads, a web process killed in the middle."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import connection
from flowdesk_client import Api, Refused, Unreachable

from apps.core import clock, db
from apps.pricing.feeds import bus
from apps.rfqs.models import Quote
from apps.trades.models import Trade, TradeVersion
from apps.workflows.end_quote import expire_quote
from tests import lines, world
from tests import web as webs

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme(web: webs.Web) -> world.Firm:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth(size="100000")])
    return world.firm("acme", line=D(1_000_000_000))


def ask(api: Api, reference: str, quantity: str = "1") -> dict[str, Any]:
    return api.post("/api/v1/rfqs", {"client_rfq_id": reference, "instrument": "BTC-USD", "side": "buy", "quantity": quantity})["quote"]


def take(api: Api, quote: dict[str, Any], order: str) -> str:
    """The code of the answer, TRADED when it is a trade."""
    body = {"client_order_id": order, "side": "buy", "price": quote["buy"]["price"]}
    try:
        api.post(f"/api/v1/quotes/{quote['id']}/accept", body)
    except Refused as no:
        return no.code
    return "TRADED"


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        gate.wait()
        try:
            return call()
        finally:
            connection.close()  # this thread's own

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_twenty_quotes_by_eight_accepts_make_twenty_trades(web: webs.Web, acme: world.Firm) -> None:
    apis = [webs.api(web, acme.trader) for _ in range(8)]
    quotes = [ask(apis[0], f"r-{n}") for n in range(20)]
    for n, quote in enumerate(quotes):
        codes = Counter(at_once([lambda a=a, i=i, q=quote, n=n: take(a, q, f"o-{n}-{i}") for i, a in enumerate(apis)]))
        assert codes == {"TRADED": 1, "quote_answered": 7}
    assert Trade.objects.count() == TradeVersion.objects.count() == 20
    assert db.one("SELECT count(*) FROM settlement_obligation")[0] == 40
    assert lines.taken()[0] == lines.taken(lines.SETTLEMENT)[0] == 0
    assert lines.taken(lines.SETTLEMENT)[1] == db.one("SELECT sum(pays) FROM trades_tradeversion")[0]
    last, counted = db.one("SELECT last_seq, (SELECT count(*) FROM events_event WHERE client_seq IS NOT NULL) FROM events_counter")
    assert last == counted


def test_one_key_at_once_is_one_trade_and_one_answer(web: webs.Web, acme: world.Firm) -> None:
    apis = [webs.api(web, acme.trader) for _ in range(8)]
    quote = ask(apis[0], "r-1")
    body = {"client_order_id": "o-1", "side": "buy", "price": quote["buy"]["price"]}
    path = f"/api/v1/quotes/{quote['id']}/accept"
    answers = at_once([lambda a=a: a.post(path, body, idempotency_key="k" * 20) for a in apis])
    assert len({str(answer) for answer in answers}) == 1
    assert Trade.objects.count() == 1


def test_accept_and_expiry_never_both_win(web: webs.Web, acme: world.Firm) -> None:
    api = webs.api(web, acme.trader)
    for n in range(10):
        quote = ask(api, f"r-{n}")
        row = Quote.objects.order_by("-created_at", "-id").first()
        assert row is not None
        taken, _ = at_once([lambda quote=quote, n=n: take(api, quote, f"o-{n}"), lambda row=row: expire_quote(quote_id=row.id)])
        assert taken == "TRADED"  # the clock stands still before its end: the sweep must let it be
    quote = ask(api, "r-last")
    row = Quote.objects.get(rfq__client_rfq_id="r-last")
    clock.freeze_desk(world.NOON + timedelta(seconds=10))
    taken, _ = at_once([lambda: take(api, quote, "o-last"), lambda: expire_quote(quote_id=row.id)])
    assert taken == "quote_expired"
    row.refresh_from_db()
    assert row.status == "EXPIRED"
    assert lines.taken()[0] == lines.taken(lines.SETTLEMENT)[0] == 0


def test_an_accept_in_time_wins_though_it_waits_past_the_end(web: webs.Web, acme: world.Firm) -> None:
    """No last look: the instant is read before any lock is waited for."""
    api = webs.api(web, acme.trader)
    quote = ask(api, "r-1")
    import psycopg

    from tests.engines import superuser

    holder: psycopg.Connection[Any] = superuser()
    with holder.transaction():
        holder.execute("SELECT 1 FROM credit_line FOR UPDATE")
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(take, api, quote, "o-1")
            deadline = time.monotonic() + 60
            while not holder.execute(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            ).fetchone():
                assert time.monotonic() < deadline, "the accept never waited"
                time.sleep(0.02)
            holder.execute("UPDATE core_deskclock SET frozen_at = %s", (world.NOON + timedelta(seconds=30),))
            holder.execute("COMMIT")
            assert answer.result(60) == "TRADED"
    trade = Trade.objects.get()
    assert trade.booked_at == world.NOON


def test_sixteen_threads_never_pass_the_line(web: webs.Web, acme: world.Firm) -> None:
    lines.change_all("100000")  # five deals of one bitcoin at 20,00x
    apis = [webs.api(web, acme.trader) for _ in range(2)]

    def one(n: int) -> str:
        try:
            ask(apis[n % 2], f"r-{n}", quantity="0.9")
        except Refused as no:
            return no.code
        return "QUOTED"

    codes = Counter(at_once([lambda n=n: one(n) for n in range(16)]))
    assert codes == {"QUOTED": 5, "credit_exceeded": 11}
    assert lines.taken(lines.SETTLEMENT)[0] <= 100_000


def test_web_killed_in_the_middle_of_accepts_loses_and_doubles_nothing(acme: world.Firm, transactional_db: None) -> None:
    web = webs.start_web()
    api = webs.api(web, acme.trader, attempts=1, timeout_s=5.0)
    quotes = [ask(api, f"r-{n}") for n in range(60)]
    keys = {quote["id"]: f"key-of-quote-{n:04d}" for n, quote in enumerate(quotes)}

    def accept(on: Api, quote: dict[str, Any]) -> Any:
        body = {"client_order_id": f"o-{quote['id']}", "side": "buy", "price": quote["buy"]["price"]}
        return on.post(f"/api/v1/quotes/{quote['id']}/accept", body, idempotency_key=keys[quote["id"]])

    seen: dict[str, Any] = {}

    def hammer(share: list[dict[str, Any]]) -> None:
        for quote in share:
            try:
                seen[quote["id"]] = accept(api, quote)
            except (Unreachable, Refused):
                return

    threads = [threading.Thread(target=hammer, args=(quotes[i::4],)) for i in range(4)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while len(seen) < 10 and time.monotonic() < deadline:
        time.sleep(0.005)
    webs.kill(web)
    for thread in threads:
        thread.join(30)
    again = webs.start_web()
    try:
        second = Api(again.url, api.key)
        after = {quote["id"]: accept(second, quote) for quote in quotes}
    finally:
        webs.kill(again)
    assert {q: after[q] for q in seen} == seen  # what was answered before the kill is answered the same
    assert Trade.objects.count() == 60
    assert db.one("SELECT count(DISTINCT quote_id) FROM trades_trade")[0] == 60
    assert lines.taken()[0] == lines.taken(lines.SETTLEMENT)[0] == 0


def test_a_kill_switch_refuses_what_comes_after_it_and_its_sweep_gives_the_credit_back(web: webs.Web, acme: world.Firm) -> None:
    from apps.jobs import rfqs as sweeps

    api = webs.api(web, acme.trader, attempts=1)
    quote = ask(api, "r-1")
    db.run(
        "INSERT INTO pricing_halt (id, scope, pair_code, reason, thrown_by, thrown_at) VALUES "
        "('00000000-0000-7000-8000-000000000001', 'PAIR', 'BTC-USD', 'drill', '00000000-0000-7000-8000-000000000002', desk_now())"
    )
    assert take(api, quote, "o-1") == "quote_withdrawn"
    with pytest.raises(Refused) as no:
        ask(api, "r-2")
    assert no.value.code == "trading_halted"
    assert sweeps.sweep_halted() == 1
    row = Quote.objects.get()
    assert (row.status, row.end_reason) == ("WITHDRAWN", "KILL_SWITCH")
    assert lines.taken() == lines.taken(lines.SETTLEMENT) == (D(0), D(0))
    assert Trade.objects.count() == 0
