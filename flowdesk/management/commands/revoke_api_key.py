"""`manage.py revoke_api_key`: end a key at once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.errors import AppError
from apps.workflows.manage_keys import revoke_key


class Command(BaseCommand):
    help = "Revoke an API key: all its requests and sockets are refused from now on. Exit codes: 0 revoked (or was before), 1 no such key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--key-id", required=True, help="as in ak_test_0123456789abcdef")

    def handle(self, *_args: Any, key_id: str, **_options: Any) -> None:
        try:
            key = revoke_key(key_id=key_id)
        except AppError as no:
            raise CommandError(f"{no.code}: {no.detail}") from no
        self.stdout.write(f"{key.key_id} revoked at {key.revoked_at:%Y-%m-%d %H:%M:%S} UTC")
