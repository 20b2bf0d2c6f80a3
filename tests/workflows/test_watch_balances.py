"""A prefunded deal agreed past the balance is owed, called and restricts its client; it settles when it is paid. Debits are positive."""

from datetime import datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from apps.approvals.errors import ApprovalOpen
from apps.clients import operations as clients
from apps.clients.models import Counterparty
from apps.clients.states import ClientStatus
from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.core.unit import use_case
from apps.credit import queries as credit
from apps.credit.models import ExposureCall
from apps.instruments import queries as instruments
from apps.jobs import credit as credit_jobs
from apps.jobs import settlement as settlement_jobs
from apps.ledger import operations as ledger
from apps.ledger.rules import Ref
from apps.ledger.rules import credit as credited
from apps.ledger.rules import debit as debited
from apps.ledger.states import Kind
from apps.rfqs.states import Channel, Side
from apps.settlement import queries as settlement
from apps.settlement.models import NetSet
from apps.settlement.queries import prefunded as prefunded_deals
from apps.workflows.book_on_behalf import book_on_behalf
from apps.workflows.change_status import propose_status
from apps.workflows.decide_approval import decide_approval
from apps.workflows.manage_credit import propose_withdrawal
from tests import books, deals, lines, people, world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
DESIGNATION = {False: "HOUSE", True: "CLIENT"}


def prefunded(safeguarded: bool, deposit: D) -> world.Firm:
    """A client with so many dollars; of a safeguarded one they lie on an account of ours that holds nothing else."""
    here.open_house("USD", "BTC")
    if safeguarded:
        for asset in ("USD", "BTC"):
            here.open_client_money(asset=asset)
    firm = world.firm("cygnus", mode="PREFUNDED", safeguarded=safeguarded, members=here.THREE_PEOPLE, instructions=here.CYGNUS)
    pay_in(deposit, safeguarded)
    return firm


def pay_in(amount: D, safeguarded: bool) -> None:
    here.pay_in("USD", amount, name="Cygnus Capital", address="021000021-3001", remittance="deposit", designation=DESIGNATION[safeguarded])
    settlement_jobs.run_all()


def agreed(firm: world.Firm, quantity: str = "2") -> Any:
    return book_on_behalf(
        actor=people.staff("sally", "sales"),
        account_id=firm.account.id,
        pair="BTC-USD",
        side=Side.BUY,
        quantity=D(quantity),
        price=D(20_010),
        channel=Channel.VOICE,
        agreed_at=clock.desk_now() - timedelta(minutes=2),
        agreed_by="Ada of Cygnus",
        evidence="line 7, 11:58",
        depth=world.depth(at=clock.desk_now()),
        usd_per_quote=D(1),
    )


def of_client() -> dict[str, D]:
    return {name: amount for name, amount in here.balances().items() if name.split()[0] in {"CLIENT_BALANCE", "RECEIVABLE", "PAYABLE"}}


@pytest.mark.parametrize("safeguarded", [False, True])
def test_a_deal_past_the_balance_is_owed_called_and_settles_when_it_is_paid(safeguarded: bool) -> None:
    firm = prefunded(safeguarded, D(30_000))
    trade, _, agreement, asked = agreed(firm)
    assert (agreement.flags, asked is not None) == (["CREDIT"], True)
    assert of_client() == {"CLIENT_BALANCE USD": D(-30_000), "RECEIVABLE USD": D(40_020), "PAYABLE BTC": D(-2)}, "no overdraft"
    assert settlement.trade_status([trade.id]) == {trade.id: "OPEN"}
    books.proven()
    assert credit_jobs.watch_balances() == 1
    assert credit_jobs.watch_balances() == 0, "once"
    (call,) = ExposureCall.objects.all()
    assert (call.amount, call.currency, call.status, call.client_id) == (D(10_020), "USD", "ISSUED", firm.client_id)
    assert credit.describe_call(call, clock.desk_now())["currency"] == "USD"
    assert Counterparty.objects.get(id=firm.client_id).status == "RESTRICTED"
    books.proven()
    here.at(here.CUTOFF, seconds=10)
    settlement_jobs.run_all()
    assert not NetSet.objects.exists(), "a prefunded deal is no part of a net set"
    assert settlement.list_instructions(SYSTEM).count() == 0
    pay_in(D(10_000), safeguarded)
    assert credit_jobs.watch_balances() == 0, "twenty dollars are missing"
    pay_in(D(20), safeguarded)
    if safeguarded:
        here.fund(settlement.list_nostros().get(asset_id="BTC", designation="CLIENT").id, D(2))  # we deliver what it bought
    assert credit_jobs.watch_balances() == 1
    call.refresh_from_db()
    assert call.status == "MET"
    assert of_client() == {"CLIENT_BALANCE BTC": D(-2)}
    assert settlement.trade_status([trade.id]) == {trade.id: "SETTLED"}
    assert db.one("SELECT count(*) FROM ledger_hold WHERE status = 'PENDING'") == (0,)
    assert db.one("SELECT count(*) FROM events_event WHERE kind = 'trade.settled' AND client_id = %s", (firm.client_id,)) == (1,)
    assert Counterparty.objects.get(id=firm.client_id).status == "RESTRICTED", "until two bring it up"
    books.proven()


def test_a_deal_that_is_never_paid_keeps_none_behind_it_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefunded_deals, "BATCH", 1)
    firm = prefunded(False, D(30_000))
    large, small = agreed(firm, quantity="4")[0], agreed(firm, quantity="2")[0]
    credit_jobs.watch_balances()
    pay_in(D(10_020), False)
    credit_jobs.watch_balances()
    assert settlement.trade_status([large.id, small.id]) == {large.id: "OPEN", small.id: "SETTLED"}


def test_a_deal_that_fits_settles_at_once_as_before() -> None:
    firm = prefunded(False, D(30_000))
    trade, _, agreement, _ = agreed(firm, quantity="1")
    assert agreement.flags == []
    assert settlement.trade_status([trade.id]) == {trade.id: "SETTLED"}
    assert of_client() == {"CLIENT_BALANCE USD": D(-9_990), "CLIENT_BALANCE BTC": D(-1)}
    assert credit_jobs.watch_balances() == 0


@use_case
def take_back(*, firm: world.Firm, amount: D, now: datetime) -> None:
    """A correction: it always posts."""
    entity = instruments.get_entity("flowdesk").id
    ledger.post(
        key=f"back:{amount}", kind="CORRECTION", source_type="test", source_id=firm.account.id, effective_at=now, business_date=now.date(),
        lines=[debited(Ref(entity, Kind.CLIENT_BALANCE, "USD", owner_id=firm.account.id), amount),
               credited(Ref(entity, Kind.CAPITAL, "USD"), amount)],
    )  # fmt: skip


def test_an_overdraft_is_a_receivable_that_is_called_and_never_covered_by_another() -> None:
    firm = prefunded(False, D(30_000))
    take_back(firm=firm, amount=D(30_500))
    assert of_client() == {"CLIENT_BALANCE USD": D(500)}
    assert credit_jobs.watch_balances() == 1
    assert ExposureCall.objects.get().amount == 500
    assert Counterparty.objects.get(id=firm.client_id).status == "RESTRICTED"
    books.proven()
    pay_in(D(500), False)
    credit_jobs.watch_balances()
    assert ExposureCall.objects.get().status == "MET"


def test_two_people_take_a_call_back_and_the_same_shortfall_is_not_called_again() -> None:
    firm = prefunded(False, D(30_000))
    take_back(firm=firm, amount=D(30_500))
    credit_jobs.watch_balances()
    rhea, rolf = lines.risk()
    asked = propose_withdrawal(actor=rhea, call_id=ExposureCall.objects.get().id, reason="written off")
    assert "500 USD" in asked.title
    assert decide_approval(approval_id=asked.id, actor=rolf, approve=True).status == "EXECUTED"
    assert credit_jobs.watch_balances() == 0
    assert [one.status for one in ExposureCall.objects.all()] == ["WITHDRAWN"]
    carl, cora = people.staff("carl", "compliance"), people.staff("cora", "compliance")
    up = propose_status(actor=carl, client_id=firm.client_id, status=ClientStatus.APPROVED, reason="written off")
    assert decide_approval(approval_id=up.id, actor=cora, approve=True).status == "EXECUTED"
    credit_jobs.watch_balances()
    assert Counterparty.objects.get(id=firm.client_id).status == "APPROVED"
    take_back(firm=firm, amount=D(1))
    credit_jobs.watch_balances()
    assert sorted(ExposureCall.objects.values_list("status", "amount")) == [("ISSUED", D(501)), ("WITHDRAWN", D(500))]
    with pytest.raises(ApprovalOpen):
        for _ in range(2):
            propose_withdrawal(actor=rhea, call_id=ExposureCall.objects.get(status="ISSUED").id, reason="x")


def test_of_a_frozen_client_nothing_is_asked() -> None:
    firm = prefunded(False, D(30_000))
    freeze(firm=firm)
    take_back(firm=firm, amount=D(30_500))
    assert credit_jobs.watch_balances() == 0
    assert not ExposureCall.objects.exists()


@use_case
def freeze(*, firm: world.Firm, now: datetime) -> None:
    clients.set_status(thing=Counterparty.objects.get(id=firm.client_id), status=ClientStatus.FROZEN, reason="list")


def test_an_owed_deal_is_corrected_and_cancelled_like_one_on_credit() -> None:
    firm = prefunded(False, D(30_000))
    trade = agreed(firm)[0]
    deals.change(trade, price="20000")
    assert of_client() == {"CLIENT_BALANCE USD": D(-30_000), "RECEIVABLE USD": D(40_000), "PAYABLE BTC": D(-2)}
    books.proven()
    pay_in(D(10_000), False)
    assert credit_jobs.watch_balances() == 1
    assert of_client() == {"CLIENT_BALANCE BTC": D(-2)}
    deals.change(trade, price="19990")
    assert of_client() == {"CLIENT_BALANCE BTC": D(-2), "CLIENT_BALANCE USD": D(-20)}, "settled by now: on the balance at once"
    books.proven()


def test_an_owed_deal_that_is_cancelled_owes_nothing_any_more() -> None:
    firm = prefunded(False, D(30_000))
    trade = agreed(firm)[0]
    credit_jobs.watch_balances()
    deals.change(trade, cancel=True)
    assert of_client() == {"CLIENT_BALANCE USD": D(-30_000)}
    credit_jobs.watch_balances()
    assert ExposureCall.objects.get().status == "MET"
    books.proven()
