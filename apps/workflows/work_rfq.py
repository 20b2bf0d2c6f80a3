"""The desk works a request: picks it up, holds it, gives it back, takes it over, says no. One owner at a time."""

from datetime import datetime
from uuid import UUID

from apps.core.actor import Actor
from apps.core.clock import desk_now
from apps.core.unit import use_case
from apps.rfqs import operations as rfqs
from apps.rfqs import queries as rfq_queries
from apps.rfqs import rules as rfq_rules
from apps.rfqs.models import Rfq
from apps.rfqs.states import RfqStatus
from apps.users.rules import require_may

from . import taking


@use_case
def pick_up(*, actor: Actor, rfq_id: UUID, now: datetime) -> Rfq:
    """RECEIVED → PICKED_UP.

    :raises AppError: RoleMissing, NotFound, RfqOwned, RfqClosed
    """
    _require(actor, rfq_id)
    return rfqs.pick_up(rfq_id=rfq_id, actor=actor, now=now)


@use_case
def take_over(*, actor: Actor, rfq_id: UUID, reason: str, now: datetime) -> Rfq:
    """Become the owner of a request that somebody else works on, with a reason. An open quote stays as it is.

    :raises AppError: RoleMissing, NotFound, NoSuchReason, RfqClosed
    """
    _require(actor, rfq_id)
    rfq_rules.require_words(reason)
    return rfqs.take_over(rfq_id=rfq_id, actor=actor, reason=reason.strip())


@use_case
def hold_rfq(*, actor: Actor, rfq_id: UUID, now: datetime) -> Rfq:
    """PICKED_UP → ON_HOLD; its time runs on.

    :raises AppError: RoleMissing, NotFound, NotYours, RfqClosed
    """
    _require(actor, rfq_id)
    return rfqs.hold(rfq_id=rfq_id, actor=actor)


@use_case
def resume_rfq(*, actor: Actor, rfq_id: UUID, now: datetime) -> Rfq:
    """ON_HOLD → PICKED_UP.

    :raises AppError: RoleMissing, NotFound, NotYours, RfqClosed
    """
    _require(actor, rfq_id)
    return rfqs.resume(rfq_id=rfq_id, actor=actor)


@use_case
def release_rfq(*, actor: Actor, rfq_id: UUID, now: datetime) -> Rfq:
    """PICKED_UP → RECEIVED: back to the queue.

    :raises AppError: RoleMissing, NotFound, NotYours, RfqClosed
    """
    _require(actor, rfq_id)
    return rfqs.release(rfq_id=rfq_id, actor=actor)


@use_case
def reject_rfq(*, actor: Actor, rfq_id: UUID, code: str, note: str = "", now: datetime) -> Rfq:
    """The owner says no, with a code of rfqs.rules.REJECTIONS; open quotes are withdrawn, what was reserved goes back.

    :raises AppError: RoleMissing, NotFound, NoSuchReason, NotYours, RfqClosed
    """
    rfq = _require(actor, rfq_id)
    rfq_rules.require_rejection(code, note)
    rfq_queries.close_gates(rfq_id)
    taking.lock_money(mode=rfq.terms.mode, group_id=rfq.client.group_id, client_id=rfq.client_id, account_id=rfq.account_id)
    held = rfq_queries.lock_rfq(rfq_id)
    rfq_rules.require_owner(held.status, held.owner_id, actor.id)
    at = desk_now()
    taking.give_back(rfq_id=rfq_id, account_id=rfq.account_id, mode=rfq.terms.mode, now=at)
    return rfqs.end_rfq(rfq_id=rfq_id, status=RfqStatus.REJECTED, reason=code, note=note.strip(), now=at)


def _require(actor: Actor, rfq_id: UUID) -> Rfq:
    require_may(actor.roles, "rfq")
    return rfq_queries.get_rfq(rfq_id, actor=actor)
