"""One who leaves a client is closed in one step: the member, every key of theirs, their sockets, and what they had asked for."""

from datetime import datetime
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals import queries as open_requests
from apps.clients import operations as clients
from apps.clients import queries
from apps.clients.errors import NotAnAdmin
from apps.clients.models import Member
from apps.clients.states import SsiStatus
from apps.core import clock
from apps.core.actor import SYSTEM, Actor
from apps.core.errors import NotFound
from apps.core.unit import step, use_case
from apps.settlement import queries as settlement
from apps.settlement.operations import transfers
from apps.settlement.states import WithdrawalStatus
from apps.users import rules as staff

from .change_ssi import end

WHY = "the member who proposed it is closed"


@use_case
def close_member(*, actor: Actor, member_id: UUID, now: datetime) -> Member:
    """Close a member at once, without a second person: it only makes stricter. Closed before is fine.

    Sockets go within two seconds, since each looks at its key and member every second. What a member had asked for, and what was asked
    for them, is withdrawn: also the withdrawals and settlement instructions that wait for a second member. Deals that were done bind.

    :raises NotFound: no such member of this client
    :raises NotAnAdmin: a member who is no admin of every account that this one acts on
    :raises RoleMissing: our own people without the right to do it
    """
    if actor.kind == "STAFF":
        staff.require_may(actor.roles, "access_end")
    elif "admin" not in actor.roles:
        raise NotAnAdmin("a member with the role admin closes members")
    if not queries.members_visible_to(actor).filter(id=member_id).exists():
        raise NotFound("no such member")
    if actor.kind != "STAFF" and not queries.administers(actor, queries.list_account_ids(member_id)):
        raise NotAnAdmin("by an admin of every account that the member acts on")
    _withdraw_asked(member_id, now)
    member, ended = clients.close_member(member_id=member_id, now=clock.wall_now())  # waits for what the member asks for at this moment
    _withdraw_asked(member_id, now)
    _end_requests(member_id, now)
    for key in ended:
        clients.tell_key(key=key, kind="key.ended")
    return member


@step
def _withdraw_asked(member_id: UUID, now: datetime) -> None:
    """Approvals that the member asked for, and those for its keys, are withdrawn."""
    keys = [key.id for key in queries.keys_visible_to(SYSTEM).filter(member_id=member_id)]
    for approval_id in open_requests.list_open_of(member_id, subject_ids=keys, member_id=member_id):
        approvals.withdraw(approval_id=approval_id, comment="the member is closed", now=now)


@step
def _end_requests(member_id: UUID, now: datetime) -> None:
    """What waits for a second member ends; the rows of its accounts are locked first, always in the same order."""
    asked, drafts = settlement.list_requested_by(member_id), queries.list_drafts_of(member_id)
    for account_id in sorted({*(one.account_id for one in asked), *(one.account_id for one in drafts)}):
        queries.lock_account(account_id)
    for withdrawal in settlement.list_requested_by(member_id):
        transfers.cancel(withdrawal_id=withdrawal.id, status=WithdrawalStatus.CANCELLED, now=now)
    for draft in queries.list_drafts_of(member_id):
        end(ssi=queries.lock_ssi(draft.id, actor=SYSTEM), status=SsiStatus.REJECTED, reason=WHY, now=now)
