"""Around the sending of a webhook: queue it, lease it, commit, let floor 9 send, keep what became of it. `at` is wall time."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from apps.core.unit import use_case
from apps.notify.operations import posts
from apps.notify.operations.posts import Lease
from apps.notify.rules.outcome import Outcome


@use_case
def queue_posts(*, limit: int, at: datetime, now: datetime) -> tuple[int, int]:
    """Deliveries of events that endpoints have not been given yet: how many events, and how many endpoints have to be asked again."""
    return posts.queue(limit=limit, at=at)


@use_case
def lease_post(*, at: datetime, but: Collection[UUID], now: datetime) -> tuple[UUID | None, Lease | None]:
    """One due try that nobody else makes for a minute, and the endpoint that was looked at for it."""
    return posts.lease(at=at, but=but)


@use_case
def keep_outcome(*, lease: Lease, began: datetime, outcome: Outcome, at: datetime, now: datetime) -> bool:
    """What became of a try; False when it was no longer ours."""
    return posts.keep(lease=lease, began=began, outcome=outcome, at=at)
