from enum import StrEnum

from apps.core.states import Machine


class Level(StrEnum):
    """Whose line: locked in this order. LP: our own exposure to a liquidity provider or venue, which only alerts."""

    GROUP = "GROUP"
    CLIENT = "CLIENT"
    ACCOUNT = "ACCOUNT"
    LP = "LP"


class Measure(StrEnum):
    """What a line bounds. DAILY and DEAL are caps of one account, in notional."""

    PRE_SETTLEMENT = "PRE_SETTLEMENT"  # replacement cost and add-on of all deals not yet settled
    SETTLEMENT = "SETTLEMENT"  # what we deliver before we are paid, each value date by itself
    DAILY = "DAILY"  # notional asked for and dealt, each business date by itself
    DEAL = "DEAL"  # notional of one deal


CAPS = frozenset({Measure.DAILY, Measure.DEAL})


class ReservationStatus(StrEnum):
    RESERVED = "RESERVED"
    COMMITTED = "COMMITTED"
    RELEASED = "RELEASED"
    CLOSED = "CLOSED"


R = ReservationStatus
RESERVATION = Machine(
    {R.RESERVED: {R.COMMITTED, R.RELEASED}, R.COMMITTED: {R.CLOSED}, R.RELEASED: set(), R.CLOSED: set()}, first={R.RESERVED, R.COMMITTED}
)


class BreachKind(StrEnum):
    """What carried a use past its line."""

    MARKS = "MARKS"
    LINE_CUT = "LINE_CUT"
    EXPIRED = "EXPIRED"
    AGREED = "AGREED"  # a deal on behalf, booked although it did not fit


class CallStatus(StrEnum):
    """OVERDUE is derived: ISSUED and past `due_at`."""

    ISSUED = "ISSUED"
    MET = "MET"
    WITHDRAWN = "WITHDRAWN"


CALL = Machine({CallStatus.ISSUED: {CallStatus.MET, CallStatus.WITHDRAWN}, CallStatus.MET: set(), CallStatus.WITHDRAWN: set()})
