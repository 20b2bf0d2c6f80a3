"""Hedges: what we dealt with an LP or venue, reported by our own systems, by file, or by a trader and a checker. Each is booked once."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.core import ids, money
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.ledger import operations as ledger
from apps.pricing.rules import Composite
from apps.settlement import operations as settlement
from apps.trades import operations as trades
from apps.trades import queries as trade_queries
from apps.trades.errors import DuplicateExecution
from apps.trades.rules import Economics, hedge_lines, otc_lines
from apps.users import rules as people
from apps.users.errors import RoleMissing

from .check_hedge import KIND, Booked, Execution, NotTheHouse, check
from .hedge_lookups import Lookups

MID_WITHIN = timedelta(seconds=5)  # a composite further from the execution is not the mid at which it was dealt


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
    checked = check(execution, None, now, Lookups())
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
    lookups: Lookups | None = None,
) -> Booked:
    """The hedge, its ledger lines, and what the LP's record says of it if that has come; or the hedge as it was booked before.

    :param lookups: of this transaction, where several come together
    :raises DuplicateExecution: booked before with other figures
    :raises BadHedge: `pointer` names what is wrong
    """
    looked = lookups or Lookups()
    checked = check(execution, only_entity, now, looked)
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
    in_time = looked.takes_postings(book.entity_id, checked.trade_date)  # what is booked late never changes a closed day
    ledger.post(
        key=f"trade:{trade.id}:1",
        kind="HEDGE",
        source_type="trade",
        source_id=trade.id,
        lines=lines,
        effective_at=execution.executed_at,
        business_date=checked.trade_date if in_time else book.entity.business_date(now),
        narrative=f"hedge {execution.execution_id}",
    )
    theirs = looked.theirs(checked.lp.id, checked.trade_date, execution.execution_id)
    if theirs is not None:
        trades.compare_hedge(hedge=hedge, theirs=theirs, now=now)
    return Booked(trade, made, hedge, True)


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
