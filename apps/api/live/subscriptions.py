"""What one socket hears: its channels, where each begins, and how each is let go."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
import psycopg
from django.db import DatabaseError

from . import commands, frames, snapshot
from .delivery import Delivery
from .frames import Close
from .streams import Stream

if TYPE_CHECKING:
    from .hub import Hub
    from .session import Session


class Subscriptions:
    """Of one session; used on the event loop only. ``delivery`` is there while `events` is heard."""

    def __init__(self, session: "Session", hub: "Hub") -> None:
        self._session, self._hub = session, hub
        self.names: set[str] = set()
        self.delivery: Delivery | None = None
        self._watched: dict[str, Stream] = {}

    def top(self, ch: str) -> int:
        """The last number of a channel, as a heartbeat tells it."""
        return self.delivery.stream.top if ch == "events" and self.delivery is not None else self._hub.seq(ch)

    def end(self) -> None:
        """Hear nothing more."""
        for ch in list(self.names):
            self._drop(ch)
        self._leave_events()

    async def subscribe(self, ch: object, after_seq: object, sizes: Any, whole: bool | None) -> None:
        refusal = None
        if not isinstance(ch, str) or frames.CHANNEL.fullmatch(ch) is None:
            refusal = ("unknown_channel", "one of events, prices.{pair}, rfq.{id}, status")
        elif not self._session.peer.may_hear(ch):
            refusal = ("forbidden", "not a channel of this connection")
        elif ch in self.names:
            refusal = ("already_subscribed", "unsubscribe first")
        elif len(self.names) >= frames.CHANNELS:
            refusal = ("too_many_channels", f"at most {frames.CHANNELS}")
        elif after_seq is not None and (ch != "events" or type(after_seq) is not int or not 0 <= after_seq < 2**62):
            refusal = ("invalid_after_seq", "a whole number from 0, on events only")
        elif sizes is not None and not ch.startswith("prices."):
            refusal = ("invalid_sizes", "on prices only")
        elif whole is not None and (ch != "events" or after_seq is not None):
            refusal = ("invalid_snapshot", "on events only, in place of after_seq")
        if refusal is not None:
            self._session.reply(frames.error(*refusal, **({"ch": ch} if isinstance(ch, str) else {})))
        elif ch == "events":
            await self._subscribe_events(after_seq, whole=bool(whole))  # type: ignore[arg-type]
        elif str(ch).startswith("rfq."):
            await self._watch(str(ch))
        else:
            assert isinstance(ch, str)
            await self._hear(ch, sizes or ())

    async def _hear(self, ch: str, sizes: tuple[Decimal, ...]) -> None:
        self.names.add(ch)
        try:
            if ch == "desk":
                await self._hub.house.begin()
            elif ch != "status" and not await self._hub.prices.is_pair(ch):
                self._drop(ch)
                self._session.reply(frames.error("unknown_channel", "no such instrument", ch=ch))
                return
            if ch not in self.names:
                return  # it was let go while it was looked for
            self._session.reply(frames.control("subscribed", ch=ch, last_seq=self._hub.seq(ch)))
            if ch == "desk":
                self._hub.join(ch, self._session)
            elif ch == "status":
                await self._hub.status.join(self._session)
            else:
                self._hub.prices.join(ch, self._session, sizes)
        except (psycopg.Error, OSError):
            self._session.socket.finish(Close.TRY_LATER)

    async def _subscribe_events(self, after_seq: int | None, *, whole: bool) -> None:
        """Where the stream begins: after what the peer has, at now, or at a snapshot of all that is open."""
        assert self._session.peer.client_id is not None
        assert self._session.peer.actor is not None
        client_id = self._session.peer.client_id
        taken = None
        try:
            stream = await self._hub.open_stream(client_id)
            self.delivery = delivery = Delivery(self._session, stream)
            stream.readers.add(delivery)
            if after_seq is not None and after_seq > stream.top:
                await self._hub.catch_up(client_id)
            start = stream.top if after_seq is None else after_seq
            recovered = start == stream.top or (start < stream.top and not await self._hub.reader.is_too_old(client_id, start))
            if whole or not recovered:
                taken = await snapshot.take(self._session.peer.actor)
                start = taken.seq
                if start > stream.top:
                    await self._hub.catch_up(client_id)
        except (psycopg.Error, DatabaseError, OSError):
            self._leave_events()
            self._session.socket.finish(Close.TRY_LATER)
            return
        if self.delivery is not delivery:
            return  # it was closed while the database was asked
        self.names.add("events")
        self._session.reply(frames.control("subscribed", ch="events", recovered=recovered, after_seq=start, last_seq=stream.top))
        delivery.begin(start, taken.frames if taken is not None else ())
        self._session.pump()

    async def _watch(self, ch: str) -> None:
        """A request's own channel: how it stands, then each of its events. Its numbers are those of `events`."""
        assert self._session.peer.client_id is not None
        rfq_id = ch.removeprefix("rfq.")
        self.names.add(ch)  # before anything is awaited: the same asked twice is asked once
        try:
            stream = await self._hub.open_stream(self._session.peer.client_id)
            stream.watchers[self._session] = stream.watchers.get(self._session, 0) + 1
            self._watched[ch] = stream
            await self._hub.catch_up(self._session.peer.client_id)
        except (psycopg.Error, OSError):
            self._drop(ch)
            self._session.socket.finish(Close.TRY_LATER)
            return
        seq = stream.top
        shown = await commands.read_rfq(self._session.peer, rfq_id)
        if ch not in self.names:
            return
        if shown.status_code != 200:
            self._drop(ch)
            problem = orjson.loads(shown.content)
            self._session.reply(frames.error(problem["code"], problem["detail"], ch=ch))
            return
        self._hub.note_seq(ch, seq)
        self._session.reply(frames.control("subscribed", ch=ch, last_seq=seq))
        state = frames.envelope(ch=ch, seq=seq, ts=frames.now(), kind="rfq.state", id=rfq_id, data=shown.content.decode())
        self._session.offer(ch, self._hub.prepare(state))
        self._hub.join(ch, self._session)

    def unsubscribe(self, ch: object) -> None:
        if not isinstance(ch, str) or ch not in self.names:
            self._session.reply(frames.error("not_subscribed", "no such subscription", **({"ch": ch} if isinstance(ch, str) else {})))
            return
        self._drop(ch)
        self._session.reply(frames.control("unsubscribed", ch=ch))

    def _drop(self, ch: str) -> None:
        self.names.discard(ch)
        self._session.forget(ch)
        if ch == "events":
            self._leave_events()
        stream = self._watched.pop(ch, None)
        if stream is not None:
            self._hub.unwatch(stream, self._session)
        self._hub.leave(ch, self._session)

    def _leave_events(self) -> None:
        if self.delivery is not None:
            self.delivery.end()
            self._hub.leave_stream(self.delivery.stream, self.delivery)
        self.delivery = None
