"""A transaction hangs on its chain: another one of the same nonce takes its place, and whichever confirms settles the payment once."""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.approvals.models import Approval
from apps.clients.states import ClientStatus
from apps.core import db
from apps.core.actor import SYSTEM, Actor
from apps.jobs import chains
from apps.jobs import settlement as jobs
from apps.settlement import queries as settlement
from apps.settlement.errors import Blocked, NotReplaceable
from apps.settlement.models import Instruction
from apps.settlement.queries.replacing import list_replacements
from apps.settlement.rails import chain_txs, outside
from apps.settlement.rules.bands import Band
from apps.users.errors import RoleMissing
from apps.workflows.decide_approval import decide_approval
from apps.workflows.reconcile import reconcile
from apps.workflows.replace_transaction import request_replacement
from apps.workflows.request_release import request_band, resume_releases, stop_releases
from apps.workflows.transfer_balance import approve_withdrawal, request_withdrawal
from tests import books, world
from tests.settlement import world as here
from tests.settlement.test_payments import set_status

pytestmark = pytest.mark.django_db(transaction=True)
FEE, MORE = D("0.00005"), D("0.0002")


def payment() -> Instruction:
    """The latest attempt."""
    return settlement.list_instructions(SYSTEM).filter(direction="PAY").order_by("-attempt")[0]


@pytest.fixture
def acme() -> world.Firm:
    """1 BTC that we owe on credit has been sent, and hangs."""
    firm = here.owing()
    outside.script(here.place("BTC"), "STUCK")
    assert here.release(payment().id) == "EXECUTED"
    jobs.send_released()
    here.at(here.VALUE_DAY, hours=1)
    return firm


def ask(fee: D = MORE, *, maker: Actor | None = None) -> Any:
    return request_replacement(actor=maker or here.staff("otto", "operations"), instruction_id=payment().id, fee=fee, reason="it hangs")


def check(asked: Approval, name: str = "oda") -> str:
    return str(decide_approval(approval_id=asked.id, actor=here.staff(name, "operations"), approve=True).status)


def replaced(fee: D = MORE) -> str:
    """Asked, checked and broadcast; the payment's key."""
    assert check(ask(fee)) == "EXECUTED"
    assert chains.send_replacements() == 1
    return payment().end_to_end_id


def tried() -> list[tuple[int, D, str]]:
    return [(one.number, one.fee, str(one.status)) for one in list_replacements(payment().id)]


def told(kind: str) -> int:
    return int(db.one("SELECT count(*) FROM events_event WHERE kind = %s", (kind,))[0])


def settle(**later: float) -> None:
    here.at(here.VALUE_DAY, **later)
    jobs.run_all()


def require_settled_once(fee: D) -> None:
    """One payment of 1 BTC, and the fee of the transaction that confirmed is ours; the client's side shows nothing of it."""
    one = payment()
    assert (one.status, one.attempt, one.settled_amount) == ("SETTLED", 1, D(1))
    of_coin = {name: amount for name, amount in here.balances().items() if name.endswith("BTC")}
    assert of_coin == {"CAPITAL BTC": D(-1000), "COST BTC": fee, "NOSTRO BTC": D(999) - fee, "POSITION BTC": D(1)}
    done = reconcile(entity_id=one.entity_id, on=here.VALUE_DAY.date())
    assert {p.kind for p in done.proofs if p.proven} >= {"BALANCE", "MOVEMENT"}, [(b.kind, b.words) for b in done.breaks]
    books.proven()


# --- whichever confirms ------------------------------------------------------------------------------------------------
def test_the_replacement_confirms_and_its_fee_is_ours(acme: world.Firm) -> None:
    before = books.count()
    key = replaced()
    assert tried() == [(2, MORE, "SENT")]
    assert books.posted(before) == [], "broadcasting again moves no money"
    settle(hours=2)
    for _ in range(2):
        jobs.run_all()
    assert books.posted(before) == [
        "PAYMENT_BOOKED IN_TRANSIT BTC 1", "PAYMENT_BOOKED NOSTRO BTC -1", "CHARGE COST BTC 0.0002", "CHARGE NOSTRO BTC -0.0002",
    ]  # fmt: skip
    require_settled_once(MORE)
    lines = [(s.kind, s.reference) for s in settlement.list_statement_lines(payment().nostro_id) if s.end_to_end_id == key]
    assert {reference for _, reference in lines} == {list_replacements(payment().id)[0].reference}


def test_the_first_one_confirms_after_all(acme: world.Firm) -> None:
    key = replaced()
    chain_txs.confirm(here.place("BTC"), key, number=1, at=here.VALUE_DAY + timedelta(hours=1, minutes=5))
    settle(hours=2)
    require_settled_once(FEE)


LONG = pytest.mark.drill


@pytest.mark.parametrize(("first", "then"), [(2, 1), pytest.param(1, 2, marks=LONG), pytest.param(2, 2, marks=LONG)])
def test_a_reorganisation_from_one_to_the_other_settles_it_once(acme: world.Firm, first: int, then: int) -> None:
    place, key = here.place("BTC"), replaced()
    chain_txs.confirm(place, key, number=first, at=here.VALUE_DAY + timedelta(hours=1, minutes=5))
    settle(hours=2)
    assert payment().status == "SETTLED"
    before = books.count()
    chain_txs.reorganise(place, key, at=here.VALUE_DAY + timedelta(hours=2, minutes=5))
    settle(hours=3)
    one = payment()
    assert (one.status, one.settled_amount, one.settled_at, one.attempt) == ("SENT", 0, None, 1)
    fee = {1: FEE, 2: MORE}
    assert books.posted(before) == [
        "REVERSAL IN_TRANSIT BTC -1", "REVERSAL NOSTRO BTC 1", f"CHARGE COST BTC -{fee[first]:f}", f"CHARGE NOSTRO BTC {fee[first]:f}",
    ]  # fmt: skip
    assert "instruction.unconfirmed" in books.seen_by(acme, "instruction")
    assert here.ready() == [], "nothing is paid anew while one of them may confirm"
    books.proven()
    chain_txs.confirm(place, key, number=then, at=here.VALUE_DAY + timedelta(hours=3, minutes=5))
    settle(hours=4)
    require_settled_once(fee[then])


def test_when_neither_can_confirm_any_more_it_is_paid_by_a_new_attempt(acme: world.Firm) -> None:
    key = replaced()
    chain_txs.spend_elsewhere(here.place("BTC"), key)
    settle(hours=2)
    first = settlement.get_instruction(settlement.list_instructions(SYSTEM).get(end_to_end_id=key).id, actor=SYSTEM)
    assert (first.status, first.failure) == ("FAILED", chain_txs.DEAD)
    assert "IN_TRANSIT BTC" not in here.balances()
    assert here.balances()["PAYABLE BTC"] == D(-1)
    jobs.run_all()
    here.release(payment().id, maker=here.staff("olaf", "operations"), checker=here.staff("olive", "operations"))
    settle(hours=3)
    settle(hours=4)
    assert (payment().attempt, payment().status, here.balances()["NOSTRO BTC"]) == (2, "SETTLED", D(999) - FEE)


def test_a_withdrawal_that_a_reorganisation_took_back_is_paid_once_and_its_balance_moves_once() -> None:
    here.open_house("USD", "BTC")
    cygnus = world.firm("cygnus", mode="PREFUNDED", members=here.THREE_PEOPLE, instructions=here.CYGNUS)
    here.pay_in("BTC", D(2), name="Cygnus Capital", address="bc1qcygnus")
    here.at(world.NOON, hours=1)
    jobs.run_all()
    asked = request_withdrawal(actor=cygnus.treasury, account_id=cygnus.account.id, asset="BTC", amount=D(1), client_reference="w1")
    approve_withdrawal(actor=world.actor_of(cygnus.account, "Controller"), withdrawal_id=asked.id)
    jobs.instruct_due()
    jobs.review_queue()
    outside.script(here.place("BTC"), "STUCK")
    assert here.release(payment().id) == "EXECUTED"
    jobs.send_released()
    here.at(world.NOON, hours=3)
    place, key = here.place("BTC"), replaced()
    for then, hour in ((2, 3), (1, 5)):
        chain_txs.confirm(place, key, number=then, at=world.NOON + timedelta(hours=hour, minutes=5))
        here.at(world.NOON, hours=hour + 1)
        jobs.run_all()
        assert settlement.get_withdrawal(asked.id, actor=SYSTEM).status == "SETTLED"
        assert here.balances()["CLIENT_BALANCE BTC"] == D(-1)
        if then == 2:
            chain_txs.reorganise(place, key, at=world.NOON + timedelta(hours=4, minutes=5))
            here.at(world.NOON, hours=5)
            jobs.run_all()
            assert settlement.get_withdrawal(asked.id, actor=SYSTEM).status == "INSTRUCTED"
            assert (here.balances()["CLIENT_BALANCE BTC"], here.balances()["IN_TRANSIT BTC"]) == (D(-1), D(-1))
    assert (payment().status, payment().attempt, here.balances()["NOSTRO BTC"]) == ("SETTLED", 1, D(1001) - FEE)
    books.proven()


# --- who may, and when ----------------------------------------------------------------------------------------------------
def test_it_is_replaced_once_it_hangs_by_two_people_with_a_better_fee(acme: world.Firm, settings: Any) -> None:
    settings.CHAIN_STUCK_AFTER_MIN = 61
    with pytest.raises(NotReplaceable, match="does not hang"):
        ask()
    assert chains.note_hanging() == 0
    settings.CHAIN_STUCK_AFTER_MIN = 60
    assert [chains.note_hanging(), chains.note_hanging(), told("instruction.stuck")] == [1, 0, 1]
    with pytest.raises(RoleMissing):
        ask(maker=here.staff("tara", "trader"))
    for fee, why in ((D(0), "not an amount"), (D("0.000000001"), "not an amount"), (D("0.0026"), r"at most 0\.0025 on")):
        with pytest.raises(NotReplaceable, match=why):
            ask(fee)
    asked = ask()
    assert tried() == []
    assert check(asked) == "EXECUTED"
    with pytest.raises(NotReplaceable, match="being replaced"):
        ask(MORE * 2)
    chains.send_replacements()
    with pytest.raises(NotReplaceable, match="does not hang"):
        ask(MORE * 2)
    here.at(here.VALUE_DAY, hours=2)
    assert [chains.note_hanging(), told("instruction.stuck")] == [1, 2], "the second one hangs as well"
    with pytest.raises(NotReplaceable, match=r"more than 0\.0002"):
        ask(MORE)
    assert [r.moment for r in settlement.list_decisions([payment().id])].count("REPLACE") == 2
    alone = """INSERT INTO settlement_replacement (id, instruction_id, number, fee, reason, asked_by, checked_by, status, reference,
        failure, made_at) SELECT gen_random_uuid(), instruction_id, 9, 1, 'x', asked_by, asked_by, 'READY', '', '', made_at
        FROM settlement_replacement"""
    for sql, wall in ((alone, "replacement_four_eyes"), ("UPDATE settlement_replacement SET checked_by = NULL", "never change")):
        with pytest.raises(IntegrityError, match=wall), transaction.atomic():
            db.run(sql)


def test_within_the_first_band_one_person_is_enough_and_above_the_second_two_check(acme: world.Firm) -> None:
    def band(**limits: D) -> None:
        here.staff("ossi", "operations")
        asked = request_band(actor=here.staff("olaf", "operations"), rail_code="bitcoin-btc", band=Band(**limits), reason="x")
        decide_approval(approval_id=asked.id, actor=here.staff("rita", "risk"), approve=True)

    band(straight_through=D(5))
    assert ask().number == 2
    outside.script(here.place("BTC"), "STUCK")
    assert chains.send_replacements() == 1
    here.at(here.VALUE_DAY, hours=3)
    band(straight_through=D(0), two_checkers=D("0.5"))
    asked = ask(MORE * 2)
    assert check(asked, "oda") == "REQUESTED"
    assert check(asked, "oliver") == "EXECUTED"
    chains.send_replacements()
    assert tried() == [(2, MORE, "SENT"), (3, MORE * 2, "SENT")]
    settle(hours=4)
    require_settled_once(MORE * 2)


def let_leave_by_itself(straight: D) -> None:
    asked = request_band(actor=here.staff("olaf", "operations"), rail_code="bitcoin-btc", band=Band(straight), reason="x")
    assert decide_approval(approval_id=asked.id, actor=here.staff("rita", "risk"), approve=True).status == "EXECUTED"


def test_a_fee_is_bounded_and_counts_against_the_band(acme: world.Firm, settings: Any) -> None:
    let_leave_by_itself(D(1))
    settings.CHAIN_FEE_MAX = {}
    with pytest.raises(NotReplaceable, match="names no highest fee"):
        ask()
    settings.CHAIN_FEE_MAX = {"bitcoin-btc": D(1)}
    for fee in (D("0.20000001"), D(1)):
        with pytest.raises(NotReplaceable, match="more than a fifth"):
            ask(fee)
    assert isinstance(ask(D("0.2")), Approval), "1 and its fee are more than 1"


def test_our_account_holds_the_fee(acme: world.Firm) -> None:
    def take_away(amount: D, key: str = "") -> None:
        here.take_client_money(asset="BTC", amount=amount, designation="HOUSE", key=key)

    take_away(D("998.99981"))  # 0.00019 are left
    with pytest.raises(Blocked, match="INSUFFICIENT_NOSTRO"):
        ask(MORE)
    asked = ask(D("0.00019"))
    take_away(D("0.00001"))
    assert check(asked) == "FAILED"
    assert check(ask(D("0.00018")), "oleg") == "EXECUTED"
    take_away(D("0.00001"), "again")
    assert chains.send_replacements() == 0
    assert tried() == [(2, D("0.00018"), "CANCELLED")]


def test_no_fee_comes_out_of_what_clients_are_owed() -> None:
    here.open_house("BTC")
    here.open_client_money(asset="BTC")
    wallet = (here.Instruction("bitcoin-btc", "BTC", "bc1qdorado"),)
    dorado = world.firm("dorado", mode="PREFUNDED", safeguarded=True, members=here.THREE_PEOPLE, instructions=wallet)
    here.pay_in("BTC", D(3), name="Dorado Capital", address="bc1qdorado", designation="CLIENT")
    here.at(world.NOON, hours=1)
    jobs.run_all()
    asked = request_withdrawal(actor=dorado.treasury, account_id=dorado.account.id, asset="BTC", amount=D(1), client_reference="w1")
    approve_withdrawal(actor=world.actor_of(dorado.account, "Controller"), withdrawal_id=asked.id)
    jobs.instruct_due()
    jobs.review_queue()
    place = next(jobs.place_of(one) for one in settlement.list_places() if one.nostro_id == payment().nostro_id)
    outside.script(place, "STUCK")
    assert here.release(payment().id) == "EXECUTED"
    jobs.send_released()
    here.at(world.NOON, hours=3)
    with pytest.raises(Blocked, match="CLIENT_MONEY_SHORTFALL"):
        ask()
    here.fund(payment().nostro_id, MORE, "for the fee")
    assert isinstance(ask(), Approval)


def test_what_must_not_be_paid_is_not_sped_up(acme: world.Firm) -> None:
    asked = ask()
    set_status(firm=acme, status=ClientStatus.SUSPENDED)
    set_status(firm=acme, status=ClientStatus.FROZEN)
    assert check(asked) == "FAILED"
    with pytest.raises(Blocked, match="FROZEN"):
        ask()
    assert tried() == []


def test_what_was_asked_before_it_confirmed_is_stale_or_cancelled(acme: world.Firm) -> None:
    asked, key = ask(), payment().end_to_end_id
    chain_txs.confirm(here.place("BTC"), key, number=1, at=here.VALUE_DAY + timedelta(hours=1, minutes=5))
    settle(hours=2)
    assert check(asked) == "STALE"
    assert chains.send_replacements() == 0
    require_settled_once(FEE)


def test_it_confirms_between_the_check_and_the_broadcast(acme: world.Firm) -> None:
    assert check(ask()) == "EXECUTED"
    chain_txs.confirm(here.place("BTC"), payment().end_to_end_id, number=1, at=here.VALUE_DAY + timedelta(hours=1, minutes=5))
    settle(hours=2)
    assert chains.send_replacements() == 0
    assert tried() == [(2, MORE, "CANCELLED")]
    require_settled_once(FEE)


def test_what_has_no_answer_is_not_told_again_while_something_stops_it(acme: world.Firm) -> None:
    outside.script(here.place("BTC"), "TIMEOUT_LOST")
    check(ask())
    chains.send_replacements()
    db.run("UPDATE settlement_replacement SET sending_since = sending_since - interval '3 minutes'")
    stop_releases(actor=here.staff("rita", "risk"), reason="look into it")
    assert [chains.send_replacements(), tried()] == [0, [(2, MORE, "UNKNOWN")]]
    resume_releases(actor=here.staff("rolf", "risk"))
    assert [chains.send_replacements(), tried()] == [1, [(2, MORE, "SENT")]]


# --- what the chain answers -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("outcome", "ends"), [("REJECT", "REFUSED"), ("TIMEOUT", "SENT"), pytest.param("TIMEOUT_LOST", "SENT", marks=LONG)]
)
def test_a_replacement_without_an_answer_is_the_same_one_told_again(acme: world.Firm, outcome: str, ends: str) -> None:
    outside.script(here.place("BTC"), outcome)
    check(ask())
    chains.send_replacements()
    db.run("UPDATE settlement_replacement SET sending_since = sending_since - interval '3 minutes'")
    for _ in range(3):
        chains.send_replacements()
    assert tried() == [(2, MORE, ends)]
    if ends == "REFUSED":
        assert told("instruction.replacement_refused") == 1
        check(ask(MORE * 2), "oleg")
        chains.send_replacements()
    settle(hours=2)
    require_settled_once(MORE if ends == "SENT" else MORE * 2)
