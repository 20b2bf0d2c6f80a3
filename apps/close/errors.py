"""The close's refusals: one class, one stable code each."""

from apps.core.errors import Conflict, Forbidden, NotFound, Rejected


class NoSuchDay(NotFound):
    """This business day was never opened."""

    code, title = "no_such_day", "No such business day"


class DayNotOver(Conflict):
    """The business date has not rolled yet: deals may still be booked into it."""

    code, title = "day_not_over", "The business day is not over"


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

    code, title = "earlier_day_open", "An earlier day is not closed"


class MonthIsLocked(Conflict):
    """A day of a locked month is not reopened: the month is unlocked first."""

    code, title = "month_locked", "The month is locked"


class MonthNotReady(Rejected):
    """A month is locked when it is over and every one of its days that was opened is closed; `days` lists those that are not."""

    code, title = "month_not_ready", "The month cannot be locked yet"


class ReasonMissing(Rejected):
    """What is undone after a close is undone for a reason, in words."""

    code, title = "close_reason_missing", "Say why"


class DayIsClosed(Conflict):
    """The proofs of a closed day are those that it was closed by; reopen it first."""

    code, title = "day_is_closed", "The day is closed"


class NotYourBreak(Forbidden):
    """Only who owns a break explains it."""

    code, title = "not_your_break", "Somebody else has this break"


class NotWritable(Rejected):
    """Nothing can be written off: it is no difference of amounts, or single items explain it."""

    code, title = "not_writable", "This break is not written off"


class BadVenueRecord(Rejected):
    """A record of balances that cannot be read; `line` and `field` say where."""

    code, title = "bad_venue_record", "The record cannot be read"


class BadOpening(Rejected):
    """A list of opening balances that cannot be taken; `line` and `field` say where, and nothing of it is asked for."""

    code, title = "bad_opening", "Not a list of opening balances"


class OpeningTooLate(Conflict):
    """A balance is opened once, and before anything else posts to it; what is wrong with it later is an adjustment."""

    code, title = "opening_too_late", "This balance cannot be opened any more"
