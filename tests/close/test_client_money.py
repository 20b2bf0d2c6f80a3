"""Safeguarded money that is not covered: told at the posting that made it so, once, somebody's, and over when it is covered."""

from decimal import Decimal as D
from typing import Any

import pytest
from django.test import Client

from apps.close.errors import ReasonMissing
from apps.close.models import Shortfall
from apps.core import clock, db
from apps.core.errors import IllegalMove
from apps.jobs import credit as credit_jobs
from apps.jobs import settlement as jobs
from apps.settlement import queries as settlement
from apps.settlement.rails import get_rail, outside
from apps.users.errors import RoleMissing
from apps.users.models import User
from apps.workflows.send_payment import begin_sending, record_answer
from apps.workflows.transfer_balance import approve_withdrawal, request_withdrawal
from apps.workflows.watch_client_money import take
from tests import world
from tests.deals import person
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
WALLET = here.Instruction("bitcoin-btc", "BTC", "bc1qdorado")


@pytest.fixture
def dorado() -> world.Firm:
    """A safeguarded client with three bitcoin on our wallet for client money; one more is on its way out."""
    here.open_house("BTC")
    here.open_client_money(asset="BTC")
    firm = world.firm("dorado", mode="PREFUNDED", safeguarded=True, members=here.THREE_PEOPLE, instructions=(WALLET,))
    pay_in(D(4), "CLIENT")
    return firm


def pay_in(amount: D, designation: str) -> None:
    here.pay_in("BTC", amount, name="Dorado Capital", address="bc1qdorado", designation=designation)
    here.at(clock.desk_now(), hours=1)
    jobs.poll_rails()
    jobs.match_receipts()


def charge(amount: str) -> None:
    """A line of the wallet's own statement that nobody has agreed to."""
    ours = settlement.list_nostros().get(asset_id="BTC", designation="CLIENT")
    place = next(jobs.place_of(one) for one in settlement.list_places() if one.nostro_id == ours.id)
    outside.change(place, lambda doc: outside.add(doc, at=clock.desk_now(), kind="CHARGE", amount=f"-{amount}"))
    here.at(clock.desk_now(), minutes=1)
    jobs.poll_rails()


def told() -> list[tuple[str, Any]]:
    rows = db.run("SELECT kind, house FROM events_event WHERE kind LIKE 'client_money.%' ORDER BY position")
    return [(kind.removeprefix("client_money."), db.loads(house)["amount"]) for kind, house in rows]


def test_a_breach_is_told_once_with_its_amount_is_taken_and_ends_when_it_is_covered(dorado: world.Firm, client: Client) -> None:
    assert told() == []
    charge("0.5")
    assert told() == [("short", "0.5")], "by the transaction that read the line"
    charge("0.25")
    assert credit_jobs.watch_cover() == 1
    assert told() == [("short", "0.5")], "once a breach"
    row = Shortfall.objects.get()
    assert (row.asset_code, row.owed, row.kept, row.worst, row.status, row.owner_name) == ("BTC", D(4), D("3.25"), D("0.75"), "OPEN", "")
    with pytest.raises(RoleMissing):
        take(actor=person("olga", "operations"), shortfall_id=row.id, words="mine")
    with pytest.raises(ReasonMissing):
        take(actor=person("carl", "compliance"), shortfall_id=row.id, words=" ")
    take(actor=person("carl", "compliance"), shortfall_id=row.id, words="the house makes it good today")
    client.force_login(_user("carl"), backend="django.contrib.auth.backends.ModelBackend")
    page = client.get("/desk/treasury/").content.decode()
    assert "not covered" in page
    assert "the house makes it good today" in page
    here.fund(settlement.list_nostros().get(asset_id="BTC", designation="CLIENT").id, D("0.75"), "made good by the house")
    assert credit_jobs.watch_cover() == 0
    assert told()[-1] == ("covered", "0")
    row.refresh_from_db()
    assert (row.status, row.worst, row.ended_at is not None) == ("COVERED", D("0.75"), True)
    with pytest.raises(IllegalMove):
        take(actor=person("carl", "compliance"), shortfall_id=row.id, words="again")
    here.take_client_money(asset="BTC", amount=D("0.1"))  # no line, no payment: the sweep finds it
    assert credit_jobs.watch_cover() == 1
    assert [kind for kind, _ in told()] == ["short", "taken", "covered", "short"]
    assert Shortfall.objects.count() == 2


def test_a_breach_is_found_right_after_a_sent_payment(dorado: world.Firm) -> None:
    asked = request_withdrawal(actor=dorado.treasury, account_id=dorado.account.id, asset="BTC", amount=D(1), client_reference="w1")
    approve_withdrawal(actor=world.actor_of(dorado.account, "Controller"), withdrawal_id=asked.id)
    jobs.instruct_due()
    jobs.review_queue()
    (ready,) = here.ready()
    assert here.release(ready.id) == "EXECUTED"
    payment = begin_sending(instruction_id=ready.id)
    assert payment is not None
    here.take_client_money(asset="BTC", amount=D("0.5"))  # after the gate has looked for the last time
    assert told() == []
    rail, place = get_rail(ready.nostro.rail_id, ready.nostro.rail.kind), here.place("BTC")
    record_answer(instruction_id=ready.id, answer=rail.send(place, payment, now=clock.desk_now()))
    assert told() == [("short", "0.5")]
    assert (Shortfall.objects.get().owed, Shortfall.objects.get().kept) == (D(3), D("2.5")), "what has left covers nothing any more"


def test_money_that_came_to_the_wrong_account_of_ours_covers_nobody(dorado: world.Firm) -> None:
    pay_in(D(2), "HOUSE")
    assert told() == [("short", "2")]


def _user(name: str) -> User:
    found: User = User.objects.get(username=name)
    return found
