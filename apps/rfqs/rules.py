"""Yes and no about requests and quotes. No Django."""

from datetime import datetime, timedelta
from decimal import Decimal

from apps.core import money

from .errors import (
    PriceMismatch,
    QuantityOutOfRange,
    QuoteAnswered,
    QuoteExpired,
    QuoteSuperseded,
    QuoteWithdrawn,
    TooManyDecimals,
    TtlOutOfRange,
)
from .states import QuoteStatus, Side

AUTO_TTL_MS = (1_000, 30_000)  # what an automatic quote may live
DEFAULT_TTL_MS = 10_000
RESPOND_MS = (1_000, 900_000)
DEFAULT_RESPOND_MS = 60_000


def require_live(status: str, *, expires_at: datetime, received: datetime, ended_at: datetime | None, min_life: timedelta) -> None:
    """Whether a quote could be executed at `received`; a dead one is dead by its time, whatever its row says.

    :raises QuoteAnswered, QuoteWithdrawn, QuoteSuperseded, QuoteExpired
    """
    if status in {QuoteStatus.ACCEPTED, QuoteStatus.DECLINED, QuoteStatus.COUNTERED}:
        raise QuoteAnswered(f"the quote is {status}")
    if status == QuoteStatus.WITHDRAWN and (ended_at is None or ended_at <= received):
        raise QuoteWithdrawn("the quote was withdrawn")
    if received >= expires_at:
        raise QuoteExpired(f"the quote ended at {expires_at.isoformat()}")
    if status == QuoteStatus.SUPERSEDED and (ended_at is None or received > ended_at + min_life):
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
    least, most = AUTO_TTL_MS
    if not least <= ttl_ms <= most:
        raise TtlOutOfRange(f"an automatic quote lives {least} to {most} ms", pointer="/ttl_ms")


def sides_of(side: str) -> tuple[Side, ...]:
    """The sides to price, as the client sees them."""
    return (Side.BUY, Side.SELL) if side == Side.TWO_WAY else (Side(side),)
