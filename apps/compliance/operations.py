"""Screen a name and keep what was found."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from apps.core import db, ids
from apps.core.unit import step
from apps.events import operations as events

from . import rules
from .models import ListEntry, Screening

Screener = Callable[[str], Sequence[str]]


def list_based(name: str) -> Sequence[str]:
    """The default hook: what the imported lists say of this name."""
    return rules.matches(name, ListEntry.objects.values_list("name", flat=True))


@step
def screen(*, subject_type: str, subject_id: UUID, name: str, now: datetime) -> Screening:
    """Ask the hook of settings.SCREENING (a callable: name → matches) and keep its answer."""
    hook: Screener = import_string(settings.SCREENING)
    found = list(hook(name))
    made = Screening(
        id=ids.uuid7(),
        subject_type=subject_type,
        subject_id=subject_id,
        name=name,
        result="HIT" if found else "CLEAR",
        matches=found,
        screened_at=now,
    )
    db.insert(made)
    events.record("screening.done", subject_type=subject_type, subject_id=subject_id, house={"result": made.result, "matches": found})
    return made


@step
def add_list_entry(*, list_name: str, name: str, country: str = "", reference: str = "") -> ListEntry:
    entry, _ = ListEntry.objects.get_or_create(list_name=list_name, name=name, defaults={"country": country, "reference": reference})
    return entry
