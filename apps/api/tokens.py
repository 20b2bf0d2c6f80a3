"""Bearer tokens: a key's word, for fifteen minutes, that somebody may read as it does. For dashboards and the docs page.

A token names its key and when it ends, under a MAC of this deployment; nothing of it is stored. The key itself is read in every request,
so a token ends with its key. RFC 6750 on the wire.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from django.conf import settings

LIFE = timedelta(minutes=15)
SCOPES = frozenset({"read"})  # at most
_PREFIX = "fdt_"
_MAC_BYTES = 32
_LONGEST = 200


class InvalidToken(ValueError):
    """Not a token of ours, or its time is over; `cause` is logged, never told."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


def make(key_id: str, expires_at: datetime) -> str:
    """A token that stands for this key until `expires_at` (wall time)."""
    payload = f"{int(expires_at.timestamp())}:{key_id}".encode()
    return _PREFIX + urlsafe_b64encode(_mac(payload) + payload).rstrip(b"=").decode()


def read(token: str, now: datetime) -> str:
    """The key that a token stands for.

    :param now: wall time
    :raises InvalidToken: damaged, of another deployment, or its time is over
    """
    body = token.removeprefix(_PREFIX)
    if body == token or len(token) > _LONGEST or not token.isascii():
        raise InvalidToken("not a token")
    try:
        packed = urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except ValueError:
        raise InvalidToken("not base64") from None
    mac, payload = packed[:_MAC_BYTES], packed[_MAC_BYTES:]
    if urlsafe_b64encode(packed).rstrip(b"=").decode() != body:
        raise InvalidToken("not written as we write it")
    if not hmac.compare_digest(mac, _mac(payload)):
        raise InvalidToken("the MAC does not hold")
    until, _, key_id = payload.decode().partition(":")
    if datetime.fromtimestamp(int(until), UTC) <= now:
        raise InvalidToken(f"{key_id}: its time is over")
    return key_id


def _mac(payload: bytes) -> bytes:
    key = sha256(b"flowdesk.token\0" + settings.ENVIRONMENT.encode() + b"\0" + settings.SECRET_KEY.encode()).digest()
    return hmac.new(key, payload, sha256).digest()
