"""Every operation and every refusal of the OpenAPI document has an example, and each example is what its schema says."""

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from apps.api.examples import sample

SCHEMA = yaml.load((Path(__file__).resolve().parents[2] / "docs/openapi.yaml").read_text(), Loader=yaml.CSafeLoader)
OPERATIONS = {f"{m.upper()} {path}": op for path, ops in SCHEMA["paths"].items() for m, op in ops.items()}


def resolved(thing: dict[str, Any]) -> dict[str, Any]:
    for _ in range(4):
        if "$ref" not in thing:
            break
        found: Any = SCHEMA
        for part in thing["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        thing = found
    return thing


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_each_body_answer_and_refusal_has_an_example_that_holds(name: str) -> None:
    operation = OPERATIONS[name]
    contents = list(operation.get("requestBody", {}).get("content", {}).values())
    for status, answer in operation["responses"].items():
        for kind, content in answer.get("content", {}).items():
            if "json" in kind:
                contents.append(content)
                assert content["examples"], f"{status}: none"
            if kind == "application/problem+json":
                told = {
                    code
                    for code in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", answer["description"])
                    if code in SCHEMA["components"]["examples"]
                }
                assert told <= set(content["examples"]), f"{status}: {told - set(content['examples'])}"
    for content in contents:
        for one in content.get("examples", {}).values():
            value = resolved(one)["value"]
            jsonschema.validate(value, resolved(content["schema"]), cls=jsonschema.Draft202012Validator)


def test_a_sample_is_made_of_the_words_of_its_schema() -> None:
    schema = {"type": "object", "properties": {"id": {"type": "string", "description": "rfq_…"}, "n": {"type": ["integer", "null"]}}}
    assert sample(schema) == {"id": "rfq_01m81nt6tefw6aewv9fav0pe14", "n": 1}
