"""Value dates and cut-offs against people who wrote their own: QuantLib's calendars, dateutil's clocks. Ten years of them in the drill."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import product

import pytest
import QuantLib as ql
from dateutil import tz

from apps.instruments import rules
from apps.instruments.rules import Asset, CutOff, Kind, Roll

FIRST, LAST = date(2016, 1, 1), date(2025, 12, 31)
THEIRS = {
    "USD": ql.UnitedStates(ql.UnitedStates.FederalReserve),
    "EUR": ql.TARGET(),
    "GBP": ql.UnitedKingdom(ql.UnitedKingdom.Settlement),
    "JPY": ql.Japan(),
    "CHF": ql.Switzerland(),
    "AUD": ql.Australia(),
    "SEK": ql.Sweden(),
    "NOK": ql.Norway(),
    "DKK": ql.Denmark(),
    "PLN": ql.Poland(),
    "HKD": ql.HongKong(),
    "SGD": ql.Singapore(),
    "CZK": ql.CzechRepublic(),
}
# Where the two differ, and who is right.
_NORWAY = {date(year, 12, 24) for year in range(2016, 2026)}  # theirs is the exchange's; the central bank settles on Christmas Eve
_POLAND = {date(2018, 11, 12), date(2025, 12, 24)}  # a day off made by law a week before; a holiday since 2025: theirs has neither
_HONG_KONG = {date(2019, 5, 13), date(2021, 4, 6), date(2021, 12, 27), date(2022, 12, 27)}  # gazetted days in lieu: theirs lacks them
_SINGAPORE_KNOWN_FROM = date(2021, 1, 1)  # theirs lacks Chinese New Year and other moving days of earlier years
PAIRS = ("EUR-USD", "GBP-USD", "USD-JPY", "EUR-GBP", "EUR-JPY", "GBP-JPY", "USD-CHF", "BTC-USD", "BTC-EUR", "ETH-GBP", "BTC-USDC")
ZONES = ("Europe/London", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney")
KINDS = {"BTC": Kind.CRYPTO, "ETH": Kind.CRYPTO, "USDC": Kind.STABLECOIN}
# Ends of years, Easter, Golden Week, Juneteenth, the late Queen's funeral, the hours that are skipped or come twice.
SAMPLE = {
    date(2016, 3, 24), date(2019, 4, 26), date(2020, 12, 30), date(2021, 12, 30), date(2022, 9, 16), date(2023, 1, 2), date(2023, 5, 5),
    date(2023, 6, 16), date(2024, 3, 10), date(2024, 3, 28), date(2024, 3, 31), date(2024, 10, 6), date(2024, 10, 27), date(2024, 11, 3),
    date(2025, 12, 23), date(2025, 12, 31),
}  # fmt: skip


def days(sample: set[date]) -> Iterator[date]:
    if sample:
        yield from sorted(sample)
        return
    for nth in range((LAST - FIRST).days + 1):
        yield FIRST + timedelta(days=nth)


def is_open(currency: str, day: date) -> bool:
    return bool(THEIRS[currency].isBusinessDay(ql.Date(day.day, day.month, day.year)))


def asset(code: str) -> Asset:
    return Asset(code, KINDS.get(code, Kind.FIAT))


def settles(dealt: date, base: str, quote: str, tenor: int) -> date:
    """The rule as domain.md tells it, on QuantLib's calendars."""
    fiats = {base, quote} & set(THEIRS)
    if not fiats:
        return dealt + timedelta(days=tenor)
    counts, good = fiats, fiats
    if len(fiats) == 2:
        counts, good = fiats - {"USD"}, fiats | {"USD"}
    day, left = dealt, tenor
    while left > 1:  # days in between
        day += timedelta(days=1)
        left -= all(is_open(code, day) for code in counts)
    if tenor:
        day += timedelta(days=1)
    while not all(is_open(code, day) for code in good):
        day += timedelta(days=1)
    return day


def both(sample: set[date]) -> pytest.MarkDecorator:
    """A few days in `make test`, all of the decade in `make drill`."""
    return pytest.mark.parametrize("sample", [pytest.param(sample, id="sample"), pytest.param(set(), id="decade", marks=pytest.mark.drill)])


ENDS = ((1, 2), (3, 29), (5, 1), (6, 5), (12, 24), (12, 26), (12, 31))


@both({date(year, month, day) for year in (2018, 2024, 2025) for month, day in ENDS})
def test_every_day_is_good_or_closed_as_an_independent_calendar_says(sample: set[date]) -> None:
    differ = {
        (currency, day)
        for currency, day in product(THEIRS, list(days(sample)))
        if rules.LIBRARY.is_good(currency, day) != is_open(currency, day)
    }
    known = {("NOK", day) for day in _NORWAY} | {("PLN", day) for day in _POLAND} | {("HKD", day) for day in _HONG_KONG}
    assert {(code, day) for code, day in differ - known if code != "SGD" or day >= _SINGAPORE_KNOWN_FROM} == set()
    assert all(not rules.LIBRARY.is_good("SGD", day) for code, day in differ if code == "SGD")


@both(SAMPLE)
def test_value_dates_are_those_of_an_independent_calendar(sample: set[date]) -> None:
    for dealt, pair, tenor in product(list(days(sample)), PAIRS, range(3)):
        base, quote = pair.split("-")
        ours = rules.value_date(dealt, asset(base), asset(quote), tenor)
        assert ours == settles(dealt, base, quote, tenor), f"{pair} dealt {dealt} at T+{tenor}"


def test_the_worked_example() -> None:
    assert settles(date(2023, 6, 16), "EUR", "USD", 2) == date(2023, 6, 20)
    assert rules.value_date(date(2023, 6, 16), asset("EUR"), asset("USD"), 2) == date(2023, 6, 20)


@both(SAMPLE)
def test_cut_offs_are_the_wall_clock_s_also_where_the_clocks_change(sample: set[date]) -> None:
    for day, zone, at in product(list(days(sample)), ZONES, (time(1, 30), time(2, 30), time(16), time(18, 30))):
        there = tz.gettz(zone)
        wall = datetime.combine(day, at, tzinfo=there)
        if not tz.datetime_exists(wall):
            wall = tz.resolve_imaginary(wall)  # the same time after the gap
        assert rules.cutoff_at(day, CutOff("USD", at, zone)) == wall.astimezone(UTC), f"{day} {at} in {zone}"


@both(SAMPLE)
def test_business_dates_roll_at_the_wall_clock_and_lose_no_moment(sample: set[date]) -> None:
    for day, zone in product(list(days(sample)), ZONES):
        roll = Roll(time(17), zone)
        first, following = rules.business_day_bounds(day, roll)
        assert following == datetime.combine(day, time(17), tzinfo=tz.gettz(zone)).astimezone(UTC)
        assert rules.business_date(first, roll) == rules.business_date(following - timedelta(microseconds=1), roll) == day
        assert rules.business_date(following, roll) == day + timedelta(days=1)
