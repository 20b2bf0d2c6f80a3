"""What is said between settlement and a rail. Times are desk time; amounts are in units of the asset. No Django."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Outcome(StrEnum):
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"  # no answer came: it may have been paid or not
    NOT_FOUND = "NOT_FOUND"  # the rail answers for certain that it never got it


@dataclass(frozen=True, slots=True)
class Place:
    """An account or wallet of ours on a rail."""

    rail: str
    address: str
    asset: str
    confirmations: int = 0


@dataclass(frozen=True, slots=True)
class Payment:
    key: str  # our end-to-end id: the idempotency key
    amount: Decimal
    beneficiary_name: str
    beneficiary_address: str
    remittance: str = ""


class Stage(StrEnum):
    """Where a payment stands at a rail that says so (a custodian): it may be refused long after it was taken on."""

    PENDING_APPROVAL = "PENDING_APPROVAL"  # the custodian's own people or policy have to agree
    APPROVED = "APPROVED"
    BROADCAST = "BROADCAST"
    CONFIRMED = "CONFIRMED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


GONE = frozenset({Stage.BROADCAST, Stage.CONFIRMED})  # the money has left
NEVER = frozenset({Stage.REJECTED, Stage.CANCELLED, Stage.FAILED})  # it has not, and will not


@dataclass(frozen=True, slots=True)
class Answer:
    """:param silent: the rail did not answer within its time: nothing else is asked of it in this run
    :param version: of the rail's own record of the payment, from 1 on; 0 where the rail keeps none, and tells only once
    :param amount: what the rail says it pays, where it says so
    """

    outcome: Outcome
    reference: str = ""
    reason: str = ""
    stage: str = ""
    version: int = 0
    amount: Decimal | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One booked line: `amount` positive came in, negative went out; `balance` after it; sequences without gaps."""

    sequence: int
    reference: str
    amount: Decimal
    kind: str  # PAYMENT, RECEIPT, RETURN, CHARGE
    booked_at: datetime
    balance: Decimal
    end_to_end_id: str = ""
    counterparty_name: str = ""
    counterparty_address: str = ""
    remittance: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    entries: tuple[Entry, ...]
    balance: Decimal  # closing, after all that is booked


@dataclass(frozen=True, slots=True)
class Incoming:
    """A transfer seen on a chain and not final yet; `dropped`: it will never be."""

    reference: str
    amount: Decimal
    sender_name: str
    sender_address: str
    remittance: str
    seen_at: datetime
    confirmations: int
    dropped: bool = False
