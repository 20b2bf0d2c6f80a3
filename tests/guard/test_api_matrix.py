"""The authorization matrix: every REST operation × every kind of caller × what is its own, another's, and nothing's × methods.

Generated from the URL list and docs/openapi.yaml; what is allowed stands in tests/guard/access.py, in one line an operation.
"""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.test import Client
from flowdesk_client import sign

from apps.api import tokens
from apps.core.clock import wall_now
from apps.users.rules import ROLES
from tests.desk.day import STAFF, make_staff
from tests.guard.access import API, OBJECTS
from tests.guard.document import METHODS, OPERATIONS, SCHEMA, example, fill, parameters, places, put
from tests.guard.house import CLIENT_SCOPES, House, unlimited
from tests.guard.knock import HOST, Answer, check, counted, knock, send


@pytest.fixture(autouse=True)
def _no_limits(settings: Any) -> Iterator[None]:
    with unlimited(settings):
        yield


# --- who is nobody --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("what", ["own", "missing"])
def test_a_key_that_opens_nothing_is_answered_like_no_key_at_all(open_house: House, what: str) -> None:
    wrong, before = [], counted()
    told: dict[str, Any] = {}
    for operation in API:
        method, _, path = operation.partition(" ")
        target = fill(path, open_house.acme.ids if what == "own" else {**open_house.missing, "instrument": "XXX-YYY"})
        for who, key in {"nobody": None, **open_house.refused}.items():
            answer = knock(method, target, key, example(operation))
            if answer.status != 401 or answer.code != "invalid_signature" or told.setdefault(method, answer.like(())) != answer.like(()):
                wrong.append(f"{operation} by {who}, {what}: {answer.status} {answer.body[:200]!r}")
    check(wrong)
    assert len({str(one) for one in told.values()}) == 1, "one answer for all of them"
    assert counted() == before


def test_a_session_of_our_own_people_is_none_here(open_house: House) -> None:
    staff = make_staff()
    wrong = []
    for name, (_, role) in STAFF.items():
        browser = Client(raise_request_exception=False)
        browser.force_login(staff[name], backend="django.contrib.auth.backends.ModelBackend")
        for operation in API:
            method, _, path = operation.partition(" ")
            answer = send(
                method, fill(path, open_house.acme.ids), b"{}" if method != "GET" else None, {"Content-Type": "application/json"}, browser
            )
            if answer.status != 401:
                wrong.append(f"{operation} by {role}: {answer.status}")
    assert {role for _, role in STAFF.values()} == set(ROLES)
    check(wrong)


def test_another_address_opens_nothing(open_house: House) -> None:
    """Keys of the house are held to the loopback networks; what a proxy header says is not believed."""
    wrong, before = [], counted()
    for operation in API:
        method, _, path = operation.partition(" ")
        target, raw = fill(path, open_house.acme.ids), None if method == "GET" else b"{}"
        for spoof in ({}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Real-Ip": "127.0.0.1", "Forwarded": "for=127.0.0.1"}):
            signed = sign(open_house.acme.key, method=method, host=HOST, path=target, body=raw, idempotency_key="k" * 20)
            answer = send(method, target, raw, signed | spoof, REMOTE_ADDR="203.0.113.9")
            if (answer.status, answer.code) != (403, "ip_not_allowed"):
                wrong.append(f"{operation} with {spoof}: {answer.status} {answer.code}")
    check(wrong)
    assert counted() == before


# --- scopes ---------------------------------------------------------------------------------------------------------------
def test_a_key_does_what_its_scope_says_and_nothing_else(open_house: House) -> None:
    wrong, before = [], counted()
    for operation, need in API.items():
        method, _, path = operation.partition(" ")
        nobodys = open_house.missing | {"instrument": "XXX-YYY"}
        for scope, (what, ids) in itertools.product(CLIENT_SCOPES, (("own", open_house.acme.ids), ("nobody's", nobodys))):
            if scope == need:
                continue
            for asked in (method, "HEAD") if method == "GET" and what == "own" else (method,):
                answer = knock(asked, fill(path, ids), open_house.scoped[scope], example(operation))
                if answer.status != 403 or (asked != "HEAD" and answer.code != "scope_missing"):
                    wrong.append(f"{asked} {path} with {scope}, {what}: {answer.status} {answer.code}")
    check(wrong)
    assert counted() == before


def test_a_bearer_token_reads_what_its_key_reads_and_nothing_else(open_house: House) -> None:
    wrong, before = [], counted()
    until = wall_now() + timedelta(minutes=5)
    good = {"Authorization": f"Bearer {tokens.make(open_house.acme.key.key_id, until)}"}
    ended = {
        "out of time": tokens.make(open_house.acme.key.key_id, wall_now() - timedelta(seconds=1)),
        "of a revoked key": tokens.make(open_house.refused["revoked"].key_id, until),
        "of an unknown key": tokens.make("ak_test_nobody", until),
        "not signed by us": good["Authorization"].removeprefix("Bearer ")[:-3] + "AAA",
        "a key id": open_house.acme.key.key_id,
        "nothing": "",
    }
    for operation, need in API.items():
        method, _, path = operation.partition(" ")
        target = fill(path, open_house.acme.ids)
        raw, kind = (None, {}) if method == "GET" else (b"{}", {"Content-Type": "application/json"})
        answer = send(method, target, raw, kind | good)
        # statistics: of the whole client, and this key names one of its accounts
        expected = ({200, 422} if "statistics" in path else {200}) if need == "read" and method == "GET" else {403}
        if answer.status not in expected or answer.code not in {"", "scope_missing", "not_entitled"}:
            wrong.append(f"{operation} with a token: {answer.status} {answer.code}")
        if method == "GET":
            for why, token in ended.items():
                answer = send(method, target, raw, kind | {"Authorization": f"Bearer {token}"})
                if (answer.status, answer.code) != (401, "invalid_token"):
                    wrong.append(f"{operation} with a token that is {why}: {answer.status} {answer.code}")
            foreign = fill(path, open_house.rival.ids)
            if foreign != target and "instrument" not in path and "by-client-id" not in path:
                answer = send(method, foreign, raw, kind | good)
                if answer.status != (404 if need == "read" else 403):
                    wrong.append(f"{operation} with a token, another's: {answer.status}")
        if send(method, target, raw, kind | good, REMOTE_ADDR="203.0.113.9").code != "ip_not_allowed":
            wrong.append(f"{operation} with a token from elsewhere")
        signed = sign(open_house.acme.key, method=method, host=HOST, path=target, body=raw, idempotency_key="t" * 20)
        if send(method, target, raw, signed | good).status != 401:
            wrong.append(f"{operation} with a token beside a signature")
    check(wrong)
    assert counted() == before


# --- whose ----------------------------------------------------------------------------------------------------------------
def test_what_is_anothers_answers_byte_for_byte_like_what_is_not_there(open_house: House) -> None:
    wrong, before = [], counted()
    for operation, need in API.items():
        method, _, path = operation.partition(" ")
        named = [name for name in parameters(path) if OBJECTS[name][1] != "all"]
        if not named or need == "hedge":
            continue
        callers = {"the rival's key": (open_house.rival.key, open_house.rival.ids)}
        if all(OBJECTS[name][1] == "account" for name in named):
            callers["a colleague's key for another account"] = (open_house.colleague, {})
        for who, (key, own) in callers.items():
            for asked in (method, "HEAD") if method == "GET" else (method,):
                for theirs in subsets(named):
                    # e.g. my webhook with another's delivery: what is not theirs is mine
                    ids = own | {OBJECTS[name][0]: open_house.acme.ids[OBJECTS[name][0]] for name in theirs}
                    none = own | {OBJECTS[name][0]: open_house.missing[OBJECTS[name][0]] for name in theirs}
                    if not own and len(theirs) != len(named):
                        continue
                    body = example(operation)
                    one, two = knock(asked, fill(path, ids), key, body), knock(asked, fill(path, none), key, body)
                    if one.like(ids.values()) != two.like(none.values()):
                        wrong.append(f"{asked} {path} by {who}, {theirs}: {one.status} {one.body!r} or {two.status} {two.body!r}")
                    if path != "/api/v1/by-client-id/{reference}" and one.status != 404:
                        wrong.append(f"{asked} {path} by {who}, {theirs}: {one.status} {one.code}")
    check(wrong)
    assert counted() == before, "nothing was done"


def subsets(names: list[str]) -> Iterator[tuple[str, ...]]:
    for size in range(1, len(names) + 1):
        yield from itertools.combinations(names, size)


def test_an_id_in_a_body_or_query_that_is_anothers_answers_like_one_of_nothing(open_house: House) -> None:
    wrong, tried = [], 0
    for operation, need in API.items():
        if need == "hedge":
            continue
        method, _, path = operation.partition(" ")
        inside = [("body", *place) for place in places(operation)]
        queried = [one["name"] for one in OPERATIONS[operation].get("parameters", ()) if one["in"] == "query"]
        inside += [("query", "", name) for name in queried if name in OBJECTS]
        callers = ((open_house.rival.key, open_house.rival.ids), (open_house.colleague, {}))
        for (where, outer, name), (key, own) in itertools.product(inside, callers):
            kind, level = OBJECTS[name]
            if level == "all" or (not own and level != "account"):
                continue
            tried += 1
            seen = []
            for value in (open_house.acme.ids[kind], open_house.missing[kind]):
                body = {n: (f"x-{tried}-{len(seen)}" if n.startswith("client_") else v) for n, v in example(operation).items()}
                body = put(body, outer, name, value) if where == "body" else body
                target = fill(path, own or open_house.acme.ids)
                answer = knock(method, target, key, body, query=f"{name}={value}" if where == "query" else "")
                seen.append(answer.like((value,)))
                if answer.status < 400 and b'"valid":false' not in answer.body:
                    wrong.append(f"{operation}: {outer} {name} of another was taken")
            if seen[0] != seen[1]:
                wrong.append(f"{operation}: {outer} {name} in the {where}: {seen[0][0]} {seen[0][2]} or {seen[1][0]} {seen[1][2]}")
    check(wrong)
    assert tried >= 8


def test_a_list_holds_nothing_of_another_client(open_house: House) -> None:
    wrong = []
    for operation in API:
        method, _, path = operation.partition(" ")
        if method != "GET":
            continue
        answer = knock(method, fill(path, open_house.rival.ids), open_house.rival.key)
        told = answer.body
        if path == "/api/v1/events":  # a refusal repeats what its own client sent
            told = orjson.dumps([one for one in orjson.loads(told)["data"] if not one["type"].endswith(".refused")])
        for kind, ident in open_house.acme.ids.items():
            if kind != "instrument" and ident.encode() in told:
                wrong.append(f"{operation} shows the {kind} of acme")
        if b"acme" in told.lower():
            wrong.append(f"{operation} names acme")
    check(wrong)


SOMETIMES = {"Idempotency-Replayed", "Retry-After", "Deprecation", "Sunset", "Link"}  # documented with when


def test_every_operation_opens_to_whom_it_is_for(open_house: House) -> None:
    """The other half: a matrix of refusals alone would pass with every door nailed shut."""
    wrong = []
    for operation, need in sorted(API.items(), key=lambda one: ("GET", "POST", "PATCH", "DELETE").index(one[0].partition(" ")[0])):
        if need == "hedge":
            continue
        method, _, path = operation.partition(" ")
        answer = knock(method, fill(path, open_house.acme.ids), open_house.scoped[need], example(operation))
        documented = OPERATIONS[operation]["responses"]
        if answer.status in {401, 403, 404} or answer.status >= 500 or str(answer.status) not in documented:
            wrong.append(f"{operation} by its owner: {answer.status} {answer.body[:300]!r}")
        if answer.status >= 400 and answer.code not in documented[str(answer.status)]["description"]:
            wrong.append(f"{operation}: {answer.status} {answer.code} is not documented")
        told, known = set(documented[str(answer.status)].get("headers", {})), set(SCHEMA["components"]["headers"])
        if answer.status < 400 and told - SOMETIMES != known & set(answer.headers):
            wrong.append(f"{operation}: headers {sorted(known & set(answer.headers))}, documented {sorted(told)}")
        if unnamed := [status for status, one in documented.items() if status >= "400" and "X-Request-Id" not in one.get("headers", {})]:
            wrong.append(f"{operation}: problems {unnamed} do not name X-Request-Id")
        if method in {"POST", "PATCH", "DELETE"} and "requestBody" not in OPERATIONS[operation]:
            wrong.append(f"{operation}: no body is documented, and a request without one is refused")
    check(wrong)


# --- clients that are stopped ---------------------------------------------------------------------------------------------
def test_a_stopped_client_reads_and_takes_no_risk(open_house: House) -> None:
    wrong = []
    for status, firm in open_house.others.items():
        for operation, need in API.items():
            method, _, path = operation.partition(" ")
            if any(OBJECTS[name][0] not in firm.ids and OBJECTS[name][1] != "all" for name in parameters(path)) or need == "hedge":
                continue
            answer = knock(method, fill(path, firm.ids | {"instrument": "BTC-USD"}), firm.key, example(operation))
            if status == "OFFBOARDED":
                good = answer.status == 401
            elif method == "GET":
                good = answer.status == 200
            elif need in {"trade", "withdraw"} or operation in {"POST /api/v1/rfqs", "POST /api/v1/quotes/{quote_id}/counter"}:
                good = answer.status in {409, 422}
            else:
                good = answer.status < 500
            if not good:
                wrong.append(f"{operation} of a client {status}: {answer.status} {answer.body[:200]!r}")
    check(wrong)


# --- methods --------------------------------------------------------------------------------------------------------------
def test_a_method_that_a_resource_does_not_have_is_refused_and_does_nothing(open_house: House) -> None:
    wrong, before = [], counted()
    for path in SCHEMA["paths"]:
        has = {operation.partition(" ")[0] for operation in API if operation.partition(" ")[2] == path}
        target = fill(path, open_house.acme.ids)
        for method in set(METHODS) - has - ({"HEAD"} if "GET" in has else set()):
            stranger, owner = knock(method, target, None), _signed(method, target, open_house)
            # OPTIONS and TRACE are outside the signing profile: no signature of them can hold.
            expected = (401, "invalid_signature") if method in {"OPTIONS", "TRACE"} else (405, "method_not_allowed")
            if stranger.status != 401:
                wrong.append(f"{method} {path} by nobody: {stranger.status}")
            if owner.status != expected[0] or (method != "HEAD" and owner.code != expected[1]):
                wrong.append(f"{method} {path} by its owner: {owner.status} {owner.code}")
            if owner.status == 405 and {one.strip() for one in owner.headers.get("Allow", "").split(",")} - {"OPTIONS", "HEAD"} != has:
                wrong.append(f"{method} {path}: Allow says {owner.headers.get('Allow')}, it has {sorted(has)}")
    check(wrong)
    assert counted() == before


def _signed(method: str, target: str, house: House) -> Answer:
    return knock(method, target, house.acme.key)
