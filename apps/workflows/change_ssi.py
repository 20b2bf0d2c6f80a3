"""A settlement instruction comes into use by its time; it goes out of use at once, and what was to be paid on it is BLOCKED with it."""

from datetime import datetime
from uuid import UUID

from apps.clients import operations as clients
from apps.clients import queries
from apps.clients.models import Ssi
from apps.clients.states import SsiStatus
from apps.core import ids
from apps.core.actor import SYSTEM, Actor
from apps.core.errors import Rejected
from apps.core.unit import step, use_case
from apps.settlement.operations import standing
from apps.users import rules as people

STOP = "ssi_stop"  # suspend, revoke, reject: one person, at once


class ReasonMissing(Rejected):
    """Nobody suspends, revokes or rejects a settlement instruction without saying why."""

    code, title = "ssi_reason_missing", "Why it is stopped has to be said"


@use_case
def bring_ssi_up_to_date(*, ssi_id: UUID, now: datetime) -> Ssi | None:
    """APPROVED → ACTIVE when it has cooled off, in place of the one before; EXPIRED when its time is over. None: neither is due."""
    ssi = queries.lock_ssi(ssi_id, actor=SYSTEM)
    if ssi.valid_until is not None and ssi.valid_until <= now and ssi.status in queries.KNOWN:
        end(ssi=ssi, status=SsiStatus.EXPIRED, reason="its time is over", now=now)
        return ssi
    if ssi.status != SsiStatus.APPROVED or ssi.cooling_until is None or ssi.cooling_until > now:
        return None
    before = queries.lock_active_ssi(ssi.account_id, ssi.asset_code)
    if before is not None:
        end(ssi=before, status=SsiStatus.REVOKED, reason=f"replaced by {ids.encode('ssi', ssi.id)}", now=now)
    clients.activate_ssi(ssi=ssi)
    return ssi


@use_case
def suspend_ssi(*, actor: Actor, ssi_id: UUID, reason: str, now: datetime) -> Ssi:
    """ACTIVE → SUSPENDED, by one of operations or compliance and at once.

    :raises AppError: RoleMissing, ReasonMissing, NotFound, IllegalMove
    """
    people.require_may(actor.roles, STOP)
    ssi = queries.lock_ssi(ssi_id, actor=actor)
    clients.suspend_ssi(ssi=ssi, reason=_said(reason))
    standing.block_on_ssi(ssi_id=ssi.id, now=now)
    return ssi


@use_case
def revoke_ssi(*, actor: Actor, ssi_id: UUID, reason: str, now: datetime) -> Ssi:
    """APPROVED, ACTIVE or SUSPENDED → REVOKED, DRAFT or VERIFYING → REJECTED, by one of operations or compliance and at once.

    :raises AppError: RoleMissing, ReasonMissing, NotFound, IllegalMove
    """
    people.require_may(actor.roles, STOP)
    ssi = queries.lock_ssi(ssi_id, actor=actor)
    early = ssi.status in {SsiStatus.DRAFT, SsiStatus.VERIFYING}
    end(ssi=ssi, status=SsiStatus.REJECTED if early else SsiStatus.REVOKED, reason=_said(reason), now=now)
    return ssi


@step
def end(*, ssi: Ssi, status: SsiStatus, reason: str, now: datetime) -> None:
    """→ REJECTED, REVOKED or EXPIRED, with what was to be paid on it.

    :param ssi: locked, after its account's row
    """
    clients.end_ssi(ssi=ssi, status=status, reason=reason, now=now)
    standing.block_on_ssi(ssi_id=ssi.id, now=now)


def _said(reason: str) -> str:
    if not reason.strip():
        raise ReasonMissing("why?")
    return reason[:200]
