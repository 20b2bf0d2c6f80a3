"""Verbs of the close."""

from .days import close_day, keep_proofs, open_day, reopen_day, start_close, stop_close
from .months import move_month

__all__ = ["close_day", "keep_proofs", "move_month", "open_day", "reopen_day", "start_close", "stop_close"]
