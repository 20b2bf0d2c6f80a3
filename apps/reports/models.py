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
    chain_number = models.BigIntegerField(null=True)  # the audit chain when it was started: its last block
    chain_head = models.CharField(max_length=64, blank=True, db_default="")
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


class DealingHour(Row):
    """What one client asked and dealt in one pair in one hour: sums over events, which can be made again from them."""

    client_id = models.UUIDField()
    pair_code = models.CharField(max_length=25)
    hour = models.DateTimeField()  # of the desk clock; each fact counts in the hour in which it happened
    requests = models.BigIntegerField(default=0)
    to_person = models.BigIntegerField(default=0)  # requests that waited for a person
    quoted = models.BigIntegerField(default=0)  # requests that had a firm price
    quotes = models.BigIntegerField(default=0)  # firm prices, each next one counted
    deals = models.BigIntegerField(default=0)
    declined = models.BigIntegerField(default=0)
    cancelled = models.BigIntegerField(default=0)
    expired = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)  # by a person
    withdrawn = models.BigIntegerField(default=0)  # quotes that we took back
    refused = models.BigIntegerField(default=0)  # requests and orders, by a rule
    missed = models.BigIntegerField(default=0)  # accepts, by a rule: too late, another price; orders whose limit was not met
    reasons = models.JSONField(default=dict)  # code → count
    times = models.JSONField(default=dict)  # "auto:120" → count: response times by bucket (rules.statistics)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client_id", "pair_code", "hour"], name="dealinghour_once")]
        indexes = [models.Index(fields=["hour", "client_id"], name="dealinghour_by_hour")]


class StatisticsMark(models.Model):
    """The last event that is counted, in commit order; moves with the sums, in the same transaction."""

    name = models.CharField(max_length=20, primary_key=True)
    era = models.SmallIntegerField(default=1)
    xid = models.BigIntegerField(default=0)
    position = models.BigIntegerField(default=0)
