"""A sandbox's tester moves the desk clock on: quotes expire, cut-offs pass, value dates come."""

from datetime import datetime, timedelta

from apps.core import clock
from apps.core.actor import Actor
from apps.core.unit import use_case

from .found_test_client import require_sandbox


@use_case
def advance_clock(*, actor: Actor, by: timedelta, now: datetime) -> datetime:
    """The desk's time afterwards; it runs on with the wall clock from there.

    :param by: forward only
    :raises AppError: SandboxOnly, ClockRefused (backwards)
    """
    require_sandbox()
    clock.shift_desk(now + by - clock.wall_now())
    return clock.desk_now()
