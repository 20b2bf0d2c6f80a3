"""How a pair is priced, what stops it, and the approved closing marks."""

import json
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q

from apps.core.db import AmountField, Row

from .states import MarkSetStatus


class ExactNumbers(json.JSONDecoder):
    """Fractions in a JSON column come as Decimal."""

    def __init__(self, **kw: Any) -> None:
        super().__init__(**kw | {"parse_float": Decimal})


class PairPolicy(models.Model):
    """Spreads and bounds of one pair; bps are of the price. Each change writes a `PairPolicyVersion` first; a bound of zero is off."""

    pair_code = models.CharField(max_length=25, primary_key=True)
    version = models.IntegerField(default=1)
    spread_bps = AmountField()  # one side
    size_tiers = models.JSONField(default=list)  # [{"above": "10", "bps": "3"}], above in base, rising
    tier_bps = models.JSONField(default=dict)  # markup by client tier, e.g. {"standard": "1"}
    volatility_share = AmountField(default=0)  # of the move expected while we hedge
    skew_cap_bps = AmountField(default=0)
    skew_full_at = AmountField(default=0)  # base position at which the skew reaches its cap
    minimum_earn = AmountField(default=0)  # the least one side earns, in quote units
    # No price at all, to anybody:
    max_price_age_ms = models.IntegerField(default=5000)
    # When a venue's book is left out:
    source_max_age_ms = models.IntegerField(default=5000)
    max_deviation_bps = AmountField(default=50)  # from the median of the venues
    max_jump_bps = AmountField(default=1000)  # of the merged mid, from the median of the last five minutes
    min_depth = AmountField(default=0)  # base units each side must show
    # Past these an RFQ goes to the desk:
    auto_max_quantity = AmountField()
    auto_max_age_ms = models.IntegerField(default=4000)
    auto_max_sigma = AmountField(default=0)  # annualised, a fraction
    auto_max_spread_bps = AmountField(default=0)  # of the merged book
    auto_min_sources = models.IntegerField(default=1)
    # A price is held against the mid and the book before it goes out:
    sure_bps = AmountField(default=100)  # a person's price further than this from the mid is asked for twice
    refuse_bps = AmountField(default=500)  # and further than this it is refused
    through_bps = AmountField(default=1)  # how far a price may lie through the book, to the client's favour
    legs = models.JSONField(default=list)  # ["BTC-USD", "EUR-USD"] when priced as a cross

    class Meta:
        verbose_name_plural = "pair policies"
        constraints = [
            models.CheckConstraint(
                condition=Q(sure_bps__gt=0, refuse_bps__gte=models.F("sure_bps"), refuse_bps__lt=10_000, through_bps__gte=0),
                name="pairpolicy_bands",
            ),
            models.CheckConstraint(
                condition=Q(
                    spread_bps__gte=0, spread_bps__lt=10_000, volatility_share__gte=0, skew_cap_bps__gte=0, skew_cap_bps__lt=10_000,
                    skew_full_at__gte=0, minimum_earn__gte=0,
                ),
                name="policy_spreads",
            ),
            models.CheckConstraint(
                condition=Q(
                    max_price_age_ms__gt=0, source_max_age_ms__gt=0, auto_max_age_ms__gt=0, max_deviation_bps__gt=0, max_jump_bps__gte=0,
                    min_depth__gte=0, auto_max_quantity__gte=0, auto_max_sigma__gte=0, auto_max_spread_bps__gte=0, auto_min_sources__gte=1,
                ),
                name="policy_bounds",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.pair_code


class PairPolicyVersion(Row):
    """What a pair's policy was from `changed_at` on: who set it, who agreed. `terms` is a copy of the policy's row."""

    append_only = True

    pair_code = models.CharField(max_length=25)
    version = models.IntegerField()
    terms = models.JSONField(decoder=ExactNumbers)
    reason = models.CharField(max_length=200, blank=True)
    changed_by = models.UUIDField(null=True)  # nobody: as installed
    changed_by_name = models.CharField(max_length=120, blank=True)
    approval_id = models.UUIDField(null=True)  # of the second person, where the change needed one
    approved_by_name = models.CharField(max_length=120, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pair_code", "version"], name="policyversion_once"),
            models.CheckConstraint(condition=Q(version__gte=1), name="policyversion_positive"),
        ]


class Venue(models.Model):
    """A venue whose books may be merged, and what taking costs there: counted into its prices."""

    code = models.CharField(max_length=30, primary_key=True)  # as the feed names it
    taker_bps = AmountField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(taker_bps__gte=0, taker_bps__lt=1_000), name="venue_fee")]

    def __str__(self) -> str:
        return self.code


class Halt(Row):
    """A kill switch: on by one person at once, off by a second. Refuses new quotes and every accept received after it."""

    scope = models.CharField(max_length=6, choices=[("ALL", "all"), ("PAIR", "pair"), ("CLIENT", "client")])
    pair_code = models.CharField(max_length=25, blank=True)
    client_id = models.UUIDField(null=True, blank=True)
    reason = models.CharField(max_length=200)
    thrown_by = models.UUIDField()
    thrown_at = models.DateTimeField()
    lifted_by = models.UUIDField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "pair_code", "client_id"], condition=Q(lifted_at__isnull=True), name="halt_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(scope="ALL", pair_code="", client_id__isnull=True)
                | (Q(scope="PAIR", client_id__isnull=True) & ~Q(pair_code=""))
                | Q(scope="CLIENT", pair_code="", client_id__isnull=False),
                name="halt_scope",
            ),
            models.CheckConstraint(condition=Q(lifted_by__isnull=True) | ~Q(lifted_by=models.F("thrown_by")), name="halt_two_people"),
        ]


class MarkSet(Row):
    """Closing marks of one booking entity and business date; official figures use only the approved one."""

    entity_id = models.UUIDField()
    business_date = models.DateField()
    version = models.IntegerField()
    status = models.CharField(max_length=10, choices=[(s, s) for s in MarkSetStatus], default=MarkSetStatus.PROPOSED)
    currency = models.CharField(max_length=12)
    taken_at = models.DateTimeField()
    proposed_by = models.UUIDField(null=True)
    approved_by = models.UUIDField(null=True)
    approved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity_id", "business_date", "version"], name="markset_version"),
            models.UniqueConstraint(fields=["entity_id", "business_date"], condition=Q(status="APPROVED"), name="markset_one_approved"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | Q(proposed_by__isnull=True) | ~Q(approved_by=models.F("proposed_by")),
                name="markset_four_eyes",
            ),
        ]


class Mark(Row):
    append_only = True

    mark_set = models.ForeignKey(MarkSet, on_delete=models.PROTECT, related_name="marks")
    asset_code = models.CharField(max_length=12)
    price = AmountField()  # of one unit, in the set's currency
    source = models.CharField(max_length=120)
    flags = models.JSONField(default=list)  # stale, spread, move

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mark_set", "asset_code"], name="mark_once"),
            models.CheckConstraint(condition=Q(price__gt=0), name="mark_positive"),
        ]


class PositionLimit(Row):
    """How far a book may be open in an asset, either direction, in versions; proposed by one person, agreed by risk."""

    book_id = models.UUIDField()
    asset_code = models.CharField(max_length=12)
    version = models.IntegerField()
    soft = AmountField()  # past it people are told
    hard = AmountField()  # past it only what reduces risk is priced by itself
    reason = models.CharField(max_length=200)
    effective_from = models.DateTimeField()
    effective_until = models.DateTimeField(null=True)
    proposed_by = models.UUIDField()
    approved_by = models.UUIDField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["book_id", "asset_code", "version"], name="positionlimit_version"),
            models.UniqueConstraint(
                fields=["book_id", "asset_code"], condition=Q(effective_until__isnull=True), name="positionlimit_one_current"
            ),
            models.CheckConstraint(condition=Q(soft__gt=0, hard__gte=models.F("soft")), name="positionlimit_order"),
            models.CheckConstraint(condition=~Q(approved_by=models.F("proposed_by")), name="positionlimit_four_eyes"),
        ]


class PositionBreach(Row):
    """A time during which a book was past a limit of one asset."""

    book_id = models.UUIDField()
    asset_code = models.CharField(max_length=12)
    standing = models.CharField(max_length=4, choices=[("SOFT", "soft"), ("HARD", "hard")])
    position = AmountField()  # when it began
    limit = AmountField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "position breaches"
        constraints = [
            models.UniqueConstraint(
                fields=["book_id", "asset_code", "standing"], condition=Q(ended_at__isnull=True), name="positionbreach_once"
            )
        ]
