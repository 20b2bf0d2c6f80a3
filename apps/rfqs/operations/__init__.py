"""Open a request, quote it by itself or by hand, work it in the desk, and end either in one of the ways of states.py."""

from apps.rfqs.rendering import AMOUNTS

from .answer import accept, counter, decline
from .ask import Ask, Figures, agree, open_quoted, open_rfq, requote
from .end import end_rfq, expire_quote, withdraw
from .own import hold, pick_up, release, resume, take_over

__all__ = [
    "AMOUNTS",
    "Ask",
    "Figures",
    "accept",
    "agree",
    "counter",
    "decline",
    "end_rfq",
    "expire_quote",
    "hold",
    "open_quoted",
    "open_rfq",
    "pick_up",
    "release",
    "requote",
    "resume",
    "take_over",
    "withdraw",
]
