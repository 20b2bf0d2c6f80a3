"""A mutation is let in by what this process last read of its key, and done by what stands at its own instant: the key is read again in its
first flight."""

import secrets
from typing import Any

import pytest
from django.db import connection
from flowdesk_client import Key

from apps.api import standing
from apps.core import clock
from apps.pricing.feeds import bus
from apps.rfqs.models import Rfq
from tests import web as webs
from tests import world
from tests.api.test_flights import ask, post

pytestmark = pytest.mark.django_db(transaction=True)
BODY = {"client_rfq_id": "r-9", "instrument": "BTC-USD", "side": "buy", "quantity": "2"}


@pytest.fixture
def firm() -> world.Firm:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    return world.firm("acme")


@pytest.fixture
def key(firm: world.Firm) -> Key:
    """A key that this process has read."""
    made = webs.key_for(firm.trader)
    assert ask(made).status_code == 201
    assert made.key_id in standing._known
    return made


def change(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE clients_apikey SET revoked_at = now()", (401, "invalid_signature")),
        ("UPDATE clients_apikey SET expires_at = now()", (401, "invalid_signature")),
        ("UPDATE clients_member SET closed_at = now()", (401, "invalid_signature")),
        ("UPDATE clients_apikey SET allowed_cidrs = '{10.0.0.0/8}'", (403, "ip_not_allowed")),
        ("UPDATE clients_apikey SET scopes = '{read}'", (403, "scope_missing")),
        ("UPDATE clients_member SET valid_until = now()", (401, "invalid_signature")),
    ],
)
@pytest.mark.parametrize("body", [BODY, BODY | {"quantity": "many"}, b"{"], ids=["good", "wrong", "broken"])
def test_what_became_of_a_key_counts_at_once(key: Key, sql: str, said: tuple[int, str], body: Any) -> None:
    """Also for a request that never comes as far as a use case: it is not told what is wrong with its body first."""
    change(sql)
    assert code(post(key, "/api/v1/rfqs", body)) == said
    assert Rfq.objects.count() == 1
    assert code(post(key, "/api/v1/rfqs", body)) == said, "the second time it is known"


def test_a_key_that_was_widened_is_heard(firm: world.Firm) -> None:
    key = webs.key_for(firm.trader, scopes=("read",))
    assert code(ask(key)) == (403, "scope_missing")
    change("UPDATE clients_apikey SET scopes = '{read,quote}'")
    answer = ask(key)
    assert answer.status_code == 201
    assert answer["RateLimit-Policy"].count("requests") == 1, "what was spent is told once"


def test_a_nonce_is_spent_once_though_the_request_is_heard_twice(key: Key) -> None:
    change("UPDATE clients_member SET name = name || '!'")
    nonce, once = secrets.token_urlsafe(16), secrets.token_urlsafe(24)
    assert post(key, "/api/v1/rfqs", BODY, nonce, once).status_code == 201
    change("UPDATE clients_member SET name = name || '?'")
    assert code(post(key, "/api/v1/rfqs", BODY, nonce, once)) == (401, "invalid_signature")


def test_who_forges_a_known_key_is_refused(key: Key) -> None:
    forged = Key(key_id=key.key_id, private=webs.Ed25519PrivateKey.generate())
    change("UPDATE clients_member SET name = name || '!'")
    assert code(ask(forged, "r-2")) == (401, "invalid_signature")
    assert ask(key, "r-2").status_code == 201
