"""Signing of requests in the profile otc-v1: RFC 9421, Ed25519, by plain concatenation.

Seven components with a body (POST, PUT, PATCH, DELETE), four without (GET, HEAD); nothing here depends on the server's code.
"""

import hashlib
import secrets
import time
from base64 import b64encode

from .keys import Key

_FOUR = '"@method" "@authority" "@path" "@query"'
_SEVEN = _FOUR + ' "content-type" "content-digest" "idempotency-key"'


def authority_of(host: str) -> str:
    """The host as it is signed: lower case, without ``:443`` or ``:80``."""
    host = host.lower()
    for default in (":443", ":80"):
        if host.endswith(default):
            return host[: -len(default)]
    return host


def sign(
    key: Key,
    *,
    method: str,
    host: str,
    path: str,
    query: str = "",
    body: bytes | None = None,
    idempotency_key: str = "",
    created: int | None = None,
    nonce: str = "",
) -> dict[str, str]:
    """The headers that make one request valid once.

    :param host: what will be sent as Host
    :param path: without percent-encoding; ``query`` without the question mark
    :param body: None for GET and HEAD; the exact bytes that will be sent otherwise
    :param idempotency_key: without quotes, 16 to 64 of ``[A-Za-z0-9_-]``; required with a body
    :param created: Unix seconds, now by default; ``nonce`` is random by default
    """
    headers: dict[str, str] = {}
    lines = [f'"@method": {method}', f'"@authority": {authority_of(host)}', f'"@path": {path}', f'"@query": ?{query}']
    if body is not None:
        headers["Content-Type"] = "application/json"
        headers["Content-Digest"] = f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"
        headers["Idempotency-Key"] = f'"{idempotency_key}"'
        lines += [f'"{name.lower()}": {value}' for name, value in headers.items()]
    params = (
        f"({_FOUR if body is None else _SEVEN});created={int(time.time()) if created is None else created}"
        f';keyid="{key.key_id}";alg="ed25519";nonce="{nonce or secrets.token_urlsafe(16)}";tag="otc-v1"'
    )
    lines.append(f'"@signature-params": {params}')
    signature = key.private.sign("\n".join(lines).encode("ascii"))
    headers["Signature-Input"] = f"sig1={params}"
    headers["Signature"] = f"sig1=:{b64encode(signature).decode()}:"
    return headers
