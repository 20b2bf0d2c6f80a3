"""What a deal earns its introducer. No Django."""

from decimal import Decimal

from apps.core import money
from apps.settlement.states import CommissionBasis

BPS, PERCENT = Decimal(10_000), Decimal(100)


def due(
    *,
    basis: str,
    rate: Decimal,
    side: str,
    quantity: Decimal,
    price: Decimal,
    quote_quantity: Decimal,
    trader_rate: Decimal | None,
    scale: int,
) -> Decimal:
    """In the quote asset, rounded down to its scale.

    QUOTE_BPS: basis points of the quote amount. MARGIN_SHARE: percent of the sales margin, what the client's price is away from the
    trader's rate; nothing where there is none, or it went against us.

    :param side: the client's
    :param trader_rate: before the client's markup; None: not known
    """
    if basis == CommissionBasis.QUOTE_BPS:
        return money.round_down(quote_quantity * rate / BPS, scale)
    if trader_rate is None:
        return money.ZERO
    margin = (price - trader_rate) * quantity * (1 if side == "buy" else -1)
    return money.round_down(max(margin, money.ZERO) * rate / PERCENT, scale)
