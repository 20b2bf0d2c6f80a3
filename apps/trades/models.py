"""The deal as agreed. `Trade` moves; its versions never change."""

from django.db import models
from django.db.models import F, Q

from apps.clients.models import Account, Counterparty, Terms
from apps.core.db import AmountField, Row
from apps.instruments.models import Book, BookingEntity, Pair
from apps.rfqs.models import Quote, Rfq

from .states import TradeKind, TradeStatus


class Trade(Row):
    """A client deal (from a quote), a hedge (a record of what was dealt with an LP or venue) or an internal transfer."""

    kind = models.CharField(max_length=8, choices=[(k, k) for k in TradeKind])
    status = models.CharField(max_length=9, choices=[(s, s) for s in TradeStatus], default=TradeStatus.ACTIVE)
    counterparty = models.ForeignKey(Counterparty, on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    terms = models.ForeignKey(Terms, null=True, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="+")
    pair = models.ForeignKey(Pair, on_delete=models.PROTECT, related_name="+")
    rfq = models.OneToOneField(Rfq, null=True, on_delete=models.PROTECT, related_name="trade")
    quote = models.OneToOneField(Quote, null=True, on_delete=models.PROTECT, related_name="trade")
    client_order_id = models.CharField(max_length=64, null=True)
    execution_id = models.CharField(max_length=64, null=True)  # the LP's, unique per counterparty
    covers = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="hedges")
    source = models.CharField(max_length=6, choices=[("API", "API"), ("FILE", "file"), ("MANUAL", "manual"), ("QUOTE", "quote")])
    version = models.SmallIntegerField(default=1)
    trade_date = models.DateField()
    booked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["counterparty", "client_order_id"], name="trade_client_order"),
            models.UniqueConstraint(fields=["counterparty", "execution_id"], name="trade_execution"),
            models.CheckConstraint(
                condition=Q(kind="CLIENT", account__isnull=False, terms__isnull=False)
                | Q(kind="HEDGE", account__isnull=True, execution_id__isnull=False)
                | Q(kind="INTERNAL", account__isnull=True),
                name="trade_kind",
            ),
            models.CheckConstraint(
                condition=~Q(kind="CLIENT") | Q(rfq__isnull=False, quote__isnull=False), name="trade_of_a_client_has_its_quote"
            ),
        ]
        indexes = [
            models.Index(fields=["-booked_at", "-id"], name="trade_blotter"),
            models.Index(fields=["counterparty", "-booked_at"], name="trade_by_client"),
        ]


class TradeVersion(Row):
    """The economics of a trade as of one version; immutable. `side` is the client's (a hedge's is ours)."""

    append_only = True

    trade = models.ForeignKey(Trade, on_delete=models.PROTECT, related_name="versions")
    number = models.SmallIntegerField()
    action = models.CharField(max_length=7, choices=[("NEW", "new"), ("CORRECT", "correct"), ("CANCEL", "cancel")])
    reason = models.CharField(max_length=15, blank=True)
    side = models.CharField(max_length=4, choices=[("buy", "buy"), ("sell", "sell")])
    quantity = AmountField()
    price = AmountField()
    quote_quantity = AmountField()  # quantity × price at the quote asset's scale, before the fee
    fee = AmountField(default=0)
    fee_asset = models.CharField(max_length=12)
    pays = AmountField()  # what the client (or, in a hedge, we) pay in all
    pays_asset = models.CharField(max_length=12)
    receives = AmountField()
    receives_asset = models.CharField(max_length=12)
    value_date = models.DateField()
    reference_mid = AmountField(null=True)
    trader_rate = AmountField(null=True)  # before the client's markup
    made_by = models.UUIDField(null=True)
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=models.expressions.RawSQL("clock_timestamp()", []))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trade", "number"], name="tradeversion_number"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, price__gt=0, quote_quantity__gt=0, pays__gt=0, receives__gt=0, fee__gte=0),
                name="tradeversion_positive",
            ),
            models.CheckConstraint(condition=~Q(pays_asset=F("receives_asset")), name="tradeversion_two_assets"),
        ]
