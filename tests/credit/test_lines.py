"""Promise 4: no reservation takes reserved + used past line plus excess, at any concurrency; accept never fails for credit."""

from datetime import date, datetime, timedelta
from decimal import Decimal as D
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from apps.clients.models import Account, Counterparty, Group
from apps.core import clock, db, ids
from apps.core.unit import use_case
from apps.credit import operations as credit
from apps.credit import queries
from apps.credit.errors import CapExceeded, CreditExceeded, LineBreached, MarkStale
from apps.credit.models import Breach, Line
from apps.credit.operations import Agreed
from apps.credit.operations.lines import Limits
from apps.credit.rules import Claim, Headroom, Mark
from apps.credit.states import Level
from tests import lines, world
from tests.lines import DAILY, DEAL, PRE, SETTLEMENT, taken
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
GROUP, CLIENT, ACCOUNT = UUID(int=1), UUID(int=2), UUID(int=3)
SUBJECTS = {"GROUP": GROUP, "CLIENT": CLIENT, "ACCOUNT": ACCOUNT}
TODAY = world.NOON.date()
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture(autouse=True)
def _noon(transactional_db: None) -> None:
    clock.freeze_desk(world.NOON)
    db.insert(
        Group(id=GROUP, name="Acme Holdings"),
        Counterparty(id=CLIENT, code="acme", name="Acme", country="GB", roles=["CLIENT"], group_id=GROUP),
        Account(id=ACCOUNT, owner_id=CLIENT, code="acme-main", name="Acme main"),
    )
    for status in ("ONBOARDING", "APPROVED"):
        for table, subject in (("clients_counterparty", CLIENT), ("clients_account", ACCOUNT)):
            db.run(f"UPDATE {table} SET status = %s WHERE id = %s", (status, subject))


def grant(level: str = "CLIENT", amount: str = "1000", days: float = 30, measure: Any = PRE) -> Line:
    return lines.grant(subject_id=SUBJECTS[level], level=level, amount=amount, days=days, measure=measure)


def claim(source: UUID, takes: D, mode: str = "CLIENT_FIRST", value_date: date = TODAY, **more: Any) -> Claim:
    """A claim that takes `takes` of a pre-settlement line: a tenth of its notional, the general haircut."""
    given: dict[str, Any] = {
        "source_id": source,
        "group_id": GROUP,
        "client_id": CLIENT,
        "account_id": ACCOUNT,
        "pair": "BTC-USD",
        "base": "BTC",
        "quote": "USD",
        "mode": mode,
        "notional": takes * 10,
        "value_date": value_date,
        "trade_date": TODAY,
    }
    return Claim(**given | more)


@use_case
def reserve(*, takes: D, source: UUID, now: datetime, **more: Any) -> Headroom:
    return credit.reserve(claim=claim(source, takes, **more), now=now)


@use_case
def agree(*, takes: D, source: UUID, now: datetime, **more: Any) -> Agreed:
    return credit.book_agreed(claim=claim(source, takes, **more), deal_id=source, now=now)


@use_case
def commit(*, source: UUID, now: datetime) -> bool:
    return credit.commit(source_id=source, deal_id=source)


@use_case
def release(*, source: UUID, now: datetime) -> bool:
    return credit.release(source_id=source, now=now)


@use_case
def close(*, source: UUID, now: datetime) -> bool:
    return credit.close(source_id=source, now=now)


@use_case
def mark(*, now: datetime, **marks: Mark) -> None:
    credit.set_marks(marks=marks)


@use_case
def revalue(*, line: Line, value: str, now: datetime) -> None:
    from apps.credit.operations.marks import set_revalued

    set_revalued(line=line, value=D(value), now=now)


def on_day(day: date, measure: Any = SETTLEMENT) -> tuple[D, D]:
    row = db.first(
        "SELECT d.reserved, d.used FROM credit_lineday d JOIN credit_line l ON l.id = d.line_id WHERE d.day = %s AND l.measure = %s",
        (day, str(measure)),
    )
    return row or (D(0), D(0))  # type: ignore[return-value]


def test_a_reservation_goes_from_reserved_to_used_to_nothing() -> None:
    grant()
    source = ids.uuid7()
    room = reserve(takes=D(400), source=source)
    assert (room.before, room.after, room.binding, room.measure, room.share_used) == (D(1000), D(600), "CLIENT", "PRE_SETTLEMENT", D("0.4"))
    assert taken() == (D(400), D(0))
    assert commit(source=source) is True
    assert taken() == (D(0), D(400))
    assert close(source=source) is True
    assert taken() == (D(0), D(0))
    assert db.run("SELECT status FROM credit_reservation") == [("CLOSED",)]


def test_every_reservation_ends_once() -> None:
    grant()
    one, other = ids.uuid7(), ids.uuid7()
    reserve(takes=D(400), source=one)
    reserve(takes=D(300), source=other)
    assert [release(source=one), release(source=one), commit(source=one), close(source=one)] == [True, False, False, False]
    assert [commit(source=other), release(source=other), commit(source=other)] == [True, False, False]
    assert taken() == (D(0), D(300))


def test_one_cent_past_the_line_is_refused_and_changes_nothing() -> None:
    grant()
    reserve(takes=D(400), source=ids.uuid7())
    with pytest.raises(CreditExceeded) as no:
        reserve(takes=D("600.01"), source=ids.uuid7())
    assert no.value.extra == {"binding": "CLIENT", "measure": "PRE_SETTLEMENT", "headroom": "600"}
    assert taken() == (D(400), D(0))
    assert db.one("SELECT count(*) FROM credit_reservation") == (1,)
    assert reserve(takes=D(600), source=ids.uuid7()).after == D(0)


def test_without_its_lines_nothing_is_dealt_on_credit() -> None:
    with pytest.raises(CreditExceeded) as no:
        reserve(takes=D(1), source=ids.uuid7())
    assert (no.value.extra["binding"], no.value.extra["measure"]) == ("NONE", "PRE_SETTLEMENT")
    grant()
    reserve(takes=D(1), source=ids.uuid7())
    with pytest.raises(CreditExceeded) as no:
        reserve(takes=D(1), source=ids.uuid7(), mode="CREDIT")
    assert (no.value.extra["binding"], no.value.extra["measure"]) == ("NONE", "SETTLEMENT")


@pytest.mark.parametrize(("binding", "limits"), [("GROUP", "100 200 300"), ("CLIENT", "300 100 200"), ("ACCOUNT", "200 300 100")])
def test_the_tightest_of_group_client_and_account_binds_and_all_are_taken(binding: str, limits: str) -> None:
    for level, amount in zip(SUBJECTS, limits.split(), strict=True):
        grant(level=level, amount=amount)
    assert reserve(takes=D(60), source=ids.uuid7()).binding == binding
    assert [taken(level=level) for level in SUBJECTS] == [(D(60), D(0))] * 3
    with pytest.raises(CreditExceeded) as no:
        reserve(takes=D(41), source=ids.uuid7())
    assert no.value.extra["binding"] == binding
    assert [taken(level=level) for level in SUBJECTS] == [(D(60), D(0))] * 3


def test_settlement_counts_each_value_date_by_itself_and_in_full() -> None:
    grant(amount="1000")
    grant(amount="5000", measure=SETTLEMENT)
    one, other = ids.uuid7(), ids.uuid7()
    room = reserve(takes=D(400), source=one, mode="CREDIT")
    assert (room.binding, room.measure, room.before, room.after) == ("CLIENT", "SETTLEMENT", D(5000), D(1000))
    assert reserve(takes=D(400), source=other, mode="CREDIT", value_date=TOMORROW).measure == "SETTLEMENT"
    assert (on_day(TODAY), on_day(TOMORROW), taken()) == ((D(4000), D(0)), (D(4000), D(0)), (D(800), D(0)))
    with pytest.raises(CreditExceeded) as no:
        reserve(takes=D("100.01"), source=ids.uuid7(), mode="CREDIT")
    assert no.value.extra == {"binding": "CLIENT", "measure": "SETTLEMENT", "headroom": "1000"}
    commit(source=one)
    release(source=other)
    assert (on_day(TODAY), on_day(TOMORROW), taken()) == ((D(0), D(4000)), (D(0), D(0)), (D(0), D(400)))
    close(source=one)
    assert (on_day(TODAY), taken()) == ((D(0), D(0)), (D(0), D(0)))


def test_a_client_who_pays_first_takes_nothing_of_a_settlement_line() -> None:
    grant()
    grant(amount="1", measure=SETTLEMENT)
    assert reserve(takes=D(400), source=ids.uuid7()).measure == "PRE_SETTLEMENT"
    assert taken(SETTLEMENT) == (D(0), D(0))


def test_a_dearer_quote_of_the_same_request_takes_only_what_is_missing() -> None:
    grant()
    source = ids.uuid7()
    reserve(takes=D(400), source=source)
    room = reserve(takes=D(700), source=source)
    assert (room.before, room.after) == (D(1000), D(300)), "before: without this request"
    assert taken() == (D(700), D(0))
    reserve(takes=D(100), source=source)
    assert taken() == (D(700), D(0)), "it never shrinks before it ends: an older price may still be hit"
    with pytest.raises(CreditExceeded):
        reserve(takes=D(1001), source=source)
    assert db.run("SELECT amount, notional FROM credit_reservation") == [(D(700), D(7000))]
    commit(source=source)
    assert taken() == (D(0), D(700))


def test_a_request_that_was_released_may_reserve_again() -> None:
    grant()
    source = ids.uuid7()
    reserve(takes=D(400), source=source)
    release(source=source)
    reserve(takes=D(500), source=source)
    assert taken() == (D(500), D(0))
    assert commit(source=source) is True
    assert db.run("SELECT status, amount FROM credit_reservation ORDER BY amount") == [("RELEASED", D(400)), ("COMMITTED", D(500))]


def test_an_expired_line_is_zero_for_new_deals_and_lets_reserved_ones_be_accepted() -> None:
    grant(days=1)
    source = ids.uuid7()
    reserve(takes=D(400), source=source)
    clock.freeze_desk(world.NOON + timedelta(days=1))
    with pytest.raises(CreditExceeded):
        reserve(takes=D("0.01"), source=ids.uuid7())
    assert commit(source=source) is True
    assert taken() == (D(0), D(400))


def test_an_excess_counts_until_its_time_and_no_longer() -> None:
    line = grant()
    lines.change(line, excess=D(500), excess_until=world.NOON + timedelta(hours=1), excess_reason="quarter end")
    reserve(takes=D(1400), source=ids.uuid7())
    clock.freeze_desk(world.NOON + timedelta(hours=1))
    with pytest.raises(CreditExceeded) as no:
        reserve(takes=D(1), source=ids.uuid7())
    assert no.value.extra["headroom"] == "0", "past the line there is no headroom, not a negative one"
    assert taken() == (D(1400), D(0))


def test_a_line_cut_below_its_use_is_a_breach_that_ends_when_the_use_does() -> None:
    line = grant()
    one, other = ids.uuid7(), ids.uuid7()
    reserve(takes=D(400), source=one)
    reserve(takes=D(400), source=other)
    lines.change(line, amount=D(500))
    breach = Breach.objects.get()
    assert (breach.kind, breach.over, breach.cured_at) == ("LINE_CUT", D(300), None)
    with pytest.raises(LineBreached):
        reserve(takes=D(1), source=ids.uuid7())
    assert commit(source=one) is True, "an accept never fails for credit while its reservation stands"
    assert release(source=other) is True
    with pytest.raises(LineBreached):
        reserve(takes=D(1), source=ids.uuid7())
    revalue(line=Line.objects.get(), value="0")
    breach.refresh_from_db()
    assert breach.cured_at == world.NOON
    assert reserve(takes=D(100), source=ids.uuid7()).after == D(0)
    assert [kind for (kind,) in db.run("SELECT kind FROM events_event WHERE kind LIKE 'credit.%%' ORDER BY position")] == [
        "credit.breached",
        "credit.cured",
    ]


def test_marks_carry_a_line_past_its_limit_and_stop_new_risk_until_they_come_back() -> None:
    line = grant()
    reserve(takes=D(400), source=ids.uuid7())
    revalue(line=line, value="550.001")
    assert db.one("SELECT revalued FROM credit_line") == (D("550.01"),)
    assert reserve(takes=D("49.99"), source=ids.uuid7()).after == D(0), "what marks add counts"
    with pytest.raises(CreditExceeded):
        reserve(takes=D("0.01"), source=ids.uuid7())
    revalue(line=line, value="700")
    assert Breach.objects.get().kind == "MARKS"
    revalue(line=line, value="800")
    assert Breach.objects.get().over == D("249.99"), "the worst it was"
    with pytest.raises(LineBreached) as no:
        reserve(takes=D("0.01"), source=ids.uuid7())
    assert no.value.extra == {"binding": "CLIENT", "measure": "PRE_SETTLEMENT"}
    room = reserve(takes=D(5), source=ids.uuid7(), reduces=D("0.1"))
    assert room.before == room.after, "what reduces risk reserves nothing new"
    revalue(line=line, value="0")
    assert reserve(takes=D("0.01"), source=ids.uuid7()).after == D("550")


def test_an_expired_line_with_use_is_a_breach() -> None:
    line = grant(days=1)
    source = ids.uuid7()
    reserve(takes=D(400), source=source)
    commit(source=source)
    clock.freeze_desk(world.NOON + timedelta(days=1))
    revalue(line=line, value="0")
    assert (Breach.objects.get().kind, Breach.objects.get().over) == ("EXPIRED", D(400))


def test_a_stale_mark_stops_new_risk_in_its_pairs() -> None:
    grant()
    mark(BTC=Mark(D(20000), world.NOON, is_stale=True), EUR=Mark(D("1.1"), world.NOON))
    with pytest.raises(MarkStale):
        reserve(takes=D(1), source=ids.uuid7())
    reserve(takes=D(1), source=ids.uuid7(), pair="EUR-USD", base="EUR")
    mark(BTC=Mark(D(20001), world.NOON))
    reserve(takes=D(1), source=ids.uuid7())
    assert [kind for (kind,) in db.run("SELECT kind FROM events_event WHERE kind LIKE 'mark.%%' ORDER BY position")] == [
        "mark.stale",
        "mark.live",
    ]


def test_what_was_agreed_by_voice_is_booked_and_what_lies_beyond_the_line_is_a_breach() -> None:
    grant()
    grant(amount="3000", measure=SETTLEMENT)
    source = ids.uuid7()
    booked = agree(takes=D(400), source=source, mode="CREDIT")
    assert (booked.fits, booked.over) == (False, {"CLIENT SETTLEMENT": D(1000)})
    assert on_day(TODAY) == (D(0), D(3000))
    assert db.one("SELECT unchecked FROM credit_lineday") == (D(1000),)
    assert [(b.kind, b.over) for b in Breach.objects.all()] == [("AGREED", D(1000))]
    assert taken() == (D(0), D(400))
    with pytest.raises(LineBreached):
        reserve(takes=D(1), source=ids.uuid7(), mode="CREDIT")
    assert close(source=source) is True
    assert db.one("SELECT used, unchecked FROM credit_lineday") == (D(0), D(0))
    assert agree(takes=D(10), source=ids.uuid7(), mode="CREDIT").fits


def test_a_daily_cap_counts_what_is_asked_and_dealt_and_keeps_what_settled() -> None:
    grant(amount="100000")
    grant(level="ACCOUNT", amount="10000", measure=DAILY)
    one, other = ids.uuid7(), ids.uuid7()
    assert reserve(takes=D(600), source=one).measure == "DAILY"
    with pytest.raises(CapExceeded) as no:
        reserve(takes=D(401), source=other)
    assert no.value.extra == {"binding": "ACCOUNT", "measure": "DAILY", "headroom": "4000"}
    commit(source=one)
    close(source=one)
    assert on_day(TODAY, DAILY) == (D(0), D(6000))
    reserve(takes=D(400), source=other)
    release(source=other)
    assert on_day(TODAY, DAILY) == (D(0), D(6000))
    reserve(takes=D(1000), source=ids.uuid7(), trade_date=TOMORROW)


def test_a_cap_on_one_deal_holds_for_who_paid_before_too() -> None:
    grant(level="ACCOUNT", amount="10000", measure=DEAL)
    reserve(takes=D(1000), source=ids.uuid7(), mode="PREFUNDED")
    with pytest.raises(CapExceeded) as no:
        reserve(takes=D("1000.001"), source=ids.uuid7(), mode="PREFUNDED")
    assert no.value.extra == {"binding": "ACCOUNT", "measure": "DEAL"}
    assert db.one("SELECT count(*) FROM credit_reservation") == (0,), "a balance is its limit, no line"


def test_sixteen_threads_never_pass_the_line() -> None:
    for level, amount in (("GROUP", "1500"), ("CLIENT", "1000"), ("ACCOUNT", "2000")):
        grant(level=level, amount=amount)
    found = together(16, lambda _: [_try(D(70)) for _ in range(2)])
    given = [one for pair in found for one in pair if one is not None]
    assert len(given) == 14, "14 × 70 = 980 of 1000"
    assert [taken(level=level) for level in SUBJECTS] == [(D(980), D(0))] * 3
    assert db.one("SELECT count(DISTINCT source_id), count(*) FROM credit_reservation") == (14, 42)


@pytest.mark.parametrize("level", list(SUBJECTS))
def test_sixteen_threads_never_pass_the_settlement_line_of_a_day(level: str) -> None:
    grant(amount="1000000")
    grant(level=level, amount="9900", measure=SETTLEMENT)
    found = together(16, lambda n: [_try(D(70), mode="CREDIT", value_date=day) for day in (TODAY, TOMORROW)])
    for at, day in enumerate((TODAY, TOMORROW)):
        assert len([1 for pair in found if pair[at] is not None]) == 14, "14 × 700 = 9,800 of 9,900"
        assert on_day(day) == (D(9800), D(0))


def test_sixteen_threads_never_pass_a_daily_cap() -> None:
    grant(level="ACCOUNT", amount="9900", measure=DAILY)
    found = together(16, lambda _: _try(D(70), mode="PREFUNDED"))
    assert len([one for one in found if one is not None]) == 14
    assert on_day(TODAY, DAILY) == (D(9800), D(0))


def _try(takes: D, **more: Any) -> UUID | None:
    source = ids.uuid7()
    try:
        reserve(takes=takes, source=source, **more)
    except (CreditExceeded, CapExceeded, LineBreached):
        return None
    return source


def test_a_line_cut_while_sixteen_reserve_is_never_passed_after_the_cut() -> None:
    line = grant(amount="100000")
    lines.risk()

    def work(index: int) -> list[tuple[UUID | None, D]]:
        if index == 0:
            lines.change(line, amount=D(300))
            return []
        return [(_try(D(50)), D(50)) for _ in range(4)]

    found = together(16, work)
    assert not [one for one in found if isinstance(one, Exception)], found
    reserved, _ = taken()
    assert reserved == 50 * len([1 for share in found for source, _ in share if source is not None])
    breach = Breach.objects.first()
    if breach is not None:  # as much as was taken before the cut, and nothing after it
        assert breach.over == reserved - 300
    else:
        assert reserved <= 300


def test_sixteen_threads_that_reserve_commit_release_and_close_leave_what_is_live() -> None:
    for level, amount in (("GROUP", "900"), ("CLIENT", "1000")):
        grant(level=level, amount=amount)
    grant(amount="9000", measure=SETTLEMENT)

    def work(index: int) -> list[str]:
        done = []
        for number in range(5):
            source = _try(D(90 + index), mode="CREDIT")
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
        "SELECT l.level, l.measure, coalesce(sum(r.amount) FILTER (WHERE r.status = 'RESERVED'), 0), "
        "coalesce(sum(r.amount) FILTER (WHERE r.status = 'COMMITTED'), 0) "
        "FROM credit_reservation r JOIN credit_line l ON l.id = r.line_id GROUP BY 1, 2"
    )
    assert all((reserved, used) == taken(measure, level) for level, measure, reserved, used in live)
    assert taken(level="GROUP") == taken(level="CLIENT")
    assert sum(taken(level="GROUP")) <= 900
    assert sum(taken(SETTLEMENT)) == 10 * sum(taken()) <= 9000
    assert queries.list_live_reservations().count() == 3 * len([w for one in found for w in one if w == "commit True"])


def test_sixteen_threads_racing_to_end_one_reservation_end_it_once() -> None:
    grant()
    grant(amount="4000", measure=SETTLEMENT)
    source = ids.uuid7()
    reserve(takes=D(400), source=source, mode="CREDIT")
    found = together(16, lambda index: commit(source=source) if index % 2 else release(source=source))
    assert sorted(found) == [False] * 15 + [True]
    assert sum(taken()) == (D(400) if found.index(True) % 2 else D(0))
    assert sum(taken(SETTLEMENT)) == 10 * sum(taken())
    assert taken()[0] == D(0)


@pytest.mark.parametrize(
    ("sql", "constraint"),
    [
        ("UPDATE credit_line SET reserved = 1000.000000000000000001 WHERE measure = 'PRE_SETTLEMENT'", "credit_limit"),
        ("UPDATE credit_line SET used = used + 601 WHERE measure = 'PRE_SETTLEMENT'", "credit_limit"),
        ("UPDATE credit_line SET unchecked = 1 WHERE measure = 'PRE_SETTLEMENT'", "credit_unchecked"),
        ("UPDATE credit_line SET reserved = 1 WHERE measure = 'SETTLEMENT'", "line_by_day"),
        ("UPDATE credit_line SET reserved = -1 WHERE measure = 'PRE_SETTLEMENT'", "line_positive"),
        ("UPDATE credit_line SET reserved = reserved + 5000, amount = amount + 5000", "credit_limits_granted"),
        ("UPDATE credit_line SET amount = amount + 1", "credit_limits_granted"),
        ("UPDATE credit_line SET amount = amount + 1, grant_number = 2", "credit_limits_granted"),
        ("UPDATE credit_line SET excess = 1, excess_until = now() + interval '9 years', excess_reason = 'x'", "credit_limits_granted"),
        ("UPDATE credit_line SET valid_until = valid_until + interval '1 day'", "credit_limits_granted"),
        ("UPDATE credit_line SET subject_id = gen_random_uuid()", "credit_limits_granted"),
        ("UPDATE credit_line SET currency = 'EUR'", "credit_limits_granted"),
        ("UPDATE credit_lineday SET reserved = reserved + 1000.01", "credit_day_limit"),
        ("UPDATE credit_lineday SET used = 1000.01", "credit_day_limit"),
        ("UPDATE credit_lineday SET unchecked = 1", "credit_unchecked"),
        ("UPDATE credit_lineday SET day = day + 1", "credit_lineday_frozen"),
        (
            "INSERT INTO credit_lineday (id, line_id, day, reserved, used, unchecked) SELECT gen_random_uuid(), id, "
            "'2030-01-01', 5001, 0, 0 "
            "FROM credit_line WHERE measure = 'SETTLEMENT'",
            "credit_day_limit",
        ),
        (
            "INSERT INTO credit_line (id, level, measure, subject_id, currency, amount, excess, excess_reason, valid_from, valid_until, "
            "grant_number, reserved, used, unchecked, revalued) VALUES (gen_random_uuid(), 'CLIENT', 'PRE_SETTLEMENT', gen_random_uuid(), "
            "'USD', 1, 0, '', now(), now() + interval '1 day', 1, 0, 0, 0, 0)",
            "credit_limits_granted",
        ),
        (
            "INSERT INTO credit_grant (id, line_id, number, amount, excess, excess_reason, valid_from, valid_until, granted_at, "
            "approval_id, "
            "made_by, approved_by) SELECT gen_random_uuid(), id, 2, 9999, 0, '', valid_from, valid_until, now(), gen_random_uuid(), "
            "gen_random_uuid(), gen_random_uuid() FROM credit_line",
            "credit_grant_by_two",
        ),
        (
            "INSERT INTO credit_grant (id, line_id, number, amount, excess, excess_reason, valid_from, valid_until, granted_at) "
            "SELECT gen_random_uuid(), id, 2, 9999, 0, '', valid_from, valid_until, now() FROM credit_line",
            "credit_grant_by_two",
        ),
        (
            "INSERT INTO credit_haircut (id, pair_code, number, normal, stressed, set_at, approval_id, made_by, approved_by) VALUES "
            "(gen_random_uuid(), '', 2, 0.01, 0.01, now(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid())",
            "credit_haircut_by_two",
        ),
        ("UPDATE credit_reservation SET status = 'CLOSED'", "credit_reservation_status_moves"),
        ("UPDATE credit_reservation SET amount = 1", "credit_amount_stays"),
        ("UPDATE credit_reservation SET unchecked = 1", "credit_amount_stays"),
        ("UPDATE credit_reservation SET source_id = gen_random_uuid()", "credit_reservation_frozen"),
    ],
)
def test_raw_sql_cannot_take_or_grant_more_than_two_people_did(sql: str, constraint: str) -> None:
    grant()
    grant(amount="5000", measure=SETTLEMENT)
    reserve(takes=D(400), source=ids.uuid7(), mode="CREDIT")
    with pytest.raises(IntegrityError) as no, transaction.atomic():
        db.run(sql)
    assert no.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]
    assert (taken(), taken(SETTLEMENT)) == ((D(400), D(0)), (D(4000), D(0)))


def test_raw_sql_may_not_reuse_an_approval_for_another_amount() -> None:
    line = lines.change(grant(), amount=D(2000))
    with pytest.raises(IntegrityError) as no, transaction.atomic():
        db.run(
            "INSERT INTO credit_grant (id, line_id, number, amount, excess, excess_reason, valid_from, valid_until, granted_at, "
            "approval_id, "
            "made_by, approved_by) SELECT gen_random_uuid(), line_id, 3, 3000, 0, '', valid_from, valid_until, granted_at, approval_id, "
            "made_by, approved_by FROM credit_grant WHERE number = 2"
        )
    assert no.value.__cause__.diag.constraint_name == "credit_grant_by_two"  # type: ignore[union-attr]
    assert line.amount == 2000


def test_raw_sql_may_shrink_the_use_of_a_line_that_was_cut() -> None:
    line = grant()
    reserve(takes=D(400), source=ids.uuid7())
    lines.change(line, amount=D(100))
    db.run("UPDATE credit_line SET reserved = 399")
    with pytest.raises(IntegrityError):
        db.run("UPDATE credit_line SET reserved = 400")


def test_an_expired_line_refuses_raw_increases_too() -> None:
    grant(days=1)
    clock.freeze_desk(world.NOON + timedelta(days=1))
    with pytest.raises(IntegrityError):
        db.run("UPDATE credit_line SET reserved = reserved + 1")


@use_case
def set_by_onboarding(*, line: Line, now: datetime) -> None:
    limits = Limits(amount=D(10**9), valid_from=line.valid_from, valid_until=line.valid_until)
    credit.set_line(level=Level(line.level), subject_id=line.subject_id, measure=PRE, limits=limits, now=now)


def test_a_line_that_stands_is_not_granted_anew_without_two_people() -> None:
    line = grant()
    with pytest.raises(IntegrityError):
        set_by_onboarding(line=line)
    assert Line.objects.get().amount == 1000


_LINE = """
WITH g AS (
  INSERT INTO credit_grant (id, line_id, number, amount, excess, excess_reason, valid_from, valid_until, granted_at)
  VALUES (gen_random_uuid(), %(line)s, 1, 1000000, 0, '', now(), now() + interval '9 days', now())
)
SELECT 1
"""
_BORN = """
INSERT INTO credit_line (id, level, measure, subject_id, currency, amount, excess, excess_reason, valid_from, valid_until, grant_number,
  reserved, used, unchecked, revalued)
SELECT line_id, %(level)s, 'PRE_SETTLEMENT', %(subject)s, 'USD', amount, excess, excess_reason, valid_from, valid_until, 1, 0, 0, 0, 0
FROM credit_grant WHERE line_id = %(line)s
"""


@pytest.mark.parametrize("level", ["CLIENT", "ACCOUNT", "GROUP", "LP"])
def test_raw_sql_gives_nobody_who_is_with_us_a_first_line_without_two_people(level: str) -> None:
    subject = {**SUBJECTS, "LP": CLIENT}[level]
    given = {"line": ids.uuid7(), "level": level, "subject": subject}
    with pytest.raises(IntegrityError) as no, transaction.atomic():
        db.run(_LINE, given)
        db.run(_BORN, given)
    assert no.value.__cause__.diag.constraint_name == "credit_first_grant_by_two"  # type: ignore[union-attr]
    assert not Line.objects.exists()
    assert lines.grant(subject_id=subject, level=level, amount="5").amount == 5, "two people may"


def test_a_client_being_onboarded_gets_its_first_lines_with_its_file() -> None:
    firm = world.firm("borealis")
    assert Line.objects.filter(subject_id=firm.client_id).count() == 2
