"""Yes and no about requests and quotes. No Django."""

from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal

from apps.core import money

from .errors import (
    BadAgreement,
    CounterNotBetter,
    NoSuchReason,
    NotYours,
    PriceMismatch,
    QuantityOutOfRange,
    QuoteAnswered,
    QuoteExpired,
    QuoteSuperseded,
    QuoteWithdrawn,
    RfqClosed,
    RfqOwned,
    TooManyDecimals,
    TtlOutOfRange,
)
from .states import OPEN_RFQ, Channel, QuoteStatus, RfqStatus, Side

WAITING = (RfqStatus.RECEIVED, RfqStatus.PICKED_UP, RfqStatus.ON_HOLD)  # for a person's price
AUTO_TTL_MS = (1_000, 30_000)  # what an automatic quote may live
DEFAULT_TTL_MS = 10_000
HAND_TTL_MS = (1_000, 120_000)  # what a person's quote may live
DEFAULT_HAND_TTL_MS = 30_000
RESPOND_MS = (1_000, 900_000)
DEFAULT_RESPOND_MS = 60_000
STREAM_AHEAD = timedelta(seconds=2)  # of life left in which a streamed quote is renewed though its price is the same
STREAM_LEAST = timedelta(milliseconds=1)  # the shortest life a streamed quote is made with
LONGEST_NOTE = 200
LONGEST_NAME, LONGEST_EVIDENCE = 120, 300
AGREED_WITHIN = timedelta(days=7)
LATE = timedelta(minutes=15)  # a deal on behalf booked later than this needs a second pair of eyes

# Why a person prices a request: every reason that holds is listed.
REASONS = {
    "SIZE": "larger than the pair's automatic quotes",
    "CLIENT_SIZE": "worth more than the client's automatic quotes",
    "CREDIT_SHARE": "would use more of the line than automatic quotes may",
    "CREDIT": "does not fit the line as it stands",
    "BALANCE": "more than the client's balance",
    "INSUFFICIENT_DEPTH": "the book does not hold the size",
    "PRICE_AGE": "the price is too old",
    "WIDE_SPREAD": "the market is wider than automatic quotes stand",
    "FEW_SOURCES": "too few venues agree on the price",
    "VOLATILITY": "the market moves more than automatic quotes stand, or it is not known how much",
    "INVENTORY": "would take our position past its limit: only what brings it down is quoted by itself",
    "TTL": "a longer life than automatic quotes have",
    "SPREAD": "no price is left after spread, fee and rounding",
    "COUNTERED": "the client named a limit",
    "RISK_REDUCING": "the client may only take off what is open, and this does",
    "FEED_LOST": "the price feed was lost",
}

# Why the desk says no: code → words, FIX 658 (QuoteRequestRejectReason), FIX 297 (QuoteStatus): 5 rejected, 11 pass.
REJECTIONS = {
    "pass": ("the desk passes", 10, 11),
    "no_market": ("no market for this instrument", 8, 5),
    "no_inventory": ("no inventory", 9, 5),
    "size_exceeds_limit": ("the size is past our limit", 3, 5),
    "limit_not_met": ("the client's limit cannot be met", 5, 5),
    "insufficient_credit": ("not enough credit", 11, 5),
    "not_authorised": ("not authorised to ask for this", 6, 5),
    "too_late": ("too late to deal for this date", 4, 5),
    "market_closed": ("the market is closed", 2, 5),
    "other": ("another reason, see the note", 99, 5),
}
# Ends that the platform itself decides.
_OWN_ENDS = {"trading_halted": (2, 5), "account_unavailable": (6, 5), "feed_lost": (8, 5), "not_priced_in_time": (4, 7)}

# What a deal on behalf may have breached: booked all the same, flagged, and checked.
FLAGS = {
    "CREDIT": "past the credit line or the balance",
    "BAND": "further from the reference than the band allows",
    "NO_PRICE": "no reference price when it was booked",
    "LATE": "booked more than 15 minutes after it was agreed",
    "RESTRICTED": "the client may only reduce risk",
    "HALTED": "dealing was stopped when it was booked",
    "SIZE": "outside the instrument's sizes",
}


def fix_codes(status: str, reason: str) -> dict[str, int] | None:
    """FIX 658 and 297 of a request that ended REJECTED or EXPIRED; None for other ends."""
    if status == RfqStatus.EXPIRED:
        return {"quote_status": 7}
    if status != RfqStatus.REJECTED:
        return None
    if reason in REJECTIONS:
        _, why, quote_status = REJECTIONS[reason]
    else:
        why, quote_status = _OWN_ENDS.get(reason, (99, 5))
    return {"quote_request_reject_reason": why, "quote_status": quote_status}


def require_free(status: str, owner: object, actor: object, respond_by: datetime, now: datetime) -> None:
    """Whether a person may pick a request up.

    :raises RfqOwned: somebody else works on it
    :raises RfqClosed: it is quoted, on hold, or has ended, if only by its time
    """
    if owner is not None and owner != actor and status in OPEN_RFQ:
        raise RfqOwned("somebody else works on it")
    if status != RfqStatus.RECEIVED:
        raise RfqClosed(f"the request is {status}")
    _require_time(respond_by, now)


def _require_time(respond_by: datetime, now: datetime) -> None:
    if now >= respond_by:
        raise RfqClosed(f"the request's time was over at {respond_by.isoformat()}")


def require_owner(status: str, owner: object, actor: object) -> None:
    """
    :raises RfqClosed: it has ended
    :raises NotYours: somebody else works on it, or nobody does
    """
    if status not in OPEN_RFQ:
        raise RfqClosed(f"the request is {status}")
    if owner is None or owner != actor:
        raise NotYours("pick it up first" if owner is None else "somebody else works on it")


def require_rejection(code: str, note: str) -> None:
    """:raises NoSuchReason: not one of REJECTIONS, or `other` without a note"""
    if code not in REJECTIONS:
        raise NoSuchReason(f"{code[:40]!r}: one of {', '.join(REJECTIONS)}", pointer="/code")
    if len(note) > LONGEST_NOTE:
        raise NoSuchReason(f"a note of up to {LONGEST_NOTE} characters", pointer="/note")
    if code == "other" and not note.strip():
        raise NoSuchReason("another reason needs a note", pointer="/note")


def require_agreement(*, agreed_at: datetime, agreed_by: str, evidence: str, channel: str, price: Decimal, now: datetime) -> None:
    """:raises BadAgreement: in the future, older than AGREED_WITHIN, or without person, evidence or price"""
    if channel not in {Channel.VOICE, Channel.CHAT}:
        raise BadAgreement("agreed by VOICE or by CHAT", pointer="/channel")
    if agreed_at > now:
        raise BadAgreement("it was agreed in the past", pointer="/agreed_at")
    if now - agreed_at > AGREED_WITHIN:
        raise BadAgreement(f"agreed within the last {AGREED_WITHIN.days} days", pointer="/agreed_at")
    if not 1 <= len(agreed_by.strip()) <= LONGEST_NAME:
        raise BadAgreement(f"who agreed, in 1 to {LONGEST_NAME} characters", pointer="/agreed_by")
    if not 1 <= len(evidence.strip()) <= LONGEST_EVIDENCE:
        raise BadAgreement(f"the evidence, in 1 to {LONGEST_EVIDENCE} characters", pointer="/evidence")
    if not price.is_finite() or price <= 0:
        raise BadAgreement("a price above zero", pointer="/price")


def is_streaming(status: str, owner: object, reasons: list[str], respond_by: datetime, now: datetime) -> bool:
    """Whether a streamed request gets its next price by itself: quoted so far, or waiting for the feed to come back; no person owns it."""
    goes_on = status == RfqStatus.QUOTED or (status == RfqStatus.RECEIVED and reasons == ["FEED_LOST"])
    return goes_on and owner is None and now + STREAM_LEAST < respond_by


def require_words(reason: str) -> None:
    """:raises NoSuchReason: empty, or too long"""
    if not 1 <= len(reason.strip()) <= LONGEST_NOTE:
        raise NoSuchReason(f"a reason of 1 to {LONGEST_NOTE} characters", pointer="/reason")


def require_quotable(status: str, owner: object, actor: object, respond_by: datetime, now: datetime) -> None:
    """Only its owner prices a request, while it is picked up or quoted, and its time is not over, whatever its row says.

    :raises RfqClosed, NotYours
    """
    require_owner(status, owner, actor)
    if status not in {RfqStatus.PICKED_UP, RfqStatus.QUOTED}:
        raise RfqClosed(f"the request is {status}")
    _require_time(respond_by, now)


def require_sides(side: str, given: Collection[Side]) -> None:
    """:raises PriceMismatch: not a price for exactly the sides that were asked for"""
    asked = sides_of(side)
    if set(given) != set(asked):
        raise PriceMismatch(f"a price for {' and '.join(asked)}", pointer="/prices")


def require_better(quoted: Decimal | None, limit: Decimal, side: str) -> None:
    """
    :raises PriceMismatch: the side was not quoted
    :raises CounterNotBetter: taking the quote would be at least as good
    """
    if quoted is None:
        raise PriceMismatch(f"the quote has no {side} price", pointer="/side")
    if (limit >= quoted) if side == Side.BUY else (limit <= quoted):
        raise CounterNotBetter(f"the quote's {side} price is {money.text(quoted)}: accept it", pointer="/price")


def meets_limit(price: Decimal, limit: Decimal, side: str) -> bool:
    """Whether our price is at the client's limit or better for the client."""
    return price <= limit if side == Side.BUY else price >= limit


def require_live(status: str, *, expires_at: datetime, good_until: datetime | None, received: datetime) -> None:
    """Whether a quote could be executed at `received`; a dead one is dead by its time, whatever its row says.

    A quote is never withdrawn past an accept that was received before: the withdrawal waits for it (queries.close_gates).

    :raises QuoteAnswered, QuoteWithdrawn, QuoteSuperseded, QuoteExpired
    """
    if status in {QuoteStatus.ACCEPTED, QuoteStatus.DECLINED, QuoteStatus.COUNTERED}:
        raise QuoteAnswered(f"the quote is {status}")
    if status == QuoteStatus.WITHDRAWN:
        raise QuoteWithdrawn("the quote was withdrawn")
    if received >= expires_at:
        raise QuoteExpired(f"the quote ended at {expires_at.isoformat()}")
    if status == QuoteStatus.SUPERSEDED and (good_until is None or received >= good_until):
        raise QuoteSuperseded("a newer quote took its place")
    if status == QuoteStatus.EXPIRED:
        raise QuoteExpired("the quote has expired")


def require_same_price(quoted: Decimal | None, echoed: Decimal, side: str) -> None:
    """
    :raises PriceMismatch: the side was not quoted, or at another price
    """
    if quoted is None:
        raise PriceMismatch(f"the quote has no {side} price")
    if quoted != echoed:
        raise PriceMismatch(f"the quote's {side} price is {money.text(quoted)}, not {money.text(echoed)}")


def require_size(
    *,
    quantity: Decimal | None,
    quote_quantity: Decimal | None,
    mid: Decimal,
    least: Decimal,
    most: Decimal,
    step: Decimal,
    base_scale: int,
    quote_scale: int,
) -> None:
    """Base quantities are multiples of the step within the bounds; quote quantities are held to the bounds at the mid.

    :raises TooManyDecimals, QuantityOutOfRange
    """
    if quantity is not None:
        if quantity % step or money.scale_of(quantity) > base_scale:
            raise TooManyDecimals(f"quantity goes in steps of {money.text(step)}", pointer="/quantity")
        inside = least <= quantity <= most
        field = "/quantity"
    else:
        assert quote_quantity is not None
        if money.scale_of(quote_quantity) > quote_scale:
            raise TooManyDecimals(f"quote_quantity has at most {quote_scale} decimals", pointer="/quote_quantity")
        inside = least * mid <= quote_quantity <= most * mid
        field = "/quote_quantity"
    if not inside:
        raise QuantityOutOfRange(f"from {money.text(least)} to {money.text(most)} of the base asset", pointer=field)


def require_ttl(ttl_ms: int) -> None:
    """:raises TtlOutOfRange: longer or shorter than even a person's quote lives"""
    least, most = HAND_TTL_MS
    if not least <= ttl_ms <= most:
        raise TtlOutOfRange(f"a quote lives {least} to {most} ms", pointer="/ttl_ms")


def sides_of(side: str) -> tuple[Side, ...]:
    """The sides to price, as the client sees them."""
    return (Side.BUY, Side.SELL) if side == Side.TWO_WAY else (Side(side),)
