"""Quote receipts: what was quoted, signed by the desk, verified offline with the desk's published keys."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .errors import FlowdeskError


class ReceiptInvalid(FlowdeskError):
    """Not a receipt, not signed by one of these keys, or changed since. ``unknown_key``: fetch the key set again, then it may hold."""

    def __init__(self, why: str, *, unknown_key: bool = False) -> None:
        super().__init__(why)
        self.unknown_key = unknown_key


def verify_receipt(receipt: str, jwks: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that a compact JWS (RFC 7515, Ed25519 by RFC 8037) was signed over.

    :param receipt: ``quote_receipt`` of a quote
    :param jwks: the key set of ``GET /.well-known/jwks.json`` (``Api.jwks``); keys stay in it for ever, so it may be kept
    :raises ReceiptInvalid: nothing in it may be believed
    """
    parts = receipt.split(".") if isinstance(receipt, str) else []
    if len(parts) != 3:
        raise ReceiptInvalid("not a compact JWS: three parts are needed")
    header = _json(parts[0], "header")
    if header.get("alg") != "EdDSA" or header.get("typ") != "quote-receipt" or "crit" in header:
        raise ReceiptInvalid("not the header of a quote receipt")
    key = _key(jwks, header.get("kid"))
    try:
        key.verify(_bytes(parts[2], "signature"), f"{parts[0]}.{parts[1]}".encode())
    except InvalidSignature:
        raise ReceiptInvalid("the signature does not hold: the receipt was changed") from None
    return _json(parts[1], "payload")


def _key(jwks: Mapping[str, Any], kid: object) -> Ed25519PublicKey:
    for one in jwks.get("keys", []):
        if one.get("kid") == kid and (one.get("kty"), one.get("crv")) == ("OKP", "Ed25519"):
            try:
                return Ed25519PublicKey.from_public_bytes(_bytes(one["x"], "key"))
            except (KeyError, ValueError):
                break
    raise ReceiptInvalid(f"signed with the key {kid}, which is not in the key set", unknown_key=True)


def _bytes(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError, AttributeError):
        raise ReceiptInvalid(f"the {what} is not base64url") from None


def _json(text: str, what: str) -> dict[str, Any]:
    try:
        found = json.loads(_bytes(text, what))
    except ValueError:
        raise ReceiptInvalid(f"the {what} is not JSON") from None
    if not isinstance(found, dict):
        raise ReceiptInvalid(f"the {what} is not a JSON object")
    return found
