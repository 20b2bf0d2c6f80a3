"""The ASGI application of the live role: sockets under ``/ws/``, two health answers, 404 for all else."""

import json
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path, re_path

from . import frames
from .doors import Doors, Receive, Scope, Send
from .hub import Hub


def make_application(hub: Hub) -> Any:
    """The routes over one hub."""
    doors = Doors(hub)
    routes: list[tuple[Any, str, Any]] = [(path, "ws/v1/", doors.clients), (path, "ws/desk/", doors.desk), (re_path, "", doors.nowhere)]
    return ProtocolTypeRouter(
        {
            "http": _Http(hub),
            "websocket": URLRouter([make(address, door) for make, address, door in routes]),
        }
    )


class _Http:
    """``/livez``: this process answers. ``/readyz``: a socket opened now would hear what happens."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        known, readable = scope["path"] in {"/livez", "/readyz"}, scope["method"] in {"GET", "HEAD"}
        kind = b"application/json"
        if known and readable:
            status, body = self._health(scope["path"])
        else:
            kind, status = b"application/problem+json", 405 if known else 404
            code, title = ("method_not_allowed", "Method not allowed") if known else ("not_found", "Not found")
            body = frames.problem(status, code, title, "the live role serves sockets under /ws/")
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _health(self, wanted: str) -> tuple[int, bytes]:
        if wanted == "/livez":
            return 200, b'{"live":true}'
        hub = self._hub
        checks = {
            "database": "ok" if hub.reader.is_up else "the database does not answer",
            "valkey": "ok" if hub.bus.is_up else "Valkey does not answer; events arrive within 5 s",
            "draining": "yes" if hub.draining else "no",
        }
        return 200 if hub.is_ready else 503, json.dumps({"ready": hub.is_ready, "checks": checks}).encode()
