"""What a member may do on one account."""

from collections.abc import Collection
from uuid import UUID

from apps.clients.models import ApiKey, Authority
from apps.core.actor import Actor


def has_role(actor: Actor, account_id: UUID | None, roles: Collection[str]) -> bool:
    """Whether a member of a client holds one of these roles on this very account; what it holds on another one counts for nothing.

    Asked after the object was found for this actor: another client's stays missing.
    """
    if not actor.is_client or actor.id is None or account_id is None:
        return False
    return Authority.objects.filter(member_id=actor.id, account_id=account_id, roles__overlap=list(roles)).exists()


def administers(actor: Actor, account_ids: Collection[UUID]) -> bool:
    """Whether a member of a client is an admin, by this very key, on each of these accounts; of none, on one of its own."""
    if not actor.is_client or actor.id is None:
        return False
    rows = Authority.objects.filter(member_id=actor.id, roles__contains=["admin"], account_id__in=actor.account_ids or ())
    mine = set(rows.values_list("account_id", flat=True))
    return bool(mine) and set(account_ids) <= mine


def list_account_ids(member_id: UUID) -> list[UUID]:
    """The accounts that a member acts on."""
    return list(Authority.objects.filter(member_id=member_id).exclude(roles=[]).values_list("account_id", flat=True))


def administers_key(actor: Actor, key: ApiKey) -> bool:
    """:func:`administers` of every account that a key may use: those that it names, or all of its member."""
    return administers(actor, list(key.accounts.values_list("id", flat=True)) or list_account_ids(key.member_id))
