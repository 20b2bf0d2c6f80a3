"""Where we pay in at venues changes by two people; what a venue's record shows is taken in, asked of it or brought as a file."""

from datetime import datetime
from uuid import UUID

from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.clients.models import Counterparty
from apps.close.errors import BadVenueRecord
from apps.core.actor import Actor
from apps.core.csvlines import BadLine
from apps.core.errors import NotFound
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.settlement.errors import BadVenuePlace
from apps.settlement.models import VenueMovement
from apps.settlement.operations import venue_movements, venue_places
from apps.settlement.operations.venue_places import Way
from apps.settlement.queries import venues
from apps.settlement.rules.venues import Movement, read_record
from apps.users import rules as people
from apps.users.errors import RoleMissing


@use_case
def request_venue_place(*, actor: Actor, entity_id: UUID, counterparty: str, way: Way, reason: str, now: datetime) -> Approval:
    """Ask where one asset is paid in at a venue, or an LP that we prefund, from now on; finance answers.

    :raises AppError: RoleMissing, BadVenuePlace (`pointer` names the field), ApprovalOpen
    """
    people.require_may(actor.roles, venue_places.ACT)
    venue = next((one for one in venues.list_venues(entity_id, now) if one.code == counterparty), None)
    if venue is None:
        raise BadVenuePlace("no venue, and no LP that we prefund", pointer="/counterparty")
    entity = instruments.get_entity_by_id(entity_id)
    return venue_places.ask(maker=actor, entity=entity, venue=venue, way=way, reason=reason, now=now)


@use_case
def take_movement(*, entity_id: UUID, venue_id: UUID, told: Movement, now: datetime) -> VenueMovement | None:
    """One line of a venue's record as the venue answers it, once; None when it was known."""
    return venue_movements.take(entity_id=entity_id, venue_id=venue_id, told=told, source="API", now=now)


@use_case
def explain_movement(*, movement_id: UUID, now: datetime) -> bool:
    """What nothing explained when it came may be of a transfer by now: its payment has its answer."""
    found = venues.get_movement(movement_id)
    return found is not None and found.transfer_id is None and venue_movements.explain(movement=found, now=now)


@use_case
def import_venue_movements(*, actor: Actor | None, entity_id: UUID, counterparty: str, text: str, now: datetime) -> int:
    """Take in a venue's record of deposits, withdrawals and fees as a file: whole, or nothing of it.

    :param actor: who of operations brings it; None for a command of the operator
    :return: how many movements are new
    :raises RoleMissing: not operations
    :raises BadVenueRecord: it cannot be read; line and field are named
    """
    if actor is not None and not people.may_make(actor.roles, "lp_record"):
        raise RoleMissing("operations bring the record of a venue")
    venue = _venue(counterparty)
    try:
        found = read_record(text, {one.code for one in instruments.list_assets()}, now)
    except BadLine as no:
        raise BadVenueRecord(str(no), line=no.line, field=no.field) from None
    by = None if actor is None else actor.id
    return len(venue_movements.take_all(entity_id=entity_id, venue_id=venue.id, told=found, source="FILE", taken_by=by, now=now))


def _venue(code: str) -> Counterparty:
    try:
        return clients.get_liquidity(code)
    except NotFound as no:
        raise BadVenueRecord(no.detail, line=0, field="counterparty") from None
