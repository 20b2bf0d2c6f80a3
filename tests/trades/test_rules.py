"""Ledger lines and comparisons without a database."""

from decimal import Decimal as D
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from apps.ledger.rules import sums
from apps.ledger.states import Kind
from apps.trades.rules import Economics, Figures, compare, hedge_lines, internal_lines

ENTITY, BOOK, OTHER, VENUE = (UUID(int=n) for n in range(1, 5))
amounts = st.decimals(min_value="0.00000001", max_value="1000000000", places=8)
deals = st.builds(
    Economics, side=st.sampled_from(["buy", "sell"]), base=st.just("BTC"), quote=st.just("USD"), pays=amounts, receives=amounts, fee=amounts
)


def position(lines, book, asset):  # type: ignore[no-untyped-def]
    return -sum((x.amount for x in lines if (x.ref.kind, x.ref.book_id, x.ref.asset) == (Kind.POSITION, book, asset)), D(0))


@given(deals)
def test_an_internal_trade_sums_to_zero_and_moves_risk_from_book_to_book(deal: Economics) -> None:
    lines = internal_lines(deal, entity_id=ENTITY, book_id=BOOK, to_book_id=OTHER)
    assert set(sums(lines).values()) == {D(0)}
    assert {x.ref.kind for x in lines} == {Kind.POSITION}
    gets, gives = ("BTC", "USD") if deal.side == "buy" else ("USD", "BTC")
    assert (position(lines, BOOK, gets), position(lines, BOOK, gives)) == (deal.receives, -deal.pays)
    assert (position(lines, OTHER, gets), position(lines, OTHER, gives)) == (-deal.receives, deal.pays)


@given(deals)
def test_a_hedge_sums_to_zero_and_moves_our_position_by_what_we_get_and_give(deal: Economics) -> None:
    lines = hedge_lines(deal, entity_id=ENTITY, book_id=BOOK, venue_id=VENUE)
    assert set(sums(lines).values()) == {D(0)}
    gets, gives = ("BTC", "USD") if deal.side == "buy" else ("USD", "BTC")
    assert (position(lines, BOOK, gets), position(lines, BOOK, gives)) == (deal.receives, -deal.pays)


figures = st.builds(
    Figures,
    instrument=st.sampled_from(["BTC-USD", "ETH-USD"]),
    side=st.sampled_from(["buy", "sell"]),
    quantity=amounts,
    price=amounts,
    fee=amounts,
)


@given(figures, figures)
def test_a_hedge_agrees_with_the_record_exactly_when_every_figure_is_equal(ours: Figures, theirs: Figures) -> None:
    assert compare(ours, ours) == []
    assert (compare(ours, theirs) == []) == (ours == theirs)


def test_equal_amounts_written_otherwise_are_equal_and_a_missing_execution_is_one_difference() -> None:
    one = Figures("BTC-USD", "buy", D("1.50"), D("20000"), D("3"))
    assert compare(one, Figures("BTC-USD", "buy", D("1.5"), D("2E+4"), D("3.00"))) == []
    assert [(d.field, d.ours, d.theirs) for d in compare(one, None)] == [("execution_id", "booked", "missing")]
    assert [(d.field, d.ours, d.theirs) for d in compare(one, Figures("BTC-USD", "sell", D("1.5"), D("20001"), D("3")))] == [
        ("side", "buy", "sell"),
        ("price", "20000", "20001"),
    ]
