"""Each address says whom it is for, in one table that the authorization matrix is made from."""

import re
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.urls import URLResolver, get_resolver

from apps.api import urls
from tests.guard.access import API, DESK, DOORS, OBJECTS, OPEN, RECORDS
from tests.guard.document import OPERATIONS, members, parameters

FREE = {"client_rfq_id", "client_order_id", "execution_id"}  # ids that the client chooses
HOW = "each route of the API has one line in tests/guard/access.py (API): its operation and the scope it needs; then run tests/guard"


def test_every_route_stands_in_the_table_and_in_the_document() -> None:
    routed = set()
    for route in urls.urlpatterns:
        view = getattr(route.callback, "cls", None)
        if not str(route.pattern).startswith("v1/"):
            continue
        path = "/api/" + re.sub(r"<str:(\w+)>", r"{\1}", str(route.pattern))
        routed |= {f"{m.upper()} {path}" for m in view.http_method_names if hasattr(view, m) and m not in {"head", "options"}}
    assert not routed - set(API), f"routes without a line: {sorted(routed - set(API))}; {HOW}"
    assert not set(API) - routed, f"lines without a route: {sorted(set(API) - routed)}; {HOW}"
    assert set(OPERATIONS) == set(API), f"not the same in docs/openapi.yaml: {sorted(set(OPERATIONS) ^ set(API))}"
    for operation in API:
        named = [*parameters(operation), *(name for name in members(operation) if name.endswith("_id") and name not in FREE)]
        unknown = [name for name in named if name not in OBJECTS]
        assert not unknown, (
            f"{operation}: {unknown}: name the kind of object in OBJECTS of tests/guard/access.py, make one for each firm in house.py"
        )


def test_what_is_open_below_api_is_named_and_nothing_else_is_there() -> None:
    routed = {str(route.pattern) for route in urls.urlpatterns} - {"", "<path:rest>"}
    assert {one for one in routed if not one.startswith("v1/")} == OPEN


def addresses(resolver: Any, before: str = "") -> Iterator[str]:
    for one in resolver.url_patterns:
        here = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from addresses(one, here)
        else:
            yield here


def test_every_address_of_the_desk_stands_in_the_table() -> None:
    found = {one for one in addresses(get_resolver()) if not one.startswith(("api/v1/", "admin/")) or one in DOORS}
    assert not found - set(DESK) - DOORS, f"addresses without a line in DESK of tests/guard/access.py: {sorted(found - set(DESK) - DOORS)}"
    assert not (set(DESK) | DOORS) - found, f"lines without an address: {sorted((set(DESK) | DOORS) - found)}"


def test_every_table_of_the_records_says_who_may_look_at_it() -> None:
    found = {model._meta.label_lower for model in admin.site._registry}
    assert found == set(RECORDS), f"not the same in RECORDS of tests/guard/access.py: {sorted(found ^ set(RECORDS))}"


def test_rows_shown_below_a_record_are_seen_by_no_more_people_than_their_own_table() -> None:
    for model, record in admin.site._registry.items():
        for inline in record.inlines:
            own = set(RECORDS.get(inline.model._meta.label_lower, RECORDS[model._meta.label_lower]).split())
            seen = inline.roles & record.roles
            assert seen <= own, f"{inline.model._meta.label} below {model._meta.label}: {sorted(seen - own)}"
