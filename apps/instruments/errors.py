"""Instruments' refusals: one class, one stable code each."""

from apps.core.errors import Rejected


class PastCutoff(Rejected):
    """T+0 is no longer possible; `extra["next_value_date"]` is the first date that is. Never a silent roll."""

    code, title = "past_cutoff", "Too late for this value date"


class UnknownCalendar(Rejected):
    """No calendar is known for a currency: its good days cannot be told."""

    code, title = "unknown_calendar", "No calendar for this currency"


class BadCalendarChange(Rejected):
    """The calendar cannot be changed so; `pointer` names the field."""

    code, title = "bad_calendar_change", "The calendar cannot be changed so"
