"""`manage.py rebuild_statistics`: make the sums of dealing again out of the events."""

from typing import Any

from django.core.management.base import BaseCommand

from apps.workflows.count_dealing import rebuild_statistics


class Command(BaseCommand):
    help = "Count every event of dealing anew, in one transaction; what is counted meanwhile waits. Exit code: 0."

    def handle(self, *_args: Any, **_options: Any) -> None:
        self.stdout.write(f"{rebuild_statistics()} hours of clients and pairs counted anew")
