from django.contrib import admin

from apps.trades.models import Hedge, LpFill, LpRecord, Trade, TradeVersion

from .base import TRADING, Record, Rows


class Versions(Rows):
    model = TradeVersion


class Hedges(Rows):
    model = Hedge


class Fills(Rows):
    model = LpFill


@admin.register(LpRecord)
class LpRecordAdmin(Record):
    """What an LP says was executed with us on a business date."""

    roles = TRADING
    list_display = ("imported_at", "counterparty", "trade_date", "lines")
    list_filter = ("trade_date",)
    search_fields = ("counterparty__code", "fills__execution_id")
    list_select_related = ("counterparty",)
    inlines = (Fills,)


@admin.register(Trade)
class TradeAdmin(Record):
    """The deal page on the desk has the whole story; here are the rows."""

    roles = TRADING | {"compliance"}
    list_display = ("booked_at", "kind", "status", "counterparty", "pair", "client_order_id", "execution_id", "trade_date", "version")
    list_filter = ("kind", "status", "pair", "book")
    search_fields = ("client_order_id", "execution_id", "counterparty__code", "counterparty__name")
    date_hierarchy = "booked_at"
    ordering = ("-booked_at",)
    list_select_related = ("counterparty", "pair")
    inlines = (Versions, Hedges)
