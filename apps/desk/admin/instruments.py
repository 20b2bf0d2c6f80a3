from django.contrib import admin

from apps.instruments.models import Asset, Book, BookingEntity, Pair, Rail

from .base import Record


@admin.register(Asset)
class AssetAdmin(Record):
    list_display = ("code", "name", "kind", "scale", "identifier", "calendar")
    list_filter = ("kind",)
    search_fields = ("code", "name", "identifier")


@admin.register(Rail)
class RailAdmin(Record):
    list_display = ("code", "asset", "kind", "cutoff", "zone", "confirmations", "down")
    list_filter = ("kind", "down")
    search_fields = ("code",)
    list_select_related = ("asset",)


@admin.register(Pair)
class PairAdmin(Record):
    list_display = ("code", "tick", "step", "min_quantity", "max_quantity", "tenor", "active")
    list_filter = ("active",)
    search_fields = ("code",)


@admin.register(BookingEntity)
class BookingEntityAdmin(Record):
    list_display = ("code", "name", "lei", "functional_currency", "roll", "zone")
    list_select_related = ("functional_currency",)


@admin.register(Book)
class BookAdmin(Record):
    list_display = ("code", "entity")
    list_select_related = ("entity",)
