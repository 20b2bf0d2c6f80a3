"""Requests in each state, and people who work them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal as D
from typing import Any
from uuid import UUID

from apps.clients import queries as clients
from apps.core import clock, db, ids
from apps.core.actor import Actor
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.ledger import operations as ledger
from apps.ledger.rules import Ref, credit, debit
from apps.ledger.states import Kind
from apps.rfqs.models import Quote, Rfq
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side
from apps.workflows.accept_quote import accept_quote
from apps.workflows.quote_by_hand import quote_by_hand
from apps.workflows.request_quote import request_quote
from apps.workflows.work_rfq import pick_up
from tests import world
from tests.people import staff

BUY, SELL = Side.BUY, Side.SELL


@dataclass
class Desk:
    """One client, a trader and a salesperson at NOON; the market at 20,000."""

    firm: world.Firm
    trader: Actor
    sales: Actor
    asked: int = field(default=0)

    def ask(self, **changes: Any) -> tuple[Rfq, Quote | None]:
        self.asked += 1
        plain: dict[str, Any] = {
            "client_rfq_id": f"r{self.asked}",
            "pair": "BTC-USD",
            "side": BUY,
            "quantity": D(2),
            "quote_quantity": None,
            "tenor": "",
            "ttl_ms": 10_000,
            "respond_within_ms": 60_000,
        }
        depth, rate = changes.pop("depth", None) or market(), changes.pop("usd_per_quote", D(1))
        rfq, quote, _ = request_quote(
            actor=self.firm.trader,
            account_id=None,
            ask=Ask(**(plain | changes)),
            depth=depth,
            usd_per_quote=rate,
            elapsed_us=lambda: 1,
        )
        return rfq, quote

    def waiting(self, **changes: Any) -> Rfq:
        """A request too large to be priced by itself."""
        rfq, quote = self.ask(**({"quantity": D(60)} | changes))
        assert (rfq.status, quote) == ("RECEIVED", None)
        return rfq

    def picked_up(self, **changes: Any) -> Rfq:
        rfq = self.waiting(**changes)
        return pick_up(actor=self.trader, rfq_id=rfq.id)

    def priced(self, price: str = "20010", ttl_ms: int = 30_000, **changes: Any) -> Quote:
        return self.price(self.picked_up(**changes).id, price, ttl_ms)

    def price(self, rfq_id: UUID, price: str, ttl_ms: int = 30_000, **changes: Any) -> Quote:
        side = Rfq.objects.get(id=rfq_id).side
        plain: dict[str, Any] = {"depth": market(), "usd_per_quote": D(1)}
        if "prices" not in changes:
            plain["prices"] = {Side(side): D(price)} if side != "two_way" else {BUY: D(price), SELL: D(price) - 40}
        return quote_by_hand(actor=self.trader, rfq_id=rfq_id, ttl_ms=ttl_ms, **(plain | changes))

    def take(self, quote: Quote, order: str = "o1", side: Side = BUY) -> Any:
        quote.refresh_from_db()
        return accept_quote(
            actor=self.firm.trader, quote_id=quote.id, client_order_id=order, side=side, price=getattr(quote, f"{side}_price")
        )[0]


def a_desk(**terms: Any) -> Desk:
    clock.freeze_desk(world.NOON)
    return Desk(world.firm("acme", **({"auto_max_usd": D(1_000_000)} | terms)), staff("tina", "trader"), staff("sam", "sales"))


@use_case
def fund(*, firm: world.Firm, asset: str, amount: D, now: datetime) -> None:
    """The client has paid in."""
    clients.lock_account(firm.account.id)
    house = instruments.get_entity("flowdesk").id
    balance = Ref(house, Kind.CLIENT_BALANCE, asset, owner_id=firm.account.id)
    ledger.post(
        key=f"deposit:{ids.uuid7()}",
        kind="DEPOSIT",
        source_type="test",
        source_id=ids.uuid7(),
        lines=[debit(Ref(house, Kind.NOSTRO, asset), amount), credit(balance, amount)],
        effective_at=now,
        business_date=now.date(),
    )


def held() -> D:
    return D(db.one("SELECT coalesce(sum(held), 0) FROM ledger_ledgeraccount")[0])


def market(mid: str = "20000", **changes: Any) -> Any:
    """The book of now."""
    return world.depth(mid=mid, at=clock.desk_now(), **({"size": "1000"} | changes))


def pass_time(**delta: float) -> None:
    clock.freeze_desk(clock.desk_now() + timedelta(**delta))


def state(rfq: Rfq | UUID) -> tuple[str, list[str]]:
    """The status of a request, and of its quotes in order."""
    rfq_id = rfq if isinstance(rfq, UUID) else rfq.id
    return Rfq.objects.get(id=rfq_id).status, [q.status for q in Quote.objects.filter(rfq_id=rfq_id).order_by("number")]


def reserved() -> D:
    """The notional that live reservations are for, in USD; zero too where they take nothing of the line."""
    return _notional("RESERVED")


def used() -> D:
    return _notional("COMMITTED")


def _notional(status: str) -> D:
    row = db.one(
        "SELECT coalesce(sum(r.notional), 0) FROM credit_reservation r JOIN credit_line l ON l.id = r.line_id "
        "WHERE r.status = %s AND l.measure = 'PRE_SETTLEMENT' AND r.amount > 0",
        (status,),
    )
    return D(row[0])


def kinds() -> list[str]:
    """The kinds of all events, in order."""
    return [row[0] for row in db.run("SELECT kind FROM events_event ORDER BY position")]
