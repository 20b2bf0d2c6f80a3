from enum import StrEnum

from apps.core.states import Machine


class DayStatus(StrEnum):
    OPEN = "OPEN"
    CLOSING = "CLOSING"
    CLOSED = "CLOSED"


D = DayStatus
DAY = Machine({D.OPEN: {D.CLOSING}, D.CLOSING: {D.CLOSED, D.OPEN}, D.CLOSED: {D.OPEN}})


class ClosingStatus(StrEnum):
    """What a close keeps stands, until its day or an earlier one is opened again."""

    STANDING = "STANDING"
    UNDONE = "UNDONE"


C = ClosingStatus
CLOSING = Machine({C.STANDING: {C.UNDONE}, C.UNDONE: set()})


class MonthStatus(StrEnum):
    OPEN = "OPEN"
    LOCKED = "LOCKED"


M = MonthStatus
MONTH = Machine({M.OPEN: {M.LOCKED}, M.LOCKED: {M.OPEN}})


class BreakProof(StrEnum):
    """The four proofs of reconciliation."""

    BALANCE = "BALANCE"
    MOVEMENT = "MOVEMENT"
    TRADE = "TRADE"
    POSITION = "POSITION"


class BreakStatus(StrEnum):
    OPEN = "OPEN"
    RESOLVED = "RESOLVED"
    WRITTEN_OFF = "WRITTEN_OFF"


B = BreakStatus
BREAK = Machine({B.OPEN: {B.RESOLVED, B.WRITTEN_OFF}, B.RESOLVED: set(), B.WRITTEN_OFF: set()})


class ShortfallStatus(StrEnum):
    """Safeguarded money that is not covered, until it is again."""

    OPEN = "OPEN"
    COVERED = "COVERED"


SHORTFALL = Machine({ShortfallStatus.OPEN: {ShortfallStatus.COVERED}, ShortfallStatus.COVERED: set()})


class OpeningKind(StrEnum):
    """Which balances are opened; the words of a file, and what the ledger calls them."""

    NOSTRO = "NOSTRO"
    VENUE = "VENUE"
    CLIENT_BALANCE = "CLIENT_BALANCE"
