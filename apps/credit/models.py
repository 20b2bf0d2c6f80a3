"""Lines, what is reserved and used of them, who granted them; haircuts, marks, breaches, calls. Credit knows no deal: sources are ids."""

from django.db import models
from django.db.models import F, Q

from apps.core.db import AmountField, Row

from .states import BreachKind, CallStatus, Level, Measure, ReservationStatus


class Line(Row):
    """What a client (group, account) may owe us before it settles, by one measure, in USD.

    A trigger refuses an increase of reserved + used past amount + excess − revalued − unchecked; a line may be cut below its use, and marks
    may carry it past (`Breach`). Limits change only with a `Grant`. Of measures that count by day, use stands in `LineDay`.
    """

    level = models.CharField(max_length=7, choices=[(v, v) for v in Level])
    measure = models.CharField(max_length=14, choices=[(v, v) for v in Measure], default=Measure.PRE_SETTLEMENT)
    subject_id = models.UUIDField()
    currency = models.CharField(max_length=12, default="USD")
    amount = AmountField()
    excess = AmountField(default=0)
    excess_until = models.DateTimeField(null=True, blank=True)
    excess_reason = models.CharField(max_length=200, blank=True)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    grant_number = models.IntegerField(default=1)
    reserved = AmountField(default=0)
    used = AmountField(default=0)
    unchecked = AmountField(default=0)  # of agreed deals, what lies beyond the line
    revalued = AmountField(default=0)  # what marks add to use
    revalued_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["level", "subject_id", "measure"], name="line_once"),
            models.CheckConstraint(
                condition=Q(reserved__gte=0, used__gte=0, amount__gte=0, excess__gte=0, unchecked__gte=0, revalued__gte=0),
                name="line_positive",
            ),
            models.CheckConstraint(condition=Q(valid_until__gt=F("valid_from")), name="line_dates"),
            models.CheckConstraint(condition=Q(currency="USD"), name="line_in_usd"),
            models.CheckConstraint(condition=Q(excess=0) | Q(excess_until__isnull=False) & ~Q(excess_reason=""), name="line_excess_whole"),
            models.CheckConstraint(
                condition=Q(measure="PRE_SETTLEMENT") | Q(reserved=0, used=0, unchecked=0, revalued=0), name="line_by_day"
            ),
            models.CheckConstraint(condition=~Q(measure__in=["DAILY", "DEAL"]) | Q(level="ACCOUNT"), name="line_cap_of_account"),
        ]


class LineDay(Row):
    """What is taken of a settlement line for one value date, or of a daily cap on one business date. It has a trigger of its own."""

    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="days", db_index=False)  # lineday_once leads with it
    day = models.DateField()
    reserved = AmountField(default=0)
    used = AmountField(default=0)
    unchecked = AmountField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line", "day"], name="lineday_once"),
            models.CheckConstraint(condition=Q(reserved__gte=0, used__gte=0, unchecked__gte=0), name="lineday_positive"),
        ]


class Grant(Row):
    """One setting of a line's limits: asked by one of risk, approved by another. The first one may come with the client's onboarding."""

    append_only = True

    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="grants")
    number = models.IntegerField()
    amount = AmountField()
    excess = AmountField(default=0)
    excess_until = models.DateTimeField(null=True)
    excess_reason = models.CharField(max_length=200, blank=True)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    approval_id = models.UUIDField(null=True)
    made_by = models.UUIDField(null=True)
    approved_by = models.UUIDField(null=True)
    granted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line", "number"], name="grant_number"),
            models.CheckConstraint(condition=Q(number=1) | Q(approval_id__isnull=False), name="grant_approved"),
            models.CheckConstraint(
                condition=Q(approval_id__isnull=True) | Q(made_by__isnull=False, approved_by__isnull=False) & ~Q(made_by=F("approved_by")),
                name="grant_four_eyes",
            ),
        ]


class Reservation(Row):
    """Part of a line taken for one request, then for its deal, until it settles. A source has one at a time on a line."""

    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="reservations", db_index=False)  # reservation_once has live ones
    source_id = models.UUIDField()  # the request
    deal_id = models.UUIDField(null=True)
    account_id = models.UUIDField()
    pair_code = models.CharField(max_length=25, blank=True)
    notional = AmountField(default=0)  # USD
    haircut = AmountField(default=0)
    reduces = AmountField(null=True)  # base quantity that it takes off what is open
    amount = AmountField()  # USD
    unchecked = AmountField(default=0)  # of `amount`, what lies beyond the line
    day = models.DateField(null=True)  # the line's day that it counts on; null: the line as a whole
    status = models.CharField(max_length=10, choices=[(s, s) for s in ReservationStatus], default=ReservationStatus.RESERVED)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["line", "source_id"], condition=Q(status__in=["RESERVED", "COMMITTED"]), name="reservation_once"
            ),
            models.CheckConstraint(condition=Q(amount__gte=F("unchecked"), unchecked__gte=0), name="reservation_positive"),
        ]
        indexes = [
            models.Index(fields=["source_id"], name="reservation_source"),
            models.Index(fields=["created_at"], condition=Q(status="RESERVED"), name="reservation_waiting"),
        ]


class Haircut(Row):
    """How far a pair may move against us until it settles, as a share of notional; "" is for pairs without a row. The last one counts."""

    append_only = True

    pair_code = models.CharField(max_length=25, blank=True)
    number = models.IntegerField()
    normal = AmountField()
    stressed = AmountField()  # while an asset of it has no live mark
    approval_id = models.UUIDField(null=True)
    made_by = models.UUIDField(null=True)
    approved_by = models.UUIDField(null=True)
    set_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pair_code", "number"], name="haircut_number"),
            models.CheckConstraint(condition=Q(normal__gt=0, stressed__gte=F("normal"), stressed__lte=1), name="haircut_share"),
            models.CheckConstraint(condition=Q(number=1) | Q(approval_id__isnull=False), name="haircut_approved"),
            models.CheckConstraint(
                condition=Q(approval_id__isnull=True) | Q(made_by__isnull=False, approved_by__isnull=False) & ~Q(made_by=F("approved_by")),
                name="haircut_four_eyes",
            ),
        ]


class AssetMark(models.Model):
    """The last live value of an asset in USD; a stale one stops new risk in it."""

    asset_code = models.CharField(max_length=12, primary_key=True)
    usd = AmountField()
    as_of = models.DateTimeField()
    is_stale = models.BooleanField(default=False)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(usd__gt=0), name="assetmark_positive")]


class Breach(Row):
    """A line whose use stands past it. One is open at a time; until it is cured only deals that reduce risk are done."""

    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="breaches")
    kind = models.CharField(max_length=8, choices=[(k, k) for k in BreachKind])
    over = AmountField()  # the most it was
    since = models.DateTimeField()
    cured_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line"], condition=Q(cured_at__isnull=True), name="breach_one_open"),
            models.CheckConstraint(condition=Q(over__gt=0), name="breach_over"),
        ]


class ExposureCall(Row):
    """What we ask a client to bring down on a line (in USD), or to pay into a prefunded account (in the asset that is short), by when."""

    line = models.ForeignKey(Line, null=True, on_delete=models.PROTECT, related_name="calls")
    account_id = models.UUIDField(null=True)
    client_id = models.UUIDField()
    amount = AmountField()
    currency = models.CharField(max_length=12, default="USD")
    reason = models.CharField(max_length=200)
    status = models.CharField(max_length=9, choices=[(s, s) for s in CallStatus], default=CallStatus.ISSUED)
    issued_by = models.UUIDField(null=True)  # null: the system
    issued_at = models.DateTimeField()
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    approval_id = models.UUIDField(null=True)  # of its withdrawal

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line", "client_id"], condition=Q(status="ISSUED"), name="call_one_open"),
            models.UniqueConstraint(fields=["account_id", "currency"], condition=Q(status="ISSUED"), name="call_one_of_balance"),
            models.CheckConstraint(
                condition=Q(line__isnull=False, account_id__isnull=True, currency="USD") | Q(line__isnull=True, account_id__isnull=False),
                name="call_of_line_or_balance",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0, due_at__gt=F("issued_at")), name="call_whole"),
            models.CheckConstraint(condition=~Q(status="WITHDRAWN") | Q(approval_id__isnull=False), name="call_withdrawn_by_two"),
        ]
        indexes = [models.Index(fields=["client_id", "-issued_at"], name="call_by_client")]
