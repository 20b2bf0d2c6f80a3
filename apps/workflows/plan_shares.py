"""A client says before the deal who shall have which part of it; once it is booked the shares become its allocation."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from apps.core.actor import SYSTEM, Actor
from apps.core.errors import AppError, IllegalMove
from apps.core.unit import step, use_case
from apps.rfqs import queries as rfqs
from apps.rfqs.errors import RfqClosed
from apps.rfqs.models import Rfq
from apps.rfqs.states import OPEN_RFQ
from apps.trades import operations as trades
from apps.trades import queries
from apps.trades.models import AllocationPlan
from apps.trades.states import PlanStatus

from . import allocate_deal, restate_deal, sharing
from .sharing import Share


@use_case
def plan_shares(*, actor: Actor, rfq_id: UUID, shares: Sequence[Share], now: datetime) -> AllocationPlan:
    """The shares of an open request's deal, in place of those named before.

    Of a request for an amount of the quote asset they are percentages: the base quantity is known with the deal.

    :raises AppError: NotFound, NoWord, RfqClosed, BadAllocation (`pointer` names the share)
    """
    return plan(actor=actor, rfq=_lock_open(actor, rfq_id), shares=shares, now=now)


@step
def plan(*, actor: Actor, rfq: Rfq, shares: Sequence[Share], now: datetime) -> AllocationPlan:
    """As :func:`plan_shares`, of a request whose row the caller holds, or has just written.

    :raises AppError: NoWord, BadAllocation
    """
    asked = rfqs.get_rfq(rfq.id, actor=actor)
    sharing.require_authority(actor, asked.account_id)
    block = sharing.Block(asked.client_id, asked.account_id, asked.terms, asked.pair.base, asked.quantity, asked.quantity)
    sharing.read_shares(block, shares, actor, now)
    assert actor.id is not None, "a member has an id"
    return trades.plan_shares(rfq=rfq, shares=[(one.account_id, one.quantity, one.percent) for one in shares], by=actor.id, now=now)


@use_case
def withdraw_plan(*, actor: Actor, rfq_id: UUID, now: datetime) -> AllocationPlan:
    """The client names no shares after all: the request's own account takes the whole deal.

    :raises AppError: NotFound, NoWord, RfqClosed, IllegalMove (nothing is planned)
    """
    rfq = _lock_open(actor, rfq_id)
    plan = queries.lock_open_plan(rfq.id)
    if plan is None:
        raise IllegalMove("nothing is planned")
    return trades.end_plan(plan=plan, rfq=rfq, status=PlanStatus.WITHDRAWN, now=now)


@use_case
def carry_out_plan(*, plan_id: UUID, trade_id: UUID | None, now: datetime) -> AllocationPlan | None:
    """The deal of a request is shared out as it was planned, by the steps of :func:`allocate_deal.allocate_trade`; without a deal the
    plan lapses. None when somebody was faster.

    :raises AppError: NotAllocatable, AccountUnavailable, BadAllocation, AlreadyAllocated, IllegalMove: :func:`refuse_plan` keeps why
    """
    trade = None if trade_id is None else restate_deal.lock_deal(trade_id)
    plan = queries.lock_plan(plan_id)
    if plan.status != PlanStatus.PLANNED:
        return None
    if trade is None:
        return trades.end_plan(plan=plan, rfq=plan.rfq, status=PlanStatus.LAPSED, now=now)
    allocate_deal.require_allocatable(trade)
    shares = [Share(one.account_id, one.quantity, one.percent) for one in plan.shares.all()]
    allocate_deal.share_out(trade=trade, shares=shares, actor=SYSTEM, now=now)
    return trades.end_plan(plan=plan, rfq=plan.rfq, status=PlanStatus.DONE, trade=trade, now=now)


@use_case
def refuse_plan(*, plan_id: UUID, trade_id: UUID, refusal: AppError, now: datetime) -> AllocationPlan | None:
    """The deal's own account keeps all of it, and the client is told why. None when somebody was faster."""
    trade = restate_deal.lock_deal(trade_id)
    plan = queries.lock_plan(plan_id)
    if plan.status != PlanStatus.PLANNED:
        return None
    return trades.end_plan(plan=plan, rfq=plan.rfq, status=PlanStatus.REFUSED, trade=trade, refusal=refusal, now=now)


@step
def _lock_open(actor: Actor, rfq_id: UUID) -> Rfq:
    seen = rfqs.get_rfq(rfq_id, actor=actor)
    sharing.require_authority(actor, seen.account_id)
    rfq = rfqs.lock_rfq(rfq_id)
    if rfq.status not in OPEN_RFQ:
        raise RfqClosed(f"the request is {rfq.status}: what is dealt is shared out at the trade")
    return rfq
