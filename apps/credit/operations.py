"""Reserve at the quote, commit at the accept, release or close at the end. One reservation per request and line."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.core import db, ids, money
from apps.core.unit import step
from apps.events import operations as events

from .errors import CreditExceeded
from .models import Line, Reservation
from .rules import Headroom, LineState
from .states import ReservationStatus

_LOCK = """
SELECT id, level, amount, excess, excess_until, valid_until, reserved, used, currency FROM credit_line
WHERE (level, subject_id) IN (('GROUP', %s::uuid), ('CLIENT', %s), ('ACCOUNT', %s))
ORDER BY CASE level WHEN 'GROUP' THEN 1 WHEN 'CLIENT' THEN 2 ELSE 3 END
FOR NO KEY UPDATE
"""
_END = """
WITH k AS MATERIALIZED (
  SELECT l.id FROM credit_line l JOIN credit_reservation r ON r.line_id = l.id
  WHERE r.source_id = %(source)s ORDER BY CASE l.level WHEN 'GROUP' THEN 1 WHEN 'CLIENT' THEN 2 ELSE 3 END FOR NO KEY UPDATE OF l
), r AS (
  UPDATE credit_reservation c SET status = %(to)s, deal_id = coalesce(%(deal)s, c.deal_id), ended_at = %(ended)s
  FROM k WHERE c.line_id = k.id AND c.source_id = %(source)s AND c.status = %(from)s RETURNING c.line_id, c.amount
)
UPDATE credit_line l SET reserved = reserved + r.amount * %(reserved)s, used = used + r.amount * %(used)s
FROM r WHERE l.id = r.line_id RETURNING l.id
"""


@step
def reserve(
    *,
    group_id: UUID | None,
    client_id: UUID,
    account_id: UUID,
    source_id: UUID,
    amount: Decimal,
    value_date: date,
    now: datetime,
    locked: "list[tuple[UUID, LineState, str]] | None" = None,
) -> Headroom:
    """Take `amount` (in the lines' currency) of group, client and account lines, in that order of locks.

    :raises CreditExceeded: no line, or one of them has too little headroom
    """
    lines = locked if locked is not None else lock_lines(group_id=group_id, client_id=client_id, account_id=account_id)
    if not lines:
        raise CreditExceeded("there is no credit line", binding="NONE", headroom="0")
    binding = min(lines, key=lambda line: line[1].headroom(now))
    _, state, currency = binding
    before = state.headroom(now)
    if amount > before:
        raise CreditExceeded(
            f"{money.text(amount)} {currency} needed, {money.text(max(before, money.ZERO))} left on the {state.level.lower()} line",
            binding=state.level,
            headroom=money.text(max(before, money.ZERO)),
        )
    db.insert(
        *(
            Reservation(
                id=ids.uuid7(),
                line_id=line_id,
                source_id=source_id,
                account_id=account_id,
                amount=amount,
                value_date=value_date,
                created_at=now,
            )
            for line_id, _, _ in lines
        )
    )
    ended = CreditExceeded("a line or its excess ended at this moment", binding=state.level, headroom="0")
    taken = (amount, [line_id for line_id, _, _ in lines])
    # The trigger looks at the clock once more.
    db.send("UPDATE credit_line SET reserved = reserved + %s WHERE id = ANY(%s)", taken, refuse={"credit_limit": ended})
    limit = state.limit(now)
    share = (state.reserved + state.used + amount) / limit if limit else Decimal(1)
    return Headroom(before=before, after=before - amount, currency=currency, binding=state.level, share_used=share)


@step
def adjust(
    *,
    group_id: UUID | None,
    client_id: UUID,
    account_id: UUID,
    source_id: UUID,
    amount: Decimal,
    value_date: date,
    lower: bool,
    now: datetime,
) -> Headroom:
    """Bring a source's reservation to `amount`, taking a first one where it has none. History keeps both amounts.

    :param lower: whether it may become less; else a larger one stays as it is
    :raises CreditExceeded: it does not fit
    """
    lines = lock_lines(group_id=group_id, client_id=client_id, account_id=account_id)
    row = db.first("SELECT amount FROM credit_reservation WHERE source_id = %s AND status = 'RESERVED' LIMIT 1", (source_id,))
    taken = money.ZERO if row is None else row[0]
    if row is not None and (amount == taken or (amount < taken and not lower)):
        _, state, currency = min(lines, key=lambda line: line[1].headroom(now))
        after, limit = state.headroom(now), state.limit(now)
        share = (state.reserved + state.used) / limit if limit else Decimal(1)
        return Headroom(before=after + taken, after=after, currency=currency, binding=state.level, share_used=share)
    if row is not None:
        release(source_id=source_id, now=now)
    return reserve(
        group_id=group_id,
        client_id=client_id,
        account_id=account_id,
        source_id=source_id,
        amount=amount,
        value_date=value_date,
        now=now,
    )


@step
def lock_lines(*, group_id: UUID | None, client_id: UUID, account_id: UUID) -> list[tuple[UUID, LineState, str]]:
    """Lock group → client → account lines; each with its state and currency."""
    return [(row[0], LineState(*row[1:8]), row[8]) for row in db.run(_LOCK, (group_id, client_id, account_id))]


@step
def commit(*, source_id: UUID, deal_id: UUID) -> bool:
    """RESERVED → COMMITTED for a deal: it never fails for credit. False when nothing was reserved any more."""
    params = _moved(source_id, ReservationStatus.RESERVED, ReservationStatus.COMMITTED, reserved=-1, used=1, deal_id=deal_id, now=None)
    return bool(db.run(_END, params))


@step
def commit_with_next(*, source_id: UUID, deal_id: UUID) -> None:
    """:func:`commit` for who need not know: it goes out with, and before, the next statement that is waited for."""
    params = _moved(source_id, ReservationStatus.RESERVED, ReservationStatus.COMMITTED, reserved=-1, used=1, deal_id=deal_id, now=None)
    db.send(_END, params)


@step
def release(*, source_id: UUID, now: datetime) -> bool:
    """RESERVED → RELEASED; False when there was nothing to release."""
    params = _moved(source_id, ReservationStatus.RESERVED, ReservationStatus.RELEASED, reserved=-1, used=0, deal_id=None, now=now)
    return bool(db.run(_END, params))


@step
def close(*, source_id: UUID, now: datetime) -> bool:
    """COMMITTED → CLOSED: what it was taken for has settled."""
    params = _moved(source_id, ReservationStatus.COMMITTED, ReservationStatus.CLOSED, reserved=0, used=-1, deal_id=None, now=now)
    return bool(db.run(_END, params))


def _moved(
    source_id: UUID, old: ReservationStatus, new: ReservationStatus, *, reserved: int, used: int, deal_id: UUID | None, now: datetime | None
) -> dict[str, Any]:
    """The parameters of _END."""
    return {"source": source_id, "from": str(old), "to": str(new), "deal": deal_id, "ended": now, "reserved": reserved, "used": used}


@step
def set_line(
    *, level: str, subject_id: UUID, amount: Decimal, currency: str, valid_from: datetime, valid_until: datetime, approved_by: UUID | None
) -> Line:
    """Grant or change a line; cutting it below its use is a passive breach, not an error."""
    line = Line.objects.select_for_update(no_key=True).filter(level=level, subject_id=subject_id).first()
    if line is None:
        line = Line(
            id=ids.uuid7(),
            level=level,
            subject_id=subject_id,
            amount=amount,
            currency=currency,
            valid_from=valid_from,
            valid_until=valid_until,
        )
        line.approved_by = approved_by
        db.insert(line)
    else:
        line.amount, line.valid_from, line.valid_until, line.approved_by = amount, valid_from, valid_until, approved_by
        line.save(update_fields=["amount", "valid_from", "valid_until", "approved_by"])
    events.record(
        "line.set", subject_type="line", subject_id=line.id, house={"level": level, "amount": money.text(amount), "currency": currency}
    )
    return line
