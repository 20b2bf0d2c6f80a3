"""An LP's own record of a business date, kept as it came."""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from apps.core import db, ids
from apps.core.unit import step
from apps.events import operations as events
from apps.trades.models import LpFill, LpRecord
from apps.trades.rules import Figures


@step
def keep_record(
    *,
    counterparty_id: UUID,
    trade_date: date,
    digest: str,
    fills: Mapping[str, tuple[int, Figures, datetime]],
    imported_by: UUID | None,
    now: datetime,
) -> tuple[LpRecord, bool]:
    """The record with its lines, once however often the same file comes.

    :param fills: by execution id: line, figures, executed at
    :return: the record, and whether it is new
    """
    known = LpRecord.objects.filter(counterparty_id=counterparty_id, trade_date=trade_date, digest=digest).first()
    if known is not None:
        return known, False
    record = LpRecord(
        id=ids.uuid7(),
        counterparty_id=counterparty_id,
        trade_date=trade_date,
        digest=digest,
        lines=len(fills),
        imported_by=imported_by,
        imported_at=now,
    )
    db.insert(record)
    LpFill.objects.bulk_create(
        [
            LpFill(
                id=ids.uuid7(),
                record=record,
                line=line,
                execution_id=execution_id,
                pair_code=one.instrument,
                side=one.side,
                quantity=one.quantity,
                price=one.price,
                fee=one.fee,
                executed_at=at,
            )
            for execution_id, (line, one, at) in fills.items()
        ],
        batch_size=1000,
    )
    house = {"date": trade_date.isoformat(), "lines": len(fills), "counterparty": str(counterparty_id)}
    events.record("lp_record.imported", subject_type="lp_record", subject_id=record.id, house=house)
    return record, True
