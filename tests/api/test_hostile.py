"""What nobody signs and nobody means: it is refused with a problem, and never a fault of ours."""

import pytest
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import Http404
from django.http.request import UnreadablePostError
from django.test import Client

from apps.api import problems

MANY = "&".join(f"p{n}=1" for n in range(1100))
BIG = b"x" * (2 * 1024 * 1024)


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1", "/api/v1/", "/api/v1/nope", "http://testserver//api/v1/time", "/API/v1/time"])
def test_a_path_under_api_that_is_nothing_is_a_problem(path: str) -> None:
    answer = Client().get(path, follow=True)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/v1", "/api/v2/time", "/api/docs", "/api//v1/rfqs", "http://testserver//api/v1/time", "/API/v1/time"]
)
def test_whatever_is_sent_to_a_path_that_is_nothing_is_a_problem(path: str, method: str) -> None:
    """A form's token is asked for nowhere under /api/: its own page would be the answer."""
    answer = Client(enforce_csrf_checks=True).generic(method, path, b"{}", content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
@pytest.mark.parametrize(
    "path",
    [
        *("/api/schema/", "/api/docs/", "/api/schema/websocket", "/api/docs/websocket", "/api/docs/errors"),
        *("/.well-known/jwks.json", "/livez", "/readyz"),
    ],
)
def test_what_is_only_read_refuses_every_other_method_with_a_problem(path: str, method: str) -> None:
    answer = Client(enforce_csrf_checks=True).generic(method, path)
    assert (answer.status_code, answer["Content-Type"], answer["Allow"]) == (405, "application/problem+json", "GET, HEAD")
    assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["format=html", MANY])
@pytest.mark.parametrize("path", ["/api/v1/rfqs", "/api/schema/", "/api/docs/"])
def test_a_query_cannot_make_it_fail(path: str, query: str) -> None:
    assert Client().get(f"{path}?{query}").status_code < 500


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "TRACE"])
def test_a_huge_body_on_a_method_without_one_is_too_large(method: str) -> None:
    answer = Client().generic(method, "/api/v1/rfqs", BIG)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("wrong", "status"),
    [(Http404(), 404), (TooManyFieldsSent("many"), 400), (UnreadablePostError("gone"), 400), (RequestDataTooBig("big"), 413)],
)
def test_what_django_refuses_is_no_fault_of_ours(wrong: Exception, status: int) -> None:
    assert problems.of_exception(wrong)["status"] == status
