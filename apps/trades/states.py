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
