"""What a receiver has in hand: the client library's verification against an independent signer, and the code that the docs print."""

import http.server
import re
import threading
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flowdesk_client.webhooks import VerificationError, verify
from standardwebhooks.webhooks import Webhook

from apps.notify.rules import signing

SECRET = "whsec_" + b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + b64encode(bytes(range(1, 33))).decode()
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = "whpk_" + b64encode(PRIVATE.public_key().public_bytes_raw()).decode()
BODY = '{"type":"trade.booked","id":"evt_1","seq":7,"data":{"note":"ü"}}'
AT = datetime(2026, 9, 15, 12, 0, tzinfo=UTC)
DOCS = (Path(__file__).resolve().parents[2] / "docs/api.md").read_text()


def signed(*, secret: str = SECRET, at: datetime = AT, body: str = BODY) -> dict[str, str]:
    """By the independent library."""
    return {
        "Webhook-Id": "evt_1",
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Webhook(secret).sign("evt_1", at, body),
    }


def test_what_the_independent_library_signs_holds() -> None:
    event = verify(signed(), BODY, SECRET, now=AT.timestamp())
    assert (event["seq"], event["data"]["note"]) == (7, "ü")
    assert verify(signed(), BODY.encode(), [OTHER, SECRET], now=AT.timestamp()) == event


def test_what_we_sign_is_what_the_independent_library_signs() -> None:
    ours = signing.headers(message_id="evt_1", at=AT, body=BODY.encode(), keys=[signing.Key("v1", bytes(range(32)))])
    assert ours == {name.lower(): value for name, value in signed().items()}


def test_v1a_and_rotation() -> None:
    keys = [signing.Key("v1a", bytes(range(32))), signing.Key("v1", bytes(range(32)))]
    headers = signing.headers(message_id="evt_1", at=AT, body=BODY.encode(), keys=keys)
    for key in (PUBLIC, SECRET):
        assert verify(headers, BODY, key, now=AT.timestamp())["id"] == "evt_1"
    assert "range" not in repr(keys)
    assert repr(keys[0]) == "Key(v1a)"


@pytest.mark.parametrize(
    "change",
    [
        {"Webhook-Id": "evt_2"},
        {"Webhook-Timestamp": str(int(AT.timestamp()) + 1)},
        {"Webhook-Timestamp": "soon"},
        {"Webhook-Timestamp": "１７８９４７３６００"},
        {"Webhook-Timestamp": "9" * 40},
        {"Webhook-Signature": ""},
        {"Webhook-Signature": "v1"},
        {"Webhook-Signature": "v1,"},
        {"Webhook-Signature": "v1,!!!"},
        {"Webhook-Signature": "v1a," + b64encode(bytes(64)).decode()},
        {"Webhook-Signature": signed(secret=OTHER)["Webhook-Signature"]},
        {"Webhook-Signature": signed()["Webhook-Signature"].replace("v1,", "v1a,")},
        {"Webhook-Id": None},
        {"Webhook-Timestamp": None},
        {"Webhook-Signature": None},
    ],
)
def test_anything_changed_or_missing_is_refused(change: dict[str, str | None]) -> None:
    headers = {name: value for name, value in {**signed(), **change}.items() if value is not None}
    for key in (SECRET, PUBLIC):
        with pytest.raises(VerificationError):
            verify(headers, BODY, key, now=AT.timestamp())


def test_another_body_key_or_time_is_refused() -> None:
    for body, key, now in (
        (BODY + " ", SECRET, AT),
        (BODY, OTHER, AT),
        (BODY, SECRET, AT + timedelta(seconds=301)),
        (BODY, SECRET, AT - timedelta(seconds=301)),
    ):
        with pytest.raises(VerificationError):
            verify(signed(), body, key, now=now.timestamp())
    assert verify(signed(), BODY, SECRET, now=AT.timestamp() + 299)
    with pytest.raises(VerificationError):
        verify(signed(body="[]"), "[]", SECRET, now=AT.timestamp())
    with pytest.raises(ValueError, match="whpk_"):
        verify(signed(), BODY, "secret", now=AT.timestamp())


# --- the docs, as printed ---------------------------------------------------------------------------------------------
def printed(word: str) -> str:
    [code] = [block for block in re.findall(r"```python\n(.*?)```", DOCS, re.S) if word in block]
    return str(code)


def test_the_verification_that_the_docs_print_without_our_library() -> None:
    names: dict[str, Any] = {}
    exec(printed("def require_signed"), names)
    for scheme, key in (("v1a", PUBLIC), ("v1", SECRET)):
        headers = signing.headers(message_id="evt_1", at=AT, body=BODY.encode(), keys=[signing.Key(scheme, bytes(range(32)))])
        assert names["require_signed"](headers, BODY.encode(), key) is None
        with pytest.raises((InvalidSignature, ValueError)):
            names["require_signed"](headers, BODY.encode() + b" ", key)


def test_the_receiver_that_the_docs_print(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    exec(printed("class Hook"), names)
    names["KEYS"][:] = [PUBLIC]
    names["Hook"].log_message = lambda *_: None
    server = http.server.HTTPServer(("127.0.0.1", 0), names["Hook"])
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        headers = signing.headers(message_id="evt_1", at=datetime.now(UTC), body=BODY.encode(), keys=[signing.Key("v1a", bytes(range(32)))])
        assert [httpx.post(url, content=BODY, headers=headers, timeout=60).status_code for _ in range(2)] == [204, 204]
        assert httpx.post(url, content=BODY + " ", headers=headers, timeout=60).status_code == 400
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)
    assert capsys.readouterr().out == "7 trade.booked {'note': 'ü'}\n", "once"
