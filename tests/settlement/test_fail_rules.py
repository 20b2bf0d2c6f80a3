"""Interest for late days, and what a close-out comes to: arithmetic alone."""

import uuid
from datetime import date
from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from apps.ledger.rules import sums
from apps.settlement.rules import closing_out, interest
from apps.settlement.rules.closing_out import Standing

A, B, ENTITY = (uuid.UUID(int=n) for n in (1, 2, 3))
AMOUNTS = st.decimals(min_value=-(10**9), max_value=10**9, places=8, allow_nan=False)


def test_days_are_counted_by_the_asset() -> None:
    assert [interest.day_count(code, is_money=money) for code, money in (("USD", True), ("GBP", True), ("USDC", True), ("BTC", False))] == [
        360, 365, 360, 365,
    ]  # fmt: skip


def test_interest_is_simple_rounded_once_and_never_negative() -> None:
    given_ = {"amount": D("1000000"), "rate": D("0.06"), "since": date(2026, 9, 16), "scale": 2}
    assert interest.late_interest(**given_, until=date(2026, 9, 18), basis=360) == D("333.33")
    assert interest.late_interest(**given_, until=date(2026, 9, 18), basis=365) == D("328.77")
    assert interest.late_interest(**given_, until=date(2026, 9, 16), basis=360) == 0


@given(btc=AMOUNTS, usd=AMOUNTS, other=AMOUNTS, mark=st.decimals(min_value="0.01", max_value=10**6, places=2))
def test_a_close_out_balances_per_asset_and_leaves_nothing_but_its_amount(btc: D, usd: D, other: D, mark: D) -> None:
    def standing(asset: str, owed: D, *books: tuple[uuid.UUID, D]) -> Standing:
        receivable, payable = (owed, D(0)) if owed > 0 else (D(5), D(5) - owed)
        return Standing(A, asset, receivable, payable, owed, books)

    rows = [standing("BTC", btc, (A, btc - other), (B, other)), standing("USD", usd, (A, usd))]
    assert all(one.is_explained for one in rows)
    amounts, prices = closing_out.totals(rows), {"BTC": mark, "USD": D(1)}
    amount = closing_out.worth(amounts, prices, 2)
    lines = closing_out.lines(rows, entity_id=ENTITY, currency="USD", scale=2, amount=amount, prices=prices, owed_by=A)
    assert not any(sums(lines).values())
    left = {"USD": D(0), "BTC": D(0)}
    for line in lines:
        if line.ref.kind in {"RECEIVABLE", "PAYABLE"}:
            left[line.ref.asset] += line.amount
    assert left == {"BTC": -btc, "USD": amount - usd}, "what was owed is gone, the amount is owed instead"
