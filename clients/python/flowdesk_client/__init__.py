"""Python client of the Flowdesk API: signed REST and a resuming event stream."""

from .errors import FlowdeskError, LiveClosed, Refused, Unreachable
from .keys import Key, KeyFileError, load_key
from .live import EventStream, Frame, HistoryLost
from .receipts import ReceiptInvalid, verify_receipt
from .rest import Api
from .signing import sign

__all__ = [
    "Api",
    "EventStream",
    "FlowdeskError",
    "Frame",
    "HistoryLost",
    "Key",
    "KeyFileError",
    "LiveClosed",
    "ReceiptInvalid",
    "Refused",
    "Unreachable",
    "load_key",
    "sign",
    "verify_receipt",
]
