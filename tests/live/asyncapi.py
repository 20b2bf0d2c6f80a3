"""Live frames are held against the AsyncAPI document, as anybody who reads it would hold them."""

from functools import cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from apps.api.live.said import name_of
from tests.live.conftest import ROOT


@cache
def committed() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text(encoding="utf-8"))
    return found


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(committed()["components"]["messages"][name.replace(".", "_")]["payload"])


def hold(message: dict[str, Any]) -> None:
    """Fail where a message of the server's is not what the document says of it.

    An event of a type that only these tests write has the envelope of all others.
    """
    name = name_of(message)
    if name is None:
        assert set(message) == {"ch", "seq", "ts", "type", "id", "data"}, message
        return
    wrong = next(_validator(name).iter_errors(message), None)
    assert wrong is None, f"{name}: {wrong.message} at {wrong.json_path}: {message}"
