from enum import StrEnum

from apps.core.states import Machine


class DayStatus(StrEnum):
    OPEN = "OPEN"
    CLOSING = "CLOSING"
    CLOSED = "CLOSED"


D = DayStatus
DAY = Machine({D.OPEN: {D.CLOSING}, D.CLOSING: {D.CLOSED, D.OPEN}, D.CLOSED: {D.OPEN}})


class MonthStatus(StrEnum):
    OPEN = "OPEN"
    LOCKED = "LOCKED"


M = MonthStatus
MONTH = Machine({M.OPEN: {M.LOCKED}, M.LOCKED: {M.OPEN}})
