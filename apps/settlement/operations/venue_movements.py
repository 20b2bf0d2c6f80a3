"""What a venue's own record shows: kept once, then what it does to the transfer that it is of, and to what we keep there."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from apps.core import ids, money
from apps.core.unit import step
from apps.events import operations as events
from apps.instruments.queries import get_entity_by_id as get_entity
from apps.ledger import operations as ledger
from apps.ledger.rules import Line, credit, debit
from apps.ledger.states import Kind
from apps.settlement.models import Instruction, VenueMovement
from apps.settlement.queries import housing as transfers
from apps.settlement.queries import venues
from apps.settlement.queries.locks import lock_chain
from apps.settlement.rules import postings
from apps.settlement.rules.postings import VenueTill
from apps.settlement.rules.venues import Movement
from apps.settlement.states import HouseTransferStatus, InstructionStatus

from . import housing, payments
from .nostros import book_of, business_date
from .payments import Gone

ARRIVED = "VENUE_ARRIVED"


@step
def take(*, entity_id: UUID, venue_id: UUID, told: Movement, source: str, now: datetime) -> VenueMovement | None:
    """Keep a movement, and move what it is about; None when it was known, so that reading a record again changes nothing."""
    taken = take_all(entity_id=entity_id, venue_id=venue_id, told=[told], source=source, now=now)
    return taken[0] if taken else None


@step
def take_all(
    *, entity_id: UUID, venue_id: UUID, told: Sequence[Movement], source: str, taken_by: UUID | None = None, now: datetime
) -> list[VenueMovement]:
    """Keep those movements that are not known, and move what each is about, in the order in which they were booked, and of one moment in
    that of the record.

    They are written together, and one by one only where a transfer or a payment of ours may be what a movement is of.

    :param source: API or FILE
    """
    made = [_born(entity_id, venue_id, one, source, taken_by, now) for one in told]  # their ids are in this order
    alike = sorted(made, key=lambda one: (one.asset_id, one.reference))  # for all who bring them
    VenueMovement.objects.bulk_create(alike, batch_size=1000, ignore_conflicts=True)  # who is faster has it: others wait here for that
    kept = venues.list_kept(one.id for one in made)
    new = sorted((one for one in made if one.id in kept), key=lambda one: one.booked_at)
    if not new:
        return []
    concerned, undone = venues.list_concerned(entity_id, venue_id, new), False
    entity, book_id = get_entity(entity_id), book_of(entity_id)
    for one in new:
        house = {"reference": one.reference, "asset": one.asset_id, "amount": money.text(one.amount), "fee": money.text(one.fee)}
        events.record("venue_movement.taken", subject_type="venue_movement", subject_id=one.id, house=house)
        if not one.amount:
            _charge(one, book_id, entity.business_date(one.booked_at))
        elif one.id in concerned or undone:  # what is taken back may be on its way again, and come with a later line
            undone = (explain(movement=one, now=now) and bool(one.takes_back)) or undone
    return new


def _born(entity_id: UUID, venue_id: UUID, told: Movement, source: str, taken_by: UUID | None, now: datetime) -> VenueMovement:
    return VenueMovement(
        id=ids.uuid7(),
        entity_id=entity_id,
        venue_id=venue_id,
        asset_id=told.asset,
        reference=told.reference,
        amount=told.amount,
        fee=told.fee,
        key=told.key,
        transaction=told.transaction,
        takes_back=told.takes_back,
        booked_at=told.booked_at,
        source=source,
        taken_by=taken_by,
        taken_at=now,
    )


@step
def explain(*, movement: VenueMovement, now: datetime) -> bool:
    """Find the transfer that a movement is of and move it on; its fee posts with it. False: a person has to look, or a payment's answer.

    :param movement: kept and of no transfer yet; whoever explains it holds its payment or its transfer
    """
    drawn = venues.find_drawn(movement)
    if drawn is not None:
        return _of_draw(movement, drawn, now)
    undone = venues.find_movement(movement.venue_id, movement.entity_id, movement.asset_id, movement.takes_back)
    if undone is not None and undone.transfer is not None:
        if undone.transfer.source_id is None:
            return _of_draw(movement, undone.transfer.instruction, now)
        return _taken_back(movement, undone)
    if movement.amount > 0:
        return _paid_in(movement, now)
    return False


def _of_draw(movement: VenueMovement, drawn: Instruction, now: datetime) -> bool:
    """What we asked for has left the venue, or is back there."""
    chain = lock_chain([drawn.id])
    if not _is_open(movement):
        return False
    if movement.amount < 0:
        may_leave = chain.instructions[drawn.id].status in {InstructionStatus.SENDING, InstructionStatus.UNKNOWN, InstructionStatus.SENT}
        gone = Gone(drawn.id, -movement.amount, movement.id, movement.booked_at)
        done = may_leave and payments.book(chain=chain, gone=gone, now=now)
    else:
        done = movement.amount == drawn.amount and payments.take_back(
            chain=chain, instruction_id=drawn.id, reason="the venue has it again", booked_at=movement.booked_at, now=now
        )
    if done:
        assert drawn.house_transfer_id is not None
        _keep(movement, drawn.house_transfer_id)
    return done


def _paid_in(movement: VenueMovement, now: datetime) -> bool:
    """Our money, or a part of it, has reached the venue."""
    found = venues.find_paid_in(movement)
    if found is None:
        return False
    transfer = transfers.lock(found)
    if transfer.status != HouseTransferStatus.IN_TRANSIT or movement.amount > transfer.outstanding or not _is_open(movement):
        return False
    _keep(movement, transfer.id)
    housing.add(transfer=transfer, amount=movement.amount, now=now)
    lines = [debit(_till(movement).ref(Kind.NOSTRO), movement.amount), credit(housing.transit(transfer), movement.amount)]
    _post(movement, ARRIVED, lines, business_date(movement.entity_id, movement.booked_at))
    return True


def _taken_back(movement: VenueMovement, undone: VenueMovement) -> bool:
    """What had come to us at the venue is gone again: so much of its transfer is on its way, or has failed, as its payment tells."""
    assert undone.transfer_id is not None
    transfer = transfers.lock(undone.transfer_id)
    whole = movement.amount == -undone.amount and undone.amount > 0
    if not whole or venues.is_taken_back(undone) or not _is_open(movement):
        return False
    _keep(movement, transfer.id)
    housing.go_back(transfer=transfer, amount=undone.amount)
    ledger.reverse(
        source_id=undone.id,
        kinds=[ARRIVED],
        effective_at=movement.booked_at,
        business_date=business_date(movement.entity_id, movement.booked_at),
        narrative=f"taken back: {movement.reference}"[:200],
    )
    return True


def _is_open(movement: VenueMovement) -> bool:
    """Whether nobody was faster; asked under the lock of its payment or transfer."""
    return VenueMovement.objects.filter(id=movement.id, transfer__isnull=True).exists()


def _keep(movement: VenueMovement, transfer_id: UUID) -> None:
    movement.transfer_id = transfer_id
    movement.save(update_fields=["transfer"])
    if movement.fee:
        _charge(movement, book_of(movement.entity_id), business_date(movement.entity_id, movement.booked_at))


def _charge(movement: VenueMovement, book_id: UUID, on: date) -> None:
    _post(movement, "CHARGE", postings.charge(_till(movement), book_id, movement.fee), on)


def _till(movement: VenueMovement) -> VenueTill:
    return VenueTill(movement.entity_id, movement.venue_id, movement.asset_id)


def _post(movement: VenueMovement, kind: str, lines: list[Line], on: date) -> None:
    ledger.post(
        key=f"movement:{movement.id}:{kind.lower()}",
        kind=kind,
        source_type="venue_movement",
        source_id=movement.id,
        lines=lines,
        effective_at=movement.booked_at,
        business_date=on,
        narrative=movement.reference,
    )
