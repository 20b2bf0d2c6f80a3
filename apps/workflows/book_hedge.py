"""Hedges: what we dealt with an LP or venue, reported by our own systems, by file, or by a trader and a checker. Each is booked once."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.clients.models import Counterparty, Terms
from apps.clients.rules import is_taken_on
from apps.close import queries as days
from apps.core import ids, money
from apps.core.actor import SYSTEM, Actor
from apps.core.errors import Forbidden, NotFound
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.instruments import rules as calendar
from apps.instruments.models import Book, Pair
from apps.ledger import operations as ledger
from apps.pricing.rules import Composite
from apps.rfqs import queries as rfqs
from apps.settlement import operations as settlement
from apps.trades import operations as trades
from apps.trades import queries as trade_queries
from apps.trades.errors import BadHedge, DuplicateExecution, NoConsent
from apps.trades.models import Hedge, Trade, TradeVersion
from apps.trades.rules import Economics, hedge_lines, otc_lines
from apps.users import queries as users
from apps.users import rules as people
from apps.users.errors import RoleMissing

KIND = "hedge"
TOO_MUCH = Decimal(10) ** 20  # what the ledger's columns cannot hold
YEARS = range(1970, 3000)  # outside, a business date has no day before or after it
AHEAD = timedelta(seconds=5)  # how far an LP's clock may be before ours
MID_WITHIN = timedelta(seconds=5)  # a composite further from the execution is not the mid at which it was dealt


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
class _Checked:
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


@use_case
def report_hedge(*, actor: Actor, execution: Execution, mids: Mapping[str, Composite], now: datetime) -> Booked:
    """A hedge that one of our own systems dealt. The same execution with the same figures is the same hedge.

    :param mids: composites by pair, read once before the transaction
    :raises NotTheHouse: the key is not our own entity's, or the book another's
    :raises AppError: BadHedge, NoConsent, DuplicateExecution
    """
    entity_id = None if actor.client_id is None else clients.get_counterparty(actor.client_id).house_of_id
    if entity_id is None or "hedge" not in actor.scopes:
        raise NotTheHouse()
    return book_execution(execution=execution, source="API", made_by=None, mids=mids, only_entity=entity_id, now=now)


@use_case
def ask_hedge(*, actor: Actor, execution: Execution, mids: Mapping[str, Composite], now: datetime) -> Approval:
    """A trader's own hedge, to be checked by operations before it is booked.

    :raises RoleMissing: not a trader
    :raises ApprovalOpen: the same execution waits for its checker already
    :raises AppError: BadHedge, NoConsent, DuplicateExecution
    """
    if actor.id is None or not people.may_make(actor.roles, KIND):
        raise RoleMissing("traders enter hedges")
    checked = _check(execution, None, now)
    if checked.known is not None:
        raise DuplicateExecution(f"{execution.execution_id} of {execution.counterparty} is booked", pointer="/execution_id")
    mid = _mid(execution, mids)
    payload = {name: _text(value) for name, value in asdict(execution).items() if value is not None}
    payload |= {"quote_quantity": money.text(checked.quote_quantity), "fee": money.text(checked.fee)} | (
        {} if mid is None else {"reference_mid": money.text(mid)}
    )
    return approvals.request(
        kind=KIND,
        subject_type="hedge",
        subject_id=uuid5(checked.lp.id, execution.execution_id),
        subject_version="new",
        title=f"Hedge: we {execution.side} {money.text(execution.quantity)} {checked.pair.code} with {checked.lp.code}",
        payload=payload,
        maker=actor,
        checker_roles=people.ACTS[KIND][1],
        now=now,
    )


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> Booked:
    """What an approved request of kind "hedge" does (settings.APPROVALS)."""
    asked = dict(approval.payload)
    mid = asked.pop("reference_mid", None)
    return book_execution(
        execution=_execution(asked),
        source="MANUAL",
        made_by=approval.maker_id,
        reference_mid=None if mid is None else Decimal(mid),
        now=now,
    )


def version(approval: Approval) -> str:
    """Whether the execution of a request is still to be booked."""
    asked = approval.payload
    found = trade_queries.find_execution(clients.get_client(asked["counterparty"]).id, asked["execution_id"])
    return "new" if found is None else str(found.id)


@step
def book_execution(
    *,
    execution: Execution,
    source: str,
    made_by: UUID | None,
    now: datetime,
    mids: Mapping[str, Composite] | None = None,
    reference_mid: Decimal | None = None,
    only_entity: UUID | None = None,
) -> Booked:
    """The hedge, its ledger lines, and what the LP's record says of it if that has come; or the hedge as it was booked before.

    :raises DuplicateExecution: booked before with other figures
    :raises BadHedge: `pointer` names what is wrong
    """
    checked = _check(execution, only_entity, now)
    if checked.known is not None:
        return checked.known
    pair, book, terms = checked.pair, checked.book, checked.terms
    trade, made, hedge = trades.book_hedge(
        trade_id=ids.uuid7(),
        counterparty_id=checked.lp.id,
        terms_id=None if terms is None else terms.id,
        entity_id=book.entity_id,
        book_id=book.id,
        pair_id=pair.code,
        base=pair.base_id,
        quote=pair.quote_id,
        execution_id=execution.execution_id,
        side=execution.side,
        quantity=execution.quantity,
        price=execution.price,
        quote_quantity=checked.quote_quantity,
        fee=checked.fee,
        value_date=checked.value_date,
        trade_date=checked.trade_date,
        source=source,
        covers_id=execution.covers,
        pre_hedge_rfq_id=execution.pre_hedge_of,
        trader_id=checked.trader_id or (made_by if source == "MANUAL" else None),
        reference_mid=reference_mid or _mid(execution, mids or {}),
        made_by=made_by,
        executed_at=execution.executed_at,
        now=now,
    )
    deal = Economics(execution.side, pair.base_id, pair.quote_id, made.pays, made.receives, made.fee)
    if terms is None:
        lines = hedge_lines(deal, entity_id=book.entity_id, book_id=book.id, venue_id=checked.lp.id)
    else:
        settlement.owe_lp(trade=trade, version=made, account_id=terms.account_id, now=now)
        lines = otc_lines(deal, entity_id=book.entity_id, book_id=book.id, account_id=terms.account_id)
    ledger.post(
        key=f"trade:{trade.id}:1",
        kind="HEDGE",
        source_type="trade",
        source_id=trade.id,
        lines=lines,
        effective_at=execution.executed_at,
        business_date=posting_date(book, checked.trade_date, now),
        narrative=f"hedge {execution.execution_id}",
    )
    theirs = trade_queries.find_lp_figures(checked.lp.id, checked.trade_date, execution.execution_id)
    if theirs is not None:
        trades.compare_hedge(hedge=hedge, theirs=theirs, now=now)
    return Booked(trade, made, hedge, True)


def posting_date(book: Book, trade_date: date, now: datetime) -> date:
    """A deal's own business date; the open one where that is closing or closed: what is booked late never changes a closed day."""
    day = days.find_day(book.entity_id, trade_date)
    return trade_date if day is None or day.status == "OPEN" else roll_date(book, now)


def roll_date(book: Book, at: datetime) -> date:
    """The business date of the book's entity at an instant."""
    return calendar.business_date(at, calendar.Roll(book.entity.roll, book.entity.zone))


def _check(execution: Execution, only_entity: UUID | None, now: datetime) -> _Checked:
    lp = _lp(execution.counterparty)
    book = _book(execution.book, only_entity)
    pair = next((p for p in instruments.list_pairs() if p.code == execution.instrument), None)
    if pair is None:
        raise BadHedge(f"{execution.instrument} is not one of ours", pointer="/instrument")
    if execution.side not in {"buy", "sell"}:
        raise BadHedge("buy or sell", pointer="/side")
    if not 1 <= len(execution.execution_id) <= 64:
        raise BadHedge("1 to 64 characters", pointer="/execution_id")
    quote_quantity = worth_of(execution, pair)
    if execution.executed_at.year not in YEARS or execution.executed_at > now + AHEAD:
        raise BadHedge("a time that has come", pointer="/executed_at")
    trade_date = roll_date(book, execution.executed_at)
    if execution.value_date is not None and execution.value_date < trade_date:
        raise BadHedge(f"before the trade date {trade_date.isoformat()}", pointer="/value_date")
    _links(execution, book)
    agreed = clients.find_terms_of(lp.id)
    terms = clients.find_lp_terms(lp.id, book.entity_id, now)
    fee = _fee(execution, agreed, quote_quantity, pair)
    if terms is not None and execution.side == "sell" and fee >= quote_quantity:
        raise BadHedge("less than what the sale brings: the LP pays the rest", pointer="/fee")
    return _Checked(
        lp=lp,
        book=book,
        pair=pair,
        trader_id=_trader(execution.trader),
        quote_quantity=quote_quantity,
        trade_date=trade_date,
        fee=fee,
        value_date=execution.value_date or (trade_date if terms is None else _settles_on(pair, trade_date, terms)),
        terms=terms,
        known=_known(execution, lp, book, quote_quantity, fee),
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


def _lp(code: str) -> Counterparty:
    try:
        lp = clients.get_client(code)
    except NotFound:
        raise BadHedge(f"{code} is not known", pointer="/counterparty") from None
    if not {"LP", "VENUE"} & set(lp.roles):
        raise BadHedge(f"{code} is no LP or venue", pointer="/counterparty")
    lp = clients.lock_counterparty(lp.id)  # two reports of one execution come one after the other
    if not is_taken_on(lp.status):
        raise BadHedge(f"{code} is not taken on: {lp.status}", pointer="/counterparty")
    return lp


def _book(code: str, only_entity: UUID | None) -> Book:
    book = instruments.find_book(code)
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


def _known(execution: Execution, lp: Counterparty, book: Book, quote_quantity: Decimal, fee: Decimal) -> Booked | None:
    old = trade_queries.find_execution(lp.id, execution.execution_id)
    if old is None:
        return None
    made = trade_queries.get_version(old)
    asked = (book.id, execution.instrument, execution.side, execution.quantity, execution.price, quote_quantity, fee)
    known = [
        (old.book_id, old.pair_id, one.side, one.quantity, one.price, one.quote_quantity, one.fee)
        for one in trade_queries.list_versions(old)  # as it was first reported, or as it was corrected
    ]
    if asked not in known:
        raise DuplicateExecution(f"{execution.execution_id} was booked with other figures", pointer="/execution_id")
    return Booked(old, made, old.hedge, False)


def _mid(execution: Execution, mids: Mapping[str, Composite]) -> Decimal | None:
    depth = mids.get(execution.instrument)
    if depth is None or not depth.is_dealable or abs(depth.as_of - execution.executed_at) > MID_WITHIN:
        return None
    return depth.mid


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return money.text(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _execution(asked: Mapping[str, str]) -> Execution:
    """The execution of a request's payload, as `_text` wrote it."""
    read: dict[str, Any] = dict(asked)
    for name in ("quantity", "price", "fee", "quote_quantity"):
        read[name] = Decimal(asked[name])
    read["executed_at"] = datetime.fromisoformat(asked["executed_at"])
    if "value_date" in asked:
        read["value_date"] = date.fromisoformat(asked["value_date"])
    for name in ("covers", "pre_hedge_of"):
        if name in asked:
            read[name] = UUID(asked[name])
    return Execution(**read)
