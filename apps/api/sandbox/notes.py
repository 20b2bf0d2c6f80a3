"""What a tester asked for, kept until the simulated people come to it: notes in Valkey, gone after two weeks."""

from uuid import UUID

import redis
from django.conf import settings

KEPT_S = 14 * 24 * 3600


def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.VALKEY_URL, socket_timeout=5, socket_connect_timeout=5)


def _key(what: str, of: str) -> str:
    return f"{settings.BUS_PREFIX}sandbox:{what}:{of}"


def write(what: str, of: UUID, scenario: str) -> None:
    """Keep a scenario for a request (`desk`) or an account (`MONEY_IN`, `MONEY_OUT`)."""
    with _client() as valkey:
        valkey.set(_key(what, str(of)), scenario, ex=KEPT_S)


def read(what: str, of: UUID) -> str:
    """The scenario that was kept, empty where none was."""
    with _client() as valkey:
        found = valkey.get(_key(what, str(of)))
    return found.decode() if isinstance(found, bytes) else ""


def take(what: str, of: UUID) -> str:
    """The scenario that was kept, used up by this."""
    with _client() as valkey:
        found = valkey.getdel(_key(what, str(of)))
    return found.decode() if isinstance(found, bytes) else ""


def is_first(idempotency_key: str, path: str) -> bool:
    """True once for an idempotency key; a request without one is always the first."""
    if not idempotency_key:
        return True
    with _client() as valkey:
        return bool(valkey.set(_key("seen", f"{path}:{idempotency_key}"), b"", nx=True, ex=KEPT_S))
