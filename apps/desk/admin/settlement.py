from django.contrib import admin

from apps.desk.access import SEES_COMPLIANCE
from apps.settlement.models import (
    Adjustment,
    Deposit,
    Exclusion,
    GateDecision,
    Instruction,
    LineDispute,
    MatchTolerance,
    NetLeg,
    NetSet,
    Nostro,
    Obligation,
    RailReport,
    Receipt,
    ReceiptMatch,
    ReceiptNote,
    ReleaseBand,
    ReleaseStop,
    Replacement,
    StatementLine,
    Withdrawal,
)

from .base import BACK_OFFICE, Record, Rows

_SEES_RECEIPTS = frozenset({"operations", "compliance", "finance", "auditor"})


class NetLegs(Rows):
    model = NetLeg


class Decisions(Rows):
    """Their blockers say why compliance holds a payment."""

    model = GateDecision
    roles = SEES_COMPLIANCE


class Matches(Rows):
    model = ReceiptMatch


class Notes(Rows):
    model = ReceiptNote
    roles = SEES_COMPLIANCE


@admin.register(MatchTolerance)
class MatchToleranceAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("asset", "version", "amount", "reason", "set_at")
    list_filter = ("asset",)


@admin.register(RailReport)
class RailReportAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("heard_at", "instruction", "version", "stage", "reason", "source")
    list_filter = ("stage", "source")
    search_fields = ("=instruction__end_to_end_id", "reference", "message")
    list_select_related = ("instruction",)


@admin.register(Replacement)
class ReplacementAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("made_at", "instruction", "number", "fee", "status", "reference", "reason")
    list_filter = ("status",)
    search_fields = ("=instruction__end_to_end_id", "reference")
    list_select_related = ("instruction",)


@admin.register(ReleaseStop)
class ReleaseStopAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("thrown_at", "reason", "lifted_at")
    date_hierarchy = "thrown_at"


@admin.register(Nostro)
class NostroAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("name", "entity", "asset", "rail", "address", "designation")
    list_filter = ("asset", "designation")
    search_fields = ("name", "address")
    list_select_related = ("entity", "asset", "rail")


@admin.register(Obligation)
class ObligationAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("value_date", "account", "direction", "asset", "amount", "settled_amount", "status")
    list_filter = ("status", "direction", "asset")
    search_fields = ("account__code", "=trade__id")
    date_hierarchy = "value_date"
    list_select_related = ("account", "asset")


@admin.register(NetSet)
class NetSetAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("value_date", "account", "entity", "status", "cutoff_at", "attempt", "settled_at")
    list_filter = ("status",)
    search_fields = ("account__code",)
    date_hierarchy = "value_date"
    list_select_related = ("account", "entity")
    inlines = (NetLegs,)


@admin.register(Instruction)
class InstructionAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("due_date", "direction", "account", "asset", "amount", "status", "attempt", "end_to_end_id", "sent_at", "settled_at")
    list_filter = ("status", "direction", "asset")
    search_fields = ("end_to_end_id", "rail_reference", "account__code")
    date_hierarchy = "due_date"
    list_select_related = ("account", "asset")
    inlines = (Decisions,)


@admin.register(Adjustment)
class AdjustmentAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("requested_at", "account", "kind", "direction", "asset", "amount", "status", "value_date")
    list_filter = ("status", "kind", "asset")
    search_fields = ("account__code", "reason")
    date_hierarchy = "value_date"
    list_select_related = ("account", "asset")


@admin.register(Exclusion)
class ExclusionAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("made_at", "obligation", "until", "reason")


@admin.register(LineDispute)
class LineDisputeAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("raised_at", "net_set", "obligation", "reason", "raised_kind", "evidence", "outcome")
    list_filter = ("outcome", "raised_kind")


@admin.register(ReleaseBand)
class ReleaseBandAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("rail", "version", "straight_through", "two_checkers", "largest", "most_payments", "set_at")
    list_filter = ("rail",)


@admin.register(Receipt)
class ReceiptAdmin(Record):
    roles = _SEES_RECEIPTS
    list_display = ("seen_at", "asset", "amount", "sender_name", "account", "status", "quarantine_reason", "owner_role", "owner_name")
    list_filter = ("status", "asset", "quarantine_reason")
    search_fields = ("rail_reference", "sender_name", "sender_address")
    date_hierarchy = "seen_at"
    list_select_related = ("account", "asset")
    inlines = (Matches, Notes)


@admin.register(Deposit)
class DepositAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("created_at", "account", "asset", "amount", "status", "credited_at")
    list_filter = ("status", "asset")
    search_fields = ("account__code",)
    list_select_related = ("account", "asset")


@admin.register(Withdrawal)
class WithdrawalAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("requested_at", "account", "asset", "amount", "status", "client_reference", "settled_at")
    list_filter = ("status", "asset")
    search_fields = ("account__code", "client_reference")
    list_select_related = ("account", "asset")


@admin.register(StatementLine)
class StatementLineAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("booked_at", "nostro", "kind", "amount", "balance", "end_to_end_id", "counterparty_name")
    list_filter = ("kind", "nostro")
    search_fields = ("reference", "end_to_end_id", "counterparty_name")
    date_hierarchy = "booked_at"
    list_select_related = ("nostro",)
