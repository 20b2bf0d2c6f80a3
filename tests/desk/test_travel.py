"""The travel rule's page: exceptions, what is entered for a receipt, where wallets lie, and the report."""

from decimal import Decimal as D
from typing import Any

import pytest

from apps.approvals.models import Approval
from apps.compliance.models import WalletHost
from apps.core import ids
from apps.jobs import settlement as jobs
from apps.settlement.models import Receipt
from apps.users.models import User
from apps.workflows.decide_approval import decide_approval
from tests import world
from tests.desk.forms import send
from tests.settlement import world as house

pytestmark = pytest.mark.django_db(transaction=True)
WALLET = "bc1qacme0000000000000000000000000000000000"


def test_what_lacks_data_is_listed_entered_and_then_credited(enter: Any, staff: dict[str, User]) -> None:
    def read(who: str, address: str = "travel/") -> str:
        answer = enter(who).get(f"/desk/{address}")
        assert answer.status_code == 200
        return str(answer.content.decode())

    assert "No exception" in read("carl")
    assert enter("sam").get("/desk/travel/").status_code == 403
    house.open_house("BTC")
    world.firm("acme")
    house.pay_in("BTC", D(2), name="", address=WALLET)
    house.at(world.NOON, hours=1)
    jobs.poll_rails()
    jobs.match_receipts()
    found = Receipt.objects.get()
    assert "Received without data" in read("carl") and "originator.originatorPersons.0" in read("audrey")
    head, line = read("carl", "travel/exceptions.csv").splitlines()
    assert head.startswith("made_at,direction,reference") and found.rail_reference in line and ",BTC,2" in line
    data = {"name": "Acme Capital", "customer": "C-7", "evidence": "a mail of the client"}
    address = f"travel/receipts/{ids.encode('rcp', found.id)}/"
    for bad in ({"name": ""}, {"customer": ""}, {"evidence": ""}, {"lei": "529900T8BM49AURSDO56"}):
        assert send(enter("carl"), address, **(data | bad)) == 422, bad
    assert send(enter("olga"), address, **data) == 403
    assert send(enter("carl"), address, **data) == 302
    decide_approval(approval_id=Approval.objects.get(kind="travel_data").id, actor=house.staff("cora", "compliance"), approve=True)
    assert (Receipt.objects.get().status, "No exception" in read("carl")) == ("CLEARED", True)
    host = {
        "wallet": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        "vasp_name": "=Vault VASP",
        "vasp_lei": "529900T8BM49AURSDO55",
        "evidence": "its own letter",
    }
    assert send(enter("carl"), "travel/wallets/", **(host | {"vasp_lei": "x"})) == 422
    assert send(enter("carl"), "travel/wallets/", **host) == 302
    assert WalletHost.objects.get().version == 1 and "Vault VASP" in read("carl")
    assert send(enter("carl"), "travel/wallets/", **(host | {"vasp_name": "", "vasp_lei": ""})) == 302
    assert (WalletHost.objects.count(), Approval.objects.get(kind="wallet_host").status) == (1, "REQUESTED")
    assert "Another one of compliance approves it" in read("carl")
