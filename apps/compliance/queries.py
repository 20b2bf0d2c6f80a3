from collections.abc import Iterable
from uuid import UUID

from .models import Screening


def has_hit(subject_ids: Iterable[UUID]) -> bool:
    """Whether the latest screening of any of these found a listed name."""
    latest: dict[UUID, str] = {}
    for subject, result in Screening.objects.filter(subject_id__in=list(subject_ids)).order_by("id").values_list("subject_id", "result"):
        latest[subject] = result
    return "HIT" in latest.values()
