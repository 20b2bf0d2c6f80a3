"""The trade blotter: every deal of a business date."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from apps.core import money

from ..rows import BlotterRow, Issuer
from ..table import Document, Row, Table, clock_time, columns, figure
from .words import Scales, long_date, plain, short, stamp

BLOTTER_HEADER = (
    "deal", "kind", "status", "version", "booked_at", "trade_date", "value_date", "counterparty", "account", "instrument", "side",
    "quantity",
    "base", "price", "quote_quantity", "quote", "fee", "pays", "pays_asset", "receives", "receives_asset", "reference_mid", "sales_margin",
    "source",
    "reference", "covers", "settlement_status",
)  # fmt: skip


def blotter_cells(deals: Iterable[BlotterRow]) -> Iterator[Sequence[str]]:
    for d in deals:
        yield (
            d.deal, d.kind, d.status, str(d.version), stamp(d.booked_at), d.trade_date.isoformat(), d.value_date.isoformat(),
            d.counterparty,
            d.account, d.pair, d.side, money.text(d.quantity), d.base, money.text(d.price), money.text(d.quote_quantity), d.quote,
            money.text(d.fee), money.text(d.pays), d.pays_asset, money.text(d.receives), d.receives_asset, plain(d.reference_mid),
            plain(d.margin), d.source, d.reference, d.covers, d.settlement,
        )  # fmt: skip


def blotter(issuer: Issuer, on: date, generated: datetime, version: int, deals: Sequence[BlotterRow], scales: Scales) -> Document:
    heads = columns(
        "Time (UTC) 13 | Deal 26 | Kind 11 | Counterparty 18 | Instrument 14 | Side 8 | Quantity 23> | "
        "Price 18> | Quote amount 24> | Fee 14> | Sales margin 16> | Value date 15 | Settlement 17"
    )
    rows = [
        Row([
            clock_time(d.booked_at), short(d.deal), d.kind if d.status == "ACTIVE" else d.status, d.counterparty, d.pair, d.side,
            figure(d.quantity, scales[d.base]), figure(d.price, 2), figure(d.quote_quantity, scales[d.quote]),
            figure(d.fee, scales[d.quote]),
            "" if d.margin is None else figure(money.round_even(d.margin, scales[d.quote]), scales[d.quote]), d.value_date.isoformat(),
            d.settlement.replace("_", " "),
        ])
        for d in deals
    ]  # fmt: skip
    return Document(
        title="Trade blotter",
        issuer=issuer,
        reference=f"Blotter {issuer.code} {on.isoformat()} v{version}",
        generated=generated,
        facts=[
            ("Business date", long_date(on)),
            ("Booking entity", issuer.name),
            ("Client deals", str(sum(d.kind == "CLIENT" for d in deals))),
            ("Hedges", str(sum(d.kind == "HEDGE" for d in deals))),
        ],
        tables=[_turnover(deals, scales), Table("Deals", heads, rows, "No deals on this date.")],
        notes=[
            "Client deals are shown from the client's side, hedges from ours. "
            "Sales margin is the client's price against the trader's, in the quote asset."
        ],
        landscape=True,
    )


def _turnover(deals: Sequence[BlotterRow], scales: Scales) -> Table:
    by: dict[tuple[str, str], list[BlotterRow]] = {}
    for d in deals:
        if d.status == "ACTIVE":
            by.setdefault((d.pair, d.kind), []).append(d)
    rows = []
    for (pair, kind), some in sorted(by.items()):
        base, quote = scales[some[0].base], scales[some[0].quote]
        bought = sum((d.quantity for d in some if d.side == "buy"), money.ZERO)
        sold = sum((d.quantity for d in some if d.side == "sell"), money.ZERO)
        turnover = sum((d.quote_quantity for d in some), money.ZERO)
        fees = sum((d.fee for d in some), money.ZERO)
        margin = sum((d.margin for d in some if d.margin is not None), money.ZERO)
        rows.append(
            Row([
                pair, kind, str(len(some)), figure(bought, base), figure(sold, base), figure(turnover, quote), figure(fees, quote),
                figure(money.round_even(margin, quote), quote) if kind == "CLIENT" else "",
            ])
        )  # fmt: skip
    heads = columns(
        "Instrument 16 | Kind 14 | Deals 9> | Bought (base) 25> | Sold (base) 25> | "
        "Turnover (quote) 28> | Fees (quote) 20> | Sales margin (quote) 22>"
    )
    return Table("Turnover", heads, rows, "No turnover.")
