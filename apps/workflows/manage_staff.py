"""Our own people: who they are and which roles they hold."""

from collections.abc import Iterable
from datetime import datetime

from apps.core.unit import use_case
from apps.events import operations as events
from apps.users import operations as users
from apps.users.models import User


@use_case
def register_staff(
    *, username: str, name: str, roles: Iterable[str], password: str | None = None, encoded: str = "", now: datetime
) -> User:
    """A member of staff with exactly these roles.

    :param password: None: nobody can sign in until one is set
    :param encoded: in place of a password, one that is hashed already
    :raises RolesApart: the roles must not be held by one person
    """
    held = sorted(roles)
    user = users.create_staff(username=username, name=name, roles=held, password=password, encoded=encoded)
    events.record("staff.registered", subject_type="staff", subject_id=user.id, house={"username": username, "roles": held})
    return user
