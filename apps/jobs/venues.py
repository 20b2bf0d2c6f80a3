"""What venues show of our money with them: their record is read, and what nothing explained is looked at again. Safe to run twice."""

import logging
from functools import partial
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db import DatabaseError

from apps.core import clock
from apps.core.errors import AppError
from apps.settlement import queries as settlement
from apps.settlement.queries import venues
from apps.settlement.queries.venues import Watched
from apps.settlement.rails import get_rail, joined
from apps.settlement.rails.base import Place
from apps.workflows.pay_in_at_venues import explain_movement, take_movement

from .lines import run_each
from .pages import each_once
from .reading import read_each

log = logging.getLogger(__name__)


def poll_venues() -> int:
    """New movements of every balance of ours, then those that wait for the answer to a payment; how many were read."""
    carry_simulated()
    return poll() + explain_waiting()


def carry_simulated() -> int:
    """What simulated rails have paid to simulated venues reaches these, and the other way round: nobody else brings it."""
    if not settings.SIM_RAILS["joined"]:
        return 0
    now, carried = clock.desk_now(), 0
    nostros = list(settlement.list_nostros())
    for way in venues.list_every_place():
        venue, there = adapter(way.venue.code), place_of(way.venue.code, way.entity.code, way.asset_id)
        for one in nostros:
            if (one.entity_id, one.asset_id) != (way.entity_id, way.asset_id):
                continue
            rail, ours = get_rail(one.rail_id, one.rail.kind), Place(one.rail_id, one.address, one.asset_id, one.rail.confirmations)
            if joined.is_simulated(rail, venue):
                carried += joined.to_venue(ours, way.address, there, now=now)
                carried += joined.from_venue(there, way.venue.name, ours, on_chain=one.rail.kind == "CHAIN", now=now)
    return carried


def poll(venue: str = "") -> int:
    """New movements of what is ours with a venue; "" with all, one after the other."""
    watched = (one for one in venues.list_watched() if venue in {"", one.venue})
    return read_each(watched, _poll, whose=lambda one: one.venue, name=lambda one: f"{one.venue} {one.asset}")


def explain_waiting() -> int:
    """Movements that came before the answer to the payment that they are of; none of them is read here."""
    for movement_id in each_once(venues.list_waiting):
        try:
            explain_movement(movement_id=movement_id)
        except (AppError, DatabaseError) as no:
            log.warning("movement %s not explained: %s", movement_id, no)
    return 0


def _poll(watched: Watched) -> int:
    rail, read = adapter(watched.venue), 0
    record = rail.movements(place_of(watched.venue, watched.entity, watched.asset), since=watched.since, now=clock.desk_now())
    known = venues.list_known(watched.venue_id, watched.entity_id, watched.asset, (told.reference for told in record))
    for told in record:
        if told.reference in known:
            continue
        try:
            taken = take_movement(entity_id=watched.entity_id, venue_id=watched.venue_id, told=told)
        except (AppError, DatabaseError) as no:  # the others of its record do not wait for it
            log.warning("%s movement %s not read: %s", watched.venue, told.reference, no)
            continue
        read += taken is not None
    return read


def adapter(venue: str) -> Any:
    return get_rail(f"venue:{venue}", "VENUE")


def place_of(venue: str, entity: str, asset: str) -> Place:
    """What an entity of ours keeps with a venue, as its adapter is asked about it."""
    return Place(f"venue:{venue}", f"{entity}:{asset}", asset)


@shared_task(name="flowdesk.read_venues")
def read_venues() -> None:
    run_each([("carry", carry_simulated)])
    run_each((f"read:venue:{code}", partial(poll, code)) for code in sorted({one.venue for one in venues.list_watched()}))
    run_each([("explain_movements", explain_waiting)])
