"""The sweep ends what is over, ten seconds late, gives credit back, and may run twice at once."""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from apps.core import clock, db
from apps.jobs import rfqs as jobs
from apps.rfqs import queries
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side
from apps.workflows.accept_quote import accept_quote
from apps.workflows.request_quote import request_quote
from tests import lines, world
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _noon(transactional_db: None) -> None:
    clock.freeze_desk(world.NOON)


def quoted(firm: world.Firm, reference: str = "r1", quantity: str = "2", ttl_ms: int = 10_000) -> Any:
    ask = Ask(reference, "BTC-USD", Side.BUY, D(quantity), None, "", ttl_ms, 60_000)
    rfq, quote, _ = request_quote(
        actor=firm.trader, account_id=None, ask=ask, depth=world.depth(), usd_per_quote=D(1), elapsed_us=lambda: 1
    )
    return quote or rfq


def reserved() -> D:
    return lines.taken()[0] + lines.taken(lines.SETTLEMENT)[0]


def test_a_quote_is_ended_ten_seconds_after_its_time_and_not_before() -> None:
    quote = quoted(world.firm("acme"))
    assert reserved() > 0
    clock.freeze_desk(quote.expires_at + timedelta(seconds=10) - timedelta(microseconds=1))
    assert jobs.sweep_quotes() == 0
    assert queries.get_quote(quote.id).status == "OPEN"
    clock.freeze_desk(quote.expires_at + timedelta(seconds=10))
    assert jobs.sweep_quotes() == 1
    ended = queries.get_quote(quote.id)
    assert (ended.status, ended.ended_at) == ("EXPIRED", quote.expires_at), "it ended at its time, not when the sweep came"
    assert db.run("SELECT status FROM rfqs_rfq") == [("EXPIRED",)]
    assert reserved() == 0
    assert jobs.sweep_quotes() == 0


def test_a_request_that_nobody_prices_ends_at_its_time() -> None:
    rfq = quoted(world.firm("acme", auto_max_usd=D(1)))
    assert rfq.status == "RECEIVED"
    clock.freeze_desk(rfq.respond_by - timedelta(microseconds=1))
    assert jobs.sweep_rfqs() == 0
    clock.freeze_desk(rfq.respond_by)
    assert jobs.sweep_rfqs() == 1
    assert db.run("SELECT status, end_reason FROM rfqs_rfq") == [("EXPIRED", "not_priced_in_time")]
    assert db.run("SELECT kind FROM events_event WHERE kind LIKE 'rfq.%%' ORDER BY position") == [("rfq.received",), ("rfq.expired",)]


def test_an_answered_quote_is_left_alone() -> None:
    acme = world.firm("acme")
    quote = quoted(acme)
    accept_quote(actor=acme.trader, quote_id=quote.id, client_order_id="o1", side=Side.BUY, price=quote.buy_price)
    clock.freeze_desk(quote.expires_at + timedelta(minutes=5))
    assert (jobs.sweep_quotes(), jobs.sweep_rfqs()) == (0, 0)
    assert queries.get_quote(quote.id).status == "ACCEPTED"


def test_the_oldest_go_first_and_no_more_than_the_bound() -> None:
    acme = world.firm("acme")
    late, early = quoted(acme, "late", "0.1", 20_000), quoted(acme, "early", "0.1", 5_000)
    clock.freeze_desk(world.NOON + timedelta(minutes=1))
    assert jobs.sweep_quotes(limit=1) == 1
    assert queries.get_quote(early.id).status == "EXPIRED"
    assert queries.get_quote(late.id).status == "OPEN"


def test_four_sweeps_at_once_end_each_quote_once() -> None:
    acme, cygnus = world.firm("acme"), world.firm("borealis")
    for number in range(10):
        quoted(acme if number % 2 else cygnus, f"r{number}", "0.1")
    clock.freeze_desk(world.NOON + timedelta(minutes=1))
    found = together(4, lambda _: jobs.sweep_quotes())
    assert not [one for one in found if isinstance(one, Exception)], found
    assert sum(found) == 10
    assert reserved() == 0
    assert db.one("SELECT count(*) FROM events_event WHERE kind = 'rfq.expired'") == (10,)


def test_one_that_cannot_be_ended_does_not_keep_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    acme = world.firm("acme")
    bad, good = quoted(acme, "bad", "0.1", 5_000), quoted(acme, "good", "0.1", 5_001)
    clock.freeze_desk(world.NOON + timedelta(minutes=1))
    real = jobs.expire_quote

    def sometimes(*, quote_id: Any) -> Any:
        if quote_id == bad.id:
            from apps.core.errors import Busy

            raise Busy
        return real(quote_id=quote_id)

    monkeypatch.setattr(jobs, "expire_quote", sometimes)
    assert jobs.sweep_quotes() == 1
    assert queries.get_quote(good.id).status == "EXPIRED"
    monkeypatch.undo()
    assert jobs.sweep_quotes() == 1


def test_every_tick_of_the_schedule_is_a_task() -> None:
    from flowdesk.celery import app
    from flowdesk.schedule import TICKS

    app.loader.import_default_modules()
    assert set(TICKS) <= set(app.tasks)
