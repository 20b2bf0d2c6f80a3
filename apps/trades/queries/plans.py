"""Shares planned before the deal, and what a client is told of them."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from apps.core import db, ids, money
from apps.rfqs.queries import stamp
from apps.rfqs.states import OPEN_RFQ
from apps.trades.models import AllocationPlan
from apps.trades.states import PlanStatus


def find_plan(rfq_id: UUID) -> AllocationPlan | None:
    """The last plan of a request, whatever became of it. Who may see the request is asked before."""
    return AllocationPlan.objects.filter(rfq_id=rfq_id).prefetch_related("shares__account").order_by("-number").first()


def list_plans(rfq_id: UUID, limit: int = 100) -> list[AllocationPlan]:
    """Every plan of a request, the last first. Who may see the request is asked before."""
    return list(AllocationPlan.objects.filter(rfq_id=rfq_id).prefetch_related("shares").order_by("-number")[:limit])


def lock_open_plan(rfq_id: UUID) -> AllocationPlan | None:
    """The plan that counts; the caller holds the request's row."""
    return AllocationPlan.objects.select_for_update(no_key=True).filter(rfq_id=rfq_id, status=PlanStatus.PLANNED).first()


def lock_plan(plan_id: UUID) -> AllocationPlan:
    return AllocationPlan.objects.select_for_update(no_key=True, of=("self",)).select_related("rfq").get(id=plan_id)


def next_plan_number(rfq_id: UUID) -> int:
    """The caller holds the request's row."""
    return int(db.one("SELECT coalesce(max(number), 0) + 1 FROM trades_allocationplan WHERE rfq_id = %s", (rfq_id,))[0])


def list_due_plans(but: Collection[tuple[UUID, UUID | None]] = (), limit: int = 200) -> list[tuple[UUID, UUID | None]]:
    """Plans whose request has ended, the oldest first, each with its deal where there is one.

    :param but: what this run has tried already
    """
    rows = db.run(
        """SELECT p.id, t.id FROM trades_allocationplan p JOIN rfqs_rfq r ON r.id = p.rfq_id LEFT JOIN trades_trade t ON t.rfq_id = r.id
           WHERE p.status = 'PLANNED' AND NOT (r.status = ANY (%s)) AND NOT (p.id = ANY (%s::uuid[]))
           ORDER BY p.planned_at, p.id LIMIT %s""",
        ([str(s) for s in OPEN_RFQ], db.array(plan for plan, _ in but), limit),
    )
    return [(plan, trade) for plan, trade in rows]


def describe_plan(plan: AllocationPlan) -> dict[str, Any]:
    """A plan as REST and events tell it."""
    told: dict[str, Any] = {
        "rfq_id": ids.encode("rfq", plan.rfq_id),
        "number": plan.number,
        "status": str(plan.status),
        "planned_at": stamp(plan.planned_at),
        "allocations": [
            {"account_id": ids.encode("acc", one.account_id)}
            | ({"percent": money.text(one.percent)} if one.percent is not None else {"quantity": money.text(one.quantity or money.ZERO)})
            for one in plan.shares.all()
        ],
    }
    if plan.ended_at is not None:
        told["ended_at"] = stamp(plan.ended_at)
    if plan.trade_id is not None:
        told["trade_id"] = ids.encode("trd", plan.trade_id)
    return told | ({"refusal": plan.refusal, "detail": plan.detail} if plan.refusal else {})
