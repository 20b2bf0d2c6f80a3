"""The kill switch: thrown by one person at once, lifted only by a second."""

from datetime import datetime
from uuid import UUID

from apps.core.actor import Actor
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.pricing import operations as pricing
from apps.pricing.models import Halt
from apps.users.errors import RoleMissing
from apps.users.rules import may_make


@use_case
def throw_halt(*, actor: Actor, reason: str, now: datetime, pair_code: str = "", client_id: UUID | None = None) -> Halt:
    """Stop all dealing, one pair, or one client: new quotes and every accept received from now on are refused.

    :raises RoleMissing: not for this role
    :raises NotFound: no such pair
    :raises AlreadyHalted: it is stopped already
    """
    if not may_make(actor.roles, "halt_on"):
        raise RoleMissing("the kill switch is for traders, risk and operations")
    if pair_code:
        instruments.get_pair(pair_code)
    return pricing.throw_halt(actor=actor, reason=reason, pair_code=pair_code, client_id=client_id, now=now)


@use_case
def lift_halt(*, actor: Actor, halt_id: UUID, now: datetime) -> Halt:
    """Deal again.

    :raises RoleMissing: not for this role
    :raises NotFound: there is no such halt
    :raises SameHandsLift: the one who threw it
    """
    if not may_make(actor.roles, "halt_off"):
        raise RoleMissing("the kill switch is for traders, risk and operations")
    return pricing.lift_halt(halt_id=halt_id, actor=actor, now=now)
