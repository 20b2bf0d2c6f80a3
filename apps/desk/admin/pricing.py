from django.contrib import admin

from apps.pricing.models import Halt, Mark, MarkSet, PairPolicy, PairPolicyVersion, PositionBreach, PositionLimit, Venue

from .base import TRADING, Record, Rows


class Marks(Rows):
    model = Mark


@admin.register(PairPolicy)
class PairPolicyAdmin(Record):
    roles = TRADING
    list_display = ("pair_code", "version", "spread_bps", "skew_cap_bps", "minimum_earn", "auto_max_quantity", "max_price_age_ms")


@admin.register(PairPolicyVersion)
class PairPolicyVersionAdmin(Record):
    roles = TRADING
    list_display = ("changed_at", "pair_code", "version", "changed_by_name", "approved_by_name", "reason")
    list_filter = ("pair_code",)
    date_hierarchy = "changed_at"


@admin.register(Venue)
class VenueAdmin(Record):
    roles = TRADING
    list_display = ("code", "taker_bps")


@admin.register(Halt)
class HaltAdmin(Record):
    list_display = ("thrown_at", "scope", "pair_code", "reason", "lifted_at")
    list_filter = ("scope",)
    date_hierarchy = "thrown_at"


@admin.register(MarkSet)
class MarkSetAdmin(Record):
    roles = TRADING
    list_display = ("business_date", "version", "status", "currency", "taken_at", "approved_at")
    list_filter = ("status",)
    date_hierarchy = "business_date"
    inlines = (Marks,)


@admin.register(PositionLimit)
class PositionLimitAdmin(Record):
    roles = TRADING
    list_display = ("book_id", "asset_code", "version", "soft", "hard", "effective_from", "effective_until")
    list_filter = ("asset_code",)


@admin.register(PositionBreach)
class PositionBreachAdmin(Record):
    roles = TRADING
    list_display = ("began_at", "book_id", "asset_code", "standing", "position", "limit", "ended_at")
    list_filter = ("standing", "asset_code")
    date_hierarchy = "began_at"
