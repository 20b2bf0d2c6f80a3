"""Requests for a price and the firm quotes that answer them."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from apps.clients.models import Account, Counterparty, Terms
from apps.core.db import AmountField, Row
from apps.instruments.models import Pair

from .states import Channel, QuoteStatus, RfqStatus, Side


class Rfq(Row):
    """One is written for every price asked for: it has the indexes that something looks by, and none for a key's own sake."""

    client = models.ForeignKey(Counterparty, on_delete=models.PROTECT, related_name="+", db_index=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    terms = models.ForeignKey(Terms, on_delete=models.PROTECT, related_name="+", db_index=False)
    client_rfq_id = models.CharField(max_length=64, null=True)  # unique for ever; an order or a deal on behalf has none
    pair = models.ForeignKey(Pair, on_delete=models.PROTECT, related_name="+", db_index=False)
    side = models.CharField(max_length=7, choices=[(s, s) for s in Side])
    quantity = AmountField(null=True)  # base, or
    quote_quantity = AmountField(null=True)  # what the client pays or receives, fee included
    tenor = models.CharField(max_length=3)
    value_date = models.DateField()
    ttl_ms = models.IntegerField()
    respond_by = models.DateTimeField()
    status = models.CharField(max_length=10, choices=[(s, s) for s in RfqStatus], default=RfqStatus.RECEIVED)
    reasons = models.JSONField(default=list)  # why a person prices it
    channel = models.CharField(max_length=6, choices=[(c, c) for c in Channel], default=Channel.API)
    stream = models.BooleanField(default=False)  # each new price is a new quote
    limit_side = models.CharField(max_length=4, blank=True)  # the client's limit: of a FOK order, or of its last counter
    limit_price = AmountField(null=True)
    member_id = models.UUIDField(null=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    end_reason = models.CharField(max_length=200, blank=True)
    duplicate_of = models.UUIDField(null=True)  # the same asked a moment before under another id: a warning, never a refusal
    end_note = models.CharField(max_length=200, blank=True)  # of who rejected it; never leaves the desk
    received_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "client_rfq_id"], name="rfq_client_id"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, quote_quantity__isnull=True) | Q(quantity__isnull=True, quote_quantity__gt=0),
                name="rfq_one_quantity",
            ),
            models.CheckConstraint(condition=Q(client_rfq_id__isnull=False) | ~Q(channel=Channel.API), name="rfq_client_names_it"),
            models.CheckConstraint(
                condition=Q(status__in=["PICKED_UP", "ON_HOLD"], owner__isnull=False)
                | Q(status="RECEIVED", owner__isnull=True)
                | ~Q(status__in=["RECEIVED", "PICKED_UP", "ON_HOLD"]),
                name="rfq_owner",
            ),
            models.CheckConstraint(
                condition=Q(limit_side="", limit_price__isnull=True) | Q(limit_side__in=["buy", "sell"], limit_price__gt=0),
                name="rfq_limit_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["respond_by"], condition=Q(status__in=["RECEIVED", "PICKED_UP", "ON_HOLD"]), name="rfq_waiting"),
            models.Index(fields=["client", "-received_at"], name="rfq_by_client"),
            models.Index(
                "account", "pair", "side", Coalesce("quantity", "quote_quantity"), F("received_at").desc(), name="rfq_same"
            ),  # queries.Same
            models.Index(fields=["-received_at"], name="rfq_by_time"),
            models.Index(fields=["respond_by"], condition=Q(status__in=["RECEIVED", "QUOTED"], stream=True), name="rfq_streams"),
        ]


class Quote(Row):
    """A firm price for one or both sides; executable until accepted, expired or withdrawn. Amounts are final."""

    rfq = models.ForeignKey(Rfq, on_delete=models.PROTECT, related_name="quotes", db_index=False)  # quote_number leads with it
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
    priced_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField()  # desk clock
    expires_at = models.DateTimeField()
    good_until = models.DateTimeField(null=True)  # of a superseded one: the end of its minimum life
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=13, blank=True)  # DESK, KILL_SWITCH, FEED_LOST, CLIENT_STATUS
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
            models.CheckConstraint(condition=~Q(status="SUPERSEDED") | Q(good_until__isnull=False), name="quote_superseded_whole"),
            models.CheckConstraint(condition=Q(good_until__isnull=True) | Q(good_until__lte=F("expires_at")), name="quote_good_in_life"),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(good_until__isnull=True) | Q(accepted_at__lt=F("good_until")),
                name="quote_accepted_in_minimum_life",
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="quote_number_positive"),
            models.UniqueConstraint(fields=["rfq", "number"], name="quote_number"),
            models.UniqueConstraint(fields=["rfq"], condition=Q(status="OPEN"), name="quote_one_open"),
            models.UniqueConstraint(fields=["rfq"], condition=Q(status="ACCEPTED"), name="quote_one_accepted"),
        ]
        indexes = [models.Index(fields=["expires_at"], condition=Q(status__in=["OPEN", "SUPERSEDED"]), name="quote_due")]


class Agreement(Row):
    """What was agreed by voice or chat and booked on the client's behalf: when, with whom, by which evidence, and what it breached."""

    append_only = True

    rfq = models.OneToOneField(Rfq, on_delete=models.PROTECT, related_name="agreement")
    agreed_at = models.DateTimeField()
    agreed_by = models.CharField(max_length=120)  # the client's person
    evidence = models.CharField(max_length=300)  # where the recording or the transcript lies
    flags = models.JSONField(default=list)  # codes of rules.FLAGS
    booked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    booked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(agreed_at__lte=F("booked_at")), name="agreement_before_booking"),
            models.CheckConstraint(condition=~Q(agreed_by="") & ~Q(evidence=""), name="agreement_evidence"),
        ]
