"""Deposits and withdrawals of a client's own balance."""

from decimal import Decimal as D

import pytest

from apps.clients import operations as clients
from apps.clients.errors import SameMember
from apps.clients.states import ClientStatus
from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.core.errors import IllegalMove, NotFound
from apps.core.unit import use_case
from apps.jobs import settlement as jobs
from apps.ledger import queries as ledger
from apps.ledger.errors import InsufficientBalance
from apps.reports.queries import proofs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.errors import BadAmount, Blocked, DuplicateWithdrawal, NoInstruction, NotAllowed, NotWithdrawable
from apps.settlement.rails import outside
from apps.users.errors import RoleMissing
from apps.workflows.change_ssi import revoke_ssi
from apps.workflows.transfer_balance import announce_deposit, approve_withdrawal, cancel_deposit, cancel_withdrawal, request_withdrawal
from tests import books, world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cygnus() -> world.Firm:
    """A prefunded client with 1,000 dollars."""
    return here.prefunded(D(1000))


def ask(firm: world.Firm, amount: str = "400", reference: str = "w1", **kw):  # type: ignore[no-untyped-def]
    kw = {"actor": firm.treasury, "asset": "USD", **kw}
    return request_withdrawal(account_id=firm.account.id, amount=D(amount), client_reference=reference, **kw)


def controller(firm: world.Firm):  # type: ignore[no-untyped-def]
    return world.actor_of(firm.account, "Controller")


def usd(firm: world.Firm) -> tuple[D, D, D]:
    (one,) = [b for b in ledger.list_client_balances([firm.account.id])[firm.account.id] if b.asset == "USD"]
    return one.posted, one.held, one.available


def send() -> None:
    jobs.instruct_due()
    jobs.review_queue()
    assert here.release(here.only("READY").id) == "EXECUTED"
    jobs.send_released()


def test_a_second_member_approves_and_never_the_one_who_asked(cygnus: world.Firm) -> None:
    asked = ask(cygnus)
    with pytest.raises(SameMember):
        approve_withdrawal(actor=cygnus.treasury, withdrawal_id=asked.id)
    with pytest.raises(NotAllowed):
        approve_withdrawal(actor=cygnus.trader, withdrawal_id=asked.id)
    assert usd(cygnus) == (D(1000), D(0), D(1000))
    assert approve_withdrawal(actor=controller(cygnus), withdrawal_id=asked.id).status == "HELD"
    assert usd(cygnus) == (D(1000), D(400), D(600))
    with pytest.raises(IllegalMove):
        approve_withdrawal(actor=controller(cygnus), withdrawal_id=asked.id)


def test_a_stranger_can_neither_see_nor_approve_it(cygnus: world.Firm) -> None:
    asked = ask(cygnus)
    mallory = world.firm("mallory", members=here.THREE_PEOPLE)
    with pytest.raises(NotFound):
        settlement.get_withdrawal(asked.id, actor=mallory.treasury)
    with pytest.raises(NotFound):
        approve_withdrawal(actor=mallory.treasury, withdrawal_id=asked.id)
    with pytest.raises(NotFound):
        ask(cygnus, actor=mallory.treasury)


@pytest.mark.parametrize(("amount", "asset"), [("0", "USD"), ("-1", "USD"), ("1.001", "USD"), ("1", "DOGE")])
def test_an_amount_that_the_asset_does_not_have_is_refused(cygnus: world.Firm, amount: str, asset: str) -> None:
    with pytest.raises(BadAmount):
        ask(cygnus, amount, asset=asset)
    assert db.one("SELECT count(*) FROM settlement_withdrawal") == (0,)


def test_it_goes_only_to_an_active_instruction_of_the_owner(cygnus: world.Firm) -> None:
    with pytest.raises(NoInstruction):
        ask(cygnus, asset="EUR")


def test_a_reference_is_used_once(cygnus: world.Firm) -> None:
    ask(cygnus)
    with pytest.raises(DuplicateWithdrawal):
        ask(cygnus, "5")


def test_two_withdrawals_cannot_take_the_same_money(cygnus: world.Firm) -> None:
    one, two = ask(cygnus, "700", "w1"), ask(cygnus, "700", "w2")
    approve_withdrawal(actor=controller(cygnus), withdrawal_id=one.id)
    with pytest.raises(InsufficientBalance):
        approve_withdrawal(actor=controller(cygnus), withdrawal_id=two.id)
    assert settlement.get_withdrawal(two.id, actor=SYSTEM).status == "REQUESTED"
    assert usd(cygnus) == (D(1000), D(700), D(300))


def test_what_the_client_owes_us_is_not_withdrawable() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme", members=here.THREE_PEOPLE)
    announce_deposit(actor=acme.treasury, account_id=acme.account.id, asset="USD", amount=D(1000))
    here.pay_in("USD", D(1000), name="Acme Capital", address="021000021-1001")
    jobs.poll_rails()
    jobs.match_receipts()
    here.deal(acme, Side.BUY, "0.049")  # about 980 dollars owed
    with pytest.raises(NotWithdrawable):
        approve_withdrawal(actor=controller(acme), withdrawal_id=ask(acme, "100").id)
    assert approve_withdrawal(actor=controller(acme), withdrawal_id=ask(acme, "10", "w2").id).status == "HELD"


@pytest.mark.parametrize("mode", ["CREDIT", "PREFUNDED"])
def test_money_of_a_deposit_that_was_cancelled_is_money_that_nobody_announced(mode: str) -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme", mode=mode, members=here.THREE_PEOPLE)
    asked = {"actor": acme.treasury, "account_id": acme.account.id, "asset": "USD", "amount": D(1000)}
    first, second = announce_deposit(**asked), announce_deposit(**asked)
    with pytest.raises(NotFound):
        cancel_deposit(actor=world.firm("rival").treasury, deposit_id=first.id)
    assert cancel_deposit(actor=acme.treasury, deposit_id=first.id).status == "CANCELLED"
    with pytest.raises(IllegalMove):
        cancel_deposit(actor=acme.treasury, deposit_id=first.id)
    for _ in range(2):
        here.pay_in("USD", D(1000), name="Acme Capital", address="021000021-1001")
    jobs.poll_rails()
    jobs.match_receipts()
    with pytest.raises(IllegalMove):
        cancel_deposit(actor=acme.treasury, deposit_id=second.id)
    kept = [(one.id in {first.id, second.id}, one.status) for one in settlement.list_deposits(acme.treasury)]
    unannounced = [(False, "CREDITED")] if mode == "PREFUNDED" else []  # an account on credit: a person looks what it is for
    assert sorted(kept) == sorted([(True, "CANCELLED"), (True, "CREDITED"), *unannounced])
    assert sorted(one.status for one in settlement.list_receipts(SYSTEM)) == (
        ["MATCHED", "MATCHED"] if mode == "PREFUNDED" else ["CLEARED", "MATCHED"]
    )
    assert books.seen_by(acme, "deposit").count("deposit.cancelled") == 1


def test_a_cancelled_withdrawal_gives_the_money_back_and_one_on_its_way_is_not_cancelled(cygnus: world.Firm) -> None:
    first, second = ask(cygnus, "300", "w1"), ask(cygnus, "200", "w2")
    for one in (first, second):
        approve_withdrawal(actor=controller(cygnus), withdrawal_id=one.id)
    assert cancel_withdrawal(actor=cygnus.treasury, withdrawal_id=first.id).status == "CANCELLED"
    assert usd(cygnus) == (D(1000), D(200), D(800))
    jobs.instruct_due()
    with pytest.raises(IllegalMove):
        cancel_withdrawal(actor=cygnus.treasury, withdrawal_id=second.id)


@pytest.mark.parametrize("who", ["operations", "client"])
def test_a_withdrawal_to_a_place_that_was_revoked_is_given_up(cygnus: world.Firm, who: str) -> None:
    asked = ask(cygnus)
    approve_withdrawal(actor=controller(cygnus), withdrawal_id=asked.id)
    jobs.instruct_due()
    revoke_ssi(actor=here.staff("carla", "compliance"), ssi_id=asked.ssi_id, reason="the account is closed")
    assert here.only("BLOCKED").withdrawal_id == asked.id
    jobs.review_queue()
    with pytest.raises(RoleMissing):
        cancel_withdrawal(actor=here.staff("sam", "sales"), withdrawal_id=asked.id)
    actor, end = (cygnus.treasury, "CANCELLED") if who == "client" else (here.staff("olga", "operations"), "REJECTED")
    assert cancel_withdrawal(actor=actor, withdrawal_id=asked.id).status == end
    assert (here.only("CANCELLED").failure, usd(cygnus)) == (f"the withdrawal is {end.lower()}", (D(1000), D(0), D(1000)))
    jobs.run_all()
    assert [i.status for i in settlement.list_instructions(SYSTEM)] == ["CANCELLED"]
    with db.snapshot():
        assert [(one.name, one.details) for one in proofs.run() if not one.ok] == []


def test_operations_reject_what_they_will_not_pay(cygnus: world.Firm) -> None:
    asked = ask(cygnus)
    approve_withdrawal(actor=controller(cygnus), withdrawal_id=asked.id)
    assert cancel_withdrawal(actor=here.staff("olga", "operations"), withdrawal_id=asked.id).status == "REJECTED"
    assert usd(cygnus) == (D(1000), D(0), D(1000))


def test_a_returned_withdrawal_is_held_again_and_paid_by_the_next_attempt(cygnus: world.Firm) -> None:
    asked = ask(cygnus)
    approve_withdrawal(actor=controller(cygnus), withdrawal_id=asked.id)
    outside.script(here.place("USD"), "RETURN")
    send()
    assert usd(cygnus) == (D(600), D(0), D(600))
    here.at(world.NOON, minutes=30)
    jobs.poll_rails()
    assert settlement.get_withdrawal(asked.id, actor=SYSTEM).status == "SETTLED"
    here.at(world.NOON, hours=3)
    jobs.poll_rails()
    assert settlement.get_withdrawal(asked.id, actor=SYSTEM).status == "HELD"
    assert usd(cygnus) == (D(1000), D(400), D(600))
    send()
    here.at(world.NOON, hours=4)
    jobs.poll_rails()
    assert settlement.get_withdrawal(asked.id, actor=SYSTEM).status == "SETTLED"
    assert usd(cygnus) == (D(600), D(0), D(600))
    assert here.balances()["NOSTRO USD"] == D(10_000_600)


def test_a_withdrawal_that_comes_back_after_its_deposit_was_recalled_is_held_and_waits_for_risk(cygnus: world.Firm) -> None:
    made = ask(cygnus, "400")
    approve_withdrawal(actor=controller(cygnus), withdrawal_id=made.id)
    outside.script(here.place("USD"), "RETURN")
    send()
    ((deposit,),) = db.run("SELECT rail_reference FROM settlement_receipt")
    outside.reorganise(here.place("USD"), deposit, at=clock.desk_now())
    jobs.poll_rails()
    assert usd(cygnus) == (D(-400), D(0), D(-400))  # overdrawn: the deposit is gone, the payment under way
    here.at(clock.desk_now(), hours=4)
    jobs.poll_rails()
    made.refresh_from_db()
    assert (made.status, usd(cygnus)) == ("HELD", (D(0), D(400), D(-400)))  # the line was read, and the next ones are
    jobs.instruct_due()
    jobs.review_queue()
    with pytest.raises(Blocked) as no:
        here.release(here.only("BLOCKED").id)
    (told,) = no.value.extra["blockers"].values()
    assert "NO_CREDIT" in told
    books.proven()


def test_a_rejected_payment_leaves_the_withdrawal_held(cygnus: world.Firm) -> None:
    asked = ask(cygnus)
    approve_withdrawal(actor=controller(cygnus), withdrawal_id=asked.id)
    outside.script(here.place("USD"), "REJECT")
    send()
    assert settlement.get_withdrawal(asked.id, actor=SYSTEM).status == "HELD"
    assert usd(cygnus) == (D(1000), D(400), D(600))
    send()
    assert usd(cygnus) == (D(600), D(0), D(600))


@use_case
def suspend(*, firm: world.Firm, now) -> None:  # type: ignore[no-untyped-def]
    firm.account.refresh_from_db()
    clients.set_status(thing=firm.account, status=ClientStatus.SUSPENDED, reason="test")


def test_a_suspended_client_withdraws_nothing(cygnus: world.Firm) -> None:
    from apps.clients.errors import AccountUnavailable

    asked = ask(cygnus)
    suspend(firm=cygnus)
    with pytest.raises(AccountUnavailable):
        approve_withdrawal(actor=controller(cygnus), withdrawal_id=asked.id)
    with pytest.raises(AccountUnavailable):
        ask(cygnus, reference="w2")


def test_safeguarded_money_is_never_paid_below_what_is_owed(cygnus: world.Firm) -> None:
    here.open_client_money(asset="BTC")
    firm = world.firm("dorado", mode="PREFUNDED", safeguarded=True, members=here.THREE_PEOPLE,
                      instructions=(here.Instruction("bitcoin-btc", "BTC", "bc1qdorado"),))  # fmt: skip
    here.pay_in("BTC", D(3), name="Dorado Capital", address="bc1qdorado", designation="CLIENT")
    here.at(world.NOON, hours=1)
    jobs.poll_rails()
    jobs.match_receipts()
    asked = ask(firm, "1", asset="BTC")
    approve_withdrawal(actor=controller(firm), withdrawal_id=asked.id)
    jobs.instruct_due()
    payment = here.only("READY")
    assert payment.nostro.designation == "CLIENT"
    here.take_client_money(asset="BTC", amount=D("0.5"))
    jobs.review_queue()
    assert [b["code"] for b in settlement.list_decisions([payment.id])[0].blockers] == ["CLIENT_MONEY_SHORTFALL"]
    here.fund(payment.nostro_id, D("0.5"), "made good by the house")
    jobs.review_queue()
    assert here.only("READY").id == payment.id
