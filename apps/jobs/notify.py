"""Send the mails that are due: lease, commit, send outside every transaction, keep the result."""

import logging
import smtplib
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from apps.notify.queries import mails as queries
from apps.workflows.send_mails import keep_bounced, keep_sent, lease_mails

log = logging.getLogger(__name__)


def send_due(limit: int = 100) -> tuple[int, int]:
    """Send at most `limit` mails; how many went out, and how many did not."""
    due = lease_mails(limit=limit)
    sent = bounced = 0
    for delivery_id in due:
        if send(delivery_id):
            sent += 1
        else:
            bounced += 1
    return sent, bounced


def send(delivery_id: UUID) -> bool:
    """Send one leased mail and keep what became of it."""
    delivery = queries.get_delivery(delivery_id)
    domain = settings.MAIL_FROM.rpartition("@")[2].strip("> ") or "localhost"
    mail = EmailMessage(
        subject=delivery.subject,
        body=delivery.body,
        from_email=settings.MAIL_FROM,
        to=[delivery.recipient],
        # The same for every try, so that a mail sent twice is seen to be one.
        headers={"Message-ID": f"<{delivery.id}@{domain}>", "Auto-Submitted": "auto-generated"},
        connection=get_connection(timeout=settings.EMAIL_TIMEOUT)
        if settings.EMAIL_BACKEND.endswith("smtp.EmailBackend")
        else get_connection(),
    )
    try:
        mail.send()
    except (smtplib.SMTPException, OSError, ValueError) as no:  # ValueError: a header that Django refuses
        log.warning("mail %s not sent: %s", delivery.id, type(no).__name__)
        keep_bounced(delivery_id=delivery_id, error=f"{type(no).__name__}: {no}")
        return False
    keep_sent(delivery_id=delivery_id)
    return True


@shared_task(name="flowdesk.send_mails")
def send_mails() -> None:
    send_due()
