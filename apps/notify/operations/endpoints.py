"""A client's endpoints: made, changed, disabled, enabled; their keys; how they fare. Times are wall time (`at`)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.clients import queries as clients
from apps.core import db, ids, sealing
from apps.core.unit import step
from apps.events import operations as events
from apps.events import queries as event_queries
from apps.notify.errors import EndpointDisabled, TooManyEndpoints
from apps.notify.models import Endpoint, SigningKey
from apps.notify.queries import webhooks as queries
from apps.notify.rules import addresses, schedule, signing
from apps.notify.states import ENDPOINT, EndpointStatus


@step
def create(
    *,
    client_id: UUID,
    created_by: UUID,
    accounts: Collection[UUID] | None,
    url: str,
    description: str,
    types: Sequence[str],
    ordered: bool,
    scheme: str,
    loopback: bool,
    at: datetime,
) -> tuple[Endpoint, signing.Key]:
    """An endpoint that is sent what happens from now on, with its first key.

    :param accounts: it hears of these and of the client as a whole; None: of all accounts, later ones too
    :param loopback: whether plain http to this machine is allowed (demo, tests)
    :raises UrlNotAllowed: see rules.addresses
    :raises TooManyEndpoints: ten already
    """
    addresses.parse(url, loopback=loopback)
    clients.lock_counterparty(client_id)  # two at once do not pass the limit
    if queries.count_live(client_id) >= schedule.MAX_ENDPOINTS:
        raise TooManyEndpoints(f"at most {schedule.MAX_ENDPOINTS}: disable one first")
    made = Endpoint(
        id=ids.uuid7(),
        client_id=client_id,
        url=url,
        description=description,
        types=sorted(set(types)),
        account_ids=None if accounts is None else sorted(accounts),
        ordered=ordered,
        created_at=at,
        created_by=created_by,
        last_seq=event_queries.top_seq(client_id),
    )
    db.insert(made)
    key = _add_key(made, 1, scheme, at)
    tell(endpoint=made, kind="webhook.created")
    return made, key


@step
def change(
    *,
    endpoint: Endpoint,
    url: str | None,
    description: str | None,
    types: Sequence[str] | None,
    ordered: bool | None,
    enable: bool,
    loopback: bool,
    at: datetime,
) -> Endpoint:
    """Change what is given; the caller holds the row, and the client's to enable. A new address starts without the failures of the old one.

    Enabled again, it is sent what happens from then on, after what was still waiting; what came meanwhile is had by a replay.

    :raises UrlNotAllowed: see rules.addresses
    :raises TooManyEndpoints: ten others are enabled
    """
    if url is not None and url != endpoint.url:
        addresses.parse(url, loopback=loopback)
        endpoint.url = url
        _forget_failures(endpoint, at)
    if description is not None:
        endpoint.description = description
    if types is not None:
        endpoint.types = sorted(set(types))
    if ordered is not None:
        endpoint.ordered = ordered
    if enable and endpoint.status == EndpointStatus.DISABLED:
        _enable(endpoint, at)
    endpoint.save()
    tell(endpoint=endpoint, kind="webhook.changed")
    return endpoint


@step
def disable(*, endpoint: Endpoint) -> Endpoint:
    """Nothing is sent any more; what waits is kept. Disabled before is fine. The caller holds the row."""
    if endpoint.status != EndpointStatus.DISABLED:
        ENDPOINT.move(endpoint, EndpointStatus.DISABLED)
        endpoint.save(update_fields=["status"])
        tell(endpoint=endpoint, kind="webhook.disabled")
    return endpoint


def _enable(endpoint: Endpoint, at: datetime) -> None:
    if queries.count_live(endpoint.client_id) >= schedule.MAX_ENDPOINTS:
        raise TooManyEndpoints(f"at most {schedule.MAX_ENDPOINTS}: disable one first")
    ENDPOINT.move(endpoint, EndpointStatus.ACTIVE)
    endpoint.last_seq = event_queries.top_seq(endpoint.client_id)
    _forget_failures(endpoint, at)


@step
def rotate(*, endpoint: Endpoint, scheme: str | None, at: datetime) -> signing.Key:
    """A new key; the one before signs beside it for a day, any older one ends now. The caller holds the row.

    :param scheme: v1a or v1; None for the same as before
    """
    live = queries.live_keys(endpoint, at)
    current = live[0]
    for old in live[1:]:
        old.expires_at = at
        old.save(update_fields=["expires_at"])
    current.expires_at = at + schedule.OVERLAP
    current.save(update_fields=["expires_at"])
    key = _add_key(endpoint, current.generation + 1, scheme or current.scheme, at)
    tell(endpoint=endpoint, kind="webhook.rotated")
    return key


@step
def ping(*, endpoint: Endpoint) -> UUID:
    """A message that goes to this endpoint alone, whatever its types.

    :return: the event's id
    :raises EndpointDisabled: it is
    """
    require_enabled(endpoint)
    return tell(endpoint=endpoint, kind="webhook.pinged")


def require_enabled(endpoint: Endpoint) -> None:
    """:raises EndpointDisabled: it is"""
    if endpoint.status == EndpointStatus.DISABLED:
        raise EndpointDisabled("enable it first")


def tell(*, endpoint: Endpoint, kind: str, **more: Any) -> UUID:
    """Record what happened to an endpoint, without its whole address."""
    public = {
        "id": ids.encode("whe", endpoint.id),
        "host": queries.host_of(endpoint),
        "status": str(endpoint.status),
        "types": endpoint.types,
        "order": "object" if endpoint.ordered else "parallel",
        **more,
    }
    return events.record(kind, subject_type="webhook", subject_id=endpoint.id, client_id=endpoint.client_id, public=public)


# --- how it fares -----------------------------------------------------------------------------------------------------
@step
def note_success(*, endpoint: Endpoint, at: datetime) -> None:
    """It answered: what waited for its recovery is due now. The caller holds the row."""
    if not endpoint.failures and endpoint.status != EndpointStatus.DEGRADED:
        return
    was_broken = endpoint.failures >= schedule.BREAK_AFTER
    recovered = endpoint.status == EndpointStatus.DEGRADED
    if recovered:
        ENDPOINT.move(endpoint, EndpointStatus.ACTIVE)
    endpoint.failures, endpoint.failing_since, endpoint.held_until = 0, None, None
    endpoint.save(update_fields=["status", "failures", "failing_since", "held_until"])
    if was_broken or recovered:
        _bring_forward(endpoint, at)
    if recovered:
        tell(endpoint=endpoint, kind="webhook.recovered")


@step
def note_failure(*, endpoint: Endpoint, tries: int, at: datetime) -> None:
    """It did not answer. The caller holds the row.

    :param tries: how often the delivery in hand has failed now
    """
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or at
    pause = schedule.pause_s(endpoint.failures)
    endpoint.held_until = schedule.after(at, pause) if pause else None
    used_up = endpoint.status == EndpointStatus.ACTIVE and schedule.is_used_up(tries, endpoint.failing_since, at)
    if used_up:
        ENDPOINT.move(endpoint, EndpointStatus.DEGRADED)
    endpoint.save(update_fields=["status", "failures", "failing_since", "held_until"])
    if used_up:
        since = queries.describe_endpoints([endpoint], at=at)[0]
        tell(endpoint=endpoint, kind="webhook.degraded", failing_since=since["failing_since"], waiting=since["waiting"])


def _forget_failures(endpoint: Endpoint, at: datetime) -> None:
    endpoint.failures, endpoint.failing_since, endpoint.held_until = 0, None, None
    _bring_forward(endpoint, at)


def _bring_forward(endpoint: Endpoint, at: datetime) -> None:
    db.send(
        "UPDATE notify_post SET next_try_at = %s WHERE endpoint_id = %s AND status = 'RETRYING' AND next_try_at > %s", (at, endpoint.id, at)
    )


def _add_key(endpoint: Endpoint, generation: int, scheme: str, at: datetime) -> signing.Key:
    key = signing.new_key(scheme)
    sealed = sealing.seal(key.secret, context=queries.sealed_for(endpoint.id, generation, scheme))
    db.insert(
        SigningKey(
            id=ids.uuid7(),
            endpoint=endpoint,
            generation=generation,
            scheme=scheme,
            sealed=sealed,
            public_key=key.public(),
            created_at=at,
        )
    )
    return key
