"""Reserve at the quote, commit at the accept, release or close at the end; grant lines, keep marks, record breaches, call."""

from .breaches import review
from .calls import call_balance, issue_call, meet_calls, withdraw_call
from .lines import line_id_of, seed_reference, set_haircut, set_line
from .marks import revalue, set_marks, set_revalued
from .reserving import (
    Agreed,
    adjust,
    allocate,
    book_agreed,
    close,
    close_all,
    commit,
    commit_with_next,
    lock_all_lines,
    lock_client,
    lock_lines,
    lock_source,
    reads_of,
    release,
    reserve,
    retake,
)

__all__ = [
    "Agreed",
    "adjust",
    "allocate",
    "book_agreed",
    "call_balance",
    "close",
    "close_all",
    "commit",
    "commit_with_next",
    "issue_call",
    "line_id_of",
    "lock_all_lines",
    "lock_client",
    "lock_lines",
    "lock_source",
    "meet_calls",
    "reads_of",
    "release",
    "reserve",
    "retake",
    "revalue",
    "review",
    "seed_reference",
    "set_haircut",
    "set_line",
    "set_marks",
    "set_revalued",
    "withdraw_call",
]
