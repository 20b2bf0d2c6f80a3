"""Arithmetic of deals: ledger lines, the LP's record beside ours, what a position earned. No Django, no clock."""

from .lines import Economics, client_lines, hedge_lines, internal_lines
from .record import Difference, Figures, compare

__all__ = ["Difference", "Economics", "Figures", "client_lines", "compare", "hedge_lines", "internal_lines"]
