"""What an address may say in its query: anything unreadable is as if it were not there, except ids, which are refused."""

from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID

from django.http import HttpRequest

from apps.core import ids
from apps.core.errors import NotFound
from apps.desk import amounts
from apps.desk.amounts import Unreadable
from apps.instruments.rules import Roll, business_date, business_day_bounds

ROLL = Roll()
FIRST_YEAR, LAST_YEAR = 1970, 2999


def text(request: HttpRequest, name: str, allowed: tuple[str, ...] | None = None) -> str:
    """One query parameter, cut to 80 characters; one that is not allowed counts as empty."""
    value = request.GET.get(name, "").replace("\x00", "").strip()[:80]
    return value if allowed is None or value in allowed else ""


def posted(request: HttpRequest, name: str, longest: int = 300) -> str:
    """One field of a form, without the blanks around it; longer than any of ours it is cut, and refused by whoever reads it."""
    return request.POST.get(name, "").strip()[: longest + 1]


def day(request: HttpRequest, name: str) -> date | None:
    """A date on which a desk could have dealt: the calendar's ends have no day before or after them."""
    try:
        found = date.fromisoformat(request.GET.get(name, ""))
    except ValueError:
        return None
    return found if FIRST_YEAR <= found.year <= LAST_YEAR else None


def posted_day(request: HttpRequest, name: str) -> date | None:
    """The same of a form's field."""
    try:
        found = date.fromisoformat(posted(request, name, 10))
    except ValueError:
        return None
    return found if FIRST_YEAR <= found.year <= LAST_YEAR else None


def needed_day(request: HttpRequest, name: str) -> date:
    """
    :raises Unreadable: none, or no date on which a desk could have dealt
    """
    found = posted_day(request, name)
    if found is None:
        raise Unreadable(f"{name.replace('_', ' ')}: a day such as 2026-09-16", pointer=name)
    return found


def posted_number(request: HttpRequest, name: str) -> Decimal:
    """A number that may be below zero; 0 where the field is empty.

    :raises Unreadable: anything else
    """
    typed = posted(request, name)
    return amounts.read_signed(typed, name) if typed else Decimal(0)


def needed_time(request: HttpRequest, name: str) -> time:
    """A time of day, to the minute.

    :raises Unreadable: none, or no time
    """
    try:
        return time.fromisoformat(posted(request, name, 5)).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        raise Unreadable(f"{name.replace('_', ' ')}: a time of day such as 16:00", pointer=name) from None


def posted_month(request: HttpRequest, name: str) -> date:
    """The first day of a form's month.

    :raises Unreadable: none, or no month in which a desk could have dealt
    """
    try:
        found = date.fromisoformat(f"{posted(request, name, 7)}-01")
    except ValueError:
        found = date.min
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise Unreadable(f"{name}: a month such as 2026-09", pointer=name)
    return found


def place(request: HttpRequest, prefix: str) -> tuple[datetime, UUID] | None:
    """The keyset `before`: an instant and an id, as `keyset` wrote them."""
    moment, _, wire = request.GET.get("before", "").partition("~")
    try:
        at = datetime.fromisoformat(moment)
        return None if at.tzinfo is None else (at, ids.decode(prefix, wire))
    except ValueError:
        return None


def keyset(at: datetime, prefix: str, value: UUID) -> str:
    return f"{at.isoformat()}~{ids.encode(prefix, value)}"


def decode(prefix: str, value: str, what: str) -> UUID:
    """
    :raises NotFound: no id of this kind
    """
    try:
        return ids.decode(prefix, value)
    except ValueError:
        raise NotFound(f"no such {what}") from None


def today(now: datetime) -> date:
    """The business date at `now`; the desk rolls as the booking entities of this installation do, at 17:00 New York."""
    return business_date(now, ROLL)


def bounds(on: date) -> tuple[datetime, datetime]:
    return business_day_bounds(on, ROLL)
