"""Arithmetic of deals: ledger lines, the LP's record beside ours, what a position earned. No Django, no clock."""

from .lines import Economics, Owed, client_lines, difference, hedge_lines, internal_lines, invoiced, otc_lines, restating_lines
from .pnl import CORRECTION, Explained, Flow, Holding, average_rate, explain, find_unmarked
from .record import Difference, Figures, compare
from .versions import REASONS, RISK_BOUND_USD, Amounts, Terms, amounts, differences, result, share_out

__all__ = [
    "CORRECTION",
    "REASONS",
    "RISK_BOUND_USD",
    "Amounts",
    "Difference",
    "Economics",
    "Explained",
    "Figures",
    "Flow",
    "Holding",
    "Owed",
    "Terms",
    "amounts",
    "average_rate",
    "client_lines",
    "compare",
    "difference",
    "differences",
    "explain",
    "find_unmarked",
    "hedge_lines",
    "internal_lines",
    "invoiced",
    "otc_lines",
    "restating_lines",
    "result",
    "share_out",
]
