"""Who says that a callback is a custodian's: Standard Webhooks with a shared secret (v1, HMAC-SHA256). No Django."""

import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256

TOLERANCE_S = 300
ID_MAX = 80


class NotSigned(Exception):
    """Not signed by a secret that we share with this rail, or not at about this time."""


def secret_of(text: str) -> bytes:
    """
    :param text: `whsec_` and the secret in base64, of 24 to 64 bytes
    :raises ValueError: it is none
    """
    try:
        secret = b64decode(text.removeprefix("whsec_"), validate=True)
    except Error:
        secret = b""
    if not text.startswith("whsec_") or not 24 <= len(secret) <= 64:
        raise ValueError("whsec_ and 24 to 64 bytes in base64")
    return secret


def verify(headers: Mapping[str, str], body: bytes, *, secrets: Iterable[bytes], now: datetime) -> str:
    """The id of the message; secrets may overlap while one is changed.

    :param headers: by lower-case name
    :param now: wall clock
    :raises NotSigned: why, for our log and nobody else
    """
    message_id, second, signed = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not message_id or len(message_id) > ID_MAX or not message_id.isprintable():
        raise NotSigned("no webhook-id")
    if not (second.isascii() and second.isdigit() and len(second) <= 12) or abs(now.timestamp() - int(second)) > TOLERANCE_S:
        raise NotSigned("webhook-timestamp is not of now")
    given = [part[3:] for part in signed.split(" ") if part.startswith("v1,")]
    for secret in secrets:
        wanted = _mac(message_id, second, body, secret).encode()
        if any(hmac.compare_digest(wanted, one.encode("utf-8", "replace")) for one in given):
            return message_id
    raise NotSigned("no signature of ours")


def _mac(message_id: str, second: str, body: bytes, secret: bytes) -> str:
    content = b".".join((message_id.encode("utf-8", "replace"), second.encode(), body))
    return b64encode(hmac.new(secret, content, sha256).digest()).decode()
