"""The signing profile: the published vector, an independent library both ways, and every way to be refused."""

import json
import re
import subprocess
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from flowdesk_client.keys import Key, KeyFileError, load_key
from flowdesk_client.signing import sign
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.api import signing

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
CREATED = 1795343037
BODY = b'{"quote_id":"q_01J9ZK3V7Y","side":"buy","quantity":"2.50000000"}'
VECTOR = "sig1=:oSP0na01B6iguUWOBfRgOLI5g1lptpCjWxdbae68AfoF28N6nc7wZW7i7pt2b1hquTSDBblRYRBemlazF8v2CA==:"
KEY = Key(key_id="ak_live_7Q2M", private=PRIVATE)
AUTHORITIES = frozenset({"api.example.com", "localhost:8000"})
SEVEN = ("@method", "@authority", "@path", "@query", "content-type", "content-digest", "idempotency-key")


def signed_post(**changes: Any) -> dict[str, str]:
    request: dict[str, Any] = {
        "method": "POST",
        "host": "api.example.com",
        "path": "/v1/trades",
        "query": "dry_run=false",
        "body": BODY,
        "idempotency_key": "8e03978e-40d5-43e8-bc93-6894a57f9324",
        "created": CREATED,
        "nonce": "rU3mT0nC9cZk2q1A",
    }
    return {name.lower(): value for name, value in sign(KEY, **(request | changes)).items()}


def signed_get(**changes: Any) -> dict[str, str]:
    return signed_post(**({"method": "GET", "body": None} | changes))


def parse(headers: dict[str, str], **changes: Any) -> signing.Signed:
    request: dict[str, Any] = {
        "method": "POST",
        "authority": "api.example.com",
        "path": "/v1/trades",
        "query": "dry_run=false",
        "body": BODY,
        "authorities": AUTHORITIES,
        "now": CREATED,
    }
    return signing.parse(headers=headers, **(request | changes))


def parse_get(headers: dict[str, str], **changes: Any) -> signing.Signed:
    return parse(headers, **({"method": "GET", "body": b""} | changes))


def cause_of(headers: dict[str, str], **changes: Any) -> str:
    with pytest.raises(signing.InvalidSignature) as refused:
        signing.verify(parse(headers, **changes), PUBLIC)
    return refused.value.cause


def test_the_published_vector_is_what_the_client_signs_and_what_the_server_accepts() -> None:
    headers = signed_post()
    assert headers["signature"] == VECTOR
    assert headers["content-digest"] == "sha-256=:Jjb3wR9xkaYt/FLQbVoWIKQmXJyHZ448ikGCv0pSxhg=:"
    signed = parse(headers)
    signing.verify(signed, PUBLIC)
    assert (signed.key_id, signed.created, signed.nonce) == ("ak_live_7Q2M", CREATED, "rU3mT0nC9cZk2q1A")
    assert signed.idempotency_key == "8e03978e-40d5-43e8-bc93-6894a57f9324"


def test_a_get_signs_four_components_and_needs_no_idempotency_key() -> None:
    signed = parse_get(signed_get())
    signing.verify(signed, PUBLIC)
    assert signed.idempotency_key is None
    assert signed.base.decode().splitlines()[3] == '"@query": ?dry_run=false'


def test_an_absent_query_is_signed_as_a_lone_question_mark() -> None:
    signed = parse_get(signed_get(query=""), query="")
    assert '"@query": ?\n' in signed.base.decode()
    signing.verify(signed, PUBLIC)


class Resolver(HTTPSignatureKeyResolver):
    def resolve_private_key(self, key_id: str) -> bytes:
        return PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def resolve_public_key(self, key_id: str) -> bytes:
        return PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_what_an_independent_library_signs_is_accepted() -> None:
    message = SimpleNamespace(
        method="POST",
        url="https://api.example.com/v1/trades?dry_run=false",
        headers={
            "Host": "api.example.com",
            "Content-Type": "application/json",
            "Content-Digest": signing.content_digest(BODY),
            "Idempotency-Key": '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
        },
    )
    HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=Resolver()).sign(
        message,
        key_id="ak_live_7Q2M",
        created=datetime.fromtimestamp(CREATED, UTC),
        nonce="rU3mT0nC9cZk2q1A",
        label="sig1",
        tag="otc-v1",
        covered_component_ids=SEVEN,
        use_existing_digest=True,
    )
    headers = {name.lower(): value for name, value in message.headers.items()}
    assert headers["signature"] == VECTOR
    signing.verify(parse(headers), PUBLIC)


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_what_our_client_signs_is_accepted_by_an_independent_library(method: str) -> None:
    now = int(datetime.now(UTC).timestamp())
    body = BODY if method == "POST" else None
    headers = sign(KEY, method=method, host="api.example.com", path="/v1/a", query="b=1", body=body, idempotency_key="k" * 16, created=now)
    message = SimpleNamespace(method=method, url="https://api.example.com/v1/a?b=1", headers=headers | {"Host": "api.example.com"})
    results = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=Resolver()).verify(message, expect_tag="otc-v1")
    assert len(results) == 1
    assert [name.strip('"') for name in results[0].covered_components][:4] == list(SEVEN[:4])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"method": "PUT"}, "does not verify"),
        ({"path": "/v1/tradez"}, "does not verify"),
        ({"query": "dry_run=true"}, "does not verify"),
        ({"query": ""}, "does not verify"),
        ({"authority": "localhost:8000"}, "does not verify"),
        ({"authority": "evil.example.com"}, "@authority"),
        ({"authority": ""}, "@authority"),
        ({"path": "/v1/tr%61des"}, "@path"),
        ({"path": "/v1/trades\n"}, "@path"),
        ({"query": "a b"}, "@query"),
        ({"query": "a\nb"}, "@query"),
        ({"body": BODY + b" "}, "content-digest"),
        ({"method": "GET"}, "signs four"),
        ({"method": "OPTIONS"}, "signs four"),
        ({"now": CREATED + 31}, "created"),
        ({"now": CREATED - 6}, "created"),
    ],
)
def test_a_request_that_is_not_the_one_signed_is_refused(change: dict[str, Any], told: str) -> None:
    assert told in cause_of(signed_post(), **change)


@pytest.mark.parametrize("late", [30, -5])
def test_the_created_window_includes_its_two_ends(late: int) -> None:
    signing.verify(parse(signed_post(), now=CREATED + late), PUBLIC)


@pytest.mark.parametrize("name", ["signature", "signature-input", "content-type", "content-digest", "idempotency-key"])
def test_a_missing_header_is_refused(name: str) -> None:
    headers = signed_post()
    del headers[name]
    assert cause_of(headers)


INPUT = signed_post()["signature-input"]


@pytest.mark.parametrize(
    "broken",
    [
        INPUT.replace("sig1=", "sig2="),
        INPUT + ", " + INPUT.replace("sig1=", "sig2="),
        INPUT.replace('alg="ed25519"', 'alg="hmac-sha256"'),
        INPUT.replace(';alg="ed25519"', ""),
        INPUT.replace("otc-v1", "otc-v2"),
        INPUT.replace(';tag="otc-v1"', ""),
        INPUT + ";expires=1795343099",
        INPUT.replace('"@query" ', ""),
        INPUT.replace('"@path" "@query"', '"@query" "@path"'),
        INPUT.replace('"idempotency-key")', '"idempotency-key" "date")'),
        INPUT.replace('"@path"', '"@path";req'),
        INPUT.replace("created=1795343037", 'created="1795343037"'),
        INPUT.replace("created=1795343037", "created=0"),
        INPUT.replace("created=1795343037;", ""),
        INPUT.replace("rU3mT0nC9cZk2q1A", "short"),
        INPUT.replace("rU3mT0nC9cZk2q1A", "n" * 65),
        INPUT.replace("ak_live_7Q2M", "ключ"),
        INPUT.replace(";keyid", "; keyid"),
        INPUT + "\n",
        "",
    ],
)
def test_a_signature_input_outside_the_profile_is_refused(broken: str) -> None:
    assert "signature-input" in cause_of(signed_post() | {"signature-input": broken})


@pytest.mark.parametrize(
    "broken",
    [
        VECTOR + ", " + VECTOR.replace("sig1", "sig2"),
        VECTOR + "," + VECTOR,
        VECTOR.replace("sig1", "sig2"),
        VECTOR.replace("==:", ":"),
        VECTOR.replace("CA==", "CB=="),  # same bytes, bits that a decoder would drop
        f"sig1=:{b64encode(bytes(63)).decode()}:",
        "",
    ],
)
def test_a_signature_that_is_not_one_sig1_of_64_bytes_is_refused(broken: str) -> None:
    assert cause_of(signed_post() | {"signature": broken}).startswith("signature:")


@pytest.mark.parametrize(
    "key", ["x" * 16, '"short"', f'"{"k" * 65}"', '"space inside the key"', '"k\u00e9yk\u00e9yk\u00e9yk\u00e9yk"', '"a", "b"']
)
def test_an_idempotency_key_outside_its_grammar_is_refused(key: str) -> None:
    assert "idempotency-key" in cause_of(signed_post() | {"idempotency-key": key})


def test_another_digest_beside_the_right_one_is_refused() -> None:
    headers = signed_post()
    headers["content-digest"] += ", sha-512=:AAAA:"
    assert "content-digest" in cause_of(headers)


def test_a_get_with_a_body_is_refused() -> None:
    with pytest.raises(signing.InvalidSignature, match="carries none"):
        parse_get(signed_get(), body=b"{}")


def test_a_post_that_signs_only_four_components_is_refused() -> None:
    assert "signs seven" in cause_of(signed_get(method="POST"))


def test_a_signature_by_another_key_is_refused() -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    with pytest.raises(signing.InvalidSignature, match="does not verify"):
        signing.verify(parse(signed_post()), stranger)


def test_a_broken_public_key_refuses_instead_of_crashing() -> None:
    with pytest.raises(signing.InvalidSignature, match="not an Ed25519"):
        signing.verify(parse(signed_post()), b"short")


@pytest.mark.parametrize(
    ("host", "signed"),
    [("API.Example.com:443", "api.example.com"), ("api.example.com:80", "api.example.com"), ("localhost:8000", "localhost:8000")],
)
def test_the_authority_loses_case_and_default_port_only(host: str, signed: str) -> None:
    assert signing.normal_authority(host) == signed
    signing.verify(parse(signed_post(host=host), authority=host), PUBLIC)


def test_the_refusal_has_one_code_whatever_the_cause() -> None:
    assert signing.InvalidSignature("created: too old").code == "invalid_signature"


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(["signature", "signature-input", "content-digest", "idempotency-key", "content-type"]), data=st.data())
def test_no_change_of_one_character_in_a_signed_header_survives(name: str, data: st.DataObject) -> None:
    headers = signed_post()
    at = data.draw(st.integers(0, len(headers[name]) - 1))
    put = data.draw(st.characters(codec="latin-1"))
    changed = headers[name][:at] + put + headers[name][at + 1 :]
    if changed != headers[name]:
        cause_of(headers | {name: changed})


def test_a_key_file_is_read_and_its_faults_are_named(tmp_path: Any) -> None:
    pem = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    good, lacking, broken = tmp_path / "good.json", tmp_path / "lacking.json", tmp_path / "broken.json"
    good.write_text(json.dumps({"key_id": "ak_test_1", "private_key_pem": pem, "client": "acme", "scopes": ["read"]}))
    key = load_key(good)
    assert (key.key_id, key.client, key.scopes) == ("ak_test_1", "acme", ("read",))
    assert "BEGIN" not in repr(key)
    lacking.write_text(json.dumps({"private_key_pem": pem}))
    with pytest.raises(KeyFileError, match="key_id"):
        load_key(lacking)
    broken.write_text(json.dumps({"key_id": "x", "private_key_pem": "no key"}))
    with pytest.raises(KeyFileError, match=r"broken\.json"):
        load_key(broken)


def test_the_vector_in_the_page_of_the_api_is_made_as_it_is_printed() -> None:
    root = Path(__file__).resolve().parents[2]
    [block] = re.findall(r"^```bash\n(.*?from_private_bytes.*?)^```$", (root / "docs/api.md").read_text(), re.DOTALL | re.MULTILINE)
    done = subprocess.run(["bash", "-c", block], cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == f"Signature: {VECTOR}\n", done.stderr
