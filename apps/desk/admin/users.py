from django.contrib import admin
from django.contrib.auth.models import Group

from apps.users.models import User

from .base import Record

_SEES = frozenset({"admin", "compliance", "auditor"})
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(Record):
    """Staff come and go by workflow, four eyes with compliance; never by a form."""

    roles = _SEES
    hidden = ("password",)
    list_display = ("username", "first_name", "last_name", "held_roles", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "groups")
    search_fields = ("username", "first_name", "last_name", "email")
    list_prefetch_related = ("groups",)

    @admin.display(description="roles")
    def held_roles(self, user: User) -> str:
        return ", ".join(sorted(g.name for g in user.groups.all()))


@admin.register(Group)
class RoleAdmin(Record):
    roles = _SEES
    list_display = ("name",)
