"""Hedges: booked out of an LP's execution, compared with its own record, cancelled by two people."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db, ids
from apps.core.errors import IllegalMove
from apps.core.unit import step
from apps.events import operations as events
from apps.trades import queries, rules
from apps.trades.models import Hedge, Trade, TradeVersion
from apps.trades.rules import Amounts, Figures, Terms
from apps.trades.states import HEDGE, HedgeStatus, TradeKind

from .versions import Why, add_version


@step
def book_hedge(
    *,
    trade_id: UUID,
    counterparty_id: UUID,
    terms_id: UUID | None,
    entity_id: UUID,
    book_id: UUID,
    pair_id: str,
    base: str,
    quote: str,
    execution_id: str,
    side: str,
    quantity: Decimal,
    price: Decimal,
    quote_quantity: Decimal,
    fee: Decimal,
    value_date: date,
    trade_date: date,
    source: str,
    covers_id: UUID | None,
    pre_hedge_rfq_id: UUID | None,
    trader_id: UUID | None,
    reference_mid: Decimal | None,
    made_by: UUID | None,
    executed_at: datetime,
    now: datetime,
) -> tuple[Trade, TradeVersion, Hedge]:
    """A record of what we dealt with an LP or venue. `side` is ours; pays and receives are before the LP's fee.

    :param terms_id: on which an OTC LP settles it; None: it is posted at once
    :param reference_mid: the composite mid when it was dealt, where one was known; its slippage is measured against it
    :param pre_hedge_rfq_id: the request it was dealt ahead of
    """
    buys = side == "buy"
    trade = Trade(
        id=trade_id,
        kind=TradeKind.HEDGE,
        counterparty_id=counterparty_id,
        terms_id=terms_id,
        entity_id=entity_id,
        book_id=book_id,
        pair_id=pair_id,
        execution_id=execution_id,
        covers_id=covers_id,
        source=source,
        trade_date=trade_date,
        booked_at=now,
    )
    version = TradeVersion(
        id=ids.uuid7(),
        trade=trade,
        number=1,
        action="NEW",
        side=side,
        quantity=quantity,
        price=price,
        quote_quantity=quote_quantity,
        fee=fee,
        fee_asset=quote,
        pays=quote_quantity if buys else quantity,
        pays_asset=quote if buys else base,
        receives=quantity if buys else quote_quantity,
        receives_asset=base if buys else quote,
        value_date=value_date,
        reference_mid=reference_mid,
        trader_id=trader_id,
        made_by=made_by,
        effective_at=executed_at,
    )
    hedge = Hedge(id=ids.uuid7(), trade=trade, pre_hedge=pre_hedge_rfq_id is not None, rfq_id=pre_hedge_rfq_id)
    db.insert(trade, version, hedge)
    house = {"execution_id": execution_id, "side": side, "source": source}
    events.record(
        "hedge.booked",
        subject_type="trade",
        subject_id=trade.id,
        house=house | ({"pre_hedge_of": str(pre_hedge_rfq_id)} if pre_hedge_rfq_id else {}),
        at=now,
    )
    return trade, version, hedge


@step
def compare_hedge(*, hedge: Hedge, theirs: Figures | None, now: datetime) -> Hedge:
    """Put a hedge beside the LP's record: UNCONFIRMED becomes CONFIRMED or BREAK; on others only the differences are kept.

    The caller holds the hedge's row.

    :param theirs: the LP's figures; None where its record does not have the execution
    """
    if _compared(hedge, queries.figures_of(hedge), theirs, now):
        hedge.save(update_fields=["status", "differences", "compared_at"])
    return hedge


@step
def compare_hedges(*, hedges: Sequence[tuple[Hedge, Figures]], theirs: Mapping[str, Figures], now: datetime) -> None:
    """As :func:`compare_hedge`, each with its own figures, written together. The caller holds their rows.

    :param theirs: by execution id
    """
    changed = [hedge for hedge, ours in hedges if _compared(hedge, ours, theirs.get(hedge.trade.execution_id or ""), now)]
    if changed:
        db.send(
            "UPDATE trades_hedge h SET status = f.status, differences = f.differences, compared_at = %s "
            "FROM unnest(%s::uuid[], %s::text[], %s::jsonb[]) AS f(id, status, differences) WHERE h.id = f.id",
            (
                db.text(now),
                db.array(one.id for one in changed),
                db.array(str(one.status) for one in changed),
                db.array(db.jsonb(one.differences) for one in changed),
            ),
        )


def _compared(hedge: Hedge, ours: Figures, theirs: Figures | None, now: datetime) -> bool:
    """Whether anything of it is to be written."""
    found = [asdict(one) for one in rules.compare(ours, theirs)]
    if hedge.status == HedgeStatus.UNCONFIRMED:
        HEDGE.move(hedge, HedgeStatus.BREAK if found else HedgeStatus.CONFIRMED)
        _tell(f"hedge.{'broken' if found else 'confirmed'}", hedge, differences=found)
    elif found == hedge.differences:
        return False
    hedge.differences, hedge.compared_at = found, now
    return True


@step
def resolve_break(*, hedge: Hedge, asked_by: UUID, checked_by: UUID, note: str) -> Hedge:
    """BREAK → CONFIRMED: our figures stand, by two people of operations. The caller holds the row.

    :raises IllegalMove: it is no break
    """
    if hedge.status != HedgeStatus.BREAK:
        raise IllegalMove(f"the hedge is {hedge.status}", state=str(hedge.status))
    HEDGE.move(hedge, HedgeStatus.CONFIRMED)
    return _decided(hedge, asked_by, checked_by, note, "hedge.confirmed")


@step
def restate_hedge(
    *, hedge: Hedge, terms: Terms | None, settled: Amounts | None, why: Why, theirs: Figures | None, now: datetime
) -> tuple[TradeVersion, TradeVersion]:
    """The version before and the one made: other terms, or none, since it never was. The caller holds trade and hedge, and brings what is
    owed and the ledger along.

    A break that the LP's record agrees with by now is CONFIRMED by the two people; a confirmed hedge that it contradicts stays one and
    says so.

    :param theirs: what the LP's last record says of the execution; None where it says nothing
    :raises IllegalMove: it was cancelled before
    """
    old, new = add_version(trade=hedge.trade, terms=terms, settled=settled, why=why)
    if terms is None:
        HEDGE.move(hedge, HedgeStatus.CANCELLED)
        _decided(hedge, why.made_by, why.checked_by, why.note, "hedge.cancelled")
        return old, new
    if theirs is not None:
        hedge.differences, hedge.compared_at = [asdict(one) for one in rules.compare(queries.figures_of(hedge), theirs)], now
        hedge.save(update_fields=["differences", "compared_at"])
        if hedge.status == HedgeStatus.BREAK and not hedge.differences:
            HEDGE.move(hedge, HedgeStatus.CONFIRMED)
            _decided(hedge, why.made_by, why.checked_by, why.note, "hedge.confirmed")
    _tell("hedge.corrected", hedge, note=why.note, changed=rules.differences(queries.terms_of(old), terms))
    return old, new


def _decided(hedge: Hedge, asked_by: UUID, checked_by: UUID, note: str, kind: str) -> Hedge:
    hedge.asked_by, hedge.checked_by, hedge.note = asked_by, checked_by, note
    hedge.save(update_fields=["status", "asked_by", "checked_by", "note"])
    _tell(kind, hedge, note=note)
    return hedge


def _tell(kind: str, hedge: Hedge, **house: object) -> None:
    events.record(kind, subject_type="trade", subject_id=hedge.trade_id, house={"execution_id": hedge.trade.execution_id, **house})
