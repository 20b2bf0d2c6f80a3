"""schemathesis over the whole OpenAPI document, signed, against a live web process: no 5xx, nothing that is not documented."""

import secrets
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from flowdesk_client import Key, sign
from hypothesis import HealthCheck, Phase, settings
from requests.auth import AuthBase
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi

from tests import web as webs
from tests.guard import house as houses
from tests.guard.access import OBJECTS
from tests.guard.document import SCHEMA

SIGNED_HEADERS = {"Signature", "Signature-Input", "Idempotency-Key", "Content-Digest"}  # made by the hook, of what is really sent
CHECKS = [
    checks.not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
    openapi.negative_data_rejection,
]


def _unsigned() -> dict[str, Any]:
    """The document without what signing adds to each request."""
    out = deepcopy(SCHEMA)
    out.pop("security", None)
    for operations in out["paths"].values():
        for operation in operations.values():
            operation["parameters"] = [one for one in operation.get("parameters", ()) if one["name"] not in SIGNED_HEADERS]
            operation.pop("security", None)
    return out


schema = schemathesis.openapi.from_dict(_unsigned())
_house: list[houses.House] = []


class Signer(AuthBase):
    """Signs a request as it is about to go out, whatever was generated into it."""

    def __init__(self, key: Key) -> None:
        self.key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        parts = urlsplit(str(request.url))
        raw = request.body.encode() if isinstance(request.body, str) else request.body
        carries = request.method in {"POST", "PUT", "PATCH", "DELETE"}
        made = sign(
            self.key,
            method=str(request.method),
            host=parts.netloc,
            path=parts.path,
            query=parts.query,
            body=(raw or b"") if carries else None,
            idempotency_key=secrets.token_hex(12),
        )
        for name, value in made.items():
            if name != "Content-Type" or "Content-Type" not in request.headers:
                request.headers[name] = value
        if carries and request.headers.get("Content-Type", "application/json") != "application/json":
            request.headers["Content-Type"] = "application/json"
        return request


@schemathesis.hook
def map_path_parameters(_context: Any, path_parameters: dict[str, Any]) -> dict[str, Any]:
    """Half of the time the id of something that is there; else every address would be of nothing."""
    if not _house or not path_parameters:
        return path_parameters
    real = _house[0].acme.ids
    return {
        name: real[OBJECTS[name][0]] if len(str(value)) % 2 == 0 and name in OBJECTS else value for name, value in path_parameters.items()
    }


@pytest.fixture(scope="module", autouse=True)
def _real_ids(house: houses.House) -> Iterator[None]:
    _house.append(house)
    yield
    _house.clear()


def _run(case: schemathesis.Case, served: webs.Web) -> None:
    houses.publish_prices()
    key = _house[0].acme.key
    answer = case.call(base_url=served.url, auth=Signer(key), timeout=100)
    # A trial of a request answers what is wrong with it: that is what it is for.
    left_out = [openapi.negative_data_rejection] if case.operation.path == "/api/v1/rfqs/validate" else []
    case.validate_response(answer, checks=[check for check in CHECKS if check not in left_out])
    documented = SCHEMA["paths"][case.operation.path].get(case.method.lower())
    if documented is None:  # a method that it does not have
        assert answer.status_code in {401, 405}
    elif answer.status_code >= 400 and case.method != "HEAD":
        code = answer.json()["code"]
        assert code in documented["responses"][str(answer.status_code)]["description"], f"{answer.status_code} {code} is not documented"


SLOW_IS_FINE = list(HealthCheck)
PHASES = [Phase.explicit, Phase.generate]
QUICK = settings(max_examples=4, derandomize=True, deadline=None, database=None, phases=PHASES, suppress_health_check=SLOW_IS_FINE)
# Hypothesis's own 100 would be taken for "not said", and the profile's 2,000 be done.
LONG = settings(max_examples=60, deadline=None, phases=PHASES, suppress_health_check=SLOW_IS_FINE)


@schema.parametrize()
@QUICK
def test_each_operation_answers_as_it_is_documented(case: schemathesis.Case, served: webs.Web) -> None:
    _run(case, served)


@pytest.mark.drill
@pytest.mark.timeout(600)  # up to two hundred requests over HTTP, on a machine that may do other things
@schema.parametrize()
@LONG
def test_each_operation_answers_as_it_is_documented_to_much_more(case: schemathesis.Case, served: webs.Web) -> None:
    _run(case, served)
