"""What a receipt pays: by reference, exact, all together, else the oldest first. No Django."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Expected:
    """A payment we wait for; `outstanding` in units of its asset, the oldest first in a list."""

    id: UUID
    reference: str
    outstanding: Decimal


def allocate(amount: Decimal, remittance: str, expected: Sequence[Expected]) -> list[tuple[UUID, Decimal]]:
    """(instruction, amount) pairs that this receipt pays; what is left over stays the client's.

    A reference that the client quotes binds: only what it names is paid.
    """
    named = [one for one in expected if one.reference and one.reference in remittance]
    exact = [one for one in expected if one.outstanding == amount]
    candidates = named or exact[:1] or expected
    out: list[tuple[UUID, Decimal]] = []
    left = amount
    for one in candidates:
        part = min(left, one.outstanding)
        if part > 0:
            out.append((one.id, part))
            left -= part
    return out
