"""Screen a name and keep what was found; raise an alert and work it."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError
from django.utils.module_loading import import_string

from apps.compliance import rules
from apps.compliance.models import Alert, AlertNote, ListEntry, ListLoad, Screening
from apps.compliance.rules import Finding
from apps.compliance.states import ALERT, AlertStatus
from apps.core import db, ids
from apps.core.actor import Actor
from apps.core.errors import AppError, Busy, IllegalMove, NotFound
from apps.core.unit import step
from apps.events import operations as events

Screener = Callable[[str], Sequence[str]]


def list_based(name: str) -> Sequence[str]:
    """The default hook: what the imported lists say of this name."""
    return rules.matches(name, ListEntry.objects.values_list("name", flat=True))


@step
def screen(*, subject_type: str, subject_id: UUID, name: str, now: datetime) -> Screening:
    """Ask the hook of settings.SCREENING (a callable: name → matches) and keep its answer."""
    found = _ask(name)
    made = _keep(subject_type, subject_id, name, found, "HIT" if found else "CLEAR", now)
    events.record("screening.done", subject_type=subject_type, subject_id=subject_id, house={"result": made.result, "matches": found})
    return made


@step
def screen_again(*, subject_type: str, subject_id: UUID, name: str, now: datetime) -> Screening:
    """:func:`screen` of one who is with us: what compliance has cleared the same name of holds nothing back a second time."""
    found = _ask(name)
    last = Screening.objects.filter(subject_id=subject_id).order_by("screened_at", "id").last()
    cleared = set(last.matches) if last is not None and last.result == "CLEAR" and last.name == name[:200] else set()
    made = _keep(subject_type, subject_id, name, found, "CLEAR" if set(found) <= cleared else "HIT", now)
    events.record("screening.done", subject_type=subject_type, subject_id=subject_id, house={"result": made.result, "matches": found})
    return made


def digest(matches: Sequence[str]) -> str:
    """A short name of what a screening found, whatever the order."""
    return hashlib.sha256("\n".join(sorted(matches)).encode()).hexdigest()[:16]


@step
def clear_name(*, subject_type: str, subject_id: UUID, name: str, evidence: str, now: datetime) -> Screening:
    """Screen a name that compliance has decided on: what matches is written, and holds nothing back any more."""
    found = _ask(name)
    made = _keep(subject_type, subject_id, name, found, "CLEAR", now)
    house = {"matches": found, "evidence": evidence}
    events.record("screening.cleared", subject_type=subject_type, subject_id=subject_id, house=house)
    return made


def _ask(name: str) -> list[str]:
    """What matches. The lists are held as they are until the transaction ends: what is loaded meanwhile counts as loaded after it.

    :raises Busy: the hook failed; nothing is known of the name
    """
    db.run("SELECT pg_advisory_xact_lock_shared(hashtextextended('lists', 0))")
    hook: Screener = import_string(settings.SCREENING)
    try:
        return sorted(hook(name))
    except (AppError, DatabaseError):
        raise
    except Exception as no:
        raise Busy("the screening did not answer: nothing was done") from no


def _keep(subject_type: str, subject_id: UUID, name: str, found: list[str], result: str, now: datetime) -> Screening:
    made = Screening(
        id=ids.uuid7(), subject_type=subject_type, subject_id=subject_id, name=name[:200], result=result, matches=found, screened_at=now
    )
    db.insert(made)
    return made


@step
def load_entries(*, list_name: str, entries: Sequence[tuple[str, str, str]], now: datetime) -> int:
    """Names to screen against: (name, country, reference); known ones stay as they are. How many are new: everybody is due again then."""
    db.run("SELECT pg_advisory_xact_lock(hashtextextended('lists', 0))")
    known = set(ListEntry.objects.filter(list_name=list_name).values_list("name", flat=True))
    fresh = {name: (country, reference) for name, country, reference in reversed(entries) if name not in known}
    ListEntry.objects.bulk_create(
        ListEntry(id=ids.uuid7(), list_name=list_name, name=name, country=country, reference=reference)
        for name, (country, reference) in fresh.items()
    )
    if fresh:
        db.insert(ListLoad(id=ids.uuid7(), list_name=list_name, added=len(fresh), loaded_at=now))
        events.record("list.loaded", subject_type="list", subject_id=ids.uuid7(), house={"list": list_name, "added": len(fresh)})
    return len(fresh)


@step
def raise_alert(*, finding: Finding, now: datetime) -> bool:
    """Whether it is new: a rule speaks once about a cause."""
    made = ids.uuid7()
    given = (
        made, str(finding.rule), finding.cause[:120], finding.why[:300], finding.client_id, finding.client_name[:200], finding.subject_type,
        finding.subject_id, now,
    )  # fmt: skip
    rows = db.run(
        "INSERT INTO compliance_alert (id, rule, cause, status, why, client_id, client_name, subject_type, subject_id, raised_at, "
        "owner_name, outcome) VALUES (%s, %s, %s, 'OPEN', %s, %s, %s, %s, %s, %s, '', '') "
        "ON CONFLICT (rule, cause) DO NOTHING RETURNING id",
        given,
    )
    if rows:
        told = {"rule": str(finding.rule), "cause": finding.cause, "why": finding.why, "about": str(finding.subject_id)}
        events.record("alert.raised", subject_type="alert", subject_id=made, house=told)
    return bool(rows)


@step
def work_alert(*, alert_id: UUID, act: str, text: str, actor: Actor, now: datetime) -> Alert:
    """Take it, write about it, or move it on; each stays on record.

    :param act: NOTED, TAKEN, ESCALATED, REPORTED or CLOSED
    :raises NotFound: no such alert
    :raises IllegalMove: it has ended, or is not escalated yet
    """
    assert actor.id is not None, "one of our own people"
    one = Alert.objects.select_for_update(no_key=True).filter(id=alert_id).first()
    if one is None:
        raise NotFound("no such alert")
    if act in {"ESCALATED", "REPORTED", "CLOSED"}:
        ALERT.move(one, AlertStatus(act))
        if act != "ESCALATED":
            one.outcome, one.ended_at = text[:300], now
    elif one.ended_at is not None:
        raise IllegalMove(f"the alert is {one.status}", state=str(one.status))
    if act == "TAKEN" or (one.owner_id is None and act != "NOTED"):
        one.owner_id, one.owner_name = actor.id, actor.name[:120]
    one.save(update_fields=["status", "outcome", "ended_at", "owner_id", "owner_name"])
    db.insert(AlertNote(id=ids.uuid7(), alert=one, act=act, text=text[:500], by=actor.id, by_name=actor.name[:120], at=now))
    events.record(f"alert.{act.lower()}", subject_type="alert", subject_id=one.id, house={"by": actor.name, "status": str(one.status)})
    return one
