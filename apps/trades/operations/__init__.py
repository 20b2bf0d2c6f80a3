"""Verbs of deals, split by noun; those that others call by the app's name stand here."""

from .allocations import decide_allocation, propose_allocations, reverse_allocation
from .clients import book_client
from .confirmations import affirm, confirm, dispute, end_dispute, remind, take_dispute
from .hedges import book_hedge, compare_hedge, compare_hedges, resolve_break, restate_hedge
from .internal import book_internal
from .plans import end_plan, plan_shares
from .records import keep_record
from .versions import Why, add_version, tell_version

__all__ = [
    "Why",
    "add_version",
    "affirm",
    "book_client",
    "book_hedge",
    "book_internal",
    "compare_hedge",
    "compare_hedges",
    "confirm",
    "decide_allocation",
    "dispute",
    "end_dispute",
    "end_plan",
    "keep_record",
    "plan_shares",
    "propose_allocations",
    "remind",
    "resolve_break",
    "restate_hedge",
    "reverse_allocation",
    "take_dispute",
    "tell_version",
]
