"""Agree, abort: what becomes of a set that was frozen at its cut-off."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from apps.core import money
from apps.core.unit import step
from apps.settlement.errors import AlreadySettling
from apps.settlement.models import Instruction, NetSet, Obligation
from apps.settlement.queries.locks import lock_legs, lock_members, lock_net_set
from apps.settlement.states import (
    NET_SET,
    OBLIGATION,
    InstructionStatus,
    NetLegStatus,
    NetSetStatus,
    ObligationStatus,
)

from . import disputes, instructions, settling
from .settling import Dues

CANCELLABLE = {InstructionStatus.DRAFT, InstructionStatus.READY, InstructionStatus.BLOCKED, InstructionStatus.EXPECTED}
ENDED = {InstructionStatus.FAILED, InstructionStatus.RETURNED, InstructionStatus.CANCELLED}


@step
def agree(*, net_set: NetSet, now: datetime) -> NetSet:
    """FROZEN or DISPUTED → AGREED, and nothing of it is disputed any more; a set that the client has begun to pay is agreed by that.

    :param net_set: locked
    :raises IllegalMove: it is aborted, settling or settled
    """
    NET_SET.move(net_set, NetSetStatus.AGREED)
    net_set.save(update_fields=["status"])
    disputes.end(net_set=net_set, outcome="AGREED", now=now)
    settling.tell(net_set=net_set, kind="net_set.agreed")
    return net_set


@step
def abort(*, net_set_id: UUID, reason: str, now: datetime) -> NetSet:
    """Let the members go, for another set; the caller holds the account's money rows.

    :raises AlreadySettling: something was released, sent, received, or a deal of it has settled whole
    :raises IllegalMove: it is settling, settled or aborted
    """
    net_set = lock_net_set(net_set_id)
    legs = lock_legs(net_set_id)
    members = lock_members([leg.id for leg in legs])
    waiting = list(
        Instruction.objects.select_for_update(no_key=True, of=("self",)).filter(net_leg__in=[leg.id for leg in legs]).order_by("id")
    )
    going = [i for i in waiting if i.status in CANCELLABLE]
    if any(i.status not in CANCELLABLE | ENDED for i in waiting):
        raise AlreadySettling("a payment of it has been released or received")
    if _deals_settled(members):
        raise AlreadySettling("a deal of it has settled")
    NET_SET.move(net_set, NetSetStatus.ABORTED)
    net_set.save(update_fields=["status"])
    disputes.end(net_set=net_set, outcome="ABORTED", now=now)
    instructions.cancel(instructions=going, reason=reason)
    for leg in legs:
        if leg.status != NetLegStatus.OPEN:
            mine = [o for o in members if o.net_leg_id == leg.id]
            settling.reopen_leg(dues=Dues(net_set, leg, mine), undone=money.ZERO, now=now)
    for member in members:
        OBLIGATION.move(member, ObligationStatus.OPEN)
        member.net_leg = None
    Obligation.objects.filter(net_leg__net_set=net_set).update(status=ObligationStatus.OPEN, net_leg=None)
    settling.tell(net_set=net_set, kind="net_set.aborted")
    return net_set


@step
def require_abortable(*, net_set_ids: Iterable[UUID]) -> None:
    """:raises AlreadySettling: one is past aborting, something of it was released, sent or received, or a deal of it has settled"""
    for net_set in NetSet.objects.filter(id__in=list(net_set_ids)):
        if not NET_SET.allows(net_set.status, NetSetStatus.ABORTED):
            raise AlreadySettling(f"the set of {net_set.value_date.isoformat()} is {net_set.status}")
        begun = Instruction.objects.filter(net_leg__net_set=net_set).exclude(status__in=[*CANCELLABLE, *ENDED])
        if begun.exists():
            raise AlreadySettling("a payment of it has been released or received")
        if _deals_settled(list(Obligation.objects.filter(net_leg__net_set=net_set))):
            raise AlreadySettling("a deal of it has settled")


def _deals_settled(members: list[Obligation]) -> bool:
    """Whether a deal has both sides settled: its credit has been given back, so it cannot be opened again here."""
    settled = {o.trade_id for o in members if o.status == ObligationStatus.SETTLED and o.trade_id is not None}
    still_open = set(
        Obligation.objects.filter(trade_id__in=settled)
        .exclude(status__in=[ObligationStatus.SETTLED, ObligationStatus.CANCELLED])
        .values_list("trade_id", flat=True)
    )
    return bool(settled - still_open)
