"""Promise 4: no reservation takes reserved + used past line plus excess, at any concurrency; accept never fails for credit."""

from datetime import datetime, timedelta
from decimal import Decimal as D
from uuid import UUID

import pytest
from django.db import IntegrityError

from apps.core import clock, db, ids
from apps.core.unit import use_case
from apps.credit import operations as credit
from apps.credit import queries
from apps.credit.errors import CreditExceeded
from apps.credit.models import Line
from apps.credit.rules import Headroom, LineState
from tests import world
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
GROUP, CLIENT, ACCOUNT = UUID(int=1), UUID(int=2), UUID(int=3)
SUBJECTS = {"GROUP": GROUP, "CLIENT": CLIENT, "ACCOUNT": ACCOUNT}


@pytest.fixture(autouse=True)
def _noon(transactional_db: None) -> None:
    clock.freeze_desk(world.NOON)


@use_case
def grant(*, level: str = "CLIENT", amount: str = "1000", days: int = 30, now: datetime) -> Line:
    return credit.set_line(
        level=level,
        subject_id=SUBJECTS[level],
        amount=D(amount),
        currency="USD",
        valid_from=now - timedelta(days=1),
        valid_until=now + timedelta(days=days),
        approved_by=None,
    )


@use_case
def reserve(*, amount: D, source: UUID, now: datetime) -> Headroom:
    return credit.reserve(
        group_id=GROUP, client_id=CLIENT, account_id=ACCOUNT, source_id=source, amount=amount, value_date=now.date(), now=now
    )


@use_case
def commit(*, source: UUID, now: datetime) -> bool:
    return credit.commit(source_id=source, deal_id=source)


@use_case
def release(*, source: UUID, now: datetime) -> bool:
    return credit.release(source_id=source, now=now)


@use_case
def close(*, source: UUID, now: datetime) -> bool:
    return credit.close(source_id=source, now=now)


def taken(level: str = "CLIENT") -> tuple[D, D]:
    reserved, used = db.one("SELECT reserved, used FROM credit_line WHERE level = %s", (level,))
    return reserved, used


def set_excess(amount: str, until: datetime) -> None:
    db.run("UPDATE credit_line SET excess = %s, excess_until = %s", (D(amount), until))


def test_a_reservation_goes_from_reserved_to_used_to_nothing() -> None:
    grant()
    source = ids.uuid7()
    room = reserve(amount=D(400), source=source)
    assert (room.before, room.after, room.binding, room.share_used) == (D(1000), D(600), "CLIENT", D("0.4"))
    assert taken() == (D(400), D(0))
    assert commit(source=source) is True
    assert taken() == (D(0), D(400))
    assert close(source=source) is True
    assert taken() == (D(0), D(0))
    assert db.run("SELECT status FROM credit_reservation") == [("CLOSED",)]


def test_every_reservation_ends_once() -> None:
    grant()
    one, other = ids.uuid7(), ids.uuid7()
    reserve(amount=D(400), source=one)
    reserve(amount=D(300), source=other)
    assert [release(source=one), release(source=one), commit(source=one), close(source=one)] == [True, False, False, False]
    assert [commit(source=other), release(source=other), commit(source=other)] == [True, False, False]
    assert taken() == (D(0), D(300))


def test_one_unit_past_the_line_is_refused_and_changes_nothing() -> None:
    grant()
    reserve(amount=D(400), source=ids.uuid7())
    with pytest.raises(CreditExceeded) as no:
        reserve(amount=D("600.000000000000000001"), source=ids.uuid7())
    assert no.value.extra == {"binding": "CLIENT", "headroom": "600"}
    assert taken() == (D(400), D(0))
    assert db.one("SELECT count(*) FROM credit_reservation") == (1,)
    assert reserve(amount=D(600), source=ids.uuid7()).after == D(0)


def test_without_a_line_nothing_is_dealt_on_credit() -> None:
    with pytest.raises(CreditExceeded) as no:
        reserve(amount=D(1), source=ids.uuid7())
    assert no.value.extra["binding"] == "NONE"


@pytest.mark.parametrize(("binding", "limits"), [("GROUP", "100 200 300"), ("CLIENT", "300 100 200"), ("ACCOUNT", "200 300 100")])
def test_the_tightest_of_group_client_and_account_binds_and_all_are_taken(binding: str, limits: str) -> None:
    for level, amount in zip(SUBJECTS, limits.split(), strict=True):
        grant(level=level, amount=amount)
    assert reserve(amount=D(60), source=ids.uuid7()).binding == binding
    assert [taken(level) for level in SUBJECTS] == [(D(60), D(0))] * 3
    with pytest.raises(CreditExceeded) as no:
        reserve(amount=D(41), source=ids.uuid7())
    assert no.value.extra["binding"] == binding
    assert [taken(level) for level in SUBJECTS] == [(D(60), D(0))] * 3


def test_an_expired_line_is_zero_for_new_deals_and_lets_reserved_ones_be_accepted() -> None:
    grant(days=1)
    source = ids.uuid7()
    reserve(amount=D(400), source=source)
    clock.freeze_desk(world.NOON + timedelta(days=1))
    with pytest.raises(CreditExceeded):
        reserve(amount=D("0.01"), source=ids.uuid7())
    assert commit(source=source) is True
    assert taken() == (D(0), D(400))


def test_an_excess_counts_until_its_time_and_no_longer() -> None:
    grant()
    set_excess("500", world.NOON + timedelta(hours=1))
    reserve(amount=D(1400), source=ids.uuid7())
    clock.freeze_desk(world.NOON + timedelta(hours=1))
    with pytest.raises(CreditExceeded) as no:
        reserve(amount=D(1), source=ids.uuid7())
    assert no.value.extra["headroom"] == "0", "past the line there is no headroom, not a negative one"
    assert taken() == (D(1400), D(0))


def test_a_line_may_be_cut_below_its_use_and_then_only_shrinks() -> None:
    grant()
    one, other = ids.uuid7(), ids.uuid7()
    reserve(amount=D(400), source=one)
    reserve(amount=D(400), source=other)
    grant(amount="100")
    assert taken() == (D(800), D(0))
    with pytest.raises(CreditExceeded):
        reserve(amount=D(1), source=ids.uuid7())
    assert commit(source=one) is True, "an accept never fails for credit while its reservation stands"
    assert release(source=other) is True
    assert taken() == (D(0), D(400))
    with pytest.raises(CreditExceeded):
        reserve(amount=D(1), source=ids.uuid7())
    assert close(source=one) is True
    assert reserve(amount=D(100), source=ids.uuid7()).after == D(0)


def test_sixteen_threads_never_pass_the_line() -> None:
    for level, amount in (("GROUP", "1500"), ("CLIENT", "1000"), ("ACCOUNT", "2000")):
        grant(level=level, amount=amount)
    found = together(16, lambda _: [_try(D(70)) for _ in range(2)])
    given = [one for pair in found for one in pair if one is not None]
    assert len(given) == 14, "14 × 70 = 980 of 1000"
    assert [taken(level) for level in SUBJECTS] == [(D(980), D(0))] * 3
    assert db.one("SELECT count(DISTINCT source_id), count(*) FROM credit_reservation") == (14, 42)


def _try(amount: D) -> UUID | None:
    source = ids.uuid7()
    try:
        reserve(amount=amount, source=source)
    except CreditExceeded:
        return None
    return source


def test_sixteen_threads_that_reserve_commit_release_and_close_leave_what_is_live() -> None:
    for level, amount in (("GROUP", "900"), ("CLIENT", "1000")):
        grant(level=level, amount=amount)

    def work(index: int) -> list[str]:
        done = []
        for number in range(5):
            source = _try(D(90 + index))
            if source is None:
                done.append("refused")
            elif (index + number) % 3 == 0:
                done.append(f"release {release(source=source)}")
            elif (index + number) % 3 == 1:
                commit(source=source)
                done.append(f"close {close(source=source)}")
            else:
                done.append(f"commit {commit(source=source)}")
        return done

    found = together(16, work)
    assert not [one for one in found if isinstance(one, Exception)], found
    words = {word for one in found for word in one}
    assert words <= {"refused", "release True", "close True", "commit True"}
    live = db.run(
        "SELECT coalesce(sum(amount) FILTER (WHERE status = 'RESERVED'), 0), coalesce(sum(amount) FILTER (WHERE status = 'COMMITTED'), 0) "
        "FROM credit_reservation GROUP BY line_id"
    )
    assert live == [taken("GROUP"), taken("CLIENT")] or live == [taken("CLIENT"), taken("GROUP")]
    assert taken("GROUP") == taken("CLIENT")
    assert sum(taken("GROUP")) <= 900
    assert queries.list_live_reservations().count() == 2 * len([w for one in found for w in one if w == "commit True"])


def test_sixteen_threads_racing_to_end_one_reservation_end_it_once() -> None:
    grant()
    source = ids.uuid7()
    reserve(amount=D(400), source=source)
    found = together(16, lambda index: commit(source=source) if index % 2 else release(source=source))
    assert sorted(found) == [False] * 15 + [True]
    assert sum(taken()) == (D(400) if found.index(True) % 2 else D(0))
    assert taken()[0] == D(0)


@pytest.mark.parametrize(
    ("sql", "constraint"),
    [
        ("UPDATE credit_line SET reserved = 1000.000000000000000001", "credit_limit"),
        ("UPDATE credit_line SET used = used + 601", "credit_limit"),
        ("UPDATE credit_line SET reserved = reserved + 5000, amount = amount", "credit_limit"),
        ("UPDATE credit_line SET reserved = -1", "line_positive"),
        ("UPDATE credit_line SET amount = -1", "line_positive"),
        ("UPDATE credit_reservation SET status = 'CLOSED'", "credit_reservation_status_moves"),
        ("UPDATE credit_reservation SET amount = -1", "credit_amount_stays"),
        ("UPDATE credit_reservation SET source_id = gen_random_uuid()", "credit_reservation_frozen"),
    ],
)
def test_raw_sql_cannot_take_more_than_the_line(sql: str, constraint: str) -> None:
    grant()
    reserve(amount=D(400), source=ids.uuid7())
    with pytest.raises(IntegrityError) as no:
        db.run(sql)
    assert no.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]
    assert taken() == (D(400), D(0))


def test_raw_sql_may_shrink_the_use_of_a_line_that_was_cut() -> None:
    grant()
    reserve(amount=D(400), source=ids.uuid7())
    grant(amount="100")
    db.run("UPDATE credit_line SET reserved = 399")
    with pytest.raises(IntegrityError):
        db.run("UPDATE credit_line SET reserved = 400")


def test_an_expired_line_refuses_raw_increases_too() -> None:
    grant(days=1)
    clock.freeze_desk(world.NOON + timedelta(days=1))
    with pytest.raises(IntegrityError):
        db.run("UPDATE credit_line SET reserved = reserved + 1")


def test_headroom_is_line_plus_live_excess_less_what_is_taken() -> None:
    state = LineState("CLIENT", D(100), D(50), world.NOON, world.NOON + timedelta(days=1), D(30), D(20))
    assert state.headroom(world.NOON - timedelta(seconds=1)) == D(100)
    assert state.headroom(world.NOON) == D(50), "at its end the excess is over"
    assert state.headroom(world.NOON + timedelta(days=1)) == D(-50)
