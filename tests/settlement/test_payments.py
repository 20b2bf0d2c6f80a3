"""Release under four eyes, sending, and all that a rail can do to a payment."""

import threading
from decimal import Decimal as D

import pytest
from django.db import connection

from apps.approvals.errors import NotAChecker, SameHands
from apps.clients import operations as clients
from apps.clients.models import Ssi
from apps.clients.states import ClientStatus, SsiStatus
from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.core.unit import use_case
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.errors import Blocked, NothingToRelease, NotOverridable, ReleaseStopped
from apps.settlement.models import Instruction
from apps.settlement.rails import get_rail, outside
from apps.trades.models import Trade
from apps.users.errors import RoleMissing
from apps.workflows.decide_approval import decide_approval
from apps.workflows.read_statement import read_line
from apps.workflows.reconcile import reconcile
from apps.workflows.request_release import recall_release, request_release, resume_releases, stop_releases
from tests import deals, world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme() -> world.Firm:
    """A credit client to whom we owe 1 BTC, ready to be released on its value date."""
    return here.owing()


def payment() -> Instruction:
    """The latest attempt."""
    return settlement.list_instructions(SYSTEM).filter(direction="PAY").order_by("-attempt")[0]


def sent_by_rail() -> int:
    """How many payments the outside world has accepted."""
    return outside.change(here.place("BTC"), lambda doc: sum(one["outcome"] != "NOT_FOUND" for one in doc["payments"].values()))


@use_case
def set_status(*, firm: world.Firm, status: ClientStatus, now) -> None:  # type: ignore[no-untyped-def]
    firm.account.refresh_from_db()
    clients.set_status(thing=firm.account, status=status, reason="test")


@use_case
def suspend_ssi(*, firm: world.Firm, now) -> None:  # type: ignore[no-untyped-def]
    clients.move_ssi(ssi=Ssi.objects.get(account=firm.account, asset_code="BTC"), status=SsiStatus.SUSPENDED, evidence="test")


# --- four eyes --------------------------------------------------------------------------------------------------------
def test_the_maker_cannot_release_what_they_asked_for_not_even_as_superuser(acme: world.Firm) -> None:
    root = here.staff("root", "operations", superuser=True)
    asked = request_release(actor=root, instruction_ids=[payment().id])
    with pytest.raises(SameHands):
        decide_approval(approval_id=asked.id, actor=root, approve=True)
    assert payment().status == "READY"
    assert db.one("SELECT status FROM approvals_approval") == ("REQUESTED",)


def test_only_operations_ask_and_only_operations_check(acme: world.Firm) -> None:
    with pytest.raises(RoleMissing):
        request_release(actor=here.staff("tom", "trader"), instruction_ids=[payment().id])
    asked = request_release(actor=here.staff("olga", "operations"), instruction_ids=[payment().id])
    with pytest.raises(NotAChecker):
        decide_approval(approval_id=asked.id, actor=here.staff("fred", "finance"), approve=True)
    with pytest.raises(NotAChecker):
        decide_approval(approval_id=asked.id, actor=here.staff("boss", superuser=True), approve=True)
    assert payment().status == "READY"


def test_a_release_names_its_totals_maker_and_checker(acme: world.Firm) -> None:
    asked = request_release(actor=here.staff("olga", "operations"), instruction_ids=[payment().id])
    assert asked.payload["totals"] == [{"asset": "BTC", "rail": "bitcoin-btc", "account": "acme-main", "amount": "1"}]
    oscar = here.staff("oscar", "operations")
    assert decide_approval(approval_id=asked.id, actor=oscar, approve=True).status == "EXECUTED"
    done = payment()
    assert (done.status, done.made_by, done.released_by) == ("RELEASED", asked.maker_id, oscar.id)
    assert db.run("SELECT moment, passed FROM settlement_gatedecision WHERE moment = 'RELEASE'") == [("RELEASE", True)]


def test_a_rejected_release_changes_nothing(acme: world.Firm) -> None:
    asked = request_release(actor=here.staff("olga", "operations"), instruction_ids=[payment().id])
    assert decide_approval(approval_id=asked.id, actor=here.staff("oscar", "operations"), approve=False).status == "REJECTED"
    assert payment().status == "READY"
    assert here.release(payment().id) == "EXECUTED"


def test_one_payment_is_in_one_open_request_only(acme: world.Firm) -> None:
    olga = here.staff("olga", "operations")
    request_release(actor=olga, instruction_ids=[payment().id])
    with pytest.raises(NothingToRelease):
        request_release(actor=olga, instruction_ids=[payment().id])
    with pytest.raises(NothingToRelease):
        request_release(actor=olga, instruction_ids=[])


def test_what_changed_since_it_was_asked_is_stale(acme: world.Firm) -> None:
    asked = request_release(actor=here.staff("olga", "operations"), instruction_ids=[payment().id])
    set_status(firm=acme, status=ClientStatus.SUSPENDED)
    jobs.review_queue()
    assert payment().status == "BLOCKED"
    assert decide_approval(approval_id=asked.id, actor=here.staff("oscar", "operations"), approve=True).status == "STALE"
    assert payment().status == "BLOCKED"


def test_a_blocker_that_nobody_reviewed_fails_the_release(acme: world.Firm) -> None:
    asked = request_release(actor=here.staff("olga", "operations"), instruction_ids=[payment().id])
    set_status(firm=acme, status=ClientStatus.SUSPENDED)
    done = decide_approval(approval_id=asked.id, actor=here.staff("oscar", "operations"), approve=True)
    assert done.status == "FAILED"
    assert "CLIENT_SUSPENDED" in done.comment
    assert payment().status == "READY"
    assert db.run("SELECT 1 FROM events_event WHERE kind = 'instruction.released'") == []


# --- the gate ---------------------------------------------------------------------------------------------------------
def test_a_client_suspended_between_release_and_sending_is_not_paid(acme: world.Firm) -> None:
    assert here.release(payment().id) == "EXECUTED"
    set_status(firm=acme, status=ClientStatus.SUSPENDED)
    assert jobs.send_released() == 0
    one = payment()
    assert (one.status, one.released_by) == ("BLOCKED", None)
    assert sent_by_rail() == 0
    latest = settlement.list_decisions([one.id])[0]
    assert (latest.moment, [b["code"] for b in latest.blockers]) == ("SEND", ["CLIENT_SUSPENDED"])


def test_a_deal_that_somebody_asked_to_change_is_not_paid_before_that_is_answered(acme: world.Firm) -> None:
    (trade,) = Trade.objects.all()
    assert here.release(payment().id) == "EXECUTED"
    asked = deals.ask(trade, price="19990")
    assert jobs.send_released() == 0
    assert payment().status == "BLOCKED"
    with pytest.raises(Blocked, match="PENDING_APPROVAL"):
        request_release(actor=deals.person("olga", "operations"), instruction_ids=[payment().id])
    with pytest.raises(NotOverridable):
        request_release(actor=deals.person("olga", "operations"), instruction_ids=[payment().id], overrides={"PENDING_APPROVAL": "late"})
    deals.check(asked, approve=False)
    jobs.review_queue()
    assert payment().status == "READY"


def test_a_soft_blocker_is_overridden_with_a_reason_and_the_override_holds_until_it_is_sent(acme: world.Firm) -> None:
    set_status(firm=acme, status=ClientStatus.SUSPENDED)
    jobs.review_queue()
    with pytest.raises(Blocked):
        request_release(actor=here.staff("olga", "operations"), instruction_ids=[payment().id])
    with pytest.raises(NotOverridable):
        request_release(actor=here.staff("olga", "operations"), instruction_ids=[payment().id], overrides={"CLIENT_SUSPENDED": " "})
    cora = here.staff("cora", "compliance")
    assert here.release(payment().id, overrides={"CLIENT_SUSPENDED": "the debt stands"}, also=[cora]) == "EXECUTED"
    assert jobs.send_released() == 1
    assert payment().status == "SENT"


def test_a_hard_blocker_is_never_overridden(acme: world.Firm) -> None:
    suspend_ssi(firm=acme)
    jobs.review_queue()
    assert payment().status == "BLOCKED"
    with pytest.raises(NotOverridable):
        request_release(actor=here.staff("olga", "operations"), instruction_ids=[payment().id], overrides={"SSI_NOT_ACTIVE": "trust me"})
    with pytest.raises(NotOverridable):
        request_release(actor=here.staff("olga", "operations"), instruction_ids=[payment().id], overrides={"WEATHER": "rain"})


def test_a_release_stop_is_thrown_by_one_and_lifted_by_another(acme: world.Firm) -> None:
    olga, oscar = here.staff("olga", "operations"), here.staff("oscar", "operations")
    assert here.release(payment().id) == "EXECUTED"
    stop_releases(actor=olga, reason="something smells")
    assert jobs.send_released() == 0
    assert payment().status == "BLOCKED"
    with pytest.raises(ReleaseStopped):
        resume_releases(actor=olga)
    assert resume_releases(actor=oscar) == 1
    jobs.review_queue()
    assert here.release(payment().id) == "EXECUTED"
    assert jobs.send_released() == 1


def test_a_client_first_account_is_paid_after_it_has_paid() -> None:
    here.open_house("USD", "BTC")
    firm = world.firm("acme", mode="CLIENT_FIRST")
    here.deal(firm, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    here.at(here.VALUE_DAY)
    jobs.run_all()
    latest = settlement.list_decisions([payment().id])[0]
    assert [b["code"] for b in latest.blockers] == ["AWAITING_THEIR_LEG"]
    due = here.only("EXPECTED").amount
    here.pay_in("USD", D(1000), name="Acme Capital", address="021000021-1001")
    jobs.run_all()
    assert [b["code"] for b in settlement.list_decisions([payment().id])[0].blockers] == ["THEIR_LEG_PARTIAL"]
    here.pay_in("USD", due - 1000, name="Acme Capital", address="021000021-1001")
    jobs.run_all()
    assert payment().status == "READY"


def test_two_payments_never_count_on_the_same_money() -> None:
    here.open_house(USD=D(1_000_000), BTC=D("1.5"))
    acme = world.firm("acme")
    borealis = world.firm("borealis", instructions=(here.Instruction("bitcoin-btc", "BTC", "bc1qborealis"),))
    for firm in (acme, borealis):
        here.deal(firm, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    here.at(here.CUTOFF, hours=1)
    jobs.agree_due()
    here.at(here.VALUE_DAY)
    jobs.review_queue()
    assert here.release(*(one.id for one in here.ready())) == "EXECUTED"
    assert jobs.send_released() == 1
    held = here.only("BLOCKED")
    assert [b["code"] for b in settlement.list_decisions([held.id])[0].blockers] == ["INSUFFICIENT_NOSTRO"]


# --- sending ----------------------------------------------------------------------------------------------------------
def test_a_payment_is_sent_once_though_two_workers_sweep_at_once(acme: world.Firm) -> None:
    here.release(payment().id)
    ready = threading.Barrier(2)

    def sweep() -> None:
        ready.wait()
        jobs.send_released()
        connection.close()

    workers = [threading.Thread(target=sweep) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert payment().status == "SENT"
    assert sent_by_rail() == 1
    assert db.one("SELECT count(*) FROM ledger_ledgertransaction WHERE kind = 'PAYMENT_SENT'") == (1,)


def test_an_unknown_payment_that_was_paid_ends_by_the_statement_and_is_never_sent_again(
    acme: world.Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside.script(here.place("BTC"), "TIMEOUT")
    here.release(payment().id)
    calls = []
    original = outside.pay
    monkeypatch.setattr(outside, "pay", lambda *a, **k: calls.append(a) or original(*a, **k))
    jobs.send_released()
    assert payment().status == "UNKNOWN"
    assert "IN_TRANSIT BTC" not in here.balances()
    jobs.send_released()
    jobs.send_released()
    assert len(calls) == 1
    here.at(here.VALUE_DAY, hours=1)
    jobs.poll_rails()
    assert payment().status == "SETTLED"
    assert payment().attempt == 1
    assert here.balances()["NOSTRO BTC"] == D(999) - D("0.00005")


def test_an_unknown_payment_ends_by_the_rails_own_answer(acme: world.Firm) -> None:
    outside.script(here.place("BTC"), "TIMEOUT")
    here.release(payment().id)
    jobs.send_released()
    assert jobs.resolve_unknown() == 1
    assert (payment().status, bool(payment().rail_reference)) == ("SENT", True)


def test_an_unknown_payment_that_never_arrived_fails_and_is_paid_by_a_new_attempt_released_afresh(acme: world.Firm) -> None:
    outside.script(here.place("BTC"), "TIMEOUT_LOST")
    here.release(payment().id)
    jobs.send_released()
    first = payment()
    assert first.status == "UNKNOWN"
    jobs.resolve_unknown()
    assert settlement.get_instruction(first.id, actor=SYSTEM).status == "FAILED"
    jobs.instruct_sets()
    second = payment()
    assert (second.attempt, second.status, second.released_by) == (2, "READY", None)
    assert second.end_to_end_id != first.end_to_end_id
    assert jobs.send_released() == 0
    here.release(second.id)
    jobs.send_released()
    here.at(here.VALUE_DAY, hours=1)
    jobs.poll_rails()
    assert payment().status == "SETTLED"
    assert sent_by_rail() == 1


def test_a_sender_that_died_leaves_a_payment_that_is_asked_about_not_sent_again(acme: world.Firm) -> None:
    from apps.workflows.send_payment import begin_sending

    here.release(payment().id)
    begin_sending(instruction_id=payment().id)
    assert payment().status == "SENDING"
    assert jobs.resolve_unknown() == 0  # it may still be on its way
    db.run("UPDATE settlement_instruction SET sending_since = sending_since - interval '3 minutes' WHERE status = 'SENDING'")
    assert jobs.resolve_unknown() == 1
    assert payment().status == "FAILED"


def test_a_rejected_payment_fails_with_the_rails_reason(acme: world.Firm) -> None:
    outside.script(here.place("BTC"), "REJECT")
    before = here.balances()
    here.release(payment().id)
    jobs.send_released()
    assert (payment().status, payment().failure) == ("FAILED", "AC04 closed account")
    assert here.balances() == before


def test_a_released_payment_can_be_recalled_before_it_is_sent(acme: world.Firm) -> None:
    here.release(payment().id)
    recall_release(actor=here.staff("olga", "operations"), instruction_id=payment().id, reason="typo")
    assert (payment().status, jobs.send_released()) == ("READY", 0)


# --- what the rail does to it -----------------------------------------------------------------------------------------
def test_a_returned_payment_is_reversed_and_paid_again_by_a_new_attempt(acme: world.Firm) -> None:
    before = here.balances()
    outside.script(here.place("BTC"), "RETURN")
    here.release(payment().id)
    jobs.send_released()
    here.at(here.VALUE_DAY, hours=1)
    jobs.poll_rails()
    first = payment()
    assert first.status == "SETTLED"
    here.at(here.VALUE_DAY, hours=4)
    jobs.poll_rails()
    assert settlement.get_instruction(first.id, actor=SYSTEM).status == "RETURNED"
    fee = D("0.00005")
    assert here.balances() == {**before, "COST BTC": fee, "NOSTRO BTC": before["NOSTRO BTC"] - fee}
    jobs.instruct_sets()
    second = payment()
    assert (second.attempt, second.status) == (2, "READY")
    here.release(second.id)
    jobs.send_released()
    here.at(here.VALUE_DAY, hours=6)
    jobs.poll_rails()
    assert payment().status == "SETTLED"
    assert here.balances()["NOSTRO BTC"] == D(999) - 2 * fee
    assert db.one("SELECT count(*) FROM ledger_ledgertransaction WHERE kind = 'REVERSAL' AND reverses_id IS NOT NULL") == (2,)


def test_what_comes_back_a_second_time_waits_in_suspense_for_a_decision_and_is_no_break(acme: world.Firm) -> None:
    outside.script(here.place("BTC"), "RETURN")
    here.release(payment().id)
    jobs.send_released()
    first = payment()
    here.at(here.VALUE_DAY, hours=4)
    jobs.poll_rails()
    before = here.balances()
    for _ in range(2):  # and a third time
        outside.give_back(here.place("BTC"), first.end_to_end_id, reason="AC04 closed account", at=clock.desk_now())
        jobs.poll_rails()
        jobs.match_receipts()
    assert settlement.get_instruction(first.id, actor=SYSTEM).status == "RETURNED"
    kept = [(r.amount, r.status, r.quarantine_reason, r.owner_role) for r in settlement.list_receipts(SYSTEM)]
    assert kept == [(first.amount, "QUARANTINED", "DUPLICATE", "compliance")] * 2
    assert here.balances() == {**before, "NOSTRO BTC": before["NOSTRO BTC"] + 2 * first.amount, "SUSPENSE BTC": -2 * first.amount}
    found = reconcile(entity_id=first.entity_id, on=clock.desk_now().date()).breaks
    assert [(b.kind, b.key) for b in found if b.proof == "MOVEMENT" or b.kind == "OUT_OF_BALANCE"] == []


def test_a_payment_booked_in_two_parts_settles_with_the_second(acme: world.Firm) -> None:
    outside.script(here.place("BTC"), "SPLIT")
    here.release(payment().id)
    jobs.send_released()
    here.at(here.VALUE_DAY, hours=1)
    jobs.poll_rails()
    assert payment().status == "SETTLED"
    booked = db.run("SELECT kind, amount FROM settlement_statementline WHERE kind = 'PAYMENT' ORDER BY sequence")
    assert booked == [("PAYMENT", D("-0.5")), ("PAYMENT", D("-0.5"))]
    assert here.balances()["NOSTRO BTC"] == D(999) - D("0.00005")


def test_half_a_payment_leaves_its_obligation_part_settled() -> None:
    here.open_house("USD", "BTC")
    here.deal(world.firm("acme", netting=False), Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    here.at(here.VALUE_DAY)
    jobs.review_queue()
    outside.script(here.place("BTC"), "SPLIT")
    here.release(payment().id)
    jobs.send_released()
    at = here.at(here.VALUE_DAY, hours=1)
    first, *_ = get_rail("bitcoin-btc", "CHAIN").statement(here.place("BTC"), after=0, now=at).entries
    read_line(nostro_id=payment().nostro_id, entry=first)
    owed = settlement.list_obligations(SYSTEM).get(direction="PAY")
    assert (owed.status, owed.settled_amount, payment().status) == ("PART_SETTLED", D("0.5"), "SENT")
    assert (here.balances()["NOSTRO BTC"], here.balances()["IN_TRANSIT BTC"]) == (D("999.5"), D("-0.5"))


def test_a_payment_booked_twice_is_a_break_that_someone_must_explain(acme: world.Firm) -> None:
    outside.script(here.place("BTC"), "DUPLICATE")
    here.release(payment().id)
    jobs.send_released()
    here.at(here.VALUE_DAY, hours=1)
    jobs.poll_rails()
    assert payment().status == "SETTLED"
    assert here.balances()["NOSTRO BTC"] == D(999) - D("0.00005")
    assert db.one(
        "SELECT balance FROM settlement_railcursor c JOIN settlement_nostro n ON n.id = c.nostro_id WHERE n.asset_id = 'BTC'"
    ) == (D(998) - D("0.00005"),)
    assert len(db.run("SELECT 1 FROM events_event WHERE kind = 'statement.unexplained'")) == 1


def test_a_lost_payment_stays_sent(acme: world.Firm) -> None:
    outside.script(here.place("BTC"), "LOSE")
    here.release(payment().id)
    jobs.send_released()
    here.at(here.VALUE_DAY, days=1)
    jobs.poll_rails()
    assert payment().status == "SENT"
    assert here.balances()["IN_TRANSIT BTC"] == D(-1)


def test_reading_a_statement_again_changes_nothing(acme: world.Firm) -> None:
    here.release(payment().id)
    jobs.send_released()
    here.at(here.VALUE_DAY, hours=1)
    jobs.poll_rails()
    after = (
        here.balances(),
        db.one("SELECT count(*) FROM settlement_statementline"),
        db.one("SELECT count(*) FROM ledger_ledgertransaction"),
    )
    nostro = settlement.get_nostro(payment().entity_id, "BTC")
    statement = get_rail("bitcoin-btc", "CHAIN").statement(here.place("BTC"), after=0, now=clock.desk_now())
    assert len(statement.entries) == 2
    for entry in statement.entries:
        assert read_line(nostro_id=nostro.id, entry=entry) is None
    assert after == (
        here.balances(),
        db.one("SELECT count(*) FROM settlement_statementline"),
        db.one("SELECT count(*) FROM ledger_ledgertransaction"),
    )
