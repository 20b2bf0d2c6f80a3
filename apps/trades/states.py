from enum import StrEnum

from apps.core.states import Machine


class TradeStatus(StrEnum):
    ACTIVE = "ACTIVE"
    CANCELLED = "CANCELLED"


class TradeKind(StrEnum):
    CLIENT = "CLIENT"
    HEDGE = "HEDGE"
    INTERNAL = "INTERNAL"


T = TradeStatus
TRADE = Machine({T.ACTIVE: {T.CANCELLED}, T.CANCELLED: set()})
