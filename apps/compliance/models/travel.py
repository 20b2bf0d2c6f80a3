"""The travel rule: who sends and who receives, with every transfer of crypto; what the other side's VASP says to it."""

from django.db import models
from django.db.models import Q

from apps.core.db import Row

from ..states import MessageStatus


class WalletHost(Row):
    """At which VASP a wallet lies, in versions: the last one counts. Without one it is in its owner's own hands, as far as we know."""

    append_only = True

    address = models.CharField(max_length=120)
    version = models.IntegerField()
    vasp_name = models.CharField(max_length=100, blank=True)  # none: it is self-hosted after all
    vasp_lei = models.CharField(max_length=20, blank=True)
    evidence = models.CharField(max_length=200)
    set_by = models.UUIDField()
    set_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["address", "version"], name="wallethost_version"),
            models.CheckConstraint(condition=~Q(evidence="") & Q(version__gte=1), name="wallethost_whole"),
            models.CheckConstraint(condition=Q(vasp_name="", vasp_lei="") | ~Q(vasp_name="") & ~Q(vasp_lei=""), name="wallethost_named"),
        ]


class TravelRecord(Row):
    """The IVMS101 record of one transfer, in versions; `faults` names what keeps it from being complete."""

    append_only = True

    subject_type = models.CharField(max_length=12, choices=[("instruction", "we send"), ("receipt", "we receive")])
    subject_id = models.UUIDField()
    version = models.IntegerField()
    payload = models.JSONField()
    faults = models.JSONField(default=list)
    source = models.CharField(max_length=7, choices=[("FILE", "our own file"), ("MESSAGE", "the sending VASP"), ("HAND", "compliance")])
    message = models.CharField(max_length=80, blank=True)  # the id of the message that brought it
    vasp_name = models.CharField(max_length=100, blank=True, default="")  # who sent that message, as the network knows them
    vasp_lei = models.CharField(max_length=20, blank=True, default="")
    evidence = models.CharField(max_length=200, blank=True)
    made_by = models.UUIDField(null=True)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject_id", "version"], name="travelrecord_version"),
            models.CheckConstraint(
                condition=Q(source="HAND", made_by__isnull=False) & ~Q(evidence="") | ~Q(source="HAND"), name="travelrecord_hand"
            ),
        ]


class TravelMessage(Row):
    """What we tell the beneficiary's VASP before anything leaves, once per record, and what it answers."""

    record = models.OneToOneField(TravelRecord, on_delete=models.PROTECT, related_name="told")
    vasp_name = models.CharField(max_length=100)
    vasp_lei = models.CharField(max_length=20)
    status = models.CharField(max_length=9, choices=[(s, s) for s in MessageStatus], default=MessageStatus.DUE)
    reason = models.CharField(max_length=200, blank=True)
    tries = models.IntegerField(default=0)
    tried_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["status"], name="travelmessage_queue")]
