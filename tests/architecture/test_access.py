"""Each address says whom it is for, in one table that the authorization matrix is made from."""

import re

from apps.api import urls
from tests.guard.access import API, OBJECTS, OPEN
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
