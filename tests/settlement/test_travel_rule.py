"""The travel rule: nothing of crypto leaves or is credited without who sends and who receives; VASPs answer, or do not."""

from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import ProgrammingError, transaction

from apps.approvals.errors import SameHands
from apps.compliance.errors import BadTravelData
from apps.compliance.models import ListEntry, Screening, TravelMessage, TravelRecord, WalletHost
from apps.compliance.queries import screening
from apps.compliance.queries import travel as kept
from apps.compliance.rails.travel import Simulated, network
from apps.compliance.rules import ivms101
from apps.core import db
from apps.core.actor import SYSTEM
from apps.jobs import settlement as jobs
from apps.jobs import travel
from apps.settlement import queries as settlement
from apps.settlement.errors import NotOverridable
from apps.settlement.models import Instruction, Receipt
from apps.settlement.rails import get_rail
from apps.users.errors import RoleMissing
from apps.workflows.decide_approval import decide_approval
from apps.workflows.request_release import request_release
from apps.workflows.travel_rule import request_travel_data, set_wallet_host
from tests import books, world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
LEI, WALLET = "529900T8BM49AURSDO55", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"


@pytest.fixture
def net(settings: Any) -> Simulated:
    settings.TRAVEL_NETWORK = "apps.compliance.rails.travel.Simulated"
    settings.BUS_PREFIX = f"t{db.one('SELECT pg_current_xact_id()')[0]}:"
    made = network()
    assert isinstance(made, Simulated)
    return made


@pytest.fixture(autouse=True)
def _wallet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's wallet has its check digits: what is said of wallets is checked."""
    told = tuple(replace(one, address=WALLET) if one.rail == "bitcoin-btc" else one for one in world.INSTRUCTIONS["acme"])
    monkeypatch.setitem(world.INSTRUCTIONS, "acme", told)


def host(name: str = "Vault VASP", lei: str = LEI, address: str = WALLET) -> Any:
    carl = here.staff("carl", "compliance")
    return set_wallet_host(actor=carl, address=address, vasp_name=name, vasp_lei=lei, evidence="its own letter")


def owed() -> Instruction:
    """1 BTC that we owe a client on its value date."""
    here.owing()
    return payment()


def payment() -> Instruction:
    return settlement.list_instructions(SYSTEM).filter(direction="PAY").order_by("-attempt")[0]


def blockers() -> list[tuple[str, str]]:
    return [(b["code"], b["detail"]) for b in settlement.list_decisions([payment().id])[0].blockers]


def said() -> list[tuple[str, str]]:
    return [(m.status, m.reason) for m in TravelMessage.objects.order_by("id")]


# --- out --------------------------------------------------------------------------------------------------------------
def test_a_payment_carries_its_record_and_without_a_vasp_nobody_is_told(net: Simulated) -> None:
    one = owed()
    (record,) = TravelRecord.objects.all()
    assert (record.subject_id, record.faults, record.source) == (one.id, [], "FILE")
    assert [ivms101.name_of(record.payload, side) for side in ("originator", "beneficiary")] == ["Flowdesk Markets Ltd", "Acme Capital"]
    assert record.payload["beneficiary"]["accountNumber"] == [WALLET]
    assert (payment().status, travel.tell_vasps(), net.told()) == ("READY", 0, [])
    for _ in range(3):
        jobs.review_queue()
    assert TravelRecord.objects.count() == 1, "what says nothing new is not kept again"
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        db.run("UPDATE compliance_travelrecord SET faults = '[]'")


def test_a_payment_to_a_vasp_waits_for_its_word_and_a_lost_answer_is_asked_for_by_the_same_id(net: Simulated) -> None:
    host()
    net.script("LOSE")
    owed()
    assert (payment().status, blockers()) == ("BLOCKED", [("TRAVEL_RULE", "Vault VASP has not answered")])
    with pytest.raises(NotOverridable):
        request_release(actor=here.staff("olga", "operations"), instruction_ids=[payment().id], overrides={"TRAVEL_RULE": "hurry"})
    travel.tell_vasps()
    assert said() == [("NO_ANSWER", "no answer")]
    assert travel.tell_vasps() == 0, "it is asked again after a while"
    jobs.review_queue()
    assert payment().status == "BLOCKED"
    here.at(here.VALUE_DAY, minutes=5)
    for _ in range(2):
        travel.tell_vasps()
    assert (said(), net.told()) == ([("ACCEPTED", "")], [str(TravelMessage.objects.get().id)])
    jobs.review_queue()
    assert payment().status == "READY"
    assert here.release(payment().id) == "EXECUTED"
    jobs.send_released()
    assert payment().status == "SENT"
    books.proven()


def test_what_a_vasp_refuses_does_not_leave_and_is_an_exception(net: Simulated) -> None:
    host()
    net.script("REJECT")
    owed()
    travel.tell_vasps()
    jobs.review_queue()
    assert (payment().status, kept.why_held(payment().id)) == ("BLOCKED", "Vault VASP refuses it: beneficiary unknown")
    assert [one.subject_id for one in kept.list_exceptions()] == [payment().id]
    asked = host("", "")  # one person alone does not lift it
    assert (asked.status, asked.before) == ("REQUESTED", {"vasp_name": "Vault VASP", "vasp_lei": LEI})
    jobs.review_queue()
    assert (payment().status, WalletHost.objects.count()) == ("BLOCKED", 1)
    with pytest.raises(SameHands):
        decide_approval(approval_id=asked.id, actor=here.staff("carl", "compliance"), approve=True)
    cora = here.staff("cora", "compliance")
    assert decide_approval(approval_id=asked.id, actor=cora, approve=False).status == "REJECTED"
    asked = host("Other VASP")  # it turns out to lie elsewhere: another record, another message
    assert decide_approval(approval_id=asked.id, actor=cora, approve=True).status == "EXECUTED"
    jobs.review_queue()
    travel.tell_vasps()
    jobs.review_queue()
    assert (payment().status, [r.version for r in TravelRecord.objects.order_by("version")]) == ("READY", [1, 2])
    assert not kept.list_exceptions().exists()


@pytest.mark.parametrize("ended", [False, pytest.param(True, marks=pytest.mark.drill)])
def test_only_the_last_record_of_what_can_still_leave_is_told(net: Simulated, ended: bool) -> None:
    host()
    net.script("SILENT")
    owed()
    travel.tell_vasps()
    if ended:
        Instruction.objects.filter(id=payment().id).update(status="CANCELLED")
    else:
        decide_approval(approval_id=host("Other VASP").id, actor=here.staff("cora", "compliance"), approve=True)
        jobs.review_queue()
    here.at(here.VALUE_DAY, minutes=10)
    assert travel.tell_vasps() == (0 if ended else 1)
    assert [m.vasp_name for m in TravelMessage.objects.filter(status="ACCEPTED")] == ([] if ended else ["Other VASP"])
    assert list(TravelMessage.objects.filter(vasp_name="Vault VASP").values_list("status", "tries")) == [("NO_ANSWER", 1)]


def test_a_vasp_known_only_after_the_release_holds_the_payment_back_at_the_door(net: Simulated) -> None:
    one = owed()
    assert here.release(one.id) == "EXECUTED"
    host()
    assert jobs.send_released() == 0
    assert (payment().status, blockers()) == ("BLOCKED", [("TRAVEL_RULE", "Vault VASP has not answered")])


@pytest.mark.parametrize(("listed", "status"), [({LEI: "ACCEPTED"}, "READY"), pytest.param({}, "BLOCKED", marks=pytest.mark.drill)])
def test_by_list_a_vasp_has_agreed_or_refused_in_advance(settings: Any, listed: dict[str, str], status: str) -> None:
    settings.TRAVEL_VASPS = listed
    host()
    owed()
    travel.tell_vasps()
    jobs.review_queue()
    assert payment().status == status


# --- in -----------------------------------------------------------------------------------------------------------------
ORIGINATOR = ivms101.legal_person("Acme Capital", customer="7", country="US")


def received(name: str = "") -> Receipt:
    """2 BTC from the client's wallet, final; by default nobody says who sent them."""
    here.open_house("BTC")
    world.firm("acme")
    ours = here.place("BTC")
    get_rail("bitcoin-btc", "CHAIN").pay_in(ours, D(2), sender_name=name, sender_address=WALLET, remittance="", at=world.NOON)  # type: ignore[attr-defined]
    here.at(world.NOON, hours=1)
    jobs.poll_rails()
    jobs.match_receipts()
    return receipt()


def receipt() -> Receipt:
    return settlement.list_receipts(SYSTEM).get()


def told(originator: Any = ORIGINATOR, account: str = WALLET, to: str = "bc1qflowdesk") -> dict[str, Any]:
    return ivms101.record(
        originator=originator, originator_account=account, beneficiary=ivms101.legal_person("Flowdesk Ltd", customer="f"),
        beneficiary_account=to, ours=None, theirs=ivms101.legal_person("Vault VASP", lei=LEI), out=False,
    )  # fmt: skip


def test_a_receipt_of_a_named_client_is_complete_from_our_own_file() -> None:
    assert received("Acme Capital").status == "CLEARED"
    (record,) = TravelRecord.objects.all()
    assert (record.faults, ivms101.name_of(record.payload, "originator")) == ([], "Acme Capital")


def test_a_receipt_without_data_waits_in_quarantine_until_its_vasp_tells_who_sent_it(net: Simulated) -> None:
    found = received()
    assert (found.status, found.quarantine_reason) == ("QUARANTINED", "TRAVEL_RULE")
    assert [one.subject_id for one in kept.list_exceptions()] == [found.id]
    bad = {"m1": told(ivms101.legal_person("Acme Capital")), "m2": told(account="bc1qother"), "m3": told(to="bc1qother")}
    bad |= {"m4": {"x": "1"}, "m5": {}}
    for message_id, payload in bad.items():
        net.tell(message_id, address="bc1qflowdesk", reference=found.rail_reference, payload=payload)
    net.tell("m9", address="bc1qflowdesk", reference="0xnotseen", payload=told())
    travel.hear_vasps()
    answers = {one[0]: (one[1], one[2]) for one in net.answers()}
    assert {message_id: accepted for message_id, (accepted, _) in answers.items()} == dict.fromkeys(bad, False)
    assert answers["m2"][1] == "originator.accountNumber: not the wallet that it came from"
    assert (receipt().status, TravelRecord.objects.count()) == ("QUARANTINED", 1)
    net.tell("m6", address="bc1qflowdesk", reference=found.rail_reference, payload=told())
    for _ in range(2):
        travel.hear_vasps()
    assert (receipt().status, receipt().account.code) == ("CLEARED", "acme-main")  # type: ignore[union-attr]
    assert ["m6", True, ""] in net.answers()
    assert [(r.source, r.message) for r in TravelRecord.objects.order_by("version")] == [("FILE", ""), ("MESSAGE", "m6")]
    assert not kept.list_exceptions().exists()
    assert db.one("SELECT count(*) FROM events_event WHERE kind = 'receipt.cleared'") == (1,)


def test_data_that_name_somebody_else_keep_the_receipt_in_quarantine_for_that(net: Simulated) -> None:
    found = received()
    stranger = ivms101.natural_person("Mallory", "Eve", customer="9")
    net.tell("m1", address="bc1qflowdesk", reference=found.rail_reference, payload=told(stranger))
    travel.hear_vasps()
    assert (receipt().status, receipt().quarantine_reason) == ("QUARANTINED", "THIRD_PARTY")


def test_what_a_vasp_says_does_not_take_away_the_name_that_the_rail_gave(net: Simulated) -> None:
    """A rail names nobody at first here; it is named by hand beneath, as a rail that tells names would."""
    ListEntry.objects.create(list_name="OFAC", name="Mallory")
    found = received()
    Receipt.objects.filter(id=found.id).update(sender_name="Mallory Ltd")
    net.tell("m1", address="bc1qflowdesk", reference=found.rail_reference, payload=told())
    travel.hear_vasps()
    assert (receipt().status, receipt().quarantine_reason) == ("QUARANTINED", "SCREENING_HIT")
    screened = Screening.objects.filter(subject_id=found.id).values_list("name", "result")
    assert sorted(screened) == [("Acme Capital", "CLEAR"), ("Mallory Ltd", "HIT"), ("unknown", "CLEAR")]
    assert screening.has_hit([found.id]), "nor does it hide the hit from a payment that gives it back"


@pytest.mark.parametrize("second", [False, pytest.param(True, marks=pytest.mark.drill)])
def test_either_name_of_somebody_else_is_a_third_partys(net: Simulated, second: bool) -> None:
    found = received()
    payload = told()
    if second:  # the record names another person beside the client
        payload["originator"]["originatorPersons"].append(ivms101.legal_person("Mallory Ltd", customer="9"))
    else:
        Receipt.objects.filter(id=found.id).update(sender_name="Mallory Ltd")
    net.tell("m1", address="bc1qflowdesk", reference=found.rail_reference, payload=payload)
    travel.hear_vasps()
    assert (receipt().status, receipt().quarantine_reason) == ("QUARANTINED", "THIRD_PARTY")


def test_a_vasp_that_tells_what_no_database_keeps_is_refused_once(net: Simulated) -> None:
    found = received()
    person = ivms101.legal_person("Acme Capital", customer="7")
    person["legalPerson"]["geographicAddress"] = [
        {"addressType": "BIZZ", "country": "US", "streetName": {"x": ["\0"]}, "buildingNumber": "1"}
    ]
    net.tell("m1", address="bc1qflowdesk", reference=found.rail_reference, payload=told(person))
    travel.hear_vasps()
    where = "originator.originatorPersons.0.legalPerson.geographicAddress.0.streetName"
    assert net.answers() == [["m1", False, f"{where}: a text of at most 70 characters"]] * len(net.answers()) and net.inbox() == []


def test_what_is_known_is_not_told_anew_and_never_takes_the_place_of_what_two_entered(net: Simulated) -> None:
    found = received()

    def tell(message_id: str, payload: Any, reference: str = found.rail_reference, **vasp: str) -> tuple[bool, str]:
        net.tell(message_id, address="bc1qflowdesk", reference=reference, payload=payload, **vasp)
        travel.hear_vasps()
        return {one[0]: (one[1], one[2]) for one in net.answers()}[message_id]

    other = told(ivms101.natural_person("Mallory", "Eve", customer="9"))
    assert tell("m0", told(), reference="a\0b") == (False, "reference: a text of at most 120 characters")
    carl, cora = here.staff("carl", "compliance"), here.staff("cora", "compliance")
    asked = request_travel_data(actor=carl, receipt_id=found.id, originator=ORIGINATOR, evidence="a mail of the client")
    Receipt.objects.filter(id=found.id).update(quarantine_reason="UNKNOWN_SENDER")  # it waits on, for something else
    asked = decide_approval(approval_id=asked.id, actor=cora, approve=True)
    assert (asked.status, receipt().status) == ("EXECUTED", "QUARANTINED")
    for turn in range(3):
        assert tell(f"a{turn}", other)[0] is False and tell(f"b{turn}", told()) == (True, "")
    assert [r.source for r in TravelRecord.objects.order_by("version")] == ["FILE", "HAND"]


def test_messages_after_one_that_was_accepted_add_nothing_and_their_sender_is_kept(net: Simulated) -> None:
    found = received()
    for message_id, payload in (
        ("m1", told()),
        ("m2", told()),
        ("m1", told()),
        ("m3", told(ivms101.legal_person("Mallory", customer="9"))),
    ):
        net.tell(message_id, address="bc1qflowdesk", reference=found.rail_reference, payload=payload, vasp_lei=LEI, vasp_name="Vault VASP")
        travel.hear_vasps()
    assert {(one[0], one[1]) for one in net.answers()} == {("m1", True), ("m2", True), ("m3", False)}
    records = TravelRecord.objects.order_by("version")
    assert [(r.source, r.vasp_name, r.vasp_lei) for r in records] == [("FILE", "", ""), ("MESSAGE", "Vault VASP", LEI)]
    assert receipt().status == "CLEARED"


ETHER = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


@pytest.mark.parametrize("written", [ETHER, ETHER.lower(), "0x" + ETHER[2:].upper(), WALLET.upper()])
def test_a_wallet_is_the_same_however_it_is_written(written: str) -> None:
    kept_as = host(address=written).address
    assert kept_as in {ETHER, WALLET}
    for sought in (kept_as, kept_as.lower(), written):
        found = kept.find_host(sought)
        assert found is not None and found.vasp_name == "Vault VASP"
    assert host("", "", address=kept_as).status == "REQUESTED", "nor is another writing a way around the second person"


@pytest.mark.parametrize("written", ["x", "0x12", ETHER[:-1] + "D", WALLET[:-1] + "5", WALLET + " ", "021000021-1001"])
def test_what_is_no_wallet_has_no_host(written: str) -> None:
    with pytest.raises(BadTravelData):
        host(address=written)
    assert not WalletHost.objects.exists()


def test_compliance_enters_what_came_another_way_and_another_one_approves(net: Simulated) -> None:
    found, carl, cora = received(), here.staff("carl", "compliance"), here.staff("cora", "compliance")
    with pytest.raises(RoleMissing):
        request_travel_data(actor=here.staff("olga", "operations"), receipt_id=found.id, originator=ORIGINATOR, evidence="a mail")
    nameless = ivms101.legal_person("Acme Capital")
    for originator, evidence, why in (
        (nameless, "a mail", "missing: one of"),
        ({}, "a mail", "one of naturalPerson"),
        (ORIGINATOR, "", "evid"),
    ):
        with pytest.raises(BadTravelData, match=why):
            request_travel_data(actor=carl, receipt_id=found.id, originator=originator, evidence=evidence)
    asked = request_travel_data(actor=carl, receipt_id=found.id, originator=ORIGINATOR, evidence="a mail of the client")
    with pytest.raises(SameHands):
        decide_approval(approval_id=asked.id, actor=carl, approve=True)
    assert receipt().status == "QUARANTINED"
    assert decide_approval(approval_id=asked.id, actor=cora, approve=True).status == "EXECUTED"
    assert receipt().status == "CLEARED"
    last = kept.find_record(found.id)
    assert last is not None and (last.source, last.made_by, last.evidence) == ("HAND", carl.id, "a mail of the client")
    for bad in ({"vasp_lei": "x"}, {"vasp_name": ""}, {"evidence": ""}, {"address": ""}, {"vasp_lei": LEI[:-1] + "6"}):
        fine = {"address": WALLET, "vasp_name": "V", "vasp_lei": LEI, "evidence": "e"}
        with pytest.raises(BadTravelData):
            set_wallet_host(actor=carl, **(fine | bad))
