"""Statistics out of the event table: counted once however often told, made again with the same result, and what fair use makes of them."""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from apps.clients.models import Terms
from apps.core import clock, db, flights
from apps.core.unit import use_case
from apps.events.models import Event
from apps.jobs import events as driving
from apps.jobs import rfqs as sweeps
from apps.jobs import statistics as judging
from apps.notify.queries.mails import mails_of
from apps.reports.operations import statistics as counting
from apps.reports.queries import statistics as queries
from apps.reports.rules.statistics import COUNTS
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side
from apps.workflows.accept_quote import accept_quote
from apps.workflows.count_dealing import rebuild_statistics
from apps.workflows.end_quote import cancel_rfq, decline_quote
from apps.workflows.request_quote import request_quote
from tests import people, world
from tests.commits import wait_for_readers

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _noon(transactional_db: None, settings: object) -> None:
    settings.SUBSCRIBERS = {"dealing": "apps.reports.operations.statistics.DEALING"}  # type: ignore[attr-defined]
    clock.freeze_desk(world.NOON)


def ask(firm: world.Firm, reference: str, pair: str = "BTC-USD", quantity: str = "0.1", us: int = 1000) -> Any:
    mid = "20000" if pair == "BTC-USD" else "1.05"
    depth = world.depth(pair, mid, at=clock.desk_now(), size="10000000", half_spread="0.0001" if pair == "EUR-USD" else "1")
    asked = Ask(reference, pair, Side.BUY, D(quantity), None, "", 10_000, 60_000)
    rfq, quote, _ = request_quote(actor=firm.trader, account_id=None, ask=asked, depth=depth, usd_per_quote=D(1), elapsed_us=lambda: us)
    return quote or rfq


def take(firm: world.Firm, quote: Any) -> None:
    accept_quote(actor=firm.trader, quote_id=quote.id, client_order_id=f"o-{quote.id}", side=Side.BUY, price=quote.buy_price)


def drive() -> None:
    wait_for_readers()
    driving.drive_all()


def sums(**kw: Any) -> dict[tuple[str, str], Any]:
    found = queries.list_sums(since=world.NOON - HOUR, until=world.NOON + 3 * HOUR, by_client=True, **kw)
    return {(one.client, one.pair): one.tally for one in found}


def stored() -> list[tuple[Any, ...]]:
    columns = ", ".join(COUNTS)
    return db.run(
        f"SELECT client_id, pair_code, hour, {columns}, reasons::text, times::text FROM reports_dealinghour WHERE "
        f"{' + '.join(COUNTS)} > 0 ORDER BY 1, 2, 3"
    )


def a_morning() -> tuple[world.Firm, world.Firm]:
    """Deals, refusals, cancels and a request for a person, of two clients, in two pairs, over two hours."""
    acme, borealis = world.firm("acme", auto_max_usd=D(50_000)), world.firm("borealis")
    for i, us in enumerate((1_000, 2_000, 3_000)):
        quote = ask(acme, f"a{i}", us=us)
        if i == 0:
            take(acme, quote)
    decline_quote(actor=acme.trader, quote_id=ask(acme, "a3", us=100_000).id)
    person = ask(acme, "a4", quantity="9")
    cancel_rfq(actor=acme.trader, rfq_id=person.id)
    take(borealis, ask(borealis, "b0", pair="EUR-USD", quantity="1000"))
    clock.freeze_desk(world.NOON + HOUR)
    sweeps.sweep_quotes()
    ask(borealis, "b1")
    return acme, borealis


def test_each_fact_is_counted_where_it_belongs() -> None:
    a_morning()
    drive()
    found = sums()
    acme, eur, btc = found["acme", "BTC-USD"], found["borealis", "EUR-USD"], found["borealis", "BTC-USD"]
    assert dict(acme.counts) == {
        "requests": 5, "quoted": 4, "quotes": 4, "to_person": 1, "deals": 1, "declined": 1, "cancelled": 1, "expired": 2,
    }  # fmt: skip
    assert (acme.hit_ratio, eur.hit_ratio, btc.hit_ratio) == (D("0.25"), D(1), D(0))
    assert sum(acme.histogram("auto").values()) == 4
    by_hour = queries.list_sums(since=world.NOON, until=world.NOON + 2 * HOUR, pair="BTC-USD", by_hour=True)
    assert [(s.hour, s.tally.counts["requests"], s.tally.counts["expired"]) for s in by_hour] == [
        (world.NOON, 5, 2),  # they ended at their time, not when the sweep came
        (world.NOON + HOUR, 1, 0),
    ]
    assert queries.total(by_hour).counts["requests"] == 6


def test_told_twice_counts_once_and_in_any_batches() -> None:
    acme, _ = a_morning()
    drive()
    before = stored()
    whole = list(Event.objects.order_by("era", "xid", "position"))

    @use_case
    def again(*, now: Any) -> None:
        counting.count(events=whole, now=now)

    again()
    driving.drive_all()
    assert stored() == before
    take(acme, ask(acme, "later"))
    wait_for_readers()
    while driving.drive("dealing", limit=1):
        pass
    after = stored()
    assert after != before
    db.run("UPDATE events_cursor SET era = 1, xid = 0, position = 0")  # a cursor that was lost: everything is told again
    driving.drive_all()
    assert stored() == after


def test_made_again_from_the_events_the_sums_are_equal() -> None:
    a_morning()
    drive()
    before = stored()
    assert len(before) == 3
    db.run("UPDATE reports_dealinghour SET deals = 99, times = '{\"auto:3\": 7}', reasons = '{\"x\": 1}'")
    assert rebuild_statistics() == 3
    assert stored() == before
    take(borealis := world.firm("cygnus"), ask(borealis, "c0"))
    assert rebuild_statistics() == 3, "what no reader has had yet is not counted before its turn"
    assert stored() == before
    drive()
    assert len(stored()) == 4


def test_a_batch_costs_one_upsert_however_many_events_it_has() -> None:
    acme = world.firm("acme")
    for i in range(12):
        take(acme, ask(acme, f"a{i}"))
    wait_for_readers()
    before = flights.statements
    assert driving.drive("dealing") > 24
    assert flights.statements - before <= 12
    assert db.run("SELECT count(*) FROM reports_dealinghour") == [(1,)]


def test_an_event_that_cannot_be_counted_keeps_no_other_back(monkeypatch: pytest.MonkeyPatch) -> None:
    acme = world.firm("acme")
    ask(acme, "good-1"), ask(acme, "bad"), ask(acme, "good-2")
    bad = db.one("SELECT e.id FROM events_event e JOIN rfqs_rfq r ON r.id = e.subject_id WHERE r.client_rfq_id = 'bad'")[0]
    honest = queries.list_facts

    def broken(event_ids: Any, *, after: Any) -> Any:
        if bad in event_ids:
            raise ValueError("cannot read this one")
        return honest(event_ids, after=after)

    monkeypatch.setattr(queries, "list_facts", broken)
    wait_for_readers()
    for _ in range(6):
        driving.drive_all()
    assert sums()["acme", "BTC-USD"].counts["requests"] == 2
    assert db.run("SELECT subscriber FROM events_failure") == [("dealing",)]


# --- fair use -----------------------------------------------------------------------------------------------------------
def limits(firm: world.Firm, least: int, soft: int, hard: int | None) -> None:
    Terms.objects.filter(account=firm.account).update(fair_use_from=least, fair_use_soft=soft, fair_use_hard=hard)


def level(firm: world.Firm) -> tuple[Any, ...] | None:
    return db.first("SELECT level, requests, deals, until FROM clients_fairuse WHERE client_id = %s", (firm.client_id,))


def test_who_asks_much_and_deals_little_is_warned_then_stopped_then_free_again() -> None:
    acme, borealis = world.firm("acme"), world.firm("borealis")
    limits(acme, least=4, soft=2, hard=5)
    quotes = [ask(acme, f"a{i}") for i in range(4)]
    take(acme, quotes[0])
    drive()
    assert judging.judge() == 1
    assert level(acme) == ("SOFT", 4, 1, world.NOON + HOUR)
    assert level(borealis) is None
    assert judging.judge() == 0, "the same level costs nothing"
    [ask(acme, f"b{i}") for i in range(2)]
    drive()
    judging.judge()
    assert level(acme) == ("HARD", 6, 1, world.NOON + HOUR)
    clock.freeze_desk(world.NOON + HOUR)
    assert judging.judge() == 1, "a stop that runs out is judged again"
    assert level(acme) == ("HARD", 6, 1, world.NOON + 2 * HOUR)
    clock.freeze_desk(world.NOON + 24 * HOUR)
    assert judging.judge() == 1
    assert level(acme) == ("OK", 0, 0, world.NOON + 25 * HOUR)
    told = db.run("SELECT kind, public->>'requests' FROM events_event WHERE kind LIKE 'fair_use.%%' ORDER BY position")
    assert told == [("fair_use.warned", "4"), ("fair_use.stopped", "6"), ("fair_use.cleared", "0")]
    people.staff("sam", "sales")
    stopped = Event.objects.get(kind="fair_use.stopped", house__level="HARD")
    assert "Acme Capital" in str(mails_of(stopped))
    assert "6 requests and 1 deals" in str(mails_of(stopped))


def test_refused_requests_count_as_asking() -> None:
    acme = world.firm("acme")
    limits(acme, least=3, soft=1, hard=None)
    ask(acme, "a0")
    db.run(
        "INSERT INTO reports_dealinghour (id, client_id, pair_code, hour, requests, to_person, quoted, quotes, deals, declined, cancelled, "
        "expired, rejected, withdrawn, refused, missed, reasons, times) "
        "VALUES (gen_random_uuid(), %s, 'EUR-USD', %s, 0,0,0,0,0,0,0,0,0,0,2,0,'{}','{}')",
        (acme.client_id, world.NOON),
    )
    drive()
    judging.judge()
    assert level(acme) == ("SOFT", 3, 0, world.NOON + HOUR)
