"""Verbs of the ledger."""

from .holds import hold, hold_again, hold_anew, post_holds, void_holds
from .posting import count_posted, forget_accounts, keep_open, open_accounts, post, reverse, stop_day

__all__ = [
    "count_posted",
    "forget_accounts",
    "hold",
    "hold_again",
    "hold_anew",
    "keep_open",
    "open_accounts",
    "post",
    "post_holds",
    "reverse",
    "stop_day",
    "void_holds",
]
