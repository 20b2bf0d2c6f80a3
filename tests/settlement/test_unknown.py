"""A payment without an answer: ended by the rail, by a statement line, or by two people with evidence; never sent again."""

from decimal import Decimal as D

import pytest

from apps.approvals.errors import SameHands
from apps.core import db
from apps.core.actor import SYSTEM, Actor
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.errors import NotUnknown
from apps.settlement.models import Instruction
from apps.settlement.rails import outside
from apps.settlement.rails.base import Answer, Outcome
from apps.settlement.rails.chain import ChainSimulator
from apps.users.errors import RoleMissing
from apps.workflows.decide_approval import decide_approval
from apps.workflows.request_release import request_unknown_end
from tests import world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def olga() -> Actor:
    return here.staff("olga", "operations")


@pytest.fixture
def oscar() -> Actor:
    return here.staff("oscar", "operations")


@pytest.fixture(params=["TIMEOUT", "TIMEOUT_LOST"])
def silent(request: pytest.FixtureRequest, olga: Actor, oscar: Actor, monkeypatch: pytest.MonkeyPatch) -> str:
    """A payment of 1 BTC without an answer; the rail cannot say either. The truth: paid (TIMEOUT), or never arrived (TIMEOUT_LOST)."""
    here.owing()
    outside.script(here.place("BTC"), request.param)
    here.release(payment().id, maker=olga, checker=oscar)
    monkeypatch.setattr(ChainSimulator, "status", lambda *_a, **_k: Answer(Outcome.UNKNOWN))
    jobs.send_released()
    jobs.resolve_unknown()
    assert payment().status == "UNKNOWN"
    return str(request.param)


def payment() -> Instruction:
    return settlement.list_instructions(SYSTEM).filter(direction="PAY").order_by("-attempt")[0]


def end(outcome: str, olga: Actor, oscar: Actor) -> str:
    asked = request_unknown_end(actor=olga, instruction_id=payment().id, outcome=outcome, evidence="block 914000")
    return str(decide_approval(approval_id=asked.id, actor=oscar, approve=True).status)


def test_two_people_end_it_as_what_the_evidence_says(silent: str, olga: Actor, oscar: Actor) -> None:
    if silent == "TIMEOUT":
        assert end("PAID", olga, oscar) == "EXECUTED"
        assert payment().status == "SENT"
        here.at(here.VALUE_DAY, hours=1)
        jobs.poll_rails()
        assert (payment().status, payment().attempt) == ("SETTLED", 1)
    else:
        assert end("NOT_PAID", olga, oscar) == "EXECUTED"
        jobs.instruct_sets()
        assert (payment().attempt, payment().status, payment().released_by) == (2, "READY", None)
    assert outside.change(here.place("BTC"), lambda doc: len(doc["payments"])) == (1 if silent == "TIMEOUT" else 0)


def test_what_was_said_never_to_have_been_paid_and_shows_on_the_statement_is_a_break_and_not_paid_in_silence(
    silent: str, olga: Actor, oscar: Actor
) -> None:
    if silent != "TIMEOUT":
        pytest.skip("nothing was paid")
    assert end("NOT_PAID", olga, oscar) == "EXECUTED"
    here.at(here.VALUE_DAY, hours=1)
    jobs.poll_rails()
    assert settlement.list_instructions(SYSTEM).get(attempt=1, direction="PAY").status == "FAILED"
    assert db.one("SELECT count(*) FROM events_event WHERE kind = 'statement.unexplained'") == (1,)


def test_a_statement_line_is_faster_than_the_second_person(silent: str, olga: Actor, oscar: Actor) -> None:
    if silent != "TIMEOUT":
        pytest.skip("nothing was paid")
    asked = request_unknown_end(actor=olga, instruction_id=payment().id, outcome="NOT_PAID", evidence="the bank knows nothing")
    here.at(here.VALUE_DAY, hours=1)
    jobs.poll_rails()
    assert payment().status == "SETTLED"
    assert decide_approval(approval_id=asked.id, actor=oscar, approve=True).status == "STALE"
    assert here.balances()["NOSTRO BTC"] == D(999) - D("0.00005")


def test_one_person_never_ends_it_nor_without_evidence_nor_another_role(silent: str, olga: Actor) -> None:
    asked = request_unknown_end(actor=olga, instruction_id=payment().id, outcome="PAID", evidence="seen")
    with pytest.raises(SameHands):
        decide_approval(approval_id=asked.id, actor=olga, approve=True)
    with pytest.raises(NotUnknown, match="evidence"):
        request_unknown_end(actor=olga, instruction_id=payment().id, outcome="PAID", evidence="")
    with pytest.raises(NotUnknown, match="one of"):
        request_unknown_end(actor=olga, instruction_id=payment().id, outcome="MAYBE", evidence="x")
    with pytest.raises(RoleMissing):
        request_unknown_end(actor=here.staff("tom", "trader"), instruction_id=payment().id, outcome="PAID", evidence="x")
    assert payment().status == "UNKNOWN"


def test_a_payment_with_an_answer_is_not_ended_by_hand(olga: Actor) -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme", netting=False)
    here.deal(acme, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    with pytest.raises(NotUnknown, match="BLOCKED"):
        request_unknown_end(actor=olga, instruction_id=payment().id, outcome="PAID", evidence="x")
