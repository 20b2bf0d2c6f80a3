"""What a request and a quote may become."""

from enum import StrEnum

from apps.core.states import Machine


class RfqStatus(StrEnum):
    RECEIVED = "RECEIVED"
    PICKED_UP = "PICKED_UP"
    ON_HOLD = "ON_HOLD"
    QUOTED = "QUOTED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    DECLINED = "DECLINED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class QuoteStatus(StrEnum):
    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    COUNTERED = "COUNTERED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    SUPERSEDED = "SUPERSEDED"


class Side(StrEnum):
    """Always the client's, of the base asset."""

    BUY = "buy"
    SELL = "sell"
    TWO_WAY = "two_way"


class Channel(StrEnum):
    """How a request came: over the API, as a FOK order, or agreed by voice or chat and booked on the client's behalf."""

    API = "API"
    ORDER = "ORDER"
    VOICE = "VOICE"
    CHAT = "CHAT"


class Withdrawal(StrEnum):
    """Why a quote was withdrawn. Never because the market moved."""

    DESK = "DESK"
    KILL_SWITCH = "KILL_SWITCH"
    FEED_LOST = "FEED_LOST"
    CLIENT_STATUS = "CLIENT_STATUS"
    CLIENT = "CLIENT"  # it took its request back
    FILLED = "FILLED"  # another quote of the request was hit within its minimum life


R, Q = RfqStatus, QuoteStatus
_ENDS = {R.CANCELLED, R.DECLINED, R.REJECTED, R.EXPIRED}
RFQ = Machine(
    {
        R.RECEIVED: {R.QUOTED, R.PICKED_UP, *_ENDS},
        R.PICKED_UP: {R.RECEIVED, R.ON_HOLD, R.QUOTED, *_ENDS},
        R.ON_HOLD: {R.PICKED_UP, *_ENDS},
        R.QUOTED: {R.PICKED_UP, R.RECEIVED, R.FILLED, *_ENDS},
        R.FILLED: set(),
        R.CANCELLED: set(),
        R.DECLINED: set(),
        R.REJECTED: set(),
        R.EXPIRED: set(),
    },
    first={R.RECEIVED, R.QUOTED},  # an auto-quoted request is born with its quote, in one statement
)
QUOTE = Machine(
    {
        Q.OPEN: {Q.ACCEPTED, Q.DECLINED, Q.COUNTERED, Q.WITHDRAWN, Q.EXPIRED, Q.SUPERSEDED},
        Q.SUPERSEDED: {Q.ACCEPTED, Q.EXPIRED, Q.WITHDRAWN},
        Q.ACCEPTED: set(),
        Q.DECLINED: set(),
        Q.COUNTERED: set(),
        Q.WITHDRAWN: set(),
        Q.EXPIRED: set(),
    }
)
OPEN_RFQ = (R.RECEIVED, R.PICKED_UP, R.ON_HOLD, R.QUOTED)
