"""Our own people."""

from django.contrib.auth.models import AbstractUser
from django.db import models

from apps.core import ids
from apps.core.actor import Actor


class User(AbstractUser):
    """A member of staff. Roles are Django groups, made by users.operations.seed_reference; the database refuses mixes."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(self.groups.values_list("name", flat=True))

    def as_actor(self) -> Actor:
        return Actor(kind="STAFF", id=self.id, name=self.get_full_name() or self.username, roles=self.roles)
