"""docs/openapi.yaml, as the tests of this folder read it."""

import re
from pathlib import Path
from typing import Any

import yaml

from tests.guard.access import OBJECTS

SCHEMA = yaml.load((Path(__file__).resolve().parents[2] / "docs/openapi.yaml").read_text(), Loader=yaml.CSafeLoader)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
OPERATIONS = {f"{m.upper()} {path}": op for path, ops in SCHEMA["paths"].items() for m, op in ops.items() if m.upper() in METHODS}


def parameters(path: str) -> list[str]:
    return re.findall(r"{(\w+)}", path)


def fill(path: str, ids: Any) -> str:
    return re.sub(r"{(\w+)}", lambda found: ids[OBJECTS[found[1]][0]], path)


def example(operation: str) -> Any:
    content = OPERATIONS[operation].get("requestBody", {}).get("content", {}).get("application/json", {})
    examples = list(content.get("examples", {}).values())
    return examples[0]["value"] if examples else {}


def members(operation: str) -> dict[str, Any]:
    content = OPERATIONS[operation].get("requestBody", {}).get("content", {}).get("application/json", {})
    found: dict[str, Any] = content.get("schema", {}).get("properties", {})
    return found


def places(operation: str) -> list[tuple[str, str]]:
    """Members of a body that hold an id of an object: the list they stand in, empty for the body itself, and their name."""
    found = [("", name) for name in members(operation)]
    for outer, about in members(operation).items():
        found += [(outer, name) for name in about.get("items", {}).get("properties", {})]
    return [(outer, name) for outer, name in found if name in OBJECTS and OBJECTS[name][1] != "all"]


def put(body: dict[str, Any], outer: str, name: str, value: str) -> dict[str, Any]:
    """The body with this member; a list that the example does not have is as another example has it."""
    if not outer:
        return body | {name: value}
    others = body.get(outer) or next(shown[outer] for shown in map(example, OPERATIONS) if outer in shown)
    return body | {outer: [one | {name: value} for one in others]}
