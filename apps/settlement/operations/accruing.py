"""Commissions accrue as deals are made, corrected and cancelled; a payout owes what has accrued."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db, ids, money
from apps.core.unit import step
from apps.events import operations as events
from apps.ledger import operations as ledger
from apps.ledger.rules import Ref, credit, debit
from apps.ledger.states import Kind
from apps.settlement.errors import BadCommission
from apps.settlement.models import Accrual, Adjustment, CommissionRate
from apps.settlement.queries import accruing as queries
from apps.settlement.queries.accruing import ToAccrue
from apps.settlement.rules import accruing as rules

from .nostros import business_date


@step
def set_rate(
    *,
    introducer_id: UUID,
    client_id: UUID,
    account_id: UUID,
    basis: str,
    rate: Decimal,
    reason: str,
    made_by: UUID,
    checked_by: UUID,
    now: datetime,
) -> CommissionRate:
    """The next version, in force from now on: deals made before keep theirs.

    :raises BadCommission: somebody else has just set it
    """
    last = queries.find_rate(introducer_id, client_id)
    made = CommissionRate(
        id=ids.uuid7(),
        introducer_id=introducer_id,
        client_id=client_id,
        account_id=account_id,
        version=1 if last is None else last.version + 1,
        basis=basis,
        rate=rate,
        effective_from=now,
        reason=reason,
        made_by=made_by,
        checked_by=checked_by,
    )
    with db.refuse_on("commissionrate_version", BadCommission("somebody else has just set it", pointer="/rate")):
        db.insert(made)
    house = {"basis": basis, "rate": money.text(rate), "version": made.version}
    events.record("commission_rate.set", subject_type="commission_rate", subject_id=made.id, house=house)
    return made


@step
def accrue(*, one: ToAccrue, before: Decimal, now: datetime) -> Decimal:
    """What this version of a deal earns in all, booked by the difference to what it has accrued; that difference.

    :param before: what the deal has accrued so far
    """
    earned = (
        money.ZERO
        if one.action == "CANCEL"
        else rules.due(
            basis=one.basis,
            rate=one.rate,
            side=one.side,
            quantity=one.quantity,
            price=one.price,
            quote_quantity=one.quote_quantity,
            trader_rate=one.trader_rate,
            scale=one.scale,
        )
    )
    amount, today = earned - before, business_date(one.entity_id, now)
    made = Accrual(
        id=ids.uuid7(),
        rate_id=one.rate_id,
        trade_id=one.trade_id,
        trade_version=one.number,
        introducer_id=one.introducer_id,
        asset_id=one.asset,
        due=earned,
        amount=amount,
        business_date=today,
        accrued_at=now,
    )
    db.insert(made)
    if amount:
        ledger.post(
            key=f"accrual:{made.id}",
            kind="COMMISSION",
            source_type="accrual",
            source_id=made.id,
            lines=[
                debit(Ref(one.entity_id, Kind.COMMISSION, one.asset, book_id=one.book_id), amount),
                credit(accrued_to(one.entity_id, one.introducer_id, one.asset), amount),
            ],
            effective_at=now,
            business_date=today,
            narrative=f"commission on version {one.number}",
        )
        house = {"asset": one.asset, "amount": money.text(amount), "due": money.text(earned), "version": one.number}
        events.record("commission.accrued", subject_type="trade", subject_id=one.trade_id, house=house)
    return amount


@step
def claim(*, adjustment: Adjustment, expected: Decimal) -> None:
    """Everything that is accrued for the adjustment's account, and nobody has asked to pay, is paid by this adjustment.

    :raises BadCommission: it is not what was expected: a deal came, or was changed, meanwhile
    """
    rows = list(
        queries.unpaid(adjustment.account_id, adjustment.entity_id, adjustment.asset_id)
        .select_for_update(no_key=True, of=("self",))
        .order_by("id")
        .values_list("id", "amount")
    )
    if sum((amount for _, amount in rows), money.ZERO) != expected:
        raise BadCommission("a deal came meanwhile, or was changed: look again", pointer="/amount")
    Accrual.objects.filter(id__in=[one for one, _ in rows]).update(adjustment=adjustment)


def accrued_to(entity_id: UUID, introducer_id: UUID, asset: str) -> Ref:
    """What is accrued and not owed yet: PAYABLE of the introducer itself; what is owed stands on its account."""
    return Ref(entity_id, Kind.PAYABLE, asset, owner_id=introducer_id)
