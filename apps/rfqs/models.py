"""Requests for a price and the firm quotes that answer them."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.clients.models import Account, Counterparty, Terms
from apps.core.db import AmountField, Row
from apps.instruments.models import Pair

from .states import QuoteStatus, RfqStatus, Side


class Rfq(Row):
    client = models.ForeignKey(Counterparty, on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    terms = models.ForeignKey(Terms, on_delete=models.PROTECT, related_name="+")
    client_rfq_id = models.CharField(max_length=64)  # unique for ever
    pair = models.ForeignKey(Pair, on_delete=models.PROTECT, related_name="+")
    side = models.CharField(max_length=7, choices=[(s, s) for s in Side])
    quantity = AmountField(null=True)  # base, or
    quote_quantity = AmountField(null=True)  # what the client pays or receives, fee included
    tenor = models.CharField(max_length=3)
    value_date = models.DateField()
    ttl_ms = models.IntegerField()
    respond_by = models.DateTimeField()
    status = models.CharField(max_length=10, choices=[(s, s) for s in RfqStatus], default=RfqStatus.RECEIVED)
    reasons = models.JSONField(default=list)  # why a person prices it
    channel = models.CharField(max_length=6, default="API")
    member_id = models.UUIDField(null=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    end_reason = models.CharField(max_length=200, blank=True)
    duplicate_of = models.UUIDField(null=True)  # the same asked a moment before under another id: a warning, never a refusal
    received_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "client_rfq_id"], name="rfq_client_id"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, quote_quantity__isnull=True) | Q(quantity__isnull=True, quote_quantity__gt=0),
                name="rfq_one_quantity",
            ),
        ]
        indexes = [
            models.Index(fields=["respond_by"], condition=Q(status__in=["RECEIVED", "PICKED_UP", "ON_HOLD"]), name="rfq_waiting"),
            models.Index(fields=["client", "-received_at"], name="rfq_by_client"),
            models.Index(fields=["-received_at"], name="rfq_by_time"),
        ]


class Quote(Row):
    """A firm price for one or both sides; executable until accepted, expired or withdrawn. Amounts are final."""

    rfq = models.ForeignKey(Rfq, on_delete=models.PROTECT, related_name="quotes")
    number = models.SmallIntegerField(default=1)
    status = models.CharField(max_length=10, choices=[(s, s) for s in QuoteStatus], default=QuoteStatus.OPEN)
    buy_price = AmountField(null=True)
    buy_quantity = AmountField(null=True)
    buy_quote_quantity = AmountField(null=True)
    buy_fee = AmountField(null=True)
    buy_client_pays = AmountField(null=True)  # quote asset
    buy_client_receives = AmountField(null=True)  # base asset
    sell_price = AmountField(null=True)
    sell_quantity = AmountField(null=True)
    sell_quote_quantity = AmountField(null=True)
    sell_fee = AmountField(null=True)
    sell_client_pays = AmountField(null=True)  # base asset
    sell_client_receives = AmountField(null=True)  # quote asset
    reference_mid = AmountField()
    provenance = models.JSONField()  # sources, ages, spread parts, headroom, who or auto
    priced_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()  # desk clock
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=12, blank=True)  # DESK, KILL_SWITCH, FEED_LOST, CLIENT_STATUS
    accepted_at = models.DateTimeField(null=True)
    accepted_side = models.CharField(max_length=4, blank=True)
    response_time_us = models.IntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(accepted_at__lt=F("expires_at")), name="quote_accepted_in_time"
            ),
            models.CheckConstraint(
                condition=Q(status="ACCEPTED", accepted_at__isnull=False, accepted_side__in=["buy", "sell"])
                | (~Q(status="ACCEPTED") & Q(accepted_at__isnull=True, accepted_side="")),
                name="quote_accepted_whole",
            ),
            models.CheckConstraint(condition=Q(buy_price__gt=0) | Q(sell_price__gt=0), name="quote_has_price"),
            models.CheckConstraint(
                condition=Q(buy_price__isnull=True) | Q(sell_price__isnull=True) | Q(buy_price__gte=F("sell_price")),
                name="quote_not_crossed",
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="quote_lives"),
            models.UniqueConstraint(fields=["rfq", "number"], name="quote_number"),
            models.UniqueConstraint(fields=["rfq"], condition=Q(status="OPEN"), name="quote_one_open"),
            models.UniqueConstraint(fields=["rfq"], condition=Q(status="ACCEPTED"), name="quote_one_accepted"),
        ]
        indexes = [models.Index(fields=["expires_at"], condition=Q(status__in=["OPEN", "SUPERSEDED"]), name="quote_due")]
