from collections.abc import Iterable
from uuid import UUID

from apps.core.errors import NotFound

from .models import User


def get_by_username(username: str) -> User:
    """:raises NotFound: no active member of staff of this name"""
    found = User.objects.filter(username=username, is_active=True, is_staff=True).first()
    if found is None:
        raise NotFound(f"no member of staff {username}")
    return found


def names(user_ids: set[UUID]) -> dict[UUID, str]:
    return {u.id: u.get_full_name() or u.username for u in User.objects.filter(id__in=user_ids)}


def list_addresses(roles: Iterable[str], but: UUID | None = None) -> list[str]:
    """Mail addresses of active staff who hold any of these roles, without one person."""
    found = User.objects.filter(groups__name__in=list(roles), is_active=True, is_staff=True).exclude(email="")
    if but is not None:
        found = found.exclude(id=but)
    return sorted(set(found.values_list("email", flat=True)))


def list_with(role: str) -> list[User]:
    """Active staff who hold a role, by username."""
    return list(User.objects.filter(groups__name=role, is_active=True, is_staff=True).order_by("username"))


def count_with(role: str) -> int:
    """Active staff who hold a role."""
    return User.objects.filter(groups__name=role, is_active=True, is_staff=True).count()
