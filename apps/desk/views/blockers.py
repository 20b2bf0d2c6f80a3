"""Why a payment may not go out, as an operator reads it; what compliance keeps to itself reads "held" to the others."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from apps.settlement.rules.gate import HARD

COMPLIANCE = frozenset({"FROZEN", "SCREENING", "TRAVEL_RULE", "KYC_OVERDUE", "CLIENT_SUSPENDED"})
WHAT_TO_DO = {
    "SSI_MISSING": "the client has no settlement instruction for this asset: ask for one",
    "SSI_NOT_ACTIVE": "its settlement instruction is not active",
    "SSI_COOLING": "its settlement instruction is new and cools off",
    "CLIENT_MONEY_SHORTFALL": "client money would not be covered: fund the client account first",
    "RELEASE_STOPPED": "releases are stopped",
    "PENDING_APPROVAL": "somebody has to approve it first",
    "NOT_YET_DUE": "it is not due yet",
    "PAST_CUTOFF": "the rail's cut-off has passed",
    "RAIL_DOWN": "the rail is down",
    "NOT_AGREED": "the client has not agreed the net set",
    "AWAITING_THEIR_LEG": "the client has to pay first",
    "THEIR_LEG_PARTIAL": "the client has paid only part",
    "INSUFFICIENT_NOSTRO": "our account holds too little",
    "FROZEN": "the client is frozen",
    "SCREENING": "screening has a hit",
    "TRAVEL_RULE": "travel-rule data are missing",
    "CLIENT_SUSPENDED": "the client is suspended",
    "TRADE_DISPUTED": "the client disputes a deal of it",
    "UNAFFIRMED": "the client has not affirmed a deal of it",
    "UNALLOCATED": "a block of it is not allocated",
    "NO_CREDIT": "we would pay what no line in force, or no balance, covers",
    "SETTLEMENT_LIMIT": "more is under way on its value date than the line carries",
    "COUNTERPARTY_OVERDUE": "the client is late with something else",
    "KYC_OVERDUE": "the review of the client is overdue",
    "OVER_RAIL_LIMIT": "the rail takes no payment as large as this",
    "DUPLICATE_SUSPECTED": "it looks like a payment already made",
    "EARLIER_ATTEMPT_LIVES": "an earlier attempt failed here and goes on at its rail: it would be paid twice",
}


@dataclass(frozen=True, slots=True)
class Blocker:
    code: str
    is_hard: bool
    text: str


def read_blockers(stored: Iterable[Any], *, may_know: bool) -> list[Blocker]:
    """
    :param stored: as a gate decision keeps them: codes, or objects with `code` and perhaps `detail`
    :param may_know: whether compliance's reasons may be named
    """
    out: list[Blocker] = []
    for one in stored:
        code, detail = (str(one.get("code", "")), str(one.get("detail") or "")) if isinstance(one, dict) else (str(one), "")
        if code in COMPLIANCE and not may_know:
            code, detail = "HELD", "operations knows why"
        if not any(b.code == code for b in out):
            out.append(Blocker(code, code in HARD, detail or WHAT_TO_DO.get(code, "")))
    return out
