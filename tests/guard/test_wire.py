"""Bytes that no client of ours sends, to a live web process: each has an answer, and each answer is a problem that is documented."""

import gzip
import hashlib
import hmac
import json
import secrets
import socket
import time
from base64 import b64encode
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from flowdesk_client import Key, sign
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms

from apps.api.signing import content_digest
from tests import web as webs
from tests.guard.house import House
from tests.guard.knock import check, counted, knock

Wire = tuple[int, dict[str, str], bytes]
RFQ = {"client_rfq_id": "wire-1", "instrument": "BTC-USD", "side": "buy", "quantity": "1"}


def raw(web: webs.Web, text: bytes, wait_s: float = 60) -> Wire:
    """Send these bytes as they are, and read one answer; status 0 where the peer closed without a word."""
    with socket.create_connection(("127.0.0.1", web.port), timeout=wait_s) as line:
        line.sendall(text)
        got = b""
        while b"\r\n\r\n" not in got:
            part = line.recv(65536)
            if not part:
                return 0, {}, got
            got += part
        head, _, body = got.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            part = line.recv(65536)
            if not part:
                break
            body += part
        return int(first.split()[1]), headers, body[: int(headers.get("content-length", len(body)))]


def signed(
    web: webs.Web, key: Key, body: bytes | None, *, method: str = "POST", path: str = "/api/v1/rfqs", query: str = "", **how: Any
) -> dict[str, str]:
    how.setdefault("idempotency_key", secrets.token_hex(12))
    return sign(key, method=method, host=f"127.0.0.1:{web.port}", path=path, query=query, body=body, **how)


def message(web: webs.Web, line: str, headers: list[tuple[str, str]] | dict[str, str], body: bytes = b"") -> bytes:
    given = list(headers.items()) if isinstance(headers, dict) else headers
    if not any(name.lower() == "host" for name, _ in given):
        given = [("Host", f"127.0.0.1:{web.port}"), *given]
    return f"{line} HTTP/1.1\r\n".encode() + b"".join(f"{n}: {v}\r\n".encode() for n, v in given) + b"\r\n" + body


def post(web: webs.Web, key: Key, body: bytes, changed: dict[str, str] | None = None, **how: Any) -> Wire:
    """A signed POST of these bytes, with some headers changed after signing; None in `changed` leaves one out."""
    headers = {"Content-Length": str(len(body)), **signed(web, key, body, **how), **(changed or {})}
    return raw(web, message(web, f"POST {how.get('path', '/api/v1/rfqs')}", headers, body))


# --- another's library ----------------------------------------------------------------------------------------------------
class Resolver(HTTPSignatureKeyResolver):
    def __init__(self, private: Ed25519PrivateKey) -> None:
        self.private = private

    def resolve_private_key(self, key_id: str) -> bytes:
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def resolve_public_key(self, key_id: str) -> bytes:
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_client_that_is_not_ours_is_served(served: webs.Web, open_house: House, method: str) -> None:
    """`http-message-signatures` signs, httpx sends: nothing of our library is in it."""
    key, host = open_house.acme.key, f"127.0.0.1:{served.port}"
    body = json.dumps(RFQ | {"client_rfq_id": "other-library"}).encode()
    target = "/api/v1/rfqs" + ("?limit=1" if method == "GET" else "")
    covered = ["@method", "@authority", "@path", "@query"]
    ours = SimpleNamespace(method=method, url=f"http://{host}{target}", headers={"Host": host})
    if method == "POST":
        covered += ["content-type", "content-digest", "idempotency-key"]
        ours.headers |= {
            "Content-Type": "application/json",
            "Content-Digest": content_digest(body),
            "Idempotency-Key": f'"{secrets.token_hex(12)}"',
        }
    HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=Resolver(key.private)).sign(
        ours, key_id=key.key_id, created=datetime.now(UTC), nonce=secrets.token_hex(12), label="sig1", tag="otc-v1",
        covered_component_ids=covered, use_existing_digest=method == "POST",
    )  # fmt: skip
    answer = httpx.request(method, ours.url, headers=ours.headers, content=body if method == "POST" else None, timeout=60)
    assert answer.status_code == (201 if method == "POST" else 200), answer.text


# --- bodies ---------------------------------------------------------------------------------------------------------------
def _deep(depth: int) -> bytes:
    return b'{"a":' + b"[" * depth + b"]" * depth + b"}"


BODIES: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 400, "invalid_request"),
    "blank": (b"   ", 400, "invalid_request"),
    "an array": (b"[]", 400, "invalid_request"),
    "a text": (b'"x"', 400, "invalid_request"),
    "null": (b"null", 400, "invalid_request"),
    "two objects": (b"{}{}", 400, "invalid_request"),
    "half an object": (b'{"a":', 400, "invalid_request"),
    "a member twice": (json.dumps(RFQ).encode()[:-1] + b',"quantity":"2"}', 400, "invalid_request"),
    "a member twice, escaped": (json.dumps(RFQ).encode()[:-1] + b',"quantit\\u0079":"2"}', 400, "invalid_request"),
    "depth 17": (_deep(17), 400, "invalid_request"),
    "depth 10,000": (_deep(10_000), 400, "invalid_request"),
    "objects 10,000 deep": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, "invalid_request"),
    "1e999999": (b'{"quantity":1e999999}', 400, "invalid_request"),
    "an integer of 50,000 digits": (b'{"ttl_ms":' + b"9" * 50_000 + b"}", 400, "invalid_request"),
    "a decimal of 50,000 digits": (b'{"quantity":"' + b"9" * 50_000 + b'"}', 400, "invalid_request"),
    "minus zero": (b'{"quantity":"-0"}', 400, "invalid_request"),
    "NaN": (b'{"quantity":NaN}', 400, "invalid_request"),
    "Infinity": (b'{"quantity":"Infinity"}', 400, "invalid_request"),
    "digits of another script": ('{"quantity":"\u0661"}'.encode(), 400, "invalid_request"),
    "a lone surrogate": (b'{"client_rfq_id":"\\ud800"}', 400, "invalid_request"),
    "a lone surrogate as a name": (b'{"\\ud800":"x"}', 400, "invalid_request"),
    "half of a character": (b'{"client_rfq_id":"\xed\xa0\x80"}', 400, "invalid_request"),
    "Latin-1": ('{"client_rfq_id":"é"}'.encode("latin-1"), 400, "invalid_request"),
    "UTF-16": (json.dumps(RFQ).encode("utf-16"), 400, "invalid_request"),
    "UTF-32": (json.dumps(RFQ).encode("utf-32"), 400, "invalid_request"),
    "a BOM": (b"\xef\xbb\xbf" + json.dumps(RFQ).encode(), 400, "invalid_request"),
    "NUL": (b'{"client_rfq_id":"a\\u0000b"}', 400, "invalid_request"),
    "a raw NUL": (b'{"client_rfq_id":"a\0b"}', 400, "invalid_request"),
    "a comment": (b'{"a":1}//', 400, "invalid_request"),
    "a reference of 65": (json.dumps(RFQ | {"client_rfq_id": "r" * 65}).encode(), 400, "invalid_request"),
    "__proto__": (json.dumps(RFQ | {"__proto__": {"admin": True}}).encode(), 400, "invalid_request"),
    "another's client_id": (json.dumps(RFQ | {"client_id": "acme"}).encode(), 400, "invalid_request"),
    "64 KiB and one": (b'{"a":"' + b"x" * (64 * 1024 - 7) + b'"}', 413, "body_too_large"),
    "a megabyte and more": (b'{"a":"' + b"x" * 1_200_000 + b'"}', 413, "body_too_large"),
    "gzip": (gzip.compress(json.dumps(RFQ).encode()), 400, "invalid_request"),
}


def test_a_malformed_body_is_a_documented_problem(served: webs.Web, open_house: House) -> None:
    wrong, before = [], counted()
    for what, (body, status, code) in BODIES.items():
        got, headers, answer = post(served, open_house.acme.key, body)
        if got != status or headers.get("content-type") != "application/problem+json" or json.loads(answer)["code"] != code:
            wrong.append(f"{what}: {got} {answer[:200]!r}")
    check(wrong)
    assert counted() == before


def test_a_body_of_64_kib_is_read(served: webs.Web, open_house: House) -> None:
    body = b'{"a":"' + b"x" * (64 * 1024 - 8) + b'"}'
    assert len(body) == 64 * 1024
    assert json.loads(post(served, open_house.acme.key, body)[2])["errors"][0]["code"] == "unknown_field"


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        ({"Content-Type": "application/json; charset=utf-16"}, 415, "unsupported_media_type"),
        ({"Content-Type": "application/json; charset=utf-7"}, 415, "unsupported_media_type"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415, "unsupported_media_type"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        ({"Content-Encoding": "gzip"}, 415, "unsupported_media_type"),
        ({"Content-Encoding": "br"}, 415, "unsupported_media_type"),
        ({"Accept": "text/html"}, 406, "not_acceptable"),
        ({"Accept": "\xff" * 50}, 406, "not_acceptable"),
    ],
)
def test_what_is_not_plain_json_is_refused(served: webs.Web, open_house: House, changed: dict[str, str], status: int, code: str) -> None:
    body = json.dumps(RFQ).encode()
    kind = changed.get("Content-Type", "application/json")
    made = signed(served, open_house.acme.key, body)
    if kind != "application/json":
        made = resigned(served, open_house.acme.key, body, kind)
    headers = {"Content-Length": str(len(body)), **made, **changed}
    got, _, answer = raw(served, message(served, "POST /api/v1/rfqs", headers, body))
    assert (got, json.loads(answer)["code"]) == (status, code)


def resigned(web: webs.Web, key: Key, body: bytes, kind: str) -> dict[str, str]:
    """Signed over another Content-Type than our library writes."""
    headers = signed(web, key, body)
    params = headers["Signature-Input"].removeprefix("sig1=")
    base = (
        f'"@method": POST\n"@authority": 127.0.0.1:{web.port}\n"@path": /api/v1/rfqs\n"@query": ?\n"content-type": {kind}\n'
        f'"content-digest": {headers["Content-Digest"]}\n"idempotency-key": {headers["Idempotency-Key"]}\n"@signature-params": {params}'
    )
    return headers | {"Content-Type": kind, "Signature": f"sig1=:{b64encode(key.private.sign(base.encode())).decode()}:"}


# --- lengths and framing --------------------------------------------------------------------------------------------------
def test_a_body_that_lies_about_its_length_does_nothing(served: webs.Web, open_house: House) -> None:
    key, before, wrong = open_house.acme.key, counted(), []
    body = json.dumps(RFQ | {"client_rfq_id": "framing"}).encode()
    made = signed(served, key, body)
    chunked = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    size = str(len(body))
    tries: dict[str, tuple[list[tuple[str, str]], bytes]] = {
        "chunked": ([("Transfer-Encoding", "chunked")], chunked),
        "chunked and a length": ([("Transfer-Encoding", "chunked"), ("Content-Length", size)], chunked),
        "a length and chunked": ([("Content-Length", size), ("Transfer-Encoding", "chunked")], chunked),
        "two lengths": ([("Content-Length", size), ("Content-Length", "0")], body),
        "a list of lengths": ([("Content-Length", f"{size}, {size}")], body),
        "a length below zero": ([("Content-Length", "-1")], body),
        "a length with a plus": ([("Content-Length", f"+{size}")], body),
        "a length in hex": ([("Content-Length", hex(len(body)))], body),
        "no length": ([], body),
        "a length too small": ([("Content-Length", str(len(body) - 5))], body),
        "an unknown coding": ([("Transfer-Encoding", "xchunked")], chunked),
        "TE with a tab": ([("Transfer-Encoding", "\tchunked")], chunked),
        "TE twice": ([("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "identity")], chunked),
    }
    for what, (framing, payload) in tries.items():
        status, _, answer = raw(served, message(served, "POST /api/v1/rfqs", [*made.items(), *framing], payload))
        if not 400 <= status < 500 or (status in {401, 411} and json.loads(answer)["code"] not in {"invalid_signature", "length_required"}):
            wrong.append(f"{what}: {status} {answer[:200]!r}")
    check(wrong)
    assert counted() == before


def test_slow_bodies_and_idle_connections_hold_up_nobody(served: webs.Web, open_house: House) -> None:
    """Sixty peers whose bodies do not end, of each door, and sixty that keep a connection open; then who has something to say."""
    key, body = open_house.acme.key, json.dumps(RFQ | {"client_rfq_id": "among-the-slow"}).encode()
    doors = ("/api/v1/rfqs", "/login/", "/rails/fedwire/callbacks")
    held = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(120)]
    try:
        for number, line in enumerate(held):
            path, size = doors[number % 3], ("200", "100000")[number % 2]
            begun = message(served, f"POST {path}", {"Content-Length": size, "Content-Type": "application/json"}, b"{")
            line.sendall(begun if number < 60 else message(served, "GET /livez", {}))
        for line in held[60:]:
            assert line.recv(12) == b"HTTP/1.1 200"
        headers = signed(served, key, None, method="GET", path="/api/v1/time")
        assert raw(served, message(served, "GET /api/v1/time", headers))[0] == 200
        assert post(served, key, body)[0] == 201
    finally:
        for line in held:
            line.close()


# --- headers, paths and queries -------------------------------------------------------------------------------------------
def test_headers_that_nobody_means_are_answered(served: webs.Web, open_house: House) -> None:
    key, before, wrong = open_house.acme.key, counted(), []
    good = signed(served, key, None, method="GET")
    host = f"127.0.0.1:{served.port}"

    def with_fresh(*more: tuple[str, str]) -> list[tuple[str, str]]:
        return [*signed(served, key, None, method="GET").items(), *more]

    tries: dict[str, tuple[list[tuple[str, str]], set[int]]] = {
        "two signatures": ([*good.items(), ("Signature", good["Signature"])], {401}),
        "two inputs": ([*good.items(), ("Signature-Input", good["Signature-Input"])], {401}),
        "two hosts": ([("Host", host), ("Host", "evil.example"), *good.items()], {400, 401}),
        "no such host": ([("Host", "evil.example"), *good.items()], {400}),
        "a host with a user": ([("Host", f"a@{host}"), *good.items()], {400}),
        "a host with a path": ([("Host", f"{host}/x"), *good.items()], {400}),
        "an empty host": ([("Host", ""), *good.items()], {400, 401}),
        "X-Forwarded-Host": (with_fresh(("X-Forwarded-Host", "evil.example")), {200}),
        "X-HTTP-Method-Override": (with_fresh(("X-HTTP-Method-Override", "DELETE")), {200}),
        "non-ASCII signature": ([("Signature-Input", "sig1=\xff\xfe"), ("Signature", "é")], {400, 401}),
        "a huge header": ([("X-Junk", "x" * 20_000), *good.items()], {200, 400, 401, 431}),
        "a header of a megabyte": ([("X-Junk", "x" * 1_000_000)], {0, 400, 413, 431}),
        "500 headers": ([*((f"X-H{n}", "1") for n in range(500))], {0, 400, 431, 401}),
        "a bearer of rubbish": ([("Authorization", "Bearer \xff\xff")], {401}),
        "a bearer of length": ([("Authorization", "Bearer fdt_" + "A" * 5000)], {401}),
        "basic": ([("Authorization", "Basic YTpi")], {401}),
        "If-None-Match rubbish": (with_fresh(("If-None-Match", '"' * 300)), {200}),
        "a range": (with_fresh(("Range", "bytes=0-1")), {200}),
        "Expect": (with_fresh(("Expect", "100-continue")), {100, 200}),
    }
    for what, (headers, allowed) in tries.items():
        status, _, answer = raw(served, message(served, "GET /api/v1/rfqs", headers))
        if status not in allowed:
            wrong.append(f"{what}: {status} {answer[:160]!r}")
    check(wrong)
    assert counted() == before


def test_a_file_is_had_by_its_own_media_type_and_not_sent_twice(open_house: House) -> None:
    key, path = open_house.acme.key, f"/api/v1/trades/{open_house.acme.ids['trade']}/confirmation/pdf"
    for accept in ("application/pdf", "application/pdf, */*;q=0.1", "*/*", "application/json"):
        answer = knock("GET", path, key, Accept=accept)
        assert (answer.status, answer.headers["Content-Type"], answer.body[:4]) == (200, "application/pdf", b"%PDF"), accept
    again = knock("GET", path, key, **{"If-None-Match": answer.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    assert knock("GET", path, key, Accept="text/html").status == 406


def test_what_has_no_view_is_a_whole_problem_too(served: webs.Web) -> None:
    for line, status, code in (
        ("GET /api/v1/nothing", 404, "not_found"), ("GET /api/nothing", 404, "not_found"),
        ("GET /rails/fedwire/callbacks", 405, "method_not_allowed"),
    ):  # fmt: skip
        got, headers, answer = raw(served, message(served, line, {}))
        problem = json.loads(answer)
        assert (got, problem["code"], headers["content-type"]) == (status, code, "application/problem+json")
        assert problem["request_id"] == headers["x-request-id"], "by which we find it in the log"
        assert problem["request_id"].startswith("req_")


def test_an_address_written_otherwise_is_not_the_signed_one(served: webs.Web, open_house: House) -> None:
    key, wrong = open_house.acme.key, []
    target = f"/api/v1/rfqs/{open_house.acme.ids['rfq']}"
    foreign = f"/api/v1/rfqs/{open_house.rival.ids['rfq']}"
    made = signed(served, key, None, method="GET", path=target)
    for line in (
        target.replace("/rfqs", "/%72fqs"), target.replace("/rfqs/", "/rfqs//"), "/" + target, target.replace("/v1", "/v1/."),
        target.replace("/v1", "/v1/x/.."), target.replace("/rfqs", "/RFQS"), target + "/", target + ";a=1", target + "?", target + "?a=1",
        target + "#x", target + "%00", target + "%2e%2e", target.upper(), foreign, f"http://evil.example{target}", "*", target + "\\",
        target.replace("/rfqs/", "/rfqs%2f"), target + "?cursor=%ff%fe",
    ):  # fmt: skip
        status, _, answer = raw(served, message(served, f"GET {line}", made))
        # An empty query is signed as no query (RFC 9421, 2.2.7), and a letter is a letter however it is written (RFC 3986, 6.2.2.2).
        same = line in {target + "?", target.replace("/rfqs", "/%72fqs")}
        if not ((same and status == 200) or status in {400, 401, 404}):
            wrong.append(f"{line}: {status} {answer[:120]!r}")
    check(wrong)


CODES = {"invalid_request", "invalid_cursor"}


def test_a_query_that_nobody_means_is_a_documented_problem(served: webs.Web, open_house: House) -> None:
    key, wrong = open_house.acme.key, []
    for query in (
        "limit=0", "limit=501", "limit=-1", "limit=1e3", "limit=" + "9" * 5000, "limit=%D9%A1", "limit=1&limit=2", "limit=", "limit=%00",
        "cursor=%00", "cursor=AAAA", "cursor=" + "A" * 5000, "cursor=%ff", "status=%ff%fe", "status=QUOTED&status=CLOSED", "a%zz=1", "%",
        "limit=1%20", "&&&=", "limit[]=1", "format=json", "status=QUOTED%00", "_method=DELETE", "callback=alert",
    ):  # fmt: skip
        headers = signed(served, key, None, method="GET", query=query)
        status, kind, answer = raw(served, message(served, f"GET /api/v1/rfqs?{query}", headers))
        if status != 400 or kind["content-type"] != "application/problem+json" or json.loads(answer)["code"] not in CODES:
            wrong.append(f"?{query[:60]}: {status} {answer[:160]!r}")
    check(wrong)


# --- tampering ------------------------------------------------------------------------------------------------------------
def test_each_signed_part_changed_alone_breaks_the_signature(served: webs.Web, open_house: House) -> None:
    key, before, wrong = open_house.acme.key, counted(), []
    body = json.dumps(RFQ | {"client_rfq_id": "tamper"}).encode()
    other = json.dumps(RFQ | {"client_rfq_id": "tamper", "quantity": "9"}).encode()
    host = f"127.0.0.1:{served.port}"

    def ask(line: str = "POST /api/v1/rfqs", sent: bytes = body, key: Key = key, created: int | None = None, **changed: str) -> int:
        made = signed(served, key, body, **({"created": created} if created else {}))
        headers = {"Host": host, "Content-Length": str(len(sent)), **made, **{n.replace("_", "-"): v for n, v in changed.items()}}
        return raw(served, message(served, line, headers, sent))[0]

    made = signed(served, key, body)
    now = int(time.time())
    stranger = Ed25519PrivateKey.generate()
    inp = made["Signature-Input"]
    tries = {
        "method": ask("PUT /api/v1/rfqs"),
        "path": ask("POST /api/v1/orders"),
        "query": ask("POST /api/v1/rfqs?dry_run=1"),
        "authority": ask(Host=f"localhost:{served.port}"),
        "body": ask(sent=other),
        "body with its digest": ask(sent=other, Content_Digest=content_digest(other)),
        "content-type": ask(Content_Type="application/json; charset=utf-8"),
        "idempotency-key": ask(Idempotency_Key='"kkkkkkkkkkkkkkkkkkkkk"'),
        "idempotency-key without quotes": ask(Idempotency_Key="k" * 20),
        "digest of another kind": ask(Content_Digest=made["Content-Digest"].replace("sha-256", "sha-512")),
        "digest weakened": ask(Content_Digest=f"md5=:AAAA:, {made['Content-Digest']}"),
        "31 s old": ask(created=now - 33),
        "from tomorrow": ask(created=now + 86_400),
        "another private key": ask(key=Key(key.key_id, stranger)),
        "another key's id": ask(key=Key(open_house.rival.key.key_id, key.private)),
        "alg none": ask(Signature_Input=inp.replace('alg="ed25519"', 'alg="none"')),
        "alg hmac": ask(Signature_Input=inp.replace('alg="ed25519"', 'alg="hmac-sha256"')),
        "alg rsa": ask(Signature_Input=inp.replace('alg="ed25519"', 'alg="rsa-pss-sha512"')),
        "created later": ask(Signature_Input=inp.replace("created=", "created=1")),
        "tag": ask(Signature_Input=inp.replace("otc-v1", "otc-v2")),
        "fewer parts": ask(Signature_Input=inp.replace(' "content-digest"', "")),
        "signature of zeros": ask(Signature="sig1=:" + "A" * 86 + "==:"),
        "a GET's signature": raw(
            served,
            message(served, "POST /api/v1/rfqs", {"Content-Length": "2", **signed(served, key, None, method="GET")}, b"{}"),
        )[0],
    }
    # HMAC under the public key, which everybody may know.
    public = key.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    forged = b64encode(hmac.digest(public, b"x", hashlib.sha512)).decode()
    tries["HMAC under the public key"] = ask(Signature=f"sig1=:{forged}:")
    wrong += [f"{what}: {status}" for what, status in tries.items() if status != 401]
    check(wrong)
    assert counted() == before
    assert ask() in {201, 422}, "and unchanged it holds"


def test_a_captured_request_is_good_once(served: webs.Web, open_house: House) -> None:
    key = open_house.acme.key
    body = json.dumps(RFQ | {"client_rfq_id": "replay"}).encode()
    wire = message(served, "POST /api/v1/rfqs", {"Content-Length": str(len(body)), **signed(served, key, body)}, body)
    before = counted()
    assert raw(served, wire)[0] in {201, 422}
    once = counted()
    assert once != before
    for _ in range(8):  # both workers have seen it by then
        assert raw(served, wire)[0] == 401
    assert counted() == once


def test_anothers_idempotency_key_is_another_key(served: webs.Web, open_house: House) -> None:
    body = json.dumps(RFQ | {"client_rfq_id": "same-key"}).encode()
    mine = post(served, open_house.acme.key, body, idempotency_key="the-same-key-for-both")
    theirs = post(served, open_house.rival.key, body, idempotency_key="the-same-key-for-both")
    assert "idempotency-replayed" not in theirs[1]
    assert (mine[0], theirs[0]) == (201, 201)
    ids = [json.loads(answer[2])["id"] for answer in (mine, theirs)]
    assert ids[0] != ids[1]


def test_a_page_of_another_client_or_with_other_filters_has_no_next_page(served: webs.Web, open_house: House) -> None:
    def page(key: Key, query: str) -> Wire:
        headers = signed(served, key, None, method="GET", path="/api/v1/instructions", query=query)
        return raw(served, message(served, f"GET /api/v1/instructions?{query}", headers))

    first = json.loads(page(open_house.acme.key, "limit=1")[2])
    cursor = first["next_cursor"]
    assert cursor, "acme has two payments"
    assert page(open_house.acme.key, f"limit=1&cursor={cursor}")[0] == 200
    for key, given in (
        (open_house.rival.key, cursor), (open_house.acme.key, cursor[:-4] + "AAAA"), (open_house.acme.key, cursor[:20]),
        (open_house.acme.key, cursor + "A" * 8),
    ):  # fmt: skip
        status, _, answer = page(key, f"limit=1&cursor={given}")
        assert (status, json.loads(answer)["code"]) == (400, "invalid_cursor")
