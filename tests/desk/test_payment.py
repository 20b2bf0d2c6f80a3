"""A payment's own page: where it stands, its transactions, and the form that replaces one that hangs."""

from typing import Any

import pytest

from apps.approvals.models import Approval
from apps.core import db, ids
from apps.jobs import chains
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement.models import Instruction
from apps.settlement.rails import outside
from apps.users.models import User
from apps.workflows.decide_approval import decide_approval
from tests import world
from tests.desk.forms import send
from tests.settlement import world as house
from tests.settlement.splitting import parts, set_limit, whole

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_payment_that_hangs_is_replaced_from_its_page(enter: Any, staff: dict[str, User]) -> None:
    house.open_house("USD", "BTC")
    house.deal(world.firm("acme"), Side.BUY, "1")
    house.at(house.CUTOFF, seconds=10)
    jobs.freeze_due()
    jobs.agree_due()
    house.at(house.VALUE_DAY)
    jobs.run_all()
    one = Instruction.objects.get(direction="PAY")
    house.release(one.id, maker=staff["olga"].as_actor(), checker=staff["oscar"].as_actor())
    outside.script(house.place("BTC"), "STUCK")
    jobs.send_released()
    address = f"settlement/payments/{ids.encode('ins', one.id)}/"

    def read(who: str) -> str:
        answer = enter(who).get(f"/desk/{address}")
        assert answer.status_code == 200
        return str(answer.content.decode())

    assert "Replace the transaction" not in read("olga"), "it has only just been sent"
    house.at(house.VALUE_DAY, hours=2)
    assert "stuck" in read("olga") and "Replace the transaction" in read("olga")
    assert "Replace the transaction" not in read("rita")
    fine = {"fee": "0.0003", "reason": "it hangs since nine"}
    for bad in ({"fee": "x"}, {"fee": ""}, {"fee": "9"}, {"reason": ""}):
        assert send(enter("olga"), f"{address}replace/", **(fine | bad)) == 422, bad
    assert send(enter("rita"), f"{address}replace/", **fine) == 403
    assert send(enter("olga"), f"{address}replace/", **fine) == 302
    asked = Approval.objects.get(kind="replacement")
    assert "0.0003" in enter("oscar").get(f"/desk/approvals/{asked.id}/").content.decode()
    decide_approval(approval_id=asked.id, actor=staff["oscar"].as_actor(), approve=True)
    chains.send_replacements()
    assert "it hangs since nine" in read("olga")
    house.at(house.VALUE_DAY, hours=4)
    jobs.run_all()
    assert "On the statement" in read("audrey") and "0.0003" in read("audrey")
    assert db.one("SELECT status FROM settlement_instruction WHERE direction = 'PAY'") == ("SETTLED",)
    assert ids.encode("ins", one.id) in enter("olga").get("/desk/settlement/?status=all").content.decode()
    assert enter("olga").get("/desk/settlement/payments/ins_00000000000000000000000007/").status_code == 404


def test_a_payment_in_parts_shows_each_and_what_has_not_left_is_recalled_from_its_page(enter: Any, staff: dict[str, User]) -> None:
    house.owing(Side.SELL, "2")
    set_limit("fedwire-usd", largest="15000", most=3)
    one = whole()
    house.release(one.id, maker=staff["olga"].as_actor(), checker=staff["oscar"].as_actor())
    address = f"settlement/payments/{ids.encode('ins', one.id)}/"

    def read(who: str, of: str = address) -> str:
        answer = enter(who).get(f"/desk/{of}")
        assert answer.status_code == 200
        return str(answer.content.decode())

    found = parts()
    assert len(found) == 3
    assert all(part.end_to_end_id in read("audrey") for part in found)
    assert one.end_to_end_id in read("audrey", f"settlement/payments/{ids.encode('ins', found[2].id)}/"), "a part names its whole"
    assert "Recall what has not left" in read("olga")
    assert "Recall what has not left" not in read("rita")
    assert send(enter("rita"), f"{address}recall/", reason="wait") == 403
    assert send(enter("olga"), f"{address}recall/", reason="") == 422
    assert send(enter("olga"), f"{address}recall/", reason="wait") == 302
    assert (whole().status, {part.status for part in parts()}) == ("READY", {"CANCELLED"})
    assert one.end_to_end_id in enter("olga").get("/desk/settlement/").content.decode(), "it is asked for again where it was"
