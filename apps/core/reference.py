"""After every migrate, as the owner: rights of the two restricted roles, then the reference rows each app declares."""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

# Tables of the framework whose rows may go; nothing else is ever deleted.
DELETABLE = {
    "django_session",
    "users_user_groups",
    "users_user_user_permissions",
    "auth_group_permissions",
    "axes_accessattempt",
    "core_storedanswer",
}


def seed_all() -> None:
    """Run every function of settings.REFERENCE; each is idempotent."""
    for path in settings.REFERENCE:
        import_string(path)()


def grant_all() -> None:
    """Give app and read their rights, table by table; the owner runs it.

    Nobody else makes temporary tables: one of the name of ours would stand before it in every trigger.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"REVOKE TEMPORARY ON DATABASE {connection.ops.quote_name(connection.settings_dict['NAME'])} FROM PUBLIC")
        cursor.execute("GRANT USAGE ON SCHEMA public TO flowdesk_app, flowdesk_read")
        cursor.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO flowdesk_app, flowdesk_read")
        cursor.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO flowdesk_app")
        for model in apps.get_models(include_auto_created=True):
            table = model._meta.db_table
            if not model._meta.managed or model._meta.proxy:
                continue
            rights = ["INSERT"] + ([] if getattr(model, "append_only", False) else ["UPDATE"]) + (["DELETE"] if table in DELETABLE else [])
            cursor.execute(f'REVOKE ALL ON "{table}" FROM flowdesk_app')
            cursor.execute(f'GRANT SELECT, {", ".join(rights)} ON "{table}" TO flowdesk_app')


def after_migrate(*, plan: Any = None, using: str = "default", **_: Any) -> None:
    if any(backwards for _, backwards in plan or []):
        return
    if "core_deskclock" in connection.introspection.table_names():
        grant_all()
        seed_all()
