"""Drive each subscriber of settings.SUBSCRIBERS through the events that it has not had yet; seal history."""

import logging
import os
from pathlib import Path

from celery import shared_task
from django.conf import settings
from django.db import InterfaceError, OperationalError

from apps.events import operations as events
from apps.events import queries
from apps.workflows.anchor_chain import anchor_chain
from apps.workflows.deliver_events import deliver_event, deliver_together, note_failed_delivery, pass_over
from apps.workflows.seal_history import seal_history

TOGETHER = 10  # how many times more events a subscriber is read that takes them at once
log = logging.getLogger(__name__)


def drive(subscriber: str, limit: int = 500) -> int:
    """Deliver at most `limit` events after the subscriber's cursor, each in its own use case.

    A failed event holds the ones behind it back until it went through or was given up: order is part of the promise.

    :return: how many events the cursor moved over
    """
    reader = events.get_subscriber(subscriber)
    cursor, batch = queries.list_next(subscriber, limit * TOGETHER if reader.together else limit)
    after = (cursor.era, cursor.xid, cursor.position)
    if reader.together and batch:
        wanted = [event for event in batch if reader.wants(event)]
        try:
            return len(batch) if deliver_together(subscriber=subscriber, some=wanted, after=after, to=events.place_of(batch[-1])) else 0
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("%s: %d events at once; now one by one", subscriber, len(wanted))
    moved = skipped = 0
    for event in batch:
        if not reader.wants(event):
            skipped += 1
            continue
        try:
            if not deliver_event(subscriber=subscriber, event=event, after=after):
                return moved
        except (OperationalError, InterfaceError):
            raise  # the database's fault, not the event's
        except Exception as no:
            log.exception("%s: event %s (%s)", subscriber, event.id, event.kind)
            if not note_failed_delivery(subscriber=subscriber, event=event, after=after, error=f"{type(no).__name__}: {no}"):
                return moved
        after = events.place_of(event)
        moved, skipped = moved + skipped + 1, 0
    if skipped and pass_over(subscriber=subscriber, after=after, to=events.place_of(batch[-1])):
        moved += skipped
    return moved


def drive_all(limit: int = 500) -> dict[str, int]:
    """Every subscriber once; one that fails does not keep the others."""
    moved = {}
    for name in settings.SUBSCRIBERS:
        try:
            moved[name] = drive(name, limit)
        except Exception:
            log.exception("subscriber %s", name)
    return moved


def seal(blocks: int = 50) -> int:
    """Seal what waits, at most so many blocks; how many."""
    made = 0
    while made < blocks and seal_history() is not None:
        made += 1
    return made


def anchor() -> int:
    """Sign the chain's head once a day, and put every anchor that has no file into ANCHORS_DIR; how many files are new.

    A file is written once and never again: one that says something else than its row is told in the log, and left.
    """
    anchor_chain()
    settings.ANCHORS_DIR.mkdir(parents=True, exist_ok=True)
    return sum(_keep(settings.ANCHORS_DIR / f"{on.isoformat()}.jws", f"{signed}\n") for on, signed in queries.list_anchors())


def _keep(path: Path, text: str) -> bool:
    if path.exists():
        if path.read_text(encoding="utf-8") != text:
            log.error("%s is not what was written", path)
        return False
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        draft.chmod(0o440)
        path.hardlink_to(draft)  # whole or not there, and never in the place of another
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True


@shared_task(name="flowdesk.anchor_chain")
def anchor_daily() -> None:
    anchor()


@shared_task(name="flowdesk.seal_history")
def seal_all() -> None:
    seal()


@shared_task(name="flowdesk.drive_events")
def drive_events() -> None:
    drive_all()
