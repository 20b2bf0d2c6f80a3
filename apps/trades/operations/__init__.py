"""Verbs of deals, split by noun; those that others call by the app's name stand here."""

from .clients import book_client
from .hedges import book_hedge, cancel_hedge, compare_hedge, resolve_break
from .internal import book_internal
from .records import keep_record
from .versions import Why, add_version, tell_version

__all__ = [
    "Why",
    "add_version",
    "book_client",
    "book_hedge",
    "book_internal",
    "cancel_hedge",
    "compare_hedge",
    "keep_record",
    "resolve_break",
    "tell_version",
]
