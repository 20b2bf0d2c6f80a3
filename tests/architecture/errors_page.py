"""docs/errors.md, made from the refusals' classes: `python -m tests.architecture.errors_page` writes it, a test compares.

It writes docs/asyncapi.yaml beside it, as `manage.py asyncapi` does: both follow the classes.
"""

import importlib
import pkgutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/errors.md"
# Told at the HTTP door without a class of their own (apps/api/problems.py): code → status, what it means, retry
AT_THE_DOOR = {
    "invalid_signature": (401, "The signature does not hold; the precise cause is logged, not told", "never"),
    "invalid_token": (401, "The bearer token does not hold; the precise cause is logged, not told", "never"),
    "invalid_request": (400, "The request is not what the API reads; `errors` names each fault by JSON pointer", "never"),
    "invalid_cursor": (400, "The cursor is not one that the API gave for these filters", "never"),
    "method_not_allowed": (405, "The method is not allowed at this address", "never"),
    "not_acceptable": (406, "Answers are JSON", "never"),
    "unsupported_media_type": (415, "Bodies are application/json", "never"),
    "internal_error": (500, "A fault of ours; nothing was stored", "safe"),
    # of a WebSocket's handshake (apps/api/live)
    "invalid_handshake": (400, "Not a WebSocket handshake that is served here; 405, 408 or 431 where HTTP has a word for it", "never"),
    "unknown_subprotocol": (400, "The handshake does not offer `otc.v1.json`", "never"),
    "not_authenticated": (401, "The desk's own socket: nobody is signed in", "never"),
    "origin_not_allowed": (403, "The desk's own socket: not one of its pages", "never"),
    "too_many_sockets": (429, "The key has as many sockets as it may have", "after"),
}
RETELLS = {"apps.desk.once.Refused"}  # a stored refusal told again: it carries the code of the first
HEAD = """# Every way the platform says no

Codes are stable: programs may branch on them, words and statuses stay as they are within a version. `retry` says what may be done with
the same request: `safe` (send it again), `after` (wait for Retry-After), `never`, `check_status` (ask what became of it first).
Made from the classes by `python -m tests.architecture.errors_page`; a test keeps it true.

| code | status | retry | meaning | born in |
|---|---|---|---|---|
"""


def modules() -> list[str]:
    """Every module under apps/ that may define a refusal."""
    import apps

    names = [m.name for m in pkgutil.walk_packages(apps.__path__, "apps.")]
    return [name for name in names if ".migrations" not in name]


def refusals() -> "list[type[AppError]]":  # noqa: F821
    """All AppError classes of the platform, kinds included."""
    for name in modules():
        importlib.import_module(name)
    from apps.core.errors import AppError

    found, todo = [], [AppError]
    while todo:
        for one in todo.pop().__subclasses__():
            todo.append(one)
            if one.__module__.startswith("apps.") and f"{one.__module__}.{one.__qualname__}" not in RETELLS:
                found.append(one)
    return sorted(set(found), key=lambda one: (one.code, one.__module__))


def render() -> str:
    rows = {code: (status, retry, meaning, "apps.api") for code, (status, meaning, retry) in AT_THE_DOOR.items()}
    for one in refusals():
        said = (one.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ") if "__doc__" in vars(one) and one.__doc__ else ""
        meaning = f"{one.title}. {' '.join(said.split())}".strip() if said else one.title
        app = ".".join(one.__module__.split(".")[:2])
        if one.code in rows:  # one word for one rule that stands in several apps
            rows[one.code] = (*rows[one.code][:3], f"{rows[one.code][3]}, {app}")
        else:
            rows[one.code] = (one.status, one.retry, meaning, app)
    lines = [f"| `{code}` | {status} | {retry} | {meaning} | {where} |" for code, (status, retry, meaning, where) in sorted(rows.items())]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowdesk.settings")
    django.setup()
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(render())
    from apps.api.live import asyncapi

    (ROOT / "docs/asyncapi.yaml").write_text(asyncapi.text(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)} written\n")
