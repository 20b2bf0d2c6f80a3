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
