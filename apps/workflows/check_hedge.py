"""Whether an execution can be ours: what it names, its figures, the dates and the fee that it leaves open, and the hedge that it is."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from apps.clients.models import Counterparty, Terms
from apps.clients.rules import is_taken_on
from apps.core import money
from apps.core.actor import SYSTEM
from apps.core.errors import Forbidden, NotFound
from apps.instruments import queries as instruments
from apps.instruments import rules as calendar
from apps.instruments.models import Book, Pair
from apps.rfqs import queries as rfqs
from apps.trades import queries as trade_queries
from apps.trades.errors import BadHedge, DuplicateExecution, NoConsent
from apps.trades.models import Hedge, Trade, TradeVersion
from apps.users import queries as users
from apps.users import rules as people

from .hedge_lookups import Lookups

KIND = "hedge"
TOO_MUCH = Decimal(10) ** 20  # what the ledger's columns cannot hold
YEARS = range(1970, 3000)  # outside, a business date has no day before or after it
AHEAD = timedelta(seconds=5)  # how far an LP's clock may be before ours


class NotTheHouse(Forbidden):
    """Hedges are reported by our own entity, into its own books."""

    code, title = "not_the_house", "Only our own systems report hedges"


@dataclass(frozen=True, slots=True)
class Execution:
    """What was executed, in our eyes: quantity in base, price in quote per base, fee in the quote asset; the instant has its zone.

    `fee`: None is what the LP's terms say. `quote_quantity` is the LP's own second amount; without it, it is quantity × price at the quote
    asset's scale.
    """

    counterparty: str
    book: str
    instrument: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal | None
    execution_id: str
    executed_at: datetime
    quote_quantity: Decimal | None = None
    value_date: date | None = None
    trader: str | None = None  # username
    covers: UUID | None = None  # the client's deal that it lays off
    pre_hedge_of: UUID | None = None  # the client's request that it was dealt ahead of


@dataclass(frozen=True, slots=True)
class Booked:
    """A hedge, and whether this very call booked it."""

    trade: Trade
    version: TradeVersion
    hedge: Hedge
    is_new: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """An execution with all that it names."""

    lp: Counterparty
    book: Book
    pair: Pair
    trader_id: UUID | None
    quote_quantity: Decimal
    fee: Decimal
    trade_date: date
    value_date: date
    terms: Terms | None  # of an OTC LP, with whom it is owed and settled
    known: Booked | None


def check(execution: Execution, only_entity: UUID | None, now: datetime, lookups: Lookups) -> Checked:
    """The execution with all that it names; the LP is locked.

    :param only_entity: whose books alone it may go to
    :param lookups: of this transaction
    :raises NotTheHouse: the book is another entity's
    :raises NoConsent: dealt ahead of a request of a client who has not agreed to that
    :raises DuplicateExecution: booked before with other figures
    :raises BadHedge: `pointer` names what is wrong
    """
    lp = _lp(execution.counterparty, lookups)
    book = _book(execution.book, only_entity, lookups)
    pair = lookups.pair(execution.instrument)
    if pair is None:
        raise BadHedge(f"{execution.instrument} is not one of ours", pointer="/instrument")
    if execution.side not in {"buy", "sell"}:
        raise BadHedge("buy or sell", pointer="/side")
    if not 1 <= len(execution.execution_id) <= 64:
        raise BadHedge("1 to 64 characters", pointer="/execution_id")
    quote_quantity = worth_of(execution, pair)
    if execution.executed_at.year not in YEARS or execution.executed_at > now + AHEAD:
        raise BadHedge("a time that has come", pointer="/executed_at")
    trade_date = book.entity.business_date(execution.executed_at)
    if execution.value_date is not None and execution.value_date < trade_date:
        raise BadHedge(f"before the trade date {trade_date.isoformat()}", pointer="/value_date")
    _links(execution, book)
    agreed = lookups.agreed(lp.id)
    terms = lookups.terms(lp.id, book.entity_id, now)
    fee = _fee(execution, agreed, quote_quantity, pair)
    if terms is not None and execution.side == "sell" and fee >= quote_quantity:
        raise BadHedge("less than what the sale brings: the LP pays the rest", pointer="/fee")
    return Checked(
        lp=lp,
        book=book,
        pair=pair,
        trader_id=_trader(execution.trader),
        quote_quantity=quote_quantity,
        trade_date=trade_date,
        fee=fee,
        value_date=execution.value_date or (trade_date if terms is None else _settles_on(pair, trade_date, terms)),
        terms=terms,
        known=_known(execution, lookups.known(lp, execution.execution_id), book, quote_quantity, fee),
    )


def _settles_on(pair: Pair, trade_date: date, terms: Terms) -> date:
    """By the LP's terms, or by the pair's own cycle where they say nothing, when the LP's execution names no date."""
    base, quote = (calendar.Asset(one.code, calendar.Kind(one.kind)) for one in (pair.base, pair.quote))
    return calendar.value_date(
        trade_date, base, quote, int(pair.tenor[-1]) if terms.tenor is None else terms.tenor, instruments.get_calendars()
    )


def _fee(execution: Execution, agreed: Terms | None, quote_quantity: Decimal, pair: Pair) -> Decimal:
    """As executed, or as agreed: bps of the quote amount, rounded up at the quote asset's scale."""
    if execution.fee is not None or agreed is None:
        return execution.fee or money.ZERO
    return money.round_up(quote_quantity * agreed.fee_bps / 10_000, pair.quote.scale)


def _lp(code: str, lookups: Lookups) -> Counterparty:
    try:
        lp = lookups.lp(code)  # locked: two reports of one execution come one after the other
    except NotFound:
        raise BadHedge(f"{code} is not known", pointer="/counterparty") from None
    if not {"LP", "VENUE"} & set(lp.roles):
        raise BadHedge(f"{code} is no LP or venue", pointer="/counterparty")
    if not is_taken_on(lp.status):
        raise BadHedge(f"{code} is not taken on: {lp.status}", pointer="/counterparty")
    return lp


def _book(code: str, only_entity: UUID | None, lookups: Lookups) -> Book:
    book = lookups.book(code)
    if book is None:
        raise BadHedge(f"no book {code}", pointer="/book")
    if only_entity is not None and book.entity_id != only_entity:
        raise NotTheHouse(f"book {code} is another entity's")
    return book


def worth_of(execution: Execution, pair: Pair) -> Decimal:
    """The second amount of an execution, in the quote asset: the LP's own, or quantity × price rounded against us.

    :raises BadHedge: `pointer` names what cannot be so
    """
    for name, value in (("quantity", execution.quantity), ("price", execution.price)):
        if not value.is_finite() or value <= 0:
            raise BadHedge("above zero", pointer=f"/{name}")
    fee = execution.fee or money.ZERO
    if not fee.is_finite() or fee < 0:
        raise BadHedge("zero or above", pointer="/fee")
    if money.scale_of(execution.price) > money.MAX_SCALE:
        raise BadHedge(f"more than {money.MAX_SCALE} decimals", pointer="/price")
    gross = execution.quantity * execution.price
    scales = {"quantity": (execution.quantity, pair.base), "fee": (fee, pair.quote)}
    given = execution.quote_quantity
    if given is not None:
        scales["quote_quantity"] = (given, pair.quote)
    for name, (value, asset) in scales.items():
        if money.scale_of(value) > asset.scale:
            raise BadHedge(f"more decimals than {asset.code} settles in", pointer=f"/{name}")
    if given is not None and abs(given - gross) >= money.quantum(pair.quote.scale):
        raise BadHedge(f"not quantity × price, which is {money.text(gross)}", pointer="/quote_quantity")
    buys = execution.side == "buy"
    worth = given or (money.round_up(gross, pair.quote.scale) if buys else money.round_down(gross, pair.quote.scale))
    if worth <= 0:
        raise BadHedge("worth less than one unit", pointer="/quantity")
    if worth + fee >= TOO_MUCH:
        raise BadHedge("worth more than can be booked", pointer="/quantity")
    return worth


def _trader(username: str | None) -> UUID | None:
    if username is None:
        return None
    try:
        person = users.get_by_username(username)
    except NotFound:
        raise BadHedge(f"{username} is none of our people", pointer="/trader") from None
    if not people.may_make(person.as_actor().roles, KIND):
        raise BadHedge(f"{username} is no trader", pointer="/trader")
    return person.id


def _links(execution: Execution, book: Book) -> None:
    if execution.covers is not None:
        covered = trade_queries.visible_to(SYSTEM).filter(id=execution.covers).first()
        if covered is None or covered.kind != "CLIENT" or covered.entity_id != book.entity_id:
            raise BadHedge("no client's deal of this entity", pointer="/covers")
    if execution.pre_hedge_of is not None:
        asked = rfqs.visible_to(SYSTEM).select_related("trade").filter(id=execution.pre_hedge_of).first()
        if asked is None:
            raise BadHedge("no such request", pointer="/pre_hedge_of")
        if not asked.terms.prehedge_consent:
            raise NoConsent("take the hedge after the client's deal, or put the consent on file", pointer="/pre_hedge_of")
        dealt = getattr(asked, "trade", None)
        if execution.executed_at < asked.received_at or (dealt is not None and execution.executed_at >= dealt.booked_at):
            raise BadHedge("it was not dealt between the request and the client's deal", pointer="/pre_hedge_of")


def _known(
    execution: Execution, found: tuple[Trade, list[TradeVersion]] | None, book: Book, quote_quantity: Decimal, fee: Decimal
) -> Booked | None:
    if found is None:
        return None
    old, versions = found
    asked = (book.id, execution.instrument, execution.side, execution.quantity, execution.price, quote_quantity, fee)
    known = [
        (old.book_id, old.pair_id, one.side, one.quantity, one.price, one.quote_quantity, one.fee)
        for one in versions  # as it was first reported, or as it was corrected
    ]
    if asked not in known:
        raise DuplicateExecution(f"{execution.execution_id} was booked with other figures", pointer="/execution_id")
    return Booked(old, versions[-1], old.hedge, False)
