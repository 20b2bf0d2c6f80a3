"""`manage.py create_api_key`: an Ed25519 pair for a client's member; only its public half goes into the database."""

import contextlib
import errno
import json
import os
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.clients.models import ApiKey
from apps.clients.rules import MAX_KEY_DAYS, SCOPES
from apps.core.errors import AppError
from apps.workflows.manage_keys import create_key, request_key

LOOPBACK = ("127.0.0.0/8", "::1/128")


class Command(BaseCommand):
    help = (
        "Make an API key for a client's member and write {key_id, private_key_pem, client, scopes} to a new file that only its owner can "
        "read. In a demo or sandbox the key has all its scopes at once and may be used from this machine (or --cidr); in production it is "
        "read-only, and compliance is asked to widen it. Exit codes: 0 made, 1 refused, 2 wrong use."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--client", required=True, help="code of the client, as in acme")
        parser.add_argument("--member", help="the member it belongs to, by name (default: the first who may trade)")
        parser.add_argument("--scopes", default="read", help=f"separated by commas, of {','.join(SCOPES)} (default read)")
        parser.add_argument("--out", required=True, type=Path, help="file to write; it must not exist")
        parser.add_argument("--force", action="store_true", help="replace the file if it exists")
        parser.add_argument("--cidr", action="append", help="network it may come from; may be given again (demo, sandbox: loopback)")
        parser.add_argument("--days", type=int, default=MAX_KEY_DAYS, help=f"days until it ends, 1 to {MAX_KEY_DAYS} (default %(default)s)")
        parser.add_argument("--requested-by", help="production: username of the admin who asks for it")

    def handle(
        self,
        *_args: Any,
        client: str,
        member: str | None,
        scopes: str,
        out: Path,
        force: bool,
        cidr: list[str] | None,
        days: int,
        requested_by: str | None,
        **_options: Any,
    ) -> None:
        free = settings.ENVIRONMENT in {"demo", "sandbox"}
        wanted = list(dict.fromkeys(scope.strip() for scope in scopes.split(",") if scope.strip()))
        if not free and not requested_by:
            raise CommandError("--requested-by: name the admin who asks for this key; compliance is asked to widen it", returncode=2)
        private = Ed25519PrivateKey.generate()
        asked: dict[str, Any] = {
            "client": client,
            "member": member,
            "public_key": private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
            "scopes": wanted,
            "cidrs": cidr or (list(LOOPBACK) if free else []),
            "prefix": settings.KEY_PREFIX,
            "days": days,
        }
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        approval = None
        try:
            with _secret_file(out, force=force) as write:

                def hand_over(key: ApiKey) -> None:
                    write({"key_id": key.key_id, "private_key_pem": pem, "client": client, "scopes": key.scopes})

                if free:
                    key = create_key(**asked, hand_over=hand_over)
                else:
                    key, approval = request_key(**asked, requested_by=requested_by, hand_over=hand_over)
        except AppError as no:
            raise CommandError(f"{no.code}: {no.detail}") from no
        except OSError as no:
            raise CommandError(f"--out {out}: {_why(no)}") from no
        self.stdout.write(f"{key.key_id} of {client}: {', '.join(key.scopes)}; until {key.expires_at:%Y-%m-%d}; written to {out}")
        if approval is not None:
            self.stdout.write(f"compliance is asked for {', '.join(wanted)} (approval {approval.id})")


@contextlib.contextmanager
def _secret_file(path: Path, *, force: bool) -> Iterator[Any]:
    """A function that writes the secret to disk before the database commits; no file is left, and none is lost, when that fails.

    With `force` the secret waits beside the file under another name until the commit is done.
    """
    target = path.with_name(f".{path.name}.{os.getpid()}.new") if force else path
    if path.is_dir():
        raise IsADirectoryError(21, os.strerror(21))
    if force and path.exists() and not path.is_file():  # a device or pipe would be replaced by a file, for everybody
        raise OSError(errno.EINVAL, "not an ordinary file")
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)

    def write(content: dict[str, Any]) -> None:
        os.write(handle, (json.dumps(content, indent=2) + "\n").encode())
        os.fsync(handle)

    try:
        os.fchmod(handle, 0o600)
        yield write
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)
    if force:
        try:
            target.replace(path)
        except OSError as no:  # the key is committed: its only private half stays
            raise OSError(no.errno, f"{no.strerror}; the key was made and stands in {target}") from no


def _why(no: OSError) -> str:
    if isinstance(no, FileExistsError):
        return "it exists; --force replaces it"
    return no.strerror or type(no).__name__
