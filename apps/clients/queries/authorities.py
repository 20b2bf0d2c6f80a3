"""What a member may do on one account."""

from collections.abc import Collection
from uuid import UUID

from apps.clients.models import Authority
from apps.core.actor import Actor


def has_role(actor: Actor, account_id: UUID | None, roles: Collection[str]) -> bool:
    """Whether a member of a client holds one of these roles on this very account; what it holds on another one counts for nothing.

    Asked after the object was found for this actor: another client's stays missing.
    """
    if not actor.is_client or actor.id is None or account_id is None:
        return False
    return Authority.objects.filter(member_id=actor.id, account_id=account_id, roles__overlap=list(roles)).exists()
