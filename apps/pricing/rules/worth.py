"""What an asset is worth in USD, out of the sources of a book that was priced with it."""

from decimal import Decimal

from .composite import Composite


def usd_per(quote_asset: str, depth: Composite | None) -> Decimal | None:
    """USD for one unit of the quote asset; None where the book does not say."""
    if quote_asset == "USD":
        return Decimal(1)
    used = [s for s in (depth.sources if depth is not None else ()) if s.used and s.pair == f"{quote_asset}-USD"]
    return used[0].mid if used else None
