"""Where clients are paid, on the desk: the queue, the evidence, the second person, and the hand that stops it."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from apps.core import clock, db, ids
from apps.users.models import User
from apps.workflows.propose_ssi import approve_ssi, propose_ssi
from tests import world
from tests.desk.forms import send

pytestmark = pytest.mark.django_db(transaction=True)
QUEUE = "/desk/ssis/"
PLACE = {"rail": "target-eur", "asset": "EUR", "address": "DE02120300000000202051", "bic": "BYLADEM1001", "self_hosted": False}


def test_a_change_is_verified_from_the_queue_and_stopped_from_its_page(enter: Any, staff: dict[str, User]) -> None:
    clock.freeze_desk(world.NOON)
    acme = world.firm("acme")
    carl = enter("carl")
    assert send(carl, "ssis/numbers/keep/", client="acme", person="Ann Treasurer", number="a number") == 422
    assert send(carl, "ssis/numbers/keep/", client="acme", person="Ann Treasurer", number="+44 20 7946 0018") == 302
    clock.freeze_desk(world.NOON + timedelta(hours=1))
    assert "Nothing waits" in carl.get(QUEUE).content.decode()
    ssi = propose_ssi(actor=acme.treasury, account_id=acme.account.id, valid_until=None, **PLACE)
    approve_ssi(actor=world.actor_of(acme.account, "Controller"), ssi_id=ssi.id)
    wire = ids.encode("ssi", ssi.id)
    olga = enter("olga")
    assert wire in olga.get(QUEUE).content.decode()
    page = olga.get(f"{QUEUE}{wire}/").content.decode()
    assert "+442079460018" in page
    (number,) = db.one("SELECT id FROM clients_contactnumber")
    assert send(olga, f"ssis/{wire}/verify/", kind="CALL_BACK", person="", number=str(number)) == 422
    assert send(olga, f"ssis/{wire}/verify/", kind="CALL_BACK", person="Ann Treasurer", number=str(number)) == 302
    (asked,) = db.one("SELECT id FROM approvals_approval")
    assert str(asked) in olga.get(f"{QUEUE}{wire}/").content.decode()
    oscar = enter("oscar")
    oscar.post(f"/desk/approvals/{asked}/decide/", {"once": str(uuid.uuid4()), "decision": "approve"})
    assert db.one("SELECT status FROM clients_ssi WHERE id = %s", (ssi.id,)) == ("APPROVED",)
    page = oscar.get(f"{QUEUE}{wire}/").content.decode()
    for words in ("acme Treasury", "acme Controller", "Ann Treasurer", "olga, oscar", "ssi.approved", "call back"):
        assert words in page, words
    assert send(oscar, f"ssis/{wire}/waive/", reason="the deal settles tonight") == 302
    assert send(oscar, f"ssis/{wire}/revoke/", reason=" ") == 422
    assert send(oscar, f"ssis/{wire}/revoke/", reason="a call that sounded wrong") == 302
    page = oscar.get(f"{QUEUE}?client=acme").content.decode()
    assert page.count("DE02120300000000202051") >= 1
    assert page.count("DE89370400440532013000") >= 1, "with what was before"
    assert enter("tara").get(QUEUE).status_code == 403
    assert enter("olga").get(f"{QUEUE}{ids.encode('ssi', uuid.UUID(int=7))}/").status_code == 404


def test_one_is_entered_on_a_clients_word(enter: Any, staff: dict[str, User]) -> None:
    clock.freeze_desk(world.NOON)
    world.firm("acme")
    assert send(enter("carl"), "ssis/numbers/keep/", client="acme", person="Ann Treasurer", number="+44 20 7946 0018") == 302
    clock.freeze_desk(world.NOON + timedelta(hours=1))
    olga = enter("olga")
    assert "Enter on a client" in olga.get(QUEUE).content.decode() and "Enter on a client" not in enter("rita").get(QUEUE).content.decode()
    given = {"account": "acme-main", "place": "target-eur EUR", "address": PLACE["address"], "bic": PLACE["bic"], "self_hosted": "no",
             "person": "Ann Treasurer", "channel": "MAIL", "reference": "mail of 09:12"}  # fmt: skip
    for said, answer in (("", 422), ("Ann Treasurer", 302)):
        assert olga.post(f"{QUEUE}enter/", {"once": str(uuid.uuid4()), **given, "person": said}).status_code == answer
    (ssi,) = db.one("SELECT id FROM clients_ssi WHERE entered_by IS NOT NULL")
    at = f"{QUEUE}{ids.encode('ssi', ssi)}/"
    page = olga.get(at).content.decode()
    assert "on the word of Ann Treasurer" in page and "Number called" not in page, "another one calls back"
    assert "Number called" in enter("oscar").get(at).content.decode()
