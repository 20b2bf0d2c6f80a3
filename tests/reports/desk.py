"""A small desk with something of everything: what `verify` proves, a journal tells, a close closes and reports show."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from uuid import UUID

from apps.approvals.models import Approval
from apps.core import clock, db, ids
from apps.core.actor import Actor
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.ledger import operations as ledger
from apps.ledger.rules import Ref, credit, debit
from apps.ledger.states import Kind
from apps.rfqs.models import Quote
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side
from apps.settlement import operations as settlement
from apps.settlement.models import Nostro
from apps.trades import operations as trades
from apps.trades.models import Trade
from apps.trades.rules import Economics, hedge_lines
from apps.users.models import User
from apps.users.operations import create_staff
from apps.workflows.accept_quote import accept_quote
from apps.workflows.decide_approval import decide_approval
from apps.workflows.end_quote import decline_quote
from apps.workflows.hedge_breaks import import_lp_record
from apps.workflows.import_fills import COLUMNS
from apps.workflows.onboard_client import register_counterparty
from apps.workflows.propose_marks import propose_marks
from apps.workflows.reconcile import import_venue_balances
from apps.workflows.request_quote import request_quote
from tests import world
from tests.world import Firm

TODAY = date(2026, 9, 15)
EVENING = datetime(2026, 9, 15, 21, 30, tzinfo=UTC)  # half an hour after the roll
MIDS = {"BTC": D("20100"), "ETH": D("1500"), "EUR": D("1.10")}


@dataclass
class Desk:
    entity_id: UUID
    book_id: UUID
    acme: Firm
    cygnus: Firm
    nostros: dict[str, Nostro]
    fay: Actor
    finn: Actor
    rita: Actor
    olga: Actor

    def entity(self) -> UUID:
        return self.entity_id


def build() -> Desk:
    """Clients, nostros with opening balances, our people; no deal yet."""
    clock.freeze_desk(world.NOON)
    entity, book = instruments.get_entity("flowdesk"), instruments.get_book("main")
    acme, cygnus = world.firm("acme"), world.firm("cygnus", mode="PREFUNDED", safeguarded=True)
    people = {name: staff(name, role) for name, role in (("fay", "finance"), ("finn", "finance"), ("rita", "risk"), ("olga", "operations"))}
    return Desk(entity.id, book.id, acme, cygnus, open_nostros(entity_id=entity.id, cygnus=cygnus.account.id), **people)


def staff(name: str, role: str) -> Actor:
    made = create_staff(username=name, name=f"{name.title()} {role.title()}", roles=[role], password="correct horse battery")
    return User.objects.get(id=made.id).as_actor()


@use_case
def open_nostros(*, entity_id: UUID, cygnus: UUID, now: datetime) -> dict[str, Nostro]:
    """USD and BTC accounts of ours and of clients (our 10 BTC there are headroom), each with a statement that agrees."""
    made = {
        "USD": settlement.create_nostro(
            entity_id=entity_id, rail_code="fedwire-usd", asset_code="USD", name="First Bank, house", address="021000021-1"
        ),
        "BTC": settlement.create_nostro(entity_id=entity_id, rail_code="bitcoin-btc", asset_code="BTC", name="Vault, house",
        address="bc1qhouse"),
        "CLIENT": settlement.create_nostro(
            entity_id=entity_id, rail_code="fedwire-usd", asset_code="USD", name="First Bank, clients", address="021000021-2",
            designation="CLIENT"
        ),
        "CLIENT_BTC": settlement.create_nostro(
            entity_id=entity_id, rail_code="bitcoin-btc", asset_code="BTC", name="Vault, clients", address="bc1qclients",
            designation="CLIENT"
        ),
    }  # fmt: skip
    for name, amount in (("USD", D(1_000_000)), ("BTC", D(50)), ("CLIENT", D(250_000)), ("CLIENT_BTC", D(10))):
        nostro = made[name]
        owed = (
            Ref(entity_id, Kind.CLIENT_BALANCE, "USD", owner_id=cygnus)
            if name == "CLIENT"
            else Ref(entity_id, Kind.CAPITAL, nostro.asset_id)
        )
        ledger.post(
            key=f"opening:{nostro.id}",
            kind="DEPOSIT" if name == "CLIENT" else "CAPITAL",
            source_type="nostro",
            source_id=nostro.id,
            lines=[debit(Ref(entity_id, Kind.NOSTRO, nostro.asset_id, owner_id=nostro.id), amount), credit(owed, amount)],
            effective_at=now,
            business_date=now.date() - timedelta(days=1),
        )
        db.run(
            "INSERT INTO settlement_railcursor (nostro_id, last_line, last_sequence, balance, read_at) VALUES (%s, '', 0, %s, %s)",
            (nostro.id, amount, EVENING),
        )
    return made


def quoted(firm: Firm, reference: str, side: Side = Side.BUY, quantity: str = "2", pair: str = "BTC-USD", mid: str = "20000") -> Quote:
    ask = Ask(reference, pair, side, D(quantity), None, "", 10_000, 60_000)
    at = clock.desk_now()
    depth = world.depth(pair, mid, at, size="1000000", half_spread="0.0001" if pair == "EUR-USD" else "1")
    _, quote, _ = request_quote(actor=firm.trader, account_id=None, ask=ask, depth=depth, usd_per_quote=D(1), elapsed_us=lambda: 1)
    assert quote is not None
    return quote


def deal(firm: Firm, reference: str, side: Side = Side.BUY, quantity: str = "2", **kw: str) -> Trade:
    quote = quoted(firm, reference, side, quantity, **kw)
    trade, _, _ = accept_quote(
        actor=firm.trader, quote_id=quote.id, client_order_id=reference, side=side, price=getattr(quote, f"{side}_price")
    )
    return trade


def busy() -> Desk:
    """A desk after some deals: on credit, prefunded, declined, one still quoted on each side of the house, a hedge, approved marks."""
    desk = build()
    deal(desk.acme, "a1")
    deal(desk.acme, "a2", Side.SELL, "0.5")
    deal(desk.acme, "a3", Side.BUY, "100000", pair="EUR-USD", mid="1.1")
    covered = deal(desk.cygnus, "c1", Side.BUY, "1.25")
    decline_quote(actor=desk.acme.trader, quote_id=quoted(desk.acme, "a4").id)
    quoted(desk.acme, "a5")
    quoted(desk.cygnus, "c2", Side.BUY, "0.1")
    venue = register_counterparty(code="kraken", name="Kraken Exchange", lei="", country="US", roles=["VENUE"])
    hedge(desk=desk, venue_id=venue.id, covers_id=covered.id)
    _, asked = propose_marks(actor=desk.fay, entity_id=desk.entity_id, business_date=TODAY, mids=MIDS, source="composite 20:55-21:00")
    decide(approval_id=asked.id, checker=desk.rita)
    return desk


@use_case
def hedge(*, desk: Desk, venue_id: UUID, covers_id: UUID | None, now: datetime, execution: str = "X-1") -> Trade:
    """We buy 1 BTC for 20,000 USD with a fee of 10."""
    trade, version, _ = trades.book_hedge(
        trade_id=ids.uuid7(), terms_id=None, pre_hedge_rfq_id=None, trader_id=None, reference_mid=None, counterparty_id=venue_id,
        entity_id=desk.entity_id, book_id=desk.book_id, pair_id="BTC-USD", base="BTC", quote="USD",
        execution_id=execution, side="buy", quantity=D(1), price=D(20000), quote_quantity=D(20000), fee=D(10), value_date=TODAY,
        trade_date=TODAY, source="FILE", covers_id=covers_id, made_by=None, executed_at=now, now=now,
    )  # fmt: skip
    ledger.post(
        key=f"trade:{trade.id}:1",
        kind="HEDGE",
        source_type="trade",
        source_id=trade.id,
        lines=hedge_lines(
            Economics("buy", "BTC", "USD", version.pays, version.receives, version.fee),
            entity_id=desk.entity_id,
            book_id=desk.book_id,
            venue_id=venue_id,
        ),
        effective_at=now,
        business_date=TODAY,
        narrative="hedge BTC-USD",
    )
    return trade


def hear_kraken() -> None:
    """The venue's own record of the day, as we booked it: its fill, and what we hold there."""
    fill = f"{','.join(COLUMNS)}\nkraken,X-1,BTC-USD,buy,1,20000,10,{world.NOON.isoformat()}\n"
    import_lp_record(actor=None, counterparty="kraken", on=TODAY, text=fill)
    import_venue_balances(
        actor=None,
        entity_id=instruments.get_entity("flowdesk").id,
        counterparty="kraken",
        on=TODAY,
        text="asset,amount\nBTC,1\nUSD,-20010\n",
    )


def decide(*, approval_id: UUID, checker: Actor) -> Approval:
    """Approve, and execute by the registry."""
    return decide_approval(approval_id=approval_id, actor=checker, approve=True)


def uuid() -> UUID:
    return ids.uuid7()
