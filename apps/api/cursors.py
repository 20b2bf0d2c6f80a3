"""Keyset cursors: opaque to clients, and good only for the client and the filters they were made for."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django.conf import settings

_MAC_BYTES = 16
_LONGEST = 1024
Position = list[str | int]


class InvalidCursor(ValueError):
    """A cursor that was damaged, or made for another client or other filters (400 ``invalid_cursor``)."""

    code = "invalid_cursor"


def encode(position: Position, *, client_id: object, filters: Mapping[str, Any]) -> str:
    """Pack the sort key of the last row shown.

    :param position: the keyset in its order: texts and integers only
    :param filters: every query parameter that shapes the list, except ``cursor`` and ``limit``
    """
    payload = json.dumps(position, separators=(",", ":")).encode()
    return urlsafe_b64encode(_mac(payload, client_id, filters) + payload).rstrip(b"=").decode()


def decode(cursor: str, *, client_id: object, filters: Mapping[str, Any]) -> Position:
    """Give back the sort key after which the next page begins.

    :raises InvalidCursor: not one of ours, for this client, with these filters
    """
    refused = InvalidCursor("the cursor is damaged, or belongs to another list: start again without it")
    if len(cursor) > _LONGEST:
        raise refused
    try:
        packed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except ValueError:
        raise refused from None
    mac, payload = packed[:_MAC_BYTES], packed[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(payload, client_id, filters)):
        raise refused
    position: Position = json.loads(payload)
    return position


def _mac(payload: bytes, client_id: object, filters: Mapping[str, Any]) -> bytes:
    bound = json.dumps([str(client_id), {name: str(filters[name]) for name in filters}], sort_keys=True).encode()
    key = sha256(b"flowdesk.cursor\0" + settings.SECRET_KEY.encode()).digest()
    return hmac.new(key, len(bound).to_bytes(4, "big") + bound + payload, sha256).digest()[:_MAC_BYTES]
