from enum import StrEnum

from apps.core.states import Machine


class TradeStatus(StrEnum):
    ACTIVE = "ACTIVE"
    CANCELLED = "CANCELLED"


class TradeKind(StrEnum):
    CLIENT = "CLIENT"
    HEDGE = "HEDGE"
    INTERNAL = "INTERNAL"


class HedgeStatus(StrEnum):
    """What the LP's own record says of a hedge."""

    UNCONFIRMED = "UNCONFIRMED"
    CONFIRMED = "CONFIRMED"
    BREAK = "BREAK"
    CANCELLED = "CANCELLED"


class ConfirmationStatus(StrEnum):
    DUE = "DUE"
    SENT = "SENT"
    AFFIRMED = "AFFIRMED"
    DISPUTED = "DISPUTED"
    SUPERSEDED = "SUPERSEDED"


class AllocationStatus(StrEnum):
    PROPOSED = "PROPOSED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    REVERSED = "REVERSED"


class PlanStatus(StrEnum):
    """Of shares named before the deal."""

    PLANNED = "PLANNED"
    REPLACED = "REPLACED"  # by a newer plan of the same request
    WITHDRAWN = "WITHDRAWN"  # by the client
    LAPSED = "LAPSED"  # its request ended without a deal
    DONE = "DONE"  # the deal is shared out by it
    REFUSED = "REFUSED"  # the deal could not be shared out: its own account keeps all of it


class DisputeStatus(StrEnum):
    OPEN = "OPEN"
    UPHELD = "UPHELD"  # by a version of the deal
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


T = TradeStatus
TRADE = Machine({T.ACTIVE: {T.CANCELLED}, T.CANCELLED: set()})
H = HedgeStatus
HEDGE = Machine(
    {
        H.UNCONFIRMED: {H.CONFIRMED, H.BREAK, H.CANCELLED},
        H.CONFIRMED: {H.CANCELLED},
        H.BREAK: {H.CONFIRMED, H.CANCELLED},
        H.CANCELLED: set(),
    }
)
C, A, D = ConfirmationStatus, AllocationStatus, DisputeStatus
CONFIRMATION = Machine(
    {
        C.DUE: {C.SENT, C.SUPERSEDED},
        C.SENT: {C.AFFIRMED, C.DISPUTED, C.SUPERSEDED},
        C.DISPUTED: {C.AFFIRMED, C.SUPERSEDED},
        C.AFFIRMED: {C.SUPERSEDED},
        C.SUPERSEDED: set(),
    }
)
ALLOCATION = Machine({A.PROPOSED: {A.ACCEPTED, A.REJECTED}, A.ACCEPTED: {A.REVERSED}, A.REJECTED: set(), A.REVERSED: set()})
DISPUTE = Machine({D.OPEN: {D.UPHELD, D.REJECTED, D.WITHDRAWN}, D.UPHELD: set(), D.REJECTED: set(), D.WITHDRAWN: set()})
P = PlanStatus
PLAN = Machine(
    {
        P.PLANNED: {P.REPLACED, P.WITHDRAWN, P.LAPSED, P.DONE, P.REFUSED},
        P.REPLACED: set(),
        P.WITHDRAWN: set(),
        P.LAPSED: set(),
        P.DONE: set(),
        P.REFUSED: set(),
    }
)
