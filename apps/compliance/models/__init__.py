"""Screening of names against lists, alerts, and the travel rule's records."""

from .screening import Alert, AlertNote, ListEntry, ListLoad, Screening
from .travel import TravelMessage, TravelRecord, WalletHost

__all__ = ["Alert", "AlertNote", "ListEntry", "ListLoad", "Screening", "TravelMessage", "TravelRecord", "WalletHost"]
