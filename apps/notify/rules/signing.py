"""Standard Webhooks: what is signed, and how. No Django.

v1a is Ed25519, where only we hold what signs; v1 is HMAC-SHA256 with a shared secret.
"""

import hmac
import os
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SCHEMES = ("v1a", "v1")
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Key:
    """What signs: an Ed25519 seed (v1a) or a shared secret (v1). Never printed."""

    scheme: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Key({self.scheme})"

    def sign(self, content: bytes) -> str:
        if self.scheme == "v1a":
            made = Ed25519PrivateKey.from_private_bytes(self.secret).sign(content)
        else:
            made = hmac.new(self.secret, content, sha256).digest()
        return f"{self.scheme},{b64encode(made).decode()}"

    def public(self) -> bytes | None:
        """What the receiver verifies with, where that is no secret."""
        return Ed25519PrivateKey.from_private_bytes(self.secret).public_key().public_bytes_raw() if self.scheme == "v1a" else None

    def to_hand_over(self) -> str | None:
        """What the receiver must be told in confidence: `whsec_…`; nothing for v1a."""
        return f"whsec_{b64encode(self.secret).decode()}" if self.scheme == "v1" else None


def new_key(scheme: str) -> Key:
    return Key(scheme, os.urandom(SECRET_BYTES))


def public_text(public: bytes) -> str:
    return f"whpk_{b64encode(public).decode()}"


def headers(*, message_id: str, at: datetime, body: bytes, keys: Iterable[Key]) -> dict[str, str]:
    """The three headers of a message; while keys rotate there is a signature by each."""
    second = str(int(at.timestamp()))
    content = b".".join((message_id.encode(), second.encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": second,
        "webhook-signature": " ".join(key.sign(content) for key in keys),
    }


def body(*, event_id: str, kind: str, seq: int, recorded: str, public: Mapping[str, Any]) -> bytes:
    """The message: the same bytes at every try."""
    return orjson.dumps({"type": kind, "timestamp": recorded, "id": event_id, "seq": seq, "data": public})
