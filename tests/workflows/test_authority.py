"""Authority is held per account: settlement on one account of a client says nothing on another one of it."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from apps.clients import operations as clients
from apps.clients.errors import NotAnAdmin, NotYourKey
from apps.clients.models import Account, Authority, Member
from apps.clients.operations import Place
from apps.core import ids
from apps.core.actor import Actor
from apps.core.errors import AppError, NotFound
from apps.core.unit import use_case
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.errors import NotAllowed
from apps.settlement.models import NetSet, Withdrawal
from apps.trades.errors import NoWord
from apps.workflows.allocate_deal import allocate_trade
from apps.workflows.ask_for_keys import ask_for_key
from apps.workflows.close_member import close_member
from apps.workflows.confirm_deal import affirm_trade, dispute_trade
from apps.workflows.propose_ssi import approve_ssi, propose_ssi, revoke_own_ssi
from apps.workflows.settle_net_set import agree_net_set, dispute_net_set
from apps.workflows.sharing import Share
from apps.workflows.transfer_balance import announce_deposit, approve_withdrawal, cancel_deposit, cancel_withdrawal, request_withdrawal
from tests import world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
EUR = {"rail": "target-eur", "asset": "EUR", "address": "DE02120300000000202051", "bic": "BYLADEM1001"}
USD = {"asset": "USD", "amount": D(10)}
KEY: dict[str, Any] = {"public_key": b64encode(bytes(range(32))).decode(), "scopes": ["read"], "cidrs": [], "caps": {}, "days": 30}


@use_case
def _other_account(*, firm: world.Firm, now: Any) -> Account:
    return clients.create_account(owner=firm.account.owner, code="acme-other", name="Other", is_default=False)


@use_case
def _draft(*, firm: world.Firm, now: Any) -> Any:
    return clients.propose_ssi(
        account=firm.account,
        place=Place(EUR["rail"], "BANK", "EUR", EUR["address"], EUR["bic"]),
        member=firm.treasury,
        valid_until=None,
        now=now,
    )


def person(firm: world.Firm, name: str, **roles: list[str]) -> Actor:
    """A member with these roles on each account, with a key that names them all."""
    made = Member.objects.create(id=ids.uuid7(), counterparty_id=firm.client_id, name=f"{firm.account.owner.code} {name}")
    for code, held in roles.items():
        account = Account.objects.get(code=f"acme-{code}")
        Authority.objects.create(id=ids.uuid7(), member=made, account=account, roles=held)
    return world.actor_of(firm.account, name)


def test_two_with_settlement_on_one_account_do_nothing_on_another_where_they_only_look() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    _other_account(firm=acme)
    ann, bob = (person(acme, name, main=["viewer"], other=["settlement", "trader", "admin"]) for name in ("Ann", "Bob"))
    assert ann.roles == {"viewer", "settlement", "trader", "admin"}, "the union of all that it holds"
    main = acme.account.id
    trade, draft = here.deal(acme, Side.BUY, "1"), _draft(firm=acme)
    asked = request_withdrawal(actor=acme.treasury, account_id=main, client_reference="w1", **USD)
    announced = announce_deposit(actor=acme.treasury, account_id=main, **USD)
    shares = [Share(Account.objects.get(code="acme-other").id, D("0.5"))]
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    net_set = NetSet.objects.get()
    line, _ = settlement.net_set_lines(net_set.id)[0]

    def both(no: type[AppError], act: Callable[[Actor], object]) -> None:
        for who in (ann, bob):
            with pytest.raises(no):
                act(who)
        with pytest.raises(NotFound):
            act(replace(ann, account_ids=ann.account_ids - {main}))  # type: ignore[operator]

    place: dict[str, Any] = EUR | {"address": "DE89370400440532013000", "self_hosted": False, "valid_until": None}
    both(NotAllowed, lambda who: propose_ssi(actor=who, account_id=main, **place))
    both(NotAllowed, lambda who: approve_ssi(actor=who, ssi_id=draft.id))
    both(NotAllowed, lambda who: revoke_own_ssi(actor=who, ssi_id=draft.id))
    both(NotAllowed, lambda who: announce_deposit(actor=who, account_id=main, **USD))
    both(NotAllowed, lambda who: cancel_deposit(actor=who, deposit_id=announced.id))
    both(NotAllowed, lambda who: request_withdrawal(actor=who, account_id=main, client_reference="w2", **USD))
    both(NotAllowed, lambda who: approve_withdrawal(actor=who, withdrawal_id=asked.id))
    both(NotAllowed, lambda who: cancel_withdrawal(actor=who, withdrawal_id=asked.id))
    both(NotAllowed, lambda who: agree_net_set(net_set_id=net_set.id, actor=who))
    both(NotAllowed, lambda who: dispute_net_set(net_set_id=net_set.id, actor=who, lines={line.id: "no"}))
    both(NoWord, lambda who: affirm_trade(actor=who, trade_id=trade.id, version=1))
    both(NoWord, lambda who: dispute_trade(actor=who, trade_id=trade.id, version=1, reason="PRICE"))
    both(NoWord, lambda who: allocate_trade(actor=who, trade_id=trade.id, shares=shares))
    for who in (ann, bob):  # an admin of the other account alone
        with pytest.raises(NotAnAdmin):
            close_member(actor=who, member_id=acme.trader.id)
        with pytest.raises(NotYourKey):
            ask_for_key(actor=who, member_id=acme.trader.id, account_ids=(), **KEY)
        with pytest.raises(NotYourKey):
            ask_for_key(actor=who, member_id=None, account_ids=[main], **KEY)
    assert (Withdrawal.objects.get().status, draft.status, NetSet.objects.get().status) == ("REQUESTED", "DRAFT", "FROZEN")


def test_on_their_own_account_they_do() -> None:
    acme = world.firm("acme")
    other = _other_account(firm=acme)
    ann, bob = (person(acme, name, main=["settlement"], other=["viewer"]) for name in ("Ann", "Bob"))
    ssi = propose_ssi(actor=ann, account_id=acme.account.id, **EUR, self_hosted=False, valid_until=None)
    assert approve_ssi(actor=bob, ssi_id=ssi.id).status == "VERIFYING"
    with pytest.raises(NotAllowed):
        propose_ssi(actor=ann, account_id=other.id, **EUR, self_hosted=False, valid_until=None)
