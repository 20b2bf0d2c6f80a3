"""A month's fees and adjustments of one account, by asset, with their sums."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

from apps.core import money

from ..rows import Charged, Holder, Issuer
from ..table import Document, Row, Table, columns, figure
from .words import Scales, short

INVOICE_HEADER = ("invoice", "account", "date", "reference", "kind", "description", "asset", "amount")


def sums(charged: Sequence[Charged]) -> dict[str, Decimal]:
    """By asset; positive: the client pays."""
    out: dict[str, Decimal] = {}
    for one in charged:
        out[one.asset] = out.get(one.asset, money.ZERO) + one.amount
    return dict(sorted(out.items()))


def invoice_cells(number: str, holder: Holder, charged: Sequence[Charged]) -> Iterator[Sequence[str]]:
    for one in charged:
        yield [
            number, holder.account_code, one.on.isoformat(), one.reference, one.kind, one.description, one.asset, money.text(one.amount),
        ]  # fmt: skip
    for asset, total in sums(charged).items():
        yield [number, holder.account_code, "", "", "TOTAL", "", asset, money.text(total)]


def invoice(
    issuer: Issuer,
    holder: Holder,
    month_end: date,
    generated: datetime,
    number: str,
    version: int,
    charged: Sequence[Charged],
    scales: Scales,
    sealed: str = "",
) -> Document:
    totals = sums(charged)
    month = f"{month_end:%B %Y}"
    return Document(
        title="Invoice",
        issuer=issuer,
        reference=f"Invoice {number}" + (f", correction {version - 1}" if version > 1 else ""),
        generated=generated,
        sealed=sealed,
        facts=[
            ("Client", holder.client_name),
            ("Account", holder.account_code),
            ("Invoice number", number),
            ("Month", month),
            ("LEI", holder.client_lei or "not given"),
            *((f"Total {asset}", figure(total, scales[asset])) for asset, total in totals.items()),
        ],
        tables=[
            Table(
                f"Charged in {asset}",
                columns("Date 16 | Reference 24 | What for 24 | Description 90 | Amount 30>"),
                [
                    *(
                        Row([
                            one.on.isoformat(), short(one.reference), one.kind.replace("_", " ").capitalize(), one.description,
                            figure(one.amount, scales[asset]),
                        ])
                        for one in charged
                        if one.asset == asset
                    ),
                    Row(["", "", "", "Total", figure(total, scales[asset])], strong=True),
                ],
            )
            for asset, total in totals.items()
        ],
        notes=[
            "Amounts are positive where you pay, negative where we pay you. Fees were paid with each deal; invoiced fees and adjustments "
            "are paid through your settlements, or out of your balance, on the value date that you are told. Nothing is to be paid on this "
            "document itself.",
        ],
    )  # fmt: skip
