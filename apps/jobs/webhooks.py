"""Send the webhooks that are due. A receiver may take 15 s to say nothing, so threads beside the worker's tasks do it, and no task waits.

A worker that is killed leaves leases that run out: what it had in hand goes out again, with the same `webhook-id`.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db import connection

from apps.core import clock, money, sealing
from apps.notify.errors import UrlNotAllowed
from apps.notify.operations.posts import Lease
from apps.notify.rails import https
from apps.notify.rules import addresses, signing
from apps.notify.rules.outcome import Outcome
from apps.workflows.deliver_webhooks import keep_outcome, lease_post, queue_posts

log = logging.getLogger(__name__)
THREADS = 32
BATCH = 500
ASK_AGAIN, WAKE_EVERY_MS = 25, 20
LOOK_TWICE = 2
LOOK_AGAIN = 20  # so many sent, and endpoints that had nothing are asked again
Clock = Callable[[], datetime]


def queue_due(now: Clock = clock.wall_now) -> int:
    """Queue what endpoints have not been given yet, all of it; how many events were looked at."""
    seen: int = 0
    asked_again = 0
    while True:
        fresh, passed = queue_posts(limit=BATCH, at=now())
        seen += fresh
        if not fresh:
            if not passed or asked_again == ASK_AGAIN:
                return seen
            asked_again += 1
            time.sleep(WAKE_EVERY_MS / 1000)  # a sender has the endpoint for some milliseconds


def send_some(now: Clock = clock.wall_now, lookup: https.Lookup = https.system_lookup, found: Callable[[], None] = lambda: None) -> int:
    """Send what is due, one after the other, until nothing is that this thread may take; how many were tried.

    :param found: called before each try: where one is due, more may be, and this one may take its time
    """
    tried = missed = 0
    idle: set[UUID] = set()
    while True:
        endpoint_id, lease = lease_post(at=now(), but=idle)
        if lease is not None:
            found()
            send(lease, now, lookup)
            tried, missed = tried + 1, 0
            if tried % LOOK_AGAIN == 0:
                idle.clear()
        elif endpoint_id is not None:
            idle.add(endpoint_id)
        elif tried and missed < LOOK_TWICE:  # what is due may be in another sender's hands for a moment
            missed += 1
            idle.clear()
            time.sleep(WAKE_EVERY_MS / 1000)
        else:
            return tried


def send(lease: Lease, now: Clock = clock.wall_now, lookup: https.Lookup = https.system_lookup) -> bool:
    """Make one leased try, outside every transaction, and keep what became of it."""
    began = now()
    outcome = _post(lease, began, lookup)
    return bool(keep_outcome(lease=lease, began=began, outcome=outcome, at=now()))


def _post(lease: Lease, at: datetime, lookup: https.Lookup) -> Outcome:
    letter = lease.letter
    try:
        target = addresses.parse(letter.url, loopback=settings.WEBHOOKS_TO_LOOPBACK)
        headers = signing.headers(message_id=letter.message_id, at=at, body=letter.body, keys=letter.keys())
    except sealing.CannotUnseal as no:
        log.error("webhook key %s cannot be read: is a SECRET_KEY missing in SECRET_KEY_FALLBACKS?", no)
        return Outcome(took_ms=0, error="key_unreadable")
    except UrlNotAllowed:  # allowed when it was given to us, not any more
        return Outcome(took_ms=0, error="address_not_allowed")
    connection.close()  # back to the pool while the receiver thinks
    return https.post(target, headers=headers, body=letter.body, lookup=lookup)


class Senders:
    """At most THREADS threads of this process; each ends when nothing is due for it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running = 0
        self.woken = time.monotonic()

    def wake(self) -> None:
        """One thread more, where there is room."""
        with self.lock:
            if self.running >= THREADS:
                return
            self.running += 1
            self.woken = time.monotonic()
        threading.Thread(target=self._run, name="webhook-sender", daemon=True).start()

    def _found(self) -> None:
        if time.monotonic() - self.woken > WAKE_EVERY_MS / 1000:
            self.wake()

    def _run(self) -> None:
        money.use_exact_context()
        try:
            send_some(found=self._found)
        except Exception:
            log.exception("sending webhooks")
        finally:
            with self.lock:
                self.running -= 1
            connection.close()


senders = Senders()


@shared_task(name="flowdesk.send_webhooks")
def send_webhooks() -> None:
    queue_due()
    senders.wake()
