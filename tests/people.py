"""Our own people in tests."""

from apps.core.actor import Actor
from apps.users.operations import create_staff


def staff(username: str, *roles: str, superuser: bool = False) -> Actor:
    """A member of staff with exactly these roles, as an actor."""
    made = create_staff(username=username, name=username.title(), roles=roles, password=None, superuser=superuser)
    return made.as_actor()
