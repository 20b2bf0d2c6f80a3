"""The business date in SQL is the one of the rules: at the roll, around it, and on the days on which clocks change."""

from datetime import UTC, datetime, time, timedelta

import pytest

from apps.core import db
from apps.instruments import queries, rules

pytestmark = pytest.mark.django_db
ROLLS = (rules.Roll(), rules.Roll(time(0, 30), "Asia/Tokyo"), rules.Roll(time(23, 59), "Europe/London"), rules.Roll(time(6), "UTC"))
DAYS = (
    datetime(2026, 3, 8, tzinfo=UTC),
    datetime(2026, 3, 29, tzinfo=UTC),
    datetime(2026, 10, 25, tzinfo=UTC),
    datetime(2026, 12, 31, tzinfo=UTC),
)


def test_sql_and_rules_agree_on_every_business_date() -> None:
    for roll in ROLLS:
        moments = [day + timedelta(minutes=15 * step) for day in DAYS for step in range(150)]
        moments += [moment - timedelta(microseconds=1) for moment in moments]
        rows = db.run(
            f"SELECT m.at, {queries.business_date_of('m.at')} FROM unnest(%s::timestamptz[]) m(at) "
            "CROSS JOIN (SELECT %s::text AS zone, %s::time AS roll) e",
            (moments, roll.zone, roll.at),
        )
        assert len(rows) == len(moments)
        assert [(at, day) for at, day in rows if day != rules.business_date(at, roll)] == []
