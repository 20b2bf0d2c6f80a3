"""What the quote ticket reads out of its form: which field was typed, which one holds, and that nothing creeps."""

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.desk import ticket
from apps.desk.amounts import Unreadable
from apps.desk.ticket import NotWorkedOut, Row, Size
from apps.pricing.rules import Side
from apps.pricing.rules.margin import over_cost

BTC = Size(Side.BUY, D(25), D("68431.0783"), D("0.01"))


def posted(row: Row, **typed: str) -> dict[str, str]:
    """The form as a browser sends it back, with some fields typed into."""
    fields = {"rate": row.rate, "margin": row.margin, "profit": row.profit} | typed
    return {f"{name}_{row.side}": value for name, value in fields.items()} | {f"shown_{row.side}": row.shown}


def shown(size: Size, rate: D, form: dict[str, str] | None = None) -> Row:
    return ticket.row_of(form or {}, over_cost(size.side, cost=size.cost, rate=rate, quantity=size.quantity))


def test_the_field_that_was_typed_into_decides() -> None:
    row = shown(BTC, D("68500.00"))
    assert ticket.rate_of(posted(row, rate="68,512.50"), BTC, "margin") == D("68512.50")
    assert ticket.rate_of(posted(row, margin="10"), BTC, "rate") == D("68499.51")
    assert ticket.rate_of(posted(row, profit="2.5k"), BTC, "rate") == D("68531.08")


def test_a_locked_margin_follows_the_market_and_a_locked_rate_stays() -> None:
    row = shown(BTC, D("68500.00"))
    moved = Size(Side.BUY, D(25), D("68531.0783"), D("0.01"))
    assert ticket.rate_of(posted(row), moved, "rate") == D("68500.00")
    followed = ticket.rate_of(posted(row), moved, "margin")
    assert followed is not None
    assert abs(over_cost(Side.BUY, cost=moved.cost, rate=followed, quantity=D(25)).bps - D("10.0716")) < D("0.002")


@given(
    st.sampled_from(Side),
    st.decimals("0.9", "90000", places=8),
    st.decimals("-40", "400", places=2),
    st.sampled_from([D("0.00001"), D("0.01"), D("0.5")]),
)
def test_nothing_creeps_while_the_market_stands_still(side: Side, cost: D, bps: D, tick: D) -> None:
    size = Size(side, D(25), cost, tick)
    rate = ticket.rate_of({f"margin_{side}": str(bps)}, size, "margin")
    assert rate is not None
    form = {f"margin_{side}": str(bps)}
    for _ in range(6):
        row = shown(size, rate, form)
        form = posted(row)
        assert ticket.rate_of(form, size, "margin") == rate
        assert ticket.rate_of(form, size, "rate") == rate


@given(st.sampled_from(Side), st.decimals("0.9", "90000", places=2), st.sampled_from([D("0.00001"), D("0.01")]))
def test_a_suggested_rate_stays_what_it_was(side: Side, cost: D, tick: D) -> None:
    size = Size(side, D(25), cost, tick)
    rate = ((cost * D("1.0007")) // tick) * tick
    assert ticket.rate_of(posted(shown(size, rate)), size, "margin") == rate


def test_what_is_sent_is_what_was_in_sight() -> None:
    row = shown(BTC, D("68500.00"))
    assert ticket.sent_rate(posted(row), BTC) == D("68500.00")
    assert ticket.sent_rate(posted(row, rate="68600"), BTC) == D("68600")
    with pytest.raises(NotWorkedOut):
        ticket.sent_rate(posted(row, margin="30"), BTC)
    with pytest.raises(NotWorkedOut):
        ticket.sent_rate(posted(row, profit="30"), BTC)
    with pytest.raises(Unreadable):
        ticket.sent_rate({}, BTC)


@pytest.mark.parametrize("typed", [{"rate": "6850"}, {"rate": "9" * 19}, {"rate": "nan"}, {"margin": "-20000"}, {"profit": "9" * 20}])
def test_what_is_no_price_of_the_pair_is_refused(typed: dict[str, str]) -> None:
    size = Size(Side.BUY, D(25), D(685000), D("0.01"))
    with pytest.raises(Unreadable):
        ticket.rate_of(posted(shown(size, D(685000)), **typed), size, "margin")


@given(st.dictionaries(st.sampled_from([f"{n}_buy" for n in ("rate", "margin", "profit", "shown")]), st.text(max_size=30)))
def test_no_form_is_more_than_a_refusal(form: dict[str, str]) -> None:
    try:
        ticket.rate_of(form, BTC, "margin")
    except Unreadable:
        return
