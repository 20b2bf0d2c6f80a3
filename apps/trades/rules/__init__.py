"""Arithmetic of deals: ledger lines, the LP's record beside ours, what a position earned. No Django, no clock."""

from .lines import Economics, client_lines, hedge_lines, internal_lines, otc_lines
from .pnl import CORRECTION, Explained, Flow, Holding, average_rate, explain, find_unmarked
from .record import Difference, Figures, compare

__all__ = [
    "CORRECTION",
    "Difference",
    "Economics",
    "Explained",
    "Figures",
    "Flow",
    "Holding",
    "average_rate",
    "client_lines",
    "compare",
    "explain",
    "find_unmarked",
    "hedge_lines",
    "internal_lines",
    "otc_lines",
]
