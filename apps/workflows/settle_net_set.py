"""From the cut-off to the payments: freeze, agree, instruct, abort."""

from datetime import date, datetime
from uuid import UUID

from apps.clients import queries as clients
from apps.core.actor import SYSTEM, Actor
from apps.core.unit import use_case
from apps.settlement import queries as settlement
from apps.settlement.errors import NotAllowed, NothingToFreeze
from apps.settlement.models import Instruction, NetSet
from apps.settlement.operations import instructions, net_sets, obligations, settling
from apps.settlement.queries.locks import lock_legs, lock_net_set
from apps.settlement.states import NetLegStatus, NetSetStatus
from apps.users import rules as roles
from apps.users.errors import RoleMissing

SETTLES = frozenset({"settlement", "admin"})  # what a client's member needs


@use_case
def freeze_net_set(*, account_id: UUID, entity_id: UUID, value_date: date, cutoff_at: datetime, now: datetime) -> NetSet | None:
    """Freeze what was booked at or before the cut-off and instruct it; without payment netting on file, each obligation by itself (None).

    :raises NothingToFreeze: there is nothing, or somebody was faster
    """
    account = settling.lock_money(account_id)
    terms = clients.get_terms(account_id, now)
    if not terms.payment_netting:
        if cutoff_at > now:
            raise NothingToFreeze(f"the cut-off is at {cutoff_at.isoformat()}")
        due = obligations.lock_open(account_id=account_id, entity_id=entity_id, value_date=value_date, booked_until=cutoff_at)
        for one in due:
            instructions.instruct_obligation(obligation=one, account=account, now=now)
        return None
    net_set = net_sets.freeze(
        account=account,
        entity_id=entity_id,
        value_date=value_date,
        cutoff_at=cutoff_at,
        silence_agrees=terms.silence_agrees,
        now=now,
    )
    _instruct(net_set, now)
    return net_set


@use_case
def instruct_net_set(*, net_set_id: UUID, now: datetime) -> list[Instruction]:
    """New payments for legs that are open: after a failure, a return."""
    net_set = lock_net_set(net_set_id)
    if net_set.status in {NetSetStatus.ABORTED, NetSetStatus.SETTLED, NetSetStatus.CLOSED_OUT}:
        return []
    return _instruct(net_set, now)


@use_case
def agree_net_set(*, net_set_id: UUID, actor: Actor, now: datetime) -> NetSet:
    """The client agrees; or the system, when `agree_by` has passed and the terms say that silence agrees.

    :raises NotFound: not the client's
    :raises NotAllowed: a member without settlement authority
    :raises IllegalMove: it is past agreeing
    """
    settlement.get_net_set(net_set_id, actor=actor)
    if actor.is_client and not actor.roles & SETTLES:
        raise NotAllowed("settlement authority is needed")
    net_set = lock_net_set(net_set_id)
    if actor == SYSTEM and (net_set.agree_by is None or net_set.agree_by > now or net_set.status != NetSetStatus.FROZEN):
        return net_set
    return net_sets.agree(net_set=net_set)


@use_case
def abort_net_set(*, net_set_id: UUID, actor: Actor, reason: str, now: datetime) -> NetSet:
    """Let the members go; refused once anything was released.

    :raises RoleMissing: not operations
    :raises AlreadySettling: too late
    """
    if not roles.may_make(actor.roles, "release"):
        raise RoleMissing("operations abort a net set")
    settling.lock_money(settlement.get_net_set(net_set_id, actor=actor).account_id)
    return net_sets.abort(net_set_id=net_set_id, reason=reason, now=now)


def _instruct(net_set: NetSet, now: datetime) -> list[Instruction]:
    legs = [leg for leg in lock_legs(net_set.id) if leg.status == NetLegStatus.OPEN and leg.amount]
    return [instructions.instruct_leg(net_set=net_set, leg=leg, now=now) for leg in legs]
