"""Who a signed request comes from. Keys, members and clients are read in every request, in one statement: no cache to be stale."""

import logging
import time
from collections import OrderedDict
from threading import Lock
from typing import ClassVar
from uuid import UUID

import redis
from django.conf import settings
from django.http import HttpRequest

from apps.core import db
from apps.core.actor import Actor
from apps.core.errors import Forbidden

from . import peers, signing
from .signing import InvalidSignature, Signed

log = logging.getLogger(__name__)

_KEY = """
SELECT k.public_key, k.scopes, k.allowed_cidrs, k.revoked_at IS NULL AND k.expires_at > now(),
       m.closed_at IS NULL AND (m.valid_until IS NULL OR m.valid_until > now()) AND c.status NOT IN ('REFUSED', 'OFFBOARDED'),
       m.id, m.name, c.id,
       ARRAY(SELECT a.account_id FROM clients_authority a WHERE a.member_id = m.id AND (
         NOT EXISTS (SELECT 1 FROM clients_apikey_accounts x WHERE x.apikey_id = k.id)
         OR EXISTS (SELECT 1 FROM clients_apikey_accounts x WHERE x.apikey_id = k.id AND x.account_id = a.account_id))),
       ARRAY(SELECT DISTINCT unnest(a.roles) FROM clients_authority a WHERE a.member_id = m.id)
FROM clients_apikey k JOIN clients_member m ON m.id = k.member_id JOIN clients_counterparty c ON c.id = m.counterparty_id
WHERE k.key_id = %s
"""
_PREFIXES = {"production": "ak_live_", "sandbox": "ak_test_"}
_SIGNED_HEADERS = ("signature-input", "signature", "content-type", "content-digest", "idempotency-key")


class IpNotAllowed(Forbidden):
    """A valid signature from an address that is not on the key's list."""

    code, title = "ip_not_allowed", "This key may not be used from this address"


def parse_request(request: HttpRequest) -> Signed:
    """Read the signature of a Django request.

    :raises InvalidSignature: it does not hold to the profile
    """
    return signing.parse(
        headers={name: request.headers[name] for name in _SIGNED_HEADERS if name in request.headers},
        method=request.method or "",
        authority=request.headers.get("host", ""),
        path=request.path,
        query=request.META.get("QUERY_STRING", ""),
        body=request.body,
        authorities=authorities(),
        now=int(time.time()),
    )


def authorities() -> frozenset[str]:
    """The hosts that a signature may name."""
    return frozenset(signing.normal_authority(host) for host in settings.API_AUTHORITIES)


def request_ip(request: HttpRequest) -> str:
    """The client's address as the trusted proxies saw it."""
    return peers.client_ip(request.META.get("REMOTE_ADDR", ""), request.headers.get("x-forwarded-for", ""), settings.TRUSTED_PROXY_HOPS)


def authenticate(signed: Signed, ip: str) -> Actor:
    """The member behind a signature.

    :param ip: the client's address, as :func:`request_ip` or the live server found it
    :raises InvalidSignature: unknown, revoked, expired or another deployment's key; a closed member or client; a signature
        that does not verify; a nonce that was used before
    :raises IpNotAllowed: all that is right, from the wrong address
    """
    if not signed.key_id.startswith(_PREFIXES.get(settings.ENVIRONMENT, "")):
        raise InvalidSignature(f"key: {signed.key_id} is not of this deployment")
    row = db.first(_KEY, (signed.key_id,))
    if row is None:
        raise InvalidSignature(f"key: {signed.key_id} is not known")
    public_key, scopes, cidrs, key_lives, member_lives, member_id, name, client_id, accounts, roles = row
    signing.verify(signed, bytes(public_key))
    if not key_lives:
        raise InvalidSignature(f"key: {signed.key_id} is revoked or expired")
    if not member_lives:
        raise InvalidSignature(f"key: the member or client of {signed.key_id} is closed")
    if not _nonces.is_first_use(signed):
        raise InvalidSignature(f"nonce: {signed.key_id} used it before")
    if cidrs and not peers.is_allowed(ip, cidrs):
        raise IpNotAllowed()
    account_ids: frozenset[UUID] = frozenset(accounts)
    return Actor(
        kind="MEMBER",
        id=member_id,
        name=name,
        client_id=client_id,
        roles=frozenset(roles),
        scopes=frozenset(scopes),
        account_ids=account_ids,
        key_id=signed.key_id,
    )


class _Nonces:
    """Each nonce once a key for a minute: in Valkey for all processes, in this process where Valkey does not answer.

    Without Valkey a captured request could be shown to another process within its 35 s; a mutation still happens once, by
    its signed idempotency key.
    """

    KEPT: ClassVar[int] = 100_000

    def __init__(self) -> None:
        self._own: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()
        self._client: redis.Redis | None = None

    def is_first_use(self, signed: Signed) -> bool:
        name = f"{settings.BUS_PREFIX}nonce:{signed.key_id}:{signed.nonce}"
        if not self._is_first_here(name):
            return False
        try:
            return bool(self._valkey().set(name, b"", nx=True, ex=signing.NONCE_S))
        except redis.RedisError as no:
            log.warning("nonces are kept in this process only: %s", no)
            return True

    def _is_first_here(self, name: str) -> bool:
        now = int(time.time())
        with self._lock:
            while self._own and (len(self._own) > self.KEPT or next(iter(self._own.values())) < now - signing.NONCE_S):
                self._own.popitem(last=False)
            if name in self._own:
                return False
            self._own[name] = now
            return True

    def _valkey(self) -> redis.Redis:
        if self._client is None:
            self._client = redis.Redis.from_url(settings.VALKEY_URL, socket_timeout=50 / 1000, socket_connect_timeout=50 / 1000)
        return self._client


_nonces = _Nonces()
