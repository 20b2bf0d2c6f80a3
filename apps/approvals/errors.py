from apps.core.errors import Conflict, Forbidden


class SameHands(Forbidden):
    """Nobody checks what they made; superusers neither."""

    code, title = "four_eyes", "Somebody else has to check this"


class NotAChecker(Forbidden):
    code, title = "not_a_checker", "Your role does not check this"


class ApprovalOpen(Conflict):
    code, title = "approval_open", "There is an open request for this already"


class StaleRequest(Conflict):
    """What was asked on has changed since: ask again."""

    code, title = "approval_stale", "It has changed since it was asked"
