from enum import StrEnum

from apps.core.states import Machine


class HoldStatus(StrEnum):
    PENDING = "PENDING"
    POSTED = "POSTED"
    VOIDED = "VOIDED"


H = HoldStatus
HOLD = Machine({H.PENDING: {H.POSTED, H.VOIDED}, H.POSTED: set(), H.VOIDED: set()})


class Kind(StrEnum):
    """What a ledger account stands for; every balance is debits positive."""

    NOSTRO = "NOSTRO"
    VENUE = "VENUE"
    IN_TRANSIT = "IN_TRANSIT"
    RECEIVABLE = "RECEIVABLE"
    PAYABLE = "PAYABLE"
    CLIENT_BALANCE = "CLIENT_BALANCE"
    SUSPENSE = "SUSPENSE"
    BLOCKED = "BLOCKED"
    CAPITAL = "CAPITAL"
    POSITION = "POSITION"
    FEE_INCOME = "FEE_INCOME"
    COST = "COST"
    ROUNDING = "ROUNDING"
    WRITE_OFF = "WRITE_OFF"
    COMMISSION = "COMMISSION"


# The two sides of the position identity (operations.md): what we have and owe, and what it is a position in.
HAVE = (
    Kind.NOSTRO,
    Kind.VENUE,
    Kind.IN_TRANSIT,
    Kind.RECEIVABLE,
    Kind.PAYABLE,
    Kind.CLIENT_BALANCE,
    Kind.SUSPENSE,
    Kind.BLOCKED,
    Kind.CAPITAL,
)
RESULT = (Kind.POSITION, Kind.FEE_INCOME, Kind.COST, Kind.ROUNDING, Kind.WRITE_OFF, Kind.COMMISSION)
