"""What a key may do now, against what it could when its socket was opened: whether the socket has to go. Plain Python."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from apps.api import peers

from .frames import Close
from .peer import Peer


@dataclass(frozen=True, slots=True)
class Standing:
    """A key that may still be used, as its row and its member's authorities say now."""

    scopes: frozenset[str]
    cidrs: tuple[str, ...]
    accounts: frozenset[UUID]
    whole: bool


def why_closed(peer: Peer, now: Standing | None) -> Close | None:
    """The code with which the socket of a key is closed, None where it may stay.

    :param now: None: the key is gone, revoked or expired, or its member or client closed
    """
    if now is None:
        return Close.NOT_VALID
    assert peer.actor is not None
    if "read" not in now.scopes or (now.cidrs and not peers.is_allowed(peer.ip, now.cidrs)):
        return Close.FORBIDDEN
    if _lost(peer.actor.scopes, now.scopes) or _lost(peer.actor.account_ids or (), now.accounts) or (peer.whole and not now.whole):
        return Close.OVER
    return None


def _lost(before: Collection[object], now: Collection[object]) -> bool:
    return any(one not in now for one in before)
