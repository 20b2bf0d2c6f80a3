"""One POST to a receiver that nobody here trusts: its name looked up once, connected to exactly that address, no redirect, little read,
everything within one deadline. Called outside every transaction.
"""

import contextlib
import functools
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from ipaddress import ip_address

import h11

from apps.notify.rules.addresses import Target, may_connect
from apps.notify.rules.outcome import Outcome
from apps.notify.rules.schedule import ANSWER_BYTES, DEADLINE_S

LOOKUP_S = 5
_CHUNK = 4096
_BODY_S = 1  # how long the beginning of an answer may take once its status is known
_HEADERS_MAX = 16_384
_ADDRESSES_MAX = 3
# getaddrinfo cannot be given a deadline: it runs beside us, and what does not come back in time is left behind.
_lookups = ThreadPoolExecutor(max_workers=16, thread_name_prefix="webhook-lookup")

Lookup = Callable[[str, int], Sequence[str]]


class _Failed(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def system_lookup(host: str, port: int) -> Sequence[str]:
    """Every address of a name, as the machine's resolver gives them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def post(
    target: Target,
    *,
    headers: Mapping[str, str],
    body: bytes,
    lookup: Lookup = system_lookup,
    may: Callable[[Target, Sequence[str]], bool] = may_connect,
    tls: ssl.SSLContext | None = None,
    deadline_s: int = DEADLINE_S,
) -> Outcome:
    """Send one message and tell what became of it; never raises for anything that the other side does.

    :param may: whether these addresses of the target may be connected to
    :param tls: default: the machine's authorities, TLS 1.2 and newer
    """
    began = time.monotonic()
    status, error, answer, retry_after = None, "", b"", 0
    try:
        addresses = _look_up(target, lookup)
        if not may(target, addresses):
            raise _Failed("address_not_allowed")
        with contextlib.closing(_Line(target, addresses, tls, began + deadline_s)) as line:
            status, retry_after, answer = line.exchange(headers, body)
        if 300 <= status < 400:
            error = "redirect"
        elif not 200 <= status < 300:
            error = "status"
    except _Failed as no:
        error = no.code
    took = int((time.monotonic() - began) * 1000)
    return Outcome(took_ms=took, status=status, error=error, answer=answer, retry_after_s=retry_after)


@functools.cache
def _system_tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _look_up(target: Target, lookup: Lookup) -> Sequence[str]:
    with contextlib.suppress(ValueError):  # an address needs no looking up; only loopback comes here (rules.addresses)
        ip_address(target.host)
        return [target.host]
    asked: Future[Sequence[str]] = _lookups.submit(lookup, target.host, target.port)
    try:
        return asked.result(timeout=LOOKUP_S)
    except Late:
        asked.cancel()
        raise _Failed("name_timeout") from None
    except (OSError, UnicodeError):
        raise _Failed("name_not_found") from None


class _Line:
    """A connection to one address of the target, by a deadline that counts from the beginning and not from the last byte."""

    def __init__(self, target: Target, addresses: Sequence[str], tls: ssl.SSLContext | None, end: float) -> None:
        self.target, self.end = target, end
        self.socket = self._connect(addresses)
        if target.scheme == "https":
            try:
                self._patience()
                self.socket = (tls or _system_tls()).wrap_socket(self.socket, server_hostname=target.host)
            except (TimeoutError, _Failed):
                self.close()
                raise _Failed("timeout") from None
            except (ssl.SSLError, OSError, ValueError):
                self.close()
                raise _Failed("tls_failed") from None

    def _connect(self, addresses: Sequence[str]) -> socket.socket:
        late = False
        for address in addresses[:_ADDRESSES_MAX]:
            try:
                # A literal address: nothing is looked up a second time.
                return socket.create_connection((str(ip_address(address)), self.target.port), timeout=self._left())
            except TimeoutError:
                late = True
            except OSError:
                continue
        raise _Failed("timeout" if late else "connect_failed")

    def _left(self) -> float:
        left = self.end - time.monotonic()
        if left <= 0:
            raise _Failed("timeout")
        return left

    def _patience(self) -> None:
        self.socket.settimeout(self._left())

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.close()

    def exchange(self, headers: Mapping[str, str], body: bytes) -> tuple[int, int, bytes]:
        """Status, Retry-After in seconds, and the beginning of the answer."""
        http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEADERS_MAX)
        own = {
            "Host": self.target.authority,
            "User-Agent": "Flowdesk-Webhooks/1",
            "Accept": "*/*",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        request = h11.Request(method="POST", target=self.target.path, headers=list({**own, **headers}.items()))
        try:
            self._send((http.send(request) or b"") + (http.send(h11.Data(data=body)) or b"") + (http.send(h11.EndOfMessage()) or b""))
            response = self._response(http)
            return response.status_code, _retry_after(response), self._beginning(http)
        except h11.RemoteProtocolError:
            raise _Failed("bad_answer") from None

    def _send(self, data: bytes) -> None:
        try:
            self._patience()
            self.socket.sendall(data)
        except TimeoutError:
            raise _Failed("timeout") from None
        except OSError:
            raise _Failed("connection_lost") from None

    def _receive(self) -> bytes:
        try:
            self._patience()
            return self.socket.recv(_CHUNK)
        except TimeoutError:
            raise _Failed("timeout") from None
        except OSError:
            raise _Failed("connection_lost") from None

    def _response(self, http: h11.Connection) -> h11.Response:
        read = 0
        while True:
            event = http.next_event()
            if isinstance(event, h11.Response):
                return event
            if event is h11.NEED_DATA:
                data = self._receive()
                read += len(data)
                if read > 2 * _HEADERS_MAX:  # a flood of interim answers
                    raise _Failed("bad_answer")
                http.receive_data(data)
            elif not isinstance(event, h11.InformationalResponse):
                raise _Failed("connection_lost")

    def _beginning(self, http: h11.Connection) -> bytes:
        """The first bytes of the body. The status decides; what is slow, broken or endless after it is just cut."""
        self.end = min(self.end, time.monotonic() + _BODY_S)
        out = b""
        with contextlib.suppress(_Failed, h11.RemoteProtocolError):
            while len(out) < ANSWER_BYTES:
                event = http.next_event()
                if isinstance(event, h11.Data):
                    out += bytes(event.data)
                elif event is h11.NEED_DATA:
                    http.receive_data(self._receive())
                else:
                    break
        return out[:ANSWER_BYTES]


def _retry_after(response: h11.Response) -> int:
    for name, value in response.headers:
        if name == b"retry-after" and value.isdigit() and len(value) < 8:
            return int(value)
    return 0
