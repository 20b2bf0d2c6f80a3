from apps.core.errors import Forbidden, Rejected


class RolesApart(Rejected):
    code, title = "roles_apart", "These roles must not be held by one person"


class RoleMissing(Forbidden):
    """The person's roles do not allow this act."""

    code, title = "role_missing", "Your role does not allow this"
