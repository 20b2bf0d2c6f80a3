from apps.core.errors import Conflict, Forbidden, Rejected


class DuplicateRfq(Conflict):
    """Client ids of requests are unique for ever."""

    code, title = "duplicate_client_rfq_id", "This client_rfq_id was used before"


class UnknownInstrument(Rejected):
    code, title = "unknown_instrument", "No such instrument"


class InstrumentNotAllowed(Rejected):
    code, title = "instrument_not_allowed", "The account's terms do not include this instrument"


class QuantityOutOfRange(Rejected):
    code, title = "quantity_out_of_range", "The quantity is outside the instrument's bounds"


class TooManyDecimals(Rejected):
    code, title = "too_many_decimals", "More decimals than the instrument or asset has"


class NotEntitled(Rejected):
    """The key or member may not do this on this account."""

    code, title = "not_entitled", "Not entitled"


class TtlOutOfRange(Rejected):
    code, title = "ttl_out_of_range", "The quote life asked for is not offered"


class QuoteExpired(Conflict):
    code, title = "quote_expired", "The quote's time was over when the accept was received"


class QuoteAnswered(Conflict):
    """Accepted or declined already, or its request was filled by another quote."""

    code, title = "quote_answered", "The quote was answered before"


class QuoteWithdrawn(Conflict):
    code, title = "quote_withdrawn", "The quote was withdrawn before the accept was received"


class QuoteSuperseded(Conflict):
    code, title = "quote_superseded", "A newer quote took its place"


class PriceMismatch(Rejected):
    """The echoed side or price is not the quote's."""

    code, title = "price_mismatch", "The echoed price or side is not the quote's"


class RfqClosed(Conflict):
    code, title = "rfq_closed", "The request has ended"


class RfqOwned(Conflict):
    """Two people never price the same request."""

    code, title = "rfq_owned", "Somebody else works on this request"


class NotYours(Forbidden):
    """Only its owner holds, prices or rejects a request."""

    code, title = "not_owner", "This request is not yours"


class CounterNotBetter(Rejected):
    """A counter names a better price than the quote; this one the client could have by accepting."""

    code, title = "counter_not_better", "The quote is at least as good as this limit"


class PriceNotMet(Rejected):
    """A fill-or-kill order whose limit our price does not meet; nothing was dealt."""

    code, title = "price_not_met", "The limit cannot be met"


class NoSuchReason(Rejected):
    """A rejection names one of the listed reasons; `other` needs a note."""

    code, title = "no_such_reason", "Not a reason for a rejection"


class BadAgreement(Rejected):
    """What was agreed by voice or chat is not told in full, or lies in the future."""

    code, title = "bad_agreement", "The agreement cannot be booked so"
