"""Capital of the house: an owner pays some in and takes some out. Every ledger line is here; debits are positive."""

from decimal import Decimal as D

import pytest

from apps.approvals.errors import ApprovalOpen, SameHands
from apps.approvals.models import Approval
from apps.compliance.models import Alert
from apps.core import clock
from apps.jobs import screening
from apps.jobs import settlement as jobs
from apps.reports.queries.desk import treasury
from apps.settlement.errors import BadCapital
from apps.settlement.models import HouseTransfer, Instruction, Receipt
from apps.settlement.rails import outside
from apps.users.errors import RoleMissing
from apps.workflows.decide_approval import decide_approval
from apps.workflows.load_list import load_list
from apps.workflows.move_capital import ask_clearance, ask_pay_in, ask_pay_out
from tests import books
from tests.people import staff
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
OWNER = {"owner": "Aurora Holding", "address": "021000021-9001", "bic": "CHASUS33"}


def signed(asked: Approval, *, whole: bool = True) -> str:
    """By another of finance, and by compliance."""
    done = decide_approval(approval_id=asked.id, actor=staff("finn", "finance"), approve=True)
    if whole:
        done = decide_approval(approval_id=asked.id, actor=staff("cora", "compliance"), approve=True)
    return str(done.status)


def taken_out(amount: str) -> HouseTransfer:
    ours = here.settlement.list_nostros().get(asset_id="USD")
    made, asked = ask_pay_out(actor=staff("fay", "finance"), nostro_id=ours.id, amount=D(amount), **OWNER, reason="resolution 7")
    assert signed(asked) == "EXECUTED"
    jobs.instruct_due()
    assert here.release(Instruction.objects.get(house_transfer=made).id) == "EXECUTED"
    jobs.send_released()
    return made


def test_an_owner_whom_a_list_names_before_the_money_left_gets_none() -> None:
    here.open_house("USD")
    ours = here.settlement.list_nostros().get(asset_id="USD")
    made, asked = ask_pay_out(actor=staff("fay", "finance"), nostro_id=ours.id, amount=D(5), **OWNER, reason="resolution 8")
    assert signed(asked) == "EXECUTED"
    jobs.instruct_due()
    load_list(list_name="OFAC", entries=[("Aurora Holding", "", "1")])
    screening.keep()
    jobs.review_queue()
    payment = Instruction.objects.get(house_transfer=made)
    assert [b["code"] for b in payment.decisions.latest("id").blockers] == ["SCREENING"]  # type: ignore[attr-defined]
    assert screening.keep() == 0


def test_an_owner_who_is_falsely_on_a_list_is_cleared_by_two_of_compliance_for_this_transfer_and_this_finding() -> None:
    here.open_house("USD")
    ours = here.settlement.list_nostros().get(asset_id="USD")
    load_list(list_name="OFAC", entries=[("Aurora Holding", "", "1")])
    cora, carl, evidence = staff("cora", "compliance"), staff("carl", "compliance"), "another company: register seen"
    made, asked = ask_pay_out(actor=staff("fay", "finance"), nostro_id=ours.id, amount=D(5), **OWNER, reason="resolution 8")
    assert Alert.objects.get().why == "Aurora Holding, an owner of the house: Aurora Holding", "compliance hears of it"
    assert signed(asked) == "EXECUTED"
    jobs.instruct_due()
    payment = Instruction.objects.get(house_transfer=made)

    def blockers() -> list[str]:
        here.at(clock.desk_now(), seconds=1)  # what is screened at one moment is one screening
        jobs.review_queue()
        return [b["code"] for b in payment.decisions.latest("id").blockers]  # type: ignore[attr-defined]

    assert blockers() == ["SCREENING"]
    for who, why, bad in ((staff("fay", "finance"), evidence, RoleMissing), (cora, "short", BadCapital)):
        with pytest.raises(bad):
            ask_clearance(actor=who, transfer_id=made.id, evidence=why)
    stale = ask_clearance(actor=cora, transfer_id=made.id, evidence=evidence)
    assert blockers() == ["SCREENING", "PENDING_APPROVAL"]
    with pytest.raises(ApprovalOpen):
        ask_clearance(actor=carl, transfer_id=made.id, evidence=evidence)
    with pytest.raises(SameHands):
        decide_approval(approval_id=stale.id, actor=cora, approve=True)
    load_list(list_name="EU", entries=[("Holding, Aurora", "", "2")])  # it says more by now than when it was asked
    assert decide_approval(approval_id=stale.id, actor=carl, approve=True).status == "FAILED"
    assert blockers() == ["SCREENING"]
    again = ask_clearance(actor=carl, transfer_id=made.id, evidence=evidence)
    here.at(clock.desk_now(), seconds=1)
    assert decide_approval(approval_id=again.id, actor=cora, approve=True).status == "EXECUTED"
    assert blockers() == []
    with pytest.raises(BadCapital):
        ask_clearance(actor=carl, transfer_id=made.id, evidence=evidence)
    load_list(list_name="UN", entries=[("AURORA HOLDING", "", "3")])
    screening.keep()
    assert blockers() == ["SCREENING"], "what a list says anew is not decided yet"
    last = ask_clearance(actor=cora, transfer_id=made.id, evidence=evidence)
    here.at(clock.desk_now(), seconds=1)
    assert decide_approval(approval_id=last.id, actor=carl, approve=True).status == "EXECUTED"
    assert here.release(payment.id) == "EXECUTED"
    jobs.send_released()
    made.refresh_from_db()
    assert made.status == "IN_TRANSIT"
    other, _ = ask_pay_out(actor=staff("fay", "finance"), nostro_id=ours.id, amount=D(6), **OWNER, reason="resolution 9")
    assert [one.id for one in treasury.list_transfers() if one.on_a_list] == [other.id], "the next one is looked at by itself"
    books.proven()


def test_an_owner_pays_in_and_takes_out() -> None:
    here.open_house("USD")
    fay = staff("fay", "finance")

    # A stranger's million waits in quarantine, until two of finance and compliance say that it is the owner's capital.
    before = books.count()
    here.pay_in("USD", D(1_000_000), name="Aurora Holding", address="021000021-9001", remittance="capital increase")
    jobs.run_all()
    receipt = Receipt.objects.get()
    assert (receipt.status, receipt.quarantine_reason) == ("QUARANTINED", "UNKNOWN_SENDER")
    given = {"receipt_id": receipt.id, "owner": "Aurora Holding", "reason": "resolution 6"}
    with pytest.raises(RoleMissing):
        ask_pay_in(actor=staff("olga", "operations"), **given)
    asked = ask_pay_in(actor=fay, **given)
    assert signed(asked, whole=False) == "REQUESTED", "compliance says whose money it is"
    assert decide_approval(approval_id=asked.id, actor=staff("cora", "compliance"), approve=True).status == "EXECUTED"
    assert books.posted(before) == [
        "RECEIPT_FINAL NOSTRO USD 1000000", "RECEIPT_FINAL SUSPENSE USD -1000000",
        "RECEIPT_APPLIED SUSPENSE USD 1000000", "RECEIPT_APPLIED CAPITAL USD -1000000",
    ]  # fmt: skip
    with pytest.raises(BadCapital):
        ask_pay_in(actor=fay, **given)

    # 250,000 of it go back to the owner: a payment as every other, and capital only once our bank shows it gone.
    before = books.count()
    made = taken_out("250000")
    made.refresh_from_db()
    assert made.status == "IN_TRANSIT"
    assert books.posted(before) == ["PAYMENT_SENT IN_TRANSIT USD 250000", "PAYMENT_SENT IN_TRANSIT USD -250000"]
    before = books.count()
    here.at(clock.desk_now(), hours=1)
    jobs.run_all()
    made.refresh_from_db()
    assert made.status == "SETTLED"
    assert books.posted(before) == [
        "PAYMENT_BOOKED IN_TRANSIT USD 250000", "PAYMENT_BOOKED NOSTRO USD -250000",
        "CAPITAL_OUT CAPITAL USD 250000", "CAPITAL_OUT IN_TRANSIT USD -250000",
    ]  # fmt: skip
    assert here.balances() == {"CAPITAL USD": D(-10_750_000), "NOSTRO USD": D(10_750_000)}

    # Another 100 come back from the owner's bank: they are capital again.
    outside.script(here.place("USD"), "RETURN")
    back = taken_out("100")
    here.at(clock.desk_now(), hours=1)
    jobs.run_all()
    before = books.count()
    here.at(clock.desk_now(), hours=4)
    jobs.run_all()
    back.refresh_from_db()
    assert back.status == "FAILED"
    assert sorted(books.posted(before)) == [
        "REVERSAL CAPITAL USD -100", "REVERSAL IN_TRANSIT USD -100", "REVERSAL IN_TRANSIT USD -100", "REVERSAL IN_TRANSIT USD 100",
        "REVERSAL IN_TRANSIT USD 100", "REVERSAL NOSTRO USD 100",
    ]  # fmt: skip
    assert here.balances() == {"CAPITAL USD": D(-10_750_000), "NOSTRO USD": D(10_750_000)}
    books.proven()
