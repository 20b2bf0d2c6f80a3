"""A tester asks to be refused for what came before its request: that comes first, and is undone with the refusal (stage_cause)."""

import secrets
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings

from apps.clients import operations as clients
from apps.clients import queries as client_queries
from apps.clients import rules as client_rules
from apps.clients.states import SsiStatus
from apps.core import clock, ids
from apps.ledger import operations as ledger
from apps.ledger import queries as balances
from apps.ledger.states import Kind
from apps.notify.errors import TooManyEndpoints
from apps.notify.operations import endpoints
from apps.notify.queries import webhooks
from apps.settlement import queries as settlement
from apps.settlement.rules.postings import client_ref
from apps.settlement.states import AdjustmentKind

from . import stage_acts
from .adjust import Wanted
from .settle_net_set import freeze_net_set
from .stage_asked import Asked, Cause, NotBefallen, account_of, client_of


def _asked_before(asked: Asked, now: datetime) -> Asked:
    """The same request came a moment before, under another key."""
    given = {name: value for name, value in asked.items() if name != "call"}
    asked["call"].__wrapped__(**{"now": now} | given)
    return {"rfq_id": ids.uuid7()} if "ask" in asked else {}


def _other_figures(asked: Asked, now: datetime) -> Asked:
    """The execution was reported a moment before, at another price."""
    execution = asked["execution"]
    other = replace(execution, price=execution.price * 2, quote_quantity=None)
    asked["call"].__wrapped__(**{"now": now} | {name: value for name, value in asked.items() if name != "call"} | {"execution": other})
    return {}


def _cancelled_deal(asked: Asked, now: datetime) -> Asked:
    """The deal is cancelled: it has another version, which nobody has answered."""
    stage_acts.ACTS["cancel_trade"].do(asked["actor"], asked["trade_id"], now)
    return {}


def _frozen_deal(asked: Asked, now: datetime) -> Asked:
    """What is owed from the deal is frozen into a net set."""
    owed = settlement.list_obligations(asked["actor"]).filter(trade_id=asked["trade_id"]).first()
    if owed is None:
        raise NotBefallen("nothing is owed from it")
    at = {"account_id": owed.account_id, "entity_id": owed.entity_id, "value_date": owed.value_date}
    freeze_net_set.__wrapped__(**at, cutoff_at=now, now=now)  # type: ignore[attr-defined]
    return {}


def _ended_key(asked: Asked, now: datetime) -> Asked:
    clients.revoke_key(key_id=client_queries.get_own_key(asked["key_id"], actor=asked["actor"]).key_id, now=clock.wall_now())
    return {}


def _all_keys(asked: Asked, now: datetime) -> Asked:
    """The client has as many keys as it may have."""
    wall, member = clock.wall_now(), client_queries.get_member_by_id(asked["actor"].id)
    for _ in range(client_rules.MAX_KEYS - client_queries.count_live_keys(client_of(asked), wall)):
        clients.create_key(
            member=member, public_key=secrets.token_bytes(32), scopes=["read"], cidrs=[], now=wall, prefix=settings.KEY_PREFIX, days=1
        )
    return {}


def _disabled_endpoint(asked: Asked, now: datetime) -> Asked:
    endpoints.disable(endpoint=webhooks.lock_endpoint(asked["endpoint_id"], actor=asked["actor"]))
    return {}


def _all_endpoints(asked: Asked, now: datetime) -> Asked:
    """The client has as many endpoints as it may have; the one that is to be enabled is none of them."""
    actor = asked["actor"]
    if "endpoint_id" in asked:
        _disabled_endpoint(asked, now)
    try:
        while True:
            endpoints.create(
                client_id=actor.client_id, created_by=actor.id, accounts=None, url="https://hooks.example.com/", description="", types=(),
                ordered=True, scheme="v1a", loopback=False, at=clock.wall_now(),
            )  # fmt: skip
    except TooManyEndpoints:
        return {}


def _suspended_ssi(asked: Asked, now: datetime) -> Asked:
    ssi = client_queries.find_active_ssi(account_of(asked).id, asked["asset"])
    if ssi is None:
        raise NotBefallen("there is none")
    clients.move_ssi(ssi=ssi, status=SsiStatus.SUSPENDED, evidence=stage_acts.WHY)
    return {}


def _charged(asked: Asked, now: datetime) -> Asked:
    """The client has to pay us as much as it has."""
    w = settlement.get_withdrawal(asked["withdrawal_id"], actor=asked["actor"])
    has = -balances.get_amount(client_ref(Kind.CLIENT_BALANCE, w.entity_id, w.account_id, w.asset_id))
    stage_acts.adjusted(
        w.account.code, Wanted(AdjustmentKind.CHARGE, "RECEIVE", w.asset_id, has, now.date() + timedelta(days=7), stage_acts.WHY), now
    )
    return {}


def held_balance(asked: Asked, now: datetime) -> Asked:
    """All that the account has of it is set aside for something else."""
    w = settlement.get_withdrawal(asked["withdrawal_id"], actor=asked["actor"])
    ref = client_ref(Kind.CLIENT_BALANCE, w.entity_id, w.account_id, w.asset_id)
    other = ids.uuid7()
    ledger.hold(ref=ref, amount=balances.available_but_for(ref, source_id=other), source_type="withdrawal", source_id=other, now=now)
    return {}


CAUSES: dict[str, Cause] = {
    "duplicate_client_rfq_id": _asked_before,
    "duplicate_client_order_id": _asked_before,
    "duplicate_withdrawal": _asked_before,
    "already_allocated": _asked_before,
    "already_disputed": _asked_before,
    "approval_open": _asked_before,
    "ssi_known": _asked_before,
    "illegal_state": _asked_before,
    "duplicate_execution": _other_figures,
    "version_superseded": _cancelled_deal,
    "not_allocatable": _frozen_deal,
    "key_ended": _ended_key,
    "too_many_keys": _all_keys,
    "endpoint_disabled": _disabled_endpoint,
    "too_many_endpoints": _all_endpoints,
    "no_settlement_instruction": _suspended_ssi,
    "not_withdrawable": _charged,
}
