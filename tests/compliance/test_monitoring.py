"""Monitoring: each rule speaks at what it is for and not just short of it, and once a cause."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from apps.compliance import rules
from apps.compliance.models import Alert
from apps.compliance.rules import Thresholds
from apps.core import clock, db
from apps.core.unit import use_case
from apps.events.models import Event
from apps.jobs import events as jobs
from apps.jobs import settlement
from apps.rfqs.states import Channel, Side
from apps.workflows.book_on_behalf import book_on_behalf
from apps.workflows.import_fills import import_fills
from apps.workflows.onboard_client import register_counterparty
from apps.workflows.transfer_balance import request_withdrawal
from apps.workflows.watch_dealing import watch
from tests import deals, world
from tests.commits import wait_for_readers
from tests.rfqs.desk import a_desk
from tests.settlement import world as here
from tests.together import together
from tests.trades.books import HEADER, line

AT = datetime(2026, 9, 15, 12, tzinfo=UTC)
L = Thresholds()


def speaks(rule: str, **facts: Any) -> bool:
    return bool(getattr(rules, rule)(limit=L, **facts))


@pytest.mark.parametrize(
    ("rule", "fires", "misses"),
    [
        ("off_market", {"price": D("20400.01"), "mid": D(20000)}, {"price": D(20400), "mid": D(20000)}),
        ("off_market", {"price": D("19599.99"), "mid": D(20000)}, {"price": D(1), "mid": None}),
        ("late_booking", {"agreed_at": AT, "booked_at": AT + timedelta(minutes=15, seconds=1)},
         {"agreed_at": AT, "booked_at": AT + timedelta(minutes=15)}),
        ("cancel_after_move", {"mid": D(20000), "now": D("19799.99")}, {"mid": D(20000), "now": D(19800)}),
        ("cancel_after_move", {"mid": D(20000), "now": D("20200.01")}, {"mid": D(20000), "now": None}),
        ("band_splitting", {"amounts": [D(40), D(40), D(21)], "band": D(100)}, {"amounts": [D(40), D(40), D(20)], "band": D(100)}),
        ("band_splitting", {"amounts": [D(99)] * 3, "band": D(100)}, {"amounts": [D(99)] * 2, "band": D(100)}),
        ("band_splitting", {"amounts": [D(99)] * 3, "band": D(100)}, {"amounts": [D(99), D(99), D(101)], "band": D(100)}),
        ("in_out_no_trade", {"deposited": D(80_000), "withdrawn": D(100_000), "usd": D(1), "trades": 0},
         {"deposited": D(79_999), "withdrawn": D(100_000), "usd": D(1), "trades": 0}),
        ("in_out_no_trade", {"deposited": D(1), "withdrawn": D(1), "usd": D(10_000), "trades": 0},
         {"deposited": D(1), "withdrawn": D(1), "usd": D(9_999), "trades": 0}),
        ("in_out_no_trade", {"deposited": D(1), "withdrawn": D(1), "usd": None, "trades": 0},
         {"deposited": D(1), "withdrawn": D(1), "usd": None, "trades": 1}),
        ("ssi_change_before_payment", {"since": AT, "paid_at": AT + timedelta(days=7), "had_another": True, "amount": D(2), "usd": D(5000)},
         {"since": AT, "paid_at": AT + timedelta(days=7, seconds=1), "had_another": True, "amount": D(2), "usd": D(5000)}),
        ("ssi_change_before_payment", {"since": AT, "paid_at": AT, "had_another": True, "amount": D(2), "usd": None},
         {"since": AT, "paid_at": AT, "had_another": False, "amount": D(2), "usd": None}),
    ],
)  # fmt: skip
def test_a_rule_speaks_at_what_it_is_for_and_not_just_short_of_it(rule: str, fires: dict[str, Any], misses: dict[str, Any]) -> None:
    assert speaks(rule, **fires) and not speaks(rule, **misses)


def test_a_hedge_ahead_of_a_client_without_consent_and_thresholds_that_are_none() -> None:
    assert rules.pre_hedge_no_consent(requests=["acme r1"], has_link=False)
    assert not rules.pre_hedge_no_consent(requests=["acme r1"], has_link=True)
    assert not rules.pre_hedge_no_consent(requests=[], has_link=False)
    assert rules.thresholds({"off_market_bps": "50", "split_deals": 4}) == Thresholds(off_market_bps=D(50), split_deals=4)
    for wrong in ({"off_market": 1}, {"late_minutes": 0}, {"move_bps": "NaN"}, {"ssi_days": -1}, {"ssi_days": "x"}, []):
        with pytest.raises(ValueError, match=r"threshold|above zero|number"):
            rules.thresholds(wrong)  # type: ignore[arg-type]


def raised() -> list[tuple[str, str]]:
    return [(a.rule, a.client_name) for a in Alert.objects.order_by("rule", "cause")]


def drive() -> None:
    wait_for_readers()
    jobs.drive("monitoring")


@pytest.mark.django_db(transaction=True)
def test_deals_raise_their_alerts_once_however_often_they_are_told() -> None:
    here.open_house("USD", "BTC")
    acme, cygnus = (
        world.firm("acme", auto_max_usd=D(50_000)),
        world.firm("cygnus", mode="PREFUNDED", members=here.THREE_PEOPLE, instructions=here.CYGNUS),
    )
    tara = deals.person("tara", "trader")
    book_on_behalf(
        actor=tara, account_id=acme.account.id, pair="BTC-USD", side=Side.BUY, quantity=D(1), price=D(20_500), channel=Channel.VOICE,
        agreed_at=clock.desk_now() - timedelta(minutes=40), agreed_by="Ann", evidence="line 4", depth=world.depth(at=clock.desk_now()),
        usd_per_quote=D(1),
    )  # fmt: skip
    drive()
    assert raised() == [("LATE_BOOKING", "Acme Capital"), ("OFF_MARKET", "Acme Capital")]
    last = [here.deal(acme, Side.SELL, "1") for _ in range(3)][-1]  # 60,000 USD in three, each within 50,000
    wait_for_readers()
    together(2, lambda _: jobs.drive("monitoring"))
    drive()
    assert [rule for rule, _ in raised()] == ["BAND_SPLITTING", "LATE_BOOKING", "OFF_MARKET"]
    db.run("UPDATE credit_assetmark SET usd = 20500 WHERE asset_code = 'BTC'")
    db.run("INSERT INTO credit_assetmark (asset_code, usd, as_of, is_stale) SELECT 'BTC', 20500, now(), false WHERE NOT EXISTS "
           "(SELECT 1 FROM credit_assetmark WHERE asset_code = 'BTC')")  # fmt: skip
    deals.change(last, cancel=True)
    here.pay_in("USD", D(20_000), name="Cygnus Capital", address="021000021-3001")
    settlement.poll_rails()
    settlement.match_receipts()
    request_withdrawal(actor=cygnus.treasury, account_id=cygnus.account.id, asset="USD", amount=D(20_000), client_reference="out")
    drive()
    assert [rule for rule, _ in raised()] == ["BAND_SPLITTING", "CANCEL_AFTER_MOVE", "IN_OUT_NO_TRADE", "LATE_BOOKING", "OFF_MARKET"]
    again = list(Event.objects.filter(kind__in=["trade.booked", "trade.cancelled", "withdrawal.requested"]))
    _deliver_again(events=again)
    assert Alert.objects.count() == 5
    assert not db.run("SELECT 1 FROM events_event WHERE kind LIKE 'alert.%%' AND client_id IS NOT NULL"), "no client is told"


@pytest.mark.django_db(transaction=True)
def test_a_hedge_while_a_client_without_consent_waits_for_its_like_is_told() -> None:
    desk = a_desk()
    register_counterparty(code="venue", name="Venue Ltd", lei="", country="GB", roles=["VENUE"])
    waiting = desk.waiting()  # to buy 60 BTC
    clock.freeze_desk(world.NOON + timedelta(seconds=2))
    at = (world.NOON + timedelta(seconds=1)).isoformat()
    hedges = {"like": ("buy", "60"), "half": ("buy", "30"), "less": ("buy", "29.9"), "more": ("buy", "120.1"), "other-way": ("sell", "60")}
    lines = [line(execution_id=name, side=side, quantity=size, executed_at=at) for name, (side, size) in hedges.items()]
    before = line(execution_id="before", quantity="60", executed_at=(world.NOON - timedelta(seconds=1)).isoformat())
    import_fills(text=HEADER + "".join(lines) + before, book_code="main", made_by=None)
    drive()
    told = sorted(Alert.objects.filter(rule="PRE_HEDGE_NO_CONSENT").values_list("why", flat=True))
    name = f"acme {waiting.client_rfq_id}"
    assert told == [f"hedge {one}: dealt while {name} waited for a price, without consent to pre-hedging" for one in ("half", "like")]


@use_case
def _deliver_again(*, events: Any, now: Any) -> None:
    watch(events=events, now=now)
