"""The trading hours: tick by tick the clock moves, prices are published, a client asks and answers, hedges come in by file."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from apps.core import clock, money
from apps.instruments import queries as instruments
from apps.jobs import rfqs as sweeps
from apps.ledger import queries as ledger
from apps.pricing.feeds import bus
from apps.pricing.feeds.composer import Composer
from apps.pricing.rules import Composite
from apps.workflows.hedge_breaks import import_lp_record
from apps.workflows.import_fills import COLUMNS, import_fills, read_fills

from . import plan
from .desk import Sales, Trader
from .plan import Ask
from .stage import ClientProcess, DemoFailed

OPENS = time(8, 0)
HEDGED = {"BTC": ("BTC-USD", 4), "ETH": ("ETH-USD", 3), "EUR": ("EUR-USD", 0)}  # asset → pair, decimals of a hedge
VENUE_FEE_BPS = Decimal(1)
THINKS = timedelta(seconds=8)  # a trader before a price, a client before a counter
MARGIN_BPS, AGREED_BPS, NEARER = "14", Decimal(10), Decimal("0.0003")


@dataclass
class Tally:
    """What happened, counted as it was answered."""

    rfqs: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    deals: list[dict[str, Any]] = field(default_factory=list)
    twins_refused: int = 0
    retries: int = 0
    hedges: int = 0
    by_hand: Counter[str] = field(default_factory=Counter)


class TradingDay:
    """Moves the desk clock through one day's requests."""

    def __init__(self, *, day: date, composer: Composer, clients: ClientProcess, folder: Path, trader: Trader, sales: Sales) -> None:
        self.day, self.composer, self.clients, self.folder = day, composer, clients, folder
        self.trader, self.sales = trader, sales
        self.tally = Tally()
        self.now = datetime.combine(day, OPENS, UTC)
        self.prices: dict[str, Composite] = {}
        self.executed: list[str] = []  # lines of fills, as the venue has them too

    def move(self, to: datetime) -> None:
        """Stand the desk clock at `to` and publish the prices of that instant."""
        self.now = to
        clock.freeze_desk(to)
        self.prices = self.composer.composites(to)
        bus.publish(self.prices.values())

    def tick(self, ask: Ask) -> None:
        self.move(datetime.combine(self.day, OPENS, UTC) + plan.TICK * ask.tick)
        told = self.clients.call("post", client=ask.client, path="/api/v1/rfqs", body=ask.body)
        if "code" in told:
            self.tally.rfqs["REFUSED"] += 1
            self.tally.refused[told["code"]] += 1
        else:
            rfq = told["answer"]
            self.tally.rfqs[rfq["status"]] += 1
            if rfq["status"] == "QUOTED":
                self._answer(ask, rfq["quote"])
            elif ask.tick in plan.LARGE and ask.fate != "expire":
                self._by_hand(ask, rfq)
        if ask.tick in plan.ON_BEHALF:
            self._on_behalf(*plan.ON_BEHALF[ask.tick])
        if ask.tick % plan.SWEEP_EVERY == 0:
            self.sweep()
        if ask.tick in plan.HEDGE_AT:
            self.hedge()

    def sweep(self) -> None:
        sweeps.sweep_quotes()
        sweeps.sweep_rfqs()

    def _by_hand(self, ask: Ask, rfq: dict[str, Any]) -> None:
        """A trader works the request at the desk's own pages; the client hears of it and answers over the API."""
        self.move(self.now + THINKS)
        self.trader.pick_up(rfq["id"])
        if ask.fate == "reject":
            self.trader.reject(rfq["id"], "size_exceeds_limit")
            self.tally.by_hand["rejected"] += 1
            return
        self.trader.price(rfq["id"], ask.take, MARGIN_BPS)
        quote = self._quote_of(ask, rfq)
        if ask.fate == "counter":
            better = Decimal(quote[ask.take]["price"]) * (1 - NEARER if ask.take == "buy" else 1 + NEARER)
            limit = money.text(money.round_down(better, 0))
            body = {"side": ask.take, "price": limit}
            self._done(self.clients.call("post", client=ask.client, path=f"/api/v1/quotes/{quote['id']}/counter", body=body), ask)
            self.move(self.now + THINKS)
            self.trader.meet_limit(rfq["id"])
            quote = self._quote_of(ask, rfq)
            if quote[ask.take]["price"] != limit:
                raise DemoFailed(f"the trader met a limit of {limit} with {quote[ask.take]['price']}")
            self.tally.by_hand["met the client's limit"] += 1
        self._answer(ask, quote)
        self.tally.by_hand["priced and dealt"] += 1
        self.hedge()

    def _quote_of(self, ask: Ask, rfq: dict[str, Any]) -> dict[str, Any]:
        quote: dict[str, Any] = self._done(self.clients.call("get", client=ask.client, path=f"/api/v1/rfqs/{rfq['id']}"), ask)["quote"]
        return quote

    def _done(self, told: dict[str, Any], ask: Ask) -> dict[str, Any]:
        if "code" in told:
            raise DemoFailed(f"{ask.reference}: {told['code']}: {told['detail']}")
        answer: dict[str, Any] = told["answer"]
        return answer

    def _on_behalf(self, client: str, pair: str, side: str, amount: str, channel: str) -> None:
        """Sales book what a client agreed to by voice or chat, half a minute ago, at ten basis points from the mid."""
        mid = self.prices[pair].mid
        price = money.round_even(
            mid * (1 + AGREED_BPS / 10_000 if side == "buy" else 1 - AGREED_BPS / 10_000), 2 if mid > AGREED_BPS else 5
        )
        self.sales.book(
            account=f"{client}-main", pair=pair, side=side, amount=amount, of="base", price=money.text(price), channel=channel,
            agreed_at=(self.now - timedelta(seconds=30)).isoformat(), agreed_by=f"{client} Trader", evidence=f"demo-{self.now:%H%M}",
        )  # fmt: skip
        self.tally.by_hand["booked on behalf"] += 1

    def _answer(self, ask: Ask, quote: dict[str, Any]) -> None:
        if ask.fate == "expire":
            return
        clock.freeze_desk(self.now + timedelta(seconds=ask.pause_s))
        if ask.fate == "decline":
            self.clients.call("post", client=ask.client, path=f"/api/v1/quotes/{quote['id']}/decline", body={})
            return
        body = {"client_order_id": f"{ask.reference}-o", "side": ask.take, "price": quote[ask.take]["price"]}
        path, key = f"/api/v1/quotes/{quote['id']}/accept", f"accept-of-{ask.reference}"
        verb = {"double": "double", "retry": "retry"}.get(ask.fate, "post")
        told = self.clients.call(verb, client=ask.client, path=path, body=body, key=key)
        if "code" in told:
            raise DemoFailed(f"a live quote was not honoured: {ask.reference}: {told['code']}: {told['detail']}")
        trade = told["answer"]
        self.tally.deals.append({name: trade[name] for name in ("client_order_id", "instrument", "side", "quantity", "price")})
        self.tally.twins_refused += bool(told.get("refused_twin"))
        self.tally.retries += 2 if verb == "retry" else 0

    def end(self) -> None:
        """After the last request: what is still open runs out."""
        self.move(self.now + timedelta(minutes=20))
        self.sweep()
        self.confirm_hedges()

    def hedge(self) -> None:
        """Lay off about half of the open position with the venue, as a file of fills."""
        entity = instruments.get_entity("flowdesk")
        positions = ledger.list_positions(entity.id)
        lines = [",".join(COLUMNS)]
        for asset, (pair, decimals) in HEDGED.items():
            quantity = money.round_down(abs(positions.get(asset, money.ZERO)) / 2, decimals)
            if quantity <= 0:
                continue
            side = "sell" if positions[asset] > 0 else "buy"
            book = self.prices[pair]
            price = (book.bids if side == "sell" else book.asks)[0].price
            fee = money.round_up(quantity * price * VENUE_FEE_BPS / 10_000, 2)
            identity = f"NG-{self.day:%Y%m%d}-{self.tally.hedges + len(lines):04d}"
            figures = (money.text(quantity), money.text(price), money.text(fee))
            lines.append(",".join(("northgate", identity, pair, side, *figures, self.now.isoformat())))
        path = self.folder / f"fills-{self.now:%H%M%S}.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        done = import_fills(text=path.read_text(encoding="utf-8"), book_code="main", made_by=None, mids=self.prices)
        again = import_fills(text=path.read_text(encoding="utf-8"), book_code="main", made_by=None)
        if again.booked or again.known != done.booked:
            raise DemoFailed(f"{path.name}: importing it again booked {again.booked} hedges")
        self.tally.hedges += done.booked
        self.executed += lines[1:]

    def held_at_venue(self) -> dict[str, Decimal]:
        """What the venue has of ours by its own fills, never by our ledger: base ± quantity, quote ∓ its worth − fee.

        It settles in whole units of the quote's scale, its way: a purchase is rounded up, a sale down.
        """
        scales = {one.code: one.scale for one in instruments.list_assets()}
        held: dict[str, Decimal] = {}
        for fill in read_fills("\n".join([",".join(COLUMNS), *self.executed])):
            base, _, quote = fill.instrument.partition("-")
            buys, gross, scale = fill.side == "buy", fill.quantity * fill.price, scales[quote]
            worth = money.round_up(gross, scale) if buys else money.round_down(gross, scale)
            held[base] = held.get(base, money.ZERO) + (fill.quantity if buys else -fill.quantity)
            held[quote] = held.get(quote, money.ZERO) + (-worth if buys else worth) - fill.fee
        return held

    def confirm_hedges(self) -> None:
        """At the end of the day the venue's own record comes; every hedge is in it, as we booked it."""
        path = self.folder / f"northgate-{self.day:%Y%m%d}.csv"
        path.write_text("\n".join([",".join(COLUMNS), *self.executed]) + "\n", encoding="utf-8")
        done = import_lp_record(actor=None, counterparty="northgate", on=self.day, text=path.read_text(encoding="utf-8"))
        if done.broken or done.unknown or done.confirmed != self.tally.hedges:
            raise DemoFailed(f"{path.name}: {done.confirmed} of {self.tally.hedges} hedges are in the venue's record")
