"""The records under the Unfold theme, one file an app: looked at here, changed only by workflows."""

from . import (
    approvals,
    clients,
    close,
    compliance,
    credit,
    events,
    instruments,
    ledger,
    notify,
    pricing,
    reports,
    rfqs,
    settlement,
    trades,
    users,
)

__all__ = [
    "approvals",
    "clients",
    "close",
    "compliance",
    "credit",
    "events",
    "instruments",
    "ledger",
    "notify",
    "pricing",
    "reports",
    "rfqs",
    "settlement",
    "trades",
    "users",
]
