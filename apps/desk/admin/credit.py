from django.contrib import admin

from apps.credit.models import Line, Reservation

from .base import TRADING, Record, Rows


class Reservations(Rows):
    model = Reservation
    per_page = 20


@admin.register(Line)
class LineAdmin(Record):
    roles = TRADING
    list_display = ("subject_id", "level", "measure", "amount", "excess", "reserved", "used", "valid_until")
    list_filter = ("level", "measure")


@admin.register(Reservation)
class ReservationAdmin(Record):
    roles = TRADING
    list_display = ("source_id", "line", "amount", "status", "day", "created_at", "ended_at")
    list_filter = ("status",)
    date_hierarchy = "created_at"
