"""A connection before it is a socket: twisted's HTTP channel with bounds on what a peer may send, and answers that say what was wrong.

The live role reads no body, so none is taken: twisted would write one of any length to the disk before anybody asked who sends it.
"""

from http import HTTPStatus
from typing import Any

from daphne.http_protocol import WebRequest
from twisted.web import http

from . import frames

HEADERS_S = 5  # for the whole head of a request, however slowly its bytes come
LINGER_S = 2  # for the peer to read why it was refused


def refusal(status: int, code: str, detail: str) -> bytes:
    """A whole HTTP answer with a problem document, after which the line ends."""
    phrase = HTTPStatus(status).phrase
    body = frames.problem(status, code, phrase, detail)
    head = f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/problem+json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"cache-control: no-store\r\nconnection: close\r\n\r\n" + body


class Asked(WebRequest):  # type: ignore[misc]
    """Daphne's request, whose own refusals are problem documents."""

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        document = frames.problem(status, "invalid_handshake", status_text.decode(), body)
        headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(document)).encode())]
        self.handle_reply({"type": "http.response.start", "status": status, "headers": headers})
        self.handle_reply({"type": "http.response.body", "body": document})


class Line(http.HTTPChannel):  # type: ignore[misc]
    """One request a connection, of a head alone; anything else is refused, and nothing more of it is read."""

    _is_refused = False

    def connectionMade(self) -> None:  # noqa: N802
        super().connectionMade()
        self.requestFactory = Asked
        self._end = self.callLater(HEADERS_S, self._refuse, 408, "invalid_handshake", f"the request's head took more than {HEADERS_S} s")

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self._forget_end()
        super().connectionLost(reason)

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        if not self._is_refused:
            super().lineReceived(line)

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802
        if not self._is_refused:
            super().rawDataReceived(data)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802
        self._refuse(431, "invalid_handshake", "a line of the request's head is too long")

    def allHeadersReceived(self) -> None:  # noqa: N802
        if self.length != 0:
            self._refuse(413, "body_too_large", "the live role takes no body")
            return
        self._forget_end()
        super().allHeadersReceived()

    def checkPersistence(self, request: Any, version: bytes) -> bool:  # noqa: N802
        request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        return False

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802
        if self._receivedHeaderSize > self.totalHeadersSize or self._receivedHeaderCount > self.maxHeaders:
            self._refuse(431, "invalid_handshake", f"at most {self.maxHeaders} headers, of {self.totalHeadersSize} bytes together")
        else:
            self._refuse(400, "invalid_handshake", "not a request of HTTP/1.1")

    def _refuse(self, status: int, code: str, detail: str) -> None:
        """Answer, close our half, and let the peer read it: a line that is closed while data still comes is reset, the answer with it."""
        if self._is_refused:
            return
        self._is_refused = True
        self._forget_end()
        self.setTimeout(None)
        self._networkProducer.unregisterProducer()
        self.transport.write(refusal(status, code, detail))
        self.transport.loseWriteConnection()
        self._end = self.callLater(LINGER_S, self.transport.abortConnection)

    def _forget_end(self) -> None:
        if self._end.active():
            self._end.cancel()
