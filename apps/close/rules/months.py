"""Months. No Django."""

from datetime import date, timedelta


def first_of(on: date) -> date:
    """The first day of a date's month."""
    return on.replace(day=1)


def next_month(on: date) -> date:
    """The first day of the month after."""
    return first_of(first_of(on) + timedelta(days=31))


def days_of(first: date) -> list[date]:
    """Every day of a month."""
    return [first + timedelta(days=n) for n in range((next_month(first) - first).days)]
