"""A signature opens exactly what its key may do now, from where it may, once."""

import time
from dataclasses import replace

import psycopg
import pytest
from django.test import RequestFactory, override_settings
from flowdesk_client import sign

from apps.api import auth, peers
from apps.api.signing import InvalidSignature, Signed
from tests.engines import superuser
from tests.live.conftest import Firm, found_firm


@pytest.fixture
def acme(transactional_db: None) -> Firm:
    return found_firm("acme", scopes=("read", "trade"), cidrs=("127.0.0.0/8",))


@pytest.fixture
def damage() -> "psycopg.Connection[tuple[object, ...]]":
    return superuser()


def request_of(firm: Firm, method: str = "POST", path: str = "/api/v1/rfqs", query: str = "", body: bytes | None = b"{}") -> Signed:
    headers = sign(firm.key, method=method, host="localhost:8000", path=path, query=query, body=body, idempotency_key="k" * 20)
    made = RequestFactory().generic(
        method,
        path + (f"?{query}" if query else ""),
        data=body or b"",
        content_type=headers.pop("Content-Type", ""),
        headers={**headers, "Host": "localhost:8000"},
    )
    return auth.parse_request(made)


def test_a_signed_request_gives_the_member_with_client_scopes_and_accounts(acme: Firm) -> None:
    signed = request_of(acme)
    assert signed.idempotency_key == "k" * 20
    actor = auth.authenticate(signed, "127.0.0.1")
    assert (actor.kind, actor.client_id, actor.id, actor.key_id) == ("MEMBER", acme.client_id, acme.member_id, acme.key.key_id)
    assert actor.scopes == {"read", "trade"}
    assert actor.account_ids is not None
    assert len(actor.account_ids) == 1


def test_a_get_with_a_query_is_read_as_it_was_sent(acme: Firm) -> None:
    signed = request_of(acme, "GET", "/api/v1/trades", "after=2026-11-22T12%3A00&x=a%20b", None)
    assert auth.authenticate(signed, "127.0.0.1").client_id == acme.client_id


def test_a_nonce_is_good_once(acme: Firm) -> None:
    signed = request_of(acme)
    auth.authenticate(signed, "127.0.0.1")
    with pytest.raises(InvalidSignature, match="nonce"):
        auth.authenticate(signed, "127.0.0.1")


def test_a_nonce_is_good_once_for_all_processes_and_without_valkey_once_in_each(acme: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = request_of(acme)
    auth.authenticate(signed, "127.0.0.1")
    monkeypatch.setattr(auth, "_nonces", auth._Nonces())
    with pytest.raises(InvalidSignature, match="nonce"):
        auth.authenticate(signed, "127.0.0.1")
    monkeypatch.setattr(auth, "_nonces", auth._Nonces())
    with override_settings(VALKEY_URL="redis://127.0.0.1:1"):
        auth.authenticate(signed, "127.0.0.1")
        with pytest.raises(InvalidSignature, match="nonce"):
            auth.authenticate(signed, "127.0.0.1")


def test_a_signature_that_does_not_verify_spends_no_nonce(acme: Firm) -> None:
    good = request_of(acme)
    bad = Signed(good.key_id, good.created, good.nonce, good.idempotency_key, good.base + b" ", good.signature)
    with pytest.raises(InvalidSignature, match="verify"):
        auth.authenticate(bad, "127.0.0.1")
    assert auth.authenticate(good, "127.0.0.1")


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        ("UPDATE clients_apikey SET revoked_at = now()", "revoked"),
        ("UPDATE clients_apikey SET expires_at = now()", "revoked or expired"),
        ("UPDATE clients_member SET closed_at = now()", "closed"),
        ("UPDATE clients_member SET valid_until = now()", "closed"),
    ],
)
def test_what_is_revoked_expired_or_closed_opens_nothing(
    acme: Firm, damage: "psycopg.Connection[tuple[object, ...]]", statement: str, cause: str
) -> None:
    damage.execute(statement.encode())
    with pytest.raises(InvalidSignature, match=cause):
        auth.authenticate(request_of(acme), "127.0.0.1")


def test_an_unknown_key_opens_nothing(acme: Firm) -> None:
    stranger = Firm(acme.client_id, acme.member_id, replace(acme.key, key_id="ak_test_unknown"))
    with pytest.raises(InvalidSignature, match="not known"):
        auth.authenticate(request_of(stranger), "127.0.0.1")


def test_a_key_of_the_sandbox_is_refused_in_production_and_the_other_way_round(acme: Firm) -> None:
    for environment in ("production", "sandbox"):
        with override_settings(ENVIRONMENT=environment):
            if environment == "sandbox":
                auth.authenticate(request_of(acme), "127.0.0.1")
            else:
                with pytest.raises(InvalidSignature, match="deployment"):
                    auth.authenticate(request_of(acme), "127.0.0.1")


def test_a_right_signature_from_a_wrong_address_is_forbidden(acme: Firm) -> None:
    with pytest.raises(auth.IpNotAllowed):
        auth.authenticate(request_of(acme), "10.0.0.1")


def test_an_old_request_is_refused_by_the_wall_clock(acme: Firm) -> None:
    headers = sign(acme.key, method="GET", host="localhost:8000", path="/x", created=int(time.time()) - 32)
    with pytest.raises(InvalidSignature, match="created"):
        auth.parse_request(RequestFactory().get("/x", headers={**headers, "Host": "localhost:8000"}))


@pytest.mark.parametrize(
    ("forwarded", "hops", "seen"),
    [
        ("", 0, "10.0.0.9"),
        ("6.6.6.6", 0, "10.0.0.9"),
        ("6.6.6.6, 1.2.3.4", 1, "1.2.3.4"),
        ("6.6.6.6, 1.2.3.4, 10.0.0.1", 2, "1.2.3.4"),
        ("1.2.3.4", 2, "10.0.0.9"),
    ],
)
def test_only_our_own_proxies_say_where_a_request_comes_from(forwarded: str, hops: int, seen: str) -> None:
    assert peers.client_ip("10.0.0.9", forwarded, hops) == seen


@pytest.mark.parametrize(
    ("ip", "allowed"),
    [("127.0.0.1", True), ("::ffff:127.0.0.1", True), ("128.0.0.1", False), ("2001:db8::5", True), ("", False), ("no address", False)],
)
def test_an_address_is_held_against_every_network_of_the_list(ip: str, allowed: bool) -> None:
    assert peers.is_allowed(ip, ("127.0.0.0/8", "2001:db8::/32")) is allowed
