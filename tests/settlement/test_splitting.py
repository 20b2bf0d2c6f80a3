"""An instruction over its rail's limit leaves in parts: seen as a whole by people and bands, paid once whatever becomes of a part."""

import signal
from datetime import datetime
from decimal import Decimal as D
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.core.errors import IllegalMove
from apps.core.unit import use_case
from apps.jobs import settlement as jobs
from apps.ledger import operations as ledger
from apps.ledger import queries as books
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.errors import AlreadySettling, BadBand
from apps.settlement.models import Instruction
from apps.settlement.operations import payments
from apps.settlement.operations.net_sets import require_abortable
from apps.settlement.rails import outside
from apps.settlement.rails.bank import BankSimulator
from apps.settlement.rails.base import Answer, Outcome
from apps.settlement.rules.bands import Band, why_bad
from apps.workflows.change_ssi import revoke_ssi
from apps.workflows.decide_approval import decide_approval
from apps.workflows.request_release import recall_release, request_band, request_release, resume_releases, stop_releases
from apps.workflows.send_payment import record_answer
from apps.workflows.transfer_balance import approve_withdrawal, cancel_withdrawal, request_withdrawal
from tests import deals, world
from tests.settlement import world as here
from tests.settlement.splitting import parts, release, set_limit, whole
from tests.settlement.test_kills import after, at_commit, before, in_a_worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme() -> world.Firm:
    """We owe 39,981.18 dollars today, agreed."""
    return here.owing(Side.SELL, "2")


@pytest.fixture
def cygnus() -> world.Firm:
    """A prefunded client with 1,000 dollars, whose rail takes 400 at once."""
    firm = here.prefunded(D(1000))
    set_limit("fedwire-usd", largest="400", most=3)
    return firm


def codes(one: Instruction) -> list[str]:
    return [b["code"] for b in settlement.list_decisions([one.id])[0].blockers]


def statuses() -> list[str]:
    return [one.status for one in parts()]


def settle_all(hours: int = 4) -> None:
    """Until nothing moves: what failed is released again, by two."""
    for _ in range(hours):
        here.at(clock.desk_now(), hours=1)
        jobs.run_all()
        waiting = [one for one in settlement.list_instructions(SYSTEM) if one.status == "READY"]
        if waiting:
            release(*waiting)


def paid() -> list[str]:
    """What the bank has booked as going out."""
    lines = outside.change(here.place("USD"), lambda doc: list(doc["lines"]))
    return sorted(line["amount"] for line in lines if line["kind"] == "PAYMENT")


def cut(amount: str, largest: str | None, most: int | None) -> list[D]:
    return Band(largest=None if largest is None else D(largest), most_payments=most).payments_of(D(amount))


def test_an_amount_is_cut_into_the_largest_and_the_rest() -> None:
    assert cut("10", None, None) == cut("10", "10", None) == cut("10", "10", 5) == [D(10)]
    assert cut("10", "4", 3) == [D(4), D(4), D(2)]
    assert cut("8", "4", 2) == [D(4), D(4)]
    assert cut("10", "4", None) == cut("10", "4", 2) == []


@pytest.mark.parametrize(("largest", "most"), [(None, 3), ("5", 1), ("5", 0), ("5", 101), ("5", -2)])
def test_a_bound_that_makes_no_sense_is_no_band(largest: str | None, most: int) -> None:
    band = Band(largest=None if largest is None else D(largest), most_payments=most)
    assert why_bad(band, 2).startswith("most_payments")
    with pytest.raises(BadBand):
        request_band(actor=here.staff("olga", "operations"), rail_code="fedwire-usd", band=band, reason="no")


def test_where_a_rail_may_not_be_split_or_into_too_many_its_limit_blocks(acme: world.Firm) -> None:
    set_limit("fedwire-usd", largest="15000", most=None)
    jobs.review_queue()
    assert codes(whole()) == ["OVER_RAIL_LIMIT"]
    set_limit("fedwire-usd", largest="15000", most=2)
    jobs.review_queue()
    assert codes(whole()) == ["OVER_RAIL_LIMIT"]
    set_limit("fedwire-usd", largest="15000", most=3)
    jobs.review_queue()
    assert (whole().status, codes(whole())) == ("READY", [])


def test_the_bands_see_the_whole(acme: world.Firm) -> None:
    """Each part would go by itself and needs no second checker: the whole does not, and does."""
    for name in ("olga", "oscar", "otto"):
        deals.person(name, "operations")
    set_limit("fedwire-usd", largest="15000", most=3, straight="20000", two="30000")
    assert jobs.release_straight_through() == 0
    asked = request_release(actor=deals.person("otto", "operations"), instruction_ids=[whole().id])
    assert decide_approval(approval_id=asked.id, actor=deals.person("oscar", "operations"), approve=True).status == "REQUESTED"
    set_limit("fedwire-usd", largest="15000", most=3, straight="50000")
    assert jobs.release_straight_through() == 1
    assert {(one.status, one.made_by, one.released_by, one.band.version) for one in parts()} == {("RELEASED", None, None, 2)}  # type: ignore[union-attr]
    settle_all(2)
    assert (paid(), whole().settled_amount) == (["-15000", "-15000", "-9981.18"], D("39981.18"))


@use_case
def ask_to_abort(*, net_set_id: UUID, now: datetime) -> None:
    require_abortable(net_set_ids=[net_set_id])


def test_a_recall_takes_the_whole_back_while_nothing_has_left_and_then_what_has_not(
    acme: world.Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit("fedwire-usd", largest="15000", most=3)
    release(whole())
    olga = deals.person("olga", "operations")
    (net_set,) = settlement.list_net_sets(SYSTEM)
    with pytest.raises(AlreadySettling):
        ask_to_abort(net_set_id=net_set.id)
    recall_release(actor=olga, instruction_id=whole().id, reason="wait")
    assert (whole().status, whole().released_by, statuses()) == ("READY", None, ["CANCELLED"] * 3)
    assert jobs.send_released() == 0
    ask_to_abort(net_set_id=net_set.id)
    release(whole())
    assert [(one.attempt, one.status) for one in parts()] == [(1, "CANCELLED"), (2, "RELEASED")] * 3
    with monkeypatch.context() as killed:
        killed.setattr(settlement, "list_released", lambda _on, _but=(): [parts()[1].id])
        assert jobs.send_released() == 1
    recall_release(actor=olga, instruction_id=whole().id, reason="stop the rest")
    living = [one for one in parts() if one.attempt == 2]
    assert (whole().status, [one.status for one in living]) == ("SPLIT", ["SENT", "READY", "READY"])
    with pytest.raises(IllegalMove):
        recall_release(actor=olga, instruction_id=whole().id, reason="too late")
    release(*living[1:])
    jobs.send_released()
    settle_all(1)
    assert paid() == ["-15000", "-15000", "-9981.18"]


def test_what_was_held_back_of_a_whole_that_people_let_go_waits_for_people(acme: world.Firm) -> None:
    """Each part by itself is within the band; the whole is not, and a payment cut in pieces is still one."""
    set_limit("fedwire-usd", largest="15000", most=3, straight="20000")
    release(whole())
    stop_releases(actor=deals.person("olga", "operations"), reason="something is wrong")
    assert jobs.send_released() == 0
    resume_releases(actor=deals.person("otto", "operations"))
    jobs.review_queue()
    jobs.release_straight_through()
    assert statuses() == ["READY"] * 3
    release(*parts())
    assert jobs.send_released() == 3


def test_what_a_person_took_back_is_let_go_by_people_alone(acme: world.Firm) -> None:
    set_limit("fedwire-usd", largest=None, most=None, straight="50000")
    jobs.release_straight_through()
    recall_release(actor=deals.person("olga", "operations"), instruction_id=whole().id, reason="wait")
    jobs.release_straight_through()
    assert (whole().status, whole().failure) == ("READY", "recalled: wait")
    release(whole())
    assert jobs.send_released() == 1


def test_an_earlier_attempt_that_lives_keeps_back_every_part_of_the_next(acme: world.Firm) -> None:
    outside.script(here.place("USD"), "REJECT")
    release(whole())
    jobs.send_released()
    first = whole()
    assert first.status == "FAILED"
    set_limit("fedwire-usd", largest="15000", most=3)
    jobs.instruct_sets()
    jobs.review_queue()
    release(here.ready()[0])
    record_answer(instruction_id=first.id, answer=Answer(Outcome.ACCEPTED, "R1", stage="APPROVED", version=2), source="POLL")
    assert jobs.send_released() == 0, "it would be paid twice"
    assert statuses() == ["BLOCKED"] * 3 and codes(parts()[0]) == ["EARLIER_ATTEMPT_LIVES"]


def test_a_part_without_an_answer_waits_alone_and_is_never_sent_again(acme: world.Firm) -> None:
    set_limit("fedwire-usd", largest="15000", most=3)
    outside.script(here.place("USD"), "TIMEOUT", amount=D("9981.18"))
    release(whole())
    jobs.send_released()
    assert statuses() == ["SENT", "SENT", "UNKNOWN"]
    jobs.resolve_unknown()
    assert statuses() == ["SENT", "SENT", "SENT"]
    settle_all(1)
    assert (paid(), statuses()) == (["-15000", "-15000", "-9981.18"], ["SETTLED"] * 3)


COPY = """INSERT INTO settlement_instruction SELECT (jsonb_populate_record(i, jsonb_build_object(
  'id', gen_random_uuid(), 'status', 'DRAFT', 'end_to_end_id', 'MORE', {change}))).* FROM settlement_instruction i WHERE part = 1"""
CHANGE = "UPDATE settlement_instruction"
DAMAGE = [
    f"{CHANGE} SET status = 'READY' WHERE part = 2;{CHANGE} SET status = 'CANCELLED' WHERE part = 2",
    f"{CHANGE} SET status = 'READY' WHERE status = 'SPLIT'",
    f"{CHANGE} SET status = 'CANCELLED' WHERE status = 'SPLIT'",
    f"{CHANGE} SET settled_amount = 5 WHERE status = 'SPLIT'",
    f"{CHANGE} SET settled_amount = 5 WHERE part = 1",
    f"{CHANGE} SET part = 7 WHERE part = 1",
    f"{CHANGE} SET whole_id = NULL, part = 0 WHERE part = 1",
    f"{CHANGE} SET amount = 1 WHERE part = 1",
    COPY.format(change="'attempt', 9"),  # a second payment of the same part
    COPY.format(change="'part', 4"),
    COPY.format(change="'part', 4, 'whole_id', i.id"),
]


def test_the_database_holds_parts_and_whole_together(acme: world.Firm) -> None:
    """By raw SQL: parts that do not make the whole, another payment of a part, a part of a part."""
    set_limit("fedwire-usd", largest="15000", most=3)
    release(whole())
    for damage in DAMAGE:
        with pytest.raises(IntegrityError), transaction.atomic():
            for statement in damage.split(";"):
                db.run(statement)
    assert statuses() == ["RELEASED"] * 3


def held(firm: world.Firm) -> tuple[D, D]:
    (one,) = [b for b in books.list_client_balances([firm.account.id])[firm.account.id] if b.asset == "USD"]
    return one.posted, one.held


def withdraw(firm: world.Firm, amount: str = "1000", name: str = "w1") -> Any:
    asked = request_withdrawal(account_id=firm.account.id, amount=D(amount), client_reference=name, actor=firm.treasury, asset="USD")
    approve_withdrawal(actor=world.actor_of(firm.account, "Controller"), withdrawal_id=asked.id)
    jobs.instruct_due()
    jobs.review_queue()
    return asked


def test_wholes_that_are_alike_are_doubted_and_parts_that_are_alike_are_not(cygnus: world.Firm) -> None:
    set_limit("fedwire-usd", largest="250", most=2)
    for name in ("w1", "w2"):
        withdraw(cygnus, "500", name)
    first, second = settlement.list_instructions(SYSTEM).filter(direction="PAY").order_by("id")
    assert (codes(first), codes(second)) == ([], ["DUPLICATE_SUSPECTED"])
    release(first)
    assert jobs.send_released() == 2
    assert [codes(one) for one in parts()] == [[], []]
    settle_all(1)
    assert codes(second) == ["DUPLICATE_SUSPECTED"], "the other one is SPLIT, and still the same payment"
    release(second, overrides={"DUPLICATE_SUSPECTED": "asked for twice"})
    assert jobs.send_released() == 2, "what was said of the whole is said of its parts"


def test_what_of_a_withdrawal_has_not_left_stays_set_aside(cygnus: world.Firm) -> None:
    asked = withdraw(cygnus)
    outside.script(here.place("USD"), "REJECT", amount=D(400))
    outside.script(here.place("USD"), "RETURN", amount=D(200))
    release(whole())
    assert held(cygnus) == (D(1000), D(1000))
    jobs.send_released()
    assert statuses() == ["FAILED", "READY", "SENT", "SENT"]
    assert held(cygnus) == (D(400), D(400)), "nothing of it can be withdrawn twice"
    settle_all(1)
    assert settlement.get_withdrawal(asked.id, actor=SYSTEM).status == "INSTRUCTED"
    here.at(clock.desk_now(), hours=3)
    jobs.poll_rails()
    assert [f"{one.part}.{one.attempt} {one.status}" for one in parts()][-2:] == ["3.1 RETURNED", "3.2 READY"]
    assert held(cygnus)[1] == held(cygnus)[0]
    settle_all(3)
    assert settlement.get_withdrawal(asked.id, actor=SYSTEM).status == "SETTLED"
    assert (held(cygnus), paid()) == ((D(0), D(0)), ["-200", "-200", "-400", "-400"])


def test_of_a_withdrawal_that_was_paid_the_client_is_told_that_a_part_came_back(cygnus: world.Firm) -> None:
    asked = withdraw(cygnus)
    outside.script(here.place("USD"), "RETURN", amount=D(200))
    release(whole())
    jobs.send_released()
    here.at(clock.desk_now(), hours=1)
    jobs.poll_rails()
    assert settlement.get_withdrawal(asked.id, actor=SYSTEM).status == "SETTLED"
    here.at(clock.desk_now(), hours=3)
    jobs.poll_rails()
    assert settlement.get_withdrawal(asked.id, actor=SYSTEM).status == "INSTRUCTED"
    told = db.run("SELECT kind FROM events_event WHERE subject_id = %s AND client_id IS NOT NULL ORDER BY client_seq", (asked.id,))
    assert [kind for (kind,) in told] == [f"withdrawal.{what}" for what in ("requested", "approved", "settled", "held")]
    assert held(cygnus) == (D(200), D(200))


def revoke(asked: Any) -> None:
    revoke_ssi(actor=here.staff("carla", "compliance"), ssi_id=asked.ssi_id, reason="the account is closed")


def test_a_withdrawal_of_which_a_part_has_left_is_not_given_up(cygnus: world.Firm) -> None:
    asked = withdraw(cygnus)
    outside.script(here.place("USD"), "REJECT", amount=D(400))
    release(whole())
    jobs.send_released()
    revoke(asked)
    jobs.review_queue()
    assert statuses() == ["FAILED", "BLOCKED", "SENT", "SENT"]
    with pytest.raises(IllegalMove):
        cancel_withdrawal(actor=cygnus.treasury, withdrawal_id=asked.id)
    assert (statuses(), held(cygnus)) == (["FAILED", "BLOCKED", "SENT", "SENT"], (D(400), D(400)))


def test_a_withdrawal_of_which_nothing_has_left_is_given_up_with_its_parts(cygnus: world.Firm) -> None:
    asked = withdraw(cygnus)
    release(whole())
    revoke(asked)
    assert set(statuses()) == {"BLOCKED"}
    cancelled = cancel_withdrawal(actor=cygnus.treasury, withdrawal_id=asked.id)
    assert (cancelled.status, whole().status, set(statuses()), held(cygnus)) == ("CANCELLED", "CANCELLED", {"CANCELLED"}, (D(1000), D(0)))


KILLS = {
    "while the answer for a part is posted": (lambda: after(ledger, "post"), "send"),
    "as the bank is called with one part": (lambda: before(BankSimulator, "send"), "send"),
    "after the bank has one part": (lambda: after(BankSimulator, "send"), "send"),
    "before the answer for one part is committed": (lambda: at_commit("record_answer", "before"), "send"),
    "as a part that failed is made again": (lambda: after(payments.splitting, "pay_again"), "send"),
    "before a part's line is committed": (lambda: at_commit("read_line", "before"), "read"),
    "after a part's line is committed": (lambda: at_commit("read_line", "after"), "read"),
}


@pytest.mark.parametrize(
    "step", [one if "after the bank" in one or "made again" in one else pytest.param(one, marks=pytest.mark.drill) for one in KILLS]
)
def test_killed_at_any_step_every_part_is_paid_once(step: str, acme: world.Firm) -> None:
    set_limit("fedwire-usd", largest="15000", most=3)
    outside.script(here.place("USD"), "REJECT", amount=D(15000))
    release(whole())
    killed, moment = KILLS[step]
    if moment == "read":
        jobs.send_released()
        here.at(here.VALUE_DAY, hours=1)
    assert in_a_worker(killed(), jobs.send_released if moment == "send" else jobs.poll_rails) == signal.SIGKILL, "it was not killed"
    db.run("UPDATE settlement_instruction SET sending_since = sending_since - interval '1 hour' WHERE status = 'SENDING'")
    settle_all()
    assert paid() == ["-15000", "-15000", "-9981.18"]
    assert whole().settled_amount == whole().amount
    assert "IN_TRANSIT USD" not in here.balances()
