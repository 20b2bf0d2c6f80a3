"""A signed mutation is let in by what this process last read of its key. That is read again in the mutation's own first flight, before
anything is written or answered; where it differs, or the request ended before, all starts over with what stands now. So a key is never
less fresh than the instant of receipt, and costs no round trip of its own.
"""

from collections import OrderedDict

from apps.clients import queries as clients
from apps.clients.queries import KeyGrant
from apps.core import flights
from apps.core.flights import Rows, Statement

KEPT = 10_000
_known: OrderedDict[str, KeyGrant] = OrderedDict()


class KeyChanged(Exception):
    """The key is not what it was when this process read it last: never an answer, the request is heard again."""


class Standing:
    """What one request was let in by."""

    def __init__(self, grant: KeyGrant) -> None:
        self.grant = grant
        self.reads: Statement = clients.read_key(grant.key_id)
        self._is_read = False

    def require(self, rows: Rows) -> None:
        """
        :param rows: what `reads` found now
        :raises KeyChanged: it is something else
        """
        self._is_read = True
        if rows != [self.grant.row]:
            _known.pop(self.grant.key_id, None)
            raise KeyChanged

    def holds(self) -> bool:
        """Whether the answer of a request that may have ended before its first flight stands; read now if nobody has."""
        if not self._is_read:
            try:
                self.require(flights.fly([self.reads])[0])
            except KeyChanged:
                return False
        return True


def of(key_id: str) -> Standing | None:
    grant = _known.get(key_id)
    return None if grant is None else Standing(grant)


def keep(grant: KeyGrant) -> None:
    """For its next request: of a key that has just proven itself, so nobody fills this with names."""
    _known[grant.key_id] = grant
    while len(_known) > KEPT:
        _known.popitem(last=False)
