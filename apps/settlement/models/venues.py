"""What we keep with venues and LPs that we prefund: where we pay in, and what they say has come and gone."""

from django.db import models
from django.db.models import F, Q

from apps.clients.models import Counterparty
from apps.core.db import AmountField, Row
from apps.instruments.models import Asset, BookingEntity, Rail


class VenuePlace(Row):
    """Where one asset is paid in at a venue, in versions: asked by operations, granted by finance. The last version counts."""

    append_only = True

    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    venue = models.ForeignKey(Counterparty, on_delete=models.PROTECT, related_name="places")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    version = models.IntegerField()
    rail = models.ForeignKey(Rail, on_delete=models.PROTECT, related_name="+")
    address = models.CharField(max_length=120)  # IBAN, account number or wallet address
    bic = models.CharField(max_length=11, blank=True)
    holder = models.CharField(max_length=120)  # whose bank account it is, or who is credited in the wallet
    reference = models.CharField(max_length=35, blank=True)  # what the venue wants to read beside a payment, to know that it is ours
    withdrawn = models.BooleanField(default=False)  # nothing is paid there any more, and nothing is fetched
    reason = models.CharField(max_length=200)
    made_by = models.UUIDField()
    checked_by = models.UUIDField()
    set_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "venue", "asset", "version"], name="venueplace_version"),
            models.CheckConstraint(condition=~Q(made_by=F("checked_by")), name="venueplace_four_eyes"),
            models.CheckConstraint(condition=Q(version__gte=1) & ~Q(holder="") & ~Q(address="") & ~Q(reason=""), name="venueplace_whole"),
        ]


class VenueMovement(Row):
    """One line of a venue's own record of money that came to us there or left, or of a fee; kept as it was told, once.

    `transfer` is the house transfer that it is of: none while nobody knows, and never another one after.
    """

    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    venue = models.ForeignKey(Counterparty, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(max_length=80)  # the venue's own
    amount = AmountField()  # positive: came to us there; negative: left
    fee = AmountField(default=0)  # beside it
    key = models.CharField(max_length=35, blank=True)  # our end-to-end id, where the venue tells it
    transaction = models.CharField(max_length=80, blank=True)  # as the rail knows it
    takes_back = models.CharField(max_length=80, blank=True)  # the venue's reference of the movement that this one undoes
    booked_at = models.DateTimeField()
    source = models.CharField(max_length=4, choices=[("API", "asked of the venue"), ("FILE", "a file")])
    taken_by = models.UUIDField(null=True)
    taken_at = models.DateTimeField()
    transfer = models.ForeignKey("HouseTransfer", null=True, on_delete=models.PROTECT, related_name="movements")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "venue", "asset", "reference"], name="venuemovement_once"),
            models.CheckConstraint(condition=Q(fee__gte=0) & (~Q(amount=0) | Q(fee__gt=0)), name="venuemovement_amounts"),
            models.CheckConstraint(condition=~Q(reference=""), name="venuemovement_named"),
        ]
        indexes = [models.Index(fields=["venue", "asset"], condition=Q(transfer__isnull=True), name="venuemovement_open")]
