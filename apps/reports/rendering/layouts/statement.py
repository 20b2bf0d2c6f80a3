"""A client's statement of one account: deals, balances, movements, what is open."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

from apps.core import money

from ..rows import BlotterRow, Holder, Issuer, Movement, OpenObligation
from ..table import Document, Row, Table, clock_time, columns, figure
from .words import Scales, long_date, short, stamp, yours

STATEMENT_HEADER = (
    "record", "account", "asset", "time", "reference", "description", "amount", "balance", "instrument", "side", "quantity", "price", "fee",
    "client_pays", "client_pays_asset", "client_receives", "client_receives_asset", "value_date", "direction", "outstanding", "status",
)  # fmt: skip
_SAID = {
    "DEAL": "Deal",
    "SET_OFF": "Set-off under payment netting",
    "RECEIPT_APPLIED": "Payment received",
    "PAYMENT_SENT": "Payment to you",
    "REVERSAL": "Payment returned",
    "ADJUSTMENT": "Adjustment",
    "CLOSE_OUT": "Close-out",
}


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
    holder: Holder,
    account: Account,
    deals: Sequence[BlotterRow],
    obligations: Sequence[OpenObligation],
    chain: tuple[int | None, str] = (None, ""),
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
            value_date=o.value_date.isoformat(), direction=yours(o.direction), status=o.status,
        )  # fmt: skip
    if chain[0] is not None:
        yield cells("AUDIT_CHAIN", reference=str(chain[0]), description=chain[1])


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
    sealed: str = "",
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
            o.value_date.isoformat(), yours(o.direction).capitalize(), short(o.deal), o.asset, figure(o.amount, scales[o.asset]),
            figure(o.outstanding, scales[o.asset]), o.status.replace("_", " ").capitalize(),
        ])
        for o in obligations
    ]  # fmt: skip
    return Document(
        title="Account statement",
        issuer=issuer,
        reference=f"Statement {number}" + (f", correction {version - 1}" if version > 1 else ""),
        generated=generated,
        sealed=sealed,
        facts=[
            ("Client", holder.client_name),
            ("Account", holder.account_code),
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
                columns(
"Asset 12 | Opening 30> | Movements 30> | Closing 30>"
),
                [
                    Row([
                        asset, figure(account.opening[asset], scales[asset]),
                        figure(account.closing[asset] - account.opening[asset], scales[asset]), figure(account.closing[asset],
                        scales[asset]),
                    ])
                    for asset in account.assets
                ],
                "No balances.",
            ),
            Table(
                "Deals of the day",
                columns(
"Time (UTC) 14 | Deal 20 | Instrument 16 | Side 9 | Quantity 22> | Price 18> | You pay 28> | "
"You receive 28> | Value date 17>"
),
                dealt,
                "No deals on this date.",
            ),
            *(
                Table(
                    f"Movements in {asset}",
                    columns(
"Time (UTC) 14 | Reference 22 | Description 62 | Amount 30> | Balance 30>"
),
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
                columns(
"Value date 16 | Direction 18 | Deal 20 | Asset 10 | Amount 28> | Outstanding 28> | Status 18"
),
                open_,
                "Nothing is open.",
            ),
        ],
        notes=[
            "Balances are positive where we owe you, negative where you owe us. They count what was dealt and settled up to the end "
            "of the business date, including what is due on a later value date; "
            "open obligations are as of the time this statement was generated.",
            "Please tell us within two business days if this statement does not agree with your records.",
        ],
    )  # fmt: skip
