"""One deadline over a whole HTTP exchange: looking up, connecting, TLS, headers and body.

httpx counts its time-outs from one byte to the next: a peer that drips its headers holds a call for as long as it likes. Here every wait
is for what is left of the call.
"""

import contextlib
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

_end: ContextVar[float] = ContextVar("end of this call")


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """All that a client of :func:`transport` does inside ends by then: with a time-out at the latest."""
    token = _end.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _end.reset(token)


def transport() -> httpx.HTTPTransport:
    """For a client whose calls are made :func:`within` a time. One for each process."""
    made = httpx.HTTPTransport(trust_env=False)
    made._pool = httpcore.ConnectionPool(ssl_context=httpx.create_ssl_context(trust_env=False), network_backend=_Network())
    return made


def _left(timeout: float | None, late: type[Exception]) -> float:
    left = _end.get() - time.monotonic()
    if left <= 0:
        raise late("the whole call took too long")
    return left if timeout is None else min(timeout, left)


class _Network(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self.plain = httpcore.SyncBackend()
        # getaddrinfo cannot be given a deadline: what does not come back in time is left behind.
        self.lookups = ThreadPoolExecutor(max_workers=4, thread_name_prefix="rail-lookup")

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception = httpcore.ConnectError(f"{host}: no address")
        for address in self._look_up(host, port):
            try:
                patience = _left(timeout, httpcore.ConnectTimeout)
                return _Stream(self.plain.connect_tcp(address, port, patience, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as no:
                failed = no
        raise failed

    def _look_up(self, host: str, port: int) -> list[str]:
        asked = self.lookups.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            return list(dict.fromkeys(str(found[4][0]) for found in asked.result(timeout=_left(None, httpcore.ConnectTimeout))))
        except Late:
            asked.cancel()
            raise httpcore.ConnectTimeout(f"{host}: no answer from the resolver") from None
        except OSError as no:
            raise httpcore.ConnectError(f"{host}: {no}") from None


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self.inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self.inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self.inner.start_tls(ssl_context, server_hostname, _left(timeout, httpcore.ConnectTimeout)))

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)
