"""Deposits and withdrawals of a client's balance."""

from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import F, Sum

from apps.clients import queries as clients
from apps.clients.errors import SameMember
from apps.clients.models import Account, Ssi
from apps.clients.states import SsiStatus
from apps.core import db, ids, money
from apps.core.actor import Actor
from apps.core.unit import step
from apps.events import operations as events
from apps.ledger import operations as ledger
from apps.ledger import queries as balances
from apps.ledger.rules import Ref
from apps.ledger.states import Kind
from apps.settlement.errors import DuplicateWithdrawal, NotWithdrawable
from apps.settlement.models import Deposit, Instruction, Obligation, Receipt, Withdrawal
from apps.settlement.queries import describing, views
from apps.settlement.queries.locks import lock_deposit, lock_withdrawal, lock_withdrawals
from apps.settlement.rules.postings import client_ref
from apps.settlement.states import (
    DEPOSIT,
    ENDED_PART,
    WITHDRAWAL,
    DepositStatus,
    InstructionStatus,
    ObligationStatus,
    WithdrawalStatus,
)

from . import instructions

ENDED_SSI = [SsiStatus.REVOKED, SsiStatus.EXPIRED]
DONE = [ObligationStatus.SETTLED, ObligationStatus.CANCELLED, ObligationStatus.CLOSED_OUT]


# --- deposits ---------------------------------------------------------------------------------------------------------
@step
def announce(*, account: Account, asset: str, amount: Decimal, now: datetime) -> Deposit:
    """A client tells what it is going to pay in: EXPECTED."""
    made = Deposit(id=ids.uuid7(), account=account, asset_id=asset, amount=amount, created_at=now)
    db.insert(made)
    _tell_deposit(made, "deposit.announced")
    return made


def find_announced(account_id: UUID, asset: str, amount: Decimal) -> Deposit | None:
    """The oldest announced deposit of exactly this amount."""
    waiting = Deposit.objects.filter(account_id=account_id, asset_id=asset, amount=amount, status=DepositStatus.EXPECTED)
    return waiting.order_by("created_at", "id").first()


@step
def cancel_deposit(*, deposit_id: UUID) -> Deposit:
    """EXPECTED → CANCELLED: it will not come; money that comes all the same is money that nobody announced. The caller holds the account's
    row, as whoever credits it does.

    :raises IllegalMove: it has come, or was cancelled before
    """
    deposit = lock_deposit(deposit_id)
    DEPOSIT.move(deposit, DepositStatus.CANCELLED)
    deposit.save(update_fields=["status"])
    _tell_deposit(deposit, "deposit.cancelled")
    return deposit


@step
def credit_deposit(*, receipt: Receipt, announced: Deposit | None, amount: Decimal, now: datetime) -> Deposit:
    """EXPECTED → CREDITED, out of a CLEARED receipt; one nobody announced is made. The caller posts it."""
    deposit = announced
    if deposit is None:
        deposit = Deposit(id=ids.uuid7(), account=receipt.account, asset_id=receipt.asset_id, amount=amount, created_at=now)
        db.insert(deposit)
    DEPOSIT.move(deposit, DepositStatus.CREDITED)
    deposit.receipt, deposit.credited_at = receipt, now
    deposit.save(update_fields=["status", "receipt", "credited_at"])
    _tell_deposit(deposit, "deposit.credited")
    return deposit


@step
def reverse_deposit(*, receipt: Receipt) -> None:
    """CREDITED → REVERSED: the receipt it came from is taken back by the caller, who posts it; none is fine."""
    deposit = Deposit.objects.select_related("account").filter(receipt=receipt, status=DepositStatus.CREDITED).first()
    if deposit is not None:
        DEPOSIT.move(deposit, DepositStatus.REVERSED)
        deposit.save(update_fields=["status"])
        _tell_deposit(deposit, "deposit.reversed")


def _tell_deposit(deposit: Deposit, kind: str) -> None:
    events.record(
        kind,
        subject_type="deposit",
        subject_id=deposit.id,
        client_id=deposit.account.owner_id,
        account_id=deposit.account_id,
        public=describing.describe_deposit(deposit),
    )


# --- withdrawals ------------------------------------------------------------------------------------------------------
@step
def request(
    *, account: Account, entity_id: UUID, ssi: Ssi, amount: Decimal, client_reference: str, member: Actor, now: datetime
) -> Withdrawal:
    """REQUESTED by one member; nothing is set aside before a second one approves.

    :raises DuplicateWithdrawal: this account used the reference before
    """
    assert member.id is not None
    made = Withdrawal(
        id=ids.uuid7(),
        account=account,
        entity_id=entity_id,
        asset_id=ssi.asset_code,
        ssi=ssi,
        amount=amount,
        client_reference=client_reference,
        requested_by=member.id,
        requested_at=now,
    )
    with db.refuse_on("withdrawal_reference", DuplicateWithdrawal(client_reference)):
        db.insert(made)
    _tell(made, "withdrawal.requested")
    return made


@step
def approve(*, withdrawal_id: UUID, member: Actor, now: datetime) -> Withdrawal:
    """REQUESTED → CLIENT_APPROVED → HELD: the amount is set aside. The caller holds the account's row.

    :raises SameMember: the member who asked
    :raises IllegalMove: it is not waiting for this
    :raises NotWithdrawable: more than is free after what the client has to pay us
    :raises InsufficientBalance: more than is available
    """
    w = lock_withdrawal(withdrawal_id)
    if member.id == w.requested_by:
        raise SameMember("the member who asked cannot approve")
    w.approved_by = member.id
    _move(w, WithdrawalStatus.CLIENT_APPROVED, "approved_by")
    _require_withdrawable(w)
    ledger.hold(ref=_balance(w), amount=w.amount, source_type="withdrawal", source_id=w.id, now=now)
    _move(w, WithdrawalStatus.HELD)
    _tell(w, "withdrawal.approved")
    return w


def _require_withdrawable(w: Withdrawal) -> None:
    """Withdrawable = posted − holds − what the client owes us in this asset (operations.md); holds are checked by the hold itself."""
    owed = Obligation.objects.filter(account_id=w.account_id, asset_id=w.asset_id, direction="RECEIVE").exclude(status__in=DONE)
    due = owed.aggregate(s=Sum(F("amount") - F("settled_amount")))["s"] or money.ZERO
    posted = -balances.get_amount(_balance(w))
    if due and w.amount > posted - due:
        raise NotWithdrawable(f"{money.text(posted)} {w.asset_id}, of which {money.text(due)} has to be paid to us")


@step
def cancel(*, withdrawal_id: UUID, status: WithdrawalStatus, now: datetime, reason: str = "") -> Withdrawal:
    """REQUESTED, CLIENT_APPROVED or HELD → CANCELLED (by the client) or REJECTED (by us); what was set aside is free again.

    So an INSTRUCTED one whose payment is BLOCKED for good, since the place that its client named has ended.

    :param reason: ours, which the client is not told
    :raises IllegalMove: it is on its way
    """
    dead = _lock_dead_payments(withdrawal_id)
    w = lock_withdrawal(withdrawal_id)
    if dead:
        instructions.cancel(instructions=dead, reason=f"the withdrawal is {status.lower()}")
        _move(w, WithdrawalStatus.HELD)
    _move(w, status)
    for source in _hold_sources(w):
        ledger.void_holds(source_id=source, now=now)
    _tell(w, f"withdrawal.{status.lower()}", {"reason": reason} if reason else None)
    return w


def _lock_dead_payments(withdrawal_id: UUID) -> list[Instruction]:
    """Its payments, where nothing will ever open the gate and nothing of it has left: it goes where its client said, or nowhere."""
    rows = Instruction.objects.select_for_update(no_key=True, of=("self",)).filter(withdrawal_id=withdrawal_id)
    live = list(rows.exclude(status__in=ENDED_PART).select_related("ssi").order_by("id"))
    dead = [one for one in live if one.status == InstructionStatus.BLOCKED and one.ssi is not None and one.ssi.status in ENDED_SSI]
    wholes = [one for one in live if one.status == InstructionStatus.SPLIT]
    return [*dead, *wholes] if dead and len(dead) + len(wholes) == len(live) else []


@step
def instruct(*, withdrawal_id: UUID, client_money: bool, due: date, now: datetime) -> Instruction | None:
    """HELD → INSTRUCTED: a payment to the owner's own SSI, as it was when asked for. None when someone was faster."""
    w = lock_withdrawal(withdrawal_id)
    if w.status != WithdrawalStatus.HELD:
        return None
    _move(w, WithdrawalStatus.INSTRUCTED)
    return instructions.instruct_payment(
        target={"withdrawal": w},
        account=w.account,
        nostro=views.get_nostro(w.entity_id, w.asset_id, client_money=client_money),
        amount=w.amount,
        due_date=due,
        ssi=w.ssi,
        now=now,
    )


@step
def use_hold(*, withdrawal_id: UUID, payment: Instruction, now: datetime) -> None:
    """What was set aside is paid out now: the lines that the caller posts take it from the balance.

    Where the payment is a part, the rest stays set aside until the other parts leave.
    """
    w = lock_withdrawal(withdrawal_id)
    held = sum((ledger.post_holds(source_id=source, now=now) for source in _hold_sources(w)), money.ZERO)
    if payment.whole_id is not None and held > payment.amount:
        rest = held - payment.amount
        ledger.hold_again(ref=_balance(w), amount=rest, source_type="instruction", source_id=payment.id, now=now)


@step
def hold_part_again(*, withdrawal_id: UUID, part: Instruction, amount: Decimal, now: datetime) -> None:
    """One part of it failed or came back, for which `part` is the next attempt: what it gave back stays set aside for that.

    The client, who was told that all of it is paid, is told that it is not.
    """
    w = lock_withdrawal(withdrawal_id)
    ledger.hold_again(ref=_balance(w), amount=amount, source_type="instruction", source_id=part.id, now=now)
    if w.status == WithdrawalStatus.SETTLED:
        unsettle(withdrawal_id=withdrawal_id)
        _tell(lock_withdrawal(withdrawal_id), "withdrawal.held")


@step
def settle_withdrawals(*, withdrawal_ids: Collection[UUID], now: datetime) -> None:
    """INSTRUCTED → SETTLED: they are paid. Written together."""
    if not withdrawal_ids:
        return
    found = lock_withdrawals(withdrawal_ids)
    for w in found:
        w.settled_at = now
        WITHDRAWAL.move(w, WithdrawalStatus.SETTLED)
    Withdrawal.objects.filter(id__in=withdrawal_ids).update(status=WithdrawalStatus.SETTLED, settled_at=now)
    owners = clients.list_owned({w.account_id for w in found})
    for w in found:
        _tell(w, "withdrawal.settled", account=owners[w.account_id])


@step
def hold_again(*, withdrawal_id: UUID, after: Instruction, given_back: Decimal, now: datetime) -> None:
    """INSTRUCTED or SETTLED → HELD: the payment failed or came back; it stays set aside for the next attempt.

    :param given_back: what this transaction's reversal returns to the balance; zero where the first hold still stands
    """
    w = lock_withdrawal(withdrawal_id)
    w.settled_at = None
    _move(w, WithdrawalStatus.HELD, "settled_at")
    if given_back:
        ledger.hold_again(ref=_balance(w), amount=w.amount, source_type="instruction", source_id=after.id, now=now)
    _tell(w, "withdrawal.held")


@step
def unsettle(*, withdrawal_id: UUID) -> None:
    """SETTLED → INSTRUCTED: the chain took its payment back, which may still confirm. What was paid out stays out of the balance."""
    w = lock_withdrawal(withdrawal_id)
    w.settled_at = None
    _move(w, WithdrawalStatus.HELD, "settled_at")
    _move(w, WithdrawalStatus.INSTRUCTED)


def _hold_sources(w: Withdrawal) -> list[UUID]:
    """The withdrawal itself, then each attempt after which it was held again."""
    tried = Instruction.objects.filter(withdrawal=w).order_by("id").values_list("id", flat=True)
    return balances.list_holding([w.id, *tried])


def _balance(w: Withdrawal) -> Ref:
    return client_ref(Kind.CLIENT_BALANCE, w.entity_id, w.account_id, w.asset_id)


def _move(w: Withdrawal, status: WithdrawalStatus, *fields: str) -> None:
    WITHDRAWAL.move(w, status)
    w.save(update_fields=["status", *fields])


def _tell(w: Withdrawal, kind: str, house: dict[str, str] | None = None, account: Account | None = None) -> None:
    account = account or clients.get_owned(w.account_id)
    events.record(
        kind,
        subject_type="withdrawal",
        subject_id=w.id,
        client_id=account.owner_id,
        account_id=w.account_id,
        public=describing.describe_withdrawal(w),
        house=house or {},
    )
