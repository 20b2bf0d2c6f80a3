"""Which reports there are. No Django."""

from datetime import timedelta
from enum import StrEnum

LEASE = timedelta(minutes=10)  # how long a worker may render before another takes it for lost


class Report(StrEnum):
    BLOTTER = "blotter"
    POSITION = "position"
    STATEMENT = "statement"
    INVOICE = "invoice"  # of a month, dated its last day


NUMBERED = frozenset({Report.STATEMENT, Report.INVOICE})
