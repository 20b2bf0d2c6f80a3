"""Deals over one socket, from threads: each command is the REST request of the same name, with the same models, keys and retries."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any, Self, TypeVar, cast

import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from .dealing import KEPT, Conversation, refused_handshake, require_not_ours
from .errors import FlowdeskError, LiveClosed, Refused
from .following import Frame
from .keys import Key
from .resources import OrdersResource, QuotesResource, RfqsResource
from .rest import Api
from .wire import Number, decode

T = TypeVar("T")
TICK_S = 1.0


class LiveClient:
    """``rfq``, ``accept``, ``decline``, ``counter``, ``cancel`` and ``order`` over a socket, as `Client`'s methods of REST; thread-safe.

    A socket is opened by the first command, and a new one when it is lost: what had no answer is sent again with its idempotency key.
    What was asked and is open when a socket ends is cancelled where ``cancel_on_disconnect`` says so, also when it is lost by accident.

    :param url: scheme, host and port of the live server, such as ``ws://localhost:8001``
    :param attempts: how often one command is sent at most
    :param timeout_s: how long one attempt waits for its answer
    :param max_wait_s: a refusal that asks to wait longer than this is raised at once
    """

    def __init__(
        self,
        url: str,
        key: Key,
        *,
        attempts: int = 5,
        timeout_s: float = 10.0,
        max_wait_s: float = 30.0,
        cancel_on_disconnect: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._talk = Conversation(url, key, cancel_on_disconnect=cancel_on_disconnect, max_wait_s=max_wait_s)
        self._attempts, self._timeout_s, self._sleep = attempts, timeout_s, sleep
        self._lock = threading.Lock()
        self._connection: ClientConnection | None = None
        self._answers: dict[str, Future[httpx.Response]] = {}
        self._heard: dict[str, queue.Queue[Frame | Exception]] = {}
        self._closed = False
        self.reconnects = 0
        door = cast(Api, self)  # the resources ask nothing else of it than `ask`
        rfqs, quotes = RfqsResource(door), QuotesResource(door)
        self.rfq, self.cancel, self.order = rfqs.create, rfqs.cancel, OrdersResource(door).create
        self.accept, self.decline, self.counter = quotes.accept, quotes.decline, quotes.counter

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the socket; whoever waits is told."""
        self._closed = True
        with self._lock:
            connection = self._connection
        if connection is not None:
            connection.close()

    def ask(
        self,
        method: str,
        path: str,
        hint: type[T],
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str = "",
    ) -> T:
        """Send one command until it is answered for good.

        :raises Refused: the server's last word
        :raises Unreachable: no answer in all attempts; ``idempotency_key`` is good over REST too
        :raises LiveClosed: the server did not understand us
        """
        call, id, message = self._talk.command(method, path, body, idempotency_key)
        for attempt in range(self._attempts):
            if attempt:
                self._sleep(call.pause_s(attempt))
            try:
                answer = self._send(id, self._talk.text_of(call, message))
            except ConnectionClosed as lost:
                if lost.rcvd:
                    require_not_ours(lost.rcvd.code, lost.rcvd.reason)
                call.lost(httpx.ReadError(f"the socket was closed: {lost}"))
                continue
            except InvalidStatus as no:
                answer = refused_handshake(no.response.status_code, no.response.headers, no.response.body)
            except (OSError, TimeoutError, InvalidHandshake) as lost:
                call.lost(httpx.ConnectError(repr(lost)))
                continue
            if call.is_answered(answer):
                return cast(T, decode(hint, call.result))
        raise call.gave_up()

    def hear(self, ch: str, *, sizes: tuple[Number, ...] = (), timeout_s: float | None = None) -> Iterator[Frame]:
        """The frames of ``prices.{pair}`` (with ``sizes``: a ladder) or ``rfq.{id}``, the newest thousand that nobody has taken yet.

        It is heard from this call on and goes on over lost sockets; after one, ``rfq.{id}`` begins with how the request stands.

        :param timeout_s: leave the iteration after so long without a frame
        :raises LiveClosed: no such channel, or not for this key
        """
        connection = self._connect()
        heard = self._heard.setdefault(ch, queue.Queue())
        if ch not in self._talk.subscriptions:
            with contextlib.suppress(ConnectionClosed):  # the next socket says it anew
                connection.send(self._talk.subscribe(ch, sizes))
        return self._frames(heard, timeout_s)

    def _frames(self, heard: "queue.Queue[Frame | Exception]", timeout_s: float | None) -> Iterator[Frame]:
        while True:
            try:
                one = heard.get(timeout=timeout_s)
            except queue.Empty:
                return
            if isinstance(one, Exception):
                raise one
            yield one

    def _send(self, id: str, text: str) -> httpx.Response:
        connection, waiting = self._connect(), Future[httpx.Response]()
        self._answers[id] = waiting
        try:
            connection.send(text)
            return waiting.result(self._timeout_s)
        finally:
            self._answers.pop(id, None)

    def _connect(self) -> ClientConnection:
        with self._lock:
            if self._closed:
                raise LiveClosed(1000, "this client is closed")
            if self._connection is None:
                connection = connect(self._talk.url, **self._talk.connecting()).__enter__()
                for text in self._talk.greetings():
                    connection.send(text)
                self._connection = connection
                threading.Thread(target=self._read, args=(connection,), daemon=True, name="flowdesk-socket").start()
            return self._connection

    def _read(self, connection: ClientConnection) -> None:
        """Hand on what is heard until the socket ends; where somebody hears a channel, open the next one."""
        ended: Exception = ConnectionError("the socket was closed")
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    self._hand_on(self._talk.take(connection.recv(timeout=TICK_S)))
                for text in self._talk.due():
                    connection.send(text)
        except (ConnectionClosed, OSError, FlowdeskError) as lost:
            ended = lost
        connection.close()
        with self._lock:
            self._connection = None
        for waiting in list(self._answers.values()):
            if not waiting.done():
                waiting.set_exception(ended)
        self._go_on(ended)

    def _hand_on(self, told: tuple[str, Any] | None) -> None:
        if told is None:
            return
        name, what = told
        if (waiting := self._answers.get(name)) is not None:
            if not waiting.done():  # told twice: the first counts
                waiting.set_exception(what) if isinstance(what, Exception) else waiting.set_result(what)
        elif name in self._heard:
            heard = self._heard[name]
            if isinstance(what, Exception):
                del self._heard[name]
                self._talk.subscriptions.pop(name, None)
            elif heard.qsize() >= KEPT:
                with contextlib.suppress(queue.Empty):
                    heard.get_nowait()
            heard.put(what)

    def _go_on(self, ended: Exception) -> None:
        refused: Exception = LiveClosed(1000, "this client is closed")
        while self._heard and not self._closed:
            try:
                if isinstance(ended, ConnectionClosed) and ended.rcvd:
                    require_not_ours(ended.rcvd.code, ended.rcvd.reason)
                time.sleep(self._talk.pause_s())
                self.reconnects += 1
                self._connect()
                return
            except InvalidStatus as no:
                if no.response.status_code >= 500 or no.response.status_code == 429:
                    continue
                refused = Refused(no.response.status_code, {"detail": "the handshake was refused"})
            except LiveClosed as no:
                refused = no
            except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed) as lost:
                ended = lost
                continue
            break
        for heard in self._heard.values():
            heard.put(refused)
