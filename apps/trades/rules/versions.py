"""What a version of a client's deal changes, and how a block is shared out. No Django."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from apps.core import money

REASONS = ("CLIENT_ERROR", "DESK_ERROR", "MANIFEST_ERROR", "DUPLICATE", "ALLOCATION", "STATIC_DATA")
RISK_BOUND_USD = Decimal(10_000)  # what a version may cost or bring us before risk looks at it too


@dataclass(frozen=True, slots=True)
class Terms:
    """What two sides agreed, in the client's eyes. `fee` is in the quote asset: on top of `quote_quantity` where added, else inside it."""

    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    value_date: date


@dataclass(frozen=True, slots=True)
class Amounts:
    quote_quantity: Decimal
    pays: Decimal
    receives: Decimal


def amounts(terms: Terms, *, quote_scale: int, fee_added: bool) -> Amounts:
    """Both amounts, rounded once: what the client pays up, what it receives down, as a quote rounds them."""
    extra = terms.fee if fee_added else money.ZERO
    if terms.side == "buy":
        worth = money.round_up(terms.quantity * terms.price, quote_scale)
        return Amounts(worth, worth + extra, terms.quantity)
    worth = money.round_down(terms.quantity * terms.price, quote_scale)
    return Amounts(worth, terms.quantity, worth - extra)


def differences(old: Terms, new: Terms) -> list[str]:
    """The names of what a version changes."""
    return [name for name in ("side", "quantity", "price", "fee", "value_date") if getattr(old, name) != getattr(new, name)]


def result(old: Terms, new: Terms | None, mid: Decimal | None) -> Decimal:
    """What a version earns us, in the quote asset: the difference of both deals at the mid (at the old price, where none is known)."""
    at = old.price if mid is None else mid

    def earned(terms: Terms) -> Decimal:
        edge = (terms.price - at) * terms.quantity
        return (edge if terms.side == "buy" else -edge) + terms.fee

    return (money.ZERO if new is None else earned(new)) - earned(old)


def share_out(total: Decimal, shares: Sequence[Decimal], scale: int) -> list[Decimal]:
    """`total` by `shares`, each part rounded down to `scale` decimals; what is left over goes to the largest share, the first of equals.

    Σ of the parts is `total`, to the last decimal. A share may be zero, not all of them.
    """
    whole = sum(shares, money.ZERO)
    parts = [money.round_down(total * share / whole, scale) for share in shares]
    parts[shares.index(max(shares))] += total - sum(parts, money.ZERO)
    return parts
