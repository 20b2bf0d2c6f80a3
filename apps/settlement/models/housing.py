"""Our own money between our own accounts."""

from django.db import models
from django.db.models import F, Q

from apps.core.db import AmountField, Row
from apps.instruments.models import Asset, BookingEntity

from ..states import HouseTransferStatus
from .owing import Nostro


class HouseTransfer(Row):
    """From one account of an entity of ours to another one of it: asked by operations, checked by finance, paid like everything else."""

    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    source = models.ForeignKey(Nostro, on_delete=models.PROTECT, related_name="+")
    target = models.ForeignKey(Nostro, on_delete=models.PROTECT, related_name="+")
    amount = AmountField()
    status = models.CharField(max_length=10, choices=[(s, s) for s in HouseTransferStatus], default=HouseTransferStatus.REQUESTED)
    reason = models.CharField(max_length=200)
    receipt = models.OneToOneField("Receipt", null=True, on_delete=models.PROTECT, related_name="house_transfer")
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
            models.CheckConstraint(condition=~Q(status="SETTLED") | Q(receipt__isnull=False), name="housetransfer_arrived"),
        ]
