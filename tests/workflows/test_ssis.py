"""Where a client is paid, from the proposal to its end: two members, evidence, two of operations, a day to cool off, and the walls."""

import threading
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from Crypto.Hash import keccak
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import IntegrityError, ProgrammingError, connection, transaction

from apps.approvals.errors import NotAChecker, SameHands
from apps.clients import queries
from apps.clients.errors import BadEvidence, BadSsi, SameMember, SsiKnown, SsiReplaced
from apps.clients.models import ContactNumber, Ssi
from apps.clients.rules import places, wallets
from apps.compliance.models import Alert
from apps.core import clock, db
from apps.core.actor import Actor
from apps.core.errors import IllegalMove, NotFound
from apps.jobs import events, ssis
from apps.jobs import settlement as jobs
from apps.settlement import queries as settlement
from apps.settlement.errors import NotAllowed
from apps.settlement.models import Instruction, Receipt
from apps.settlement.rails import outside
from apps.users.errors import RoleMissing
from apps.workflows.change_ssi import revoke_ssi, suspend_ssi
from apps.workflows.close_member import close_member
from apps.workflows.decide_approval import decide_approval
from apps.workflows.propose_ssi import approve_ssi, propose_ssi, revoke_own_ssi
from apps.workflows.read_statement import request_receipt_decision
from apps.workflows.transfer_balance import approve_withdrawal, request_withdrawal
from apps.workflows.verify_ssi import (
    Evidence,
    amount_to_send,
    keep_number,
    request_resumption,
    request_verification,
    request_waiver,
    text_to_sign,
)
from tests import engines, world
from tests.commits import wait_for_readers
from tests.people import staff
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
BTC = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
BANK = {"rail": "target-eur", "asset": "EUR", "address": "DE02120300000000202051", "bic": "BYLADEM1001"}
KEY = ec.derive_private_key(0x1F2E3D4C5B6A79880102030405060708, ec.SECP256K1())
STRANGER = ec.derive_private_key(0x77, ec.SECP256K1())


def keccak256(data: bytes) -> bytes:
    return keccak.new(digest_bits=256, data=data).digest()


_POINT = KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
ETH = wallets.checksummed("0x" + keccak256(_POINT[1:])[-20:].hex())


@pytest.fixture(autouse=True)
def _noon(transactional_db: None) -> None:
    clock.freeze_desk(world.NOON)


def propose(firm: world.Firm, who: Actor | None = None, **place: Any) -> Ssi:
    rest = {"bic": "", "self_hosted": False, "valid_until": None}
    return propose_ssi(actor=who or firm.treasury, account_id=firm.account.id, **(rest | (place or BANK)))


def controller(firm: world.Firm) -> Actor:
    return world.actor_of(firm.account, "Controller")


def status(ssi: Ssi) -> str:
    ssi.refresh_from_db()
    return str(ssi.status)


def on_file(firm: world.Firm) -> ContactNumber:
    return keep_number(actor=staff("cora", "compliance"), client=firm.account.owner.code, person="Ann Treasurer", number="+44 20 7946 0018")


def verified(ssi: Ssi, evidence: Evidence, *also: Actor) -> str:
    asked = request_verification(actor=staff("olga", "operations"), ssi_id=ssi.id, evidence=evidence)
    for who in (staff("oscar", "operations"), *also):
        done = decide_approval(approval_id=asked.id, actor=who, approve=True)
    return f"{done.status} {done.comment}".strip()


def applied(reference: str, decision: str = "apply") -> str:
    """Compliance decides on what came into quarantine."""
    receipt = Receipt.objects.get(rail_reference=reference)
    asked = request_receipt_decision(
        actor=staff("odo", "operations"), receipt_id=receipt.id, decision=decision, reason="its wallet", account_code="acme-main"
    )
    return decide_approval(approval_id=asked.id, actor=staff("cleo", "compliance"), approve=True).status


def signed(text: str, key: ec.EllipticCurvePrivateKey = KEY) -> list[str]:
    """A signature by the library, with either end: a wallet says which of the two keys it is, and one of them is right."""
    body = text.encode()
    hashed = keccak256(b"\x19Ethereum Signed Message:\n%d%b" % (len(body), body))
    r, s = decode_dss_signature(key.sign(hashed, ec.ECDSA(Prehashed(SHA256()))))
    return [f"0x{r:064x}{s:064x}{end:02x}" for end in (27, 28)]


def good(text: str) -> str:
    (one,) = [one for one in signed(text) if wallets.is_signed_by(ETH, text, one)]
    return one


def told(firm: world.Firm) -> list[str]:
    rows = db.run("SELECT kind FROM events_event WHERE client_id = %s AND kind LIKE 'ssi.%%' ORDER BY client_seq", (firm.client_id,))
    return [kind for (kind,) in rows]


def refused(sql: str, by: str) -> None:
    with pytest.raises(IntegrityError) as no, transaction.atomic():
        db.run(sql)
    assert no.value.__cause__.diag.constraint_name == by  # type: ignore[union-attr]


def test_a_bank_account_goes_from_proposal_to_use_and_takes_the_place_of_the_one_before(settings: Any) -> None:
    settings.SSI_COOLING_HOURS = 30  # the house's own; 24 where it says nothing
    acme = world.firm("acme")
    number = on_file(acme)
    clock.freeze_desk(world.NOON + timedelta(hours=1))
    before = queries.find_active_ssi(acme.account.id, "EUR")
    ssi = propose(acme)
    assert (ssi.status, ssi.holder) == ("DRAFT", "Acme Capital")
    with pytest.raises(SsiKnown):
        propose(acme)
    with pytest.raises(SameMember):
        approve_ssi(actor=acme.treasury, ssi_id=ssi.id)
    with pytest.raises(NotAllowed):
        approve_ssi(actor=acme.trader, ssi_id=ssi.id)
    with pytest.raises(NotFound):
        approve_ssi(actor=world.firm("borealis").treasury, ssi_id=ssi.id)
    approve_ssi(actor=controller(acme), ssi_id=ssi.id)
    assert status(ssi) == "VERIFYING"
    call = Evidence("CALL_BACK", person="Ann Treasurer", number_id=number.id)
    late = on_file(acme)
    olga, oscar = staff("olga", "operations"), staff("oscar", "operations")
    for wrong in (
        Evidence("SIGNED_MESSAGE", proof="0x"),
        Evidence("CALL_BACK", person="Ann Treasurer"),
        Evidence("CALL_BACK", number_id=number.id),
        Evidence("CALL_BACK", person="Ann Treasurer", number_id=late.id),
    ):
        with pytest.raises(BadEvidence):
            request_verification(actor=olga, ssi_id=ssi.id, evidence=wrong)
    with pytest.raises(RoleMissing):
        request_verification(actor=staff("sam", "sales"), ssi_id=ssi.id, evidence=call)
    asked = request_verification(actor=olga, ssi_id=ssi.id, evidence=call)
    with pytest.raises(SameHands):
        decide_approval(approval_id=asked.id, actor=olga, approve=True)
    assert decide_approval(approval_id=asked.id, actor=oscar, approve=True).status == "EXECUTED"
    assert status(ssi) == "APPROVED"
    assert (ssi.evidence_kind, ssi.evidence["number"], ssi.verified_by, ssi.checked_by) == ("CALL_BACK", "+442079460018", olga.id, oscar.id)
    refused("UPDATE clients_ssi SET status = 'ACTIVE' WHERE status = 'APPROVED'", "clients_ssi_cooling")
    clock.freeze_desk(world.NOON + timedelta(hours=30, minutes=59))
    assert ssis.keep() == 0
    clock.freeze_desk(world.NOON + timedelta(hours=31))
    assert (ssis.keep(), ssis.keep()) == (1, 0)
    assert (status(ssi), status(before)) == ("ACTIVE", "REVOKED")  # type: ignore[arg-type]
    assert told(acme) == ["ssi.proposed", "ssi.verifying", "ssi.approved", "ssi.revoked", "ssi.active"]


def test_a_self_hosted_wallet_signs_and_compliance_signs_too() -> None:
    acme = world.firm("acme")
    place = {"rail": "ethereum-eth", "asset": "ETH", "address": ETH, "self_hosted": True}
    ssi = propose(acme, **place)
    approve_ssi(actor=controller(acme), ssi_id=ssi.id)
    olga = staff("olga", "operations")
    for proof in ("0x00", "no hex", *signed("another text"), *signed(text_to_sign(ssi), STRANGER)):
        with pytest.raises(BadEvidence):
            request_verification(actor=olga, ssi_id=ssi.id, evidence=Evidence("SIGNED_MESSAGE", proof=proof))
    asked = request_verification(actor=olga, ssi_id=ssi.id, evidence=Evidence("SIGNED_MESSAGE", proof=good(text_to_sign(ssi))))
    oscar, otto, cora = staff("oscar", "operations"), staff("otto", "operations"), staff("cora", "compliance")
    assert decide_approval(approval_id=asked.id, actor=oscar, approve=True).status == "REQUESTED"
    with pytest.raises(NotAChecker):
        decide_approval(approval_id=asked.id, actor=otto, approve=True)
    assert status(ssi) == "VERIFYING"
    assert decide_approval(approval_id=asked.id, actor=cora, approve=True).status == "EXECUTED"
    assert (status(ssi), ssi.checked_by, ssi.compliance_by) == ("APPROVED", oscar.id, cora.id)
    waived = request_waiver(actor=oscar, ssi_id=ssi.id, reason="the deal settles tonight")
    with pytest.raises(NotAChecker):
        decide_approval(approval_id=waived.id, actor=otto, approve=True)
    assert ssis.keep() == 0
    decide_approval(approval_id=waived.id, actor=cora, approve=True)
    assert (ssis.keep(), status(ssi)) == (1, "ACTIVE")


def test_a_wallet_is_proven_by_the_amount_that_we_named() -> None:
    here.open_house("BTC")
    acme = world.firm("acme")
    ssi = propose(acme, rail="bitcoin-btc", asset="BTC", address=BTC)
    approve_ssi(actor=controller(acme), ssi_id=ssi.id)
    amount = D(amount_to_send(ssi))
    wrong = here.pay_in("BTC", amount * 2, name="Acme Capital", address=BTC)
    other = here.pay_in("BTC", amount, name="Acme Capital", address="bc1qother")
    reference = here.pay_in("BTC", amount, name="Acme Capital", address=BTC)
    olga = staff("olga", "operations")
    with pytest.raises(BadEvidence):
        request_verification(actor=olga, ssi_id=ssi.id, evidence=Evidence("MICRO_TRANSFER", proof=reference))
    here.at(world.NOON, hours=2)
    jobs.run_all()
    evidence = Evidence("MICRO_TRANSFER", proof=reference)
    with pytest.raises(BadEvidence):
        request_verification(actor=olga, ssi_id=ssi.id, evidence=evidence)
    for one in (wrong, other, reference):
        assert applied(one) == "EXECUTED", "out of quarantine: the wallet was not known"
    for one in (wrong, other, ""):
        with pytest.raises(BadEvidence):
            request_verification(actor=olga, ssi_id=ssi.id, evidence=Evidence("MICRO_TRANSFER", proof=one))
    assert verified(ssi, evidence) == "EXECUTED"
    assert status(ssi) == "APPROVED"


def test_what_came_has_to_stand_when_the_second_one_signs() -> None:
    here.open_house("BTC")
    acme = world.firm("acme")
    ssi = propose(acme, rail="bitcoin-btc", asset="BTC", address=BTC)
    approve_ssi(actor=controller(acme), ssi_id=ssi.id)
    reference = here.pay_in("BTC", D(amount_to_send(ssi)), name="Acme Capital", address=BTC)
    here.at(world.NOON, hours=2)
    jobs.run_all()
    applied(reference)
    evidence = Evidence("MICRO_TRANSFER", proof=reference)
    asked = request_verification(actor=staff("olga", "operations"), ssi_id=ssi.id, evidence=evidence)
    outside.reorganise(here.place("BTC"), reference, at=clock.desk_now())
    jobs.run_all()
    assert Receipt.objects.get(rail_reference=reference).status == "REVERTED"
    done = decide_approval(approval_id=asked.id, actor=staff("oscar", "operations"), approve=True)
    assert (done.status, status(ssi)) == ("FAILED", "VERIFYING")
    with pytest.raises(BadEvidence):
        request_verification(actor=staff("olga", "operations"), ssi_id=ssi.id, evidence=evidence)


def test_who_signs_with_its_wallet_holds_its_keys_whatever_it_said() -> None:
    acme = world.firm("acme")
    ssi = propose(acme, rail="ethereum-eth", asset="ETH", address=ETH)
    approve_ssi(actor=controller(acme), ssi_id=ssi.id)
    evidence = Evidence("SIGNED_MESSAGE", proof=good(text_to_sign(ssi)))
    assert verified(ssi, evidence) == "REQUESTED"
    signed_by = f"verified_by = '{acme.trader.id}', checked_by = '{acme.treasury.id}', evidence_kind = 'SIGNED_MESSAGE'"
    refused(f"UPDATE clients_ssi SET status = 'APPROVED', cooling_until = now(), {signed_by} WHERE status = 'VERIFYING'", "ssi_self_hosted")
    (asked,) = db.one("SELECT id FROM approvals_approval")
    cora = staff("cora", "compliance")
    assert decide_approval(approval_id=asked, actor=cora, approve=True).status == "EXECUTED"
    assert (status(ssi), ssi.self_hosted, ssi.compliance_by) == ("APPROVED", False, cora.id)


def test_what_a_closed_member_asked_for_is_nobodys_to_approve() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    other = world.actor_of(acme.account, "Controller")
    mine, theirs = propose(acme), propose(acme, who=other, **(BANK | {"address": "GB82WEST12345698765432"}))
    asked = request_withdrawal(actor=acme.treasury, account_id=acme.account.id, asset="USD", amount=D(10), client_reference="w1")
    close_member(actor=staff("ada", "admin"), member_id=acme.treasury.id)
    asked.refresh_from_db()
    assert (status(mine), status(theirs), asked.status) == ("REJECTED", "DRAFT", "CANCELLED")
    with pytest.raises(IllegalMove):
        approve_ssi(actor=other, ssi_id=mine.id)
    with pytest.raises(IllegalMove):
        approve_withdrawal(actor=other, withdrawal_id=asked.id)
    assert told(acme)[-1] == "ssi.rejected"


@pytest.mark.parametrize(
    ("place", "pointer"),
    [
        (BANK | {"address": "DE03120300000000202051"}, "/address"),
        (BANK | {"address": "DE02 1203 0000 0000 2020 51"}, "/address"),
        (BANK | {"bic": "BYLADE"}, "/bic"),
        (BANK | {"bic": "byladem1001"}, "/bic"),
        (BANK | {"bic": "BYLADEM 1001"}, "/bic"),
        (BANK | {"self_hosted": True}, "/self_hosted"),
        (BANK | {"asset": "USD"}, "/rail"),
        (BANK | {"rail": "pigeon"}, "/rail"),
        (BANK | {"valid_until": world.NOON + timedelta(hours=23)}, "/valid_until"),
        ({"rail": "fedwire-usd", "asset": "USD", "address": "021000022-1001", "bic": "CHASUS33"}, "/address"),
        ({"rail": "bitcoin-btc", "asset": "BTC", "address": BTC[:-1] + "p"}, "/address"),
        ({"rail": "bitcoin-btc", "asset": "BTC", "address": BTC, "bic": "CHASUS33"}, "/bic"),
        ({"rail": "ethereum-eth", "asset": "ETH", "address": ETH.lower()}, "/address"),
    ],
)
def test_a_place_is_checked_to_its_last_digit(place: dict[str, Any], pointer: str) -> None:
    acme = world.firm("acme")
    with pytest.raises(BadSsi) as no:
        propose(acme, **place)
    assert no.value.extra["pointer"] == pointer
    assert told(acme) == []


def test_formats_that_hold() -> None:
    for rail, kind, address, bic in (
        ("fedwire-usd", "BANK", "021000021-1001", "CHASUS33"),
        ("target-eur", "BANK", "DE89370400440532013000", "COBADEFF"),
        ("chaps-gbp", "BANK", "GB82WEST12345698765432", "NWBKGB2L"),
        ("bitcoin-btc", "CHAIN", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", ""),
        ("bitcoin-btc", "CHAIN", BTC, ""),
        ("ethereum-eth", "CHAIN", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", ""),
    ):
        places.require_place(rail, kind, address, bic, self_hosted=kind == "CHAIN")


def owing() -> world.Firm:
    """We owe acme 1 BTC, released."""
    firm = here.owing()
    assert here.release(Instruction.objects.get(direction="PAY").id) == "EXECUTED"
    return firm


def active(firm: world.Firm) -> Ssi:
    found = queries.find_active_ssi(firm.account.id, "BTC")
    assert found is not None
    return found


def test_a_suspension_stops_what_was_released_and_two_people_bring_it_back() -> None:
    acme = owing()
    ssi, olga, oscar = active(acme), staff("olga", "operations"), staff("oscar", "operations")
    with pytest.raises(RoleMissing):
        suspend_ssi(actor=staff("sam", "sales"), ssi_id=ssi.id, reason="x")
    suspend_ssi(actor=olga, ssi_id=ssi.id, reason="a call that sounded wrong")
    paid = Instruction.objects.get(direction="PAY")
    assert (status(ssi), paid.status, paid.released_by) == ("SUSPENDED", "BLOCKED", None)
    assert [b["code"] for b in settlement.list_decisions([paid.id])[0].blockers] == ["SSI_NOT_ACTIVE"]
    assert jobs.send_released() == 0
    asked = request_resumption(actor=olga, ssi_id=ssi.id, reason="the client confirmed it")
    with pytest.raises(SameHands):
        decide_approval(approval_id=asked.id, actor=olga, approve=True)
    decide_approval(approval_id=asked.id, actor=oscar, approve=True)
    assert status(ssi) == "ACTIVE"
    jobs.review_queue()
    paid.refresh_from_db()
    assert paid.status == "READY", "to be released afresh"
    assert told(acme) == ["ssi.suspended", "ssi.active"]


def test_a_payment_whose_place_was_replaced_goes_to_the_new_one_after_a_new_release() -> None:
    acme = owing()
    ssi = propose(acme, rail="bitcoin-btc", asset="BTC", address=BTC)
    approve_ssi(actor=controller(acme), ssi_id=ssi.id)
    here.pay_in("BTC", D(amount_to_send(ssi)), name="Acme Capital", address=BTC)
    here.at(here.VALUE_DAY, hours=1)
    jobs.poll_rails()
    (reference,) = db.one("SELECT rail_reference FROM settlement_receipt")
    jobs.match_receipts()
    applied(reference)
    assert verified(ssi, Evidence("MICRO_TRANSFER", proof=reference)) == "EXECUTED"
    suspend_ssi(actor=staff("olga", "operations"), ssi_id=active(acme).id, reason="it is being replaced")
    old = Ssi.objects.get(account=acme.account, asset_code="BTC", status="SUSPENDED")
    here.at(here.VALUE_DAY, hours=25)
    assert ssis.keep() == 1
    with pytest.raises(SsiReplaced):
        request_resumption(actor=staff("olga", "operations"), ssi_id=old.id, reason="x")
    jobs.review_queue()
    paid = Instruction.objects.get(direction="PAY")
    assert (paid.ssi_id, paid.beneficiary_address, paid.released_by) == (ssi.id, BTC, None)
    here.pay_in("USD", Instruction.objects.get(direction="RECEIVE").amount, name="Acme Capital", address="021000021-1001")
    jobs.poll_rails()
    jobs.match_receipts()
    assert here.release(paid.id) == "EXECUTED"
    wait_for_readers()
    events.drive("monitoring")
    alert = Alert.objects.get(rule="SSI_CHANGE_BEFORE_PAYMENT")
    assert (alert.subject_id, alert.client_name, alert.why[-10:]) == (paid.id, "Acme Capital", "2026-09-16")


@pytest.mark.parametrize("times", [1, pytest.param(12, marks=pytest.mark.drill)])
def test_a_suspension_and_the_sending_at_once_leave_it_sent_or_blocked_and_nothing_between(times: int) -> None:
    for _ in range(times):
        acme = owing()
        ssi, ready = active(acme), threading.Barrier(2)

        def send(ready: threading.Barrier = ready) -> None:
            ready.wait()
            jobs.send_released()
            connection.close()

        worker = threading.Thread(target=send)
        worker.start()
        ready.wait()
        suspend_ssi(actor=staff("olga", "operations"), ssi_id=ssi.id, reason="now")
        worker.join(30)
        paid = Instruction.objects.get(direction="PAY")
        decided = settlement.list_decisions([paid.id])
        sent = db.one("SELECT count(*) FROM ledger_ledgertransaction WHERE kind = 'PAYMENT_SENT'")
        if paid.status == "SENT":
            assert (sent, decided[0].moment, decided[0].passed) == ((1,), "SEND", True)
        else:
            assert (paid.status, paid.released_by, sent) == ("BLOCKED", None, (0,))
            assert "SSI_NOT_ACTIVE" in [b["code"] for b in decided[0].blockers]
        engines.flush_database()


def test_it_ends_by_one_hand_and_by_its_time() -> None:
    acme = owing()
    ssi = active(acme)
    with pytest.raises(NotFound):
        revoke_own_ssi(actor=world.firm("borealis").treasury, ssi_id=ssi.id)
    revoke_own_ssi(actor=acme.treasury, ssi_id=ssi.id)
    assert (status(ssi), Instruction.objects.get(direction="PAY").status) == ("REVOKED", "BLOCKED")
    with pytest.raises(IllegalMove):
        revoke_ssi(actor=staff("cora", "compliance"), ssi_id=ssi.id, reason="x")
    draft = propose(acme)
    revoke_own_ssi(actor=controller(acme), ssi_id=draft.id)
    assert status(draft) == "REJECTED"
    place = {"rail": "ethereum-eth", "asset": "ETH", "address": ETH, "valid_until": here.VALUE_DAY + timedelta(days=2)}
    short = propose(acme, **place)
    approve_ssi(actor=controller(acme), ssi_id=short.id)
    assert verified(short, Evidence("SIGNED_MESSAGE", proof=good(text_to_sign(short))), staff("cora", "compliance")) == "EXECUTED"
    here.at(here.VALUE_DAY, hours=24)
    ssis.keep()
    assert status(short) == "ACTIVE"
    here.at(here.VALUE_DAY, hours=48)
    assert (ssis.keep(), ssis.keep(), status(short)) == (1, 0, "EXPIRED")


def test_raw_sql_edits_forges_and_hastens_nothing() -> None:
    acme = world.firm("acme")
    draft = propose(acme)
    for sql, by in (
        ("UPDATE clients_ssi SET address = 'x'", "clients_ssi_frozen"),
        ("UPDATE clients_ssi SET proposed_by = gen_random_uuid()", "clients_ssi_frozen"),
        ("UPDATE clients_ssi SET status = 'VERIFYING' WHERE status = 'DRAFT'", "ssi_client_approved"),
        ("UPDATE clients_ssi SET approved_by = proposed_by WHERE status = 'DRAFT'", "ssi_two_members"),
        ("UPDATE clients_ssi SET status = 'ACTIVE' WHERE status = 'DRAFT'", "clients_ssi_status_moves"),
        ("UPDATE clients_ssi SET cooling_until = now() WHERE status = 'DRAFT'", "clients_ssi_cooling"),
        (
            "INSERT INTO clients_ssi (id, account_id, rail_code, asset_code, holder, address, bic, self_hosted, status, evidence_kind, "
            "evidence, created_at) SELECT gen_random_uuid(), account_id, rail_code, asset_code, 'Mallory', address, bic, false, 'DRAFT', "
            "'', '{}', now() FROM clients_ssi LIMIT 1",
            "clients_ssi_holder",
        ),
    ):
        refused(sql, by)
    approve_ssi(actor=controller(acme), ssi_id=draft.id)
    refused("UPDATE clients_ssi SET approved_by = gen_random_uuid() WHERE status = 'VERIFYING'", "clients_ssi_signed")
    refused("UPDATE clients_ssi SET status = 'APPROVED' WHERE status = 'VERIFYING'", "ssi_verified")
    forged = (
        "UPDATE clients_ssi SET status = 'APPROVED', evidence_kind = 'CALL_BACK', cooling_until = now(), "
        f"verified_by = '{draft.id}', checked_by = '{draft.id}' WHERE status = 'VERIFYING'"
    )
    refused(forged, "ssi_four_eyes")
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        db.run("DELETE FROM clients_ssi")
