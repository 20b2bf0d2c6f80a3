"""Obligations, net sets, instructions, receipts, deposits and withdrawals."""

from .adjusting import Adjustment
from .closing_out import CloseOut
from .housing import HouseTransfer
from .owing import Exclusion, LineDispute, NetLeg, NetSet, Nostro, Obligation
from .paying import GateDecision, Instruction, ReleaseBand, ReleaseStop, Withdrawal
from .receiving import Deposit, RailCursor, Receipt, ReceiptMatch, StatementImport, StatementLine
from .ways_in import PayTo

__all__ = [
    "Adjustment",
    "CloseOut",
    "Deposit",
    "Exclusion",
    "GateDecision",
    "HouseTransfer",
    "Instruction",
    "LineDispute",
    "NetLeg",
    "NetSet",
    "Nostro",
    "Obligation",
    "PayTo",
    "RailCursor",
    "Receipt",
    "ReceiptMatch",
    "ReleaseBand",
    "ReleaseStop",
    "StatementImport",
    "StatementLine",
    "Withdrawal",
]
