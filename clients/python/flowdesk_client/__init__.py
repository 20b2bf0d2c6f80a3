"""Python client of the Flowdesk API: signed REST with types, sync and async, and a resuming event stream."""

from .acommands import AsyncLiveClient
from .arest import AsyncApi
from .client import AsyncClient, Client
from .commands import LiveClient
from .errors import FlowdeskError, LiveClosed, NotUnderstood, Refused, Unreachable
from .keys import Key, KeyFileError, load_key
from .live import AsyncEventStream, EventStream, Frame, HistoryLost, Snapshot
from .receipts import ReceiptInvalid, verify_receipt
from .rest import Api
from .signing import sign
from .wire import Page

__all__ = [
    "Api",
    "AsyncApi",
    "AsyncClient",
    "AsyncEventStream",
    "AsyncLiveClient",
    "Client",
    "EventStream",
    "FlowdeskError",
    "Frame",
    "HistoryLost",
    "Key",
    "KeyFileError",
    "LiveClient",
    "LiveClosed",
    "NotUnderstood",
    "Page",
    "ReceiptInvalid",
    "Refused",
    "Snapshot",
    "Unreachable",
    "load_key",
    "sign",
    "verify_receipt",
]
