"""A day's profit is what the ledger's position is worth, and its parts sum to it exactly."""

from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from apps.core import money
from apps.trades.rules import CORRECTION, Flow, Holding, average_rate, explain, find_unmarked

ASSETS = ("BTC", "EUR", "USD")
PAIRS = (("BTC", "USD"), ("BTC", "EUR"), ("EUR", "USD"))
signed = st.decimals(min_value="-1000000", max_value="1000000", places=8)
prices = st.decimals(min_value="0.00000001", max_value="100000", places=18)
marks = st.fixed_dictionaries({"BTC": prices, "EUR": prices, "USD": st.just(D(1))})


@st.composite
def deals(draw: st.DrawFn) -> tuple[str, str, str, D, D, D, D | None]:
    """kind, base, quote, what it put into both, its mid, the trader's rate"""
    kind = draw(st.sampled_from(["CLIENT", "HEDGE", "INTERNAL"]))
    base, quote = draw(st.sampled_from(PAIRS))
    trader = draw(st.none() | prices) if kind == "CLIENT" else None
    return kind, base, quote, draw(signed), draw(signed), draw(prices), trader


def flow(kind: str, base: str, quote: str, b: D, q: D, mid: D | None, trader: D | None) -> Flow:
    sales = q + b * trader if trader is not None and mid is not None else D(0)
    bought, sold = (b, D(0)) if b > 0 else (D(0), -b)
    at_mid = D(0) if mid is None else b * mid
    return Flow(kind, base, quote, mid is not None, 1, b, q, at_mid, sales, bought, -q if b > 0 else D(0), sold, q if b < 0 else D(0))


def setup_module() -> None:
    money.use_exact_context()


KINDS = ["FEE_INCOME", "COST", "COMMISSION", "ROUNDING", "WRITE_OFF", CORRECTION]
others = st.dictionaries(st.tuples(st.sampled_from(KINDS), st.sampled_from(ASSETS)), signed, max_size=5)


@given(
    opening=st.fixed_dictionaries(dict.fromkeys(ASSETS, signed)), before=marks, now=marks, dealt=st.lists(deals(), max_size=6),
    beside=others,
)  # fmt: skip
def test_every_part_has_a_name_and_the_sum_is_the_ledgers(opening, before, now, dealt, beside) -> None:  # type: ignore[no-untyped-def]
    flows = [flow(*one) for one in dealt]
    position = dict(opening)
    for f in flows:
        position[f.base_asset] += f.base
        position[f.quote_asset] += f.quote
    for (_, asset), amount in beside.items():
        position[asset] += amount
    holdings = [Holding(a, opening[a], position[a], before[a], now[a]) for a in ASSETS]
    found = explain(holdings, flows, beside)
    assert found.total == sum(position[a] * now[a] - opening[a] * before[a] for a in ASSETS)
    assert found.unexplained == 0


@given(marks, signed, signed)
def test_a_deal_without_a_mid_is_unexplained_and_nothing_else(now, b: D, q: D) -> None:  # type: ignore[no-untyped-def]
    holdings = [Holding("BTC", D(0), b, None, now["BTC"]), Holding("USD", D(0), q, None, D(1))]
    found = explain(holdings, [flow("HEDGE", "BTC", "USD", b, q, None, None)], {})
    assert found.unexplained == found.total == b * now["BTC"] + q
    assert found.slippage == found.inventory == 0


def test_the_parts_of_one_day_by_hand() -> None:
    # Long 10 BTC at a closing mark of 20,000; BTC is at 20,100 now. A client buys 2 at 20,030 (mid 20,010, trader 20,020), fee 8;
    # we buy 1 back at 20,060 when the mid is 20,050, for an LP fee of 4.
    flows = [
        flow("CLIENT", "BTC", "USD", D(-2), D(40060), D(20010), D(20020)),
        flow("HEDGE", "BTC", "USD", D(1), D(-20060), D(20050), None),
    ]
    holdings = [Holding("BTC", D(10), D(9), D(20000), D(20100)), Holding("USD", D(0), D(40060 - 20060 + 8 - 4), D(1), D(1))]
    found = explain(holdings, flows, {("FEE_INCOME", "USD"): D(8), ("COST", "USD"): D(-4)})
    assert (found.sales, found.trading, found.slippage, found.fees, found.costs) == (D(20), D(20), D(-10), D(8), D(-4))
    assert found.inventory == 10 * 100 - 2 * (20100 - 20010) + 1 * (20100 - 20050) == 870
    assert (found.total, found.unexplained) == (D(904), D(0))
    assert average_rate(holdings[0], flows, {"USD": D(1)}) == D(10 * 20000 + 20060) / 11


def test_a_flat_position_has_no_rate_and_an_asset_without_a_mark_is_named() -> None:
    flat = Holding("BTC", D(0), D(0), None, None)
    assert average_rate(flat, [], {}) is None
    assert find_unmarked([flat, Holding("JPY", D(0), D(5), None, None), Holding("EUR", D(1), D(0), None, None)]) == ["EUR", "JPY"]
