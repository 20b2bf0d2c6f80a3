"""One connection: daphne's protocol with a brake, honest refusals and close codes that reach the peer."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from daphne.ws_protocol import WebSocketProtocol

from . import frames
from .line import refusal


def now_ms() -> int:
    """A clock for intervals: milliseconds that never go back."""
    return time.monotonic_ns() // 1_000_000


class Socket(WebSocketProtocol):  # type: ignore[misc]
    """Registered as its transport's producer, so that it knows when the peer does not read (daphne itself buffers without bound)."""

    writable = True
    heard_ms = 0
    on_writable: Callable[[], None] | None = None
    _denial: dict[str, Any] | None = None

    def onConnect(self, request: Any) -> Any:  # noqa: N802
        self._tokens_ms, self._tokens_at = frames.BURST * 1000 // frames.PER_SECOND, now_ms()
        return super().onConnect(request)

    def onOpen(self) -> None:  # noqa: N802
        self.heard_ms = now_ms()
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)
        super().onOpen()

    # --- the brake ----------------------------------------------------------------------------------------------------
    def pauseProducing(self) -> None:  # noqa: N802
        self.writable = False

    def resumeProducing(self) -> None:  # noqa: N802
        self.writable = True
        if self.on_writable is not None:
            self.on_writable()

    def stopProducing(self) -> None:  # noqa: N802
        self.on_writable = None  # the connection is lost: nobody is woken for it

    # --- what the peer sends ------------------------------------------------------------------------------------------
    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        self.heard_ms = now_ms()
        super().dataReceived(data)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803
        if self.state != self.STATE_OPEN:
            return  # we are closing: what still arrives is not queued
        if not frames.is_like_ack(payload) and not self.may_speak():
            self.finish(frames.Close.TOO_MANY)
        elif isBinary:
            self.put(frames.error("binary_not_allowed", "messages are text"))
            self.finish(frames.Close.MALFORMED)
        else:
            super().onMessage(payload, isBinary)

    def onPing(self, payload: bytes) -> None:  # noqa: N802
        """A message like any other, and answered only where the peer reads: what nobody reads would wait here without a bound."""
        if self.state != self.STATE_OPEN:
            return
        if not self.may_speak():
            self.finish(frames.Close.TOO_MANY)
        elif self.writable:
            super().onPing(payload)

    def onPong(self, payload: bytes) -> None:  # noqa: N802
        if self.state == self.STATE_OPEN and not self.may_speak():
            self.finish(frames.Close.TOO_MANY)

    def onMessageBegin(self, isBinary: bool) -> None:  # noqa: N802, N803
        self._fragments = 0
        super().onMessageBegin(isBinary)

    def onMessageFrameBegin(self, length: int) -> None:  # noqa: N802
        super().onMessageFrameBegin(length)
        self._fragments += 1
        if self._fragments > frames.FRAGMENTS and not self.failedByMe:  # empty ones would never reach a message's size
            self._max_message_size_exceeded(0, 0, "")

    def may_speak(self) -> bool:
        """A token bucket kept as time: each message costs 100 ms of it, at most 2 s are saved up. Who reads fast acknowledges often: an
        acknowledgement of 64 events or 64 KiB is free, and what only looks like one is counted once it is read (session.py)."""
        now, cost = now_ms(), 1000 // frames.PER_SECOND
        self._tokens_ms = min(frames.BURST * cost, self._tokens_ms + now - self._tokens_at)
        self._tokens_at = now
        if self._tokens_ms < cost:
            return False
        self._tokens_ms -= cost
        return True

    def _max_message_size_exceeded(self, msg_size: int, max_msg_size: int, reason: str) -> None:
        self.failedByMe = True  # autobahn drops the rest of the message
        self.finish(frames.Close.TOO_LARGE)

    # --- what we send -------------------------------------------------------------------------------------------------
    def put(self, payload: bytes) -> None:
        """Send one text frame; what is sent to a closing socket is lost, as it must be."""
        if self.state == self.STATE_OPEN:
            self.sendMessage(payload, False)

    def put_shared(self, prepared: Any) -> None:
        """Send a frame that was built once for many sockets.

        Where nothing waits before it, it goes to the kernel at once: through the reactor it would cost two more system calls each.
        """
        if self.state != self.STATE_OPEN:
            return
        transport, frame = self.transport, prepared.payloadHybi
        if not (transport.dataBuffer or transport._tempDataBuffer or transport.disconnecting):
            try:
                sent = transport.socket.send(frame)
            except OSError:  # full, or gone: the transport finds out which
                sent = 0
            if sent == len(frame):
                return
            frame = frame[sent:]
        transport.write(frame)

    def finish(self, code: int) -> None:
        """Close with a code. Autobahn's own close refuses 1012 and 1013; when no answer comes it drops the line by itself."""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=int(code))

    def cut(self) -> None:
        """Drop the line and what waits on it: for a peer that is gone."""
        self.wasNotCleanReason = "silent"
        self.dropConnection(abort=True)

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802
        self.finish(code or 1000)

    # --- refusals before the handshake --------------------------------------------------------------------------------
    def handle_reply(self, message: dict[str, Any]) -> None:
        """Daphne knows only 403; the ASGI extension ``websocket.http.response`` says more."""
        if message["type"] == "websocket.http.response.start":
            self._denial = message
        elif message["type"] == "websocket.http.response.body":
            self._deny(self._denial or {"status": 403}, message.get("body", b""))
        else:
            super().handle_reply(message)

    def _deny(self, start: dict[str, Any], body: bytes) -> None:
        if self.state != self.STATE_CONNECTING or not hasattr(self, "handshake_deferred"):
            return
        del self.handshake_deferred
        status = int(start["status"])
        headers = [(b"content-length", str(len(body)).encode()), (b"connection", b"close"), *start.get("headers", [])]
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()
        self.sendData(head + b"".join(name + b": " + value + b"\r\n" for name, value in headers) + b"\r\n" + body)
        self.wasNotCleanReason = "refused"
        self.server.protocol_disconnected(self)
        self.dropConnection(abort=False)

    def sendHttpErrorResponse(self, code: int, reason: str, responseHeaders: Any = None) -> None:  # noqa: N802, N803
        """What autobahn refuses by itself (no Upgrade, a malformed Origin …): our kind of body, and nothing of the request in it."""
        self.sendData(refusal(code, "invalid_handshake", "not a WebSocket handshake that is served here"))

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: N802, N803
        if hasattr(self, "server"):  # else it was refused before daphne knew of it
            super().onClose(wasClean, code, reason)

    def check_timeouts(self) -> None:
        """Only the handshake is timed here; open sockets are looked after by the hub."""
        if self.state == self.STATE_CONNECTING and self.duration() > self.server.websocket_connect_timeout:
            body = frames.problem(503, "busy", "Busy, try again", "the handshake could not be answered in time: nothing was done", "safe")
            self._deny({"status": 503, "headers": [(b"content-type", b"application/problem+json"), (b"retry-after", b"1")]}, body)
