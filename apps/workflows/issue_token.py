"""A key's bearer token: nothing of it is stored but that it was asked for."""

from datetime import datetime
from uuid import UUID

from apps.core.actor import Actor
from apps.core.unit import use_case
from apps.events import operations as events


@use_case
def issue_token(*, actor: Actor, key_pk: UUID, expires_at: datetime, now: datetime) -> datetime:
    """Note that a key asked for a token; when the token ends."""
    house = {"key_id": actor.key_id, "expires_at": expires_at.isoformat()}
    events.record("token.issued", subject_type="key", subject_id=key_pk, house=house)
    return expires_at
