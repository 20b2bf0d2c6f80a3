"""What a member may do on one account."""

from collections.abc import Collection
from uuid import UUID

from apps.clients.models import ApiKey, Authority, Counterparty, Member
from apps.core import db
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


def is_member_named(client_id: UUID, name: str) -> bool:
    """Whether a client has a member of this name, open or closed."""
    return Member.objects.filter(counterparty_id=client_id, name=name).exists()


def is_code_known(code: str) -> bool:
    """Whether a counterparty, in whatever role, has this code."""
    return Counterparty.objects.filter(code=code).exists()


def is_lei_known(lei: str) -> bool:
    """Whether a counterparty, in whatever role, is this legal entity."""
    return Counterparty.objects.filter(lei=lei).exists()


def hold_member(member_id: UUID) -> bool:
    """Keep a member from being closed until the transaction ends; False where that has happened already.

    Who asks for something that ends with the member holds it before, so that the closing sees it, or it sees the closing.
    """
    return bool(db.run("SELECT 1 FROM clients_member WHERE id = %s AND closed_at IS NULL FOR SHARE", (member_id,)))
