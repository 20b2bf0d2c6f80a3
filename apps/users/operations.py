"""Roles as groups; members of staff."""

from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from .errors import RolesApart
from .models import User
from .rules import ROLES


def seed_reference() -> None:
    """Make the group of every role."""
    for role in ROLES:
        Group.objects.get_or_create(name=role)


def create_staff(
    *, username: str, name: str, roles: Iterable[str], password: str | None, superuser: bool = False, encoded: str = ""
) -> User:
    """Make (or bring up to date) a member of staff with exactly these roles.

    :param password: None: nobody can sign in until one is set
    :param encoded: in place of a password, one that is hashed already (a dozen demo logins share one)
    :raises RolesApart: the roles must not be held by one person
    """
    first, _, last = name.partition(" ")
    user, _ = User.objects.update_or_create(
        username=username,
        defaults={
            "first_name": first,
            "last_name": last,
            "is_staff": True,
            "is_active": True,
            "is_superuser": superuser,
            "email": f"{username}@flowdesk.example",
        },
    )
    if encoded:
        user.password = encoded
    else:
        user.set_password(password)
    user.save(update_fields=["password"])
    try:
        with transaction.atomic():
            user.groups.set(Group.objects.filter(name__in=list(roles)))
    except IntegrityError as no:
        raise RolesApart(f"{username}: {', '.join(roles)}") from no
    return user
