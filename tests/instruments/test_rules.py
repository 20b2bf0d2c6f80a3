"""Value dates, cut-offs and the business-date roll, by table."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.instruments import rules
from apps.instruments.errors import PastCutoff, UnknownCalendar
from apps.instruments.rules import Asset, Calendars, CutOff, Kind

BTC, ETH, USDC = Asset("BTC", Kind.CRYPTO), Asset("ETH", Kind.CRYPTO), Asset("USDC", Kind.STABLECOIN)
USD, EUR, GBP, JPY = (Asset(code, Kind.FIAT) for code in ("USD", "EUR", "GBP", "JPY"))
EVERY = {"BTC": BTC, "ETH": ETH, "USDC": USDC, "USD": USD, "EUR": EUR, "GBP": GBP, "JPY": JPY}


@pytest.mark.parametrize(
    ("pair", "dealt", "tenor", "settles"),
    [
        # two fiats: the day between is Juneteenth, closed for USD only, and counts
        ("EUR-USD", "2023-06-16", 2, "2023-06-20"),
        ("EUR-USD", "2023-06-16", 1, "2023-06-20"),  # the 19th itself is closed for USD
        ("GBP-USD", "2023-06-16", 2, "2023-06-20"),
        # the day between is closed for the currency that is not USD, and does not count
        ("GBP-USD", "2023-05-05", 2, "2023-05-10"),  # coronation, Monday the 8th
        ("EUR-USD", "2023-04-06", 2, "2023-04-12"),  # Good Friday and Easter Monday
        # crosses: USD need not be open between, but is on the date itself
        ("EUR-GBP", "2023-06-16", 2, "2023-06-20"),
        ("EUR-GBP", "2023-06-15", 2, "2023-06-20"),  # Monday the 19th is good for both, but closed for USD
        ("EUR-GBP", "2023-05-05", 2, "2023-05-10"),
        ("EUR-JPY", "2023-05-02", 2, "2023-05-09"),  # Golden Week: 3 to 5 May closed for JPY
        # crypto with one fiat: business days of that fiat
        ("BTC-USD", "2023-06-16", 2, "2023-06-21"),
        ("BTC-EUR", "2023-06-16", 2, "2023-06-20"),
        ("BTC-USD", "2023-06-16", 1, "2023-06-20"),
        ("BTC-USD", "2023-06-16", 0, "2023-06-16"),
        ("BTC-USD", "2023-06-17", 1, "2023-06-20"),  # dealt on a Saturday
        ("BTC-EUR", "2023-06-17", 1, "2023-06-19"),
        ("USDC-EUR", "2023-06-17", 2, "2023-06-20"),
        ("BTC-USD", "2022-01-01", 1, "2022-01-03"),
        ("BTC-USD", "2021-12-30", 1, "2021-12-31"),  # the Federal Reserve does not move a Saturday's holiday to Friday
        ("BTC-GBP", "2021-12-31", 1, "2022-01-04"),  # the bank holiday of Saturday 1 January is kept on Monday
        # crypto only: calendar days
        ("ETH-BTC", "2023-06-16", 2, "2023-06-18"),
        ("BTC-USDC", "2022-12-31", 1, "2023-01-01"),
        ("BTC-USDC", "2022-12-31", 0, "2022-12-31"),
    ],
)
def test_a_deal_settles_on_the_date_of_the_book(pair, dealt, tenor, settles):
    base, quote = (EVERY[code] for code in pair.split("-"))
    assert rules.value_date(date.fromisoformat(dealt), base, quote, tenor).isoformat() == settles


@given(
    st.dates(date(2015, 1, 1), date(2035, 12, 31)),
    st.sampled_from(list(EVERY.values())),
    st.sampled_from(list(EVERY.values())),
    st.sampled_from([0, 1, 2]),
)
def test_a_value_date_is_good_for_both_legs_and_never_before_the_tenor(dealt, base, quote, tenor):
    if base == quote:
        return
    day = rules.value_date(dealt, base, quote, tenor)
    assert day >= dealt + timedelta(days=tenor)
    assert all(rules.LIBRARY.is_good(asset.code, day) for asset in (base, quote) if asset.has_calendar)
    if tenor:
        assert day >= rules.value_date(dealt, base, quote, tenor - 1)


def test_an_override_closes_a_day_or_opens_it():
    strike = date(2023, 6, 20)
    closed = Calendars(overrides={"USD": {strike: False}}, revision=7)
    assert rules.value_date(date(2023, 6, 16), EUR, USD, 2, closed) == date(2023, 6, 21)
    opened = Calendars(overrides={"USD": {date(2023, 6, 19): True, date(2023, 6, 17): True}})
    assert rules.value_date(date(2023, 6, 16), BTC, USD, 1, opened) == date(2023, 6, 17)
    assert closed.version.endswith("+7")
    assert closed.version != opened.version


def test_a_currency_without_a_calendar_is_refused_by_name():
    with pytest.raises(UnknownCalendar, match="XTS"):
        rules.value_date(date(2023, 6, 16), BTC, Asset("XTS", Kind.FIAT), 1)


@pytest.mark.parametrize("code", ["CHF", "AUD", "SGD", "SEK", "NOK", "DKK", "PLN", "HKD", "CZK", "JPY", "GBP", "EUR", "USD"])
def test_every_known_currency_is_closed_on_new_years_day_and_on_sundays(code):
    assert not rules.LIBRARY.is_good(code, date(2024, 1, 1))
    assert not rules.LIBRARY.is_good(code, date(2024, 6, 16))
    assert rules.LIBRARY.is_good(code, date(2024, 6, 18))


@pytest.mark.parametrize(("base", "quote", "tenor"), [(BTC, USD, 3), (BTC, USD, -1), (USD, USD, 1)])
def test_a_tenor_out_of_scope_or_a_pair_of_one_asset_is_an_error_of_the_caller(base, quote, tenor):
    with pytest.raises(ValueError):
        rules.value_date(date(2023, 6, 16), base, quote, tenor)


# --- cut-offs ----------------------------------------------------------------------------------------------------------

FEDWIRE = CutOff("USD", time(18, 30), "America/New_York")
TARGET = CutOff("EUR", time(17), "Europe/Berlin")
FRIDAY = date(2023, 6, 16)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_t0_settles_today_while_both_cutoffs_lie_ahead():
    got = rules.settle_on(at("2023-06-16T14:59:59"), FRIDAY, EUR, USD, 0, cutoffs=[FEDWIRE, TARGET])
    assert got.day == FRIDAY
    assert got.cutoffs == (("EUR", at("2023-06-16T15:00:00")), ("USD", at("2023-06-16T22:30:00")))
    assert got.calendar_version == rules.LIBRARY.version


@pytest.mark.parametrize(
    ("now", "base", "quote", "next_date"),
    [
        ("2023-06-16T15:00:00", EUR, USD, "2023-06-20"),  # at the cut-off is past it
        ("2023-06-16T16:00:00", BTC, EUR, "2023-06-19"),
        ("2023-06-16T22:30:00", BTC, USD, "2023-06-20"),
    ],
)
def test_t0_past_a_cutoff_is_refused_with_the_next_date(now, base, quote, next_date):
    with pytest.raises(PastCutoff) as refused:
        rules.settle_on(at(now), FRIDAY, base, quote, 0, cutoffs=[FEDWIRE, TARGET])
    assert refused.value.extra == {"next_value_date": next_date}
    assert refused.value.code == "past_cutoff"


def test_t0_on_a_day_that_is_not_good_is_refused_not_rolled():
    with pytest.raises(PastCutoff) as refused:
        rules.settle_on(at("2023-06-17T10:00:00"), date(2023, 6, 17), BTC, USD, 0, cutoffs=[FEDWIRE])
    assert refused.value.extra == {"next_value_date": "2023-06-20"}


def test_crypto_without_a_cutoff_settles_today_at_any_hour():
    assert rules.settle_on(at("2023-06-17T20:59:00"), date(2023, 6, 17), ETH, BTC, 0, cutoffs=[FEDWIRE]).day == date(2023, 6, 17)


def test_later_tenors_do_not_ask_for_cutoffs_but_carry_them():
    got = rules.settle_on(at("2023-06-16T20:00:00"), FRIDAY, BTC, USD, 2, cutoffs=[FEDWIRE])
    assert (got.day, got.cutoffs) == (date(2023, 6, 21), (("USD", at("2023-06-21T22:30:00")),))


def test_of_several_cutoffs_of_an_asset_the_earliest_counts():
    early = CutOff("USD", time(12), "UTC")
    with pytest.raises(PastCutoff):
        rules.settle_on(at("2023-06-16T12:00:00"), FRIDAY, BTC, USD, 0, cutoffs=[FEDWIRE, early])


@pytest.mark.parametrize(
    ("day", "utc"),
    [
        ("2023-03-10", "2023-03-10T22:30:00"),  # winter
        ("2023-03-13", "2023-03-13T21:30:00"),  # summer, since the 12th
        ("2023-11-03", "2023-11-03T21:30:00"),
        ("2023-11-06", "2023-11-06T22:30:00"),
    ],
)
def test_a_cutoff_follows_the_wall_clock_of_its_zone(day, utc):
    assert rules.cutoff_at(date.fromisoformat(day), CutOff("USD", time(17, 30), "America/New_York")) == at(utc)


def test_a_cutoff_that_comes_twice_is_the_first_and_one_that_is_skipped_comes_after_the_gap():
    twice = rules.cutoff_at(date(2023, 11, 5), CutOff("USD", time(1, 30), "America/New_York"))
    assert twice == at("2023-11-05T05:30:00")
    skipped = rules.cutoff_at(date(2023, 3, 12), CutOff("USD", time(2, 30), "America/New_York"))
    assert skipped == at("2023-03-12T07:30:00")


# --- the business date -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2023-06-16T20:59:59", "2023-06-16"),
        ("2023-06-16T21:00:00", "2023-06-17"),  # 17:00 in New York, in summer
        ("2023-06-17T12:00:00", "2023-06-17"),  # a Saturday is a business date of its own
        ("2022-01-03T21:59:59", "2022-01-03"),
        ("2022-01-03T22:00:00", "2022-01-04"),  # 17:00 in New York, in winter
        ("2021-12-31T23:01:00", "2022-01-01"),
        ("2023-03-12T21:00:00", "2023-03-13"),
        ("2023-11-05T21:59:59", "2023-11-05"),
    ],
)
def test_the_business_date_rolls_at_the_new_york_close(now, day):
    assert rules.business_date(at(now)).isoformat() == day


def test_the_business_date_is_the_same_in_whatever_zone_the_instant_is_given():
    moment = at("2023-06-16T21:00:00")
    assert rules.business_date(moment.astimezone(ZoneInfo("Asia/Tokyo"))) == rules.business_date(moment)


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(ValueError):
        rules.business_date(datetime(2023, 6, 16, 12))


@pytest.mark.parametrize(("day", "hours"), [("2023-03-12", 23), ("2023-11-05", 25), ("2023-06-16", 24)])
def test_a_business_day_is_as_long_as_the_clocks_make_it(day, hours):
    start, end = rules.business_day_bounds(date.fromisoformat(day))
    assert end - start == timedelta(hours=hours)


@given(
    st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
    st.builds(rules.Roll, st.times(), st.sampled_from(["America/New_York", "Europe/London", "UTC", "Asia/Tokyo", "Australia/Lord_Howe"])),
)
def test_every_instant_lies_inside_its_own_business_day(now, roll):
    start, end = rules.business_day_bounds(rules.business_date(now, roll), roll)
    assert start <= now < end


def test_the_next_good_day_is_good_for_all_its_currencies():
    assert rules.next_good_day(date(2023, 6, 16), {"EUR"}) == date(2023, 6, 19)
    assert rules.next_good_day(date(2023, 6, 16), {"EUR", "USD"}) == date(2023, 6, 20)
