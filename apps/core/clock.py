"""Two clocks. The desk's is the database's function desk_now(); the wall's is for signatures, limits and retention."""

from datetime import UTC, datetime, timedelta

from django.conf import settings

from . import db
from .errors import Rejected

# The body of desk_now(): in a statement that every use case begins with, the call of the function is half of what it costs.
DESK_NOW = "coalesce((SELECT coalesce(frozen_at, clock_timestamp() + offset_by) FROM core_deskclock WHERE id = 1), clock_timestamp())"


class ClockRefused(Rejected):
    code, title = "clock_refused", "The desk clock cannot be set so"


def desk_now() -> datetime:
    """The desk's time, read from the database by a statement of its own."""
    moment: datetime = db.one(f"SELECT {DESK_NOW}")[0]
    return moment


def wall_now() -> datetime:
    """This machine's clock in UTC. Never decides anything about a deal."""
    return datetime.now(UTC)


def freeze_desk(at: datetime) -> None:
    """Stand the desk clock still at `at` (demo, sandbox); after its first setting it only moves forward.

    :raises ClockRefused: in production, or backwards
    """
    _refuse_in_production()
    _set("frozen_at = %s, offset_by = NULL", "(id, frozen_at) VALUES (1, %s)", at)


def shift_desk(by: timedelta) -> None:
    """Let the desk clock run at wall time plus `by`."""
    _refuse_in_production()
    _set("frozen_at = NULL, offset_by = %s", "(id, offset_by) VALUES (1, %s)", by)


def release_desk() -> None:
    """Let the desk clock run with the wall again."""
    shift_desk(timedelta(0))


def _set(update: str, insert: str, value: object) -> None:
    from django.db import IntegrityError

    try:
        db.run(f"INSERT INTO core_deskclock {insert} ON CONFLICT (id) DO UPDATE SET {update}", (value, value))
    except IntegrityError as no:
        raise ClockRefused("the desk clock only moves forward") from no


def _refuse_in_production() -> None:
    if settings.ENVIRONMENT == "production":
        raise ClockRefused("production runs on the wall clock alone")
