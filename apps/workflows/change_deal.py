"""A client's deal is corrected or cancelled: asked by one of ours, checked by operations, and by risk where it moves much money.

The deal keeps every version. What is open is owed anew; what is netted, on its way or settled stays, and the difference is owed by deltas.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.core import money
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.settlement import queries as settlement
from apps.trades import operations as trades
from apps.trades import queries, rules
from apps.trades.errors import BadVersion
from apps.trades.models import Trade, TradeVersion
from apps.trades.rules import Terms
from apps.trades.states import DisputeStatus
from apps.users import rules as people

from . import restate_deal

KIND = "trade_version"
TOO_MUCH = Decimal(10) ** 18


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be different; None stays as it is. `price` is the client's rate, `fee` in the quote asset."""

    price: Decimal | None = None
    quantity: Decimal | None = None
    side: str | None = None
    fee: Decimal | None = None
    value_date: date | None = None

    def of(self, terms: Terms) -> Terms:
        given = {name: getattr(self, name) for name in ("price", "quantity", "side", "fee", "value_date")}
        return replace(terms, **{name: value for name, value in given.items() if value is not None})


@use_case
def ask_version(
    *,
    actor: Actor,
    trade_id: UUID,
    changes: Changes | None,
    reason: str,
    note: str,
    consent: str,
    effective_at: datetime | None = None,
    now: datetime,
) -> Approval:
    """Ask for a correction, or (`changes` None) for the cancellation, of a client's deal.

    :param note: why, in words that the client is told
    :param consent: where the client's agreement lies (a call, a mail, a chat)
    :param effective_at: from when it is true; from the deal on, where it is not given
    :raises AppError: RoleMissing, NotFound, IllegalMove, BadVersion (`pointer` names the field), ApprovalOpen
    """
    people.require_may(actor.roles, KIND)
    trade = queries.get_trade(trade_id, actor=actor)
    if trade.kind != "CLIENT":
        raise BadVersion("a hedge is cancelled on its own page, an internal deal is dealt back", pointer="/trade")
    trade = restate_deal.lock_deal(trade_id)
    queries.require_active(trade)
    old = queries.get_version(trade)
    _require_words(reason, note, consent)
    from_when = trade.booked_at if effective_at is None else effective_at
    if not trade.booked_at <= from_when <= now:
        raise BadVersion("not before the deal, and not after now", pointer="/effective_at")
    new = None if changes is None else changes.of(queries.terms_of(old))
    if new is not None:
        _require_fit(trade, old, new, now)
    asked = _told(new) | {"reason": reason, "note": note.strip()[:200], "consent": consent.strip()[:120]}
    pair = trade.pair_id
    result = _result_usd(trade, old, new)
    title = (
        f"Cancel {pair} of {trade.counterparty.name}"
        if new is None
        else f"Correct {pair} of {trade.counterparty.name}: "
        + ", ".join(name.replace("_", " ") for name in rules.differences(queries.terms_of(old), new))
    )
    return approvals.request(
        kind=KIND,
        subject_type="trade",
        subject_id=trade.id,
        subject_version=_state(trade),
        title=title[:200],
        payload=asked
        | {"action": "CANCEL" if new is None else "CORRECT", "effective_at": from_when.isoformat()}
        | {"result": money.text(result), "currency": "USD"},
        before=_told(queries.terms_of(old)) | {"status": str(trade.status), "settlement": _settlement(trade)},
        maker=actor,
        checker_roles=people.ACTS[KIND][1],
        also=[{"risk"}] if abs(result) > rules.RISK_BOUND_USD else [],
        now=now,
    )


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> TradeVersion:
    """What an approved request of kind "trade_version" does."""
    return _apply(approval, checker, now)


def version(approval: Approval) -> str:
    """The deal of a request as it is now, locked with all that a version may touch."""
    return _state(restate_deal.lock_deal(approval.subject_id))


def _apply(approval: Approval, checker: Actor, now: datetime) -> TradeVersion:
    assert checker.id is not None
    trade, asked = restate_deal.lock_deal(approval.subject_id), approval.payload
    old = queries.get_version(trade)
    terms = (
        None
        if asked["action"] == "CANCEL"
        else Terms(
            asked["side"],
            Decimal(asked["quantity"]),
            Decimal(asked["price"]),
            Decimal(asked["fee"]),
            date.fromisoformat(asked["value_date"]),
        )
    )
    if terms is not None:
        _require_fit(trade, old, terms, now)
    old, new = trades.add_version(
        trade=trade,
        terms=terms,
        settled=None if terms is None else _amounts(trade, terms),
        why=trades.Why(
            reason=asked["reason"],
            note=asked["note"],
            consent=asked["consent"],
            made_by=approval.maker_id,
            checked_by=checker.id,
            approval_id=approval.id,
            effective_at=datetime.fromisoformat(asked["effective_at"]),
        ),
    )
    done = restate_deal.restate(trade=trade, old=old, new=new, kind="CORRECTION", key=f"trade:{trade.id}:{new.number}", now=now)
    if queries.find_dispute(trade.id) is not None:
        trades.end_dispute(trade=trade, status=DisputeStatus.UPHELD, outcome=new.note, by=checker.id, now=now, resolution=new)
    trades.tell_version(
        trade=trade,
        old=old,
        new=new,
        settlement_status=_settlement(trade),
        obligations=[settlement.describe_obligation(one) for one in done.made],
        now=now,
    )
    trades.confirm(trade=trade, now=now)
    return new


def _require_words(reason: str, note: str, consent: str) -> None:
    if reason not in rules.REASONS:
        raise BadVersion(f"one of {', '.join(rules.REASONS)}", pointer="/reason")
    if not note.strip():
        raise BadVersion("say why, in words that the client is told", pointer="/note")
    if not consent.strip():
        raise BadVersion("say where the client's consent lies", pointer="/consent")


def _require_fit(trade: Trade, old: TradeVersion, new: Terms, now: datetime) -> None:
    """:raises BadVersion: nothing changes, or it cannot be so"""
    before, pair = queries.terms_of(old), trade.pair
    changed = rules.differences(before, new)
    if not changed:
        raise BadVersion("nothing is different", pointer="/")
    if new.side not in {"buy", "sell"}:
        raise BadVersion("buy or sell", pointer="/side")
    if not new.quantity.is_finite() or new.quantity <= 0 or money.scale_of(new.quantity) > pair.base.scale:
        raise BadVersion(f"above zero, in the decimals of {pair.base_id}", pointer="/quantity")
    if not new.price.is_finite() or new.price <= 0 or money.scale_of(new.price) > money.MAX_SCALE:
        raise BadVersion("above zero, with at most 18 decimals", pointer="/price")
    if not new.fee.is_finite() or new.fee < 0 or money.scale_of(new.fee) > pair.quote.scale:
        raise BadVersion(f"zero or above, in the decimals of {pair.quote_id}", pointer="/fee")
    if not money.quantum(pair.quote.scale) <= new.quantity * new.price < TOO_MUCH:
        raise BadVersion("worth less than one unit, or more than can be booked", pointer="/quantity")
    amounts = _amounts(trade, new)
    if min(amounts.pays, amounts.receives) <= 0 or new.fee > amounts.quote_quantity:
        raise BadVersion("the fee is more than the deal", pointer="/fee")
    if {"quantity", "side"} & set(changed) and queries.list_accepted(trade):
        raise BadVersion("it is allocated: reverse its allocations first", pointer="/quantity")
    if "value_date" in changed:
        require_date(trade=trade, day=new.value_date, now=now)
        if any(one.status not in {"OPEN", "CANCELLED"} for one in settlement.list_obligations_of([trade.id])):
            raise BadVersion("what is in a net set, on its way or settled keeps its date: abort the set first", pointer="/value_date")


@step
def require_date(*, trade: Trade, day: date, now: datetime) -> None:
    """:raises BadVersion: it has passed, or is no good day for the pair"""
    fiats = {a.code for a in (trade.pair.base, trade.pair.quote) if a.calendar}
    calendars = instruments.get_calendars()
    if day < restate_deal.business_date(trade, now):
        raise BadVersion("it has passed", pointer="/value_date")
    if not all(calendars.is_good(code, day) for code in fiats):
        raise BadVersion(f"not a good day for {trade.pair_id}", pointer="/value_date")


def _amounts(trade: Trade, terms: Terms) -> rules.Amounts:
    assert trade.terms is not None, "a client's deal has terms"
    return rules.amounts(terms, quote_scale=trade.pair.quote.scale, fee_added=trade.terms.fee_mode == "ADDED")


def _result_usd(trade: Trade, old: TradeVersion, new: Terms | None) -> Decimal:
    earned = rules.result(queries.terms_of(old), new, old.reference_mid)
    return money.round_even(earned * restate_deal.usd_per_quote(trade), 2)


def _settlement(trade: Trade) -> str:
    return settlement.trade_status([trade.id]).get(trade.id, "OPEN")


def _state(trade: Trade) -> str:
    return f"{trade.version}:{trade.status}"


def _told(terms: Terms | None) -> dict[str, Any]:
    if terms is None:
        return {}
    return {
        "side": terms.side,
        "quantity": money.text(terms.quantity),
        "price": money.text(terms.price),
        "fee": money.text(terms.fee),
        "value_date": terms.value_date.isoformat(),
    }
