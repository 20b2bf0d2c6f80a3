"""kill -9 between any two steps of a transfer with a venue: it is asked once and counted once, whatever was lost."""

import signal
from collections.abc import Callable
from decimal import Decimal as D
from typing import Any

import pytest

from apps.core import clock, db
from apps.jobs import settlement as jobs
from apps.jobs import venues as venue_jobs
from apps.settlement.models import HouseTransfer, Nostro
from apps.settlement.rails import outside
from apps.settlement.rails.venue_sim import VenueSimulator
from tests import books
from tests.settlement import venues as there
from tests.settlement import world as here
from tests.settlement.test_kills import after, at_commit, before, in_a_worker

pytestmark = pytest.mark.django_db(transaction=True)
ASKED: dict[str, tuple[Callable[[], Any], Callable[[], object], str]] = {
    "as the intent is committed": (lambda: at_commit("begin_sending", "before"), jobs.send_released, "SETTLED FAILED"),  # COMMIT may be out
    "after the intent, before the venue is called": (lambda: at_commit("begin_sending", "after"), jobs.send_released, "FAILED"),
    "as the venue is called": (lambda: before(VenueSimulator, "send"), jobs.send_released, "FAILED"),
    "after the venue has it, before its answer": (lambda: after(VenueSimulator, "send"), jobs.send_released, "SETTLED"),
    "before its answer is committed": (lambda: at_commit("record_answer", "before"), jobs.send_released, "SETTLED"),
    "after its answer is committed": (lambda: at_commit("record_answer", "after"), jobs.send_released, "SETTLED"),
    "before its record is committed": (lambda: at_commit("take_movement", "before", venue_jobs), venue_jobs.poll_venues, "SETTLED"),
    "after its record is committed": (lambda: at_commit("take_movement", "after", venue_jobs), venue_jobs.poll_venues, "SETTLED"),
    "before the arrival is committed": (lambda: at_commit("clear_receipt", "before"), jobs.match_receipts, "SETTLED"),
}
SHORT = ("after the venue has it, before its answer", "before its record is committed")


def released(source: Any, target: Any, amount: str) -> HouseTransfer:
    made = there.approved(source, target, amount)
    assert here.release(there.payment_of(made).id) == "EXECUTED"
    return made


def accepted() -> int:
    return outside.change(there.at_venue("USD"), lambda doc: sum(one["outcome"] == "ACCEPTED" for one in doc["payments"].values()))


def come(ours: Nostro, made: HouseTransfer) -> None:
    """Our bank shows once what the venue has sent."""
    key = there.payment_of(made).end_to_end_id
    there.arrives(ours, D(100), name="Northgate Exchange", remittance=key, transaction=f"in-{key}")


@pytest.mark.parametrize("step", [one if one in SHORT else pytest.param(one, marks=pytest.mark.drill) for one in ASKED])
def test_what_is_fetched_and_killed_at_any_step_comes_once(step: str) -> None:
    ours, place = here.open_house("USD")["USD"], there.open_venue("USD")["USD"]
    there.keeps(place=place, amount=D(1000))
    made = released(place, ours, "100")
    killed, sweep, end = ASKED[step]
    has_come = sweep is jobs.match_receipts
    if sweep is not jobs.send_released:
        jobs.send_released()
        here.at(clock.desk_now(), minutes=30)
    if has_come:
        come(ours, made)
        jobs.poll_rails()
    assert in_a_worker(killed(), sweep) == signal.SIGKILL, "it was not killed: the step is not on its way"
    for _ in range(4):
        db.run("UPDATE settlement_instruction SET sending_since = sending_since - interval '3 minutes' WHERE status = 'SENDING'")
        here.at(clock.desk_now(), hours=1)
        jobs.run_all()
        if accepted() and not has_come:
            come(ours, made)
            has_come = True
    made.refresh_from_db()
    assert made.status in end.split() and accepted() == (made.status == "SETTLED")
    moved = D(100) * accepted()
    assert here.balances() == {
        "CAPITAL USD": D(-10_001_000), "NOSTRO USD": D(10_000_000) + moved, "VENUE USD": D(1000) - moved,
    }  # fmt: skip
    books.proven()


@pytest.mark.parametrize("moment", [pytest.param("before", marks=pytest.mark.drill), "after"])
def test_what_is_paid_in_and_killed_as_its_record_is_read_is_there_once(moment: str) -> None:
    ours, place = here.open_house("USD")["USD"], there.open_venue("USD")["USD"]
    made = released(ours, place, "100")
    jobs.send_released()
    there.reaches("USD", D(100))
    assert in_a_worker(at_commit("take_movement", moment, venue_jobs), venue_jobs.poll_venues) == signal.SIGKILL
    here.at(clock.desk_now(), hours=1)
    jobs.run_all()
    made.refresh_from_db()
    assert made.status == "SETTLED"
    assert here.balances() == {"CAPITAL USD": D(-10_000_000), "NOSTRO USD": D(9_999_900), "VENUE USD": D(100)}
    books.proven()
