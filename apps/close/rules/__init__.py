"""What a close proves, what reconciliation finds, months. No Django."""

from .breaks import OF_A_DAY, WRITABLE, Account, Found, Known, balance_break, blocks, figures_of, item_kind, prove
from .carried import Carried, Start
from .months import days_of, first_of, next_month
from .proofs import (
    Held,
    NostroState,
    ProofKind,
    Taken,
    profit,
    prove_client_money,
    prove_identity,
    prove_marks,
    prove_suspense,
    prove_transit,
)

__all__ = [
    "OF_A_DAY",
    "WRITABLE",
    "Account",
    "Carried",
    "Found",
    "Held",
    "Known",
    "NostroState",
    "ProofKind",
    "Start",
    "Taken",
    "balance_break",
    "blocks",
    "days_of",
    "figures_of",
    "first_of",
    "item_kind",
    "next_month",
    "profit",
    "prove",
    "prove_client_money",
    "prove_identity",
    "prove_marks",
    "prove_suspense",
    "prove_transit",
]
