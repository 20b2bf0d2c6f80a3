"""What was screened, and the alerts that compliance works."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.compliance.models import Alert, AlertNote, Screening
from apps.core.errors import NotFound


def has_hit(subject_ids: Iterable[UUID]) -> bool:
    """Whether the latest screening of any of these found a listed name; what was screened by several names at once is one screening."""
    latest: dict[UUID, tuple[datetime, set[str]]] = {}
    rows = Screening.objects.filter(subject_id__in=list(subject_ids)).order_by("screened_at", "id")
    for subject, result, at in rows.values_list("subject_id", "result", "screened_at"):
        same = subject in latest and latest[subject][0] == at
        latest[subject] = (at, latest[subject][1] | {result} if same else {result})
    return any("HIT" in results for _, results in latest.values())


def list_alerts(*, every: bool = False) -> QuerySet[Alert]:
    """Those that are open, the oldest first; or every one, the newest first."""
    return Alert.objects.order_by("-raised_at", "-id") if every else Alert.objects.filter(ended_at__isnull=True).order_by("raised_at", "id")


def list_alerts_of(day: date) -> list[Alert]:
    """What was raised or ended on a day (UTC), and what is open at its end, the oldest first."""
    ends = datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC)
    starts = ends - timedelta(days=1)
    rows = Alert.objects.filter(raised_at__lt=ends).filter(Q(ended_at__isnull=True) | Q(ended_at__gte=starts))
    return list(rows.order_by("raised_at", "id"))


def get_alert(alert_id: UUID) -> Alert:
    """:raises NotFound: no such alert"""
    found = Alert.objects.filter(id=alert_id).first()
    if found is None:
        raise NotFound("no such alert")
    return found


def list_alert_notes(alert_id: UUID) -> list[AlertNote]:
    """What was done about it, in its order."""
    return list(AlertNote.objects.filter(alert_id=alert_id).order_by("at", "id"))
