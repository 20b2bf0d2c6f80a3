"""Verbs of the close."""

from .breaks import comment_break, explain_break, keep_breaks, take_break, write_off_break
from .days import close_day, keep_changed, keep_proofs, open_day, reopen_day, start_close, stop_close
from .months import move_month
from .openings import post_opening
from .shortfalls import note_cover, take_shortfall
from .venues import keep_venue_balances

__all__ = [
    "close_day",
    "comment_break",
    "explain_break",
    "keep_breaks",
    "keep_changed",
    "keep_proofs",
    "keep_venue_balances",
    "move_month",
    "note_cover",
    "open_day",
    "post_opening",
    "reopen_day",
    "start_close",
    "stop_close",
    "take_break",
    "take_shortfall",
    "write_off_break",
]
