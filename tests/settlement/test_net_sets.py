"""Freeze, agree, abort: exact members and amounts."""

from decimal import Decimal as D

import pytest

from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.core.errors import IllegalMove, NotFound
from apps.jobs import settlement as jobs
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.errors import NotAllowed, NothingToFreeze
from apps.users.errors import RoleMissing
from apps.workflows.accept_quote import accept_quote
from apps.workflows.decide_approval import decide_approval
from apps.workflows.request_quote import request_quote
from apps.workflows.settle_net_set import agree_net_set, freeze_net_set, request_abort
from tests import lines, world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)


def statuses(table: str) -> dict[str, int]:
    return dict(db.run(f"SELECT status, count(*) FROM settlement_{table} GROUP BY status"))


def legs_of(net_set) -> set[tuple[str, str, D, str]]:  # type: ignore[no-untyped-def]
    return {(leg.asset_id, leg.direction, leg.amount, leg.status) for leg in settlement.net_set_legs([net_set.id])[net_set.id]}


def abort(net_set, reason: str) -> tuple[str, str]:  # type: ignore[no-untyped-def]
    """Asked by olga, approved by oscar: how it ended, and why."""
    asked = request_abort(net_set_id=net_set.id, actor=here.staff("olga", "operations"), reason=reason)
    done = decide_approval(approval_id=asked.id, actor=here.staff("oscar", "operations"), approve=True)
    return str(done.status), done.comment


def freeze_all() -> list:  # type: ignore[type-arg]
    jobs.freeze_due()
    return list(settlement.list_net_sets(SYSTEM).order_by("id"))


def test_a_set_holds_what_was_booked_by_its_cut_off_and_the_rest_waits_for_the_next() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    early = here.deal(acme, Side.BUY, "1")
    here.at(here.CUTOFF)
    at_cutoff = here.deal(acme, Side.BUY, "2")
    here.at(here.CUTOFF, microseconds=1)
    late = here.deal(acme, Side.BUY, "4")
    here.at(here.CUTOFF, seconds=10)
    (net_set,) = freeze_all()
    assert net_set.cutoff_at == here.CUTOFF
    assert {o.trade_id for o in settlement.list_obligations(SYSTEM) if o.status == "NETTED"} == {early.id, at_cutoff.id}
    assert ("BTC", "PAY", D(3), "INSTRUCTED") in legs_of(net_set)
    assert jobs.freeze_due() == 0
    here.at(here.CUTOFF, days=1, seconds=10)
    _, second = freeze_all()
    assert {o.trade_id for o in settlement.list_obligations(SYSTEM) if o.net_leg and o.net_leg.net_set_id == second.id} == {late.id}
    assert second.value_date == net_set.value_date


def test_nothing_is_frozen_before_its_cut_off() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    here.deal(acme, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=9)
    assert freeze_all() == []  # an accept received in time may still be on its way to its commit


def test_a_set_is_never_frozen_before_its_cut_off_whoever_asks() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    deal = here.deal(acme, Side.BUY, "1")
    here.at(here.CUTOFF, microseconds=-1)
    with pytest.raises(NothingToFreeze):
        freeze_net_set(account_id=acme.account.id, entity_id=deal.entity_id, value_date=here.VALUE_DAY.date(), cutoff_at=here.CUTOFF)
    assert statuses("obligation") == {"OPEN": 2}


def test_a_zero_leg_settles_as_it_is_frozen_and_what_it_nets_is_set_off() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    bought = here.deal(acme, Side.BUY, "1")
    here.deal(acme, Side.SELL, "1")
    here.at(here.CUTOFF, seconds=10)
    (net_set,) = freeze_all()
    ((amount,),) = db.run(
        "SELECT sum(CASE direction WHEN 'RECEIVE' THEN amount ELSE -amount END) FROM settlement_obligation WHERE asset_id = 'USD'"
    )
    assert amount > 0  # the spread
    assert legs_of(net_set) == {("BTC", "PAY", D(0), "SETTLED"), ("USD", "RECEIVE", amount, "INSTRUCTED")}
    assert {name for name in here.balances() if name.endswith("ABLE BTC")} == set()
    assert settlement.trade_status([bought.id]) == {bought.id: "PART_SETTLED"}
    assert net_set.status == "FROZEN"


def test_a_set_that_nets_to_nothing_settles_whole_and_frees_the_credit() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    before = here.balances()
    here.deal(acme, Side.BUY, "1")
    sell_back_at_the_same_price(acme)
    here.at(here.CUTOFF, seconds=10)
    (net_set,) = freeze_all()
    assert net_set.status == "SETTLED"
    assert legs_of(net_set) == {("BTC", "PAY", D(0), "SETTLED"), ("USD", "PAY", D(0), "SETTLED")}
    assert here.balances() == before
    assert lines.taken()[1] == lines.taken(lines.SETTLEMENT)[1] == 0
    assert list(settlement.list_instructions(SYSTEM)) == []


def sell_back_at_the_same_price(acme: world.Firm) -> None:
    """The market moves until the client's selling price is what it had bought at."""
    ((paid,),) = db.run("SELECT price FROM trades_tradeversion")
    mid = paid
    for attempt in range(20):
        _, quote, _ = request_quote(
            actor=acme.trader, account_id=None, ask=Ask(f"m{attempt}", "BTC-USD", Side.SELL, D(1), None, "", 10_000, 60_000),
            depth=world.depth("BTC-USD", str(mid), at=clock.desk_now()), usd_per_quote=D(1), elapsed_us=lambda: 1,
        )  # fmt: skip
        if quote.sell_price == paid:
            accept_quote(actor=acme.trader, quote_id=quote.id, client_order_id="back", side=Side.SELL, price=paid)
            return
        mid += paid - quote.sell_price
    raise AssertionError("the two prices never met")


def test_without_netting_on_file_each_obligation_is_instructed_by_itself() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme", netting=False)
    here.deal(acme, Side.BUY, "1")
    here.deal(acme, Side.SELL, "1")
    here.at(here.CUTOFF, seconds=10)
    assert freeze_all() == []
    assert statuses("obligation") == {"INSTRUCTED": 4}
    assert sorted((i.asset_id, i.direction) for i in settlement.list_instructions(SYSTEM)) == [
        ("BTC", "PAY"), ("BTC", "RECEIVE"), ("USD", "PAY"), ("USD", "RECEIVE"),
    ]  # fmt: skip


def test_only_a_member_with_settlement_authority_agrees_and_only_to_its_own() -> None:
    here.open_house("USD", "BTC")
    acme, mallory = world.firm("acme"), world.firm("mallory")
    here.deal(acme, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    (net_set,) = freeze_all()
    with pytest.raises(NotAllowed):
        agree_net_set(net_set_id=net_set.id, actor=acme.trader)
    with pytest.raises(NotFound):
        agree_net_set(net_set_id=net_set.id, actor=mallory.treasury)
    assert agree_net_set(net_set_id=net_set.id, actor=acme.treasury).status == "AGREED"
    with pytest.raises(IllegalMove):
        agree_net_set(net_set_id=net_set.id, actor=acme.treasury)


def test_silence_agrees_when_its_time_is_over_and_not_before() -> None:
    here.open_house("USD", "BTC")
    here.deal(world.firm("acme"), Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    (net_set,) = freeze_all()
    here.at(net_set.agree_by, microseconds=-1)
    assert jobs.agree_due() == 0
    clock.freeze_desk(net_set.agree_by)
    assert jobs.agree_due() == 1
    assert settlement.get_net_set(net_set.id, actor=SYSTEM).status == "AGREED"


def test_an_aborted_set_lets_its_members_go_and_is_replaced() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    here.deal(acme, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    (net_set,) = freeze_all()
    with pytest.raises(RoleMissing):
        request_abort(net_set_id=net_set.id, actor=here.staff("tom", "trader"), reason="no")
    assert abort(net_set, "wrong terms") == ("EXECUTED", "")
    assert statuses("obligation") == {"OPEN": 2}
    assert statuses("instruction") == {"CANCELLED": 2}
    first, second = freeze_all()
    assert (first.status, second.status, second.attempt, second.cutoff_at) == ("ABORTED", "FROZEN", 2, here.CUTOFF)
    assert statuses("obligation") == {"NETTED": 2}


def test_a_set_with_a_zero_leg_can_be_aborted_and_its_set_off_is_reversed() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    here.deal(acme, Side.BUY, "1")
    here.deal(acme, Side.SELL, "1")
    before = here.balances()
    here.at(here.CUTOFF, seconds=10)
    (net_set,) = freeze_all()
    assert here.balances() != before
    assert abort(net_set, "disputed") == ("EXECUTED", "")
    assert here.balances() == before
    assert statuses("obligation") == {"OPEN": 4}


def test_nothing_is_aborted_once_a_payment_was_released() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    here.deal(acme, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    (net_set,) = freeze_all()
    agree_net_set(net_set_id=net_set.id, actor=acme.treasury)
    here.at(here.VALUE_DAY)
    jobs.review_queue()
    here.release(here.only("READY").id, maker=here.staff("otto", "operations"), checker=here.staff("oda", "operations"))
    assert abort(net_set, "late") == ("FAILED", "a payment of it has been released or received")
    assert statuses("obligation") == {"NETTED": 2}


def test_the_stranger_sees_none_of_it() -> None:
    here.open_house("USD", "BTC")
    acme, mallory = world.firm("acme"), world.firm("mallory")
    here.deal(acme, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    freeze_all()
    for listed in (settlement.list_obligations, settlement.list_net_sets, settlement.list_instructions, settlement.list_receipts):
        assert not listed(mallory.treasury).exists()
    assert settlement.list_obligations(acme.trader).count() == 2
    assert settlement.list_net_sets(acme.trader).count() == 1
