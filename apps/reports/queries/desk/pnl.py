"""What each book holds and earned on a business date: out of the ledger, at live marks or at approved ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from apps.core import db, money
from apps.instruments import queries as instruments
from apps.ledger import queries as ledger
from apps.ledger.states import RESULT
from apps.pricing import queries as pricing
from apps.pricing.rules import Composite
from apps.pricing.rules.conversion import convert
from apps.pricing.rules.limits import Limit, Standing
from apps.trades import rules
from apps.trades.rules import CORRECTION, Explained, Flow, Holding

# Entries of the result side by book, kind and asset, long positive; POSITION only where it is no deal.
_MOVED = """
SELECT a.book_id, CASE WHEN a.kind <> 'POSITION' THEN a.kind WHEN t.kind IN ('DEAL', 'HEDGE', 'INTERNAL') THEN '' ELSE %(correction)s END,
  a.asset_code, t.business_date = %(day)s, -sum(l.amount)
FROM ledger_ledgertransaction t JOIN ledger_ledgerline l ON l.transaction_id = t.id JOIN ledger_ledgeraccount a ON a.id = l.account_id
WHERE t.entity_id = %(entity)s AND t.business_date >= %(day)s AND a.kind = ANY (%(result)s) AND a.book_id IS NOT NULL
GROUP BY 1, 2, 3, 4
"""
# Each deal in the eyes of the book: what it put into the position. A client's fee is apart from the position, a hedge's too.
_FLOWS = """
WITH deals AS (
  SELECT t.kind, t.book_id, t.to_book_id, p.base_id, p.quote_id, v.reference_mid AS mid, v.trader_rate,
    CASE WHEN (v.side = 'buy') = (t.kind <> 'CLIENT') THEN 1 ELSE -1 END AS way,
    CASE v.side WHEN 'buy' THEN v.receives ELSE v.pays END AS base,
    CASE WHEN t.kind <> 'CLIENT' THEN CASE v.side WHEN 'buy' THEN v.pays ELSE v.receives END
         WHEN v.side = 'buy' THEN v.pays - v.fee ELSE v.receives + v.fee END AS quote
  FROM ledger_ledgertransaction x
  JOIN trades_trade t ON t.id = x.source_id
  JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = 1
  JOIN instruments_pair p ON p.code = t.pair_id
  WHERE x.entity_id = %(entity)s AND x.business_date = %(day)s AND x.kind IN ('DEAL', 'HEDGE', 'INTERNAL')
), entries AS (
  SELECT kind, book_id, base_id, quote_id, mid, trader_rate, way * base AS base, -way * quote AS quote FROM deals
  UNION ALL
  SELECT kind, to_book_id, base_id, quote_id, mid, trader_rate, -way * base, way * quote FROM deals WHERE to_book_id IS NOT NULL
)
SELECT book_id, kind, base_id, quote_id, mid IS NOT NULL, count(*), sum(base), sum(quote), coalesce(sum(base * mid), 0),
  coalesce(sum(quote + base * trader_rate) FILTER (WHERE kind = 'CLIENT' AND mid IS NOT NULL), 0),
  coalesce(sum(base) FILTER (WHERE base > 0), 0), coalesce(-sum(quote) FILTER (WHERE base > 0), 0),
  coalesce(-sum(base) FILTER (WHERE base < 0), 0), coalesce(sum(quote) FILTER (WHERE base < 0), 0)
FROM entries GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """What one unit is worth in the reporting currency now. `as_of` is the oldest price it was made of, None for the currency itself."""

    price: Decimal
    as_of: datetime | None
    is_stale: bool
    source: str  # pairs, or "closing mark"


@dataclass(frozen=True, slots=True)
class Line:
    """One asset of one book."""

    holding: Holding
    mark: Mark | None
    rate: Decimal | None
    limit: Limit | None

    @property
    def standing(self) -> str:
        return str(Standing.INSIDE if self.limit is None else self.limit.standing(self.holding.position))

    @property
    def used(self) -> int:
        """Of the hard limit, in percent; the bar ends at 100."""
        return 0 if self.limit is None else min(100, int(abs(self.holding.position) * 100 / self.limit.hard))


@dataclass(frozen=True, slots=True)
class BookResult:
    """A book's lines and its day's profit; None with the assets without a mark where it cannot be told."""

    id: UUID
    code: str
    lines: list[Line]
    profit: Explained | None
    unmarked: list[str]
    flows: list[Flow]

    @property
    def value(self) -> Decimal | None:
        """Σ position × mark: the profit since inception."""
        values = [line.holding.value for line in self.lines]
        return None if any(v is None for v in values) else sum((v for v in values if v is not None), money.ZERO)

    @property
    def is_stale(self) -> bool:
        return any(line.mark is not None and line.mark.is_stale for line in self.lines if line.holding.position)


def live_marks(currency: str, composites: Mapping[str, Composite], closing: Mapping[str, Decimal], now: datetime) -> dict[str, Mark]:
    """Each asset by the composites' mids; by its last closing mark, stale, where they do not lead to the currency.

    A price older than its pair's policy lets a quote be is shown and flagged.
    """
    oldest = {p.pair_code: timedelta(milliseconds=p.max_price_age_ms) for p in pricing.list_policies()}
    mids = {pair: depth.mid for pair, depth in composites.items() if depth.is_dealable}
    out = {}
    for asset in instruments.list_assets():
        found = convert(asset.code, currency, mids)
        if found is not None:
            late = any(now - composites[p].as_of > oldest.get(p, timedelta(seconds=5)) for p in found.pairs)
            as_of = min((composites[p].as_of for p in found.pairs), default=None)
            out[asset.code] = Mark(found.price, as_of, late, " × ".join(found.pairs))
        elif asset.code in closing:
            out[asset.code] = Mark(closing[asset.code], None, True, "closing mark")
    return out


def closing_marks(currency: str, marks: Mapping[str, Decimal]) -> dict[str, Mark]:
    """Approved ones."""
    return {asset: Mark(price, None, False, "approved mark") for asset, price in {**marks, currency: Decimal(1)}.items()}


def list_results(entity_id: UUID, currency: str, day: date, marks: Mapping[str, Mark]) -> list[BookResult]:
    """Every book of an entity at the end of `day` (now, where it is today), valued at `marks`.

    The day begins with the position at the last approved marks before it.
    """
    before = {**(pricing.find_last_marks(entity_id, day) or {}), currency: Decimal(1)}
    params = {"entity": entity_id, "day": day, "result": [str(kind) for kind in RESULT], "correction": CORRECTION}
    moved: dict[UUID, list[tuple[str, str, bool, Decimal]]] = {}
    for book_id, kind, asset, is_of_day, amount in db.run(_MOVED, params):
        moved.setdefault(book_id, []).append((kind, asset, is_of_day, amount))
    flows: dict[UUID, list[Flow]] = {}
    for book_id, *row in db.run(_FLOWS, params):
        flows.setdefault(book_id, []).append(Flow(*row))
    limits = {(one.book_id, one.asset_code): Limit(one.soft, one.hard) for one in pricing.list_position_limits()}
    prices = {asset: mark.price for asset, mark in marks.items()}
    out = []
    for book in instruments.list_books(entity_id):
        now = ledger.list_positions(entity_id, book.id)
        mine = moved.get(book.id, [])
        later = _sum(mine, of_day=False)
        today = _sum(mine, of_day=True)
        holdings = [
            Holding(
                asset=asset,
                opening=amount - later.get(asset, money.ZERO) - today.get(asset, money.ZERO),
                position=amount - later.get(asset, money.ZERO),
                closing_mark=before.get(asset),
                mark=prices.get(asset),
            )
            for asset, amount in now.items()
        ]
        beside: dict[tuple[str, str], Decimal] = {}
        for kind, asset, is_of_day, amount in mine:
            if kind and is_of_day:
                beside[kind, asset] = beside.get((kind, asset), money.ZERO) + amount
        own = flows.get(book.id, [])
        unmarked = sorted({*rules.find_unmarked(holdings), *(a for f in own for a in (f.base_asset, f.quote_asset) if a not in prices)})
        lines = [Line(h, marks.get(h.asset), rules.average_rate(h, own, prices), limits.get((book.id, h.asset))) for h in holdings]
        out.append(BookResult(book.id, book.code, lines, None if unmarked else rules.explain(holdings, own, beside), unmarked, own))
    return out


def _sum(moved: list[tuple[str, str, bool, Decimal]], *, of_day: bool) -> dict[str, Decimal]:
    out: dict[str, Decimal] = {}
    for _, asset, is_of_day, amount in moved:
        if is_of_day is of_day:
            out[asset] = out.get(asset, money.ZERO) + amount
    return out
