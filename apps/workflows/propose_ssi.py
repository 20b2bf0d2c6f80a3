"""A client's own hands on where it is paid: one member proposes, another approves, any one of them ends it."""

from datetime import datetime
from uuid import UUID

from apps.clients import operations as clients
from apps.clients import queries
from apps.clients.errors import AccountUnavailable, BadSsi
from apps.clients.models import Account, Ssi
from apps.clients.operations import Place
from apps.clients.rules import SETTLES, stricter
from apps.clients.states import ClientStatus, SsiStatus
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.settlement.errors import NotAllowed

from .change_ssi import end

MAY_CHANGE = {ClientStatus.APPROVED, ClientStatus.RESTRICTED, ClientStatus.SUSPENDED}


@use_case
def propose_ssi(
    *,
    actor: Actor,
    account_id: UUID,
    rail: str,
    asset: str,
    address: str,
    bic: str,
    self_hosted: bool,
    valid_until: datetime | None,
    now: datetime,
) -> Ssi:
    """A member names a bank account or wallet of the account's owner; nothing is paid to it before all the others have signed.

    :raises AppError: NotFound, NotAllowed, AccountUnavailable, BadSsi, SsiKnown
    """
    account = _require_authority(actor, account_id)
    found = {one.code: one for one in instruments.list_rails()}.get(rail)
    if found is None or found.asset_id != asset:
        raise BadSsi(f"no rail {rail} for {asset}", pointer="/rail")
    queries.lock_account(account_id)
    place = Place(rail, found.kind, asset, address, bic, self_hosted)
    return clients.propose_ssi(account=account, place=place, member=actor, valid_until=valid_until, now=now)


@use_case
def approve_ssi(*, actor: Actor, ssi_id: UUID, now: datetime) -> Ssi:
    """DRAFT → VERIFYING by another member than the one who proposed it.

    :raises AppError: NotFound, NotAllowed, AccountUnavailable, SameMember, IllegalMove
    """
    _require_authority(actor, queries.get_ssi(ssi_id, actor=actor).account_id)  # the member's row, then the account's
    ssi = queries.lock_ssi(ssi_id, actor=actor)
    clients.approve_ssi(ssi=ssi, member=actor)
    return ssi


@use_case
def revoke_own_ssi(*, actor: Actor, ssi_id: UUID, now: datetime) -> Ssi:
    """One member ends it at once: what was to be paid on it waits; before it was verified it is REJECTED.

    :raises AppError: NotFound, NotAllowed, IllegalMove
    """
    _require_member(actor, queries.get_ssi(ssi_id, actor=actor).account_id)
    ssi = queries.lock_ssi(ssi_id, actor=actor)
    early = ssi.status in {SsiStatus.DRAFT, SsiStatus.VERIFYING}
    end(ssi=ssi, status=SsiStatus.REJECTED if early else SsiStatus.REVOKED, reason=f"by the client's {actor.name}", now=now)
    return ssi


@step
def _require_authority(actor: Actor, account_id: UUID) -> Account:
    account = queries.get_account(account_id, actor=actor)
    _require_member(actor, account_id)
    if stricter(account.owner.status, account.status) not in MAY_CHANGE:
        raise AccountUnavailable("no changes on this account")
    return account


def _require_member(actor: Actor, account_id: UUID) -> None:
    assert actor.id is not None, "a member has a name"
    if not queries.hold_member(actor.id) or not queries.has_role(actor, account_id, SETTLES):
        raise NotAllowed("a member with settlement authority does this")
