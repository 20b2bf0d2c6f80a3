from enum import StrEnum

from apps.core.states import Machine


class ReservationStatus(StrEnum):
    RESERVED = "RESERVED"
    COMMITTED = "COMMITTED"
    RELEASED = "RELEASED"
    CLOSED = "CLOSED"


R = ReservationStatus
RESERVATION = Machine(
    {R.RESERVED: {R.COMMITTED, R.RELEASED}, R.COMMITTED: {R.CLOSED}, R.RELEASED: set(), R.CLOSED: set()}, first={R.RESERVED, R.COMMITTED}
)
