"""What an answer holds, as JSON schema."""

from collections.abc import Mapping
from typing import Any


def text(about: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": about} | more


def decimal(about: str) -> dict[str, Any]:
    return text(about, format="decimal")


def moment(about: str) -> dict[str, Any]:
    return text(about, format="date-time")


def obj(properties: Mapping[str, Any], *optional: str) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": [name for name in properties if name not in optional]}


def array(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": dict(items)}


def page(items: Mapping[str, Any]) -> dict[str, Any]:
    return obj(
        {"data": array(items), "next_cursor": {"type": ["string", "null"], "description": "give it back as ?cursor= for the next page"}}
    )
