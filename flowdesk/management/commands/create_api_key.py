"""`manage.py create_api_key`: an Ed25519 pair for a client's member; only its public half goes into the database."""

import contextlib
import errno
import json
import os
from argparse import ArgumentParser
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.clients.models import ApiKey
from apps.clients.rules import MAX_KEY_DAYS, SCOPES
from apps.core import money
from apps.core.errors import AppError
from apps.workflows.manage_keys import create_key, request_key

LOOPBACK = ("127.0.0.0/8", "::1/128")


class Command(BaseCommand):
    help = (
        "Make an API key for a client's member and write {key_id, private_key_pem, client, scopes} to a new file that only its owner can "
        "read; with --public-key the pair is the client's own, and no private half is made or written. In a demo or sandbox the key has "
        "all its scopes at once and may be used from this machine (or --cidr); in production it is read-only, and compliance is asked to "
        "widen it. Exit codes: 0 made, 1 refused, 2 wrong use."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--client", required=True, help="code of the client, as in acme")
        parser.add_argument("--member", help="the member it belongs to, by name (default: the first who may trade)")
        parser.add_argument("--scopes", default="read", help=f"separated by commas, of {','.join(SCOPES)} (default read)")
        parser.add_argument("--out", type=Path, help="file to write; it must not exist (with --public-key: may be left out)")
        parser.add_argument("--public-key", help="the 32 bytes of the client's own Ed25519 public key, base64")
        parser.add_argument(
            "--account", action="append", default=[], help="code of an account it deals for; may be given again (default: all)"
        )
        parser.add_argument("--cap-pairs", help="it deals only these, separated by commas, as in BTC-USD,ETH-USD")
        parser.add_argument("--cap-deal-usd", help="at most so many USD a deal")
        parser.add_argument("--cap-day-usd", help="at most so many USD a trade date")
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
        out: Path | None,
        public_key: str | None,
        account: list[str],
        cap_pairs: str | None,
        cap_deal_usd: str | None,
        cap_day_usd: str | None,
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
        if out is None and public_key is None:
            raise CommandError("--out: name the file that the private half goes to, or give the client's --public-key", returncode=2)
        public, secret = _pair(public_key)
        asked: dict[str, Any] = {
            "client": client,
            "member": member,
            "public_key": public,
            "scopes": wanted,
            "cidrs": cidr or (list(LOOPBACK) if free else []),
            "prefix": settings.KEY_PREFIX,
            "days": days,
            "caps": _caps(cap_pairs, cap_deal_usd, cap_day_usd),
            "accounts": account,
        }
        approval = None
        try:
            with _secret_file(out, force=force) if out is not None else contextlib.nullcontext(lambda _content: None) as write:

                def hand_over(key: ApiKey) -> None:
                    write({"key_id": key.key_id, **secret, "client": client, "scopes": key.scopes})

                if free:
                    key = create_key(**asked, hand_over=hand_over)
                else:
                    key, approval = request_key(**asked, requested_by=requested_by, hand_over=hand_over)
        except AppError as no:
            raise CommandError(f"{no.code}: {no.detail}") from no
        except OSError as no:
            raise CommandError(f"--out {out}: {_why(no)}") from no
        self.stdout.write(
            f"{key.key_id} of {client}: {', '.join(key.scopes)}; until {key.expires_at:%Y-%m-%d}" + (f"; written to {out}" if out else "")
        )
        if approval is not None:
            self.stdout.write(f"compliance is asked for {', '.join(wanted)} (approval {approval.id})")


def _pair(public_key: str | None) -> tuple[bytes, dict[str, str]]:
    """The public half, and what of the private one is written: nothing where the pair is the client's own."""
    if public_key is None:
        private = Ed25519PrivateKey.generate()
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), {"private_key_pem": pem}
    try:
        raw = b64decode(public_key, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise CommandError("--public-key: the 32 bytes of an Ed25519 public key in base64", returncode=2)
    return raw, {}


def _caps(pairs: str | None, deal_usd: str | None, day_usd: str | None) -> dict[str, Any]:
    caps: dict[str, Any] = {} if pairs is None else {"pairs": [pair.strip() for pair in pairs.split(",") if pair.strip()]}
    for name, text in (("deal_usd", deal_usd), ("day_usd", day_usd)):
        if text is None:
            continue
        try:
            amount = money.parse(text)
        except money.NotAnAmount as no:
            raise CommandError(f"--cap-{name.replace('_', '-')}: {no}", returncode=2) from None
        if amount <= 0:
            raise CommandError(f"--cap-{name.replace('_', '-')}: an amount above zero", returncode=2)
        caps[name] = money.text(amount)
    return caps


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
