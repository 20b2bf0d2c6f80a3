"""A receipt in quarantine that people say is of a house transfer: as if its own words had told, and never more than the transfer lacks."""

from decimal import Decimal as D
from uuid import UUID, uuid4

import pytest

from apps.approvals.errors import NotAChecker
from apps.approvals.models import Approval
from apps.core import clock, db
from apps.core.errors import NotFound
from apps.jobs import settlement as jobs
from apps.settlement.errors import BadDecision
from apps.settlement.models import HouseTransfer, Nostro, Receipt, VenuePlace
from apps.settlement.rails import outside
from apps.workflows.decide_approval import decide_approval
from apps.workflows.read_statement import request_receipt_decision
from tests import books, world
from tests.people import staff
from tests.settlement import venues as there
from tests.settlement import world as here
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
Ends = tuple[dict[str, Nostro], dict[str, VenuePlace]]


@pytest.fixture
def ends() -> Ends:
    return there.open_ends()


def state(made: HouseTransfer) -> tuple[str, D]:
    made.refresh_from_db()
    return made.status, made.arrived


def status(reference: str) -> str:
    return str(Receipt.objects.get(rail_reference=reference).status)


def come(nostro: Nostro, amount: str, reference: str, name: str = "Correspondent Bank") -> None:
    there.arrives(nostro, D(amount), transaction=reference, name=name, address="999-1" if nostro.rail.kind == "BANK" else "")
    there.read_all()


def ask(reference: str, transfer_id: UUID | None) -> Approval:
    receipt = Receipt.objects.get(rail_reference=reference)
    olga = staff("olga", "operations")
    why = "the bank says that it is ours"
    return request_receipt_decision(actor=olga, receipt_id=receipt.id, decision="transfer", reason=why, transfer_id=transfer_id)


def decide(asked: Approval) -> str:
    return str(decide_approval(approval_id=asked.id, actor=staff("carla", "compliance"), approve=True).status)


def test_parts_are_assigned_with_the_ledger_lines_of_a_match_and_go_back_where_they_are_recalled(ends: Ends) -> None:
    ours, places = ends
    made = there.sent(places["USD"], ours["USD"], "10")
    here.at(clock.desk_now(), hours=1)  # the venue's record shows it gone
    come(ours["USD"], "4", "w-1", "Northgate Exchange")
    before = books.count()
    come(ours["USD"], "3", "w-2")
    assert (status("w-1"), status("w-2"), state(made)) == ("MATCHED", "QUARANTINED", ("IN_TRANSIT", D(4)))
    asked = ask("w-2", made.id)
    assert {name: asked.payload[name] for name in ("from", "to", "lacks")} == {
        "from": "Northgate Exchange USD",
        "to": ours["USD"].name,
        "lacks": "6 of 10 USD",
    }
    with pytest.raises(NotAChecker):
        decide_approval(approval_id=asked.id, actor=staff("oscar", "operations"), approve=True)
    assert decide(asked) == "EXECUTED"
    assert (status("w-2"), state(made)) == ("MATCHED", ("IN_TRANSIT", D(7)))
    assert books.posted(before) == [
        "RECEIPT_FINAL NOSTRO USD 3",
        "RECEIPT_FINAL SUSPENSE USD -3",
        "RECEIPT_APPLIED SUSPENSE USD 3",
        "RECEIPT_APPLIED IN_TRANSIT USD -3",
    ], "as of w-1, which the machine knew"
    come(ours["USD"], "3", "w-3")
    assert decide(ask("w-3", made.id)) == "EXECUTED"
    assert (state(made), here.balances().get("IN_TRANSIT USD")) == (("SETTLED", D(10)), None)
    books.proven()
    outside.reorganise(there.place_of(ours["USD"]), "w-2", at=clock.desk_now())
    here.at(clock.desk_now(), hours=1)
    there.read_all()
    assert (status("w-2"), state(made), here.balances()["IN_TRANSIT USD"]) == ("REVERTED", ("IN_TRANSIT", D(7)), D(3))
    books.proven()


def test_coins_of_nobodys_wallet_are_assigned_with_the_record_of_who_sent_them(ends: Ends) -> None:
    ours, places = ends
    outside.script(there.at_venue("BTC"), "LOSE")
    made = there.sent(places["BTC"], ours["BTC"], "1")
    come(ours["BTC"], "0.4", "0xa")
    here.at(clock.desk_now(), hours=25)
    there.read_all()
    assert status("0xa") == "QUARANTINED", "the venue's record never named it"
    assert decide(ask("0xa", made.id)) == "EXECUTED"
    assert state(made) == ("IN_TRANSIT", D("0.4"))
    (sender,) = db.one(
        """SELECT payload -> 'originator' FROM compliance_travelrecord WHERE subject_id = %s ORDER BY version DESC LIMIT 1""",
        (Receipt.objects.get(rail_reference="0xa").id,),
    )
    assert "Flowdesk" in str(sender), "it is our own, from the venue"


def test_what_does_not_fit_is_refused_by_name_and_moves_nothing(ends: Ends) -> None:
    ours, places = ends
    world.firm("acme")
    made = there.sent(places["USD"], ours["USD"], "10")
    bitcoin = there.sent(places["BTC"], ours["BTC"], "1")
    waits = there.approved(places["USD"], ours["USD"], "500")
    come(ours["USD"], "11", "big")
    come(ours["USD"], "5", "fits")
    come(ours["USD"], "4", "known", "Northgate Exchange")
    there.arrives(ours["USD"], D(2), transaction="third", name="Somebody Else", address="021000021-1001")  # from the account of acme
    there.read_all()
    before = books.count()
    assert [status(one) for one in ("big", "fits", "known", "third")] == ["QUARANTINED", "QUARANTINED", "MATCHED", "QUARANTINED"]
    for reference, transfer_id, why in (
        ("fits", None, "of which house transfer"),
        ("fits", bitcoin.id, "and this came on"),
        ("fits", waits.id, "INSTRUCTED"),
        ("big", made.id, "lacks 6 USD, and this is 11"),
        ("known", made.id, "the receipt is MATCHED"),
        ("third", made.id, "it came from a client"),
    ):
        with pytest.raises(BadDecision) as no:
            ask(reference, transfer_id)
        assert why in no.value.detail, reference
    with pytest.raises(NotFound):
        ask("fits", uuid4())
    asked = ask("fits", made.id)
    come(ours["USD"], "6", "rest", "Northgate Exchange")
    assert state(made) == ("SETTLED", D(10))
    assert decide(asked) == "FAILED", "it had all of it by then"
    asked.refresh_from_db()
    assert (status("fits"), asked.comment) == ("QUARANTINED", "the transfer is SETTLED: nothing of it is known to be on its way")
    assert len(books.posted(before)) == 4, "the rest alone: nothing else moved"


def test_frozen_money_is_of_no_transfer(ends: Ends) -> None:
    ours, places = ends
    made = there.sent(places["USD"], ours["USD"], "10")
    come(ours["USD"], "3", "w-1")
    frozen, carla, cleo = Receipt.objects.get(), staff("carla", "compliance"), staff("cleo", "compliance")
    freeze = request_receipt_decision(actor=carla, receipt_id=frozen.id, decision="freeze", reason="a list")
    assert decide_approval(approval_id=freeze.id, actor=cleo, approve=True).status == "EXECUTED"
    with pytest.raises(BadDecision, match="FROZEN"):
        request_receipt_decision(actor=carla, receipt_id=frozen.id, decision="transfer", reason="ours", transfer_id=made.id)


def test_of_two_that_are_assigned_at_once_a_transfer_takes_what_it_lacks(ends: Ends) -> None:
    ours, places = ends
    made = there.sent(places["USD"], ours["USD"], "10")
    for reference in ("one", "two"):
        come(ours["USD"], "6", reference)
    asked = [ask(reference, made.id) for reference in ("one", "two")]
    assert sorted(together(2, lambda number: decide(asked[number]))) == ["EXECUTED", "FAILED"]
    assert state(made) == ("IN_TRANSIT", D(6))
    assert sorted(status(one) for one in ("one", "two")) == ["MATCHED", "QUARANTINED"]


def test_what_people_assigned_to_a_withdrawal_that_is_refused_after_all_is_left_to_them(ends: Ends) -> None:
    ours, places = ends
    outside.script(there.at_venue("USD"), "POLICY")
    refused, other = there.sent(places["USD"], ours["USD"], "20"), there.approved(places["USD"], ours["USD"], "20")
    assert here.release(there.payment_of(other).id, overrides={"DUPLICATE_SUSPECTED": "both are wanted"}) == "EXECUTED"
    jobs.send_released()
    come(ours["USD"], "20", "w-1")
    assert decide(ask("w-1", refused.id)) == "EXECUTED"
    here.at(clock.desk_now(), minutes=6)
    jobs.follow_sent()
    assert (state(refused), state(other)) == (("SETTLED", D(20)), ("IN_TRANSIT", D(0))), "no machine says that it is another's"
    assert db.one("SELECT count(*) FROM events_event WHERE kind = 'instruction.contradicted'") == (1,)
