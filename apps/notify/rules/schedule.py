"""When a failed delivery is tried again, and when an endpoint is left in peace. All times are wall time. No Django.

The steps are those of Standard Webhooks: at once, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: 75 h 35 min 5 s in all.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

_MINUTE, _HOUR = 60, 3600
STEPS_S = (5, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR)
TRIES = len(STEPS_S) + 1  # after so many in vain the endpoint is degraded; tries go on, one a day
JITTER_PER_CENT = 10
RETRY_AFTER_MAX_S = _HOUR

DEADLINE_S = 15  # an answer that comes later is none
LEASE_S = 60  # how long a sender may take before another one tries: name, connection and answer fit in it
AT_ONCE = 8  # to one endpoint
BREAK_AFTER = 5  # failures in a row, then one try at a time, with pauses between
_PAUSES_S = (30, 60, 120, 300, 600)

KEEP_DAYS = 90
OVERLAP = timedelta(hours=24)  # how long the old key signs beside the new one
MAX_ENDPOINTS = 10
MAX_REPLAY = 10_000
ANSWER_BYTES = 500
IDLE_S = 5  # how soon an endpoint is looked at again whose due deliveries all wait for another one of their object


def wait_s(tries: int, *, draw: Callable[[int, int], int], retry_after_s: int = 0) -> int:
    """Seconds until the next try after `tries` failed ones, up to a tenth longer than its step.

    :param draw: a random whole number from … to …, both included
    :param retry_after_s: what the receiver asked for; heeded up to an hour
    """
    step = STEPS_S[min(max(tries, 1), len(STEPS_S)) - 1]
    jitter = draw(0, max(1, step * JITTER_PER_CENT // 100))
    return max(step + jitter, min(retry_after_s, RETRY_AFTER_MAX_S))


def pause_s(failures: int) -> int:
    """Seconds for which an endpoint that failed `failures` times in a row is left alone."""
    over = failures - BREAK_AFTER
    return 0 if over < 0 else _PAUSES_S[min(over, len(_PAUSES_S) - 1)]


def at_once(failures: int) -> int:
    """How many deliveries may be under way to an endpoint."""
    return AT_ONCE if failures < BREAK_AFTER else 1


def is_used_up(tries: int, failing_since: datetime, at: datetime) -> bool:
    """Whether this failed try was the last step of the schedule, or the endpoint has answered nothing for as long as that takes.

    Said once a delivery, not at each daily try after it.
    """
    return tries == TRIES or at - failing_since >= timedelta(seconds=sum(STEPS_S))


def after(at: datetime, seconds: int) -> datetime:
    return at + timedelta(seconds=seconds)
