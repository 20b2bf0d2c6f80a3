"""A real live process on a free port, two rival clients with keys, and a hand that writes events as the platform does."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
import redis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flowdesk_client import Key, sign
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from apps.clients import operations as clients
from apps.clients.models import Counterparty, Member
from apps.core import db, ids
from apps.core.unit import use_case
from tests.engines import superuser
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
STARTS_S = 120


@dataclass
class LiveProcess:
    """`manage.py run_live` as its own process."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def rss_kb(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

    def stop(self, with_signal: int = signal.SIGTERM, timeout: int = 60) -> int:
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        return self.process.wait(timeout)


def start_live(port: int, **environment: str) -> LiveProcess:
    env = {**os.environ, "LIVE_PORT": str(port), "FLOWDESK_PROCESS": "live", **environment}
    process = subprocess.Popen([sys.executable, str(ROOT / "manage.py"), "run_live"], cwd=ROOT, env=env, stdin=subprocess.DEVNULL)
    live = LiveProcess(port, process)
    end = time.monotonic() + STARTS_S
    while time.monotonic() < end:
        assert process.poll() is None, "run_live ended while starting"
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://{live.host}/readyz", timeout=60).status_code == 200:
                return live
        time.sleep(0.05)
    live.stop(signal.SIGKILL)
    raise AssertionError("run_live was not ready in time")


@pytest.fixture(scope="module")
def shared_live(django_db_setup: None) -> Iterator[LiveProcess]:
    live = start_live(free_port())
    yield live
    live.stop()


@pytest.fixture
def live(shared_live: LiveProcess, transactional_db: None) -> LiveProcess:
    return shared_live


@pytest.fixture
def own_live(transactional_db: None) -> Iterator[Callable[..., LiveProcess]]:
    """Starts processes that a test may kill."""
    started: list[LiveProcess] = []

    def start(port: int = 0, **environment: str) -> LiveProcess:
        started.append(start_live(port or free_port(), **environment))
        return started[-1]

    yield start
    for one in started:
        with contextlib.suppress(ProcessLookupError):
            one.stop(signal.SIGKILL)


@dataclass(frozen=True)
class Firm:
    """A client with one member and one key."""

    client_id: UUID
    member_id: UUID
    key: Key


@use_case
def _found(*, now: datetime, code: str, public_key: bytes, scopes: tuple[str, ...], cidrs: tuple[str, ...]) -> tuple[UUID, UUID, str]:
    client = clients.create_counterparty(code=code, name=code.title(), lei="", country="CH", roles=["CLIENT"])
    account = clients.create_account(owner=client, code=f"{code}-main", name="Main")
    member = clients.create_member(counterparty=client, name="Robot", email="", accounts=[(account, ["trader"])])
    key = clients.create_key(member=member, public_key=public_key, scopes=scopes, cidrs=cidrs, now=datetime.now(UTC), prefix="ak_test_")
    return client.id, member.id, key.key_id


def found_firm(code: str, scopes: tuple[str, ...] = ("read",), cidrs: tuple[str, ...] = ()) -> Firm:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    client_id, member_id, key_id = _found(code=code, public_key=public, scopes=scopes, cidrs=cidrs)
    assert Counterparty.objects.filter(id=client_id).exists()
    assert Member.objects.filter(id=member_id).exists()
    return Firm(client_id, member_id, Key(key_id=key_id, private=private))


@use_case
def _add_key(*, now: datetime, member_id: UUID, public_key: bytes) -> str:
    member = Member.objects.get(id=member_id)
    return clients.create_key(
        member=member, public_key=public_key, scopes=("read",), cidrs=(), now=datetime.now(UTC), prefix="ak_test_"
    ).key_id


def another_key(firm: Firm) -> Key:
    """One more key of the firm's member."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return Key(key_id=_add_key(member_id=firm.member_id, public_key=public), private=private)


@pytest.fixture
def acme(transactional_db: None) -> Firm:
    return found_firm("acme")


@pytest.fixture
def mallory(transactional_db: None) -> Firm:
    return found_firm("mallory")


_WRITE = """
WITH counted AS (
  INSERT INTO events_counter AS c (client_id, last_seq) VALUES (%s, %s)
  ON CONFLICT (client_id) DO UPDATE SET last_seq = c.last_seq + EXCLUDED.last_seq RETURNING last_seq
)
INSERT INTO events_event (id, era, kind, subject_type, subject_id, client_id, account_id, client_seq, public, house,
                          actor_kind, actor_name, request_id, effective_at, recorded_at)
SELECT f.id, 1, 'quote.created', 'quote', f.id, %s, %s, last_seq - %s + f.ord, f.public, '{}',
       'SYSTEM', '', '', now(), now() - make_interval(days => %s)
FROM counted, unnest(%s::uuid[], %s::jsonb[]) WITH ORDINALITY AS f(id, public, ord)
"""


def write_events(
    client_id: UUID,
    count: int = 1,
    *,
    nudge: bool = True,
    size: int = 0,
    days_ago: int = 0,
    session: Any = None,
    account_id: UUID | None = None,
) -> None:
    """Commit `count` facts of one client in one transaction, as events.record does; `nudge=False` loses the nudge."""
    new = [ids.uuid7() for _ in range(count)]
    payloads = [f'{{"n": {at}, "pad": "{"x" * size}"}}' for at in range(count)]
    params = [client_id, count, client_id, account_id, count, days_ago, new, payloads]
    if session is None:
        db.run(_WRITE, params)
    else:
        session.execute(_WRITE, params)
    if nudge:
        with redis.Redis.from_url(os.environ["VALKEY_URL"]) as valkey:
            valkey.publish("events", str(client_id))


def publish(channel: str, text: str, times: int = 1) -> None:
    with redis.Redis.from_url(os.environ["VALKEY_URL"]) as valkey, valkey.pipeline(transaction=False) as together:
        for _ in range(times):
            together.publish(channel, text)
        together.execute()


@pytest.fixture
def damage() -> psycopg.Connection[Any]:
    """The superuser's hand, for what the platform itself may not do."""
    return superuser()


def open_socket(
    live: LiveProcess, key: Key, *, path: str = "/ws/v1/", headers: dict[str, str] | None = None, **options: Any
) -> ClientConnection:
    """A signed connection; `headers` replaces single ones of the signature's."""
    signed = sign(key, method="GET", host=live.host, path=path) | (headers or {})
    return connect(
        live.url + path,
        additional_headers=signed,
        **{
            "subprotocols": [Subprotocol("otc.v1.json")],
            "compression": None,
            "proxy": None,
            "ping_interval": None,
            "close_timeout": 2,
            **options,
        },
    )
