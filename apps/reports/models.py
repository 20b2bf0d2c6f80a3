from django.db import models

from apps.core.db import Row

from .states import RunStatus


class ReportRun(Row):
    """Exactly one per (report, scope, business date, version); a correction makes the next version."""

    report = models.CharField(max_length=40)
    scope = models.CharField(max_length=80)  # a booking entity's or account's code
    business_date = models.DateField()
    version = models.SmallIntegerField(default=1)
    status = models.CharField(max_length=7, choices=[(s, s) for s in RunStatus], default=RunStatus.DUE)
    number = models.CharField(max_length=40, blank=True)  # gapless per client and kind, on statements
    files = models.JSONField(default=list)  # [{"name", "format", "sha256", "bytes"}], under settings.REPORTS_DIR
    due_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)  # wall clock: after it the worker that renders is taken for lost
    done_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["report", "scope", "business_date", "version"], name="reportrun_once")]
        indexes = [models.Index(fields=["status", "due_at"], name="reportrun_due")]


class DocumentCounter(models.Model):
    """Gapless numbers per client and kind of document."""

    scope = models.CharField(max_length=80)
    kind = models.CharField(max_length=20)
    last = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "kind"], name="documentcounter_once")]
