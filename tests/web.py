"""A real web process (granian) on a free port, and callers with keys."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flowdesk_client import Api, Key

from apps.clients import operations as clients
from apps.clients import queries as client_queries
from apps.core.actor import Actor
from apps.core.unit import use_case
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[1]
STARTS_S = 120
LOOPBACK = ("127.0.0.0/8", "::1/128")
ALL_SCOPES = ("read", "quote", "trade", "settle", "withdraw")


@dataclass
class Web:
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self, with_signal: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        return self.process.wait(60)


def start_web(**environment: str) -> Web:
    """The web role as the supervisor starts it, in its own process group."""
    port = free_port()
    env = {**os.environ, "WEB_PORT": str(port), "FLOWDESK_PROCESS": "web", **environment}
    command = [sys.executable, "-m", "flowdesk.roles", "web"]
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, start_new_session=True)
    web = Web(port, process)
    end = time.monotonic() + STARTS_S
    while time.monotonic() < end:
        assert process.poll() is None, "web ended while starting"
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{web.url}/livez", timeout=10).status_code == 200:
                return web
        time.sleep(0.05)
    kill(web)
    raise AssertionError("web was not alive in time")


def kill(web: Web) -> None:
    """SIGKILL to the server and its workers."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(web.process.pid, signal.SIGKILL)
    web.process.wait(30)


@use_case
def _create_key(*, now, actor: Actor, public_key: bytes, scopes, cidrs) -> str:  # type: ignore[no-untyped-def]
    from apps.core.clock import wall_now

    member = client_queries.get_member(actor.client_id, actor.name)
    return clients.create_key(member=member, public_key=public_key, scopes=scopes, cidrs=cidrs, now=wall_now(), prefix="ak_test_").key_id


def key_for(actor: Actor, scopes: tuple[str, ...] = ALL_SCOPES, cidrs: tuple[str, ...] = LOOPBACK) -> Key:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return Key(key_id=_create_key(actor=actor, public_key=public, scopes=scopes, cidrs=cidrs), private=private)


def api(web: Web, actor: Actor, **kw: object) -> Api:
    return Api(web.url, key_for(actor), **kw)  # type: ignore[arg-type]
