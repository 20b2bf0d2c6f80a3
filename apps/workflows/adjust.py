"""What is owed and is no trade: asked by operations or sales, checked by finance, then owed, netted and paid like a deal."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.clients.models import Account, SettlementMode
from apps.core import money
from apps.core.actor import SYSTEM, Actor
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.settlement.errors import BadAdjustment
from apps.settlement.models import Adjustment, Instruction
from apps.settlement.operations import adjusting, settling
from apps.settlement.queries import adjustments as queries
from apps.settlement.queries.locks import Chain, lock_chain
from apps.settlement.rules.adjusting import may_be
from apps.settlement.states import AdjustmentKind, AdjustmentStatus
from apps.trades import queries as trades
from apps.users import rules as people

ACT = "adjustment"
REVERSAL = "adjustment_reversal"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One adjustment as it is asked for; `direction` ours (PAY, RECEIVE), `amount` in units of the asset.

    `writes_off`: our reference of the expected payment whose rest is forgiven, for a write-off that we bear.
    """

    kind: str
    direction: str
    asset: str
    amount: Decimal
    value_date: date
    reason: str
    evidence: str = ""
    trade_id: UUID | None = None
    writes_off: str = ""


@use_case
def ask_adjustment(*, actor: Actor, account_code: str, wanted: Wanted, now: datetime) -> tuple[Adjustment, Approval]:
    """Ask that something be owed; finance answers.

    :raises AppError: RoleMissing, NotFound (no such account or deal), BadAdjustment (`pointer` names the field)
    """
    people.require_may(actor.roles, ACT)
    return ask(actor=actor, account=clients.get_account_by_code(account_code), wanted=wanted, now=now)


@step
def ask(
    *,
    actor: Actor,
    account: Account,
    wanted: Wanted,
    now: datetime,
    is_billed: bool = False,
    adjustment_id: UUID | None = None,
    lives: timedelta = timedelta(days=3),
) -> tuple[Adjustment, Approval]:
    """The request itself, for other stories that end in one.

    :param adjustment_id: of what is asked for once and never again
    :param is_billed: fees that were invoiced, which nobody asks for otherwise
    """
    assert actor.id is not None
    terms = clients.get_terms(account.id, now)
    expected = _require_possible(account, terms.entity_id, wanted, now, is_billed)
    made = adjusting.request(
        account=account,
        entity_id=terms.entity_id,
        kind=wanted.kind,
        direction=wanted.direction,
        asset=wanted.asset,
        amount=wanted.amount,
        value_date=wanted.value_date,
        reason=wanted.reason.strip(),
        evidence=wanted.evidence.strip(),
        trade_id=wanted.trade_id,
        pays=expected,
        made_by=actor.id,
        adjustment_id=adjustment_id,
        now=now,
    )
    verb = "pay" if wanted.direction == "PAY" else "receive"
    approval = approvals.request(
        kind=ACT,
        subject_type="adjustment",
        subject_id=made.id,
        subject_version=str(made.status),
        title=f"{wanted.kind.replace('_', ' ').capitalize()} of {account.code}: we {verb} {money.text(wanted.amount)} {wanted.asset}",
        payload={
            "account": account.code,
            "kind": wanted.kind,
            "we": verb,
            "amount": money.text(wanted.amount),
            "asset": wanted.asset,
            "value_date": wanted.value_date.isoformat(),
            "reason": wanted.reason.strip(),
            "evidence": wanted.evidence.strip(),
            **({"writes_off": wanted.writes_off} if wanted.writes_off else {}),
        },
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        lives=lives,
        now=now,
    )
    return made, approval


def version(approval: Approval) -> str:
    """Locks the account's money, then what a write-off forgives, then the adjustment."""
    _lock(approval)
    (found,) = queries.lock([approval.subject_id])
    return str(found.status)


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request of kind "adjustment" does.

    :raises AppError: BadAdjustment, InsufficientBalance (a prefunded account has less)
    """
    assert checker.id is not None
    chain = _lock(approval)
    (found,) = queries.lock([approval.subject_id])
    mode = clients.get_terms(found.account_id, now).mode
    adjusting.book(adjustment=found, checker=checker.id, prefunded=mode == SettlementMode.PREFUNDED, chain=chain, now=now)


@step
def refused(*, approval: Approval, now: datetime) -> None:
    """REQUESTED → REJECTED, whatever its request ended by."""
    (found,) = queries.lock([approval.subject_id])
    if found.status == AdjustmentStatus.REQUESTED:
        adjusting.reject(adjustment=found, now=now)


@use_case
def ask_reversal(*, actor: Actor, adjustment_id: UUID, reason: str, now: datetime) -> Approval:
    """Ask that an adjustment be undone before it is netted or paid; finance answers.

    :raises AppError: RoleMissing, NotFound, BadAdjustment
    """
    people.require_may(actor.roles, ACT)
    found = queries.get(adjustment_id, actor=actor)
    adjusting.require_reversible(found)
    if found.status != AdjustmentStatus.BOOKED:
        raise BadAdjustment(f"it is {found.status}: adjust the other way", pointer="/status")
    if not reason.strip():
        raise BadAdjustment("say why", pointer="/reason")
    return approvals.request(
        kind=REVERSAL,
        subject_type="adjustment",
        subject_id=found.id,
        subject_version=str(found.status),
        title=f"Reverse {found.kind.replace('_', ' ').lower()} of {found.account.code}: {money.text(found.amount)} {found.asset_id}",
        payload={"reason": reason.strip()},
        before=queries.describe(found),
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        now=now,
    )


@step
def execute_reversal(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request of kind "adjustment_reversal" does.

    :raises AppError: AlreadySettling (it is netted, on its way or settled by now), BadAdjustment
    """
    (found,) = queries.lock([approval.subject_id])
    adjusting.reverse(adjustment=found, reason=approval.payload["reason"], now=now)


def _lock(approval: Approval) -> Chain | None:
    found = queries.get(approval.subject_id, actor=SYSTEM)
    settling.lock_money(account_id=found.account_id)
    return None if found.pays_id is None else lock_chain([found.pays_id])


def _require_possible(account: Account, entity_id: UUID, wanted: Wanted, now: datetime, is_billed: bool) -> Instruction | None:
    """The expected payment that a write-off forgives, where it is one."""
    adjusting.require_chargeable(account.id)
    if not is_billed and not may_be(wanted.kind, wanted.direction):
        raise BadAdjustment(f"{wanted.kind}, {wanted.direction}: not among {', '.join(AdjustmentKind)} in that direction", pointer="/kind")
    asset = {one.code: one for one in instruments.list_assets()}.get(wanted.asset)
    if asset is None:
        raise BadAdjustment(f"no asset {wanted.asset}", pointer="/asset")
    if not wanted.amount.is_finite() or wanted.amount <= 0 or money.scale_of(wanted.amount) > asset.scale:
        raise BadAdjustment(f"above zero, in up to {asset.scale} decimals", pointer="/amount")
    if wanted.amount >= Decimal(10) ** 18:
        raise BadAdjustment("more than can be booked", pointer="/amount")
    if not wanted.reason.strip() or len(wanted.reason.strip()) > 200:
        raise BadAdjustment("say why, in up to 200 characters", pointer="/reason")
    if len(wanted.evidence.strip()) > 200:
        raise BadAdjustment("up to 200 characters", pointer="/evidence")
    entity = instruments.get_entity_by_id(entity_id)
    if wanted.value_date < entity.business_date(now):
        raise BadAdjustment("it has passed", pointer="/value_date")
    if asset.calendar and not instruments.get_calendars().is_good(asset.calendar, wanted.value_date):
        raise BadAdjustment(f"not a good day for {asset.code}", pointer="/value_date")
    if wanted.trade_id is not None and trades.get_trade(wanted.trade_id, actor=SYSTEM).counterparty_id != account.owner_id:
        raise BadAdjustment("not a deal of this counterparty", pointer="/trade")
    is_write_off = wanted.kind == AdjustmentKind.WRITE_OFF and wanted.direction == "PAY"
    if bool(wanted.writes_off) != is_write_off:
        raise BadAdjustment("a write-off names the payment it forgives, by our reference; nothing else does", pointer="/writes_off")
    if not is_write_off:
        return None
    expected = queries.find_expected(wanted.writes_off, account_id=account.id)
    if expected is None or expected.asset_id != wanted.asset or expected.entity_id != entity_id:
        raise BadAdjustment("no payment that this account owes in this asset", pointer="/writes_off")
    if wanted.amount > expected.amount - expected.settled_amount:
        raise BadAdjustment(f"{money.text(expected.amount - expected.settled_amount)} is still expected", pointer="/amount")
    return expected
