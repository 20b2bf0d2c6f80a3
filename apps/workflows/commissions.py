"""An introducer's commission: a rate in versions by two people, accrued deal by deal, paid out as an adjustment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.clients.models import Account, Counterparty
from apps.core import money
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.events.models import Event
from apps.events.operations import Subscriber
from apps.settlement.errors import BadCommission
from apps.settlement.models import Adjustment, CommissionRate
from apps.settlement.operations import accruing
from apps.settlement.queries import accruing as queries
from apps.settlement.states import AdjustmentKind, CommissionBasis
from apps.users import rules as people

from . import adjust
from .adjust import Wanted

ACT = "commission_rate"
MOST = {CommissionBasis.QUOTE_BPS: Decimal(100), CommissionBasis.MARGIN_SHARE: Decimal(100)}
DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Rate:
    """:param rate: basis points of the quote amount, or percent of the sales margin; zero ends the agreement"""

    introducer: str
    client: str
    account: str
    basis: str
    rate: Decimal
    reason: str


@use_case
def ask_rate(*, actor: Actor, wanted: Rate, now: datetime) -> Approval:
    """Sales ask that an introducer gets a rate of a client's deals from the grant on; finance grant it.

    :raises AppError: RoleMissing, NotFound (no such party or account), BadCommission (`pointer` names the field), ApprovalOpen
    """
    people.require_may(actor.roles, ACT)
    introducer, client, account = _parties(wanted)
    _require_rate(wanted)
    last = queries.find_rate(introducer.id, client.id)
    share = "bp of the quote amount" if wanted.basis == CommissionBasis.QUOTE_BPS else "% of the sales margin"
    return approvals.request(
        kind=ACT,
        subject_type="commission_rate",
        subject_id=client.id,
        subject_version=_version(last),
        title=f"Commission of {introducer.code} on {client.code}: {money.text(wanted.rate)} {share}"[:200],
        payload={
            "introducer": introducer.code,
            "client": client.code,
            "account": account.code,
            "basis": wanted.basis,
            "rate": money.text(wanted.rate),
            "reason": wanted.reason.strip(),
        },
        before={} if last is None else {"basis": last.basis, "rate": money.text(last.rate), "account": last.account.code},
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        now=now,
    )


def version(approval: Approval) -> str:
    """The last version of the rate that a request is about."""
    introducer, client = clients.get_client(approval.payload["introducer"]), clients.get_client(approval.payload["client"])
    return _version(queries.find_rate(introducer.id, client.id))


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> CommissionRate:
    """What an approved request of kind "commission_rate" does."""
    assert checker.id is not None
    asked = approval.payload
    wanted = Rate(asked["introducer"], asked["client"], asked["account"], asked["basis"], Decimal(asked["rate"]), asked["reason"])
    introducer, client, account = _parties(wanted)
    return accruing.set_rate(
        introducer_id=introducer.id,
        client_id=client.id,
        account_id=account.id,
        basis=wanted.basis,
        rate=wanted.rate,
        reason=wanted.reason,
        made_by=approval.maker_id,
        checked_by=checker.id,
        now=now,
    )


@step
def accrue(*, events: Sequence[Event], now: datetime) -> None:
    """Deals made, corrected or cancelled: each version whose client's introducer had a rate books what it adds or takes back, once."""
    so_far: dict[tuple[UUID, UUID], Decimal] = {}
    for one in queries.list_to_accrue({event.subject_id for event in events}):
        deal = (one.trade_id, one.introducer_id)
        before = so_far.get(deal, one.before)
        so_far[deal] = before + accruing.accrue(one=one, before=before, now=now)


ACCRUE = Subscriber(kinds=frozenset({"trade.booked", "trade.corrected", "trade.cancelled"}), handle=accrue, together=True)


@use_case
def ask_payout(*, actor: Actor, account_code: str, asset: str, value_date: date, reason: str, now: datetime) -> tuple[Adjustment, Approval]:
    """Ask that all that is accrued for an introducer's account in one asset be owed on a value date; finance checks it as an adjustment.

    :raises AppError: RoleMissing, NotFound, BadCommission (nothing is accrued), BadAdjustment
    """
    people.require_may(actor.roles, adjust.ACT)
    account = clients.get_account_by_code(account_code)
    clients.lock_account(account.id)  # two at once would pay the same accruals
    terms = clients.get_terms(account.id, now)
    amount = queries.unpaid(account.id, terms.entity_id, asset).aggregate(s=Sum("amount"))["s"] or money.ZERO
    if amount <= 0:
        raise BadCommission(f"{money.text(amount)} {asset} is accrued for {account_code}: nothing to pay out", pointer="/asset")
    wanted = Wanted(str(AdjustmentKind.COMMISSION), "PAY", asset, amount, value_date, reason, evidence="what has accrued, deal by deal")
    made, asked = adjust.ask(actor=actor, account=account, wanted=wanted, now=now)
    accruing.claim(adjustment=made, expected=amount)
    return made, asked


def _parties(wanted: Rate) -> tuple[Counterparty, Counterparty, Account]:
    introducer, client = clients.get_client(wanted.introducer), clients.get_client(wanted.client)
    account = clients.get_account_by_code(wanted.account)
    if "INTRODUCER" not in introducer.roles:
        raise BadCommission(f"{introducer.code} is no introducer", pointer="/introducer")
    if "CLIENT" not in client.roles or client.id == introducer.id:
        raise BadCommission(f"{client.code} is no client that it could introduce", pointer="/client")
    if account.owner_id != introducer.id:
        raise BadCommission(f"{account.code} is not an account of {introducer.code}", pointer="/account")
    return introducer, client, account


def _require_rate(wanted: Rate) -> None:
    if wanted.basis not in set(CommissionBasis):
        raise BadCommission(f"one of {', '.join(CommissionBasis)}", pointer="/basis")
    most = MOST[CommissionBasis(wanted.basis)]
    if not wanted.rate.is_finite() or not 0 <= wanted.rate <= most or money.scale_of(wanted.rate) > DECIMALS:
        raise BadCommission(f"zero to {most}, with up to {DECIMALS} decimals", pointer="/rate")
    if not wanted.reason.strip() or len(wanted.reason.strip()) > 200:
        raise BadCommission("say where it was agreed, in up to 200 characters", pointer="/reason")


def _version(last: CommissionRate | None) -> str:
    return "none" if last is None else str(last.version)
