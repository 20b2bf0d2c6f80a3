"""A client's webhooks: endpoints made, changed and disabled, keys rotated, deliveries sent again. They live by the wall clock."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings

from apps.clients import queries as clients
from apps.core import clock
from apps.core.actor import Actor
from apps.core.unit import use_case
from apps.notify.models import Endpoint, Post
from apps.notify.operations import endpoints, posts
from apps.notify.operations.posts import Replay
from apps.notify.queries import webhooks as queries
from apps.notify.rules.signing import Key
from apps.users import rules as staff
from apps.users.errors import RoleMissing


@use_case
def create_webhook(
    *, actor: Actor, url: str, description: str, types: Sequence[str], ordered: bool, scheme: str, now: datetime
) -> tuple[Endpoint, Key]:
    """An endpoint and its first key, whose secret is handed over once.

    :raises AppError: UrlNotAllowed, TooManyEndpoints
    """
    assert actor.client_id is not None
    assert actor.id is not None
    return endpoints.create(
        client_id=actor.client_id,
        created_by=actor.id,
        accounts=None if clients.names_all_accounts(actor) else actor.account_ids,
        url=url,
        description=description,
        types=types,
        ordered=ordered,
        scheme=scheme,
        loopback=settings.WEBHOOKS_TO_LOOPBACK,
        at=clock.wall_now(),
    )


@use_case
def change_webhook(
    *,
    actor: Actor,
    endpoint_id: UUID,
    url: str | None,
    description: str | None,
    types: Sequence[str] | None,
    ordered: bool | None,
    enable: bool,
    now: datetime,
) -> Endpoint:
    """Change what is not None, and enable it where asked.

    :raises AppError: NotFound, UrlNotAllowed, TooManyEndpoints
    """
    if enable:
        assert actor.client_id is not None
        clients.lock_counterparty(actor.client_id)  # two at once do not pass the limit of endpoints
    return endpoints.change(
        endpoint=queries.lock_endpoint(endpoint_id, actor=actor),
        url=url,
        description=description,
        types=types,
        ordered=ordered,
        enable=enable,
        loopback=settings.WEBHOOKS_TO_LOOPBACK,
        at=clock.wall_now(),
    )


@use_case
def disable_webhook(*, actor: Actor, endpoint_id: UUID, now: datetime) -> Endpoint:
    """:raises NotFound: there is none"""
    return endpoints.disable(endpoint=queries.lock_endpoint(endpoint_id, actor=actor))


@use_case
def rotate_webhook(*, actor: Actor, endpoint_id: UUID, scheme: str | None, now: datetime) -> tuple[Endpoint, Key]:
    """A new key; both sign for a day.

    :raises NotFound: there is none
    """
    endpoint = queries.lock_endpoint(endpoint_id, actor=actor)
    return endpoint, endpoints.rotate(endpoint=endpoint, scheme=scheme, at=clock.wall_now())


@use_case
def ping_webhook(*, actor: Actor, endpoint_id: UUID, now: datetime) -> UUID:
    """A message to try the endpoint with; the event's id.

    :raises AppError: NotFound, EndpointDisabled
    """
    return endpoints.ping(endpoint=queries.lock_endpoint(endpoint_id, actor=actor))


@use_case
def resend_delivery(*, actor: Actor, endpoint_id: UUID, event_id: UUID, now: datetime) -> Post:
    """Send one message again, by the client or by our own operations.

    :raises AppError: NotFound, EndpointDisabled, RoleMissing
    """
    if not actor.is_client and not staff.may_make(actor.roles, "webhook_resend"):
        raise RoleMissing(f"a webhook is sent again by {', '.join(sorted(staff.ACTS['webhook_resend'][0]))}")
    return posts.resend(endpoint=queries.lock_endpoint(endpoint_id, actor=actor), event_id=event_id, at=clock.wall_now())


@use_case
def replay_deliveries(
    *, actor: Actor, endpoint_id: UUID, after_seq: int, since: datetime | None, until: datetime | None, now: datetime
) -> Replay:
    """Send a range of events again.

    :raises AppError: NotFound, EndpointDisabled
    """
    endpoint = queries.lock_endpoint(endpoint_id, actor=actor)
    return posts.replay(endpoint=endpoint, after_seq=after_seq, since=since, until=until, at=clock.wall_now())
