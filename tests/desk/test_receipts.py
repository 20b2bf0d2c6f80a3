"""The receipts page: what waits with its suggestion and owner, and what people ask for there."""

import uuid
from decimal import Decimal as D
from typing import Any

import pytest

from apps.core import db, ids
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement.models import Instruction, Receipt
from apps.settlement.queries import receiving
from apps.users.models import User
from apps.workflows.decide_approval import decide_approval
from apps.workflows.read_statement import clear_receipt
from apps.workflows.work_receipts import request_unmatch
from tests import world
from tests.desk.forms import send
from tests.desk.test_pages import statements
from tests.settlement import venues as there
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_person_matches_from_a_suggestion_takes_it_on_writes_and_takes_it_off(enter: Any, staff: dict[str, User]) -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme", netting=False)
    here.deal(acme, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    due = here.only("EXPECTED")
    here.pay_in("USD", due.amount, name="Acme Capital", address="021000021-1001")
    here.pay_in("USD", D(5), name="Nobody Ltd", address="999")
    jobs.poll_rails()
    jobs.match_receipts()
    olga, oscar = staff["olga"].as_actor(), staff["oscar"].as_actor()
    got = Receipt.objects.get(status="MATCHED")
    asked = request_unmatch(actor=olga, receipt_id=got.id, reason="wrong")
    decide_approval(approval_id=asked.id, actor=oscar, approve=True)
    client, wire = enter("olga"), ids.encode("rcp", got.id)
    page = client.get("/desk/receipts/").content.decode()
    assert all(word in page for word in ("the amount is exact", "unknown sender", "Nobody Ltd", "by hand"))
    one = client.get(f"/desk/receipts/{wire}/").content.decode()
    assert all(word in one for word in ("the amount is exact", "Match by hand", "undone"))
    assert send(client, f"receipts/{wire}/take/") == 302
    assert send(client, f"receipts/{wire}/note/", text="the client called") == 302
    form = {"pay": ids.encode("ins", due.id), "reason": "as they say"}
    once = str(uuid.uuid4())
    assert send(client, f"receipts/{wire}/match/", once, **form) == 302
    assert send(client, f"receipts/{wire}/match/", once, **form) == 302  # sent twice, asked once
    (approval,) = db.one("SELECT id FROM approvals_approval WHERE kind = 'match' AND status = 'REQUESTED'")
    assert enter("oscar").get(f"/desk/approvals/{approval}/").status_code == 200
    assert decide_approval(approval_id=approval, actor=oscar, approve=True).status == "EXECUTED"
    got.refresh_from_db()
    assert (got.status, got.owner_name) == ("MATCHED", olga.name)
    one = client.get(f"/desk/receipts/{wire}/").content.decode()
    assert "the client called" in one
    assert "Take it off what it paid" in one
    quarantined = ids.encode("rcp", Receipt.objects.get(status="QUARANTINED").id)
    assert "Decide" in enter("carl").get(f"/desk/receipts/{quarantined}/").content.decode()
    assert send(client, "receipts/tolerance/", asset="USD", amount="15", reason="charges") == 302
    assert enter("tara").get("/desk/receipts/").status_code == 403
    assert send(enter("fay"), f"receipts/{wire}/match/", **form) == 403


def test_the_list_costs_as_many_statements_with_one_receipt_as_with_many(enter: Any) -> None:
    here.open_house("USD", "BTC", "EUR")
    acme = world.firm("acme", netting=False)
    client, counts = enter("olga"), []
    for n in range(1, 4):
        here.deal(acme, Side.BUY, str(n))
        here.pay_in("USD", D(n), name="Acme Capital", address="021000021-1001")
        here.pay_in("EUR", D(n), name="Acme Capital", address="DE89370400440532013000")
        jobs.poll_rails()
        for receipt in Receipt.objects.filter(status="FINAL"):
            clear_receipt(receipt_id=receipt.id)
        if n == 1:
            here.at(here.CUTOFF, seconds=10)
            jobs.freeze_due()
        counts.append(statements(client, "/desk/receipts/"))
    assert (len(set(counts)), Receipt.objects.filter(status="CLEARED").count()) == (1, 6), counts


def test_the_list_proposes_what_the_page_of_each_does() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme", netting=False)
    here.deal(acme, Side.BUY, "1")
    here.deal(acme, Side.BUY, "2")
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    for due in Instruction.objects.filter(direction="RECEIVE"):
        here.pay_in("USD", due.amount, name="Acme Capital", address="021000021-1001")
    here.pay_in("USD", D(5), name="Acme Capital", address="021000021-1001")
    here.pay_in("USD", D(5), name="Nobody Ltd", address="999")
    jobs.poll_rails()
    for receipt in Receipt.objects.filter(status="FINAL"):
        clear_receipt(receipt_id=receipt.id)
    receipts = list(Receipt.objects.select_related("nostro"))
    alone = {one.id: found[0] for one in receipts if (found := receiving.propose(one))}
    assert len(alone) >= 2
    assert receiving.propose_first(receipts) == alone


def test_a_quarantined_receipt_is_put_to_a_house_transfer_on_its_page(enter: Any, staff: dict[str, User]) -> None:
    ours, places = there.open_ends()
    made, small = (there.sent(places["USD"], ours["USD"], amount) for amount in ("10", "2"))
    there.arrives(ours["USD"], D(3), transaction="w-1", name="Correspondent Bank")
    there.read_all()
    for one in staff.values():
        one.refresh_from_db()  # what came before was asked and decided by people of these names
    got = Receipt.objects.get(status="QUARANTINED")
    client, wire = enter("olga"), ids.encode("rcp", got.id)
    page = client.get(f"/desk/receipts/{wire}/").content.decode()
    assert str(made.id) in page and str(small.id) not in page, "the one that lacks as much"
    form = {"decision": "transfer", "reason": "the bank says so"}
    assert send(client, f"settlement/receipts/{wire}/", **form, transfer="none") == 404
    assert send(client, f"settlement/receipts/{wire}/", **form) == 422
    assert send(client, f"settlement/receipts/{wire}/", **form, transfer=str(small.id)) == 422
    assert send(enter("fay"), f"settlement/receipts/{wire}/", **form, transfer=str(made.id)) == 403
    assert send(client, f"settlement/receipts/{wire}/", **form, transfer=str(made.id)) == 302
    (approval,) = db.one("SELECT id FROM approvals_approval WHERE kind = 'receipt'")
    assert "10 of 10 USD" in enter("carl").get(f"/desk/approvals/{approval}/").content.decode()
    assert send(enter("carl"), f"approvals/{approval}/decide/", decision="approve") == 302
    made.refresh_from_db()
    assert (made.status, made.arrived) == ("IN_TRANSIT", D(3))
    assert "a house transfer" in client.get(f"/desk/receipts/{wire}/").content.decode()
