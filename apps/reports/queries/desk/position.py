"""The position screen: per book and asset, valued at the approved marks, with both sides of the identity."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from apps.core import money
from apps.instruments import queries as instruments
from apps.ledger import queries as ledger
from apps.ledger.queries import Identity
from apps.pricing import queries as pricing


@dataclass(frozen=True, slots=True)
class Held:
    """Net open position of one asset, long positive; mark and value in the entity's functional currency, None without an approved mark."""

    asset: str
    position: Decimal
    mark: Decimal | None

    @property
    def value(self) -> Decimal | None:
        return None if self.mark is None else self.position * self.mark


@dataclass(frozen=True, slots=True)
class BookPosition:
    code: str
    held: list[Held]

    @property
    def pnl(self) -> Decimal | None:
        """Σ net open position × approved mark since inception; None while an open position has no mark."""
        if any(h.value is None for h in self.held if h.position):
            return None
        return sum((h.value or money.ZERO for h in self.held), money.ZERO)


@dataclass(frozen=True, slots=True)
class EntityPosition:
    id: UUID
    code: str
    name: str
    currency: str
    marks_of: str  # "approved", "the last approved", or "" for none
    books: list[BookPosition]
    identity: list[Identity]

    @property
    def holds(self) -> bool:
        return all(one.holds for one in self.identity)


def list_positions(day: date) -> list[EntityPosition]:
    """Every booking entity with its books, at the approved marks of `day`, else of the last day before it that has some."""
    out = []
    for entity in instruments.list_entities():
        currency = entity.functional_currency_id
        marks, of = pricing.find_approved_marks(entity.id, day), "approved"
        if marks is None:
            marks, of = pricing.find_last_marks(entity.id, day), "the last approved"
        known = {**(marks or {}), currency: Decimal(1)}
        books = [
            BookPosition(
                book.code, [Held(asset, amount, known.get(asset)) for asset, amount in ledger.list_positions(entity.id, book.id).items()]
            )
            for book in instruments.list_books(entity.id)
        ]
        identity = ledger.list_identity(entity.id)
        out.append(EntityPosition(entity.id, entity.code, entity.name, currency, of if marks else "", books, identity))
    return out
