"""The web role's seats: how many requests are answered at once, and what each has to bring before it takes one.

A connection costs granian a thread at most (`roles.WEB_CONNECTIONS`) and the platform nothing. A request takes a seat, with the right to a
database connection, once its whole body has come; so who sends a body slowly or never, or keeps a connection open and says nothing, holds
up nobody, as long as those are fewer than WEB_CONNECTIONS a process: granian gives no body an end, the proxy before it does.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.http import HttpResponse

from apps.api import problems
from apps.api.jsonbody import MAX_BYTES
from apps.core import valkey
from apps.core.errors import Busy

WAIT_S = 5  # for a seat, as for a database connection
UPLOAD_BYTES = 8 * 1024 * 1024  # a file that our own people send
_PIECE = 64 * 1024

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


class Seats:
    """Round a WSGI application.

    :param seats: requests answered at once; more of them wait for WAIT_S and are then told that we are busy
    """

    def __init__(self, application: Application, seats: int) -> None:
        self.application, self._free = application, threading.Semaphore(seats)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH", "")
        if length not in {"", "0"}:
            environ["wsgi.input"] = _whole(environ["wsgi.input"], length, environ["PATH_INFO"])
        if not self._free.acquire(timeout=WAIT_S):
            return _say(problems.respond(problems.of_error(Busy("too many requests at once: nothing was done"))), start_response)
        try:
            with valkey.held() as shouts:
                answer = self.application(environ, start_response)
        finally:
            self._free.release()
        return _ThenShout(answer, shouts) if shouts else answer


class _ThenShout:
    """An answer, and what is said to Valkey once it has gone: a nudge, which may be lost, is nothing to keep the answer back for."""

    def __init__(self, answer: Any, shouts: list[valkey.Command]) -> None:
        self._answer, self._shouts = answer, shouts

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer)

    def close(self) -> None:
        try:
            self._answer.close()
        finally:
            valkey.shout(self._shouts)


def _whole(line: Any, length: str, path: str) -> IO[bytes]:
    """A body that has come, or an empty one where nobody will read it: its length is no number, or more than is taken."""
    size = int(length) if length.isascii() and length.isdecimal() and len(length) < 12 else UPLOAD_BYTES + 1
    if size <= MAX_BYTES:
        return BytesIO(line.read(size))
    if size > UPLOAD_BYTES or path.startswith("/api/"):
        return BytesIO()
    kept = SpooledTemporaryFile(max_size=_PIECE)  # noqa: SIM115 the request reads it, and its end closes it
    while size > 0 and (piece := line.read(min(size, _PIECE))):
        kept.write(piece)
        size -= len(piece)
    kept.seek(0)
    return kept


def _say(answer: HttpResponse, start_response: StartResponse) -> Iterable[bytes]:
    headers = [*answer.items(), ("Content-Length", str(len(answer.content)))]
    start_response(f"{answer.status_code} {answer.reason_phrase}", headers)
    return [answer.content]
