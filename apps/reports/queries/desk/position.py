"""The two sides of the position identity of each booking entity."""

from dataclasses import dataclass
from uuid import UUID

from apps.instruments import queries as instruments
from apps.ledger import queries as ledger
from apps.ledger.queries import Identity


@dataclass(frozen=True, slots=True)
class EntityPosition:
    """`currency` is what its books are valued in."""

    id: UUID
    code: str
    name: str
    currency: str
    identity: list[Identity]

    @property
    def holds(self) -> bool:
        return all(one.holds for one in self.identity)


def list_positions() -> list[EntityPosition]:
    """Every booking entity, as its ledger stands now."""
    return [EntityPosition(e.id, e.code, e.name, e.functional_currency_id, ledger.list_identity(e.id)) for e in instruments.list_entities()]
