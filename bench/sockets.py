"""Many WebSockets of one process, read as cheaply as can be: both servers of a benchmark are held against the same reader."""

import asyncio
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from flowdesk_client.keys import Key
from flowdesk_client.signing import sign

from bench import desk
from bench.live import PATH

KEYS_A_CLIENT, SOCKETS_A_KEY = 2, 10


def keys_of(dealers: Sequence[desk.Dealer], sockets: int) -> list[Key]:
    """Enough keys for so many sockets, in turn."""
    keys = [key for dealer in dealers for key in (dealer.key, *(desk.another_key(dealer) for _ in range(KEYS_A_CLIENT - 1)))]
    assert len(keys) * SOCKETS_A_KEY >= sockets, "too few keys"
    return [keys[number % len(keys)] for number in range(sockets)]


def upgrade(port: int, path: str, key: Key | None) -> bytes:
    """The handshake, signed where there is a key."""
    host = f"127.0.0.1:{port}"
    headers = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    headers |= {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol": "otc.v1.json"}
    headers |= sign(key, method="GET", host=host, path=path) if key is not None else {}
    return f"GET {path} HTTP/1.1\r\n".encode() + b"".join(f"{name}: {value}\r\n".encode() for name, value in headers.items()) + b"\r\n"


def text_frame(text: bytes) -> bytes:
    """What a client says, masked as the protocol wants it."""
    mask = os.urandom(4)
    size = bytes([0x80 | len(text)]) if len(text) < 126 else bytes([0x80 | 126]) + struct.pack("!H", len(text))
    return b"\x81" + size + mask + bytes(byte ^ mask[at & 3] for at, byte in enumerate(text))


@dataclass
class Reader(asyncio.Protocol):
    """One socket: says `first` when it is open, then counts text frames."""

    hello: bytes
    first: Sequence[bytes]
    on_frame: Callable[["Reader", bytes], None] | None = None
    frames: int = 0
    opened: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    _left: bytes = b""
    _is_open: bool = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.hello)

    def data_received(self, data: bytes) -> None:
        data = self._left + data if self._left else data
        if not self._is_open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._left = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.opened.set_exception(ConnectionError(head.decode(errors="replace") + data.decode(errors="replace")))
                return
            self._is_open = True
            self.transport.writelines([text_frame(one) for one in self.first])
            self.opened.set_result(None)
        at, size = 0, len(data)
        while size - at >= 2:
            length, begins = data[at + 1], at + 2
            if length == 126:
                if size - at < 4:
                    break
                length, begins = data[at + 2] << 8 | data[at + 3], at + 4
            if begins + length > size:
                break
            kind = data[at]
            if kind == 0x81:
                self.frames += 1
                if self.on_frame is not None:
                    self.on_frame(self, data[begins : begins + length])
            elif kind == 0x89:
                self.transport.write(b"\x8a\x80" + os.urandom(4))
            at = begins + length
        self._left = data[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("closed"))


async def open_all(
    port: int, keys: Sequence[Key | None], first: Sequence[bytes], on_frame: Callable[[Reader, bytes], None] | None = None
) -> list[Reader]:
    """So many sockets, all open."""
    loop = asyncio.get_running_loop()
    made: list[Reader] = []
    for key in keys:
        _, reader = await loop.create_connection(lambda key=key: Reader(upgrade(port, PATH, key), first, on_frame), "127.0.0.1", port)  # type: ignore[misc]
        await reader.opened
        made.append(reader)
    return made
