"""Four eyes: a request by a maker, an answer by a checker."""

from enum import StrEnum

from apps.core.states import Machine


class ApprovalStatus(StrEnum):
    REQUESTED = "REQUESTED"
    APPROVED = "APPROVED"
    EXECUTED = "EXECUTED"
    FAILED = "FAILED"
    STALE = "STALE"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


S = ApprovalStatus
APPROVAL = Machine(
    {
        S.REQUESTED: {S.APPROVED, S.REJECTED, S.WITHDRAWN, S.EXPIRED},
        S.APPROVED: {S.EXECUTED, S.FAILED, S.STALE},
        S.EXECUTED: set(),
        S.FAILED: set(),
        S.STALE: set(),
        S.REJECTED: set(),
        S.WITHDRAWN: set(),
        S.EXPIRED: set(),
    }
)
