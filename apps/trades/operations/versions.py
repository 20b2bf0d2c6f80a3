"""The next version of a client's deal: a correction, or its cancellation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.core import db, ids
from apps.core.unit import step
from apps.events import operations as events
from apps.rfqs.queries import stamp
from apps.trades import queries, rules
from apps.trades.models import Trade, TradeVersion
from apps.trades.rules import Amounts, Terms
from apps.trades.states import TRADE, TradeStatus


@dataclass(frozen=True, slots=True)
class Why:
    """Who made and checked a version, on which grounds.

    :param note: told to the client
    :param consent: where the client's agreement to it lies
    :param effective_at: from when it is true, never after it is recorded
    """

    reason: str
    note: str
    consent: str
    made_by: UUID
    checked_by: UUID
    approval_id: UUID | None
    effective_at: datetime


@step
def add_version(*, trade: Trade, terms: Terms | None, settled: Amounts | None, why: Why) -> tuple[TradeVersion, TradeVersion]:
    """The version before and the one made: a correction to `terms` and their amounts, or the cancellation (None). The caller holds the row.

    :raises IllegalMove: it is cancelled
    """
    old = queries.get_version(trade)
    new = queries.get_version(trade)
    if terms is None:
        TRADE.move(trade, TradeStatus.CANCELLED)
        new.action = "CANCEL"
    else:
        assert settled is not None
        queries.require_active(trade)
        new.action, new.side, new.quantity, new.price = "CORRECT", terms.side, terms.quantity, terms.price
        new.fee, new.value_date, new.quote_quantity = terms.fee, terms.value_date, settled.quote_quantity
        new.pays, new.receives = settled.pays, settled.receives
        buys, pair = terms.side == "buy", trade.pair
        new.pays_asset, new.receives_asset = (pair.quote_id, pair.base_id) if buys else (pair.base_id, pair.quote_id)
    trade.version = old.number + 1
    new.id, new.number, new.trade = ids.uuid7(), trade.version, trade
    new.reason, new.note, new.consent = why.reason, why.note[:200], why.consent[:120]
    new.made_by, new.checked_by, new.approval_id, new.effective_at = why.made_by, why.checked_by, why.approval_id, why.effective_at
    db.insert(new)
    trade.save(update_fields=["status", "version"])
    return old, new


@step
def tell_version(
    *, trade: Trade, old: TradeVersion, new: TradeVersion, settlement_status: str, obligations: list[dict[str, Any]], now: datetime
) -> None:
    """Tell the client what is different, why, and what is owed from now on.

    :param obligations: those that the version made
    """
    changed = ["status"] if new.action == "CANCEL" else rules.differences(queries.terms_of(old), queries.terms_of(new))
    events.record(
        "trade.cancelled" if new.action == "CANCEL" else "trade.corrected",
        subject_type="trade",
        subject_id=trade.id,
        client_id=trade.counterparty_id,
        account_id=trade.account_id,
        public={
            "trade": queries.describe(trade, new, settlement_status),
            "before": queries.describe_version(old),
            "changed": changed,
            "reason": new.reason,
            "note": new.note,
            "consent": new.consent,
            "effective_at": stamp(new.effective_at),
            "obligations": obligations,
        },
        house={"made_by": str(new.made_by), "checked_by": str(new.checked_by), "approval": str(new.approval_id)},
        at=now,
    )
