"""What stands where in each report: rows of the database to tables for people and cells for machines."""

from .blotter import BLOTTER_HEADER, blotter, blotter_cells
from .invoice import INVOICE_HEADER, invoice, invoice_cells
from .position import POSITION_HEADER, Valuation, position, position_cells
from .statement import STATEMENT_HEADER, Account, statement, statement_cells
from .words import sealed

__all__ = [
    "BLOTTER_HEADER",
    "INVOICE_HEADER",
    "POSITION_HEADER",
    "STATEMENT_HEADER",
    "Account",
    "Valuation",
    "blotter",
    "blotter_cells",
    "invoice",
    "invoice_cells",
    "position",
    "position_cells",
    "sealed",
    "statement",
    "statement_cells",
]
