"""Secrets that we must be able to read again, encrypted for the table: AES-256-GCM under a key made from SECRET_KEY.

A copy of the database without SECRET_KEY tells nothing. `context` names the row, so that a secret moved to another row does not open.
After a change of SECRET_KEY the old one stays in SECRET_KEY_FALLBACKS for as long as something is sealed with it.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_NONCE_BYTES = 12


class CannotUnseal(Exception):
    """Sealed with a key that we no longer have, or for another row."""


def seal(secret: bytes, *, context: str) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(_key(settings.SECRET_KEY)).encrypt(nonce, secret, context.encode())


def unseal(sealed: bytes, *, context: str) -> bytes:
    """:raises CannotUnseal: see there"""
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            return AESGCM(_key(key)).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
        except InvalidTag:
            continue
    raise CannotUnseal(context)


def _key(secret_key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"flowdesk.sealed").derive(secret_key.encode())
