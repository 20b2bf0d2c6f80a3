"""Which reports there are. No Django."""

from datetime import timedelta
from enum import StrEnum

LEASE = timedelta(minutes=10)  # how long a worker may render before another takes it for lost


class Report(StrEnum):
    BLOTTER = "blotter"
    POSITION = "position"
    STATEMENT = "statement"


NUMBERED = frozenset({Report.STATEMENT})
