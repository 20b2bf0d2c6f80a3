"""What a rail that keeps a record of each payment has said of it."""

from django.db import models
from django.db.models import Q

from apps.core.db import Row

from .paying import Instruction


class RailReport(Row):
    """One stage of a payment at its rail, once, in the rail's own order: what came late or again is not news and is not kept."""

    append_only = True

    instruction = models.ForeignKey(Instruction, on_delete=models.PROTECT, related_name="reports")
    version = models.IntegerField()  # of the rail's record
    stage = models.CharField(max_length=20)
    reference = models.CharField(max_length=80, blank=True)
    reason = models.CharField(max_length=120, blank=True)
    source = models.CharField(max_length=8, choices=[("ANSWER", "answer"), ("POLL", "asked"), ("CALLBACK", "callback")])
    message = models.CharField(max_length=80, blank=True)  # the callback's id
    heard_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["instruction", "version"], name="railreport_once"),
            models.CheckConstraint(condition=Q(version__gte=1) & ~Q(stage=""), name="railreport_whole"),
        ]
