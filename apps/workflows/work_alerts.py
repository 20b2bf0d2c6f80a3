"""Compliance works an alert: takes it, writes about it, escalates it, and ends it with a reason or a report. Nobody else sees it."""

from datetime import datetime
from uuid import UUID

from apps.compliance import operations as compliance
from apps.compliance.errors import BadAlertWork
from apps.compliance.models import Alert
from apps.core.actor import Actor
from apps.core.unit import use_case
from apps.users import rules as people

ACT = "alert"
ACTS = ("TAKEN", "NOTED", "ESCALATED", "REPORTED", "CLOSED")


@use_case
def work_alert(*, actor: Actor, alert_id: UUID, act: str, text: str = "", now: datetime) -> Alert:
    """
    :param act: one of ACTS; REPORTED is to the authority, with where the report lies in `text`
    :raises AppError: RoleMissing, NotFound, IllegalMove, BadAlertWork (`pointer` names the field)
    """
    people.require_may(actor.roles, ACT)
    if act not in ACTS:
        raise BadAlertWork(f"one of {', '.join(ACTS)}", pointer="/act")
    most = 300 if act in {"REPORTED", "CLOSED"} else 500
    if (act != "TAKEN" and not text.strip()) or len(text.strip()) > most:
        raise BadAlertWork(f"say why, in up to {most} characters", pointer="/text")
    return compliance.work_alert(alert_id=alert_id, act=act, text=text.strip(), actor=actor, now=now)
