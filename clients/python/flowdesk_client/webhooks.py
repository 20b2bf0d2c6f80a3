"""Verify a webhook: Standard Webhooks, signatures v1a (Ed25519) and v1 (HMAC-SHA256)."""

import binascii
import hmac
import json
import time
from base64 import b64decode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .errors import FlowdeskError

TOLERANCE_S = 300


class VerificationError(FlowdeskError):
    """Not a message of ours, changed on the way, or too old: answer 400 and do nothing."""


def verify(
    headers: Mapping[str, str],
    body: bytes | str,
    keys: str | Sequence[str],
    *,
    tolerance_s: int = TOLERANCE_S,
    now: float | None = None,
) -> dict[str, Any]:
    """The event of a message whose signature holds: ``type``, ``timestamp``, ``id``, ``seq``, ``data``.

    A message may come more than once, always with the same ``id``: keep the ids that you have dealt with.

    :param body: the raw body, as it came
    :param keys: ``whpk_…`` (v1a) or ``whsec_…`` (v1); several while you rotate
    :param tolerance_s: how far ``webhook-timestamp`` may be from now
    :param now: Unix seconds; default the machine's clock
    :raises VerificationError: it does not hold
    """
    found = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, stamp, given = (found[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    except KeyError as no:
        raise VerificationError(f"the header {no.args[0]} is missing") from None
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 13):
        raise VerificationError("webhook-timestamp is no number of seconds")
    if abs((time.time() if now is None else now) - int(stamp)) > tolerance_s:
        raise VerificationError(f"webhook-timestamp is more than {tolerance_s} s from now")
    raw = body.encode() if isinstance(body, str) else bytes(body)
    content = b".".join((message_id.encode(), stamp.encode(), raw))
    signatures = [part.partition(",")[::2] for part in given.split(" ")]
    for key in [keys] if isinstance(keys, str) else keys:
        scheme, secret = _read_key(key)
        if any(_holds(scheme, secret, content, text) for version, text in signatures if version == scheme):
            try:
                event = json.loads(raw)
            except ValueError:
                event = None
            if not isinstance(event, dict):
                raise VerificationError("the body is no JSON object")
            return event
    raise VerificationError("no signature holds")


def _read_key(key: str) -> tuple[str, bytes]:
    for prefix, scheme in (("whpk_", "v1a"), ("whsec_", "v1")):
        if key.startswith(prefix):
            try:
                return scheme, b64decode(key.removeprefix(prefix), validate=True)
            except binascii.Error:
                break
    raise ValueError("a webhook key is whpk_… or whsec_… with base64 after it")


def _holds(scheme: str, key: bytes, content: bytes, text: str) -> bool:
    try:
        signature = b64decode(text, validate=True)
        if scheme == "v1":
            return hmac.compare_digest(hmac.new(key, content, sha256).digest(), signature)
        Ed25519PublicKey.from_public_bytes(key).verify(signature, content)
    except (binascii.Error, InvalidSignature, ValueError):
        return False
    return True
