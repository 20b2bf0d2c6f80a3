"""Arithmetic of the ledger: accounts by what they stand for, lines that balance. No Django."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from uuid import UUID

from .states import Kind

_NIL = UUID(int=0)


@dataclass(frozen=True)
class Ref:
    """Which balance: its id follows from what it stands for, so nobody has to look it up, and locks have an order."""

    entity_id: UUID
    kind: Kind
    asset: str
    book_id: UUID | None = None
    owner_id: UUID | None = None
    designation: str = "HOUSE"

    @cached_property
    def id(self) -> UUID:
        name = b"\0".join(
            (self.entity_id.bytes, self.kind.encode(), self.asset.encode(), (self.book_id or _NIL).bytes, (self.owner_id or _NIL).bytes)
        )
        number = int.from_bytes(hashlib.sha256(name).digest()[:16])
        return UUID(int=number & ~(0xF << 76) & ~(0x3 << 62) | 0x8 << 76 | 0x2 << 62)  # RFC 9562 version 8

    @cached_property
    def text(self) -> str:
        """The id as PostgreSQL reads it."""
        return str(self.id)


@dataclass(frozen=True, slots=True)
class Line:
    """One movement; debit positive, credit negative, in units of the account's asset."""

    ref: Ref
    amount: Decimal


def debit(ref: Ref, amount: Decimal) -> Line:
    return Line(ref, amount)


def credit(ref: Ref, amount: Decimal) -> Line:
    return Line(ref, -amount)


def sums(lines: Iterable[Line]) -> dict[str, Decimal]:
    """Σ per asset."""
    total: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        total[line.ref.asset] += line.amount
    return dict(total)


def payload_hash(kind: str, lines: Iterable[Line]) -> str:
    """What makes two postings of one key the same: kind, accounts and amounts, in any order."""
    parts = sorted(f"{line.ref.text}:{format(line.amount.normalize(), 'f')}" for line in lines)
    return hashlib.sha256("\n".join([kind, *parts]).encode()).hexdigest()


def available(amount: Decimal, held: Decimal) -> Decimal:
    """What a client can use: a balance we owe is a credit (negative), less what is held."""
    return -amount - held
