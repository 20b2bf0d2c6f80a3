"""What is open gets another value date, where its own is no day on which it can be paid."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from apps.core.unit import step
from apps.settlement.models import Obligation
from apps.settlement.states import ObligationStatus


@step
def move_open(*, obligations: Sequence[Obligation], day: date) -> list[Obligation]:
    """These, which the caller holds and which are OPEN with nothing paid, are due on `day`."""
    for one in obligations:
        assert one.status == ObligationStatus.OPEN and not one.settled_amount, "what is frozen or paid keeps its date"
        one.value_date = day
        one.save(update_fields=["value_date"])
    return list(obligations)


@step
def lock_open_on(*, day: date, trade_id: UUID | None = None, adjustment_id: UUID | None = None) -> list[Obligation]:
    """What is OPEN of a deal, or of an adjustment, on a day, and nothing of it paid; [] where something of it on that day is further."""
    rows = Obligation.objects.select_for_update(no_key=True, of=("self",)).filter(value_date=day)
    rows = rows.filter(**({"adjustment_id": adjustment_id} if trade_id is None else {"trade_id": trade_id}))
    found = [one for one in rows.order_by("id") if one.status not in {ObligationStatus.CANCELLED, ObligationStatus.SETTLED}]
    return found if all(one.status == ObligationStatus.OPEN and not one.settled_amount for one in found) else []
