"""Net open positions with hedges, at approved marks, and P&L."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from apps.core import money

from ..rows import BlotterRow, Issuer, PositionRow
from ..table import Document, Row, Table, clock_time, columns, figure
from .words import Scales, long_date, plain, short

POSITION_HEADER = (
    "business_date", "asset", "opening", "client_deals", "hedges", "other", "closing", "have", "mark", "value", "currency",
    "previous_mark", "previous_value", "profit_of_the_day",
)  # fmt: skip


class Valuation:
    """Positions at approved marks: value now, value before, and the difference, in the marks' currency."""

    def __init__(self, positions: Sequence[PositionRow], marks: Mapping[str, Decimal], before: Mapping[str, Decimal]) -> None:
        self.rows = [
            (
                p,
                marks.get(p.asset),
                self._value(p.closing, marks.get(p.asset)),
                before.get(p.asset),
                self._value(p.opening, before.get(p.asset)),
            )
            for p in positions
        ]
        self.since_inception = sum((row[2] for row in self.rows), money.ZERO)
        self.before = sum((row[4] for row in self.rows), money.ZERO)

    @staticmethod
    def _value(position: Decimal, mark: Decimal | None) -> Decimal:
        return money.ZERO if mark is None else position * mark


def position_cells(on: date, currency: str, valued: Valuation) -> Iterator[Sequence[str]]:
    for p, mark, value, old_mark, old_value in valued.rows:
        yield (
            on.isoformat(), p.asset, money.text(p.opening), money.text(p.client_deals), money.text(p.hedges), money.text(p.other),
            money.text(p.closing), money.text(p.have), plain(mark), money.text(value), currency, plain(old_mark), money.text(old_value),
            money.text(value - old_value),
        )  # fmt: skip
    total, before = valued.since_inception, valued.before
    yield (
        on.isoformat(), "TOTAL", "", "", "", "", "", "", "", money.text(total), currency, "", money.text(before),
        money.text(total - before),
    )  # fmt: skip


def position(
    issuer: Issuer, on: date, generated: datetime, version: int, valued: Valuation, hedges: Sequence[BlotterRow], scales: Scales
) -> Document:
    cents = scales[issuer.currency]

    def worth(value: Decimal) -> str:
        return figure(money.round_even(value, cents), cents)

    rows = [
        Row([
            p.asset, figure(p.opening, p.scale), figure(p.client_deals, p.scale), figure(p.hedges, p.scale), figure(p.other, p.scale),
            figure(p.closing, p.scale), figure(mark, 2), worth(value), worth(value - old_value),
        ])
        for p, mark, value, _, old_value in valued.rows
    ]  # fmt: skip
    day = valued.since_inception - valued.before
    rows.append(Row(["Total", "", "", "", "", "", "", worth(valued.since_inception), worth(day)], strong=True))
    identity = [
        Row(
            [
                p.asset,
                figure(p.have, p.scale),
                figure(p.closing, p.scale),
                figure(p.have - p.closing, p.scale),
                "holds" if p.have == p.closing else "BROKEN",
            ]
        )
        for p, *_ in valued.rows
    ]
    covered = [
        Row([
            clock_time(h.booked_at), h.counterparty, h.pair, h.side, figure(h.quantity, scales[h.base]), figure(h.price, 2),
            figure(h.quote_quantity, scales[h.quote]), figure(h.fee, scales[h.quote]), h.reference, short(h.covers),
        ])
        for h in hedges
    ]  # fmt: skip
    return Document(
        title="Position and P&L",
        issuer=issuer,
        reference=f"Position {issuer.code} {on.isoformat()} v{version}",
        generated=generated,
        facts=[
            ("Business date", long_date(on)),
            ("Valued in", issuer.currency),
            ("P&L since inception", f"{worth(valued.since_inception)} {issuer.currency}"),
            ("P&L of the day", f"{worth(day)} {issuer.currency}"),
        ],
        tables=[
            Table(
                "Net open position at approved closing marks",
                columns(
"Asset 9 | Opening 22> | Client deals 22> | Hedges 22> | Fees, costs, other 19> | Closing 22> | "
f"Mark 16> | Value {issuer.currency} 22> | Change in value 20>"
),
                rows,
            ),
            Table(
                "Position identity",
                columns(
"Asset 9 | What we have and owe 30> | Net open position 30> | Difference 20> | 14"
),
                identity,
            ),
            Table(
                "Hedges of the day",
                columns(
"Time (UTC) 12 | Counterparty 18 | Instrument 14 | Our side 10 | Quantity 22> | Price 18> | "
"Quote amount 24> | Fee 14> | Execution 24 | Covers 24"
),
                covered,
                "No hedges on this date.",
            ),
        ],
        notes=[
            "Long positions are positive. P&L since inception is the sum of net open positions at approved closing marks; "
            "the P&L of the day is the total change in value since the last approved marks, deals included."
        ],
        landscape=True,
    )  # fmt: skip
