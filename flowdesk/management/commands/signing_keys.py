"""`manage.py signing_keys`: the keys that sign quote receipts; rotate them without a quote that nobody can verify."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.core import jws, signing_keys
from apps.core.jws import BadKeyFile, SigningKey


class Command(BaseCommand):
    help = (
        "Keys of quote receipts. list: all, published and in the file. add: make one and publish its public half; it signs only when it is "
        "the first of the file. use: let a key of the file sign from now on. drop: take a key out of the file; its public half stays "
        "published. publish: publish what the file holds. To rotate: add, wait an hour (clients keep the key set so long), use, drop the "
        "old one; the file is read again by itself. Exit codes: 0 done, 1 the file cannot be used."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["list", "add", "use", "drop", "publish"])
        parser.add_argument(
            "--kid", default="", help="of use and drop: the key's id, or its beginning (--kid=ID: one may begin with a dash)"
        )

    def handle(self, *_args: Any, act: str, kid: str, **_options: Any) -> None:
        path = settings.QUOTE_SIGNING_KEYS
        try:
            if act == "add":
                self._write([*(jws.read_keys(path) if path.exists() else []), jws.new_key()])
            elif act in {"use", "drop"}:
                keys = signing_keys.list_keys()
                one = self._one(keys, kid)
                others = [key for key in keys if key is not one]
                if act == "drop" and one is keys[0]:
                    raise CommandError(f"{one.kid} signs: use another one first")
                self._write([one, *others] if act == "use" else others)
            elif act == "publish":
                signing_keys.publish()
            self._list()
        except BadKeyFile as no:
            raise CommandError(str(no)) from no

    def _write(self, keys: list[SigningKey]) -> None:
        jws.write_keys(settings.QUOTE_SIGNING_KEYS, keys)
        signing_keys.publish()

    def _one(self, keys: list[SigningKey], kid: str) -> SigningKey:
        found = [key for key in keys if kid and key.kid.startswith(kid)]
        if len(found) != 1:
            raise CommandError(f"--kid names {'no' if not found else 'more than one'} key of the file")
        return found[0]

    def _list(self) -> None:
        held = {key.kid: at for at, key in enumerate(signing_keys.list_keys())}
        for kid, _, since in signing_keys.list_published():
            state = {None: "verifies only", 0: "signs"}.get(held.get(kid), "waits")
            self.stdout.write(f"{kid}  published {since:%Y-%m-%d %H:%M} UTC  {state}")
