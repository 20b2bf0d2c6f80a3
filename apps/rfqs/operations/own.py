"""A person takes a request, holds it, gives it back: exactly one owner at a time, so two people never price the same one."""

from datetime import datetime
from uuid import UUID

from apps.core.actor import Actor
from apps.core.unit import step
from apps.rfqs import queries, rules
from apps.rfqs.errors import RfqClosed
from apps.rfqs.models import Rfq
from apps.rfqs.states import RFQ, RfqStatus

from .tell import tell


@step
def pick_up(*, rfq_id: UUID, actor: Actor, now: datetime) -> Rfq:
    """RECEIVED → PICKED_UP by its new owner.

    :raises RfqOwned: somebody else has it
    :raises RfqClosed: it has ended, or its time is over, or it is quoted
    """
    rfq = queries.lock_rfq(rfq_id)
    rules.require_free(rfq.status, rfq.owner_id, actor.id, rfq.respond_by, now)
    return _move(rfq, RfqStatus.PICKED_UP, "rfq.picked_up", actor, owner=actor.id)


@step
def take_over(*, rfq_id: UUID, actor: Actor, reason: str) -> Rfq:
    """Another person becomes the owner of a request that somebody works on; its state stays, an open quote too.

    :raises RfqClosed: nobody works on it
    """
    rfq = queries.lock_rfq(rfq_id)
    if rfq.owner_id is None or rfq.status not in {RfqStatus.PICKED_UP, RfqStatus.ON_HOLD, RfqStatus.QUOTED}:
        raise RfqClosed(f"the request is {rfq.status}: nobody works on it")
    before, rfq.owner_id = rfq.owner_id, actor.id
    rfq.save(update_fields=["owner"])
    tell(rfq, "rfq.taken_over", house={"from": str(before), "to": str(actor.id), "reason": reason})
    return rfq


@step
def hold(*, rfq_id: UUID, actor: Actor) -> Rfq:
    """PICKED_UP → ON_HOLD.

    :raises NotYours, RfqClosed
    """
    return _own(rfq_id, actor, RfqStatus.ON_HOLD, "rfq.held")


@step
def resume(*, rfq_id: UUID, actor: Actor) -> Rfq:
    """ON_HOLD → PICKED_UP.

    :raises NotYours, RfqClosed
    """
    rfq = _owned(rfq_id, actor)
    if rfq.status != RfqStatus.ON_HOLD:
        raise RfqClosed(f"the request is {rfq.status}")
    return _move(rfq, RfqStatus.PICKED_UP, "rfq.resumed", actor, owner=actor.id)


@step
def release(*, rfq_id: UUID, actor: Actor) -> Rfq:
    """PICKED_UP → RECEIVED: back to the queue.

    :raises NotYours, RfqClosed
    """
    rfq = _owned(rfq_id, actor)
    if rfq.status != RfqStatus.PICKED_UP:
        raise RfqClosed(f"the request is {rfq.status}")
    return _move(rfq, RfqStatus.RECEIVED, "rfq.released", actor, owner=None)


def _own(rfq_id: UUID, actor: Actor, status: RfqStatus, kind: str) -> Rfq:
    return _move(_owned(rfq_id, actor), status, kind, actor, owner=actor.id)


def _owned(rfq_id: UUID, actor: Actor) -> Rfq:
    rfq = queries.lock_rfq(rfq_id)
    rules.require_owner(rfq.status, rfq.owner_id, actor.id)
    return rfq


def _move(rfq: Rfq, status: RfqStatus, kind: str, actor: Actor, *, owner: UUID | None) -> Rfq:
    if not RFQ.allows(rfq.status, status):
        raise RfqClosed(f"the request is {rfq.status}")
    RFQ.move(rfq, status)
    rfq.owner_id = owner
    rfq.save(update_fields=["status", "owner"])
    tell(rfq, kind, house={"owner": None if owner is None else str(owner), "by": actor.name})
    return rfq
