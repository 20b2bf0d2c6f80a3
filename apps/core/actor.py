"""Who acts: handed to every `visible_to`, kept in a context variable that only events read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Actor:
    """A key of a client's member (MEMBER), one of our own people (STAFF), or the platform itself (SYSTEM)."""

    kind: str
    id: UUID | None = None
    name: str = ""
    client_id: UUID | None = None
    roles: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[str] = field(default_factory=frozenset)
    account_ids: frozenset[UUID] | None = None  # None: every account of the client
    key_id: str = ""
    caps: Mapping[str, Any] = field(default_factory=dict, compare=False)  # of its key, each optional: pairs, deal_usd, day_usd

    @property
    def is_client(self) -> bool:
        return self.kind == "MEMBER"


SYSTEM = Actor(kind="SYSTEM", name="flowdesk")

_actor: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)
_request_id: ContextVar[str] = ContextVar("request_id", default="")


def current() -> Actor:
    return _actor.get()


def current_request_id() -> str:
    return _request_id.get()


@contextmanager
def acting(actor: Actor, request_id: str = "") -> Iterator[None]:
    """All events recorded inside carry this actor and request id."""
    one, two = _actor.set(actor), _request_id.set(request_id)
    try:
        yield
    finally:
        _actor.reset(one)
        _request_id.reset(two)
