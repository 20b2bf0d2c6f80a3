from django.contrib import admin

from apps.clients.models import Account, ApiKey, Authority, Counterparty, Coverage, Group, Member, Ssi, Terms

from .base import Record, Rows


class Accounts(Rows):
    model = Account


class Members(Rows):
    model = Member


class TermsRows(Rows):
    model = Terms


_SEES_SSIS = frozenset({"operations", "compliance", "finance", "risk", "auditor", "admin"})


class Ssis(Rows):
    model = Ssi
    roles = _SEES_SSIS


class Coverages(Rows):
    model = Coverage


class Authorities(Rows):
    model = Authority


@admin.register(Counterparty)
class CounterpartyAdmin(Record):
    list_display = ("code", "name", "status", "roles", "lei", "country", "group")
    list_filter = ("status", "country")
    search_fields = ("code", "name", "lei")
    list_select_related = ("group",)
    ordering = ("code",)
    inlines = (Accounts, Members)


@admin.register(Group)
class GroupAdmin(Record):
    list_display = ("name",)
    search_fields = ("name",)


@admin.register(Account)
class AccountAdmin(Record):
    list_display = ("code", "owner", "name", "status", "is_default")
    list_filter = ("status",)
    search_fields = ("code", "name", "owner__code", "owner__name")
    list_select_related = ("owner",)
    inlines = (TermsRows, Ssis, Authorities, Coverages)


@admin.register(Member)
class MemberAdmin(Record):
    hidden = ("stopped_at",)  # what the lists say is compliance's
    list_display = ("name", "counterparty", "email", "closed_at", "valid_until")
    search_fields = ("name", "email", "counterparty__code")
    list_select_related = ("counterparty",)


@admin.register(ApiKey)
class ApiKeyAdmin(Record):
    """The public half; the private one was never here."""

    roles = frozenset({"admin", "compliance", "auditor", "operations", "risk"})
    hidden = ("public_key",)
    list_display = ("key_id", "member", "scopes", "allowed_cidrs", "created_at", "expires_at", "revoked_at")
    search_fields = ("key_id", "member__name", "member__counterparty__code")
    list_select_related = ("member",)
    date_hierarchy = "created_at"


@admin.register(Terms)
class TermsAdmin(Record):
    list_display = ("account", "version", "mode", "tier", "markup_bps", "fee_bps", "effective_from", "effective_until")
    list_filter = ("mode", "tier")
    search_fields = ("account__code",)
    list_select_related = ("account",)


@admin.register(Ssi)
class SsiAdmin(Record):
    roles = _SEES_SSIS
    list_display = ("account", "asset_code", "rail_code", "holder", "status", "cooling_until", "created_at")
    list_filter = ("status", "asset_code")
    search_fields = ("account__code", "holder", "address")
    list_select_related = ("account",)
    date_hierarchy = "created_at"
