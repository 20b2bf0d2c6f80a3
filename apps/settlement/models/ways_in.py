"""Where clients pay us, in versions."""

from django.db import models
from django.db.models import F, Q

from apps.core.db import Row

from .owing import Nostro


class PayTo(Row):
    """What clients are told of an account or wallet of ours, in versions: asked by one, granted by another. The last version counts."""

    append_only = True

    nostro = models.ForeignKey(Nostro, on_delete=models.PROTECT, related_name="told")
    version = models.IntegerField()
    holder = models.CharField(max_length=120)
    bic = models.CharField(max_length=11, blank=True)
    bank = models.CharField(max_length=120, blank=True)
    withdrawn = models.BooleanField(default=False)  # nobody is told to pay there any more
    reason = models.CharField(max_length=200)
    made_by = models.UUIDField()
    checked_by = models.UUIDField()
    set_at = models.DateTimeField()

    class Meta:
        verbose_name, verbose_name_plural = "deposit instruction", "deposit instructions"
        constraints = [
            models.UniqueConstraint(fields=["nostro", "version"], name="payto_version"),
            models.CheckConstraint(condition=~Q(made_by=F("checked_by")), name="payto_four_eyes"),
            models.CheckConstraint(condition=Q(version__gte=1) & ~Q(holder="") & ~Q(reason=""), name="payto_whole"),
        ]
