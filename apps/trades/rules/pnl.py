"""What a book earned on a business date, and where it came from.

A position of an asset is worth position × mark in the reporting currency, so the day's profit is what the position is worth now less what
it was worth at the closing marks before. The ledger's own entries make the position: nothing can be earned beside it. Each deal enters the
position at the mid at which it was dealt, which splits the profit without a rest (Rule: P(now)·m(now) − P(open)·m(close) =
P(open)·(m(now) − m(close)) + Σ entries·m(now), and an entry's worth = its spread at its mid + what the mid has moved since):

* inventory: opening position × change of mark, and each deal's base × (mark now − its mid)
* sales margin: between the trader's rate and what the client paid; trading spread: between mid and the trader's rate
* slippage: between mid and what a hedge cost; internal: between mid and what the other book was charged
* fees, costs, commissions, adjustments: entries of those accounts
* unexplained: what is left. Deals without a mid end there whole.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal

from apps.core import money

CORRECTION = "CORRECTION"  # POSITION entries of reversals and of whatever is no deal
_PARTS = {
    "FEE_INCOME": "fees", "COST": "costs", "COMMISSION": "commissions", "ROUNDING": "adjustments", "WRITE_OFF": "adjustments",
    CORRECTION: "adjustments",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Holding:
    """One asset of one book, long positive. Marks are prices of one unit in the reporting currency, None where there is none."""

    asset: str
    opening: Decimal
    position: Decimal
    closing_mark: Decimal | None
    mark: Decimal | None

    @property
    def value(self) -> Decimal | None:
        return money.ZERO if not self.position else None if self.mark is None else self.position * self.mark

    @property
    def opening_value(self) -> Decimal | None:
        return money.ZERO if not self.opening else None if self.closing_mark is None else self.opening * self.closing_mark

    @property
    def result(self) -> Decimal | None:
        """The day's profit in this asset alone: of a book, only the sum over its assets says anything."""
        now, before = self.value, self.opening_value
        return None if now is None or before is None else now - before


@dataclass(frozen=True, slots=True)
class Flow:
    """The deals of a day of one book, pair and kind, summed. `base` and `quote` are what they put into the position, long positive.

    `at_mid` is Σ base × mid and `sales` the sum of client margins over the trader's rate, in quote; without a mid both are zero.
    """

    kind: str  # CLIENT, HEDGE, INTERNAL
    base_asset: str
    quote_asset: str
    has_mid: bool
    deals: int
    base: Decimal
    quote: Decimal
    at_mid: Decimal
    sales: Decimal
    bought: Decimal  # the part of base above zero, and what it cost in quote
    bought_for: Decimal
    sold: Decimal
    sold_for: Decimal


@dataclass(frozen=True, slots=True)
class Explained:
    """A day's profit by source, in the reporting currency; the parts sum to `total` exactly."""

    sales: Decimal
    trading: Decimal
    fees: Decimal
    inventory: Decimal
    slippage: Decimal
    internal: Decimal
    costs: Decimal
    commissions: Decimal
    adjustments: Decimal
    unexplained: Decimal

    @property
    def charges(self) -> Decimal:
        return self.costs + self.commissions

    @property
    def total(self) -> Decimal:
        return sum((getattr(self, f.name) for f in fields(self)), money.ZERO)


def find_unmarked(holdings: Iterable[Holding]) -> list[str]:
    """Assets without which no profit can be told: held now without a mark, or before without a closing mark."""
    return sorted(h.asset for h in holdings if h.result is None)


def explain(holdings: Sequence[Holding], flows: Iterable[Flow], moved: Mapping[tuple[str, str], Decimal]) -> Explained:
    """The day's profit by source. Every asset has its marks (`find_unmarked`).

    :param moved: by (kind of ledger account, or CORRECTION; asset): what went into the position beside deals, long positive
    """
    marks = {h.asset: h.mark for h in holdings if h.mark is not None}
    parts = {f.name: money.ZERO for f in fields(Explained)}
    for h in holdings:
        if h.opening:
            assert h.mark is not None and h.closing_mark is not None
            parts["inventory"] += h.opening * (h.mark - h.closing_mark)
    for flow in flows:
        if not flow.has_mid:
            continue
        base, quote = marks[flow.base_asset], marks[flow.quote_asset]
        parts["inventory"] += flow.base * base - flow.at_mid * quote
        spread = flow.quote + flow.at_mid
        if flow.kind == "CLIENT":
            parts["sales"] += flow.sales * quote
            parts["trading"] += (spread - flow.sales) * quote
        else:
            parts["slippage" if flow.kind == "HEDGE" else "internal"] += spread * quote
    for (kind, asset), amount in moved.items():
        if amount:
            parts[_PARTS[kind]] += amount * marks[asset]
    total = sum((h.result for h in holdings if h.result is not None), money.ZERO)
    parts["unexplained"] = total - sum(parts.values(), money.ZERO)
    return Explained(**parts)


def average_rate(holding: Holding, flows: Iterable[Flow], marks: Mapping[str, Decimal]) -> Decimal | None:
    """At what the open position was entered on average: the opening part at the closing mark, the day's deals on its side at their price.

    In the reporting currency, for assets dealt as the base of a pair; None where the position is flat or nothing is known.
    """
    if not holding.position:
        return None
    is_long = holding.position > 0
    quantity = cost = money.ZERO
    if holding.opening and (holding.opening > 0) == is_long and holding.closing_mark is not None:
        quantity, cost = abs(holding.opening), abs(holding.opening) * holding.closing_mark
    for flow in flows:
        if flow.base_asset == holding.asset and flow.quote_asset in marks:
            quantity += flow.bought if is_long else flow.sold
            cost += (flow.bought_for if is_long else flow.sold_for) * marks[flow.quote_asset]
    return cost / quantity if quantity else None
