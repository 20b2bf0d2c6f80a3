from django.contrib import admin

from apps.rfqs.models import Quote, Rfq

from .base import TRADING, Record, Rows


class Quotes(Rows):
    model = Quote
    fields_shown = ("number", "status", "buy_price", "sell_price", "reference_mid", "created_at", "expires_at", "accepted_side")

    def _fields(self) -> list[str]:
        return [self._shown.get(name, name) for name in self.fields_shown]


@admin.register(Rfq)
class RfqAdmin(Record):
    roles = TRADING
    list_display = ("received_at", "client_rfq_id", "client", "pair", "side", "quantity", "quote_quantity", "status", "channel")
    list_filter = ("status", "pair", "side", "channel")
    search_fields = ("client_rfq_id", "client__code", "client__name")
    date_hierarchy = "received_at"
    ordering = ("-received_at",)
    list_select_related = ("client", "pair")
    inlines = (Quotes,)


@admin.register(Quote)
class QuoteAdmin(Record):
    roles = TRADING
    list_display = ("created_at", "rfq_id", "number", "status", "buy_price", "sell_price", "reference_mid", "expires_at")
    list_filter = ("status",)
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
