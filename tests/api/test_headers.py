"""What every answer to a signed request carries, on the API's own way through Django."""

import pytest
from django.test import Client, override_settings

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/api/v1/trades", "/api/v1/nothing"])
def test_answers_are_neither_sniffed_nor_framed_nor_given_a_session(path: str) -> None:
    answer = Client().get(path, headers={"Host": "localhost:8000"})
    assert answer.status_code in {401, 404}
    assert answer["Content-Type"] == "application/problem+json"
    assert int(answer["Content-Length"]) == len(answer.content)
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert not answer.cookies


def test_an_unknown_host_is_a_problem() -> None:
    answer = Client().get("/api/v1/trades", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_plain_http_is_sent_to_tls_where_it_is_demanded() -> None:
    with override_settings(SECURE_SSL_REDIRECT=True, SECURE_HSTS_SECONDS=60):
        plain = Client().get("/api/v1/trades", headers={"Host": "localhost:8000"})
        assert (plain.status_code, plain["Location"]) == (301, "https://localhost:8000/api/v1/trades")
        secure = Client().get("/api/v1/trades", headers={"Host": "localhost:8000"}, secure=True)
        assert secure.status_code == 401
        assert secure["Strict-Transport-Security"].startswith("max-age=60")
