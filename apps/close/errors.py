"""The close's refusals: one class, one stable code each."""

from apps.core.errors import Conflict, Forbidden, NotFound, Rejected


class NoSuchDay(NotFound):
    """This business day was never opened."""

    code, title = "no_such_day", "No such business day"


class DayNotOver(Conflict):
    """The business date has not rolled yet: deals may still be booked into it."""

    code, title, retry = "day_not_over", "The business day is not over", "after"


class DayNotReady(Rejected):
    """Something that a close needs is not proven; `missing` lists what, with details."""

    code, title = "day_not_ready", "The day cannot be closed yet"


class NotACloser(Forbidden):
    """Operations start a close; finance or risk close."""

    code, title = "not_a_closer", "Your role does not close days"


class SameHandsClose(Forbidden):
    """Nobody closes the day whose close they started."""

    code, title = "four_eyes", "Somebody else has to close this day"


class MarksIncomplete(Rejected):
    """An asset with a balance has no mark; `missing` lists them."""

    code, title = "marks_incomplete", "Marks are missing"


class EarlierDayOpen(Conflict):
    """Days close in their order: an earlier one is still open."""

    code, title, retry = "earlier_day_open", "An earlier day is not closed", "after"


class MonthIsLocked(Conflict):
    """A day of a locked month is not reopened: the month is unlocked first."""

    code, title = "month_locked", "The month is locked"


class MonthNotReady(Rejected):
    """A month is locked when it is over and every one of its days that was opened is closed; `days` lists those that are not."""

    code, title = "month_not_ready", "The month cannot be locked yet"


class ReasonMissing(Rejected):
    """What is undone after a close is undone for a reason, in words."""

    code, title = "close_reason_missing", "Say why"
