"""Who acts for a client."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from apps.clients.models import Authority, Member
from apps.core import db
from apps.core.actor import Actor
from apps.core.errors import NotFound

from .parties import visible_to


def members_visible_to(actor: Actor) -> QuerySet[Member]:
    """The members of one's own client; staff see all."""
    rows = Member.objects.order_by("name")
    if actor.client_id is not None:
        return rows.filter(counterparty_id=actor.client_id)
    return rows if actor.kind in {"STAFF", "SYSTEM"} else rows.none()


def list_authorities_of(member_ids: Iterable[UUID], *, actor: Actor) -> dict[UUID, list[Authority]]:
    """What members may do, on the accounts that the actor may see."""
    out: dict[UUID, list[Authority]] = {}
    rows = Authority.objects.filter(member_id__in=list(member_ids), account__in=visible_to(actor)).exclude(roles=[])
    for row in rows.select_related("account").order_by("account__code"):
        out.setdefault(row.member_id, []).append(row)
    return out


def get_member_by_id(member_id: UUID) -> Member:
    """:raises NotFound: there is none, or it is closed"""
    found = find_open_member(member_id)
    if found is None:
        raise NotFound("no such member")
    return found


def find_open_member(member_id: UUID) -> Member | None:
    """With its counterparty; None where there is none, or it is closed."""
    return Member.objects.select_related("counterparty").filter(id=member_id, closed_at__isnull=True).first()


def get_member_by_pk(member_id: UUID) -> Member:
    return Member.objects.get(id=member_id)


def get_member(counterparty_id: UUID, name: str | None = None) -> Member:
    """By name, or the first one who may trade.

    :raises NotFound: there is none
    """
    members = Member.objects.filter(counterparty_id=counterparty_id, closed_at__isnull=True).order_by("name")
    found = (
        members.filter(name=name).first() if name else (members.filter(authorities__roles__contains=["trader"]).first() or members.first())
    )
    if found is None:
        raise NotFound(f"no member {name or ''} of this client")
    return found


def list_authorities(member_id: UUID) -> QuerySet[Authority]:
    return Authority.objects.filter(member_id=member_id).select_related("account")


def list_authorities_on(account_id: UUID) -> list[Authority]:
    """Everybody who may do something on an account."""
    return list(Authority.objects.filter(account_id=account_id).select_related("member").order_by("id"))


def acts(member: Member) -> bool:
    """Neither closed nor stopped."""
    return member.closed_at is None and member.stopped_at is None


def list_members(client_id: UUID) -> list[Member]:
    """Those of a client who are not closed."""
    return list(Member.objects.filter(counterparty_id=client_id, closed_at__isnull=True).order_by("name"))


def lock_member(member_id: UUID) -> Member:
    """:raises NotFound: no such member"""
    found = Member.objects.select_for_update(no_key=True, of=("self",)).filter(id=member_id).first()
    if found is None:
        raise NotFound("no such member")
    return found


def is_member_named(client_id: UUID, name: str) -> bool:
    """Whether a client has a member of this name, open or closed."""
    return Member.objects.filter(counterparty_id=client_id, name=name).exists()


def hold_member(member_id: UUID) -> bool:
    """Keep a member from being closed or stopped, and its roles as they are, until the transaction ends; False for one who acts no more.

    Who asks for something that ends with the member holds it before, so that the closing sees it, or it sees the closing.
    """
    return bool(db.run("SELECT 1 FROM clients_member WHERE id = %s AND closed_at IS NULL AND stopped_at IS NULL FOR SHARE", (member_id,)))
