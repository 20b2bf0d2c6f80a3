"""What can be dealt, where it settles, and for which of our entities and books."""

from datetime import date, datetime

from django.db import models
from django.db.models import F, Q

from apps.core.db import AmountField, Row

from . import rules
from .rules import Kind


class Asset(models.Model):
    code = models.CharField(max_length=12, primary_key=True)
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=10, choices=[(k, k) for k in Kind])
    scale = models.SmallIntegerField()  # decimals at which it settles: USD 2, JPY 0, BTC 8
    identifier = models.CharField(max_length=12)  # ISO 4217 or DTI (ISO 24165)
    calendar = models.CharField(max_length=20, blank=True)  # banking calendar of a currency; empty: every day is good

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(scale__gte=0, scale__lte=18), name="asset_scale")]

    def __str__(self) -> str:
        return self.code


class Rail(models.Model):
    """A way by which one asset is paid: a bank scheme or a chain, with its wall-clock cut-off in a named zone."""

    code = models.CharField(max_length=30, primary_key=True)  # fedwire-usd, target-eur, bitcoin-btc
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="rails")
    kind = models.CharField(max_length=5, choices=[("BANK", "bank"), ("CHAIN", "chain")])
    cutoff = models.TimeField()
    zone = models.CharField(max_length=40)
    confirmations = models.SmallIntegerField(default=0)
    down = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.code


class Pair(models.Model):
    code = models.CharField(max_length=25, primary_key=True)  # BTC-USD
    base = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    quote = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    tick = AmountField()  # smallest price step, in quote per base
    step = AmountField()  # smallest quantity step, in base
    min_quantity = AmountField()
    max_quantity = AmountField()
    tenor = models.CharField(max_length=3, default="T+1")
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(tick__gt=0, step__gt=0, min_quantity__gt=0, max_quantity__gte=F("min_quantity")), name="pair_positive"
            ),
            models.CheckConstraint(condition=~Q(base=F("quote")), name="pair_two_assets"),
        ]

    def __str__(self) -> str:
        return self.code


class BookingEntity(Row):
    """Our contracting entity. Balances and net sets never cross it."""

    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=120)
    lei = models.CharField(max_length=20)
    functional_currency = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    roll = models.TimeField()
    zone = models.CharField(max_length=40)

    def __str__(self) -> str:
        return self.code

    def business_date(self, at: datetime) -> date:
        """The one that is open here at an instant."""
        return rules.business_date(at, rules.Roll(self.roll, self.zone))


class Book(Row):
    """Risk portfolio of a booking entity."""

    code = models.CharField(max_length=20, unique=True)
    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="books")

    def __str__(self) -> str:
        return self.code


class CalendarChange(Row):
    """The desk's word on one day, over the library's: a currency's banks are open or closed, or a rail's cut-off is another one.

    The last one of a day counts; `number` is the calendars' revision from then on.
    """

    append_only = True

    number = models.IntegerField(unique=True)
    day = models.DateField()
    currency = models.ForeignKey(Asset, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    is_good = models.BooleanField(null=True)  # of a currency; null: as the library says
    rail = models.ForeignKey(Rail, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    cutoff = models.TimeField(null=True)  # of a rail, in its zone; null: as on any day
    reason = models.CharField(max_length=200)  # told to clients whose deals it moves
    made_by = models.UUIDField()
    checked_by = models.UUIDField()
    approval_id = models.UUIDField()
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(currency__isnull=False, rail__isnull=True, cutoff__isnull=True)
                | Q(currency__isnull=True, rail__isnull=False, is_good__isnull=True),
                name="calendarchange_one",
            ),
            models.CheckConstraint(condition=~Q(made_by=F("checked_by")), name="calendarchange_four_eyes"),
            models.CheckConstraint(condition=~Q(reason=""), name="calendarchange_reason"),
        ]
