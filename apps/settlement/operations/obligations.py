"""What both sides owe from a deal: as dealt, and after each later version or allocation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from apps.clients.models import SettlementMode
from apps.core import db, ids, money
from apps.core.unit import step
from apps.settlement.models import Instruction, Obligation
from apps.settlement.queries.due import let_in
from apps.settlement.states import ENDED_PART, OBLIGATION, InstructionStatus, ObligationStatus
from apps.trades.models import Trade, TradeVersion

from . import instructions

UNSENT = [InstructionStatus.DRAFT, InstructionStatus.READY, InstructionStatus.BLOCKED, InstructionStatus.EXPECTED]


@step
def owe(*, trade: Trade, version: TradeVersion, account_id: UUID, settles_now: bool, now: datetime) -> list[Obligation]:
    """The two obligations of a client deal: what it pays we receive, what it receives we pay.

    :param settles_now: prefunded: settled as booked
    """
    made = [
        Obligation(
            id=ids.uuid7(),
            trade=trade,
            version=version,
            account_id=account_id,
            entity_id=trade.entity_id,
            asset_id=asset,
            direction=direction,
            amount=amount,
            settled_amount=amount if settles_now else money.ZERO,
            value_date=version.value_date,
            status=ObligationStatus.SETTLED if settles_now else ObligationStatus.OPEN,
            booked_at=now,
            settled_at=now if settles_now else None,
        )
        for direction, asset, amount in (
            ("RECEIVE", version.pays_asset, version.pays),
            ("PAY", version.receives_asset, version.receives),
        )
    ]
    db.insert(*made)
    return made


@dataclass(frozen=True, slots=True)
class Slice:
    """What one account pays and receives from a deal in all, by its current version: its own account, or one it is allocated to."""

    account_id: UUID
    allocation_id: UUID | None
    pays: Decimal
    receives: Decimal


@dataclass(frozen=True, slots=True)
class Restated:
    """What a version or an allocation did to a deal's obligations. `kept`: whether some of them stay, and what is new is a difference."""

    gone: list[Obligation]
    made: list[Obligation]
    kept: bool


@step
def restate(
    *,
    trade: Trade,
    version: TradeVersion,
    slices: Sequence[Slice],
    settles_now: bool,
    delta_date: date,
    now: datetime,
    sides: tuple[str, str] | None = None,
) -> Restated:
    """Bring what is owed from a deal to what its version says, account by account.

    What is OPEN, or instructed by itself and not yet released, is cancelled. What is in a net set, on its way or settled stays as it is,
    and what differs from the version is owed by a **delta**: Σ obligations of the deal = its current economics.

    :param slices: every account's part; one that has no part any more is left out
    :param delta_date: the value date of a difference to what stays
    :param sides: the assets in which the slices pay and receive; by default the version's, which is a client's
    """
    rows = Obligation.objects.select_for_update(no_key=True, of=("self",)).filter(trade=trade)
    mine = list(rows.exclude(status=ObligationStatus.CANCELLED).order_by("id"))
    wanted: dict[tuple[UUID, UUID | None, str], Decimal] = {}  # what is to be owed; what we receive above zero
    paid_in, received_in = sides or (version.pays_asset, version.receives_asset)
    for part in slices:
        wanted[part.account_id, part.allocation_id, paid_in] = part.pays
        wanted[part.account_id, part.allocation_id, received_in] = -part.receives
    same = {one.id for one in mine if one.version_id == version.id and wanted.get(_part(one)) == _signed(one)}
    gone = [one for one in mine if one.id not in same and let_go(one=one, reason="the deal has a new version")]
    for one in gone:
        OBLIGATION.move(one, ObligationStatus.CANCELLED)
        one.save(update_fields=["status"])
    kept = [one for one in mine if one.status != ObligationStatus.CANCELLED]
    left = dict(wanted)
    for one in kept:
        left[_part(one)] = left.get(_part(one), money.ZERO) - _signed(one)
    stays = any(one.status != ObligationStatus.OPEN for one in kept)
    made = [
        Obligation(
            id=ids.uuid7(),
            trade=trade,
            version=version,
            allocation_id=allocation_id,
            account_id=account_id,
            entity_id=trade.entity_id,
            asset_id=asset,
            direction="RECEIVE" if amount > 0 else "PAY",
            amount=abs(amount),
            settled_amount=abs(amount) if settles_now else money.ZERO,
            value_date=max(delta_date, version.value_date) if stays or version.value_date < now.date() else version.value_date,
            status=ObligationStatus.SETTLED if settles_now else ObligationStatus.OPEN,
            booked_at=now,
            settled_at=now if settles_now else None,
        )
        for (account_id, allocation_id, asset), amount in left.items()
        if amount
    ]
    for one in made:
        db.insert(one)
    return Restated(gone, made, stays)


def _part(one: Obligation) -> tuple[UUID, UUID | None, str]:
    return one.account_id, one.allocation_id, one.asset_id


def _signed(one: Obligation) -> Decimal:
    return Decimal(one.amount if one.direction == "RECEIVE" else -one.amount)


@step
def let_go(*, one: Obligation, reason: str) -> bool:
    """Whether an obligation is still free to go; a payment of its own that nobody has released is cancelled with it."""
    if one.status == ObligationStatus.INSTRUCTED and one.net_leg_id is None:
        last = list(_last(one).select_for_update(no_key=True, of=("self",)))
        if not last or any(each.status not in UNSENT for each in last):
            return False
        instructions.cancel(instructions=last, reason=reason)
        OBLIGATION.move(one, ObligationStatus.OPEN)
        one.save(update_fields=["status"])
        return True
    return _is_open(one)


def may_go(one: Obligation) -> bool:
    """What :func:`let_go` would say now: for asking, which changes nothing."""
    if one.status == ObligationStatus.INSTRUCTED and one.net_leg_id is None:
        last = list(_last(one))
        return bool(last) and all(each.status in UNSENT for each in last)
    return _is_open(one)


def _last(one: Obligation) -> "QuerySet[Instruction]":
    """The payment of its own that has not ended."""
    return Instruction.objects.filter(obligation=one).exclude(status__in=ENDED_PART)


def _is_open(one: Obligation) -> bool:
    return one.status == ObligationStatus.OPEN and not one.settled_amount


@step
def lock_open(*, account_id: UUID, entity_id: UUID, value_date: date, booked_until: datetime) -> list[Obligation]:
    """The OPEN obligations of a value date booked by an instant, of deals that are not disputed, locked in id order."""
    rows = Obligation.objects.select_for_update(no_key=True, of=("self",)).filter(
        account_id=account_id, entity_id=entity_id, value_date=value_date, status=ObligationStatus.OPEN, booked_at__lte=booked_until
    )
    rows = rows.filter(let_in(booked_until)).exclude(trade__terms__mode=SettlementMode.PREFUNDED)
    return list(rows.exclude(trade__disputes__status="OPEN").order_by("id"))


@step
def lock_of_adjustment(*, adjustment_id: UUID) -> list[Obligation]:
    """What an adjustment made owed, locked."""
    return list(Obligation.objects.select_for_update(no_key=True, of=("self",)).filter(adjustment_id=adjustment_id))


@step
def lock(*, obligation_ids: Sequence[UUID]) -> list[Obligation]:
    """These, locked in id order, with their accounts."""
    rows = Obligation.objects.select_for_update(no_key=True, of=("self",)).filter(id__in=list(obligation_ids))
    return list(rows.select_related("account").order_by("id"))
