"""The key that signs what we hand out, and the public halves of every key that ever did.

Private halves are in a file outside the database (settings.QUOTE_SIGNING_KEYS); public ones are rows that never go, so that what an old
key signed can be verified for ever.
"""

import functools
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core import checks

from . import db, jws
from .jws import BadKeyFile, SigningKey

RECEIPT = "quote-receipt"  # the `typ` of a quote's receipt
CHAIN_HEAD = "audit-chain-head"  # and of the audit chain's head, kept outside
PAY_TO = "deposit-instructions"  # and of where clients pay us


def sign_receipt(payload: bytes) -> str:
    """A compact JWS by the key that signs now.

    :raises BadKeyFile: there is no such key
    """
    return sign(payload, RECEIPT)


def sign(payload: bytes, typ: str) -> str:
    """The same for another kind of paper.

    :raises BadKeyFile: there is no such key
    """
    try:
        changed_at = settings.QUOTE_SIGNING_KEYS.stat().st_mtime_ns
    except FileNotFoundError:
        changed_at = 0
    return _signer(settings.QUOTE_SIGNING_KEYS, changed_at, typ).sign(payload)


@functools.lru_cache(maxsize=4)
def _signer(_path: Path, _changed_at: int, typ: str) -> jws.Signer:
    """Read again once the file was changed."""
    return list_keys()[0].signer(typ)


def verify(text: str, typ: str) -> bytes:
    """The payload of a compact JWS that a published key of ours has signed.

    :raises ValueError: no JWS, another type, a key that was never published, or not its signature
    """
    kid = jws.kid_of(text, typ)
    row = db.first("SELECT x FROM core_publishedkey WHERE kid = %s", (kid,))
    if row is None:
        raise ValueError(f"signed by {kid}, which is no published key of ours")
    return jws.verify(text, row[0])


def list_keys() -> list[SigningKey]:
    """The keys of the file, the one that signs first. Outside production a missing file is made.

    :raises BadKeyFile: it cannot be read
    """
    path = settings.QUOTE_SIGNING_KEYS
    if settings.ENVIRONMENT != "production" and not path.exists():
        jws.write_keys(path, [jws.new_key()], fresh=True)
    return jws.read_keys(path)


def publish() -> None:
    """Make a row of each public half that has none."""
    _keep([key.x for key in list_keys()])


def seed_reference() -> None:
    """After every migrate. Production may migrate where the keys are not: whoever serves publishes them (`manage.py signing_keys`)."""
    if settings.ENVIRONMENT != "production" or settings.QUOTE_SIGNING_KEYS.exists():
        publish()


def _keep(keys: Sequence[str]) -> None:
    for x in keys:
        db.run(
            "INSERT INTO core_publishedkey (kid, x, published_at) VALUES (%s, %s, clock_timestamp()) ON CONFLICT (kid) DO NOTHING",
            (jws.thumbprint(x), x),
        )


def list_published() -> list[tuple[str, str, datetime]]:
    """(kid, x, since) of every key, newest first."""
    return [
        (row[0], row[1], row[2]) for row in db.run("SELECT kid, x, published_at FROM core_publishedkey ORDER BY published_at DESC, kid")
    ]


def why_not_published() -> str | None:
    """A check of /readyz: what we sign can be verified. A process that brings keys of its own publishes them here, before it is asked for
    a quote."""
    try:
        keys = list_keys()
    except BadKeyFile:
        return "the key of quote receipts cannot be read"
    if not db.first("SELECT 1 FROM core_publishedkey WHERE kid = %s", (keys[0].kid,)):
        _keep([key.x for key in keys])
    return None


@checks.register(checks.Tags.security, deploy=True)
def check_signing_keys(app_configs: object, **_: object) -> list[checks.CheckMessage]:
    """`check --deploy`: production names a file of keys that only its owner can read."""
    del app_configs
    hint = "`manage.py signing_keys add` makes one at the path that QUOTE_SIGNING_KEYS names"
    if not settings.QUOTE_SIGNING_KEYS_NAMED:
        return [checks.Error("QUOTE_SIGNING_KEYS is not set: quotes cannot be signed", hint=hint, id="flowdesk.E001")]
    try:
        jws.read_keys(settings.QUOTE_SIGNING_KEYS)
    except BadKeyFile as no:
        return [checks.Error(f"QUOTE_SIGNING_KEYS: {no}", hint=hint, id="flowdesk.E002")]
    return []
