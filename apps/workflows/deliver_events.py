"""Tell a subscriber of one event, in one transaction with what it makes of it; or keep why it could not."""

from collections.abc import Sequence
from datetime import datetime

from apps.core.unit import use_case
from apps.events import operations as events
from apps.events.models import Event

Place = tuple[int, int, int]


@use_case
def deliver_event(*, subscriber: str, event: Event, after: Place, now: datetime) -> bool:
    """At least once, in commit order. False when another worker was faster."""
    return events.deliver(subscriber=subscriber, events=[event], after=after, to=events.place_of(event), now=now)


@use_case
def deliver_together(*, subscriber: str, some: Sequence[Event], after: Place, to: Place, now: datetime) -> bool:
    """Many at once, to a subscriber that takes them so; the cursor moves over those it is not told of, too."""
    return events.deliver(subscriber=subscriber, events=some, after=after, to=to, now=now)


@use_case
def pass_over(*, subscriber: str, after: Place, to: Place, now: datetime) -> bool:
    """Move a cursor over events that its subscriber is not told of."""
    return events.deliver(subscriber=subscriber, events=[], after=after, to=to, now=now)


@use_case
def note_failed_delivery(*, subscriber: str, event: Event, after: Place, error: str, now: datetime) -> bool:
    """Count a failed try; True when the event was given up and set aside."""
    return events.note_failure(subscriber=subscriber, event=event, after=after, error=error, now=now)
