"""Request signatures: RFC 9421 HTTP Message Signatures, Ed25519, in the one fixed profile ``otc-v1``.

Pure: strings and bytes in, a :class:`Signed` or :class:`InvalidSignature` out; no Django, no database, no clock of its own.
The profile fixes the label, the components and the parameters with their order, so one compiled expression reads a whole
``Signature-Input`` and whatever it does not foresee is refused.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature as CryptoInvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PAST_S = 30  # a slow line or a slightly late clock
FUTURE_S = 5  # a clock that runs ahead
NONCE_S = 60  # longer than PAST_S + FUTURE_S: a nonce is forgotten only when its signature is too old to be used
BODY_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
BARE_METHODS = frozenset({"GET", "HEAD"})

_INPUT = re.compile(
    r'sig1=(\("@method" "@authority" "@path" "@query"( "content-type" "content-digest" "idempotency-key")?\)'
    r';created=([1-9][0-9]{0,11});keyid="([A-Za-z0-9_-]{1,64})";alg="ed25519";nonce="([A-Za-z0-9_-]{16,64})";tag="otc-v1")',
    re.ASCII,
)
_SIGNATURE = re.compile(r"sig1=:([A-Za-z0-9+/]{85}[AQgw]==):", re.ASCII)
_IDEMPOTENCY_KEY = re.compile(r'"([A-Za-z0-9_-]{16,64})"', re.ASCII)
_PATH = re.compile(r"/[A-Za-z0-9._~/-]*", re.ASCII)
_QUERY = re.compile(r"[!-~]*", re.ASCII)
_CONTENT_TYPE = re.compile(r"[!-~](?:[ -~]{0,126}[!-~])?", re.ASCII)


def is_path(path: str) -> bool:
    """Whether this is a path of the profile: its own characters, so that nothing in it is escaped."""
    return _PATH.fullmatch(path) is not None


class InvalidSignature(Exception):
    """The one answer to every signature that does not hold (401 ``invalid_signature``).

    ``cause`` says which rule was broken: for the log, never for the peer, who would learn how to probe.
    """

    code = "invalid_signature"

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Signed:
    """A well-formed signed request whose signature is still to be verified against its key.

    ``base`` is the signature base of RFC 9421 section 2.5; ``created`` counts Unix seconds; ``idempotency_key`` is the text
    between the quotes, None for GET and HEAD.
    """

    key_id: str
    created: int
    nonce: str
    idempotency_key: str | None
    base: bytes
    signature: bytes


def normal_authority(host: str) -> str:
    """A Host header as the profile signs it: lower case, without the default ports, another port kept."""
    host = host.lower()
    for default in (":443", ":80"):
        if host.endswith(default):
            return host.removesuffix(default)
    return host


def content_digest(body: bytes) -> str:
    """The Content-Digest (RFC 9530) that the profile demands: sha-256 over the raw bytes and nothing else."""
    return f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"


def parse(
    *,
    headers: Mapping[str, str],
    method: str,
    authority: str,
    path: str,
    query: str,
    body: bytes,
    authorities: Collection[str],
    now: int,
) -> Signed:
    """Read a signed request and rebuild the text that was signed.

    :param headers: by lower-case name; a header sent twice arrives joined by a comma and is refused by that comma
    :param authority: the Host header as sent
    :param path: as sent: the profile's paths need no percent-encoding
    :param query: raw, without the question mark, empty when there is none
    :param authorities: the hosts that this deployment answers to, in the form of :func:`normal_authority`
    :param now: wall clock, whole Unix seconds (the desk clock never judges a signature)
    :raises InvalidSignature: anything unknown, missing, extra, too old, ahead of time or not matching the bytes
    """
    match = _INPUT.fullmatch(headers.get("signature-input", ""))
    if match is None:
        raise InvalidSignature("signature-input: absent or not the otc-v1 profile")
    params, with_body, created_text, key_id, nonce = match.groups()
    signature = _SIGNATURE.fullmatch(headers.get("signature", ""))
    if signature is None:
        raise InvalidSignature("signature: absent, or not one sig1 of 64 bytes")
    created = int(created_text)
    if not now - PAST_S <= created <= now + FUTURE_S:
        raise InvalidSignature(f"created: {created - now:+d} s away from the wall clock")
    host = normal_authority(authority)
    if host not in authorities:
        raise InvalidSignature(f"@authority: {host!r} is none of ours")
    if not is_path(path):
        raise InvalidSignature("@path: characters outside the profile")
    if _QUERY.fullmatch(query) is None:
        raise InvalidSignature("@query: characters outside visible ASCII")
    base = f'"@method": {method}\n"@authority": {host}\n"@path": {path}\n"@query": ?{query}\n'
    idempotency_key = None
    if with_body is None:
        if method not in BARE_METHODS:
            raise InvalidSignature(f"components: {method[:16]!r} signs seven")
        if body:
            raise InvalidSignature(f"body: {method} carries none")
    else:
        if method not in BODY_METHODS:
            raise InvalidSignature(f"components: {method[:16]!r} signs four")
        fields, idempotency_key = _body_fields(headers, body)
        base += fields
    base += f'"@signature-params": {params}'
    return Signed(key_id, created, nonce, idempotency_key, base.encode("ascii"), b64decode(signature[1]))


def _body_fields(headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    content_type, quoted_key = headers.get("content-type", ""), headers.get("idempotency-key", "")
    if _CONTENT_TYPE.fullmatch(content_type) is None:
        raise InvalidSignature("content-type: absent or malformed")
    key = _IDEMPOTENCY_KEY.fullmatch(quoted_key)
    if key is None:
        raise InvalidSignature("idempotency-key: absent, or not a quoted string of 16 to 64 of [A-Za-z0-9_-]")
    digest = content_digest(body)
    if headers.get("content-digest") != digest:
        raise InvalidSignature("content-digest: absent, or not the sha-256 of the bytes that arrived")
    return f'"content-type": {content_type}\n"content-digest": {digest}\n"idempotency-key": {quoted_key}\n', key[1]


@lru_cache(maxsize=1024)
def _public_key(raw: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(raw)


def verify(signed: Signed, public_key: bytes) -> None:
    """Hold the signature against the key's 32 public bytes.

    :raises InvalidSignature: it was made by another key, or over another text
    """
    try:
        _public_key(bytes(public_key)).verify(signed.signature, signed.base)
    except CryptoInvalidSignature:
        raise InvalidSignature("signature: does not verify") from None
    except ValueError:
        raise InvalidSignature("key: not an Ed25519 public key") from None
