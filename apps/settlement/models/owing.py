"""What is owed and how it is netted: nostros, obligations, net sets."""

from django.db import models
from django.db.models import F, Q

from apps.clients.models import Account
from apps.core.db import AmountField, Row
from apps.instruments.models import Asset, BookingEntity, Rail
from apps.trades.models import Allocation, Trade, TradeVersion

from ..states import NetLegStatus, NetSetStatus, ObligationStatus
from .adjusting import Adjustment

DIRECTIONS = [("PAY", "we pay"), ("RECEIVE", "we receive")]


class Nostro(Row):
    """A bank account or wallet of ours."""

    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="nostros")
    rail = models.ForeignKey(Rail, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    address = models.CharField(max_length=120)  # IBAN, account number or wallet address
    designation = models.CharField(max_length=6, choices=[("HOUSE", "house"), ("CLIENT", "client")])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "asset", "designation"], name="nostro_once"),
            models.UniqueConstraint(fields=["rail", "address"], name="nostro_address"),
        ]

    def __str__(self) -> str:
        return self.name


class NetSet(Row):
    """(account, booking entity, value date, cut-off): its members never change; it is aborted and replaced."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    value_date = models.DateField()
    cutoff_at = models.DateTimeField()
    attempt = models.SmallIntegerField(default=1)
    status = models.CharField(max_length=10, choices=[(s, s) for s in NetSetStatus], default=NetSetStatus.FROZEN)
    agree_by = models.DateTimeField(null=True)
    frozen_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "entity", "value_date", "cutoff_at", "attempt"], name="netset_once"),
            models.UniqueConstraint(
                fields=["account", "entity", "value_date", "cutoff_at"], condition=~Q(status="ABORTED"), name="netset_one_alive"
            ),
        ]
        indexes = [
            models.Index(fields=["value_date"], condition=Q(status__in=["FROZEN", "DISPUTED", "AGREED", "SETTLING"]), name="netset_living")
        ]


class NetLeg(Row):
    """What is left of one asset after netting; zero settles at once."""

    net_set = models.ForeignKey(NetSet, on_delete=models.PROTECT, related_name="legs")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    direction = models.CharField(max_length=7, choices=DIRECTIONS)
    amount = AmountField()
    settled_amount = AmountField(default=0)
    status = models.CharField(max_length=12, choices=[(s, s) for s in NetLegStatus], default=NetLegStatus.OPEN)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["net_set", "asset"], name="netleg_once"),
            models.CheckConstraint(
                condition=Q(amount__gte=0, settled_amount__gte=0, settled_amount__lte=F("amount")), name="netleg_amounts"
            ),
            models.CheckConstraint(condition=~Q(status="SETTLED") | Q(settled_amount=F("amount")), name="netleg_settled_whole"),
        ]
        indexes = [models.Index(fields=["net_set"], condition=Q(status="OPEN"), name="netleg_open")]


class Obligation(Row):
    """One asset of one trade version, or of one adjustment, that one side owes the other on the value date.

    Σ of a trade over its versions is its current economics: what is no longer OPEN stays as it is, and a later version owes the difference.
    """

    trade = models.ForeignKey(Trade, null=True, on_delete=models.PROTECT, related_name="obligations")
    version = models.ForeignKey(TradeVersion, null=True, on_delete=models.PROTECT, related_name="+")
    adjustment = models.OneToOneField(Adjustment, null=True, on_delete=models.PROTECT, related_name="obligation")
    allocation = models.ForeignKey(Allocation, null=True, on_delete=models.PROTECT, related_name="+")  # null: the deal's own account
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    direction = models.CharField(max_length=7, choices=DIRECTIONS)
    amount = AmountField()
    settled_amount = AmountField(default=0)
    value_date = models.DateField()
    status = models.CharField(max_length=12, choices=[(s, s) for s in ObligationStatus], default=ObligationStatus.OPEN)
    net_leg = models.ForeignKey(NetLeg, null=True, on_delete=models.PROTECT, related_name="members")
    booked_at = models.DateTimeField()
    held_until = models.DateTimeField(null=True)  # excluded from every set that is cut off before
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "allocation", "asset", "direction"],
                condition=~Q(status="CANCELLED") & Q(version__isnull=False),
                nulls_distinct=False,
                name="obligation_once",
            ),
            models.CheckConstraint(
                condition=Q(trade__isnull=False, version__isnull=False, adjustment__isnull=True)
                | Q(trade__isnull=True, version__isnull=True, allocation__isnull=True, adjustment__isnull=False),
                name="obligation_of_deal_or_adjustment",
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0, settled_amount__gte=0, settled_amount__lte=F("amount")), name="obligation_amounts"
            ),
            models.CheckConstraint(condition=~Q(status="SETTLED") | Q(settled_amount=F("amount")), name="obligation_settled_whole"),
        ]
        indexes = [
            models.Index(
                fields=["value_date", "account"],
                condition=Q(status__in=["OPEN", "NETTED", "INSTRUCTED", "PART_SETTLED"]),
                name="obligation_living",
            ),
        ]


class Exclusion(Row):
    """An obligation kept out of the sets before a cut-off: why, and by whom. The last one counts."""

    append_only = True

    obligation = models.ForeignKey(Obligation, on_delete=models.PROTECT, related_name="exclusions")
    until = models.DateTimeField()  # the cut-off of the set that it goes into
    reason = models.CharField(max_length=200)
    made_by = models.UUIDField()
    made_at = models.DateTimeField()


class LineDispute(Row):
    """The client says no to one line of a frozen set. It ends when the set is agreed after all, or aborted."""

    net_set = models.ForeignKey(NetSet, on_delete=models.PROTECT, related_name="disputes")
    obligation = models.ForeignKey(Obligation, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200)
    raised_kind = models.CharField(max_length=6)  # MEMBER, or STAFF with the client's word as evidence
    raised_by = models.UUIDField()
    evidence = models.CharField(max_length=200, blank=True)
    raised_at = models.DateTimeField()
    outcome = models.CharField(max_length=7, blank=True, choices=[("AGREED", "agreed"), ("ABORTED", "aborted")])
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["net_set", "obligation"], condition=Q(outcome=""), name="linedispute_one_open"),
            models.CheckConstraint(
                condition=Q(outcome="", ended_at__isnull=True) | ~Q(outcome="") & Q(ended_at__isnull=False), name="linedispute_ended"
            ),
            models.CheckConstraint(condition=~Q(raised_kind="STAFF") | ~Q(evidence=""), name="linedispute_evidence"),
        ]
