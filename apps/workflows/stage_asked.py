"""What a tester's request is about, for whatever makes that it is refused (stage_cause)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.clients import queries as clients
from apps.clients.models import Account
from apps.core.actor import Actor
from apps.rfqs import queries as rfqs
from apps.rfqs.models import Quote
from apps.rfqs.queries import Deal

Asked = dict[str, Any]  # the arguments of the use case that the request calls, and `call`: the use case itself
Cause = Callable[[Asked, datetime], Mapping[str, Any]]  # what it brings about; the arguments that are others by it


class NotBefallen(Exception):
    """What was asked for is not refused by this cause: nothing was done."""


def client_of(asked: Asked) -> UUID:
    client_id: UUID = asked["actor"].client_id
    return client_id


def account_of(asked: Asked) -> Account:
    """The account that the request names, by itself or by its quote; else the default one."""
    actor: Actor = asked["actor"]
    account_id = deal_of(asked)[0].account_id if "quote_id" in asked else asked.get("account_id")
    if account_id is not None:
        return clients.get_account(account_id, actor=actor)
    return clients.get_default_account(clients.get_counterparty(client_of(asked)).code)


def deal_of(asked: Asked) -> tuple[Deal, Quote]:
    quote_id = asked["quote_id"]
    return rfqs.get_deal(quote_id, actor=asked["actor"]), rfqs.get_quote(quote_id)
