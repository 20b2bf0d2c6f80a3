from enum import StrEnum

from apps.core.states import Machine


class MarkSetStatus(StrEnum):
    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    SUPERSEDED = "SUPERSEDED"


S = MarkSetStatus
MARK_SET = Machine({S.PROPOSED: {S.APPROVED, S.SUPERSEDED}, S.APPROVED: {S.SUPERSEDED}, S.SUPERSEDED: set()})
