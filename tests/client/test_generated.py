"""The client library has a method for every operation of the API, and is what its generator makes."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT: dict[str, Any] = yaml.load((ROOT / "docs/openapi.yaml").read_text(), Loader=yaml.CSafeLoader)
SAY = "run: make client"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "clients/python/tools/generate.py")
    assert spec is not None
    assert spec.loader is not None
    import sys

    module = sys.modules["generate"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_operation_of_the_schema_has_its_method(generator: ModuleType) -> None:
    from flowdesk_client.aresources import AsyncResources
    from flowdesk_client.resources import Resources

    wanted = generator.operations(DOCUMENT)
    assert len(wanted) > 40
    for made in (Resources(None), AsyncResources(None)):  # type: ignore[arg-type]
        for verb, one in wanted:
            assert hasattr(getattr(made, one.resource, None), verb), f"{one.method} {one.path}: no {one.resource}.{verb}; {SAY}"


def test_the_library_is_what_its_generator_makes(generator: ModuleType) -> None:
    for name, text in generator.generate(DOCUMENT).items():
        assert (ROOT / "clients/python/flowdesk_client" / name).read_text() == text, f"{name}; {SAY}"
