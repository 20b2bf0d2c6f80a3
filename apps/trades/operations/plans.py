"""Shares planned before the deal: said, said anew, taken back, carried out or not."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db, ids
from apps.core.errors import AppError
from apps.core.unit import step
from apps.events import operations as events
from apps.rfqs.models import Rfq
from apps.trades import queries
from apps.trades.models import AllocationPlan, PlannedShare, Trade
from apps.trades.states import PLAN, PlanStatus


@step
def plan_shares(*, rfq: Rfq, shares: Sequence[tuple[UUID, Decimal | None, Decimal | None]], by: UUID, now: datetime) -> AllocationPlan:
    """The plan of an open request, in place of the one before. The caller holds the request's row.

    :param shares: account, base quantity or else percentage of the deal
    """
    before = queries.lock_open_plan(rfq.id)
    if before is not None:
        PLAN.move(before, PlanStatus.REPLACED)
        before.ended_at = now
        before.save(update_fields=["status", "ended_at"])
    made = AllocationPlan(id=ids.uuid7(), rfq_id=rfq.id, number=queries.next_plan_number(rfq.id), planned_by=by, planned_at=now)
    db.insert(made)
    said = enumerate(shares)
    db.insert(*(PlannedShare(id=ids.uuid7(), plan=made, position=n, account_id=a, quantity=q, percent=p) for n, (a, q, p) in said))
    _tell("allocation.planned", made, rfq)
    return made


@step
def end_plan(
    *, plan: AllocationPlan, rfq: Rfq, status: PlanStatus, now: datetime, trade: Trade | None = None, refusal: AppError | None = None
) -> AllocationPlan:
    """PLANNED → WITHDRAWN, LAPSED, or of a deal: DONE, REFUSED. The caller holds the plan's row."""
    PLAN.move(plan, status)
    plan.ended_at, plan.trade = now, trade
    if refusal is not None:
        plan.refusal, plan.detail = refusal.code[:40], refusal.detail[:200]
    plan.save(update_fields=["status", "ended_at", "trade", "refusal", "detail"])
    _tell("allocation.plan_ended", plan, rfq)
    return plan


def _tell(kind: str, plan: AllocationPlan, rfq: Rfq) -> None:
    events.record(
        kind,
        subject_type="rfq",
        subject_id=rfq.id,
        client_id=rfq.client_id,
        account_id=rfq.account_id,
        public=queries.describe_plan(plan),
        house={"plan": plan.number, "status": str(plan.status), "refusal": plan.refusal},
    )
