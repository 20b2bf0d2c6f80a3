"""A hedge that was booked otherwise than it was dealt: corrected by two people, by risk too where it moves much money.

As with a client's deal every version is kept. What is open with an OTC LP is owed anew; what is netted, on its way or paid stays, and the
difference is owed by deltas in the next set. With a venue, or an LP that we prefund, the difference is posted against the balance there.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.core import money
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.ledger import operations as ledger
from apps.ledger.rules import Line
from apps.settlement import queries as settlement
from apps.settlement.operations import hedges as owed
from apps.trades import operations as trades
from apps.trades import queries, rules
from apps.trades.errors import BadHedge
from apps.trades.models import Hedge, Trade, TradeVersion
from apps.trades.operations import Why
from apps.trades.rules import Amounts, Economics, Owed, Terms
from apps.trades.states import HedgeStatus
from apps.users import rules as people

from . import restate_deal
from .check_hedge import Execution, worth_of

KIND = "hedge_version"
ACT = "trade_version"  # who makes and checks it (users.rules.ACTS)


@dataclass(frozen=True, slots=True)
class Figures:
    """What is to be different; None stays as it is. `side` is ours, `fee` the LP's, in the quote asset."""

    side: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    fee: Decimal | None = None
    value_date: date | None = None
    quote_quantity: Decimal | None = None  # the LP's own second amount; quantity × price where one of these, or the side, is different

    def of(self, terms: Terms) -> Terms:
        given = {name: getattr(self, name) for name in ("side", "quantity", "price", "fee", "value_date")}
        return replace(terms, **{name: value for name, value in given.items() if value is not None})


@use_case
def ask_correction(*, actor: Actor, trade_id: UUID, figures: Figures, reason: str, note: str, now: datetime) -> Approval:
    """Ask that a hedge be corrected to what was dealt.

    :param reason: one of `trades.rules.REASONS`
    :param note: what was wrong, and how it is known
    :raises RoleMissing: not a trader and not of operations
    :raises NotFound: no such hedge
    :raises BadHedge: `pointer` names what cannot be so
    :raises ApprovalOpen: a correction is asked already
    """
    people.require_may(actor.roles, ACT)
    hedge = lock_hedge(trade_id)
    trade = hedge.trade
    if hedge.status == HedgeStatus.CANCELLED:
        raise BadHedge("the hedge is CANCELLED", pointer="/status")
    if reason not in rules.REASONS:
        raise BadHedge(f"one of {', '.join(rules.REASONS)}", pointer="/reason")
    if not note.strip():
        raise BadHedge("say what was wrong, and how it is known", pointer="/note")
    old = queries.get_version(trade)
    before, terms = queries.terms_of(old), figures.of(queries.terms_of(old))
    settled = _require_fit(trade, old, terms, figures.quote_quantity, now)
    # In our eyes: what a client's deal on the same side would have brought us, it has cost.
    result = money.round_even(-rules.result(before, terms, old.reference_mid) * restate_deal.usd_per_quote(trade), 2)
    return approvals.request(
        kind=KIND,
        subject_type="hedge",
        subject_id=trade.id,
        subject_version=_state(hedge),
        title=f"Correct hedge {trade.execution_id} with {trade.counterparty.code}: {', '.join(_changed(before, terms, old, settled))}"[
            :200
        ],
        payload=_told(terms, settled.quote_quantity)
        | {"reason": reason, "note": note.strip()[:200], "result": money.text(result), "currency": "USD"},
        before=_told(before, old.quote_quantity)
        | {"status": str(hedge.status), "settlement": settlement.trade_status([trade.id]).get(trade.id, "at once")},
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        also=[{"risk"}] if abs(result) > rules.RISK_BOUND_USD else [],
        now=now,
    )


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> TradeVersion:
    """What an approved request of kind "hedge_version" does.

    :raises BadHedge: it cannot be so any more
    """
    assert checker.id is not None
    asked = approval.payload
    terms = Terms(
        asked["side"], Decimal(asked["quantity"]), Decimal(asked["price"]), Decimal(asked["fee"]), date.fromisoformat(asked["value_date"])
    )
    hedge = lock_hedge(approval.subject_id)
    settled = _require_fit(hedge.trade, queries.get_version(hedge.trade), terms, Decimal(asked["quote_quantity"]), now)
    why = Why(
        asked["reason"], asked["note"], "", approval.maker_id, checker.id, approval.id, queries.get_version(hedge.trade, 1).effective_at
    )
    return restate(hedge=hedge, terms=terms, settled=settled, why=why, now=now)


def version(approval: Approval) -> str:
    """The hedge of a request as it is now, locked with all that a version may touch."""
    return _state(lock_hedge(approval.subject_id))


@step
def lock_hedge(trade_id: UUID) -> Hedge:
    """A hedge in the house order: the LP's account, where it settles there, the deal, the hedge.

    :raises NotFound: no such hedge
    """
    account_id = queries.find_otc_account(trade_id)
    if account_id is not None:
        clients.lock_account(account_id)
    return queries.lock_hedge(trade_id)


@step
def restate(*, hedge: Hedge, terms: Terms | None, settled: Amounts | None, why: Why, now: datetime) -> TradeVersion:
    """The next version of a locked hedge, with what is owed and the ledger; `terms` None: it never was."""
    trade = hedge.trade
    theirs = queries.find_lp_figures(trade.counterparty_id, trade.trade_date, trade.execution_id or "")
    old, new = trades.restate_hedge(hedge=hedge, terms=terms, settled=settled, why=why, theirs=theirs, now=now)
    before, after = queries.economics_of(trade, old), queries.economics_of(trade, new)
    assert before is not None, "a cancelled hedge has no later version"
    today = restate_deal.business_date(trade, now)
    lines, stays = _otc(trade, new, before, after, now) if queries.find_otc_account(trade.id) else _at_once(trade, before, after)
    if after is None and not stays:  # as if it had never been: each posting has its linked reversal
        told = f"hedge {trade.execution_id} cancelled"
        ledger.reverse(source_id=trade.id, kinds=["HEDGE", "CORRECTION"], effective_at=now, business_date=today, narrative=told)
    elif lines:
        ledger.post(
            key=f"trade:{trade.id}:{new.number}",
            kind="CORRECTION",
            source_type="trade",
            source_id=trade.id,
            lines=lines,
            effective_at=new.effective_at,
            business_date=today,
            narrative=f"hedge {trade.execution_id} v{new.number}: {new.note}"[:200],
        )
    return new


def _otc(trade: Trade, new: TradeVersion, before: Economics, after: Economics | None, now: datetime) -> tuple[list[Line], bool]:
    """What the obligations that are gone and made book, and whether some stay."""
    assert trade.terms is not None
    delta_date = restate_deal.next_good_date(trade, now)
    done = owed.restate_lp(trade=trade, version=new, account_id=trade.terms.account_id, delta_date=delta_date, now=now)
    lines = rules.restating_lines(
        old=before,
        new=after,
        gone=[Owed(o.account_id, o.direction, o.asset_id, o.amount) for o in done.gone],
        made=[Owed(o.account_id, o.direction, o.asset_id, o.amount) for o in done.made],
        entity_id=trade.entity_id,
        book_id=trade.book_id,
        prefunded=False,
        is_hedge=True,
    )
    return lines, done.kept


def _at_once(trade: Trade, before: Economics, after: Economics | None) -> tuple[list[Line], bool]:
    given = {"entity_id": trade.entity_id, "book_id": trade.book_id, "venue_id": trade.counterparty_id}
    new = [] if after is None else rules.hedge_lines(after, **given)
    return rules.difference(rules.hedge_lines(before, **given), new), False


def _require_fit(trade: Trade, old: TradeVersion, terms: Terms, quote_quantity: Decimal | None, now: datetime) -> Amounts:
    """Both amounts as they are to be.

    :param quote_quantity: the LP's own; None: as it was, or as side, quantity and price make it where one of them is different
    :raises BadHedge: nothing changes, or it cannot be so
    """
    if quote_quantity is None and (terms.side, terms.quantity, terms.price) == (old.side, old.quantity, old.price):
        quote_quantity = old.quote_quantity
    execution = Execution(
        trade.counterparty.code, "", trade.pair_id, terms.side, terms.quantity, terms.price, terms.fee, trade.execution_id or "", now,
        quote_quantity,
    )  # fmt: skip
    if terms.side not in {"buy", "sell"}:
        raise BadHedge("buy or sell", pointer="/side")
    worth = worth_of(execution, trade.pair)
    settled = Amounts(worth, *((worth, terms.quantity) if terms.side == "buy" else (terms.quantity, worth)))
    if not _changed(queries.terms_of(old), terms, old, settled):
        raise BadHedge("nothing is different", pointer="/")
    is_otc = queries.find_otc_account(trade.id) is not None
    if is_otc and terms.side == "sell" and terms.fee >= worth:
        raise BadHedge("less than what the sale brings: the LP pays the rest", pointer="/fee")
    if terms.value_date != old.value_date:
        if terms.value_date < (restate_deal.business_date(trade, now) if is_otc else trade.trade_date):
            raise BadHedge("it has passed", pointer="/value_date")
        if any(one.status not in {"OPEN", "CANCELLED"} for one in settlement.list_obligations_of([trade.id])):
            raise BadHedge("what is in a net set, on its way or settled keeps its date: abort the set first", pointer="/value_date")
    return settled


def _changed(before: Terms, after: Terms, old: TradeVersion, settled: Amounts) -> list[str]:
    names = [name.replace("_", " ") for name in rules.differences(before, after)]
    return names or ([] if settled.quote_quantity == old.quote_quantity else ["quote quantity"])


def _state(hedge: Hedge) -> str:
    return f"{hedge.status}:{hedge.trade.version}"


def _told(terms: Terms, quote_quantity: Decimal) -> dict[str, Any]:
    return {
        "side": terms.side,
        "quantity": money.text(terms.quantity),
        "price": money.text(terms.price),
        "quote_quantity": money.text(quote_quantity),
        "fee": money.text(terms.fee),
        "value_date": terms.value_date.isoformat(),
    }
