"""Each refusal has one stable code, and the page that lists them is true."""

import ast
import re
from collections import Counter
from pathlib import Path

from apps.api.errors_page import rows
from apps.core.errors import Conflict, Rejected
from tests.architecture import errors_page

ROOT = Path(__file__).resolve().parents[2]
# The same word to the caller wherever the rule stands; same status, same retry.
SHARED = {"four_eyes", "quote_answered", "idempotency_in_progress", "idempotency_key_reused"}


def test_every_refusal_has_a_code_of_its_own() -> None:
    found = errors_page.refusals()
    assert len(found) > 30
    for one in found:
        assert "code" in vars(one), f"{one.__qualname__} has no code of its own"
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", one.code), one.code
        assert 400 <= one.status < 600
        assert one.retry in {"safe", "after", "never", "check_status"}
    assert {code for code, count in Counter(one.code for one in found).items() if count > 1} <= SHARED
    for code in SHARED:
        assert len({(one.status, one.retry) for one in found if one.code == code}) == 1, code


def test_what_is_stored_under_its_key_is_not_offered_again() -> None:
    """A refusal that was decided comes again for the same request (core/unit.py), whatever has become of its cause."""
    before_its_key = {"idempotency_in_progress"}
    again = {one.code for one in errors_page.refusals() if issubclass(one, Conflict | Rejected) and one.retry != "never"}
    assert again == before_its_key


def test_the_page_of_errors_is_what_the_classes_say() -> None:
    assert errors_page.PAGE.read_text() == errors_page.render(), "python -m tests.architecture.errors_page"


def test_codes_told_at_the_door_are_listed() -> None:
    """By REST before a view is found, and by the live role in place of a handshake."""
    told = {
        node.args[1].value
        for file in (ROOT / "apps/api/problems.py", *(ROOT / "apps/api/live").glob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) in {"document", "problem", "Refusal", "refusal", "_refuse"}
        and len(node.args) > 1
        and isinstance(node.args[1], ast.Constant)
    }
    assert {"invalid_handshake", "too_many_sockets"} < told
    listed = set(re.findall(r"^\| `(\w+)`", errors_page.PAGE.read_text(), flags=re.M))
    assert told
    assert told <= listed, told - listed
    assert {row["code"] for row in rows()} == listed, "the page that a problem's type points at"
