"""The ledger lines of settlement, by the posting table of operations.md. No Django."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from apps.ledger.rules import Line, Ref, credit, debit
from apps.ledger.states import Kind


@dataclass(frozen=True, slots=True)
class Till:
    """One of our bank accounts or wallets, as the ledger knows it."""

    entity_id: UUID
    nostro_id: UUID
    asset: str
    designation: str = "HOUSE"

    def ref(self, kind: Kind) -> Ref:
        return Ref(self.entity_id, kind, self.asset, owner_id=self.nostro_id, designation=self.designation)


@dataclass(frozen=True, slots=True)
class VenueTill:
    """What we keep with a venue or LP in one asset, as the ledger knows it; what we fetch from there is in transit of the venue."""

    entity_id: UUID
    venue_id: UUID
    asset: str

    def ref(self, kind: Kind) -> Ref:
        return Ref(self.entity_id, Kind.VENUE if kind is Kind.NOSTRO else kind, self.asset, owner_id=self.venue_id)


def client_ref(kind: Kind, entity_id: UUID, account_id: UUID, asset: str) -> Ref:
    return Ref(entity_id, kind, asset, owner_id=account_id)


def set_off(*, entity_id: UUID, account_id: UUID, asset: str, amount: Decimal) -> list[Line]:
    """A net leg settles: what it nets pays itself."""
    return [
        debit(client_ref(Kind.PAYABLE, entity_id, account_id, asset), amount),
        credit(client_ref(Kind.RECEIVABLE, entity_id, account_id, asset), amount),
    ]


def owed_from_balance(*, entity_id: UUID, account_id: UUID, asset: str, amount: Decimal, pays: bool) -> list[Line]:
    """What a prefunded client owes is paid out of its balance; what we owe it (`pays`) goes into it."""
    balance = client_ref(Kind.CLIENT_BALANCE, entity_id, account_id, asset)
    if pays:
        return [debit(client_ref(Kind.PAYABLE, entity_id, account_id, asset), amount), credit(balance, amount)]
    return [debit(balance, amount), credit(client_ref(Kind.RECEIVABLE, entity_id, account_id, asset), amount)]


def payment_sent(till: Till | VenueTill, owed: Ref, amount: Decimal) -> list[Line]:
    """:param owed: PAYABLE, CLIENT_BALANCE, or SUSPENSE where a receipt goes back"""
    return [debit(owed, amount), credit(till.ref(Kind.IN_TRANSIT), amount)]


def payment_booked(till: Till | VenueTill, amount: Decimal) -> list[Line]:
    return [debit(till.ref(Kind.IN_TRANSIT), amount), credit(till.ref(Kind.NOSTRO), amount)]


def receipt_final(till: Till, amount: Decimal) -> list[Line]:
    return [debit(till.ref(Kind.NOSTRO), amount), credit(till.ref(Kind.SUSPENSE), amount)]


def receipt_applied(till: Till, *, account_id: UUID, to_receivable: Decimal, to_balance: Decimal) -> list[Line]:
    return [
        debit(till.ref(Kind.SUSPENSE), to_receivable + to_balance),
        credit(client_ref(Kind.RECEIVABLE, till.entity_id, account_id, till.asset), to_receivable),
        credit(client_ref(Kind.CLIENT_BALANCE, till.entity_id, account_id, till.asset), to_balance),
    ]


def written_off(till: Till, book_id: UUID, *, account_id: UUID, amount: Decimal) -> list[Line]:
    """What a payment fell short of and nobody asks for: a loss of ours."""
    if not amount:
        return []
    return [
        debit(Ref(till.entity_id, Kind.WRITE_OFF, till.asset, book_id=book_id), amount),
        credit(client_ref(Kind.RECEIVABLE, till.entity_id, account_id, till.asset), amount),
    ]


def receipt_frozen(till: Till, amount: Decimal) -> list[Line]:
    return [debit(till.ref(Kind.SUSPENSE), amount), credit(till.ref(Kind.BLOCKED), amount)]


def charge(till: Till | VenueTill, book_id: UUID, amount: Decimal) -> list[Line]:
    """A bank's, network's or venue's charge: ours, never the client's."""
    return [debit(Ref(till.entity_id, Kind.COST, till.asset, book_id=book_id), amount), credit(till.ref(Kind.NOSTRO), amount)]
