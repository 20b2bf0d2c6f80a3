"""What every record has in common: seen by role, changed and deleted by nobody."""

import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.db.models import JSONField, Model
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import ModelAdmin, TabularInline

from apps.core.db import AmountField
from apps.desk.templatetags.desk import amount

TRADING = frozenset({"sales", "trader", "risk", "operations", "finance", "auditor", "admin"})
BACK_OFFICE = frozenset({"operations", "risk", "finance", "compliance", "auditor", "admin"})
COMPLIANCE = frozenset({"compliance", "auditor"})
EVERYONE = TRADING | COMPLIANCE


def roles_of(request: HttpRequest) -> frozenset[str]:
    """The roles of who asks, read once a request."""
    known: frozenset[str] | None = getattr(request, "desk_roles", None)
    if known is None:
        user: Any = request.user
        known = user.roles if user.is_authenticated and user.is_active and user.is_staff else frozenset()
        request.desk_roles = known  # type: ignore[attr-defined]
    return known


class _Kept:
    """For lists and inlines alike. A superuser is not above roles."""

    roles: ClassVar[frozenset[str]] = EVERYONE
    model: type[Model]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(roles_of(request) & self.roles)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def _show_amounts(self) -> None:
        """Amounts as people read them, in place of 18 decimals; documents with exact numbers, which the theme cannot write, as text."""
        self._shown: dict[str, str] = {}
        for field in self.model._meta.concrete_fields:
            if isinstance(field, AmountField):
                name = f"shown_{field.name}"
                setattr(self, name, _shower(field.name, str(field.verbose_name)))
                self._shown[field.name] = name
            elif isinstance(field, JSONField) and field.decoder is not None:
                name = f"shown_{field.name}"
                setattr(self, name, _document(field.name, str(field.verbose_name)))
                self._shown[field.name] = name

    def _fields(self) -> list[str]:
        hidden = set(getattr(self, "hidden", ()))
        return [self._shown.get(f.name, f.name) for f in self.model._meta.concrete_fields if f.name not in hidden]


def _shower(name: str, title: str) -> Callable[[Any], str]:
    def show(row: Any) -> str:
        return amount(getattr(row, name))

    show.short_description, show.admin_order_field = title, name  # type: ignore[attr-defined]
    return show


def _document(name: str, title: str) -> Callable[[Any], str]:
    def show(row: Any) -> str:
        return format_html("<pre>{}</pre>", json.dumps(getattr(row, name), indent=1, ensure_ascii=False, default=str))

    show.short_description = title  # type: ignore[attr-defined]
    return show


class Record(_Kept, ModelAdmin):  # type: ignore[misc]
    """One table of the records."""

    hidden: ClassVar[Sequence[str]] = ()
    list_per_page = 50
    show_full_result_count = False
    compressed_fields = True
    list_filter_sheet = True
    list_fullwidth = True
    actions = None
    warn_unsaved_form = False

    def __init__(self, model: type[Model], site: Any) -> None:
        super().__init__(model, site)
        self._show_amounts()

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Django lets an address filter by every column of the table itself; what is hidden would be told a character at a time."""
        return lookup.partition("__")[0] not in self.hidden and bool(super().lookup_allowed(lookup, value, request))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [self._shown.get(name, name) for name in super().get_list_display(request)]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self._fields()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self._fields()


class Rows(_Kept, TabularInline):  # type: ignore[misc]
    """Rows of another table shown below a record."""

    hidden: ClassVar[Sequence[str]] = ("id",)
    extra = 0
    can_delete = False
    show_change_link = True
    tab = True

    def __init__(self, parent: type[Model], site: Any) -> None:
        super().__init__(parent, site)
        self._show_amounts()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [name for name in self._fields() if name != self._parent_field()]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self.get_fields(request, obj)

    def _parent_field(self) -> str:
        return next((f.name for f in self.model._meta.concrete_fields if f.is_relation and f.related_model is self.parent_model), "")
