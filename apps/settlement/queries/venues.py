"""Venues and LPs that we prefund: where we pay in, what we keep there, and which transfer a movement is of."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from apps.clients import queries as clients
from apps.clients.models import Counterparty
from apps.core import db, money
from apps.ledger import queries as ledger
from apps.ledger.states import Kind
from apps.settlement.models import HouseTransfer, Instruction, VenueMovement, VenuePlace
from apps.settlement.states import HouseTransferStatus, InstructionStatus

from .due import BATCH

S, P = HouseTransferStatus, InstructionStatus
IN_FLIGHT = [P.SENDING, P.UNKNOWN]


def list_venues(entity_id: UUID, now: datetime) -> list[Counterparty]:
    """With whom an entity of ours keeps a balance: venues, and LPs that settle no deal with it later."""
    return [one for one in clients.list_liquidity() if clients.find_lp_terms(one.id, entity_id, now) is None]


def subject_of(entity_id: UUID, venue_id: UUID, asset: str) -> UUID:
    """What a request about a place is about, before there is one and after."""
    return uuid5(venue_id, f"{entity_id}:{asset}")


def find_place(entity_id: UUID, venue_id: UUID, asset: str) -> VenuePlace | None:
    """The version in force, also of one that is withdrawn."""
    rows = VenuePlace.objects.select_related("venue", "rail", "entity", "asset")
    return rows.filter(entity_id=entity_id, venue_id=venue_id, asset_id=asset).order_by("-version").first()


def get_place(place_id: UUID) -> VenuePlace | None:
    return VenuePlace.objects.select_related("venue", "rail", "entity", "asset").filter(id=place_id).first()


def list_places() -> list[VenuePlace]:
    """Every one as it is now, also those that are withdrawn."""
    rows = VenuePlace.objects.select_related("venue", "rail", "entity")
    return list(rows.order_by("venue_id", "entity_id", "asset_id", "-version").distinct("venue_id", "entity_id", "asset_id"))


def list_every_place() -> list[VenuePlace]:
    """Every version: money may still be on its way to an earlier one."""
    return list(VenuePlace.objects.select_related("venue", "entity", "rail").order_by("id"))


def standing(place: VenuePlace) -> str:
    """ACTIVE, or what keeps it from being paid to: WITHDRAWN, REPLACED."""
    last = find_place(place.entity_id, place.venue_id, place.asset_id)
    if last is None or last.id != place.id:
        return "REPLACED"
    return "WITHDRAWN" if last.withdrawn else "ACTIVE"


def lock_balance(place: VenuePlace) -> None:
    """Nobody else asks for this money until the transaction ends."""
    db.lock_name(f"venue:{place.entity_id}:{place.venue_id}:{place.asset_id}")


def get_available(i: Instruction, place: VenuePlace) -> Decimal:
    """What may still be fetched from a venue: its balance by the ledger, less what has been asked for, or may have been.

    What is on its way is read first: an answer that comes meanwhile is then counted twice for a moment, never not at all.
    """
    asked = _draws(place.venue_id, place.entity_id, place.asset_id).filter(status__in=IN_FLIGHT).exclude(id=i.id)
    flying = asked.aggregate(s=Sum("amount"))["s"] or money.ZERO
    kinds = [Kind.VENUE, Kind.IN_TRANSIT]
    return ledger.sum_amounts(place.entity_id, place.asset_id, kinds, owner_ids=[place.venue_id]) - flying


def _draws(venue_id: UUID, entity_id: UUID, asset: str) -> "QuerySet[Instruction]":
    rows = Instruction.objects.filter(direction="DRAW", house_transfer__place__venue_id=venue_id)
    return rows.filter(entity_id=entity_id, asset_id=asset)


@dataclass(frozen=True, slots=True)
class Watched:
    """What we keep with a venue in one asset; `since`: from when on its record is to be read again."""

    entity_id: UUID
    entity: str
    venue_id: UUID
    venue: str
    asset: str
    since: datetime | None


_WATCHED = """
SELECT DISTINCT ON (p.venue_id, p.entity_id, p.asset_id) p.entity_id, e.code, p.venue_id, c.code, p.asset_id,
  (SELECT least(max(m.booked_at), min(t.requested_at)) - interval '7 days' FROM settlement_venuemovement m
   LEFT JOIN settlement_housetransfer t ON t.place_id IN (SELECT id FROM settlement_venueplace o WHERE o.venue_id = p.venue_id)
     AND t.entity_id = p.entity_id AND t.asset_id = p.asset_id AND t.status IN ('INSTRUCTED', 'IN_TRANSIT')
   WHERE m.venue_id = p.venue_id AND m.entity_id = p.entity_id AND m.asset_id = p.asset_id)
FROM settlement_venueplace p JOIN instruments_bookingentity e ON e.id = p.entity_id JOIN clients_counterparty c ON c.id = p.venue_id
ORDER BY p.venue_id, p.entity_id, p.asset_id
"""


def list_watched() -> list[Watched]:
    """Every balance of ours with a venue of which a place is known; its record is read again from a week before what is open or known."""
    return [Watched(*row) for row in db.run(_WATCHED)]


def find_movement(venue_id: UUID, entity_id: UUID, asset: str, reference: str) -> VenueMovement | None:
    rows = VenueMovement.objects.filter(venue_id=venue_id, entity_id=entity_id, asset_id=asset, reference=reference)
    return rows.first() if reference else None


def list_known(venue_id: UUID, entity_id: UUID, asset: str, references: Iterable[str]) -> set[str]:
    """Those of a venue's references that are kept already."""
    rows = VenueMovement.objects.filter(venue_id=venue_id, entity_id=entity_id, asset_id=asset, reference__in=list(references))
    return set(rows.values_list("reference", flat=True))


def list_kept(movement_ids: Iterable[UUID]) -> set[UUID]:
    """Those of these movements that are there."""
    return set(VenueMovement.objects.filter(id__in=list(movement_ids)).values_list("id", flat=True))


def list_concerned(entity_id: UUID, venue_id: UUID, movements: Collection[VenueMovement]) -> set[UUID]:
    """Those of these movements that may be of something of ours: a draw by its key or name, a transfer there by its key, name or amount."""
    drawn = Instruction.objects.filter(direction="DRAW", house_transfer__place__venue_id=venue_id, entity_id=entity_id)
    keys, names = {one.key for one in movements if one.key}, {one.reference for one in movements if not one.key}
    by_key = set(drawn.filter(end_to_end_id__in=keys).values_list("asset_id", "end_to_end_id"))
    by_name = set(drawn.filter(rail_reference__in=names).values_list("asset_id", "rail_reference"))
    status, there = [S.INSTRUCTED, S.IN_TRANSIT], {"entity_id": entity_id, "place__venue_id": venue_id}
    going = list(HouseTransfer.objects.select_related("instruction").filter(status__in=status, target__isnull=True, **there))
    sums = {(one.asset_id, one.outstanding) for one in going}
    return {
        one.id
        for one in movements
        if one.takes_back
        or (one.asset_id, one.amount) in sums
        or any(of.asset_id == one.asset_id and _names(one, of.instruction) for of in going)
        or ((one.asset_id, one.key) in by_key if one.key else (one.asset_id, one.reference) in by_name)
    }


def find_drawn(movement: VenueMovement) -> Instruction | None:
    """What we asked this venue for, by our key, else by the venue's own name of it."""
    mine = _draws(movement.venue_id, movement.entity_id, movement.asset_id)
    named = Q(end_to_end_id=movement.key) if movement.key else Q(rail_reference=movement.reference)
    return mine.filter(named).first()


def list_on_their_way(**ends: object) -> list[HouseTransfer]:
    """Transfers in transit, the oldest first; then those whose payment may have left though we have no answer yet, since money is often
    faster than its answer: whoever ends one of these looks again, and lets it wait.

    :param ends: fields of the transfer, such as `target_id`
    """
    may_have_left = Q(status=S.INSTRUCTED, instruction__status__in=IN_FLIGHT)
    rows = HouseTransfer.objects.filter(may_have_left | Q(status=S.IN_TRANSIT), **ends)
    rows = rows.select_related("instruction", "source", "place__venue").order_by("requested_at", "id")
    return sorted(rows, key=lambda one: one.status != S.IN_TRANSIT)


def find_paid_in(movement: VenueMovement) -> UUID | None:
    """The transfer that money which came to us at a venue is of: one that it names, as the end or a part, else the oldest that lacks just
    so much.
    """
    found = list_on_their_way(target=None, place__venue_id=movement.venue_id, entity_id=movement.entity_id, asset_id=movement.asset_id)
    named = [one for one in found if _names(movement, one.instruction)]
    if named or movement.key:  # a key that is none of these is of something else
        return next((one.id for one in named if movement.amount <= one.outstanding), None)
    return next((one.id for one in found if movement.amount == one.outstanding), None)


def _names(movement: VenueMovement, payment: Instruction) -> bool:
    by_rail = bool(payment.rail_reference) and payment.rail_reference == movement.transaction
    return by_rail or (bool(movement.key) and payment.end_to_end_id in movement.key)


def list_unexplained(limit: int = BATCH) -> list[VenueMovement]:
    """Movements of which nobody knows what they are of, the oldest first; a fee by itself explains itself."""
    rows = VenueMovement.objects.filter(transfer__isnull=True).exclude(amount=0)
    return list(rows.select_related("venue", "entity").order_by("booked_at", "id")[:limit])


def list_waiting(but: Collection[UUID] = ()) -> list[UUID]:
    """Of these the ones that a transfer on its way may explain by now.

    :param but: what this run has tried already
    """
    going = HouseTransfer.objects.filter(
        status__in=[S.INSTRUCTED, S.IN_TRANSIT],
        place__venue_id=OuterRef("venue_id"),
        entity_id=OuterRef("entity_id"),
        asset_id=OuterRef("asset_id"),
    )
    rows = VenueMovement.objects.filter(Exists(going), transfer__isnull=True).exclude(amount=0).exclude(id__in=list(but))
    return list(rows.order_by("booked_at", "id").values_list("id", flat=True)[:BATCH])


def list_sent(transfer_ids: Iterable[UUID]) -> dict[UUID, list[tuple[str, Decimal]]]:
    """What a venue has sent for each of these transfers, as its record says: the rail's name of it ("" where it does not say), how much."""
    out: dict[UUID, list[tuple[str, Decimal]]] = {}
    rows = VenueMovement.objects.filter(transfer_id__in=list(transfer_ids), amount__lt=0)
    for transfer_id, transaction, amount in rows.values_list("transfer_id", "transaction", "amount"):
        out.setdefault(transfer_id, []).append((transaction, -amount))
    return out


def is_taken_back(movement: VenueMovement) -> bool:
    """Whether what it brought of its transfer is gone again."""
    rows = VenueMovement.objects.filter(venue_id=movement.venue_id, entity_id=movement.entity_id, asset_id=movement.asset_id)
    return rows.filter(takes_back=movement.reference, transfer_id=movement.transfer_id).exclude(id=movement.id).exists()


def get_movement(movement_id: UUID) -> VenueMovement | None:
    return VenueMovement.objects.filter(id=movement_id).first()
