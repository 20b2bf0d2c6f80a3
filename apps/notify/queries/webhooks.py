"""A client's endpoints and what went to them; always through who may see them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from apps.clients import queries as clients
from apps.core import db, ids, sealing
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.notify.models import Attempt, Endpoint, Post, SigningKey
from apps.notify.rules import schedule, signing
from apps.notify.states import EndpointStatus, PostStatus
from apps.rfqs.queries import stamp


def visible_to(actor: Actor) -> QuerySet[Endpoint]:
    """A key sees the endpoints of its client that hear no more than it does; our own people see all."""
    endpoints = Endpoint.objects.select_related("client")
    if actor.is_client:
        mine = endpoints.filter(client_id=actor.client_id)
        if clients.names_all_accounts(actor):
            return mine
        return mine.filter(account_ids__isnull=False, account_ids__contained_by=list(actor.account_ids or ()))
    return endpoints if actor.kind in {"STAFF", "SYSTEM"} else endpoints.none()


def get_endpoint(endpoint_id: UUID, *, actor: Actor) -> Endpoint:
    """:raises NotFound: there is none, or it is not theirs"""
    found = visible_to(actor).filter(id=endpoint_id).first()
    if found is None:
        raise NotFound("no such webhook")
    return found


def lock_endpoint(endpoint_id: UUID, *, actor: Actor) -> Endpoint:
    """The row that whoever writes its deliveries locks first.

    :raises NotFound: there is none, or it is not theirs
    """
    found = visible_to(actor).select_for_update(no_key=True, of=("self",)).filter(id=endpoint_id).first()
    if found is None:
        raise NotFound("no such webhook")
    return found


def count_live(client_id: UUID) -> int:
    return Endpoint.objects.filter(client_id=client_id).exclude(status=EndpointStatus.DISABLED).count()


def list_posts(endpoint: Endpoint, *, at: datetime, status: str | None = None, kind: str | None = None) -> QuerySet[Post]:
    """What went, or is to go, to an endpoint, as far back as the log is shown."""
    rows = Post.objects.filter(endpoint=endpoint, created_at__gt=at - timedelta(days=schedule.KEEP_DAYS)).select_related("event")
    return rows.filter(**({"status": status} if status else {}), **({"event__kind": kind} if kind else {}))


def get_post(endpoint: Endpoint, event_id: UUID, *, at: datetime) -> Post:
    """:raises NotFound: this event never went there, or longer ago than the log is shown"""
    found = list_posts(endpoint, at=at).filter(event_id=event_id).first()
    if found is None:
        raise NotFound("no such delivery")
    return found


def lock_post(post_id: UUID) -> Post:
    """The caller holds the endpoint."""
    return Post.objects.select_for_update(no_key=True, of=("self",)).get(id=post_id)


def list_attempts(posts: Iterable[Post]) -> dict[UUID, list[Attempt]]:
    """The tries of each, in order."""
    found: dict[UUID, list[Attempt]] = defaultdict(list)
    for attempt in Attempt.objects.filter(post__in=[p.id for p in posts]).order_by("post_id", "number"):
        found[attempt.post_id].append(attempt)
    return found


# --- for the sender ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Letter:
    """All that sending one post needs; its keys are still sealed."""

    url: str
    message_id: str
    body: bytes
    endpoint_id: UUID
    sealed: tuple[tuple[int, str, bytes], ...]  # generation, scheme, sealed

    def keys(self) -> list[signing.Key]:
        """
        :raises CannotUnseal: a key was sealed under a SECRET_KEY that is gone
        """
        return [
            signing.Key(scheme, sealing.unseal(sealed, context=sealed_for(self.endpoint_id, generation, scheme)))
            for generation, scheme, sealed in self.sealed
        ]


_LETTER = """
SELECT e.url, v.id, v.kind, v.client_seq, v.recorded_at, v.public
FROM notify_post p JOIN notify_endpoint e ON e.id = p.endpoint_id JOIN events_event v ON v.id = p.event_id WHERE p.id = %s
"""
_KEYS = """
SELECT generation, scheme, sealed FROM notify_signingkey WHERE endpoint_id = %s AND coalesce(expires_at > %s, true) ORDER BY generation DESC
"""


def get_letter(post_id: UUID, endpoint_id: UUID, *, at: datetime) -> Letter:
    """A post with its message and the keys that sign it now, in one flight."""
    [(url, event_id, kind, seq, recorded, public)], keys = db.run_all((_LETTER, (post_id,)), (_KEYS, (endpoint_id, at)))
    message_id = ids.encode("evt", event_id)
    return Letter(
        url=url,
        message_id=message_id,
        body=signing.body(event_id=message_id, kind=kind, seq=seq, recorded=stamp(recorded), public=db.loads(public)),
        endpoint_id=endpoint_id,
        sealed=tuple((generation, scheme, bytes(sealed)) for generation, scheme, sealed in keys),
    )


def live_keys(endpoint: Endpoint, at: datetime) -> list[SigningKey]:
    """Newest first; the one before it for a day after a rotation."""
    live = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    return list(SigningKey.objects.filter(live, endpoint=endpoint).order_by("-generation"))


def sealed_for(endpoint_id: UUID, generation: int, scheme: str) -> str:
    """What a sealed key is bound to."""
    return f"webhook:{endpoint_id}:{generation}:{scheme}"


# --- as clients see them ----------------------------------------------------------------------------------------------
def describe_endpoints(endpoints: list[Endpoint], *, at: datetime) -> list[dict[str, Any]]:
    """Never with a secret."""
    of = [e.id for e in endpoints]
    waiting = dict(
        Post.objects.filter(endpoint_id__in=of)
        .exclude(status=PostStatus.SENT)
        .values_list("endpoint_id")
        .annotate(n=Count("id"))
        .order_by()
    )
    keys: dict[UUID, list[SigningKey]] = defaultdict(list)
    live = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    for key in SigningKey.objects.filter(live, endpoint_id__in=of).order_by("-generation"):
        keys[key.endpoint_id].append(key)
    return [_describe(e, keys[e.id], waiting.get(e.id, 0)) for e in endpoints]


def _describe(endpoint: Endpoint, keys: list[SigningKey], waiting: int) -> dict[str, Any]:
    return {
        "id": ids.encode("whe", endpoint.id),
        "url": endpoint.url,
        "description": endpoint.description,
        "types": endpoint.types,
        "accounts": None if endpoint.account_ids is None else [ids.encode("acc", one) for one in endpoint.account_ids],
        "order": "object" if endpoint.ordered else "parallel",
        "status": str(endpoint.status),
        "keys": [
            {
                "generation": key.generation,
                "signature": key.scheme,
                "public_key": signing.public_text(bytes(key.public_key)) if key.public_key is not None else None,
                "created_at": stamp(key.created_at),
                "expires_at": _stamp(key.expires_at),
            }
            for key in keys
        ],
        "last_seq": endpoint.last_seq,
        "waiting": waiting,
        "failures": endpoint.failures,
        "failing_since": _stamp(endpoint.failing_since),
        "created_at": stamp(endpoint.created_at),
    }


def host_of(endpoint: Endpoint) -> str:
    """The address as it may be told to all who read the client's events: its path can be a secret of the client's."""
    return urlsplit(endpoint.url).hostname or ""


def describe_posts(posts: list[Post]) -> list[dict[str, Any]]:
    return [
        {
            "event_id": ids.encode("evt", p.event_id),
            "type": p.event.kind,
            "seq": p.seq,
            "status": str(p.status),
            "attempts": p.attempts,
            "next_try_at": None if p.status == PostStatus.SENT else stamp(p.next_try_at),
            "created_at": stamp(p.created_at),
            "sent_at": _stamp(p.sent_at),
        }
        for p in posts
    ]


def describe_post(post: Post) -> dict[str, Any]:
    """With every try and the beginning of what was answered."""
    (head,) = describe_posts([post])
    tried = [
        {
            "number": a.number,
            "began_at": stamp(a.began_at),
            "took_ms": a.took_ms,
            "status_code": a.status_code,
            "error": a.error or None,
            "answer": a.answer,
        }
        for a in list_attempts([post])[post.id]
    ]
    return head | {"tried": tried}


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)


# --- for the desk -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Watched:
    """An endpoint with what waits for it."""

    endpoint: Endpoint
    host: str
    waiting: int
    since: datetime | None


def list_watched() -> list[Watched]:
    """Endpoints of all clients, the troubled ones first."""
    rows = db.run("SELECT endpoint_id, count(*), min(created_at) FROM notify_post WHERE status <> 'SENT' GROUP BY endpoint_id")
    waiting = {row[0]: (row[1], row[2]) for row in rows}
    rank = {EndpointStatus.DEGRADED: 0, EndpointStatus.ACTIVE: 1, EndpointStatus.DISABLED: 2}
    found = list(Endpoint.objects.select_related("client").order_by("client__code", "created_at", "id"))
    found.sort(key=lambda e: (rank[EndpointStatus(e.status)], e.failing_since is None))
    return [Watched(e, host_of(e), *waiting.get(e.id, (0, None))) for e in found]
