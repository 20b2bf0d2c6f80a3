"""What stands where in each report: rows of the database to tables for people and cells for machines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from apps.core import money
from apps.reports.rules import BlotterRow, Holder, Issuer, Movement, OpenObligation, PositionRow

from .table import Column, Document, Row, Table, clock_time, figure

Scales = Mapping[str, int]

BLOTTER_HEADER = (
    "deal", "kind", "status", "version", "booked_at", "trade_date", "value_date", "counterparty", "account", "instrument", "side", "quantity",
    "base", "price", "quote_quantity", "quote", "fee", "pays", "pays_asset", "receives", "receives_asset", "reference_mid", "margin", "source",
    "reference", "covers", "settlement_status",
)  # fmt: skip
POSITION_HEADER = (
    "business_date", "asset", "opening", "client_deals", "hedges", "other", "closing", "have", "mark", "value", "currency",
    "previous_mark", "previous_value", "profit_of_the_day",
)  # fmt: skip
STATEMENT_HEADER = (
    "record", "account", "asset", "time", "reference", "description", "amount", "balance", "instrument", "side", "quantity", "price", "fee",
    "client_pays", "client_pays_asset", "client_receives", "client_receives_asset", "value_date", "direction", "outstanding", "status",
)  # fmt: skip
_SAID = {
    "DEAL": "Deal", "SET_OFF": "Set-off under payment netting", "RECEIPT_APPLIED": "Payment received", "PAYMENT_SENT": "Payment sent",
    "DEPOSIT": "Deposit", "WITHDRAWAL": "Withdrawal",
}  # fmt: skip


# --- blotter ----------------------------------------------------------------------------------------------------------
def blotter_cells(deals: Iterable[BlotterRow]) -> Iterator[Sequence[str]]:
    for d in deals:
        yield (
            d.deal, d.kind, d.status, str(d.version), stamp(d.booked_at), d.trade_date.isoformat(), d.value_date.isoformat(), d.counterparty,
            d.account, d.pair, d.side, money.text(d.quantity), d.base, money.text(d.price), money.text(d.quote_quantity), d.quote,
            money.text(d.fee), money.text(d.pays), d.pays_asset, money.text(d.receives), d.receives_asset, plain(d.reference_mid),
            plain(d.margin), d.source, d.reference, d.covers, d.settlement,
        )  # fmt: skip


def blotter(issuer: Issuer, on: date, generated: datetime, version: int, deals: Sequence[BlotterRow], scales: Scales) -> Document:
    columns = [
        Column("Time (UTC)", 13), Column("Deal", 26), Column("Kind", 11), Column("Counterparty", 18), Column("Instrument", 14),
        Column("Side", 8), Column("Quantity", 23, True), Column("Price", 18, True), Column("Quote amount", 24, True), Column("Fee", 14, True),
        Column("Margin", 16, True), Column("Value date", 15), Column("Settlement", 17),
    ]  # fmt: skip
    rows = [
        Row([
            clock_time(d.booked_at), short(d.deal), d.kind if d.status == "ACTIVE" else d.status, d.counterparty, d.pair, d.side,
            figure(d.quantity, scales[d.base]), figure(d.price, 2), figure(d.quote_quantity, scales[d.quote]), figure(d.fee, scales[d.quote]),
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
        tables=[_turnover(deals, scales), Table("Deals", columns, rows, "No deals on this date.")],
        notes=[
            "Client deals are shown from the client's side, hedges from ours. Margin is the client's price against the trader's, in the quote asset."
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
    columns = [
        Column("Instrument", 16), Column("Kind", 14), Column("Deals", 9, True), Column("Bought (base)", 26, True), Column("Sold (base)", 26, True),
        Column("Turnover (quote)", 28, True), Column("Fees (quote)", 20, True), Column("Margin (quote)", 20, True),
    ]  # fmt: skip
    return Table("Turnover", columns, rows, "No turnover.")


# --- position ---------------------------------------------------------------------------------------------------------
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
        on.isoformat(), "TOTAL", "", "", "", "", "", "", "", money.text(total), currency, "", money.text(before), money.text(total - before),
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
                [
                    Column("Asset", 9), Column("Opening", 22, True), Column("Client deals", 22, True), Column("Hedges", 22, True),
                    Column("Fees, costs, other", 19, True), Column("Closing", 22, True), Column("Mark", 16, True),
                    Column(f"Value {issuer.currency}", 22, True), Column("Change in value", 20, True),
                ],
                rows,
            ),
            Table(
                "Position identity",
                [Column("Asset", 9), Column("What we have and owe", 30, True), Column("Net open position", 30, True), Column("Difference", 20, True), Column("", 14)],
                identity,
            ),
            Table(
                "Hedges of the day",
                [
                    Column("Time (UTC)", 12), Column("Counterparty", 18), Column("Instrument", 14), Column("Our side", 10),
                    Column("Quantity", 22, True), Column("Price", 18, True), Column("Quote amount", 24, True), Column("Fee", 14, True),
                    Column("Execution", 24), Column("Covers", 24),
                ],
                covered,
                "No hedges on this date.",
            ),
        ],
        notes=[
            "Long positions are positive. P&L since inception is the sum of net open positions at approved closing marks; the P&L of the day is "
            "the total change in value since the last approved marks, deals included."
        ],
        landscape=True,
    )  # fmt: skip


# --- statement --------------------------------------------------------------------------------------------------------
class Account:
    """Movements of one account by asset: opening, each movement with the balance after it, closing."""

    def __init__(self, movements: Iterable[Movement], deals: Sequence[BlotterRow]) -> None:
        named = {d.deal: f"Deal: {d.side} {money.text(d.quantity)} {d.base} at {money.text(d.price)} {d.quote}" for d in deals}
        self.opening: dict[str, Decimal] = {}
        self.moves: dict[str, list[tuple[Movement, str, Decimal]]] = {}
        self.closing: dict[str, Decimal] = {}
        for one in movements:
            if not one.kind:
                self.opening[one.asset] = self.closing[one.asset] = one.amount
                continue
            self.opening.setdefault(one.asset, money.ZERO)
            balance = self.closing.get(one.asset, money.ZERO) + one.amount
            said = named.get(one.reference) or _SAID.get(one.kind) or one.kind.replace("_", " ").capitalize()
            self.moves.setdefault(one.asset, []).append((one, said, balance))
            self.closing[one.asset] = balance

    @property
    def assets(self) -> list[str]:
        """Those with a balance or a movement."""
        return sorted(a for a in self.opening if self.opening[a] or self.closing[a] or a in self.moves)


def statement_cells(
    holder: Holder, account: Account, deals: Sequence[BlotterRow], obligations: Sequence[OpenObligation]
) -> Iterator[Sequence[str]]:
    def cells(record: str, **given: str) -> Sequence[str]:
        return [given.get(name, {"record": record, "account": holder.account_code}.get(name, "")) for name in STATEMENT_HEADER]

    for d in deals:
        yield cells(
            "DEAL", time=stamp(d.booked_at), reference=d.deal, description=d.reference, instrument=d.pair, side=d.side,
            quantity=money.text(d.quantity), price=money.text(d.price), fee=money.text(d.fee), client_pays=money.text(d.pays),
            client_pays_asset=d.pays_asset, client_receives=money.text(d.receives), client_receives_asset=d.receives_asset,
            value_date=d.value_date.isoformat(), status=d.settlement,
        )  # fmt: skip
    for asset in account.assets:
        yield cells("OPENING", asset=asset, balance=money.text(account.opening[asset]))
        for one, said, balance in account.moves.get(asset, ()):
            yield cells(
                "MOVEMENT", asset=asset, time=stamp(one.at), reference=one.reference, description=said, amount=money.text(one.amount),
                balance=money.text(balance),
            )  # fmt: skip
        yield cells("CLOSING", asset=asset, balance=money.text(account.closing[asset]))
    for o in obligations:
        yield cells(
            "OPEN_OBLIGATION", asset=o.asset, reference=o.deal, amount=money.text(o.amount), outstanding=money.text(o.outstanding),
            value_date=o.value_date.isoformat(), direction=_yours(o.direction), status=o.status,
        )  # fmt: skip


def statement(
    issuer: Issuer,
    holder: Holder,
    on: date,
    generated: datetime,
    number: str,
    version: int,
    account: Account,
    deals: Sequence[BlotterRow],
    obligations: Sequence[OpenObligation],
    scales: Scales,
) -> Document:
    dealt = [
        Row([
            clock_time(d.booked_at), short(d.deal), d.pair, d.side, figure(d.quantity, scales[d.base]), figure(d.price, 2),
            f"{figure(d.pays, scales[d.pays_asset])} {d.pays_asset}", f"{figure(d.receives, scales[d.receives_asset])} {d.receives_asset}",
            d.value_date.isoformat(),
        ])
        for d in deals
    ]  # fmt: skip
    open_ = [
        Row([
            o.value_date.isoformat(), _yours(o.direction).capitalize(), short(o.deal), o.asset, figure(o.amount, scales[o.asset]),
            figure(o.outstanding, scales[o.asset]), o.status.replace("_", " ").capitalize(),
        ])
        for o in obligations
    ]  # fmt: skip
    return Document(
        title="Account statement",
        issuer=issuer,
        reference=f"Statement {number}" + (f", correction {version - 1}" if version > 1 else ""),
        generated=generated,
        facts=[
            ("Client", holder.client_name),
            ("Account", f"{holder.account_name} ({holder.account_code})"),
            ("Statement number", number),
            ("Business date", long_date(on)),
            ("LEI", holder.client_lei or "not given"),
            ("Settlement", {"CREDIT": "On credit", "CLIENT_FIRST": "Client first", "PREFUNDED": "Prefunded"}.get(holder.mode, holder.mode)),
            ("Deals of the day", str(len(deals))),
            ("Open obligations", str(len(obligations))),
        ],
        tables=[
            Table(
                "Balances",
                [Column("Asset", 12), Column("Opening", 30, True), Column("Movements", 30, True), Column("Closing", 30, True)],
                [
                    Row([
                        asset, figure(account.opening[asset], scales[asset]),
                        figure(account.closing[asset] - account.opening[asset], scales[asset]), figure(account.closing[asset], scales[asset]),
                    ])
                    for asset in account.assets
                ],
                "No balances.",
            ),
            Table(
                "Deals of the day",
                [
                    Column("Time (UTC)", 14), Column("Deal", 20), Column("Instrument", 16), Column("Side", 9), Column("Quantity", 22, True),
                    Column("Price", 18, True), Column("You pay", 28, True), Column("You receive", 28, True), Column("Value date", 17, True),
                ],
                dealt,
                "No deals on this date.",
            ),
            *(
                Table(
                    f"Movements in {asset}",
                    [Column("Time (UTC)", 14), Column("Reference", 22), Column("Description", 62), Column("Amount", 30, True), Column("Balance", 30, True)],
                    [
                        Row(["", "", "Opening balance", "", figure(account.opening[asset], scales[asset])], strong=True),
                        *(
                            Row([
                                "" if one.at is None else clock_time(one.at), short(one.reference), said, figure(one.amount, scales[asset]),
                                figure(balance, scales[asset]),
                            ])
                            for one, said, balance in account.moves[asset]
                        ),
                        Row(["", "", "Closing balance", "", figure(account.closing[asset], scales[asset])], strong=True),
                    ],
                )
                for asset in account.assets
                if asset in account.moves
            ),
            Table(
                "Open obligations",
                [
                    Column("Value date", 16), Column("Direction", 18), Column("Deal", 20), Column("Asset", 10), Column("Amount", 28, True),
                    Column("Outstanding", 28, True), Column("Status", 18),
                ],
                open_,
                "Nothing is open.",
            ),
        ],
        notes=[
            "Balances are positive where we owe you, negative where you owe us. They count what was dealt and settled up to the end of the business "
            "date, including what is due on a later value date; open obligations are as of the time this statement was generated.",
            "Please tell us within two business days if this statement does not agree with your records.",
        ],
    )  # fmt: skip


# --- words ------------------------------------------------------------------------------------------------------------
def short(reference: str) -> str:
    """A wire id as people read it: its kind and its last eight characters, which are random."""
    head, _, tail = reference.partition("_")
    return f"{head} {tail[-8:]}" if tail else reference


def stamp(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def plain(value: Decimal | None) -> str:
    return "" if value is None else money.text(value)


def long_date(on: date) -> str:
    return on.strftime("%d %B %Y").lstrip("0")


def _yours(direction: str) -> str:
    return "you receive" if direction == "PAY" else "you pay"
