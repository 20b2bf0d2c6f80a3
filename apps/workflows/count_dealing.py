"""Statistics of dealing are sums of events; they can be made again from them, with the same result."""

from datetime import datetime

from apps.core.unit import use_case
from apps.reports.operations import statistics


@use_case
def rebuild_statistics(*, now: datetime) -> int:
    """How many hours of a client and pair have any."""
    del now
    return statistics.rebuild()
