"""What a use case says it refuses with is in the document of the operation that calls it."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from django.urls import get_resolver

from tests.architecture import errors_page
from tests.guard.document import SCHEMA

# Said by use cases that our own people call too, of what only they can be refused with.
OURS = {"role_missing", "evidence_missing", "bad_version", "not_a_checker"}


def _codes() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in errors_page.refusals():
        found.setdefault(one.__name__, set()).add(one.code)
    return found


def _views(patterns: list[Any], before: str = "") -> Iterator[tuple[str, type]]:
    for one in patterns:
        if hasattr(one, "url_patterns"):
            yield from _views(one.url_patterns, before + str(one.pattern))
        elif (view := getattr(one.callback, "view_class", None)) is not None and view.__module__.startswith("apps.api.v1."):
            yield "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", before + str(one.pattern)), view


def test_an_operation_documents_what_its_use_case_refuses_with() -> None:
    codes, seen = _codes(), 0
    for path, view in _views(get_resolver().url_patterns):
        for method in ("post", "patch", "delete"):
            call = re.search(r"self\.run\(\s*(\w+)", inspect.getsource(getattr(view, method))) if hasattr(view, method) else None
            case = getattr(inspect.getmodule(view), call[1], None) if call else None
            if case is None or path not in SCHEMA["paths"]:
                continue
            said = " ".join(re.findall(r":raises(.*?)(?=:raises|:return|:param|\Z)", case.__doc__ or "", re.S))
            wanted = {code for name in re.findall(r"\b[A-Z]\w+", said) for code in codes.get(name, ())} - OURS
            told = " ".join(answer.get("description", "") for answer in SCHEMA["paths"][path][method]["responses"].values())
            missing = {code for code in wanted if not re.search(rf"\b{code}\b", told)}
            assert not missing, f"{method} {path}: {sorted(missing)}"
            seen += 1
    assert seen > 30
