from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CoreConfig(AppConfig):
    name = "apps.core"

    def ready(self) -> None:
        from . import money, reference, signing_keys  # noqa: F401 (its check)

        money.use_exact_context()
        post_migrate.connect(reference.after_migrate, sender=self, dispatch_uid="flowdesk.reference")
