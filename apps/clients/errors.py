from apps.core.errors import AppError, Conflict, Rejected


class AccountUnavailable(Rejected):
    """The status of the client or account does not allow it; a frozen client is told no more than this."""

    code, title = "account_unavailable", "The account is not available"


class DealingLimit(Rejected):
    code, title = "dealing_limit_exceeded", "Past the member's own dealing limit"


class TooManyKeys(Conflict):
    code, title = "too_many_keys", "A client has at most eight keys"


class BadAllowList(Rejected):
    code, title = "bad_allow_list", "The IP allow-list is not a list of networks"


class BadScope(Rejected):
    code, title = "bad_scope", "Unknown scope"


class BadLifetime(Rejected):
    code, title = "bad_lifetime", "A key cannot live so long or so short"


class BadLei(Rejected):
    code, title = "bad_lei", "The LEI's check digits are wrong"


class FairUseExceeded(AppError):
    """The client asked for much more prices than it dealt in the last day; its terms say how much is too much."""

    code, status, title, retry = "fair_use", 429, "Too many requests for too few deals", "after"


class NotDown(Rejected):
    code, title = "not_stricter", "One person only makes a client's status stricter"


class NotUp(Rejected):
    code, title = "not_a_step_up", "Two people only bring a client's status up"


class BadReview(Rejected):
    code, title = "bad_review", "Not a review"


class StillOpen(Conflict):
    """`open` lists what is not settled or not zero."""

    code, title = "still_open", "Something of this client is still open"
