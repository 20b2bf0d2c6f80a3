"""Around the sending of a mail: lease it, commit, let floor 9 send, keep the result."""

from datetime import datetime
from uuid import UUID

from apps.core.unit import use_case
from apps.notify.models import Delivery
from apps.notify.operations import mails as notify


@use_case
def lease_mails(*, limit: int, now: datetime) -> list[UUID]:
    """Ids of due mails that nobody else will send for some minutes."""
    return notify.lease(limit=limit)


@use_case
def keep_sent(*, delivery_id: UUID, now: datetime) -> Delivery:
    """It was handed to the mail server."""
    return notify.mark_sent(delivery_id=delivery_id, now=now)


@use_case
def keep_bounced(*, delivery_id: UUID, error: str, now: datetime) -> Delivery:
    """It was not, and why."""
    return notify.mark_bounced(delivery_id=delivery_id, error=error)
