"""Events on their way to endpoints: queued out of the event table, leased to a sender, what became of each try. Times are wall time (`at`).

Lock order: endpoint, then post. The bound of what is under way to one endpoint, and the order of one object, are decided under the
endpoint's lock, so that no two senders have the same try in hand.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from apps.core import actor as acting
from apps.core import db, ids
from apps.core.unit import step
from apps.notify.models import Attempt, Endpoint, Post
from apps.notify.queries import webhooks as queries
from apps.notify.queries.webhooks import Letter
from apps.notify.rules import schedule
from apps.notify.rules.outcome import Outcome
from apps.notify.states import POST, PostStatus

from . import endpoints

# A client's events have numbers without gaps, given in commit order: whoever sees one sees all before it. So a number is a place.
# What the key that made the endpoint may see: events.rules.is_shown, in SQL.
_SHOWN = """(account_ids IS NULL OR CASE WHEN account_id IS NOT NULL THEN account_id = ANY (account_ids)
    ELSE subject_type <> 'request' OR kind NOT LIKE '%%.refused' OR actor_id IS NULL OR actor_id = created_by END)"""
_QUEUE = f"""
WITH behind AS (
  SELECT e.id, e.client_id, e.last_seq, e.types, e.account_ids, e.created_by
  FROM notify_endpoint e JOIN events_counter c ON c.client_id = e.client_id
  WHERE e.status <> 'DISABLED' AND c.last_seq > e.last_seq
  ORDER BY e.id LIMIT 100 FOR NO KEY UPDATE OF e SKIP LOCKED
), fresh AS (
  SELECT b.id AS endpoint_id, b.types, b.account_ids, b.created_by, v.* FROM behind b CROSS JOIN LATERAL (
    SELECT id, kind, subject_type, subject_id, account_id, actor_id, client_seq FROM events_event
    WHERE client_id = b.client_id AND client_seq > b.last_seq ORDER BY client_seq LIMIT %s) v
), made AS (
  INSERT INTO notify_post (id, endpoint_id, event_id, seq, object_id, status, tries, attempts, next_try_at, created_at)
  SELECT gen_random_uuid(), endpoint_id, id, client_seq, subject_id, 'PENDING', 0, 0, %s,
         %s::timestamptz + row_number() OVER (ORDER BY client_seq) * interval '1 microsecond' FROM fresh
  WHERE CASE kind WHEN 'webhook.pinged' THEN subject_id = endpoint_id ELSE types = '{{}}' OR kind = ANY (types) END
    AND {_SHOWN}
  ORDER BY endpoint_id, client_seq
  ON CONFLICT (endpoint_id, event_id) DO NOTHING RETURNING 1
), moved AS (
  UPDATE notify_endpoint e SET last_seq = top.seq FROM (SELECT endpoint_id, max(client_seq) AS seq FROM fresh GROUP BY 1) top
  WHERE e.id = top.endpoint_id RETURNING 1
)
SELECT (SELECT count(*) FROM fresh),
  (SELECT count(*) FROM notify_endpoint e JOIN events_counter c ON c.client_id = e.client_id
   WHERE e.status <> 'DISABLED' AND c.last_seq > e.last_seq AND e.id NOT IN (SELECT id FROM behind))
"""  # noqa: S608
_PICK = """
SELECT e.id, e.ordered, e.failures FROM notify_endpoint e
WHERE e.status <> 'DISABLED' AND coalesce(e.held_until <= %(at)s, true) AND e.id <> ALL (%(but)s::uuid[])
  AND EXISTS (SELECT 1 FROM notify_post p WHERE p.endpoint_id = e.id AND p.status <> 'SENT' AND p.next_try_at <= %(at)s
              AND coalesce(p.leased_until <= %(at)s, true))
  AND (SELECT count(*) FROM notify_post p WHERE p.endpoint_id = e.id AND p.leased_until > %(at)s)
      < CASE WHEN e.failures < %(break_after)s THEN %(at_once)s ELSE 1 END
ORDER BY e.served_at NULLS FIRST, e.id LIMIT 1 FOR NO KEY UPDATE OF e SKIP LOCKED
"""
_TAKE = """
WITH due AS (
  SELECT p.id, p.leased_until FROM notify_post p
  WHERE p.endpoint_id = %(endpoint)s AND p.status <> 'SENT' AND coalesce(p.leased_until <= %(at)s, true)
    AND (p.next_try_at <= %(at)s OR %(ordered)s AND %(broken)s AND EXISTS (
      SELECT 1 FROM notify_post y
      WHERE y.endpoint_id = p.endpoint_id AND y.object_id = p.object_id AND y.status <> 'SENT'
        AND y.seq > p.seq AND y.next_try_at <= %(at)s))
    AND (NOT %(ordered)s OR NOT EXISTS (
      SELECT 1 FROM notify_post x
      WHERE x.endpoint_id = p.endpoint_id AND x.object_id = p.object_id AND x.status <> 'SENT' AND x.seq < p.seq))
    AND (SELECT count(*) FROM notify_post b WHERE b.endpoint_id = p.endpoint_id AND b.leased_until > %(at)s) < %(room)s
  ORDER BY p.tries, p.seq LIMIT 1
)
UPDATE notify_post p SET attempts = p.attempts + 1, leased_until = %(until)s FROM due WHERE p.id = due.id
RETURNING p.id, p.attempts, due.leased_until
"""
_REST = """
UPDATE notify_endpoint e SET served_at = %(at)s, held_until = CASE
  WHEN EXISTS (SELECT 1 FROM notify_post p WHERE p.endpoint_id = e.id AND p.leased_until > %(at)s) THEN e.held_until ELSE %(wake)s END
WHERE e.id = %(endpoint)s
"""
# Answered, and nothing to be told of the endpoint: two statements, one flight, without the endpoint's lock.
_ANSWERED = """
INSERT INTO notify_attempt (id, post_id, number, began_at, took_ms, status_code, error, answer)
SELECT %s, p.id, p.attempts, %s, %s, %s, '', %s FROM notify_post p JOIN notify_endpoint e ON e.id = p.endpoint_id
WHERE p.id = %s AND p.attempts = %s AND p.leased_until IS NOT NULL AND e.failures = 0 AND e.status <> 'DEGRADED'
ON CONFLICT (post_id, number) DO NOTHING
"""
_SENT = """
UPDATE notify_post p SET status = 'SENT', sent_at = %s, leased_until = NULL
WHERE id = %s AND attempts = %s AND leased_until IS NOT NULL
  AND EXISTS (SELECT 1 FROM notify_attempt a WHERE a.post_id = p.id AND a.number = p.attempts AND a.error = '') RETURNING 1
"""
_REPLAY = f"""
WITH range AS (
  SELECT v.id, client_seq, subject_id FROM notify_endpoint e, events_event v
  WHERE e.id = %(endpoint)s AND v.client_id = e.client_id AND client_seq > %(after)s AND client_seq <= %(top)s
    AND recorded_at >= %(since)s AND recorded_at < %(until)s
    AND kind <> 'webhook.pinged' AND (types = '{{}}' OR kind = ANY (types))
    AND {_SHOWN}
  ORDER BY client_seq LIMIT %(most)s
)
INSERT INTO notify_post AS p (id, endpoint_id, event_id, seq, object_id, status, tries, attempts, next_try_at, created_at)
SELECT gen_random_uuid(), %(endpoint)s, id, client_seq, subject_id, 'PENDING', 0, 0, %(at)s,
       %(at)s::timestamptz + row_number() OVER (ORDER BY client_seq) * interval '1 microsecond' FROM range ORDER BY client_seq
ON CONFLICT (endpoint_id, event_id) DO UPDATE SET status = 'PENDING', tries = 0, next_try_at = %(at)s, sent_at = NULL
RETURNING seq
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Lease:
    """One try of one post, in the hands of one sender."""

    post_id: UUID
    endpoint_id: UUID
    number: int
    letter: Letter


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay has queued; where it is not complete, go on after `through_seq`."""

    queued: int
    through_seq: int
    complete: bool


@step
def queue(*, limit: int, at: datetime) -> tuple[int, int]:
    """One post for each event and endpoint that wants it, `limit` events an endpoint.

    :return: how many events were looked at, and how many endpoints were passed over because somebody had them in hand
    """
    seen, passed = db.one(_QUEUE, (limit, at, at))
    return seen, passed


@step
def lease(*, at: datetime, but: Collection[UUID]) -> tuple[UUID | None, Lease | None]:
    """Take one due post of the endpoint that was served longest ago; nobody else does until the lease ends.

    A lease that ran out belonged to a sender that died: its try is kept as lost. While an ordered endpoint fails, the first of an object is
    tried before its time where newer ones wait behind it: so its recovery is seen within the longest pause.

    :param but: endpoints not to be looked at
    :return: the endpoint that was looked at, None when nothing is due; and what was taken of it
    """
    picked = db.first(_PICK, {"at": at, "but": db.array(but), "break_after": schedule.BREAK_AFTER, "at_once": schedule.AT_ONCE})
    if picked is None:
        return None, None
    endpoint_id, ordered, failures = picked
    until = schedule.after(at, schedule.LEASE_S)
    room = schedule.at_once(failures)
    broken = failures >= schedule.BREAK_AFTER
    taken = db.first(_TAKE, {"endpoint": endpoint_id, "at": at, "ordered": ordered, "broken": broken, "room": room, "until": until})
    if taken is None:
        # All that is due waits behind something of its object. Where that is not under way either, it is not looked for at every tick.
        db.send(_REST, {"wake": schedule.after(at, schedule.IDLE_S), "at": at, "endpoint": endpoint_id})
        return endpoint_id, None
    db.send("UPDATE notify_endpoint SET served_at = %s WHERE id = %s", (at, endpoint_id))
    post_id, number, lost = taken
    if lost is not None:
        before = Attempt(
            id=ids.uuid7(),
            post_id=post_id,
            number=number - 1,
            began_at=schedule.after(lost, -schedule.LEASE_S),
            took_ms=0,
            error="sender_lost",
        )
        db.insert(before)
    return endpoint_id, Lease(post_id, endpoint_id, number, queries.get_letter(post_id, endpoint_id, at=at))


@step
def keep(*, lease: Lease, began: datetime, outcome: Outcome, at: datetime) -> bool:
    """What became of a leased try. False when its lease ran out and somebody else has it: then nothing is kept."""
    if outcome.is_sent and _keep_answered(lease, began, outcome, at):
        return True
    endpoint = queries.lock_endpoint(lease.endpoint_id, actor=acting.SYSTEM)
    post = queries.lock_post(lease.post_id)
    if post.attempts != lease.number or post.leased_until is None:
        return False
    db.insert(
        Attempt(
            id=ids.uuid7(),
            post=post,
            number=lease.number,
            began_at=began,
            took_ms=outcome.took_ms,
            status_code=outcome.status,
            error=outcome.error,
            answer=outcome.readable(),
        )
    )
    post.leased_until = None
    if outcome.error:
        early = post.next_try_at > began  # for the sake of what waits behind it: no step of its schedule
        if not early:
            post.tries += 1
            wait = schedule.wait_s(post.tries, draw=_draw, retry_after_s=outcome.retry_after_s)
            post.next_try_at = schedule.after(at, wait)
        if post.status == PostStatus.PENDING:
            POST.move(post, PostStatus.RETRYING)
        post.save(update_fields=["status", "tries", "next_try_at", "leased_until"])
        endpoints.note_failure(endpoint=endpoint, tries=0 if early else post.tries, at=at)
    else:
        POST.move(post, PostStatus.SENT)
        post.sent_at = at
        post.save(update_fields=["status", "sent_at", "leased_until"])
        endpoints.note_success(endpoint=endpoint, at=at)
    return True


def _keep_answered(lease: Lease, began: datetime, outcome: Outcome, at: datetime) -> bool:
    told = (ids.uuid7(), began, outcome.took_ms, outcome.status, outcome.readable(), lease.post_id, lease.number)
    _, sent = db.run_all((_ANSWERED, told), (_SENT, (at, lease.post_id, lease.number)))
    return bool(sent)


@step
def resend(*, endpoint: Endpoint, event_id: UUID, at: datetime) -> Post:
    """Send one again, or try it now; the message keeps its id. The caller holds the endpoint.

    :raises EndpointDisabled: it is
    :raises NotFound: this event never went there, or too long ago
    """
    endpoints.require_enabled(endpoint)
    post = queries.lock_post(queries.get_post(endpoint, event_id, at=at).id)
    if post.status != PostStatus.PENDING:
        POST.move(post, PostStatus.PENDING)
    post.tries, post.next_try_at, post.sent_at = 0, at, None
    post.save(update_fields=["status", "tries", "next_try_at", "sent_at"])
    _let_go(endpoint)
    return post


@step
def replay(*, endpoint: Endpoint, after_seq: int, since: datetime | None, until: datetime | None, at: datetime) -> Replay:
    """Send a range of events again, those that never went there too; the oldest 10,000 of it. The caller holds the endpoint.

    :param after_seq: exclusive
    :param since: recorded then or later; at most 90 days back
    :param until: recorded before then
    :raises EndpointDisabled: it is
    """
    endpoints.require_enabled(endpoint)
    oldest = at - timedelta(days=schedule.KEEP_DAYS)
    rows = db.run(
        _REPLAY,
        {
            "endpoint": endpoint.id,
            "after": after_seq,
            "top": endpoint.last_seq,
            "since": max(since or oldest, oldest),
            "until": until or schedule.after(at, schedule.LEASE_S),
            "most": schedule.MAX_REPLAY,
            "at": at,
        },
    )
    _let_go(endpoint)
    seqs = [row[0] for row in rows]
    complete = len(seqs) < schedule.MAX_REPLAY
    return Replay(len(seqs), max([after_seq, *seqs]) if not complete else endpoint.last_seq, complete)


def _let_go(endpoint: Endpoint) -> None:
    endpoint.held_until = None
    endpoint.save(update_fields=["held_until"])


def _draw(least: int, most: int) -> int:
    return least + secrets.randbelow(most - least + 1)
