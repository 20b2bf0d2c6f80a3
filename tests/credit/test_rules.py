"""Arithmetic of credit: nothing is taken past a line, netting never costs more than gross, a mark is never guessed."""

from datetime import timedelta
from decimal import Decimal as D
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.credit import rules
from apps.credit.errors import CapExceeded, CreditExceeded
from apps.credit.rules import Claim, Exposed, LineState, Mark
from apps.credit.states import Measure
from tests import world

NOW = world.NOON
TODAY = NOW.date()
ONE, OTHER = UUID(int=1), UUID(int=2)
amounts = st.decimals(min_value=0, max_value=10**9, places=2)
shares = st.decimals(min_value="0.01", max_value=1, places=4)


def line(measure: str = "PRE_SETTLEMENT", amount: D = D(100), taken: D = D(0), **more: object) -> LineState:
    given: dict[str, object] = {
        "id": UUID(int=9), "level": "CLIENT", "measure": measure, "amount": amount, "excess": D(0), "excess_until": None,
        "valid_from": NOW - timedelta(days=1), "valid_until": NOW + timedelta(days=1), "taken": taken,
    }  # fmt: skip
    return LineState(**given | more)  # type: ignore[arg-type]


def claim(notional: D, mode: str = "CREDIT", **more: object) -> Claim:
    given: dict[str, object] = {
        "source_id": ONE, "group_id": None, "client_id": ONE, "account_id": ONE, "pair": "BTC-USD", "base": "BTC", "quote": "USD",
        "mode": mode, "notional": notional, "value_date": TODAY, "trade_date": TODAY,
    }  # fmt: skip
    return Claim(**given | more)  # type: ignore[arg-type]


@given(pre=amounts, settlement=amounts, taken=amounts, revalued=amounts, notional=amounts, haircut=shares, mine=amounts)
def test_what_is_taken_fits_every_line_and_what_does_not_fit_is_refused(
    pre: D, settlement: D, taken: D, revalued: D, notional: D, haircut: D, mine: D
) -> None:
    assume(notional > 0)
    lines = [
        line(amount=pre, taken=taken + mine, revalued=revalued, mine=mine),
        line("SETTLEMENT", amount=settlement, taken=taken, day=TODAY),
    ]
    wanted = [rules.wanted(claim(notional), one.measure, haircut) for one in lines]
    more = [max(amount - one.mine, D(0)) for amount, one in zip(wanted, lines, strict=True)]
    fits = all(extra == 0 or extra <= one.headroom(NOW) for extra, one in zip(more, lines, strict=True))
    try:
        room, takes = rules.take(claim(notional), lines, haircut, NOW)
    except CreditExceeded as no:
        assert not fits
        assert D(no.extra["headroom"]) >= 0
        return
    assert fits
    for one, extra in takes:
        assert extra == 0 or one.exposure() + extra <= one.limit(NOW)
    assert room.before - room.after in wanted
    binding = next(one for one in lines if one.measure == room.measure)
    assert room.before == binding.headroom(NOW) + binding.mine


@given(notional=amounts, haircut=shares)
def test_the_add_on_never_passes_the_notional_and_settlement_is_the_notional(notional: D, haircut: D) -> None:
    add_on = rules.wanted(claim(notional), Measure.PRE_SETTLEMENT, haircut)
    assert 0 <= add_on <= notional
    assert rules.wanted(claim(notional), Measure.SETTLEMENT, haircut) == notional
    assert rules.wanted(claim(notional, "CLIENT_FIRST"), Measure.SETTLEMENT, haircut) == 0
    assert rules.wanted(claim(notional, "PREFUNDED"), Measure.PRE_SETTLEMENT, haircut) == 0
    assert rules.wanted(claim(notional, reduces=D(1)), Measure.PRE_SETTLEMENT, haircut) == 0


def test_the_limit_of_which_the_fewest_such_deals_are_left_binds() -> None:
    pre, settlement = line(amount=D(20), taken=D(0)), line("SETTLEMENT", amount=D(1000), taken=D(0), day=TODAY)
    room, _ = rules.take(claim(D(100)), [pre, settlement], D("0.1"), NOW)
    assert (room.measure, room.before, room.after) == ("PRE_SETTLEMENT", D(20), D(10)), "two such deals, and ten by settlement"
    room, _ = rules.take(claim(D(100)), [line(amount=D(200)), settlement], D("0.1"), NOW)
    assert (room.measure, room.share_used) == ("SETTLEMENT", D("0.1"))


def test_a_line_counts_within_its_dates_and_an_excess_until_its_end() -> None:
    state = line(amount=D(100), excess=D(50), excess_until=NOW, taken=D(50), valid_until=NOW + timedelta(days=1))
    assert state.headroom(NOW - timedelta(seconds=1)) == D(100)
    assert state.headroom(NOW) == D(50), "at its end the excess is over"
    assert state.headroom(NOW + timedelta(days=1)) == D(-50)
    assert state.headroom(NOW - timedelta(days=2)) == D(-50), "not begun"


def test_a_deal_cap_looks_at_the_deal_alone() -> None:
    cap = line("DEAL", amount=D(100), level="ACCOUNT")
    rules.take(claim(D(100), "PREFUNDED"), [cap], D("0.1"), NOW)
    with pytest.raises(CapExceeded):
        rules.take(claim(D("100.01"), "PREFUNDED"), [cap], D("0.1"), NOW)


sides = st.sampled_from([1, -1])
deals = st.lists(st.tuples(sides, st.decimals("0.01", 100, places=4), st.decimals(1, 50_000, places=2), st.booleans()), max_size=8)


def exposed(side: int, quantity: D, price: D, netted: bool, client: UUID = ONE) -> Exposed:
    cash = quantity * price
    netting = (client, "ISDA 2021") if netted else None
    if side > 0:
        return Exposed(netting, "BTC-USD", "USD", cash, "BTC", quantity, cash, D("0.1"))
    return Exposed(netting, "BTC-USD", "BTC", quantity, "USD", cash, cash, D("0.1"))


@given(deals, st.decimals(1, 50_000, places=2))
def test_replacement_cost_nets_only_under_an_agreement_and_never_costs_more_for_it(
    given_deals: list[tuple[int, D, D, bool]], mid: D
) -> None:
    marks = {"USD": Mark(D(1), NOW), "BTC": Mark(mid, NOW)}
    as_given = rules.replacement_cost([exposed(*one) for one in given_deals], marks)
    gross = rules.replacement_cost([exposed(*one[:3], False) for one in given_deals], marks)
    net = rules.replacement_cost([exposed(*one[:3], True) for one in given_deals], marks)
    worth = [side * quantity * (price - mid) for side, quantity, price, _ in given_deals]
    assert 0 <= net <= as_given <= gross
    assert gross == sum((max(one, D(0)) for one in worth), D(0))
    assert net == max(sum(worth, D(0)), D(0))


def test_two_legal_entities_never_net() -> None:
    marks = {"USD": Mark(D(1), NOW), "BTC": Mark(D(90), NOW)}
    lost, won = exposed(1, D(1), D(100), True), exposed(1, D(1), D(80), True, client=OTHER)
    assert rules.replacement_cost([lost, won], marks) == 10
    assert rules.replacement_cost([lost, exposed(1, D(1), D(80), True)], marks) == 0


def test_a_stale_or_missing_mark_stresses_the_add_on() -> None:
    deal = exposed(1, D(1), D(100), False)
    fresh = {"USD": Mark(D(1), NOW), "BTC": Mark(D(100), NOW)}
    assert rules.stress([deal], fresh, {"": D("0.25")}) == 0
    assert rules.stress([deal], {**fresh, "BTC": Mark(D(100), NOW, is_stale=True)}, {"": D("0.25")}) == 15
    assert rules.stress([deal], {"USD": Mark(D(1), NOW)}, {"": D("0.25"), "BTC-USD": D("0.3")}) == 20
    assert rules.replacement_cost([deal], {"USD": Mark(D(1), NOW)}) == 0


def test_marks_come_through_usd_and_a_stablecoin_is_worth_what_its_pair_says() -> None:
    old = NOW - timedelta(seconds=61)
    mids = {"BTC-EUR": (D(18_000), NOW), "EUR-USD": (D("1.1"), old), "ETH-USDT": (D(1500), NOW), "USDT-USD": (D("0.97"), NOW),
            "DOGE-USDC": (D("0.1"), NOW), "XRP-USD": (D(-1), NOW)}  # fmt: skip
    marks = rules.usd_marks(mids, NOW, 60)
    assert marks["USD"].usd == 1
    assert (marks["BTC"].usd, marks["BTC"].is_stale, marks["BTC"].as_of) == (D(19_800), True, old), "as old as its oldest leg"
    assert (marks["ETH"].usd, marks["ETH"].is_stale) == (D(1455), False)
    assert not {"DOGE", "USDC", "XRP"} & marks.keys(), "nobody says what USDC is worth, and no price is below zero"


@given(st.integers(0, 200))
def test_a_mark_that_is_not_renewed_keeps_its_value_and_grows_stale(age: int) -> None:
    old = {"BTC": Mark(D(20_000), NOW - timedelta(seconds=age))}
    kept = rules.keep_last(old, {"USD": Mark(D(1), NOW)}, NOW, 60)
    assert (kept["BTC"].usd, kept["BTC"].is_stale) == (D(20_000), age > 60)
    newer = rules.keep_last(old, {"BTC": Mark(D(21_000), NOW)}, NOW, 60)
    assert (newer["BTC"].usd, newer["BTC"].is_stale) == (D(21_000), False)


@given(st.sampled_from(["buy", "sell", "two_way"]), amounts, st.decimals(-1000, 1000, places=2))
def test_only_a_deal_against_the_open_quantity_and_no_larger_reduces(side: str, quantity: D, net: D) -> None:
    after = net + {"buy": quantity, "sell": -quantity, "two_way": D(0)}[side]
    assert rules.reduces(side, quantity, net) == (side != "two_way" and abs(after) < abs(net) and after * net >= 0)
