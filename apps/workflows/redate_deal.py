"""A deal that failed to settle gets another value date, with the client's consent; who was late pays interest where it was agreed.

It is a version of the deal without another price. Sets that it is in are made anew without it, and payments of its own are let go of, as
long as nothing of them has been paid.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.clients.models import Account
from apps.core import money
from apps.core.actor import SYSTEM, Actor
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.settlement import queries as settlement
from apps.settlement.errors import AlreadySettling, BadRedate
from apps.settlement.models import Obligation
from apps.settlement.operations import adjusting, net_sets, obligations
from apps.settlement.rules import interest
from apps.settlement.rules.adjusting import lines
from apps.settlement.states import OPEN_OBLIGATION, AdjustmentKind, ObligationStatus
from apps.trades import queries
from apps.trades.models import TradeVersion
from apps.users import rules as people

from . import change_deal, restate_deal

ACT = "redate"


@dataclass(frozen=True, slots=True)
class Late:
    """Which account was late with what, and the interest on it: `direction` ours (PAY: we were late), `amount` in units of the asset."""

    account: Account
    direction: str
    asset: str
    principal: Decimal
    amount: Decimal


@use_case
def ask_redate(
    *, actor: Actor, trade_id: UUID, value_date: date, late: str, rate: Decimal = money.ZERO, note: str, consent: str, now: datetime
) -> Approval:
    """Ask for another value date of a deal whose own has come or passed; operations answer, and finance where there is interest.

    :param late: who failed: PAY (we), RECEIVE (they)
    :param rate: interest for a year, as a share; zero for none (formula: `settlement.rules.interest`)
    :param consent: where the client's agreement to the date and the interest lies
    :raises AppError: RoleMissing, NotFound, BadRedate (`pointer` names the field), BadVersion, ApprovalOpen, BadAdjustment (interest of a
        frozen account), AlreadySettling (one side has settled, or a payment of it is released or has begun)
    """
    people.require_may(actor.roles, ACT)
    trade = queries.get_trade(trade_id, actor=actor)
    if trade.kind != "CLIENT":
        raise BadRedate("a client's deal", pointer="/trade")
    trade = restate_deal.lock_deal(trade_id)
    queries.require_active(trade)
    old = queries.get_version(trade)
    if not consent.strip():
        raise BadRedate("name where the client agreed", pointer="/consent")
    if not 0 <= rate <= 1 or not rate.is_finite():
        raise BadRedate("a year's rate from 0 to 100 %", pointer="/rate")
    if old.value_date > restate_deal.business_date(trade, now):
        raise BadRedate("it is not due yet: correct the deal", pointer="/trade")
    if value_date <= old.value_date:
        raise BadRedate("a later date", pointer="/value_date")
    found = _late(trade_id, late, rate, old.value_date, value_date)
    if found.amount:
        adjusting.require_chargeable(found.account.id)
    terms = queries.terms_of(old)
    change_deal.require_date(trade=trade, day=value_date, now=now)
    _require_free(trade_id)
    return approvals.request(
        kind=ACT,
        subject_type="trade",
        subject_id=trade.id,
        subject_version=_state(trade_id),
        title=f"Re-date {trade.pair_id} of {trade.counterparty.name}: {old.value_date.isoformat()} to {value_date.isoformat()}"[:200],
        payload={
            "action": "CORRECT",
            "reason": "CLIENT_ERROR" if late == "RECEIVE" else "DESK_ERROR",
            "note": note.strip()[:200] or "re-dated",
            "consent": consent.strip()[:120],
            "effective_at": now.isoformat(),
            "side": terms.side,
            "quantity": money.text(terms.quantity),
            "price": money.text(terms.price),
            "fee": money.text(terms.fee),
            "value_date": value_date.isoformat(),
            "late": late,
            "rate": money.text(rate),
            "interest": money.text(found.amount),
            **({"account": found.account.code, "asset": found.asset, "principal": money.text(found.principal)} if found.amount else {}),
        },
        before={"value_date": old.value_date.isoformat()},
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        also=[{"finance"}] if found.amount else [],
        now=now,
    )


def version(approval: Approval) -> str:
    """The deal and what is owed from it, locked with all that a version may touch."""
    restate_deal.lock_deal(approval.subject_id)
    return _state(approval.subject_id)


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> TradeVersion:
    """What an approved request of kind "redate" does: sets made anew, payments of its own let go of, a version with the new date, interest
    as an adjustment.

    :raises AlreadySettling: something of a set, or of the deal itself, was released, sent or received meanwhile
    :raises BadAdjustment: interest of an account that was frozen meanwhile
    """
    asked = approval.payload
    for net_set_id in _sets(approval.subject_id):
        net_sets.abort(net_set_id=net_set_id, reason=f"re-dated: {asked['note']}"[:120], now=now)
    for one in obligations.lock(obligation_ids=[owed.id for owed in _standing(approval.subject_id)]):
        if not obligations.let_go(one=one, reason=f"re-dated: {asked['note']}"):
            raise AlreadySettling(f"what is owed in {one.asset_id} is {one.status}")
    made = change_deal.execute(approval=approval, checker=checker, now=now)
    if Decimal(asked["interest"]):
        _charge(approval, checker, made, now)
    return made


def _charge(approval: Approval, checker: Actor, made: TradeVersion, now: datetime) -> None:
    """Who was late owes the interest, on the new value date, so that it nets with the deal."""
    asked, trade = approval.payload, made.trade
    assert checker.id is not None
    account = clients.get_account_by_code(asked["account"])
    percent = money.text(Decimal(asked["rate"]) * 100)
    adjustment = adjusting.request(
        account=account,
        entity_id=trade.entity_id,
        kind=AdjustmentKind.LATE_INTEREST,
        direction=asked["late"],
        asset=asked["asset"],
        amount=Decimal(asked["interest"]),
        value_date=made.value_date,
        reason=f"{percent} % on {asked['principal']} {asked['asset']}, {approval.before['value_date']} to {asked['value_date']}",
        evidence=asked["consent"],
        trade_id=trade.id,
        made_by=approval.maker_id,
        now=now,
    )
    adjusting.owe(
        adjustment=adjustment,
        checker=checker.id,
        lines=lines(
            kind=AdjustmentKind.LATE_INTEREST,
            direction=asked["late"],
            entity_id=trade.entity_id,
            account_id=account.id,
            book_id=trade.book_id,
            asset=asked["asset"],
            amount=Decimal(asked["interest"]),
            prefunded=False,
        ),
        settled=False,
        now=now,
    )


def _standing(trade_id: UUID) -> list[Obligation]:
    """All that is owed or was paid from the deal as it is now."""
    return [one for one in settlement.list_obligations_of([trade_id]) if one.status != ObligationStatus.CANCELLED]


def _open(trade_id: UUID) -> list[Obligation]:
    return [one for one in _standing(trade_id) if one.status in OPEN_OBLIGATION]


def _sets(trade_id: UUID) -> list[UUID]:
    """Net sets that hold something of the deal."""
    return sorted({one.net_leg.net_set_id for one in _open(trade_id) if one.net_leg is not None})


def _require_free(trade_id: UUID) -> None:
    """Whether :func:`execute` could let go of all that the deal owes, as it stands now.

    :raises AlreadySettling: one side has settled, or a payment is released, on its way or received
    """
    sets = _sets(trade_id)
    net_sets.require_abortable(net_set_ids=sets)
    for one in _standing(trade_id):
        comes_free = one.net_leg is not None and one.net_leg.net_set_id in sets
        if not comes_free and not obligations.may_go(one):
            raise AlreadySettling(f"what is owed in {one.asset_id} is {one.status}, or its payment is released or has begun")


def _late(trade_id: UUID, late: str, rate: Decimal, since: date, until: date) -> Late:
    """What is owed on that side when corrections are counted in: each account and asset for itself, never one added to another."""
    owed: dict[tuple[UUID, str], Decimal] = {}
    accounts: dict[UUID, Account] = {}
    for one in _open(trade_id):
        left = one.amount - one.settled_amount
        key = one.account_id, one.asset_id
        owed[key] = owed.get(key, money.ZERO) + (left if one.direction == late else -left)
        accounts[one.account_id] = one.account
    behind = [(account, asset, amount) for (account, asset), amount in owed.items() if amount > 0]
    if late not in {"PAY", "RECEIVE"} or not behind:
        raise BadRedate("PAY or RECEIVE: the side that has not settled", pointer="/late")
    if len(behind) > 1 and rate:
        parts = ", ".join(sorted(f"{accounts[account].code} {money.text(amount)} {asset}" for account, asset, amount in behind))
        raise BadRedate(f"more than one is late ({parts}): re-date without interest, then adjust each", pointer="/rate")
    account_id, code, principal = behind[0]
    asset = instruments.get_asset(code)
    basis = interest.day_count(asset.code, is_money=asset.kind != "CRYPTO")
    amount = interest.late_interest(amount=principal, rate=rate, since=since, until=until, basis=basis, scale=asset.scale)
    return Late(accounts[account_id], late, asset.code, principal, amount)


def _state(trade_id: UUID) -> str:
    trade = queries.get_trade(trade_id, actor=SYSTEM)
    owed = ",".join(f"{one.id}:{one.status}:{money.text(one.settled_amount)}" for one in _open(trade_id))
    return hashlib.sha256(f"{trade.version}:{trade.status}:{owed}".encode()).hexdigest()
