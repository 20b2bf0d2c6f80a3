"""An example for every operation and every refusal of the OpenAPI document, where none is written by hand.

Of a refusal: the problem that is answered, from its class. Of an answer: one made of its schema.
"""

import re
from typing import Any

from apps.core.errors import AppError

_CODE = re.compile(r"\b[a-z]+(?:_[a-z]+)*\b")
_REQUEST_ID = "req_01m81nt6tefw6aewv9fav0pe14"
_ID = "01m81nt6tefw6aewv9fav0pe14"
# Told at the door without a class of their own (apps/api/problems.py): code → title, retry
_AT_THE_DOOR = {
    "invalid_signature": ("The signature does not hold", "never"),
    "invalid_token": ("The token does not hold", "never"),
    "invalid_request": ("The request is not valid", "never"),
    "invalid_cursor": ("The cursor is not valid", "never"),
    "not_acceptable": ("Answers are JSON", "never"),
    "unsupported_media_type": ("Bodies are application/json", "never"),
}
_FORMATS = {"decimal": "20004.12", "date": "2026-09-16", "date-time": "2026-09-15T12:00:00.000000Z"}


def add_examples(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: what has no example gets one; those of refusals stand once, under components."""
    known = _refusals()
    used: dict[str, Any] = {}
    for methods in result["paths"].values():
        for operation in methods.values():
            operation.pop("description", None)  # the words of a class of ours; the summary says it
            for status, answer in operation["responses"].items():
                for kind, content in answer.get("content", {}).items():
                    if kind == "application/problem+json":
                        codes = [code for code in _CODE.findall(answer["description"]) if known.get(code, {}).get("status") == int(status)]
                        used |= {code: {"summary": known[code]["title"], "value": known[code]} for code in codes}
                        content["examples"] = {code: {"$ref": f"#/components/examples/{code}"} for code in codes}
                    elif kind == "application/json" and "examples" not in content:
                        content["examples"] = {"Answer": {"value": sample(content["schema"])}}
    result["components"]["examples"] = dict(sorted(used.items()))
    return result


def _refusals() -> dict[str, dict[str, Any]]:
    statuses = {"invalid_signature": 401, "invalid_token": 401, "not_acceptable": 406, "unsupported_media_type": 415}
    found = {code: _problem(code, statuses.get(code, 400), title, retry) for code, (title, retry) in _AT_THE_DOOR.items()}
    fault = {"pointer": "/quantity", "code": "not_positive", "detail": "an amount above zero"}
    found["invalid_request"] |= {"detail": "/quantity: an amount above zero", "errors": [fault]}
    todo: list[type[AppError]] = [AppError]
    while todo:
        for one in todo.pop().__subclasses__():
            todo.append(one)
            found.setdefault(one.code, _problem(one.code, one.status, one.title, one.retry))
    return found


def _problem(code: str, status: int, title: str, retry: str) -> dict[str, Any]:
    return {
        "type": f"/api/docs/errors#{code}",
        "title": title,
        "status": status,
        "detail": title,
        "code": code,
        "request_id": _REQUEST_ID,
        "retry": retry,
    }


def sample(schema: dict[str, Any]) -> Any:
    """A value that this schema allows, as near to a real one as its words say."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next(one for one in kind if one != "null")
    if kind == "object":
        more = schema.get("additionalProperties")
        named = {name: sample(member) for name, member in schema.get("properties", {}).items() if not member.get("deprecated")}
        return named or ({"USD": sample(more)} if isinstance(more, dict) else {})
    if kind == "array":
        return [sample(schema["items"])] if schema.get("items") else []
    if "enum" in schema:
        return schema["enum"][0]
    if kind in {"integer", "boolean"}:
        return 1 if kind == "integer" else True
    about = schema.get("description", "")
    if (wire := re.match(r"([a-z]{2,5})_…", about)) is not None:
        return f"{wire[1]}_{'3f9c1e0a7b52d846' if wire[1] == 'ak' else _ID}"
    if (said := re.search(r"e\.g\. ([\w./+:-]+)", about)) is not None:
        return said[1]
    return _FORMATS.get(schema.get("format", ""), "USD" if about == "code" else "…")
