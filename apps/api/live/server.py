"""The server: daphne's, with our protocol and an end that loses nothing."""

import asyncio
import logging
import signal
from collections.abc import Callable
from typing import Any

from daphne.server import Server
from twisted.internet import defer, reactor

from . import frames
from .line import Line
from .protocol import Socket, now_ms

logger = logging.getLogger(__name__)

_LOOK_MS = 50


class Live(Server):  # type: ignore[misc]
    """Serves until SIGTERM or SIGINT, then: no new connection, a notice and 1012 to every socket, drain, exit."""

    def __init__(
        self,
        application: Any,
        *,
        endpoints: list[str],
        drain_s: int,
        on_start: Callable[[], None],
        on_drain: Callable[[], None],
        is_busy: Callable[[], bool],
    ) -> None:
        super().__init__(
            application,
            endpoints=endpoints,
            signal_handlers=False,
            ready_callable=self._ready,
            http_timeout=10,
            ping_interval=frames.HEARTBEAT_MS // 1000,
            ping_timeout=0,
            websocket_connect_timeout=10,
            websocket_handshake_timeout=10,
            websocket_max_message_size=frames.MESSAGE_BYTES,
            websocket_max_frame_size=frames.MESSAGE_BYTES,
            server_name="",
        )
        self._drain_ms, self._on_start, self._on_drain, self._is_busy = drain_s * 1000, on_start, on_drain, is_busy
        self._draining = False
        self.failure = ""

    def _ready(self) -> None:
        loop = reactor._asyncioEventloop
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.drain)
        self.ws_factory.protocol, self.http_factory.protocol = Socket, Line
        self.ws_factory.setProtocolOptions(closeHandshakeTimeout=2, failByDrop=False)
        loop.call_soon(self._on_start)

    def listen_error(self, failure: Any) -> None:
        self.failure = failure.getErrorMessage()
        super().listen_error(failure)

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if isinstance(protocol, Socket):
            if self._draining:
                raise RuntimeError("draining")
            scope["extensions"] = {"websocket.http.response": {}}
            scope["flowdesk.socket"] = protocol
        return super().create_application(protocol, scope)

    def protocol_disconnected(self, protocol: Any) -> None:
        """A refused socket disconnects twice: by the refusal, and by its line."""
        if protocol in self.connections:
            super().protocol_disconnected(protocol)

    def drain(self) -> None:
        """Say goodbye to everybody and stop once the last application instance is done, or at the deadline."""
        if self._draining:
            return
        self._draining = True
        logger.info("live: draining %d connections", len(self.connections))
        self._on_drain()
        for listening in self.listeners:
            listening.addCallback(lambda port: port.stopListening() if port is not None else None)
        for protocol in list(self.connections):
            if isinstance(protocol, Socket) and protocol.state == protocol.STATE_OPEN and protocol.on_writable is None:  # no session yet
                protocol.put(frames.control("shutdown"))
                protocol.finish(frames.Close.RESTART)
        self._stop_when_done(now_ms() + self._drain_ms)

    def _stop_when_done(self, deadline_ms: int) -> None:
        running = [found for details in self.connections.values() if (found := details.get("application_instance")) and not found.done()]
        if (running or self._is_busy()) and now_ms() < deadline_ms:
            reactor._asyncioEventloop.call_later(_LOOK_MS / 1000, self._stop_when_done, deadline_ms)
        else:
            self.stop()

    def kill_all_applications(self) -> Any:
        """Daphne's own stumbles over a connection whose application has already been reaped."""
        left = [found for details in self.connections.values() if (found := details.get("application_instance")) and not found.done()]
        for application in left:
            application.cancel()
        waiting = defer.Deferred.fromFuture(asyncio.gather(*left, return_exceptions=True)) if left else defer.succeed(None)
        waiting.addErrback(lambda _failure: None)
        return waiting
