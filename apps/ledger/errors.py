from apps.core.errors import Conflict, Rejected


class PostingConflict(Conflict):
    """The key of this posting was used for another payload."""

    code, title = "posting_conflict", "Posted before with other lines"


class InsufficientBalance(Rejected):
    """The client's available balance does not cover it."""

    code, title = "insufficient_balance", "Not enough available balance"


class Unbalanced(AssertionError):
    """A bug, not a refusal: lines that do not sum to zero per asset."""
