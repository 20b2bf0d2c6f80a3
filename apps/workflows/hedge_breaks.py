"""An LP's own record beside our hedges; breaks and cancellations, each decided by two people."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.clients.models import Counterparty
from apps.core import money
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.instruments.models import BookingEntity
from apps.trades import operations as trades
from apps.trades import queries
from apps.trades.errors import BadFill, BadHedge, BadRecord
from apps.trades.models import Hedge, LpFill
from apps.trades.rules import Figures
from apps.trades.states import HedgeStatus
from apps.users import rules as people
from apps.users.errors import RoleMissing

from . import correct_hedge
from .import_fills import Fill, read_fills, require_unique

KINDS = {"confirm": "hedge_break", "cancel": "hedge_cancel"}


@dataclass(frozen=True, slots=True)
class Compared:
    """A record beside our hedges of its date: how many agree, which differ or are missing at the LP, which we do not know."""

    is_new: bool
    confirmed: int
    broken: list[Hedge]
    unknown: list[LpFill]


@use_case
def import_lp_record(*, actor: Actor | None, counterparty: str, on: date, text: str, now: datetime) -> Compared:
    """Take in what an LP says was executed on a business date, and compare each of our hedges of that date with it.

    :param actor: who of operations brings it; None for a command of the operator
    :param text: the file: the columns of a file of fills; sides are ours
    :raises RoleMissing: not operations
    :raises BadRecord: a line is wrong, of another LP or date; `line` and `field` say which
    :raises DuplicateExecution: an execution stands twice
    """
    if actor is not None and not people.may_make(actor.roles, "lp_record"):
        raise RoleMissing("operations bring the LP's record")
    lp = _lp(counterparty)
    fills = _read(text, lp, on)
    record, is_new = trades.keep_record(
        counterparty_id=lp.id,
        trade_date=on,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        fills={f.execution_id: (f.line, _figures(f), f.executed_at) for f in fills},
        imported_by=None if actor is None else actor.id,
        now=now,
    )
    theirs = {fill.execution_id: _figures(fill) for fill in fills}
    found = queries.lock_hedges_of(lp.id, on)
    trades.compare_hedges(hedges=found, theirs=theirs, now=now)
    hedges = [hedge for hedge, _ in found]
    return Compared(is_new, sum(not h.differences for h in hedges), [h for h in hedges if h.differences], queries.list_unknown(record))


@use_case
def ask_hedge_move(*, actor: Actor, trade_id: UUID, move: str, reason: str, now: datetime) -> Approval:
    """Ask that a break stands as booked (`confirm`), or that a hedge never was (`cancel`).

    :raises RoleMissing: not who may ask it
    :raises NotFound: no such hedge
    :raises BadHedge: no reason, or not possible in its state
    """
    kind = KINDS[move]
    if actor.id is None or not people.may_make(actor.roles, kind):
        raise RoleMissing(f"asked for by {', '.join(sorted(people.ACTS[kind][0]))}")
    if not reason.strip():
        raise BadHedge("say why", pointer="/reason")
    hedge = queries.lock_hedge(trade_id)
    if hedge.status == HedgeStatus.CANCELLED or (move == "confirm" and hedge.status != HedgeStatus.BREAK):
        raise BadHedge(f"the hedge is {hedge.status}", pointer="/status")
    made = queries.get_version(hedge.trade)
    told = f"{made.side} {money.text(made.quantity)} {hedge.trade.pair_id} at {money.text(made.price)}"
    return approvals.request(
        kind=kind,
        subject_type="hedge",
        subject_id=trade_id,
        subject_version=_version_of(hedge),
        title=f"{'Our figures stand' if move == 'confirm' else 'Cancel'}: hedge {hedge.trade.execution_id}, {told}",
        payload={"status": "CONFIRMED" if move == "confirm" else "CANCELLED", "reason": reason.strip()[:200]},
        before={"status": str(hedge.status), "differences": [f"{d['field']}: {d['ours']} / {d['theirs']}" for d in hedge.differences]},
        maker=actor,
        checker_roles=people.ACTS[kind][1],
        now=now,
    )


@step
def confirm(*, approval: Approval, checker: Actor, now: datetime) -> Hedge:
    """What an approved request of kind "hedge_break" does."""
    assert checker.id is not None
    return trades.resolve_break(
        hedge=queries.lock_hedge(approval.subject_id),
        asked_by=approval.maker_id,
        checked_by=checker.id,
        note=approval.payload["reason"],
    )


@step
def cancel(*, approval: Approval, checker: Actor, now: datetime) -> Hedge:
    """What an approved request of kind "hedge_cancel" does: it never was. What is owed and posted is taken back; where some of it is netted
    or paid, that stays and the LP and we owe each other the reverse.
    """
    assert checker.id is not None
    hedge = correct_hedge.lock_hedge(approval.subject_id)
    reason = approval.payload["reason"]
    why = trades.Why("DESK_ERROR", reason, "", approval.maker_id, checker.id, approval.id, now)
    correct_hedge.restate(hedge=hedge, terms=None, settled=None, why=why, now=now)
    return hedge


def version(approval: Approval) -> str:
    """The hedge of a request as it is now."""
    return _version_of(correct_hedge.lock_hedge(approval.subject_id))


def _version_of(hedge: Hedge) -> str:
    told = ";".join(f"{d['field']}={d['ours']}/{d['theirs']}" for d in hedge.differences)
    return f"{hedge.status}:{hedge.trade.version}:{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def _lp(code: str) -> Counterparty:
    try:
        return clients.get_liquidity(code)
    except NotFound as no:
        raise BadRecord(no.detail, line=0, field="counterparty") from None


def _read(text: str, lp: Counterparty, on: date) -> Sequence[Fill]:
    try:
        fills = list(read_fills(text))
    except BadFill as no:
        raise BadRecord(no.detail, **no.extra) from no
    require_unique(fills)
    entity = _entity_of(lp)
    for fill in fills:
        if fill.counterparty != lp.code:
            raise BadRecord(f"line {fill.line}, counterparty: not {lp.code}", line=fill.line, field="counterparty")
        if entity.business_date(fill.executed_at) != on:
            raise BadRecord(f"line {fill.line}, executed_at: not of {on.isoformat()}", line=fill.line, field="executed_at")
    return fills


def _entity_of(lp: Counterparty) -> BookingEntity:
    """Whose day the record is of: the one that the LP deals with by its terms; without terms, our first one."""
    terms = clients.find_terms_of(lp.id)
    return instruments.list_entities()[0] if terms is None else instruments.get_entity_by_id(terms.entity_id)


def _figures(fill: Fill) -> Figures:
    return Figures(fill.instrument, fill.side, fill.quantity, fill.price, fill.fee)


def describe(done: Compared) -> str:
    """One sentence of what a record brought."""
    again = "" if done.is_new else " (known before)"
    return f"{done.confirmed} agree, {len(done.broken)} differ, {len(done.unknown)} we do not know{again}"
