"""Lines with their use."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from apps.core import db, money

from .errors import CreditExceeded
from .models import Reservation
from .rules import Headroom, LineState
from .states import ReservationStatus

_LOOK = """
SELECT l.level, l.amount, l.excess, l.excess_until, l.valid_until,
  l.reserved - coalesce((SELECT sum(r.amount) FROM credit_reservation r
                         WHERE r.line_id = l.id AND r.source_id = %s AND r.status = 'RESERVED'), 0),
  l.used, l.currency
FROM credit_line l WHERE (l.level, l.subject_id) IN (('GROUP', %s::uuid), ('CLIENT', %s), ('ACCOUNT', %s))
"""


def list_live_reservations() -> QuerySet[Reservation]:
    """Those that still take part of a line."""
    return Reservation.objects.filter(status__in=[ReservationStatus.RESERVED, ReservationStatus.COMMITTED]).select_related("line")


def look(*, group_id: UUID | None, client_id: UUID, account_id: UUID, source_id: UUID, amount: Decimal, now: datetime) -> Headroom:
    """What reserving `amount` for a source, instead of what it has, would leave; nothing is locked or taken.

    :raises CreditExceeded: no line, or it does not fit
    """
    lines = [(LineState(*row[:7]), row[7]) for row in db.run(_LOOK, (source_id, group_id, client_id, account_id))]
    if not lines:
        raise CreditExceeded("there is no credit line", binding="NONE", headroom="0")
    state, currency = min(lines, key=lambda line: line[0].headroom(now))
    before, limit = state.headroom(now), state.limit(now)
    if amount > before:
        left = money.text(max(before, money.ZERO))
        raise CreditExceeded(f"{money.text(amount)} {currency} needed, {left} left", binding=state.level, headroom=left)
    share = (state.reserved + state.used + amount) / limit if limit else Decimal(1)
    return Headroom(before=before, after=before - amount, currency=currency, binding=state.level, share_used=share)
