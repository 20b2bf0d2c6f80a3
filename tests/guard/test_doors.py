"""The doors of our own people's site against who knocks from outside, and what is said in logs, events and answers."""

import logging
import secrets
import uuid

import pytest
from django.test import Client
from flowdesk_client import sign

from apps.api import tokens
from apps.core import db
from apps.core.clock import wall_now
from tests.desk.day import PASSWORD
from tests.guard.access import DESK
from tests.guard.house import House
from tests.guard.knock import HOST, check, counted, knock, send
from tests.guard.office import Office, browser_of, filled

SCRIPT = '"><script>alert(1)</script>'


def test_a_form_without_the_pages_own_token_does_nothing(staffed: Office) -> None:
    wrong, before = [], counted()
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.force_login(staffed.staff["tara"], backend="django.contrib.auth.backends.ModelBackend")
    for pattern, (_, may_send, fields) in DESK.items():
        if not may_send:
            continue
        for headers in ({}, {"Origin": "https://evil.example"}, {"HX-Request": "true"}, {"X-CSRFToken": "x" * 32}):
            if browser.post(staffed.address(pattern), filled(pattern, fields), headers=headers).status_code != 403:
                wrong.append(f"{pattern} with {headers}")
    for address in ("/login/", "/logout/", "/admin/logout/"):
        if browser.post(address, {"username": "tara", "password": PASSWORD}).status_code != 403:
            wrong.append(address)
    check(wrong)
    assert counted() == before


def test_no_page_is_framed_sniffed_or_lets_a_script_in(staffed: Office) -> None:
    wrong = []
    for address in ("/login/", "/desk/", "/desk/rfqs/", "/desk/blotter/", "/admin/", "/api/docs/", "/nowhere/"):
        answer = staffed.browsers["trader"].get(address)
        policy = answer.headers.get("Content-Security-Policy", "")
        scripts = next((one for one in policy.split(";") if one.strip().startswith("script-src")), "default-src 'none'")
        if answer.headers.get("X-Frame-Options") != "DENY" or "frame-ancestors 'none'" not in policy:
            wrong.append(f"{address} can be framed: {policy}")
        if answer.headers.get("X-Content-Type-Options") != "nosniff" or "http" in scripts or "*" in scripts:
            wrong.append(f"{address}: {scripts}")
        if not address.startswith("/admin/") and "unsafe" in scripts:
            wrong.append(f"{address}: {scripts}")
    check(wrong)


@pytest.mark.parametrize(
    "onward",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "http:evil.example",
        "\thttps://evil.example",
        "///x.example",
    ],
)
def test_the_sign_in_leads_nowhere_else(staffed: Office, onward: str) -> None:
    answer = Client().post(f"/login/?next={onward}", {"username": "fay", "password": PASSWORD, "next": onward})
    assert (answer.status_code, answer["Location"]) == (302, "/desk/")
    there = Client().get("/admin/login/", {"next": onward})["Location"]
    assert there.startswith("/login/?next=")
    signed_in = browser_of(staffed.staff["fay"]).get("/login/", {"next": onward})
    assert (signed_in.status_code, signed_in["Location"]) == (302, "/desk/")


def test_a_session_from_before_the_sign_in_is_worth_nothing_after_it(staffed: Office) -> None:
    browser = Client()
    fixed = secrets.token_hex(16)
    browser.cookies["flowdesk_session_8000"] = fixed
    answer = browser.post("/login/", {"username": "fay", "password": PASSWORD})
    assert answer.status_code == 302
    cookie = next(one for name, one in answer.cookies.items() if "session" in name)
    assert cookie.value != fixed
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    kept = cookie.value
    browser.post("/logout/")
    again = Client()
    again.cookies[cookie.key] = kept
    assert again.get("/desk/").status_code == 302, "signed out is signed out, with the old cookie too"


@pytest.mark.parametrize("host", ["evil.example", "localhost:8000@evil.example", "evil.example:80", "localhost.evil.example"])
def test_another_host_is_no_host_of_ours(staffed: Office, host: str) -> None:
    for address in ("/login/", "/desk/", "/api/v1/time"):
        answer = Client().get(address, headers={"Host": host})
        assert answer.status_code == 400
        assert b"evil.example" not in answer.content
    forwarded = Client().get("/desk/", headers={"X-Forwarded-Host": "evil.example"})
    assert "evil.example" not in forwarded["Location"]


def test_a_lockout_is_not_got_around_by_a_header_or_by_writing_the_name_otherwise(staffed: Office) -> None:
    tries = [
        ({"X-Forwarded-For": "198.51.100.1"}, "rita"), ({"X-Real-Ip": "198.51.100.2"}, "rita"), ({"Forwarded": "for=198.51.100.3"}, "rita"),
        ({"X-Forwarded-For": "198.51.100.4, 127.0.0.1"}, "rita"), ({"Client-Ip": "198.51.100.5"}, "rita"),
    ]  # fmt: skip
    for headers, name in tries:
        last = Client().post("/login/", {"username": name, "password": "wrong"}, headers=headers)
    assert last.status_code == 429
    for headers, name in (*tries, ({}, " rita "), ({}, "\uff52\uff49\uff54\uff41")):
        answer = Client().post("/login/", {"username": name, "password": PASSWORD}, headers=headers)
        assert answer.status_code in {200, 429}, (headers, name)
        assert "_auth_user_id" not in answer.wsgi_request.session


def test_what_a_stranger_typed_is_shown_as_text(staffed: Office) -> None:
    wrong = []
    for address in (
        "/login/?next=", "/desk/search/?q=", "/desk/rfqs/?client=", "/desk/blotter/?client=", "/desk/blotter/?q=", "/desk/rfqs/?pair=",
        "/desk/rfqs/", "/desk/deals/", "/desk/pricing/", "/desk/credit/?client=", "/desk/statistics/?group=", "/admin/rfqs/rfq/?q=", "/x",
    ):  # fmt: skip
        for browser in (staffed.browsers["operations"], Client()):
            answer = browser.get(address + SCRIPT)
            if answer.status_code >= 500 or b"<script>alert" in getattr(answer, "content", b""):
                wrong.append(f"{address}: {answer.status_code}")
    form = {"once": str(uuid.uuid4()), "scope": SCRIPT, "reason": SCRIPT}
    assert b"<script>alert" not in staffed.browsers["trader"].post("/desk/halts/throw/", form).content
    thrown = staffed.browsers["trader"].post("/desk/halts/throw/", form | {"once": str(uuid.uuid4()), "scope": "all"}, follow=True)
    assert b"&lt;script&gt;alert(1)" in thrown.content
    for address in ("/desk/halts/", "/desk/", "/admin/pricing/halt/"):
        if b"<script>alert" in staffed.browsers["risk"].get(address).content:
            wrong.append(f"{address} shows the reason of a halt as a script")
    check(wrong)


def test_no_secret_is_said_in_logs_events_or_answers(open_house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Keys, tokens, signatures and a webhook's secret, in a run of what is taken, refused and tampered with, logged at its loudest."""
    caplog.set_level(logging.DEBUG)
    key, told, answers = open_house.acme.key, [], []
    made = knock("POST", "/api/v1/webhooks", key, {"url": "https://hooks.example.com/path-secret", "signature": "v1"})
    secret = made.body.split(b'"secret":"')[1].split(b'"')[0].decode()
    token = tokens.make(key.key_id, wall_now())
    told += [secret, token, token[:40]]
    answers.append(knock("GET", "/api/v1/webhooks", key))
    answers.append(send("GET", "/api/v1/time", None, {"Authorization": f"Bearer {token}"}))
    for broken in ("", "Signature", "Content-Digest"):
        headers = sign(key, method="POST", host=HOST, path="/api/v1/rfqs", body=b"{}", idempotency_key=secrets.token_hex(12))
        told += [headers["Signature"].removeprefix("sig1=:").rstrip(":"), headers["Idempotency-Key"].strip('"')]
        answers.append(send("POST", "/api/v1/rfqs", b"{}", headers | ({broken: headers[broken][:-7] + "AAAA==:"} if broken else {})))
    browser = Client(raise_request_exception=False)
    browser.post("/login/", {"username": "nobody", "password": "a-password-typed-in-the-wrong-field"})
    told += ["a-password-typed-in-the-wrong-field", key.private.private_bytes_raw().hex()]
    lines = caplog.text
    events = str(db.run("SELECT kind, public::text, house::text FROM events_event"))
    stored = str(db.run("SELECT convert_from(body, 'UTF8') FROM core_storedanswer"))
    places = {"log": lines, "event": events, "stored answer": stored}
    wrong = [f"{where}: {one[:12]}…" for one in told for where, text in places.items() if one in text]
    wrong += [f"answer: {one[:12]}…" for one in told for answer in answers if one.encode() in answer.body]
    check(wrong)
    assert lines, "something was logged"
