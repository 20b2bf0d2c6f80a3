"""What a client is told is what the list of types says, field by field."""

import re
from pathlib import Path
from typing import Any

import pytest

from apps.api.v1.event_types import TYPES
from apps.events.models import Event
from tests.desk.day import make_day, make_staff

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_event_of_a_desk_day_has_a_type_in_the_list_and_exactly_its_fields(transactional_db: None) -> None:
    make_day(make_staff(), deals=8)
    seen: set[str] = set()
    for kind, data in Event.objects.filter(client_seq__isnull=False).values_list("kind", "public"):
        assert kind in TYPES, f"{kind}: in apps/api/v1/event_types.py"
        check(kind, data, TYPES[kind][1])
        seen.add(kind)
    assert {"rfq.quoted", "quote.accepted", "trade.booked", "net_set.frozen"} <= seen, seen


def test_every_operation_has_its_refusal_in_the_list() -> None:
    folder = Path(__file__).resolve().parents[2] / "apps/api/v1"
    operations = {name for file in folder.glob("*.py") for name in re.findall(r'operation="([a-z._]+)"', file.read_text())}
    assert {"rfq", "accept", "webhook"} <= operations
    assert {f"{name}.refused" for name in operations} <= set(TYPES)


def check(path: str, data: Any, schema: Any) -> None:
    if schema.get("type") == "object" and "properties" in schema and data is not None:
        assert set(data) <= set(schema["properties"]), f"{path}: {set(data) - set(schema['properties'])}"
        assert set(schema["required"]) <= set(data), f"{path}: {set(schema['required']) - set(data)}"
        for name, value in data.items():
            check(f"{path}.{name}", value, schema["properties"][name])
    elif schema.get("type") == "array":
        for item in data:
            check(f"{path}[]", item, schema["items"])
    elif schema.get("type") == "string":
        assert isinstance(data, str), f"{path}: {data!r}"
        assert "enum" not in schema or data in schema["enum"], f"{path}: {data!r}"
    elif schema.get("type") == "integer":
        assert type(data) is int, f"{path}: {data!r}"
