from apps.core.errors import AppError, Conflict, Forbidden, Rejected


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


class BadKey(Rejected):
    """Not the 32 bytes of an Ed25519 public key in base64, or one that another key has."""

    code, title = "bad_public_key", "Not a public key that can be used"


class BadCap(Rejected):
    code, title = "bad_cap", "A cap of a key is not one"


class KeyCapExceeded(Rejected):
    """`cap` names it: pairs, deal_usd or day_usd."""

    code, title = "key_cap_exceeded", "Past a cap of the key itself"


class KeyEnded(Conflict):
    code, title = "key_ended", "The key is revoked or expired"


class NotYourKey(Forbidden):
    """A member ends its own keys; an admin of the client all of them, and asks for others."""

    code, title = "not_your_key", "Only its member or an admin does this with the key"


class NotAnAdmin(Forbidden):
    """A member is closed by an admin of the client; in the desk by an admin or by compliance."""

    code, title = "not_an_admin", "An admin of the client does this"


class BadLei(Rejected):
    code, title = "bad_lei", "Not an LEI, or its check digits are wrong"


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


class BadSsi(Rejected):
    """Its format, its check digits, its BIC, its network, or an end that is over already."""

    code, title = "bad_ssi", "Not a place that can be paid"


class SsiKnown(Conflict):
    code, title = "ssi_known", "The account has this settlement instruction already"


class SsiReplaced(Conflict):
    """Another one was made ACTIVE meanwhile: propose this one anew."""

    code, title = "ssi_replaced", "Another settlement instruction is active"


class SameMember(Rejected):
    """A second member of the client approves, never the one who asked, whichever of its keys it uses."""

    code, title = "second_member_needed", "A second member has to approve this"


class BadEvidence(Rejected):
    """What is said to prove a settlement instruction proves nothing."""

    code, title = "bad_evidence", "Not evidence"


class BadNumber(Rejected):
    code, title = "bad_number", "Not a telephone number"
