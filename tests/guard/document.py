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
