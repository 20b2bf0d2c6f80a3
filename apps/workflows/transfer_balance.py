"""A client's own money: deposits announced, withdrawals asked for by one member and approved by another."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from apps.clients import queries as clients
from apps.clients import rules as client_rules
from apps.clients.errors import AccountUnavailable
from apps.clients.models import Account
from apps.clients.states import ClientStatus
from apps.core import money
from apps.core.actor import SYSTEM, Actor
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.settlement import queries as settlement
from apps.settlement.errors import BadAmount, NoInstruction, NotAllowed
from apps.settlement.models import Deposit, Instruction, Withdrawal
from apps.settlement.operations import transfers
from apps.settlement.states import WithdrawalStatus
from apps.users import rules as people

MAY_WITHDRAW = {ClientStatus.APPROVED, ClientStatus.RESTRICTED}


@use_case
def announce_deposit(*, actor: Actor, account_id: UUID, asset: str, amount: Decimal, now: datetime) -> Deposit:
    """The client tells what it will pay in, so that it is known when it comes.

    :raises AppError: NotFound, NotAllowed, AccountUnavailable, BadAmount
    """
    account = _require_authority(actor, account_id)
    if clients.is_frozen(account_id):
        raise AccountUnavailable("no deposits on this account")
    _require_amount(asset, amount)
    return transfers.announce(account=account, asset=asset, amount=amount, now=now)


@use_case
def cancel_deposit(*, actor: Actor, deposit_id: UUID, now: datetime) -> Deposit:
    """The client tells that what it announced will not come.

    :raises AppError: NotFound, NotAllowed, IllegalMove: it has come
    """
    found = settlement.get_deposit(deposit_id, actor=actor)
    _require_authority(actor, found.account_id)
    clients.lock_account(found.account_id)
    return transfers.cancel_deposit(deposit_id=deposit_id)


@use_case
def request_withdrawal(*, actor: Actor, account_id: UUID, asset: str, amount: Decimal, client_reference: str, now: datetime) -> Withdrawal:
    """One member asks; to the account's own ACTIVE settlement instruction for this asset and nowhere else.

    :raises AppError: NotFound, NotAllowed, AccountUnavailable, BadAmount, NoInstruction, DuplicateWithdrawal
    """
    account = _require_authority(actor, account_id)
    _require_may_withdraw(account)
    _require_amount(asset, amount)
    ssi = clients.find_active_ssi(account_id, asset)
    if ssi is None:
        raise NoInstruction(asset)
    return transfers.request(
        account=account,
        entity_id=clients.get_terms(account_id, now).entity_id,
        ssi=ssi,
        amount=amount,
        client_reference=client_reference,
        member=actor,
        now=now,
    )


@use_case
def approve_withdrawal(*, actor: Actor, withdrawal_id: UUID, now: datetime) -> Withdrawal:
    """A second member approves, and the amount is held.

    :raises AppError: NotFound, NotAllowed, AccountUnavailable, SameMember, IllegalMove, NotWithdrawable, InsufficientBalance
    """
    found = settlement.get_withdrawal(withdrawal_id, actor=actor)
    account = _require_authority(actor, found.account_id)
    _require_may_withdraw(account)
    clients.lock_account(found.account_id)
    return transfers.approve(withdrawal_id=withdrawal_id, member=actor, now=now)


@use_case
def cancel_withdrawal(*, actor: Actor, withdrawal_id: UUID, reason: str = "", now: datetime) -> Withdrawal:
    """The client takes it back (CANCELLED), or operations refuse it (REJECTED): before it is instructed, or when its payment is BLOCKED
    since the place it should go to was revoked.

    :param reason: of operations, for the record; the client is not told
    :raises AppError: NotFound, NotAllowed, RoleMissing, IllegalMove
    """
    found = settlement.get_withdrawal(withdrawal_id, actor=actor)
    if actor.is_client:
        _require_authority(actor, found.account_id)
    else:
        people.require_may(actor.roles, "release")
    clients.lock_account(found.account_id)
    status = WithdrawalStatus.CANCELLED if actor.is_client else WithdrawalStatus.REJECTED
    return transfers.cancel(withdrawal_id=withdrawal_id, status=status, reason=reason[:200], now=now)


@use_case
def instruct_withdrawal(*, withdrawal_id: UUID, now: datetime) -> Instruction | None:
    """HELD → INSTRUCTED: a payment that waits for its release; None when someone was faster."""
    found = settlement.get_withdrawal(withdrawal_id, actor=SYSTEM)
    clients.lock_account(found.account_id)
    terms = clients.get_terms(found.account_id, now)
    nostro = settlement.get_nostro(found.entity_id, found.asset_id, client_money=terms.safeguarded)
    return transfers.instruct(
        withdrawal_id=withdrawal_id,
        client_money=terms.safeguarded,
        due=now.astimezone(ZoneInfo(nostro.rail.zone)).date(),
        now=now,
    )


@step
def _require_authority(actor: Actor, account_id: UUID) -> Account:
    account = clients.get_account(account_id, actor=actor)
    assert actor.id is not None, "a member has a name"
    if not clients.hold_member(actor.id) or not clients.has_role(actor, account_id, client_rules.SETTLES):
        raise NotAllowed("a member with settlement authority does this")
    return account


@step
def _require_may_withdraw(account: Account) -> None:
    if client_rules.stricter(account.owner.status, account.status) not in MAY_WITHDRAW:
        raise AccountUnavailable("no withdrawals on this account")


@step
def _require_amount(asset: str, amount: Decimal) -> None:
    known = {one.code: one for one in instruments.list_assets()}.get(asset)
    if known is None:
        raise BadAmount(f"no asset {asset}", pointer="/asset")
    if amount <= 0 or money.scale_of(amount) > known.scale:
        raise BadAmount(f"{asset} is paid in up to {known.scale} decimals, more than zero", pointer="/amount")
