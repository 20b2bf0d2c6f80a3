"""What a close-out comes to, and how it is posted. No Django."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from uuid import UUID

from apps.core import money
from apps.ledger.rules import Line, Ref
from apps.ledger.states import Kind

EVENTS = ("FAILURE_TO_PAY", "INSOLVENCY", "ILLEGALITY", "OTHER_BREACH")  # what a default is recorded as
OLDEST_MARKS = timedelta(days=7)  # a default over the longest holidays is still closed out at the last marks before them


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands on one account in one asset, in units: `receivable` and `payable` by the ledger, `owed` by the obligations.

    `books`: what of it each book dealt; positive is ours to receive, everywhere.
    """

    account_id: UUID
    asset: str
    receivable: Decimal
    payable: Decimal
    owed: Decimal
    books: tuple[tuple[UUID, Decimal], ...]

    @property
    def is_explained(self) -> bool:
        """Ledger and obligations say the same."""
        return self.receivable - self.payable == self.owed


def are_recent(marks_date: date, today: date) -> bool:
    """Whether marks of this date are those of a default recorded today: not to come, and not picked from long ago."""
    return today - OLDEST_MARKS <= marks_date <= today


def totals(standing: Sequence[Standing]) -> dict[str, Decimal]:
    """Σ by asset, accounts added up."""
    out: dict[str, Decimal] = {}
    for one in standing:
        out[one.asset] = out.get(one.asset, money.ZERO) + one.owed
    return dict(sorted(out.items()))


def worth(amounts: Mapping[str, Decimal], prices: Mapping[str, Decimal], scale: int) -> Decimal:
    """Σ amount × approved mark, rounded once, half to even, in the decimals of the close-out currency. Positive: they owe us."""
    total = sum((amount * prices[asset] for asset, amount in amounts.items()), money.ZERO)
    return total.quantize(money.quantum(scale), rounding=ROUND_HALF_EVEN)


def lines(
    standing: Sequence[Standing],
    *,
    entity_id: UUID,
    currency: str,
    scale: int,
    amount: Decimal,
    prices: Mapping[str, Decimal],
    owed_by: UUID,
) -> list[Line]:
    """All that was owed both ways is gone; each book has its position again and is paid for it at the marks; one amount is owed instead.

    :param owed_by: the account on which `amount` stands from now on
    """
    out: list[Line] = []
    paid: dict[UUID, Decimal] = {}
    for one in standing:
        out.append(Line(Ref(entity_id, Kind.RECEIVABLE, one.asset, owner_id=one.account_id), -one.receivable))
        out.append(Line(Ref(entity_id, Kind.PAYABLE, one.asset, owner_id=one.account_id), one.payable))
        left = one.owed - sum((part for _, part in one.books[1:]), money.ZERO)
        for book_id, part in [(one.books[0][0], left), *one.books[1:]]:  # what had been paid in part is the first book's
            out.append(Line(Ref(entity_id, Kind.POSITION, one.asset, book_id=book_id), part))
            paid[book_id] = paid.get(book_id, money.ZERO) + part * prices[one.asset]
    first, *others = sorted(paid, key=str)
    parts = {book: paid[book].quantize(money.quantum(scale), rounding=ROUND_HALF_EVEN) for book in others}
    parts[first] = amount - sum(parts.values(), money.ZERO)
    out += [Line(Ref(entity_id, Kind.POSITION, currency, book_id=book), -part) for book, part in parts.items()]
    kind = Kind.RECEIVABLE if amount > 0 else Kind.PAYABLE
    out.append(Line(Ref(entity_id, kind, currency, owner_id=owed_by), amount))
    return out
