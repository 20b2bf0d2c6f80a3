"""Screening of names against lists: the default behind the hook settings.SCREENING. Alerts of monitoring, with what was done about them."""

from django.db import models
from django.db.models import Q

from apps.core.db import Row

from ..states import AlertRule, AlertStatus


class ListEntry(Row):
    """One name on a sanctions or watch list, as published."""

    list_name = models.CharField(max_length=60)
    name = models.CharField(max_length=200)
    country = models.CharField(max_length=2, blank=True)
    reference = models.CharField(max_length=60, blank=True)

    class Meta:
        verbose_name_plural = "list entries"
        constraints = [models.UniqueConstraint(fields=["list_name", "name"], name="listentry_once")]


class ListLoad(Row):
    """New entries came into a list: every name that was screened before is screened once more."""

    append_only = True

    list_name = models.CharField(max_length=60)
    added = models.IntegerField()
    loaded_at = models.DateTimeField()


class Screening(Row):
    """One check of one name, kept with what it matched."""

    append_only = True

    subject_type = models.CharField(max_length=30)
    subject_id = models.UUIDField()
    name = models.CharField(max_length=200)
    result = models.CharField(max_length=5, choices=[("CLEAR", "clear"), ("HIT", "hit")])
    matches = models.JSONField(default=list)
    screened_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["subject_id"], name="screening_subject")]

    @property
    def found(self) -> str:
        """What it matched, in one text; "clear" where that is nothing."""
        return ", ".join(self.matches) or "clear"


class Alert(Row):
    """Something about a client's dealing that compliance looks at: which rule spoke, about what, why. Raised once a cause."""

    rule = models.CharField(max_length=30, choices=[(r, r) for r in AlertRule])
    cause = models.CharField(max_length=120)  # what it is about: a deal, a payment, a day of an account
    status = models.CharField(max_length=9, choices=[(s, s) for s in AlertStatus], default=AlertStatus.OPEN)
    why = models.CharField(max_length=300)
    client_id = models.UUIDField(null=True)
    client_name = models.CharField(max_length=200, blank=True)
    subject_type = models.CharField(max_length=30)
    subject_id = models.UUIDField()
    raised_at = models.DateTimeField()
    owner_id = models.UUIDField(null=True)
    owner_name = models.CharField(max_length=120, blank=True)
    outcome = models.CharField(max_length=300, blank=True)  # why it was closed, or where it was reported
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rule", "cause"], name="alert_once"),
            models.CheckConstraint(
                condition=Q(status__in=["OPEN", "ESCALATED"], ended_at__isnull=True, outcome="")
                | Q(status__in=["REPORTED", "CLOSED"], ended_at__isnull=False) & ~Q(outcome=""),
                name="alert_ended",
            ),
            models.CheckConstraint(condition=~Q(why=""), name="alert_why"),
        ]
        indexes = [models.Index(fields=["raised_at"], condition=Q(status__in=["OPEN", "ESCALATED"]), name="alert_open")]


class AlertNote(Row):
    """What somebody did about an alert, or wrote."""

    append_only = True

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="notes")
    act = models.CharField(max_length=9, choices=[(a, a) for a in ("NOTED", "TAKEN", "ESCALATED", "REPORTED", "CLOSED")])
    text = models.CharField(max_length=500, blank=True)
    by = models.UUIDField()
    by_name = models.CharField(max_length=120)
    at = models.DateTimeField()
