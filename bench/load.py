"""The lean client, a process of its own: finished requests over keep-alive sockets, one selector loop, answers looked at by status only.

It reads a pickled `Job` from its standard input and writes a pickled `Outcome`.
"""

import pickle
import selectors
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

LIMIT_S = 300.0


@dataclass
class Job:
    """Requests to be sent to a port of this machine, each as the bytes of HTTP/1.1, over `connections` sockets."""

    port: int
    connections: int
    requests: Sequence[bytes]


@dataclass
class Outcome:
    """Seconds from the first byte sent to the last answer, answers by status, and how long each took (µs)."""

    elapsed_s: float
    statuses: dict[int, int]
    latencies_us: list[float]
    first_refusal: bytes


def main() -> None:
    job: Job = pickle.loads(sys.stdin.buffer.read())
    sys.stdout.buffer.write(pickle.dumps(send_all(job)))


def send_all(job: Job) -> Outcome:
    """Send every request; a connection sends its next one as soon as its last was answered."""
    waiting = iter(job.requests)
    loop = selectors.DefaultSelector()
    statuses: Counter[int] = Counter()
    latencies: list[float] = []
    refusal, open_ = b"", 0
    began = time.perf_counter()
    for _ in range(job.connections):
        if (first := next(waiting, None)) is None:
            break
        line = socket.create_connection(("127.0.0.1", job.port), timeout=30)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop.register(line, selectors.EVENT_READ, [time.perf_counter(), bytearray()])
        line.sendall(first)
        open_ += 1
    while open_:
        ready = loop.select(LIMIT_S)
        if not ready:
            raise TimeoutError("the server did not answer")
        for key, _ in ready:
            state = key.data
            assert isinstance(key.fileobj, socket.socket)
            line = key.fileobj
            got = line.recv(65536)
            if not got:
                raise ConnectionError("the server closed a connection")
            state[1] += got
            if (status := _whole(state[1])) is None:
                continue
            now = time.perf_counter()
            statuses[status] += 1
            latencies.append((now - state[0]) * 1e6)
            if status >= 400 and not refusal:
                refusal = bytes(state[1])
            following = next(waiting, None)
            if following is None:
                loop.unregister(line)
                line.close()
                open_ -= 1
                continue
            state[0], state[1] = time.perf_counter(), bytearray()
            line.sendall(following)
    return Outcome(time.perf_counter() - began, dict(statuses), latencies, refusal)


def _whole(answer: bytearray) -> int | None:
    """The status of an answer that is complete; None while bytes are missing."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = answer[:end].lower()
    at = head.find(b"content-length:")
    if at < 0:
        raise ValueError("an answer without Content-Length")
    length = int(head[at + 15 :].split(b"\r\n", 1)[0])
    return int(head[9:12]) if len(answer) >= end + 4 + length else None


def run(job: Job) -> Outcome:
    """:func:`send_all` in a process of its own, so that the caller's interpreter does not slow it."""
    words = [sys.executable, "-c", "from bench.load import main; main()"]
    done = subprocess.run(words, input=pickle.dumps(job), stdout=subprocess.PIPE, check=True)
    outcome: Outcome = pickle.loads(done.stdout)
    return outcome
