"""Queue mails out of events, lease them to a sender, and keep what became of them. Sending itself is floor 9's."""

from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from apps.core import db, ids
from apps.core.unit import step
from apps.events.models import Event
from apps.events.operations import Subscriber
from apps.notify.models import Delivery
from apps.notify.queries import mails as queries
from apps.notify.rules import mails as rules
from apps.notify.states import DELIVERY, DeliveryStatus

_LEASE = """
WITH due AS (
  SELECT id FROM notify_delivery WHERE status = 'PENDING' AND next_try_at <= clock_timestamp()
  ORDER BY next_try_at LIMIT %s FOR UPDATE SKIP LOCKED
)
UPDATE notify_delivery d SET tries = tries + 1, next_try_at = clock_timestamp() + make_interval(secs => %s)
FROM due WHERE d.id = due.id RETURNING d.id
"""
_AGAIN = """
WITH due AS (
  SELECT id FROM notify_delivery WHERE status = 'BOUNCED' AND tries < %s AND next_try_at <= clock_timestamp()
  ORDER BY next_try_at LIMIT %s FOR UPDATE SKIP LOCKED
)
UPDATE notify_delivery d SET status = 'PENDING' FROM due WHERE d.id = due.id RETURNING d.id
"""


@step
def queue_mails(*, event: Event, now: datetime) -> None:
    """One PENDING mail for each recipient of an event; told twice, it queues once. An address that is none is left out."""
    made = [
        Delivery(id=ids.uuid7(), event=event, channel="EMAIL", recipient=to, subject=mail.subject, body=mail.body, created_at=now)
        for to, mail in queries.mails_of(event)
        if _is_address(to)
    ]
    Delivery.objects.bulk_create(made, ignore_conflicts=True)


EMAIL = Subscriber(kinds=rules.KINDS, handle=queue_mails)


@step
def lease(*, limit: int) -> list[UUID]:
    """Take due mails for sending: nobody else does for LEASE_S seconds of wall time. Bounced ones come back while tries are left."""
    db.run(_AGAIN, (rules.MAX_TRIES, limit))
    return [row[0] for row in db.run(_LEASE, (limit, rules.LEASE_S))]


@step
def mark_sent(*, delivery_id: UUID, now: datetime) -> Delivery:
    """PENDING → SENT; sent before is fine."""
    delivery = queries.lock_delivery(delivery_id)
    if delivery.status == DeliveryStatus.PENDING:
        DELIVERY.move(delivery, DeliveryStatus.SENT)
        delivery.sent_at, delivery.error = now, ""
        delivery.save(update_fields=["status", "sent_at", "error"])
    return delivery


@step
def mark_bounced(*, delivery_id: UUID, error: str) -> Delivery:
    """PENDING → BOUNCED; tried again after a growing wait, MAX_TRIES times in all."""
    delivery = queries.lock_delivery(delivery_id)
    if delivery.status == DeliveryStatus.PENDING:
        DELIVERY.move(delivery, DeliveryStatus.BOUNCED)
        delivery.error = rules.one_line(error)[:300]
        delivery.save(update_fields=["status", "error"])
        wait = rules.wait_s(delivery.tries)
        db.run("UPDATE notify_delivery SET next_try_at = clock_timestamp() + make_interval(secs => %s) WHERE id = %s", (wait, delivery_id))
    return delivery


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True
