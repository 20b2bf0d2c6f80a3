"""What a member has asked for and what waits for a second person: it ends with the member, or with the role that it was asked by."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.approvals import operations as approvals
from apps.approvals import queries as open_requests
from apps.clients import queries
from apps.clients.rules import SETTLES
from apps.clients.states import SsiStatus
from apps.core.actor import SYSTEM
from apps.core.unit import step
from apps.settlement import queries as settlement
from apps.settlement.operations import transfers
from apps.settlement.states import WithdrawalStatus

from . import ask_for_keys, manage_keys
from .change_ssi import end

AUTHORITY = "authority"
KEYS = (manage_keys.KIND, ask_for_keys.NEW)  # approvals that an admin of the client asks for


class _AskedMeanwhile(Exception):
    """Between the requests and the member's row."""


@step
def lock_member(member_id: UUID) -> None:
    """What waits of a member's (:func:`withdraw`), then the member's row, then the accounts on which something of it waits for a second
    member (:func:`end_requests`), by id: the order of whoever decides on such a request, and of whatever makes a client stricter.

    For what is asked between the two the row is let go again. Nothing is withdrawn before the row is held: who asks holds it too, and would
    wait for what becomes of a request of the same kind.
    """
    while True:
        waiting = _list_open(member_id)
        for approval_id in waiting:
            open_requests.lock_approval(approval_id)
        try:
            with transaction.atomic():  # a savepoint: going back to it gives the row up
                queries.lock_member(member_id)
                if not {*_list_open(member_id)} <= {*waiting}:
                    raise _AskedMeanwhile
        except _AskedMeanwhile:
            continue
        queries.lock_accounts(_list_accounts(member_id))
        return


def _list_accounts(member_id: UUID) -> set[UUID]:
    """Those on which a withdrawal or a settlement instruction of the member's waits for another one."""
    asked, drafts = settlement.list_requested_by(member_id), queries.list_drafts_of(member_id)
    return {*(one.account_id for one in asked), *(one.account_id for one in drafts)}


@step
def withdraw(*, member_id: UUID, why: str, now: datetime) -> None:
    """Approvals that a member asked for, and those for its keys. The caller came by :func:`lock_member`."""
    for approval_id in _list_open(member_id):
        approvals.withdraw(approval_id=approval_id, comment=why, now=now)


def _list_open(member_id: UUID) -> list[UUID]:
    """What changes the member's authority first: who decides on that holds it, and may withdraw the others (:func:`end_lost`)."""
    keys = [key.id for key in queries.keys_visible_to(SYSTEM).filter(member_id=member_id)]
    found = open_requests.list_open_of(member_id, subject_ids=keys, member_id=member_id)
    return [one.id for one in sorted(found, key=lambda one: (one.kind != AUTHORITY, one.id))]


@step
def end_requests(*, member_id: UUID, why: str, now: datetime, account_id: UUID | None = None) -> None:
    """What waits for a second member, on all accounts or on one. The caller came by :func:`lock_member`."""
    here = _list_accounts(member_id)
    here = here if account_id is None else here & {account_id}
    for withdrawal in settlement.list_requested_by(member_id):
        if withdrawal.account_id in here:
            transfers.cancel(withdrawal_id=withdrawal.id, status=WithdrawalStatus.CANCELLED, now=now)
    for draft in queries.list_drafts_of(member_id):
        if draft.account_id in here:
            end(ssi=queries.lock_ssi(draft.id, actor=SYSTEM), status=SsiStatus.REJECTED, reason=why, now=now)


@step
def end_lost(*, member_id: UUID, account_id: UUID, old: Collection[str], new: Collection[str], now: datetime) -> None:
    """What a member asked for by a role that it had on an account and has no more. The caller came by :func:`lock_member`.

    The successor of its own key needs no role, and stays asked for.
    """
    if SETTLES & set(old) and not SETTLES & set(new):
        end_requests(member_id=member_id, why="the member who asked may not settle here any more", now=now, account_id=account_id)
    if "admin" in old and "admin" not in new:
        for one in open_requests.list_open_by(member_id, KEYS):
            if one.payload.get("member_id") != str(member_id) or one.payload.get("rotates") is None:
                approvals.withdraw(approval_id=one.id, comment="the member who asked is no admin there any more", now=now)
