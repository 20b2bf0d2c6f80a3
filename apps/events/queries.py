"""Reading the event table: one client's in sequence, one subject's, and all in commit order."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from apps.core import db
from apps.core.actor import Actor

from . import rules
from .models import Anchor, Cursor, Event, Failure, Seal
from .rules import GENESIS


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a client's events for one key: `shown` and `skipped` (first and last number) together leave no number out."""

    shown: list[Event]
    skipped: list[tuple[int, int]]
    through_seq: int


def read_page(*, actor: Actor, whole: Callable[[], bool], after_seq: int, limit: int) -> Page:
    """The next `limit` events of the client, as this member's key may see them.

    :param whole: whether the key names all accounts of the client; asked only where it decides
    """
    page = Page([], [], after_seq)
    seq = after_seq
    for event in list_for_client(actor=actor, after_seq=after_seq, limit=limit):
        assert event.client_seq is not None
        seq = event.client_seq
        asked_by = event.actor_id if event.subject_type == "request" and event.kind.endswith(".refused") else None
        accounts = actor.account_ids or ()
        shown = rules.is_shown(account_id=event.account_id, asked_by=asked_by, accounts=accounts, member_id=actor.id, whole=False)
        if shown or (event.account_id is None and whole()):
            page.shown.append(event)
        elif page.skipped and page.skipped[-1][1] == seq - 1:
            page.skipped[-1] = (page.skipped[-1][0], seq)
        else:
            page.skipped.append((seq, seq))
    return replace(page, through_seq=seq)


def list_for_client(*, actor: Actor, after_seq: int, limit: int) -> list[Event]:
    """A client's own events after `after_seq` (exclusive), in order."""
    return list(Event.objects.filter(client_id=actor.client_id, client_seq__gt=after_seq).order_by("client_seq")[:limit])


def list_of(subject_ids: Iterable[UUID], *, client_id: UUID) -> list[Event]:
    """What a client was told of these things, in order."""
    rows = Event.objects.filter(subject_id__in=list(subject_ids), client_id=client_id, client_seq__isnull=False)
    return list(rows.order_by("client_seq"))


def top_seq(client_id: UUID) -> int:
    """The client's last sequence number; 0 when it has none."""
    row = db.first("SELECT last_seq FROM events_counter WHERE client_id = %s", (client_id,))
    return int(row[0]) if row else 0


def list_recent(limit: int = 50) -> list[Event]:
    return list(Event.objects.order_by("-position")[:limit])


def list_after(*, era: int, xid: int, position: int, limit: int) -> list[Event]:
    """Events in commit order after a cursor: only those older than every running transaction."""
    return list(
        Event.objects.raw(
            """SELECT * FROM events_event
               WHERE (era, xid, position) > (%s, %s, %s) AND xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
               ORDER BY era, xid, position LIMIT %s""",
            [era, xid, position, limit],
        )
    )


def list_next(subscriber: str, limit: int) -> tuple[Cursor, list[Event]]:
    """Where a subscriber stands and what comes after it, unlocked; whoever delivers compares the place again under the lock."""
    cursor = Cursor.objects.filter(subscriber=subscriber).first() or Cursor(subscriber=subscriber)
    return cursor, list_after(era=cursor.era, xid=cursor.xid, position=cursor.position, limit=limit)


def lock_cursor(subscriber: str) -> Cursor | None:
    """The subscriber's place; None while another worker holds it."""
    return Cursor.objects.select_for_update(no_key=True, skip_locked=True).filter(subscriber=subscriber).first()


def list_cursors() -> list[Cursor]:
    """How far each subscriber has come, with its last error."""
    return list(Cursor.objects.order_by("subscriber"))


def list_failures(limit: int = 200) -> list[Failure]:
    """Events that a subscriber gave up on, newest first."""
    return list(Failure.objects.select_related("event").order_by("-failed_at", "-id")[:limit])


_CHAIN = 0x5EA1  # advisory lock: one sealer at a time


def lock_chain() -> bool:
    """Be the only sealer until the commit; False while another one is."""
    return bool(db.one("SELECT pg_try_advisory_xact_lock(%s)", (_CHAIN,))[0])


def get_chain_head() -> tuple[int, int, int, bytes]:
    """Number, era, xid and head of the last block; before the first 0, 1, 0 and zeros."""
    row = db.first("SELECT number, era, xid, head FROM events_seal ORDER BY number DESC LIMIT 1")
    return (row[0], row[1], row[2], bytes(row[3])) if row else (0, 1, 0, GENESIS)


def find_sealed() -> tuple[int | None, str]:
    """Number and head (hexadecimal) of the last block; (None, "") before the first."""
    number, _, _, head = get_chain_head()
    return (number, head.hex()) if number else (None, "")


def list_anchors(most: int = 60) -> list[tuple[date, str]]:
    """Date and signed head of the last anchors, the last first."""
    return list(Anchor.objects.order_by("-date").values_list("date", "signed")[:most])


def has_anchor(on: date) -> bool:
    return Anchor.objects.filter(date=on).exists()


def iterate_seals() -> Iterator[Seal]:
    """The chain from its first block on, few at a time."""
    return Seal.objects.order_by("number").iterator(chunk_size=20)
