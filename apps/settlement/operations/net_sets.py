"""Freeze, agree, abort: a set of what nets at one cut-off."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from django.db.models import Max

from apps.clients.models import Account, SettlementMode
from apps.core import db, ids, money
from apps.core.unit import step
from apps.settlement.errors import AlreadySettling, NothingToFreeze
from apps.settlement.models import Instruction, NetLeg, NetSet, Obligation
from apps.settlement.queries import due as queries
from apps.settlement.queries.locks import lock_legs, lock_members, lock_net_set
from apps.settlement.rules import netting
from apps.settlement.states import (
    INSTRUCTION,
    NET_SET,
    OBLIGATION,
    InstructionStatus,
    NetLegStatus,
    NetSetStatus,
    ObligationStatus,
)

from . import disputes, settling
from .settling import Dues

CANCELLABLE = {InstructionStatus.DRAFT, InstructionStatus.READY, InstructionStatus.BLOCKED, InstructionStatus.EXPECTED}
ENDED = {InstructionStatus.FAILED, InstructionStatus.RETURNED, InstructionStatus.CANCELLED}


@step
def freeze(*, account: Account, entity_id: UUID, value_date: date, cutoff_at: datetime, silence_agrees: bool, now: datetime) -> NetSet:
    """Net the OPEN obligations of a value date that were booked at or before the cut-off; a zero leg settles at once.

    :param account: its money rows are held by the caller, its terms have payment netting on file
    :raises NothingToFreeze: the cut-off lies ahead, there is no such obligation, or a set of this cut-off is alive
    """
    if cutoff_at > now:
        raise NothingToFreeze(f"the cut-off is at {cutoff_at.isoformat()}")
    key = {"account": account, "entity_id": entity_id, "value_date": value_date, "cutoff_at": cutoff_at}
    before = NetSet.objects.filter(**key).aggregate(n=Max("attempt"))["n"] or 0
    net_set = NetSet(
        id=ids.uuid7(),
        **key,
        attempt=before + 1,
        agree_by=max(cutoff_at, now) + netting.AGREE_WITHIN if silence_agrees else None,
        frozen_at=now,
    )
    with db.refuse_on("netset_one_alive", NothingToFreeze("it is frozen already")):
        db.insert(net_set)
    members = list(
        Obligation.objects.select_for_update(no_key=True, of=("self",))
        .filter(account=account, entity_id=entity_id, value_date=value_date, status=ObligationStatus.OPEN, booked_at__lte=cutoff_at)
        .exclude(trade__terms__mode=SettlementMode.PREFUNDED)  # settled out of the balance
        .exclude(trade__disputes__status="OPEN")
        .filter(queries.let_in(cutoff_at))
        .order_by("id")
    )
    if not members:
        raise NothingToFreeze("no open obligation")
    legs = {}
    for part in netting.net((o.asset_id, o.direction, o.amount) for o in members):
        legs[part.asset] = NetLeg(
            id=ids.uuid7(), net_set=net_set, asset_id=part.asset, direction=part.direction, amount=part.amount, settled_amount=money.ZERO
        )
    db.insert(*legs.values())
    for one in members:
        OBLIGATION.move(one, ObligationStatus.NETTED)
        one.net_leg = legs[one.asset_id]
    Obligation.objects.bulk_update(members, ["status", "net_leg"])
    settling.tell(net_set=net_set, kind="net_set.frozen")
    for leg in legs.values():
        if not leg.amount:
            mine = [o for o in members if o.net_leg_id == leg.id]
            settling.settle_leg(dues=Dues(net_set, leg, mine), now=now)
    return net_set


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
    for one in going:
        INSTRUCTION.move(one, InstructionStatus.CANCELLED)
        one.failure = reason[:120]
        one.save(update_fields=["status", "failure"])
    for leg in legs:
        if leg.status != NetLegStatus.OPEN:
            mine = [o for o in members if o.net_leg_id == leg.id]
            settling.reopen_leg(dues=Dues(net_set, leg, mine), undone=money.ZERO, now=now)
    for member in members:
        OBLIGATION.move(member, ObligationStatus.OPEN)
        member.net_leg = None
    Obligation.objects.bulk_update(members, ["status", "net_leg"])
    settling.tell(net_set=net_set, kind="net_set.aborted")
    return net_set


@step
def require_abortable(*, net_set_ids: Iterable[UUID]) -> None:
    """:raises AlreadySettling: one is past aborting, or something of it was released, sent or received"""
    for net_set in NetSet.objects.filter(id__in=list(net_set_ids)):
        if not NET_SET.allows(net_set.status, NetSetStatus.ABORTED):
            raise AlreadySettling(f"the set of {net_set.value_date.isoformat()} is {net_set.status}")
        begun = Instruction.objects.filter(net_leg__net_set=net_set).exclude(status__in=[*CANCELLABLE, *ENDED])
        if begun.exists():
            raise AlreadySettling("a payment of it has been released or received")


def _deals_settled(members: list[Obligation]) -> bool:
    """Whether a deal has both sides settled: its credit has been given back, so it cannot be opened again here."""
    settled = {o.trade_id for o in members if o.status == ObligationStatus.SETTLED and o.trade_id is not None}
    still_open = set(
        Obligation.objects.filter(trade_id__in=settled)
        .exclude(status__in=[ObligationStatus.SETTLED, ObligationStatus.CANCELLED])
        .values_list("trade_id", flat=True)
    )
    return bool(settled - still_open)
