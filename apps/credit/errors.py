from apps.core.errors import Rejected


class CreditExceeded(Rejected):
    """The line and its excess do not cover the deal; `binding` names the limit that binds."""

    code, title = "credit_exceeded", "Past the credit line"
