"""The desk clock: one row, forward only, and never in production."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError

from apps.core import clock, db
from apps.core.clock import ClockRefused
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_desk_runs_with_the_wall_until_it_is_set() -> None:
    assert abs(clock.desk_now() - clock.wall_now()) < timedelta(seconds=30)


def test_a_frozen_clock_stands_still_and_moves_forward_only() -> None:
    clock.freeze_desk(world.NOON)
    assert clock.desk_now() == clock.desk_now() == world.NOON
    clock.freeze_desk(world.NOON + timedelta(hours=1))
    with pytest.raises(ClockRefused):
        clock.freeze_desk(world.NOON)
    assert clock.desk_now() == world.NOON + timedelta(hours=1), "a refused setting changes nothing"


def test_a_released_clock_runs_with_the_wall_and_does_not_go_back() -> None:
    clock.freeze_desk(datetime(2022, 1, 3, 9, 0, tzinfo=UTC))
    clock.release_desk()
    assert abs(clock.desk_now() - clock.wall_now()) < timedelta(seconds=30)
    with pytest.raises(ClockRefused):
        clock.freeze_desk(datetime(2022, 1, 3, 10, 0, tzinfo=UTC))


def test_a_shifted_clock_runs_ahead_and_each_statement_reads_afresh() -> None:
    clock.shift_desk(timedelta(days=2))
    first = clock.desk_now()
    assert first - clock.wall_now() > timedelta(days=1, hours=23)
    assert clock.desk_now() > first
    with pytest.raises(ClockRefused):
        clock.release_desk()


def test_production_refuses_every_setting(settings: object) -> None:
    settings.ENVIRONMENT = "production"  # type: ignore[attr-defined]
    for act in (lambda: clock.freeze_desk(world.NOON), lambda: clock.shift_desk(timedelta(hours=1)), clock.release_desk):
        with pytest.raises(ClockRefused):
            act()
    assert db.run("SELECT * FROM core_deskclock") == []


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE core_deskclock SET frozen_at = frozen_at - interval '2 seconds'",
        "UPDATE core_deskclock SET frozen_at = NULL, offset_by = interval '-90000 days'",
        "UPDATE core_deskclock SET frozen_at = NULL, offset_by = NULL",
        "UPDATE core_deskclock SET offset_by = interval '1 day'",
        "INSERT INTO core_deskclock (id, frozen_at) VALUES (2, now())",
    ],
)
def test_raw_sql_cannot_turn_the_clock_back_nor_make_a_second_one(sql: str) -> None:
    clock.freeze_desk(world.NOON)
    with pytest.raises(IntegrityError):
        db.run(sql)
    assert clock.desk_now() == world.NOON


def test_the_clock_cannot_be_taken_away() -> None:
    from django.db import ProgrammingError

    clock.freeze_desk(world.NOON)
    with pytest.raises((IntegrityError, ProgrammingError)):
        db.run("DELETE FROM core_deskclock")
    with pytest.raises((IntegrityError, ProgrammingError)):
        db.run("TRUNCATE core_deskclock")
    assert clock.desk_now() == world.NOON


def test_statements_of_use_cases_read_the_clock_as_the_function_does() -> None:
    assert db.one("SELECT prosrc FROM pg_proc WHERE proname = 'desk_now'")[0].split() == f"SELECT {clock.DESK_NOW}".split()
    clock.freeze_desk(world.NOON)
    assert db.one(f"SELECT {clock.DESK_NOW}, desk_now()") == (world.NOON, world.NOON)
