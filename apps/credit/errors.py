from apps.core.errors import Conflict, Rejected


class CreditExceeded(Rejected):
    """The line and its excess do not cover the deal; `binding` and `measure` name the limit that binds."""

    code, title = "credit_exceeded", "Past the credit line"


class CapExceeded(Rejected):
    """The account's cap for one deal, or for one business date."""

    code, title = "cap_exceeded", "Past the account's dealing cap"


class LineBreached(Rejected):
    """Marks, a cut or an expiry carried the use past the line: until it is cured, only deals that reduce risk."""

    code, title = "credit_breached", "Only risk-reducing deals until the breach is cured"


class MarkStale(Rejected):
    """Without a live mark of both assets, nobody knows what new risk would cost."""

    code, title = "mark_stale", "No live mark to carry new risk"


class NotReducing(Rejected):
    """A restricted client, or one past its line, deals only against its own open quantity, and no more than that."""

    code, title = "not_risk_reducing", "The deal does not reduce risk"


class BadLine(Rejected):
    """A line, excess, cap or haircut that makes no sense."""

    code, title = "bad_line", "The limit asked for is not possible"


class CallOpen(Conflict):
    code, title = "call_open", "A call on this line is open already"
