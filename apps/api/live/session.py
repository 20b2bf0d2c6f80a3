"""One socket's state: what it hears, what it asked, what it may still be sent, and when it has to go.

``pump`` is called whenever something may have become possible, sends what is possible, and remembers since when nothing is. A price
waits only as the latest of its pair, events in the table (delivery.py), answers in a short queue.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from apps.api import problems
from apps.api.jsonbody import InvalidBody
from apps.core import ids

from . import commands, frames, messages
from .frames import Close
from .messages import MESSAGES, Said, Unreadable
from .peer import Peer
from .protocol import Socket, now_ms
from .streams import Gap
from .subscriptions import Subscriptions

if TYPE_CHECKING:
    from .hub import Hub

logger = logging.getLogger(__name__)


class Session:
    """Lives from the handshake to the last frame; used on the event loop only."""

    def __init__(self, hub: "Hub", socket: Socket, peer: Peer) -> None:
        self.hub, self.socket, self.peer = hub, socket, peer
        self.heard = Subscriptions(self, hub)
        self._waiting: dict[str, Any] = {}  # latest frame of each conflated channel
        self._replies: deque[bytes] = deque()
        self._commands: set[asyncio.Task[None]] = set()
        self._retiring = False
        self._cancels = False
        self._asked: OrderedDict[UUID, int] = OrderedDict()  # requests sent over this socket that may be open: since when
        self._stalled_ms: int | None = None
        self.opened_ms = self._beaten_ms = now_ms()
        socket.on_writable = self.pump

    # --- out ----------------------------------------------------------------------------------------------------------
    def pump(self) -> None:
        """Send what may be sent now."""
        while self._replies and self.socket.writable:
            self.socket.put(self._replies.popleft())
        delivery = self.heard.delivery
        try:
            blocked = delivery.pump() if delivery is not None else False
        except Gap:
            logger.exception("live: a hole in the event table")
            self.socket.finish(Close.INTERNAL)
            return
        if blocked and delivery is not None and delivery.moved:
            self._stalled_ms, delivery.moved = None, False  # it moves, however slowly
        while self._waiting and self.socket.writable:
            ch = next(iter(self._waiting))
            self.socket.put_shared(self._waiting.pop(ch))
        if not (blocked or self._waiting or self._replies):
            self._stalled_ms = None
        elif self._stalled_ms is None:
            self._stalled_ms = now_ms()

    def offer(self, ch: str, prepared: Any, conflated: Any = None) -> None:
        """A frame of a channel that may skip: sent now, or kept as the latest (or as ``conflated``) until it can be."""
        if self.socket.writable and not self._waiting:
            self.socket.put_shared(prepared)
        else:
            self._waiting[ch] = conflated if conflated is not None else prepared
            if self._stalled_ms is None:
                self._stalled_ms = now_ms()

    def forget(self, ch: str) -> None:
        """Nothing of this channel waits any more."""
        self._waiting.pop(ch, None)

    def reply(self, frame: bytes) -> None:
        """Something said to this peer alone: now, or when it reads again."""
        if self.socket.writable and not self._replies:
            self.socket.put(frame)
        elif len(self._replies) >= frames.REPLIES:
            self.socket.finish(Close.TOO_SLOW)
        else:
            self._replies.append(frame)
            if self._stalled_ms is None:
                self._stalled_ms = now_ms()

    def tick(self, now: int) -> None:
        """Once a second: the reasons to end, then the heartbeat, then whatever a lost wake-up left behind."""
        while self._asked and now - next(iter(self._asked.values())) > frames.REMEMBERED_MS:
            self._asked.popitem(last=False)
        if now - self.socket.heard_ms > frames.SILENCE_MS:
            self.socket.cut()
        elif self._stalled_ms is not None and now - self._stalled_ms > frames.STALL_MS:
            logger.info("live: %s reads too slowly", self.name)
            self.socket.finish(Close.TOO_SLOW)
        elif now - self.opened_ms > frames.SESSION_MS:
            self.socket.finish(Close.OVER)
        elif not self.heard.names and not self._asked and now - self.opened_ms > frames.UNUSED_MS:
            self.socket.finish(Close.UNUSED)
        else:
            if now - self._beaten_ms >= frames.HEARTBEAT_MS and self.socket.writable:
                self._beaten_ms = now
                self.socket.put(
                    frames.control("heartbeat", ts=frames.now(), tops={ch: self.heard.top(ch) for ch in sorted(self.heard.names)})
                )
                self.socket.sendPing()
            self.pump()

    @property
    def name(self) -> str:
        return self.peer.seat_name

    # --- in -----------------------------------------------------------------------------------------------------------
    async def take(self, text: str) -> None:
        """Do what a message asks; one that is not of this protocol is named and ends the session."""
        try:
            said = messages.read(text)
        except Unreadable as no:
            self._refuse(no)
            return
        if said.op != "ack" and frames.is_like_ack(text.encode()) and not self.socket.may_speak():
            self.socket.finish(Close.TOO_MANY)
            return
        found = said.members
        match said.op:
            case "sub":
                await self.heard.subscribe(found["ch"], found["after_seq"], found["sizes"], found["snapshot"])
            case "unsub":
                self.heard.unsubscribe(found["ch"])
            case "ack":
                self._acknowledge(found["seq"])
            case "ping":
                self.reply(frames.control("pong", ts=frames.now()))
            case "options":
                self._cancels = found["cancel_on_disconnect"]
                self.reply(frames.control("options", cancel_on_disconnect=self._cancels))
            case "reauth":
                await self._renew(found["signature_input"], found["signature"])
            case _:
                self._command(said)

    def _refuse(self, no: Unreadable) -> None:
        """A command that can be answered is answered as REST would; all else is an error, and the end where its form was wrong."""
        if not no.ends and no.id and MESSAGES[no.op].command is not None:
            problem = problems.of_exception(InvalidBody(no.errors))
            self.reply(frames.control("answer", to=no.op, id=no.id, status=400, replayed=False, request_id="", body=problem))
            return
        errors = [e.as_dict() for e in no.errors[:20]]
        more = {"id": no.id} if no.id else {}
        self.reply(frames.error(no.code, str(no)[:1000], errors=errors, **more))
        if no.ends:
            self.socket.finish(Close.MALFORMED)

    def _acknowledge(self, seq: int) -> None:
        delivery = self.heard.delivery
        freed = delivery.acknowledge(seq) if delivery is not None else None
        if freed is None:
            self.reply(frames.error("not_sent", f"event {seq} was never sent on this socket", ch="events"))
            self.socket.finish(Close.CONFLICT)
            return
        if freed[0] < frames.ACK_EVENTS and freed[1] < frames.ACK_EVENT_BYTES and not self.socket.may_speak():
            self.socket.finish(Close.TOO_MANY)
            return
        self._stalled_ms = None
        self.pump()

    async def _renew(self, signature_input: str, signature: str) -> None:
        if await self.hub.prove_again(self.peer, signature_input, signature):
            self.opened_ms = now_ms()
            self.reply(frames.control("reauthenticated", expires_at=frames.later(frames.SESSION_MS)))
        else:
            self.reply(frames.error("invalid_signature", "not the handshake's request line, signed anew by the same key"))

    # --- commands -----------------------------------------------------------------------------------------------------
    def _command(self, said: Said) -> None:
        if self.peer.client_id is None:
            self.reply(frames.error("forbidden", "commands are for keys of clients", id=said.members["id"]))
        elif self._retiring or len(self._commands) >= frames.COMMANDS:
            why = "this server is going" if self._retiring else f"at most {frames.COMMANDS} commands at once"
            problem = problems.document(503, "busy", "Busy, try again", f"{why}: nothing was done", retry="safe")
            id = said.members["id"]
            self.reply(frames.control("answer", to=said.op, id=id, status=503, replayed=False, request_id="", retry_after=1, body=problem))
        else:
            task = asyncio.ensure_future(self._run(said))
            self._commands.add(task)
            task.add_done_callback(self._commands.discard)

    async def _run(self, said: Said) -> None:
        try:
            answered = await commands.run(self.peer, said)
        except Exception:  # views answer for themselves: this is ours
            logger.exception("live: %s: %s", self.name, said.op)
            self.socket.finish(Close.INTERNAL)
            return
        if answered.status_code == 201 and said.op == "rfq":
            self._asked[ids.decode("rfq", orjson.loads(answered.content)["id"])] = now_ms()
        self.reply(commands.answer(said, answered))
        if self._retiring and len(self._commands) <= 1:
            self.socket.finish(Close.RESTART)

    # --- the end ------------------------------------------------------------------------------------------------------
    def retire(self) -> None:
        """The server goes: say so, answer what is under way, and close."""
        self._retiring = True
        self.socket.put(frames.control("shutdown"))
        if not self._commands:
            self.socket.finish(Close.RESTART)

    def end(self) -> None:
        """The line is gone: nothing of this session stays behind but what it has under way."""
        self.socket.on_writable = None
        self.heard.end()
        self._replies.clear()
        self._waiting.clear()
        self.hub.finish_later(self._take_back())

    async def _take_back(self) -> None:
        if self._commands:
            await asyncio.wait(self._commands)
        if self._cancels and self._asked and self.peer.actor is not None:
            await commands.cancel_open(self.peer.actor, list(self._asked))
