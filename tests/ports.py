"""Ports for processes that bind them only later."""

import random
import socket
from contextlib import suppress

_given: set[int] = set()
OURS = range(12_000, 32_000)  # below those that the kernel gives to whoever asks for any, or calls out: nobody takes them meanwhile


def free_port() -> int:
    """A port of this machine's loopback that nobody listens on; each is given once."""
    for port in random.sample(OURS, 1_000):
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port
    raise AssertionError("no port is free")
