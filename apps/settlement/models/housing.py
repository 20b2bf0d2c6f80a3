"""Our own money between our own accounts, those with venues among them."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from apps.core.db import AmountField, Row
from apps.instruments.models import Asset, BookingEntity

from ..states import HouseTransferStatus
from .owing import Nostro


class HouseTransfer(Row):
    """From one account of an entity of ours to another one of it: asked by operations, checked by finance, paid like everything else.

    `place` is where we have it with a venue: the end where there is no target, the beginning where there is no source. Capital that is
    taken out has neither a target nor a place: it ends with the owner.
    """

    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    source = models.ForeignKey(Nostro, null=True, on_delete=models.PROTECT, related_name="+")
    target = models.ForeignKey(Nostro, null=True, on_delete=models.PROTECT, related_name="+")
    place = models.ForeignKey("VenuePlace", null=True, on_delete=models.PROTECT, related_name="+")
    owner_name = models.CharField(max_length=120, blank=True)  # of the house, to whom capital goes
    owner_address = models.CharField(max_length=120, blank=True)
    amount = AmountField()
    arrived = AmountField(default=0)  # of it: by receipts at our account, by the venue's record there, whole with an owner
    status = models.CharField(max_length=10, choices=[(s, s) for s in HouseTransferStatus], default=HouseTransferStatus.REQUESTED)
    reason = models.CharField(max_length=200)
    made_by = models.UUIDField()
    checked_by = models.UUIDField(null=True)
    requested_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="housetransfer_positive"),
            models.CheckConstraint(condition=~Q(source=F("target")), name="housetransfer_two_places"),
            models.CheckConstraint(condition=Q(checked_by__isnull=True) | ~Q(checked_by=F("made_by")), name="housetransfer_four_eyes"),
            models.CheckConstraint(
                condition=Q(status__in=["REQUESTED", "CANCELLED"]) | Q(checked_by__isnull=False), name="housetransfer_checked"
            ),
            models.CheckConstraint(
                condition=Q(status="SETTLED", arrived=F("amount"))
                | Q(status="IN_TRANSIT", arrived__gte=0, arrived__lt=F("amount"))
                | (~Q(status__in=["SETTLED", "IN_TRANSIT"]) & Q(arrived=0)),
                name="housetransfer_arrived",
            ),
            models.CheckConstraint(
                condition=Q(source__isnull=False, target__isnull=False, place__isnull=True, owner_address="")
                | Q(source__isnull=False, target__isnull=True, place__isnull=False, owner_address="")
                | Q(source__isnull=True, target__isnull=False, place__isnull=False, owner_address="")
                | (Q(source__isnull=False, target__isnull=True, place__isnull=True) & ~Q(owner_address="") & ~Q(owner_name="")),
                name="housetransfer_two_ends",
            ),
        ]

    @property
    def outstanding(self) -> Decimal:
        """What has not come yet."""
        lacks: Decimal = self.amount - self.arrived
        return lacks

    @property
    def from_name(self) -> str:
        """Where it comes from, as people know it; `place` and its venue within reach."""
        return self._at_venue if self.source is None else self.source.name

    @property
    def to_name(self) -> str:
        if self.owner_address:
            return self.owner_name
        return self._at_venue if self.target is None else self.target.name

    @property
    def _at_venue(self) -> str:
        assert self.place is not None, "the constraint says so"
        return f"{self.place.venue.name} {self.asset_id}"
