"""Obligations, net sets, instructions, receipts, deposits and withdrawals."""

from .accruing import Accrual, CommissionRate
from .adjusting import Adjustment
from .closing_out import CloseOut
from .housing import HouseTransfer
from .owing import Exclusion, LineDispute, NetLeg, NetSet, Nostro, Obligation
from .paying import GateDecision, Instruction, ReleaseBand, ReleaseStop, Withdrawal
from .receiving import Deposit, MatchTolerance, RailCursor, Receipt, ReceiptMatch, ReceiptNote, StatementImport, StatementLine
from .replacing import Replacement
from .reporting import RailReport
from .venues import VenueMovement, VenuePlace
from .ways_in import PayTo

__all__ = [
    "Accrual",
    "Adjustment",
    "CloseOut",
    "CommissionRate",
    "Deposit",
    "Exclusion",
    "GateDecision",
    "HouseTransfer",
    "Instruction",
    "LineDispute",
    "MatchTolerance",
    "NetLeg",
    "NetSet",
    "Nostro",
    "Obligation",
    "PayTo",
    "RailCursor",
    "RailReport",
    "Receipt",
    "ReceiptMatch",
    "ReceiptNote",
    "ReleaseBand",
    "ReleaseStop",
    "Replacement",
    "StatementImport",
    "StatementLine",
    "VenueMovement",
    "VenuePlace",
    "Withdrawal",
]
