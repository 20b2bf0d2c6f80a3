"""Money that comes in: whose it is, what it pays, and what becomes of what nobody knows."""

from decimal import Decimal as D

import pytest

from apps.approvals.errors import ApprovalOpen, NotAChecker, SameHands
from apps.clients import operations as clients
from apps.clients.states import ClientStatus
from apps.core import db
from apps.core.actor import SYSTEM
from apps.core.unit import use_case
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.errors import BadDecision
from apps.users.errors import RoleMissing
from apps.workflows.decide_approval import decide_approval
from apps.workflows.load_list import load_list
from apps.workflows.read_statement import request_receipt_decision
from tests import world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
ACME = {"name": "Acme Capital", "address": "021000021-1001"}


@pytest.fixture
def house() -> dict:  # type: ignore[type-arg]
    return here.open_house("USD", "BTC")


def owing(amount_btc: str = "1") -> tuple[world.Firm, D]:
    """acme owes the dollars of one deal, as one expected payment."""
    acme = world.firm("acme")
    here.deal(acme, Side.BUY, amount_btc)
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    here.at(here.VALUE_DAY)
    return acme, here.only("EXPECTED").amount


def receipt():  # type: ignore[no-untyped-def]
    return settlement.list_receipts(SYSTEM).order_by("-seen_at", "-id")[0]


def take_in() -> None:
    jobs.poll_rails()
    jobs.match_receipts()


def balance(kind: str, asset: str = "USD") -> D:
    return here.balances().get(f"{kind} {asset}", D(0))


def decide(decision: str, **kw: object) -> str:
    asked = request_receipt_decision(
        actor=here.staff("olga", "operations"), receipt_id=receipt().id, decision=decision, reason="test", **kw
    )
    return str(decide_approval(approval_id=asked.id, actor=here.staff("carla", "compliance"), approve=True).status)


# --- what it pays -----------------------------------------------------------------------------------------------------
def test_two_receipts_pay_one_instruction(house: dict) -> None:  # type: ignore[type-arg]
    _, due = owing()
    here.pay_in("USD", D(5000), **ACME)
    take_in()
    assert (here.only("PART_RECEIVED").settled_amount, balance("RECEIVABLE")) == (D(5000), due - 5000)
    here.pay_in("USD", due - 5000, **ACME)
    take_in()
    assert here.only("RECEIVED").settled_amount == due
    assert (balance("RECEIVABLE"), balance("SUSPENSE"), balance("NOSTRO")) == (D(0), D(0), D(10_000_000) + due)


def test_what_is_paid_too_much_stays_the_clients(house: dict) -> None:  # type: ignore[type-arg]
    acme, due = owing()
    here.pay_in("USD", due + 12, **ACME)
    take_in()
    assert (balance("RECEIVABLE"), balance("CLIENT_BALANCE"), balance("SUSPENSE")) == (D(0), D(-12), D(0))
    (deposit,) = settlement.list_deposits(acme.treasury)
    assert (deposit.amount, deposit.status) == (D(12), "CREDITED")
    assert sorted(db.run("SELECT instruction_id IS NULL, amount FROM settlement_receiptmatch")) == [(False, due), (True, D(12))]


def test_one_receipt_pays_several_instructions_without_netting(house: dict) -> None:  # type: ignore[type-arg]
    acme = world.firm("acme", netting=False)
    here.deal(acme, Side.BUY, "1")
    here.deal(acme, Side.BUY, "2")
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    due = sum((i.amount for i in settlement.list_instructions(SYSTEM).filter(direction="RECEIVE")), D(0))
    here.pay_in("USD", due, **ACME)
    take_in()
    assert {i.status for i in settlement.list_instructions(SYSTEM).filter(direction="RECEIVE")} == {"RECEIVED"}
    assert {o.status for o in settlement.list_obligations(SYSTEM).filter(direction="RECEIVE")} == {"SETTLED"}
    assert balance("RECEIVABLE") == 0


def test_a_receipt_of_a_credit_client_that_nothing_expects_waits_for_a_person(house: dict) -> None:  # type: ignore[type-arg]
    world.firm("acme")
    here.pay_in("USD", D(700), **ACME)
    take_in()
    assert (receipt().status, balance("SUSPENSE"), balance("CLIENT_BALANCE")) == ("CLEARED", D(-700), D(0))


# --- whose it is ------------------------------------------------------------------------------------------------------
def test_an_unknown_sender_is_quarantined_and_returned_to_where_it_came_from(house: dict) -> None:  # type: ignore[type-arg]
    before = here.balances()
    here.pay_in("USD", D(500), name="Nobody Ltd", address="999-1", remittance="who am I")
    take_in()
    got = receipt()
    assert (got.status, got.quarantine_reason, got.owner_role, got.account_id) == ("QUARANTINED", "UNKNOWN_SENDER", "compliance", None)
    assert balance("SUSPENSE") == D(-500)
    assert decide("return") == "EXECUTED"
    assert receipt().status == "RETURN_DUE"
    payment = here.only("READY")
    assert (payment.beneficiary_name, payment.beneficiary_address, payment.amount) == ("Nobody Ltd", "999-1", D(500))
    assert here.release(payment.id) == "EXECUTED"
    jobs.send_released()
    assert (balance("SUSPENSE"), balance("IN_TRANSIT")) == (D(0), D(-500))
    here.at(world.NOON, hours=1)
    take_in()
    assert receipt().status == "RETURNED"
    assert here.balances() == before
    assert db.run("SELECT 1 FROM events_event WHERE public IS NOT NULL AND kind LIKE 'receipt.%%'") == []


def test_a_quarantined_receipt_is_applied_to_the_account_compliance_names(house: dict) -> None:  # type: ignore[type-arg]
    _, due = owing()
    here.pay_in("USD", due, name="Acme Holdings Sister", address="999-2")
    take_in()
    assert receipt().status == "QUARANTINED"
    assert decide("apply", account_code="acme-main") == "EXECUTED"
    jobs.match_receipts()
    assert receipt().status == "MATCHED"
    assert balance("RECEIVABLE") == 0


def test_who_asks_about_a_receipt_cannot_decide_and_only_compliance_decides(house: dict) -> None:  # type: ignore[type-arg]
    here.pay_in("USD", D(500), name="Nobody Ltd", address="999-1")
    take_in()
    carla, olga = here.staff("carla", "compliance"), here.staff("olga", "operations")
    with pytest.raises(RoleMissing):
        request_receipt_decision(actor=here.staff("tom", "trader"), receipt_id=receipt().id, decision="return", reason="")
    asked = request_receipt_decision(actor=carla, receipt_id=receipt().id, decision="return", reason="unknown")
    with pytest.raises(SameHands):
        decide_approval(approval_id=asked.id, actor=carla, approve=True)
    with pytest.raises(NotAChecker):
        decide_approval(approval_id=asked.id, actor=olga, approve=True)
    with pytest.raises(ApprovalOpen):
        request_receipt_decision(actor=olga, receipt_id=receipt().id, decision="return", reason="again")
    assert receipt().status == "QUARANTINED"


def test_decisions_that_make_no_sense_are_refused(house: dict) -> None:  # type: ignore[type-arg]
    world.firm("acme")
    here.pay_in("BTC", D(1), name="Nobody", address="bc1qnobody")
    here.at(world.NOON, hours=1)
    take_in()
    olga = here.staff("olga", "operations")
    for wrong in ({"decision": "keep"}, {"decision": "apply"}, {"decision": "return"}):  # on a chain never by default to the sender
        with pytest.raises(BadDecision):
            request_receipt_decision(actor=olga, receipt_id=receipt().id, reason="", **wrong)
    assert decide("return", return_to=("Nobody", "bc1qnamed")) == "EXECUTED"
    assert here.only("READY").beneficiary_address == "bc1qnamed"
    with pytest.raises(BadDecision):
        request_receipt_decision(actor=olga, receipt_id=receipt().id, decision="return", reason="twice")


@use_case
def freeze_client(*, firm: world.Firm, now) -> None:  # type: ignore[no-untyped-def]
    clients.set_status(thing=firm.account, status=ClientStatus.FROZEN, reason="sanctions")


def test_a_listed_sender_is_quarantined_and_its_return_stays_blocked(house: dict) -> None:  # type: ignore[type-arg]
    load_list(list_name="EU", entries=[("Evil Corp", "", "1")])
    here.pay_in("USD", D(900), name="EVIL Corp Ltd", address="666")
    take_in()
    assert receipt().quarantine_reason == "SCREENING_HIT"
    decide("return")
    payment = here.only("BLOCKED")
    assert [b["code"] for b in settlement.list_decisions([payment.id])[0].blockers] == ["SCREENING"]


def test_money_of_a_frozen_client_goes_to_blocked_assets_and_moves_no_more(house: dict) -> None:  # type: ignore[type-arg]
    acme, due = owing()
    freeze_client(firm=acme)
    here.pay_in("USD", due, **ACME)
    take_in()
    assert (receipt().status, balance("SUSPENSE"), balance("BLOCKED")) == ("FROZEN", D(0), -due)
    assert balance("RECEIVABLE") == due
    with pytest.raises(BadDecision):
        request_receipt_decision(actor=here.staff("olga", "operations"), receipt_id=receipt().id, decision="return", reason="")


@pytest.mark.parametrize(
    ("asset", "sender", "reason"),
    [
        ("USD", {"name": "Somebody Else", "address": "021000021-1001"}, "THIRD_PARTY"),
        ("BTC", {"name": "Acme Capital", "address": "0xacme000000000000000000000000000000000001"}, "WRONG_NETWORK_OR_MEMO"),
        ("USD", {"name": "", "address": ""}, "UNKNOWN_SENDER"),
    ],
)
def test_what_is_doubtful_is_quarantined_with_its_reason(house: dict, asset: str, sender: dict, reason: str) -> None:  # type: ignore[type-arg]
    world.firm("acme")
    here.pay_in(asset, D(3), **sender)
    here.at(world.NOON, hours=1)
    take_in()
    assert (receipt().status, receipt().quarantine_reason) == ("QUARANTINED", reason)


# --- on a chain -------------------------------------------------------------------------------------------------------
def test_a_chain_transfer_is_seen_at_once_and_final_after_its_confirmations(house: dict) -> None:  # type: ignore[type-arg]
    world.firm("cygnus", mode="PREFUNDED", instructions=here.CYGNUS)
    here.pay_in("BTC", D(2), name="Cygnus Capital", address="bc1qcygnus")
    take_in()
    assert (receipt().status, balance("SUSPENSE", "BTC")) == ("SEEN", D(0))
    here.at(world.NOON, minutes=29)
    take_in()
    assert receipt().status == "SEEN"
    here.at(world.NOON, minutes=30)
    take_in()
    assert (receipt().status, balance("CLIENT_BALANCE", "BTC")) == ("MATCHED", D(-2))
    assert settlement.list_receipts(SYSTEM).count() == 1


def test_a_transfer_that_is_reorganised_away_is_dropped_and_never_posted(house: dict) -> None:  # type: ignore[type-arg]
    before = here.balances()
    here.pay_in("BTC", D(2), name="Cygnus Capital", address="bc1qcygnus", dropped=True)
    take_in()
    assert receipt().status == "SEEN"
    here.at(world.NOON, hours=2)
    take_in()
    assert (receipt().status, here.balances()) == ("DROPPED", before)
