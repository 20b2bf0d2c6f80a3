from apps.core.errors import Conflict, Rejected


class DuplicateOrder(Conflict):
    """Client order ids are unique for ever."""

    code, title = "duplicate_client_order_id", "This client_order_id was used before"


class AlreadyTraded(Conflict):
    code, title = "quote_answered", "The quote was traded before"


class DuplicateExecution(Conflict):
    """The LP's execution id is booked already, with other economics."""

    code, title = "duplicate_execution", "This execution was booked before with other figures"


class BadFill(Rejected):
    """A line of a fills file cannot be booked; `line` and `field` say which."""

    code, title = "bad_fill", "A line of the fills file is wrong"


class BadRecord(Rejected):
    """A line of an LP's record cannot be read or is not of what it was given for; `line` and `field` say which."""

    code, title = "bad_record", "A line of the LP's record is wrong"


class BadHedge(Rejected):
    """The hedge cannot be booked; `pointer` names the field."""

    code, title = "bad_hedge", "The hedge cannot be booked"


class NoConsent(Rejected):
    """FX Global Code 11: before the client's deal only with the client's consent on file."""

    code, title = "no_prehedge_consent", "The client's terms record no consent to pre-hedging"


class BadInternal(Rejected):
    code, title = "bad_internal_trade", "The internal trade cannot be booked"


class BadVersion(Rejected):
    """The deal cannot be changed so; `pointer` names the field."""

    code, title = "bad_version", "The deal cannot be changed so"


class AlreadyDisputed(Conflict):
    code, title = "already_disputed", "A dispute of this deal is open"


class OtherVersion(Conflict):
    """What was answered is not the current version of the deal: read it again."""

    code, title = "version_superseded", "The deal has another version by now"


class NoWord(Rejected):
    """The member has no authority on this account to answer for it, or one of ours gave no evidence of the client's word."""

    code, title = "no_word", "This is not for you to answer"


class NotAllocatable(Conflict):
    """Something of the deal is in a net set, on its way or settled; or it is prefunded and its balance does not hold it yet."""

    code, title = "not_allocatable", "The deal cannot be shared out any more"


class AlreadyAllocated(Conflict):
    code, title = "already_allocated", "An account has a share of this deal"


class BadAllocation(Rejected):
    """The deal cannot be shared out so; `pointer` names the share."""

    code, title = "bad_allocation", "The deal cannot be shared out so"
