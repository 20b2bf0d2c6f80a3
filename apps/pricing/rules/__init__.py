"""Pricing's arithmetic: Decimals and instants in, Decimals and reasons out. No Django, no clock, no input or output."""

from .book import Level, OrderBook, check_book, cost, depth, quantity_for, vwap
from .bounds import AutoBounds, fewest_sources, is_past_limit, reasons_for_desk
from .composite import Composite, Health, Recipe, Source, cross, merge, require_fresh, with_sigma
from .fee import NO_FEE, Fee, FeeMode
from .guard import Bands, away_bps, require_consistent, require_meant, through_bps
from .marks import ClosingMark, MarkLimits, Observation, check_mark, closing_mark
from .policy import FREE_MOVE_BPS, PolicyTerms, read_terms, why_checked, write_terms
from .quote import PairSpec, SidePrice, client_price, given_price
from .spread import FREE_TTL_MS, Part, Side, SizeStep, Spread, size_bps, skew_bps, time_premium_bps
from .volatility import sigma

__all__ = [
    "FREE_MOVE_BPS",
    "FREE_TTL_MS",
    "NO_FEE",
    "AutoBounds",
    "Bands",
    "ClosingMark",
    "Composite",
    "Fee",
    "FeeMode",
    "Health",
    "Level",
    "MarkLimits",
    "Observation",
    "OrderBook",
    "PairSpec",
    "Part",
    "PolicyTerms",
    "Recipe",
    "Side",
    "SidePrice",
    "SizeStep",
    "Source",
    "Spread",
    "away_bps",
    "check_book",
    "check_mark",
    "client_price",
    "closing_mark",
    "cost",
    "cross",
    "depth",
    "fewest_sources",
    "given_price",
    "is_past_limit",
    "merge",
    "quantity_for",
    "read_terms",
    "reasons_for_desk",
    "require_consistent",
    "require_fresh",
    "require_meant",
    "sigma",
    "size_bps",
    "skew_bps",
    "through_bps",
    "time_premium_bps",
    "vwap",
    "why_checked",
    "with_sigma",
    "write_terms",
]
