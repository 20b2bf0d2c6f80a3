"""Operations enter where a client is paid on its word: another calls back, risk or compliance sign, and any member objects in time."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.approvals.errors import NotAChecker
from apps.clients.errors import BadEvidence, SsiKnown
from apps.clients.models import Ssi
from apps.clients.rules import wallets
from apps.core import clock, db
from apps.core.errors import AppError
from apps.events.models import Event
from apps.jobs import ssis
from apps.users.errors import RoleMissing
from apps.workflows.change_ssi import suspend_ssi
from apps.workflows.decide_approval import decide_approval
from apps.workflows.enter_ssi import Word, enter_ssi
from apps.workflows.propose_ssi import revoke_own_ssi
from apps.workflows.verify_ssi import Evidence, request_resumption, request_verification, request_waiver
from tests import world
from tests.people import staff
from tests.workflows.test_ssis import BANK, BTC, ETH, controller, on_file, status

pytestmark = pytest.mark.django_db(transaction=True)
WORD = Word("Ann Treasurer", "MAIL", "mail of 15 September, 09:12")
LATER = world.NOON + timedelta(minutes=5)


def enter(who: str = "olga", **changes: Any) -> Ssi:
    place = {"account": "acme-main", "self_hosted": False, "word": WORD} | BANK
    return enter_ssi(actor=staff(who, "trader" if who == "tara" else "operations"), **place | changes)


def called(ssi: Ssi, number: Any, who: str, **more: Any) -> Any:
    evidence = Evidence(**{"kind": "CALL_BACK", "person": "Ann Treasurer", "number_id": number.id} | more)
    return request_verification(actor=staff(who, "operations"), ssi_id=ssi.id, evidence=evidence)


def test_one_entered_on_the_clients_word_is_used_when_nobody_objected() -> None:
    clock.freeze_desk(world.NOON)
    acme = world.firm("acme")
    with pytest.raises(BadEvidence, match="no number"):
        enter()
    number = on_file(acme)
    clock.freeze_desk(LATER)
    wrong: list[tuple[dict[str, Any], type[AppError]]] = [
        ({"who": "tara"}, RoleMissing),
        *(({"word": word}, BadEvidence) for word in (Word("", "MAIL", "x"), Word("Ann", "RUMOUR", "x"), Word("Ann", "CALL", " "))),
        *(({"address": "DE00120300000000202051"}, error) for error in (AppError,)),
        ({"rail": "fedwire-usd"}, AppError),
    ]
    for changes, error in wrong:
        with pytest.raises(error):
            enter(**changes)
    assert not Ssi.objects.filter(entered_by__isnull=False).exists()
    old = Ssi.objects.get(account=acme.account, asset_code="EUR", status="ACTIVE")
    ssi = enter()
    with pytest.raises(SsiKnown):
        enter()
    told = Event.objects.get(kind="ssi.entered")
    assert (
        told.client_seq is not None
        and told.public is not None
        and (told.public["entered_by_us"], told.public["status"]) == (True, "VERIFYING")
    )

    with pytest.raises(BadEvidence, match="another than who entered"):
        called(ssi, number, "olga")
    asked = called(ssi, number, "oscar")
    with pytest.raises(NotAChecker):
        decide_approval(approval_id=asked.id, actor=staff("otto", "operations"), approve=True)
    assert decide_approval(approval_id=asked.id, actor=staff("rita", "risk"), approve=True).status == "EXECUTED"
    assert status(ssi) == "APPROVED"
    with pytest.raises(BadEvidence, match="whole time"):
        request_waiver(actor=staff("otto", "operations"), ssi_id=ssi.id, reason="tonight")
    for walls in (
        "UPDATE clients_ssi SET cooling_until = desk_now() WHERE id = %s",
        "UPDATE clients_ssi SET status = 'ACTIVE' WHERE id = %s",
        "UPDATE clients_ssi SET entered_by = NULL WHERE id = %s",
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            db.run(walls, (ssi.id,))
    clock.freeze_desk(LATER + timedelta(hours=23, minutes=59))
    assert ssis.keep() == 0 and status(old) == "ACTIVE"
    clock.freeze_desk(LATER + timedelta(hours=24))
    assert ssis.keep() == 1 and (status(ssi), status(old)) == ("ACTIVE", "REVOKED")
    assert [e.kind for e in Event.objects.filter(subject_id=ssi.id, client_seq__isnull=False).order_by("position")] == [
        "ssi.entered",
        "ssi.approved",
        "ssi.active",
    ]


def test_any_member_objects_and_who_entered_it_signs_nothing_else() -> None:
    clock.freeze_desk(world.NOON)
    acme = world.firm("acme")
    number = on_file(acme)
    clock.freeze_desk(LATER)
    ssi = enter()
    asked = called(ssi, number, "oscar")
    assert decide_approval(approval_id=asked.id, actor=staff("rita", "risk"), approve=True).status == "EXECUTED"
    revoke_own_ssi(actor=controller(acme), ssi_id=ssi.id)
    clock.freeze_desk(LATER + timedelta(hours=24))
    assert ssis.keep() == 0 and status(ssi) == "REVOKED"
    # brought back after a suspension by two who did not enter it
    ssi = enter(address="NL91ABNA0417164300", bic="ABNANL2A")
    asked = called(ssi, number, "oscar")
    assert decide_approval(approval_id=asked.id, actor=staff("rita", "risk"), approve=True).status == "EXECUTED"
    clock.freeze_desk(LATER + timedelta(hours=48))
    assert ssis.keep() == 1
    suspend_ssi(actor=staff("otto", "operations"), ssi_id=ssi.id, reason="a call that sounded wrong")
    with pytest.raises(BadEvidence, match="nothing else"):
        request_resumption(actor=staff("olga", "operations"), ssi_id=ssi.id, reason="it is fine")
    again = request_resumption(actor=staff("oscar", "operations"), ssi_id=ssi.id, reason="the client confirmed it")
    done = decide_approval(approval_id=again.id, actor=staff("olga", "operations"), approve=True)
    assert (done.status, "nothing else" in done.comment, status(ssi)) == ("FAILED", True, "SUSPENDED")
    # a wallet proves itself, and is called back on all the same
    wallet = enter(rail="bitcoin-btc", asset="BTC", address=BTC, bic="")
    with pytest.raises(BadEvidence, match="which number"):
        request_verification(actor=staff("oscar", "operations"), ssi_id=wallet.id, evidence=Evidence("SIGNED_MESSAGE", proof="x"))
    with pytest.raises(IntegrityError), transaction.atomic():
        db.run(
            "UPDATE clients_ssi SET status = 'APPROVED', verified_by = entered_by, checked_by = %s, evidence_kind = 'CALL_BACK', "
            "cooling_until = desk_now() + interval '1 day' WHERE id = %s",
            (staff("rita", "risk").id, wallet.id),
        )


def test_who_put_the_number_on_file_neither_enters_nor_signs_what_is_verified_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """One person with both desks would otherwise answer the call back on a place that they entered themselves."""
    clock.freeze_desk(world.NOON)
    acme = world.firm("acme")
    number = on_file(acme)
    clock.freeze_desk(LATER)
    cora = staff("cora", "compliance", "operations")
    place = BANK | {"account": "acme-main", "self_hosted": False, "word": WORD}
    own = enter_ssi(actor=cora, **place)
    with pytest.raises(BadEvidence, match="on file"):
        called(own, number, "oscar")
    assert status(own) == "VERIFYING"
    # and of a wallet, which compliance signs beside the others
    monkeypatch.setattr(wallets, "is_signed_by", lambda *said: True)
    wallet = enter(rail="ethereum-eth", asset="ETH", address=ETH, bic="", self_hosted=True)
    asked = called(wallet, number, "oscar", kind="SIGNED_MESSAGE", proof="0x1")
    decide_approval(approval_id=asked.id, actor=staff("rita", "risk"), approve=True)
    done = decide_approval(approval_id=asked.id, actor=staff("cora", "compliance"), approve=True)
    assert (done.status, "on file" in done.comment, status(wallet)) == ("FAILED", True, "VERIFYING")
