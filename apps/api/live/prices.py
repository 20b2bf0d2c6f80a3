"""The channels `prices.{pair}`: the merged book as it is published, or worked out for the sizes that a socket asked for.

Each frame is built once for all who hear the same, and only where somebody does. They may skip: the latest wins.
"""

import json
import logging
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from apps.core import money
from apps.pricing.errors import NotEnoughDepth, PriceUnavailable
from apps.pricing.feeds import bus
from apps.pricing.rules import Level
from apps.pricing.rules.book import vwap

from . import frames
from .protocol import now_ms

if TYPE_CHECKING:
    from .hub import Hub
    from .session import Session

logger = logging.getLogger(__name__)

Sizes = tuple[Decimal, ...]  # none: the whole ladder
STALE_MS = 5_000  # without a new price for so long there is none (pricing.rules.composite)


class Prices:
    """Who hears which pair in which sizes; used on the event loop only."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._latest: dict[str, bytes] = {}
        self._seqs: dict[str, int] = {}
        self._heard_ms: dict[str, int] = {}
        self._views: dict[str, dict[Sizes, set[Session]]] = {}

    def seq(self, ch: str) -> int:
        return self._seqs.get(ch, 0)

    def is_live(self, pair: str) -> bool:
        """Whether a price of this pair was heard in the last five seconds."""
        heard = self._heard_ms.get(f"prices.{pair}")
        return heard is not None and now_ms() - heard < STALE_MS

    def take(self, text: bytes) -> None:
        """Hand a price on.

        :raises ValueError, KeyError, TypeError: it is none
        """
        price = frames.public_price(text)
        ch = f"prices.{price['pair']}"
        self._latest[ch], self._heard_ms[ch] = text, now_ms()
        seq = self._seqs[ch] = self._seqs.get(ch, 0) + 1
        for sizes, sessions in self._views.get(ch, {}).items():
            prepared = self._frame(ch, seq, price, text, sizes)
            for session in list(sessions):
                session.offer(ch, prepared)

    async def is_pair(self, ch: str) -> bool:
        """Whether this is the channel of a pair: one that has a price, or one that can be dealt.

        :raises psycopg.Error, OSError: the database does not answer
        """
        pair = ch.removeprefix("prices.")
        if ch not in self._latest and (found := await self._hub.bus.latest(pair)) is not None:
            self._latest.setdefault(ch, found)
        return ch in self._latest or pair in (await self._hub.reader.dealing())[0]

    def join(self, ch: str, session: "Session", sizes: Sizes) -> None:
        """Let a session hear a pair; the newest price comes at once where there is one."""
        self._views.setdefault(ch, {}).setdefault(sizes, set()).add(session)
        text = self._latest.get(ch)
        if text is None:
            return
        try:
            session.offer(ch, self._frame(ch, self.seq(ch), frames.public_price(text), text, sizes))
        except (ValueError, KeyError, TypeError):
            logger.exception("live: what lies on the price bus for %s cannot be read", ch)
            del self._latest[ch]

    def leave(self, ch: str, session: "Session") -> None:
        views = self._views.get(ch, {})
        for sizes, sessions in list(views.items()):
            sessions.discard(session)
            if not sessions:
                del views[sizes]
        if not views:
            self._views.pop(ch, None)

    def _frame(self, ch: str, seq: int, price: dict[str, Any], text: bytes, sizes: Sizes) -> Any:
        data = ladder(text, sizes) if sizes else price
        kind = "ladder" if sizes else "price"
        body = json.dumps(data, separators=(",", ":"))
        return self._hub.prepare(frames.envelope(ch=ch, seq=seq, ts=frames.now(), kind=kind, id=f"{ch}.{seq}", data=body))


def ladder(text: bytes, sizes: Sizes) -> dict[str, Any]:
    """The average price of each size on both sides of the book; null where the book holds less, or there is none to deal on."""
    raw = frames.public_price(text)
    try:
        book = bus.decode(text)
        bids, asks = (book.bids, book.asks) if book.is_dealable else ((), ())
    except PriceUnavailable:
        bids, asks = (), ()
    steps = [{"quantity": money.text(size), "bid": _average(bids, size), "ask": _average(asks, size)} for size in sizes]
    return {"pair": raw["pair"], "as_of": raw["as_of"], "mid": raw["mid"], "ladder": steps}


def _average(levels: Sequence[Level], size: Decimal) -> str | None:
    try:
        return money.text(vwap(levels, size))
    except NotEnoughDepth:
        return None
