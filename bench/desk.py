"""The bench's own desk: clients with high lines and lifted rates, prices, quotes made through the workflow, signed requests."""

import json
import multiprocessing
import secrets
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.db import connection
from flowdesk_client.keys import Key
from flowdesk_client.signing import sign

from apps.clients import operations as clients
from apps.clients import queries as client_queries
from apps.core import actor as acting
from apps.core import clock, db, ids, money
from apps.core.actor import Actor
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.pricing import queries as pricing
from apps.pricing.feeds import bus, factory
from apps.pricing.feeds.composer import Composer
from apps.pricing.rules.worth import usd_per
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side
from apps.workflows.onboard_client import Applicant, onboard_client
from apps.workflows.request_quote import request_quote
from flowdesk import services

PAIRS = {"BTC-USD": Decimal("0.1"), "ETH-USD": Decimal(1), "BTC-EUR": Decimal("0.1"), "EUR-USD": Decimal(10_000)}
CLIENTS, COMBINATIONS, TTL_MS = 13, 50, 30_000
TEN = datetime(2026, 9, 15, 10, 0, tzinfo=UTC)  # a Tuesday, before every cut-off
LINE = Decimal(10) ** 12
NO_LIMIT = json.dumps({"requests": "1000000/s", "rfqs": "1000000/s"})


@dataclass(frozen=True)
class Dealer:
    """One client's trader, with its key."""

    actor: Actor
    key: Key


@dataclass(frozen=True)
class Ready:
    """A quote that waits to be accepted."""

    quote_id: str
    side: str
    price: str
    dealer: int


def superuser(database: str = "") -> psycopg.Connection[Any]:
    return services.superuser(database or settings.DATABASES["default"]["NAME"])


def let_go() -> None:
    """Close this process's connections: before a fork, and before the database is copied."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]


def forked(work: Any, shares: Sequence[Any]) -> list[Any]:
    """`work(share)` for each share, each in a process of its own, all at once."""
    let_go()
    with ProcessPoolExecutor(len(shares), mp_context=multiprocessing.get_context("fork")) as pool:
        return list(pool.map(work, shares))


def migrate() -> None:
    """The schema, as its owner; then this process goes on as the app."""
    import os
    import subprocess
    import sys

    env = {**os.environ, "FLOWDESK_DB_ROLE": "owner"}
    words = [sys.executable, str(settings.BASE_DIR / "manage.py"), "migrate", "--no-input", "--verbosity", "0"]
    subprocess.run(words, env=env, check=True, stdin=subprocess.DEVNULL)


def open_desk() -> list[Dealer]:
    """Clients, their keys, and prices of all pairs. The desk clock stands still, so that neither prices nor quotes grow old meanwhile."""
    money.use_exact_context()
    clock.freeze_desk(TEN)
    entity, book = instruments.get_entity("flowdesk"), instruments.get_book("main")
    made = []
    for number in range(CLIENTS):
        code = f"bench{number:02}"
        applicant = Applicant(
            code=code,
            name=f"Bench {number}",
            lei="",
            country="GB",
            email=f"{code}@example.com",
            mode="CREDIT",
            pairs=tuple(PAIRS),
            line=LINE,
            fee_bps=Decimal(1),
        )
        account = onboard_client(applicant=applicant, entity_id=entity.id, book_id=book.id, approved_by=None)
        member = client_queries.get_member(account.owner_id, f"{code} Trader")
        private = Ed25519PrivateKey.generate()
        key_id = _create_key(member=member, public=private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        grant = client_queries.find_key(key_id)
        assert grant is not None
        made.append(Dealer(grant.actor(), Key(key_id=key_id, private=private)))
    publish()
    return made


def another_key(dealer: Dealer) -> Key:
    """One more key of the same member."""
    private = Ed25519PrivateKey.generate()
    member = client_queries.get_member(dealer.actor.client_id or ids.uuid7(), dealer.actor.name)
    key_id = _create_key(member=member, public=private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    return Key(key_id=key_id, private=private)


@use_case
def _create_key(*, member: Any, public: bytes, now: datetime) -> str:
    made = clients.create_key(
        member=member,
        public_key=public,
        scopes=("read", "quote", "trade"),
        cidrs=("127.0.0.0/8",),
        now=clock.wall_now(),
        prefix=settings.KEY_PREFIX,
    )
    db.run("UPDATE clients_apikey SET limits = %s::jsonb WHERE id = %s", (NO_LIMIT, made.id))
    return made.key_id


def advance(turn: int, *sessions: psycopg.Connection[Any]) -> datetime:
    """Let the desk clock stand half a minute later in each turn, with prices of then: requests of one turn are not repeated in the next.

    :param sessions: of the databases; by default that of the settings
    """
    at = TEN + timedelta(seconds=30 * (turn + 1))
    for session in sessions:
        session.execute("UPDATE core_deskclock SET frozen_at = %s, offset_by = NULL", [at])
    if not sessions:
        clock.freeze_desk(at)
    publish(at)
    return at


def publish(at: datetime | None = None) -> None:
    """The simulator's books of this desk instant, merged, on the bus."""
    now = clock.desk_now() if at is None else at
    bus.publish(Composer(factory.join(None, 1, now.date()), pricing.get_recipe()).composites(now).values())


def combination(number: int) -> tuple[int, str]:
    """Dealer and pair of the n-th request: neighbours are of different dealers."""
    pairs = list(product(PAIRS, range(CLIENTS)))[:COMBINATIONS]
    pair, dealer = pairs[number % COMBINATIONS]
    return dealer, pair


def side_of(number: int) -> Side:
    return Side.BUY if number // COMBINATIONS % 2 == 0 else Side.SELL


def make_quotes(dealers: Sequence[Dealer], count: int, processes: int = 2) -> list[Ready]:
    """`count` open quotes, in the order in which they will be accepted."""
    actors = [dealer.actor for dealer in dealers]
    shares = [(actors, list(range(at, count, processes))) for at in range(processes)]
    parts = forked(_make_share, shares)
    return [ready for _, ready in sorted((pair for part in parts for pair in part), key=lambda pair: pair[0])]


def _make_share(share: tuple[Sequence[Actor], list[int]]) -> list[tuple[int, Ready]]:
    actors, numbers = share
    money.use_exact_context()
    out = []
    for number in numbers:
        dealer, pair = combination(number)
        actor, side = actors[dealer], side_of(number)
        depth = bus.read_depth(pair)
        ask = Ask(
            client_rfq_id=f"rfq-{ids.uuid7()}",
            pair=pair,
            side=side,
            quantity=PAIRS[pair],
            quote_quantity=None,
            tenor="",
            ttl_ms=TTL_MS,
            respond_within_ms=60_000,
        )
        with acting.acting(actor):
            _, quote, _ = request_quote(
                actor=actor,
                account_id=None,
                ask=ask,
                depth=depth,
                usd_per_quote=usd_per(pair.rpartition("-")[2], depth),
                elapsed_us=lambda: 0,
            )
        assert quote is not None, f"{pair}: no automatic quote"
        price = getattr(quote, f"{side}_price")
        out.append((number, Ready(ids.encode("quo", quote.id), str(side), money.text(price), dealer)))
    let_go()
    return out


# --- requests ---------------------------------------------------------------------------------------------------------
def post(port: int, path: str, body: dict[str, Any], key: Key | None) -> bytes:
    """A POST as bytes, signed now where a key is given (a signature lives 30 s)."""
    content = json.dumps(body, separators=(",", ":")).encode()
    headers = {"Host": f"127.0.0.1:{port}", "Content-Length": str(len(content)), "Accept": "application/json"}
    if key is None:
        headers["Content-Type"] = "application/json"
    else:
        headers |= sign(key, method="POST", host=headers["Host"], path=path, body=content, idempotency_key=secrets.token_urlsafe(24))
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


def accept_request(port: int, ready: Ready, dealers: Sequence[Dealer]) -> bytes:
    body = {"client_order_id": f"order-{ids.uuid7()}", "side": ready.side, "price": ready.price}
    return post(port, f"/api/v1/quotes/{ready.quote_id}/accept", body, dealers[ready.dealer].key)


def rfq_request(port: int, number: int, dealers: Sequence[Dealer]) -> bytes:
    dealer, pair = combination(number)
    body = {
        "client_rfq_id": f"rfq-{ids.uuid7()}",
        "instrument": pair,
        "side": str(side_of(number)),
        "quantity": money.text(PAIRS[pair]),
        "ttl_ms": TTL_MS,
    }
    return post(port, "/api/v1/rfqs", body, dealers[dealer].key)
