"""A day that turns out to be no business day: two of operations close it, and what is open on it settles on the next good one."""

from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from apps.approvals.models import Approval
from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.core.errors import AppError
from apps.instruments import queries as instruments
from apps.instruments.rules import cutoff_at
from apps.jobs import settlement as jobs
from apps.jobs.calendars import redate_closed_days
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.queries.closed_days import list_stuck_on_closed
from apps.trades import queries
from apps.workflows.accept_quote import accept_quote
from apps.workflows.change_calendar import ask_calendar_change, list_closed
from apps.workflows.decide_approval import decide_approval
from apps.workflows.settle_net_set import request_abort
from apps.workflows.value_dates import list_value_dates
from tests import books, deals, lines, world
from tests.people import staff
from tests.settlement import world as here
from tests.settlement.test_adjustments import book, wanted
from tests.stories.test_plans import ask
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
WEDNESDAY, THURSDAY = date(2026, 9, 16), date(2026, 9, 17)


@pytest.fixture
def acme(transactional_db: None) -> Any:
    here.open_house("USD", "BTC")
    yield world.firm("acme")
    books.proven()


def close(what: str = "USD", day: date = WEDNESDAY, **to: Any) -> Approval:
    """Olga asks, Oscar answers."""
    olga, oscar = (deals.person(name, "operations") for name in ("olga", "oscar"))
    asked = ask_calendar_change(actor=olga, what=what, day=day, reason="a day of mourning", **(to or {"is_good": False}))
    done = decide_approval(approval_id=asked.id, actor=oscar, approve=True)
    assert done.status == "EXECUTED", done.comment
    return done


def settles_on(deal: UUID) -> set[date]:
    """The value dates on which settlement credit counts a deal."""
    return {
        row[0]
        for row in db.run("SELECT day FROM credit_reservation WHERE deal_id = %s AND status = 'COMMITTED' AND day IS NOT NULL", (deal,))
    }


def test_what_is_open_moves_to_the_next_good_day_and_the_client_is_told_once(acme: world.Firm) -> None:
    lines.grant(subject_id=acme.client_id, amount="1000000", measure=lines.SETTLEMENT)
    first, second = here.deal(acme, Side.BUY, "1"), here.deal(acme, Side.SELL, "2")
    _, quote = ask(acme.trader, "1")
    before = deals.owed(first)
    close()
    assert sum(together(2, lambda _: redate_closed_days())) == 2, "two schedulers"
    assert redate_closed_days() == 0, "once"
    for trade in (first, second):
        now = queries.find_client_trade(trade.id)
        version = queries.get_version(now)
        assert (version.number, version.reason, version.value_date, version.consent) == (2, "STATIC_DATA", THURSDAY, "")
        assert version.made_by != version.checked_by
        assert settles_on(trade.id) == {THURSDAY}, "credit follows the date"
    assert deals.owed(first) == [*(line.replace("OPEN", "CANCELLED") for line in before),
                                 *(line.replace("v1", "v2").replace("2026-09-16", "2026-09-17") for line in before)]  # fmt: skip
    moved = deals.told(acme.client_id, "value_date.moved")
    assert [(one["from"], one["to"], one["closed"], one["reason"], one["version"]) for one in moved] == [
        ("2026-09-16", "2026-09-17", "USD", "a day of mourning", 2)
    ] * 2
    assert moved[0]["calendar_version"] == instruments.get_calendars().version and moved[0]["calendar_version"].endswith("+1")
    assert [one["changed"] for one in deals.told(acme.client_id, "trade.corrected")] == [["value_date"]] * 2

    price = quote.buy_price  # a price that was out deals as it was told, and moves with the others
    late, _, _ = accept_quote(actor=acme.trader, quote_id=quote.id, client_order_id="late", side=Side.BUY, price=price)
    assert redate_closed_days() == 1 and queries.get_version(queries.find_client_trade(late.id)).value_date == THURSDAY
    _, fresh = ask(acme.trader, "1")
    assert fresh.provenance["value_date"] == "2026-09-17" and fresh.provenance["calendar"].endswith("+1")
    dates = {one["tenor"]: one["value_date"] for one in list_value_dates(acme.trader, None, "BTC-USD", clock.desk_now())}
    assert (dates["T+1"], dates["T+2"]) == ("2026-09-17", "2026-09-18")

    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    assert not list(settlement.list_net_sets(SYSTEM))
    here.at(here.CUTOFF, days=1, seconds=10)
    jobs.run_all()
    (net_set,) = settlement.list_net_sets(SYSTEM)
    assert net_set.value_date == THURSDAY and list_stuck_on_closed(list_closed(clock.desk_now())) == []


def test_what_is_frozen_is_left_to_people_and_moves_once_its_set_is_aborted(acme: world.Firm) -> None:
    trade = here.deal(acme, Side.BUY, "1")
    rebate = book(acme, wanted("REBATE", "PAY", "5", value_date=WEDNESDAY))
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    other = here.deal(acme, Side.BUY, "1", mid="20010")
    close()
    assert redate_closed_days() == 1 and queries.find_client_trade(other.id).version == 2, "dealt after the cut-off, and still open"
    stuck = list_stuck_on_closed(list_closed(clock.desk_now()))
    assert {(one.trade_id, one.status) for one, _ in stuck} >= {(trade.id, "NETTED")}
    assert queries.get_version(queries.find_client_trade(trade.id)).number == 1
    (net_set,) = settlement.list_net_sets(SYSTEM)
    asked = request_abort(actor=deals.person("olga", "operations"), net_set_id=net_set.id, reason="closed")
    assert decide_approval(approval_id=asked.id, actor=deals.person("oscar", "operations"), approve=True).status == "EXECUTED"
    jobs.run_all()  # re-dates before it would freeze again
    assert queries.get_version(queries.find_client_trade(trade.id)).value_date == THURSDAY
    (owed,) = db.run("SELECT value_date, status FROM settlement_obligation WHERE adjustment_id = %s", (rebate.id,))
    assert owed == (THURSDAY, "OPEN")
    told = [one for one in deals.told(acme.client_id, "value_date.moved") if one["adjustment_id"]]
    assert [(one["to"], one["version"], len(one["obligations"])) for one in told] == [("2026-09-17", None, 1)]


def test_another_currencys_day_moves_nothing_and_a_day_can_be_opened_again(acme: world.Firm) -> None:
    trade = here.deal(acme, Side.BUY, "1")
    close("EUR")
    close(day=date(2026, 9, 21))
    assert redate_closed_days() == 0 and queries.find_client_trade(trade.id).version == 1
    close(day=date(2026, 9, 21), is_good=None)
    assert instruments.get_calendars().is_good("USD", date(2026, 9, 21)) and instruments.get_calendars().revision == 3
    fed = next(one for one in instruments.list_rails() if one.code == "fedwire-usd")
    close("fedwire-usd", WEDNESDAY, cutoff=time(12))
    assert cutoff_at(WEDNESDAY, instruments.get_cutoff(fed)) == datetime(2026, 9, 16, 16, tzinfo=UTC)
    assert cutoff_at(THURSDAY, instruments.get_cutoff(fed)) == datetime(2026, 9, 17, 21, tzinfo=UTC)
    told = {one["tenor"]: one["cutoffs"] for one in list_value_dates(acme.trader, None, "BTC-USD", clock.desk_now())}
    assert told["T+1"]["USD"].startswith("2026-09-16T16:00")


def test_what_is_no_change_of_a_calendar_is_named(acme: world.Firm) -> None:
    olga = staff("olga", "operations")
    good: dict[str, Any] = {"what": "USD", "day": WEDNESDAY, "is_good": False, "reason": "x"}
    for wrong, pointer in (
        ({"what": "BTC"}, "/what"), ({"what": "XXX"}, "/what"), ({"day": date(2026, 9, 14)}, "/day"), ({"day": date(2030, 1, 1)}, "/day"),
        ({"reason": " "}, "/reason"), ({"is_good": True}, "/is_good"), ({"is_good": None}, "/day"), ({"cutoff": time(9)}, "/cutoff"),
        ({"what": "fedwire-usd"}, "/is_good"), ({"what": "fedwire-usd", "is_good": None}, "/day"),
    ):  # fmt: skip
        with pytest.raises(AppError) as no:
            ask_calendar_change(actor=olga, **(good | wrong))
        assert (no.value.code, no.value.extra["pointer"]) == ("bad_calendar_change", pointer), wrong
    with pytest.raises(AppError) as no:
        ask_calendar_change(actor=staff("tara", "trader"), **good)
    assert no.value.code == "role_missing"
    with pytest.raises(IntegrityError) as wall, transaction.atomic():
        db.run(
            "INSERT INTO instruments_calendarchange "
            "(id, number, day, currency_id, is_good, reason, made_by, checked_by, approval_id, made_at) "
            "SELECT gen_random_uuid(), 1, '2026-09-16', 'USD', false, 'x', i, i, i, now() FROM (SELECT gen_random_uuid() AS i) i"
        )
    assert wall.value.__cause__.diag.constraint_name == "calendarchange_four_eyes"  # type: ignore[union-attr]
