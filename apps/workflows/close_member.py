"""One who leaves a client is closed in one step: the member, every key of theirs, their sockets, and what they had asked for."""

from datetime import datetime
from uuid import UUID

from apps.clients import operations as clients
from apps.clients import queries
from apps.clients.errors import NotAnAdmin
from apps.clients.models import Member
from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.core.unit import use_case
from apps.users import rules as staff

from . import asked_for

CLOSED, WHY = "the member is closed", "the member who proposed it is closed"


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
    asked_for.lock_member(member_id)  # waits for what the member asks for at this moment
    member, ended = clients.close_member(member_id=member_id, now=clock.wall_now())
    asked_for.withdraw(member_id=member_id, why=CLOSED, now=now)
    asked_for.end_requests(member_id=member_id, why=WHY, now=now)
    for key in ended:
        clients.tell_key(key=key, kind="key.ended")
    return member
