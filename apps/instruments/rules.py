"""Days: which are good for a currency, when a deal settles, when the business date rolls. No Django, no clock.

Holidays come from the `holidays` library: the Federal Reserve's for USD, TARGET's (the ECB's) for EUR, the bank holidays of the country
for other currencies. Crypto and stablecoins settle every day.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo

import holidays

from .errors import PastCutoff, UnknownCalendar

USD = "USD"
LATEST_TENOR = 2  # scope: spot, T+0 to T+2
_FINANCIAL = {"USD": "XFED", "EUR": "XECB"}
_COUNTRY = {
    "GBP": ("GB", "ENG"), "JPY": ("JP", None), "CHF": ("CH", "ZH"), "AUD": ("AU", "NSW"), "SGD": ("SG", None), "SEK": ("SE", None),
    "NOK": ("NO", None), "DKK": ("DK", None), "PLN": ("PL", None), "HKD": ("HK", None), "CZK": ("CZ", None),
}  # fmt: skip
# Which of the library's categories close the banks; elsewhere public and bank holidays. Sweden's "bank" ones are short days, not closed.
_CATEGORIES = {"SEK": ("public", "de_facto"), "HKD": ("public", "optional")}
# What the library does not know of: Berchtold's day (the closed days of SIC); Denmark's banks on Constitution Day and at the year's end.
_ALSO = {"CHF": ((1, 2),), "DKK": ((6, 5), (12, 24), (12, 31))}


class Kind(StrEnum):
    FIAT = "FIAT"
    CRYPTO = "CRYPTO"
    STABLECOIN = "STABLECOIN"


@dataclass(frozen=True, slots=True)
class Asset:
    code: str
    kind: Kind

    @property
    def has_calendar(self) -> bool:
        """Currencies settle on their banks' good days; crypto and stablecoins every day."""
        return self.kind is Kind.FIAT


@dataclass(frozen=True, slots=True)
class CutOff:
    """The last moment of a value date at which an asset can still be sent: wall-clock in a named zone."""

    asset: str
    at: time
    zone: str
    changed: tuple[tuple[date, time], ...] = ()  # days on which it is another one


@dataclass(frozen=True, slots=True)
class Roll:
    """When a booking entity's business date becomes the next one: wall-clock in a named zone, on every calendar day."""

    at: time = time(17)
    zone: str = "America/New_York"


NEW_YORK_CLOSE = Roll()


@dataclass(frozen=True, slots=True)
class Calendars:
    """Good days by currency: the library's holidays, then the desk's own overrides (True: good after all, False: closed).

    `revision` numbers the overrides; `version` goes on quote, trade and confirmation.
    """

    overrides: Mapping[str, Mapping[date, bool]] = field(default_factory=dict)
    revision: int = 0

    @property
    def version(self) -> str:
        return f"holidays-{holidays.__version__}+{self.revision}"

    def is_good(self, currency: str, day: date) -> bool:
        """Whether payments in this fiat currency settle on `day`.

        :raises UnknownCalendar: no calendar for it
        """
        closed = _closed(currency, day.year)
        override = self.overrides.get(currency, {}).get(day)
        return override if override is not None else day.weekday() < 5 and day not in closed


LIBRARY = Calendars()


@cache
def calendars_of(changes: tuple[tuple[int, str, date, bool | None], ...]) -> Calendars:
    """The calendars that the desk's changes make of the library's: (number, currency, day, good or as the library says), in their order."""
    overrides: dict[str, dict[date, bool]] = {}
    for _, currency, day, is_good in changes:
        mine = overrides.setdefault(currency, {})
        if is_good is None:
            mine.pop(day, None)
        else:
            mine[day] = is_good
    return Calendars(overrides, max((number for number, *_ in changes), default=0))


def final_currencies(base: Asset, quote: Asset) -> frozenset[str]:
    """The fiat currencies for which a pair's value date is good: its own, and USD in crosses."""
    fiats = frozenset(asset.code for asset in (base, quote) if asset.has_calendar)
    return fiats | {USD} if len(fiats) == 2 else fiats


@dataclass(frozen=True, slots=True)
class ValueDate:
    """The one settlement date of both legs, with what it was told by: cut-offs in UTC by asset, and the calendar's version."""

    day: date
    tenor: int
    cutoffs: tuple[tuple[str, datetime], ...]
    calendar_version: str


def value_date(trade_date: date, base: Asset, quote: Asset, tenor: int, calendars: Calendars = LIBRARY) -> date:
    """The date `tenor` days after `trade_date`, good for both legs.

    Crypto with one fiat: business days of that fiat. Two fiats: a day in between counts when it is good for the currency that is not USD
    (in crosses: for both); the date itself is good for both, and for USD in crosses. Crypto only: calendar days. With T+0 the trade date
    itself, or the first good day after it where it is none: `settle_on` refuses that instead of rolling.

    :raises UnknownCalendar: a fiat currency without one
    :raises ValueError: a tenor other than 0, 1 or 2, or a pair of one asset
    """
    if not 0 <= tenor <= LATEST_TENOR:
        raise ValueError(f"tenor T+{tenor}: T+0, T+1 or T+2")
    if base.code == quote.code:
        raise ValueError(f"{base.code} against itself")
    fiats = {asset.code for asset in (base, quote) if asset.has_calendar}
    if not fiats:
        return trade_date + timedelta(days=tenor)
    between = fiats - {USD} if len(fiats) == 2 else fiats
    final = final_currencies(base, quote)
    day = trade_date
    for _ in range(tenor - 1):
        day = _next_good(day + timedelta(days=1), between, calendars)
    return _next_good(day + timedelta(days=1) if tenor else day, final, calendars)


def settle_on(
    now: datetime,
    trade_date: date,
    base: Asset,
    quote: Asset,
    tenor: int,
    *,
    cutoffs: Sequence[CutOff] = (),
    calendars: Calendars = LIBRARY,
) -> ValueDate:
    """The value date of a deal made now, with its cut-offs.

    T+0 needs the trade date to be good and every cut-off of the two assets to lie ahead; an asset without a cut-off settles all day.

    :param cutoffs: those of other assets are ignored; of several for one asset the earliest counts
    :raises PastCutoff: T+0 is not possible any more; the next date is in `extra["next_value_date"]`
    """
    day = value_date(trade_date, base, quote, tenor, calendars)
    mine = _cutoffs_on(day, (base.code, quote.code), cutoffs)
    if tenor == 0:
        following = value_date(trade_date, base, quote, 1, calendars)
        if day != trade_date:
            raise PastCutoff(f"{trade_date} is not a good day for {base.code}-{quote.code}", next_value_date=following.isoformat())
        for asset, moment in mine:
            if moment <= now:
                raise PastCutoff(f"{asset}: the cut-off was {moment.isoformat()}", next_value_date=following.isoformat())
    return ValueDate(day, tenor, mine, calendars.version)


def still_on(
    now: datetime, day: date, base: Asset, quote: Asset, tenor: int, *, cutoffs: Sequence[CutOff] = (), calendars: Calendars = LIBRARY
) -> ValueDate:
    """A value date that was told before, for a deal made now: it never rolls in silence, it is refused once a cut-off has passed or the
    day is good no more.

    :raises PastCutoff: it can no longer be settled on that day; the next date is in `extra["next_value_date"]`
    """
    mine = _cutoffs_on(day, (base.code, quote.code), cutoffs)
    if not all(calendars.is_good(currency, day) for currency in final_currencies(base, quote)):
        following = value_date(day, base, quote, 1, calendars)
        raise PastCutoff(f"{day} is not a good day any more", next_value_date=following.isoformat())
    for asset, moment in mine:
        if moment <= now:
            following = value_date(day, base, quote, 1, calendars)
            raise PastCutoff(f"{asset}: the cut-off was {moment.isoformat()}", next_value_date=following.isoformat())
    return ValueDate(day, tenor, mine, calendars.version)


def cutoff_at(day: date, cutoff: CutOff) -> datetime:
    """A cut-off of `day` in UTC. A wall-clock time that comes twice means the first; one that is skipped, the same time after the gap."""
    return _in_utc(day, dict(cutoff.changed).get(day, cutoff.at), cutoff.zone)


def business_date(now: datetime, roll: Roll = NEW_YORK_CLOSE) -> date:
    """The business date at `now`: it rolls at the wall-clock time, on every calendar day, also on weekends.

    :raises ValueError: `now` without a zone
    """
    if now.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    # By instants, not by the local clock face: in the hour that comes twice the face would roll back and forth.
    day = now.astimezone(ZoneInfo(roll.zone)).date()
    return day if now < _in_utc(day, roll.at, roll.zone) else day + timedelta(days=1)


def business_day_bounds(day: date, roll: Roll = NEW_YORK_CLOSE) -> tuple[datetime, datetime]:
    """First instant of a business date and first instant of the next, in UTC; 23 or 25 hours apart where the clocks change."""
    return _in_utc(day - timedelta(days=1), roll.at, roll.zone), _in_utc(day, roll.at, roll.zone)


def next_good_day(day: date, currencies: Collection[str], calendars: Calendars = LIBRARY) -> date:
    """The first day after `day` that is good for all these fiat currencies."""
    return _next_good(day + timedelta(days=1), currencies, calendars)


def _cutoffs_on(day: date, codes: tuple[str, str], cutoffs: Sequence[CutOff]) -> tuple[tuple[str, datetime], ...]:
    earliest: dict[str, datetime] = {}
    for cutoff in cutoffs:
        if cutoff.asset in codes:
            moment = cutoff_at(day, cutoff)
            earliest[cutoff.asset] = min(moment, earliest.get(cutoff.asset, moment))
    return tuple((code, earliest[code]) for code in codes if code in earliest)


def _next_good(day: date, currencies: Collection[str], calendars: Calendars) -> date:
    while not all(calendars.is_good(currency, day) for currency in currencies):
        day += timedelta(days=1)
    return day


def _in_utc(day: date, at: time, zone: str) -> datetime:
    return datetime.combine(day, at, tzinfo=ZoneInfo(zone)).astimezone(UTC)


@cache
def _closed(currency: str, year: int) -> frozenset[date]:
    """The holidays of a currency in a year; cached, since the library works them out each time."""
    if market := _FINANCIAL.get(currency):
        return frozenset(holidays.financial_holidays(market, years=year))
    if currency not in _COUNTRY:
        raise UnknownCalendar(f"no calendar for {currency}", currency=currency)
    country, part = _COUNTRY[currency]
    supported = holidays.country_holidays(country, subdiv=part).supported_categories
    categories = _CATEGORIES.get(currency) or tuple(category for category in ("public", "bank") if category in supported)
    # Each for itself: together the library moves Hong Kong's days once too often.
    found = {day for one in categories for day in holidays.country_holidays(country, subdiv=part, years=year, categories=one)}
    more = {date(year, month, day) for month, day in _ALSO.get(currency, ())}
    if currency == "DKK":  # the Friday after Ascension
        more |= {day + timedelta(days=1) for day in found if day.weekday() == 3 and (4, 30) <= (day.month, day.day) <= (6, 3)}
    return frozenset(found) | more
