"""What an alert, and a travel-rule message, may become."""

from enum import StrEnum

from apps.core.states import Machine


class AlertStatus(StrEnum):
    OPEN = "OPEN"
    ESCALATED = "ESCALATED"
    REPORTED = "REPORTED"  # to the authority
    CLOSED = "CLOSED"


class AlertRule(StrEnum):
    OFF_MARKET = "OFF_MARKET"
    LATE_BOOKING = "LATE_BOOKING"
    CANCEL_AFTER_MOVE = "CANCEL_AFTER_MOVE"
    BAND_SPLITTING = "BAND_SPLITTING"
    IN_OUT_NO_TRADE = "IN_OUT_NO_TRADE"
    SSI_CHANGE_BEFORE_PAYMENT = "SSI_CHANGE_BEFORE_PAYMENT"
    PRE_HEDGE_NO_CONSENT = "PRE_HEDGE_NO_CONSENT"
    LISTED_NAME = "LISTED_NAME"  # of a party or a member, when a list has new entries


A = AlertStatus
ALERT = Machine({A.OPEN: {A.ESCALATED, A.CLOSED}, A.ESCALATED: {A.REPORTED, A.CLOSED}, A.REPORTED: set(), A.CLOSED: set()})


class MessageStatus(StrEnum):
    DUE = "DUE"
    NO_ANSWER = "NO_ANSWER"  # asked again by its own id: it may have got it
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"


M = MessageStatus
MESSAGE = Machine(
    {
        M.DUE: {M.NO_ANSWER, M.ACCEPTED, M.REJECTED},
        M.NO_ANSWER: {M.ACCEPTED, M.REJECTED},
        M.ACCEPTED: set(),
        M.REJECTED: set(),
    }
)
