"""Who a signed request comes from: key, member and client in one statement, whose rows are never older than the request (standing.py)."""

import logging
import time
from collections import OrderedDict
from dataclasses import replace
from threading import Lock
from typing import ClassVar

import redis
from django.conf import settings
from django.http import HttpRequest

from apps.clients import queries as clients
from apps.clients.queries import KeyGrant
from apps.core import valkey
from apps.core.actor import Actor
from apps.core.clock import wall_now
from apps.core.errors import Forbidden
from apps.core.valkey import Command

from . import peers, signing, tokens
from .signing import InvalidSignature, Signed

log = logging.getLogger(__name__)

_PREFIXES = {"production": "ak_live_", "sandbox": "ak_test_"}
_CLOSED = frozenset({"REFUSED", "OFFBOARDED"})
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
    """The member behind a signature, as :func:`find_grant`, whose nonce is new.

    :raises InvalidSignature, IpNotAllowed: as :func:`find_grant` and :func:`require_first_use`
    """
    grant = find_grant(signed, ip)
    require_first_use(signed)
    return grant.actor()


def find_grant(signed: Signed, ip: str, *, known: KeyGrant | None = None) -> KeyGrant:
    """All that the signing key may do. Whether it says this for the first time is not looked at (:func:`require_first_use`).

    :param ip: the client's address, as :func:`request_ip` or the live server found it
    :param known: what this process read of the key before, for who will read it again (standing.py)
    :raises InvalidSignature: unknown, revoked, expired or another deployment's key; a closed member or client; a signature
        that does not verify
    :raises IpNotAllowed: all that is right, from the wrong address
    """
    if not signed.key_id.startswith(_PREFIXES.get(settings.ENVIRONMENT, "")):
        raise InvalidSignature(f"key: {signed.key_id} is not of this deployment")
    grant = known or clients.find_key(signed.key_id)
    if grant is None:
        raise InvalidSignature(f"key: {signed.key_id} is not known")
    signing.verify(signed, grant.public_key)
    if (ended := _ended(grant)) is not None:
        raise InvalidSignature(ended)
    _require_place(grant, ip)
    return grant


def first_use(signed: Signed) -> Command:
    """What :func:`require_first_use` will ask Valkey, to be sent ahead with what else is asked."""
    return _nonces.command(signed)


def require_first_use(signed: Signed) -> None:
    """
    :raises InvalidSignature: a nonce that was used before
    """
    if not _nonces.is_first_use(signed):
        raise InvalidSignature(f"nonce: {signed.key_id} used it before")


def find_known(key_id: str, ip: str) -> KeyGrant:
    """What a key that proved itself at a socket's handshake may do now.

    :raises InvalidSignature: it is gone, revoked or expired; a closed member or client
    :raises IpNotAllowed: its list of addresses was changed
    """
    grant = clients.find_key(key_id)
    if grant is None:
        raise InvalidSignature(f"key: {key_id} is not known")
    if (ended := _ended(grant)) is not None:
        raise InvalidSignature(ended)
    _require_place(grant, ip)
    return grant


def _require_place(grant: KeyGrant, ip: str) -> None:
    if grant.cidrs and not peers.is_allowed(ip, grant.cidrs):
        raise IpNotAllowed()


def find_token_grant(token: str, ip: str) -> KeyGrant:
    """What a bearer token may do: of its key, what is to read.

    :raises InvalidToken: not a token of ours, its time is over, or its key's is
    :raises IpNotAllowed: all that is right, from an address that is not on the key's list
    """
    key_id = tokens.read(token, wall_now())
    grant = clients.find_key(key_id)
    if grant is None:
        raise tokens.InvalidToken(f"key: {key_id} is not known")
    if (ended := _ended(grant)) is not None:
        raise tokens.InvalidToken(ended)
    _require_place(grant, ip)
    return replace(grant, scopes=grant.scopes & tokens.SCOPES)


def _ended(grant: KeyGrant) -> str | None:
    """Why a key is good no longer."""
    if grant.revoked_at is not None or grant.expires_at <= wall_now():
        return f"key: {grant.key_id} is revoked or expired"
    if grant.member_closed or grant.client_status in _CLOSED:
        return f"key: the member or client of {grant.key_id} is closed"
    return None


class _Nonces:
    """Each nonce once a key for a minute: in Valkey for all processes, in this process where Valkey does not answer.

    Without Valkey a captured request could be shown to another process within its 35 s; a mutation still happens once, by
    its signed idempotency key.
    """

    KEPT: ClassVar[int] = 100_000

    def __init__(self) -> None:
        self._own: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()

    def command(self, signed: Signed) -> Command:
        return ("SET", f"{settings.BUS_PREFIX}nonce:{signed.key_id}:{signed.nonce}", b"", "NX", "EX", signing.NONCE_S)

    def is_first_use(self, signed: Signed) -> bool:
        command = self.command(signed)
        if not self._is_first_here(str(command[1])):
            return False
        try:
            return bool(valkey.ask(command)[0])
        except (redis.RedisError, OSError) as no:
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


_nonces = _Nonces()
