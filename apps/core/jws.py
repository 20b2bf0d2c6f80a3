"""Compact JWS (RFC 7515) over JSON with Ed25519 (RFC 8037), and the key file it signs with. No Django here.

The file is a JWK set (RFC 7517) of private keys: the first signs, the others wait. A key's id is its thumbprint (RFC 7638).
"""

import base64
import hashlib
import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ALGORITHM = "EdDSA"


class BadKeyFile(ValueError):
    """The file of signing keys cannot be used; the message names the file and the fault."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One Ed25519 key pair; `x` and `d` are its halves in base64url, as in a JWK."""

    x: str
    d: str = field(repr=False)
    private: Ed25519PrivateKey = field(repr=False)

    @property
    def kid(self) -> str:
        return thumbprint(self.x)

    def signer(self, typ: str) -> "Signer":
        header = json.dumps({"alg": ALGORITHM, "kid": self.kid, "typ": typ}, separators=(",", ":"))
        return Signer(b64(header.encode()) + ".", self.private)


@dataclass(frozen=True, slots=True)
class Signer:
    """A key with the protected header that all its signatures of one kind have."""

    header: str
    private: Ed25519PrivateKey = field(repr=False)

    def sign(self, payload: bytes) -> str:
        """header.payload.signature; the same payload always gives the same text."""
        signed = self.header + b64(payload)
        return f"{signed}.{b64(self.private.sign(signed.encode()))}"


def public_jwk(x: str) -> dict[str, str]:
    """What verifiers need of a key."""
    return {"kty": "OKP", "crv": "Ed25519", "kid": thumbprint(x), "x": x, "alg": ALGORITHM, "use": "sig"}


def thumbprint(x: str) -> str:
    """RFC 7638: SHA-256 of the required members in order."""
    return b64(hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest())


def new_key() -> SigningKey:
    return _key_of(Ed25519PrivateKey.generate())


def read_keys(path: Path) -> list[SigningKey]:
    """The keys of a file, the one that signs first.

    :raises BadKeyFile: unreadable, readable for other users, no JWK set of Ed25519 keys, or empty
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise BadKeyFile(f"{path}: other users may read or write it; chmod 600")
        document = json.loads(path.read_text(encoding="utf-8"))
        keys = [_read_key(one) for one in document["keys"]]
    except BadKeyFile:
        raise
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise BadKeyFile(f"{path}: {wrong.strerror if isinstance(wrong, OSError) else 'not a JWK set of Ed25519 keys'}") from None
    if not keys:
        raise BadKeyFile(f"{path}: holds no key")
    if len({key.x for key in keys}) < len(keys):
        raise BadKeyFile(f"{path}: holds a key twice")
    return keys


def write_keys(path: Path, keys: list[SigningKey], *, fresh: bool = False) -> None:
    """Replace the file in one step, readable by its owner only; with `fresh` one that somebody else made meanwhile stays."""
    document = {"keys": [public_jwk(key.x) | {"d": key.d} for key in keys]}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        json.dump(document, out, indent=1)
    try:
        if fresh:
            path.hardlink_to(draft)
        else:
            draft.replace(path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


def b64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """:raises ValueError: no base64url"""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def kid_of(text: str, typ: str) -> str:
    """Whose key a compact JWS names.

    :raises ValueError: no JWS of this type by Ed25519
    """
    parts = text.strip().split(".")
    header = json.loads(unb64(parts[0])) if len(parts) == 3 else None
    if not isinstance(header, dict) or (header.get("alg"), header.get("typ")) != (ALGORITHM, typ):
        raise ValueError(f"no {typ}")
    return str(header.get("kid"))


def verify(text: str, x: str) -> bytes:
    """The payload of a compact JWS that the key `x` has signed.

    :raises ValueError: it has not
    """
    signed, _, signature = text.strip().rpartition(".")
    try:
        Ed25519PublicKey.from_public_bytes(unb64(x)).verify(unb64(signature), signed.encode())
    except InvalidSignature:
        raise ValueError("the signature does not fit") from None
    return unb64(signed.partition(".")[2])


def _read_key(one: dict[str, Any]) -> SigningKey:
    if (one["kty"], one["crv"]) != ("OKP", "Ed25519"):
        raise ValueError
    key = _key_of(Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(one["d"] + "=" * (-len(one["d"]) % 4))))
    if one.get("x", key.x) != key.x or one.get("kid", key.kid) != key.kid:
        raise ValueError
    return key


def _key_of(private: Ed25519PrivateKey) -> SigningKey:
    return SigningKey(b64(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)), b64(private.private_bytes_raw()), private)
