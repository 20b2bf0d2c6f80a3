"""Pricing's arithmetic: Decimals and instants in, Decimals and reasons out. No Django, no clock, no input or output."""

from .book import Level, OrderBook, check_book, cost, depth, quantity_for, vwap
from .composite import Composite, Health, Source, cross, merge, require_fresh, with_sigma
from .fee import NO_FEE, Fee, FeeMode
from .guard import Bands, away_bps, require_consistent, require_meant, through_bps
from .marks import ClosingMark, MarkLimits, Observation, check_mark, closing_mark
from .quote import PairSpec, SidePrice, client_price
from .spread import Part, Side, SizeStep, Spread, size_bps, skew_bps, time_premium_bps
from .volatility import sigma

__all__ = [
    "NO_FEE",
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
    "merge",
    "quantity_for",
    "require_consistent",
    "require_fresh",
    "require_meant",
    "sigma",
    "size_bps",
    "skew_bps",
    "through_bps",
    "time_premium_bps",
    "vwap",
    "with_sigma",
]
