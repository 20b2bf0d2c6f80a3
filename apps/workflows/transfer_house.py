"""Our own money from one of our accounts to another: asked by operations, checked by finance, released and sent like every payment."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.core import money
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.settlement import queries as settlement
from apps.settlement.errors import BadHouseTransfer
from apps.settlement.models import HouseTransfer, Instruction, Nostro, VenuePlace
from apps.settlement.operations import housing
from apps.settlement.queries import housing as queries
from apps.settlement.queries import venues
from apps.settlement.states import HouseTransferStatus
from apps.users import rules as people

ACT = "house_transfer"


@use_case
def ask_house_transfer(
    *, actor: Actor, source_id: UUID, target_id: UUID, amount: Decimal, reason: str, now: datetime
) -> tuple[HouseTransfer, Approval]:
    """Ask that money be moved between two accounts of one entity of ours, in one asset; finance answers.

    :param source_id: a nostro, or the place of a venue from which we fetch; so `target_id`, of which not both are places
    :raises AppError: RoleMissing, BadHouseTransfer (`pointer` names the field)
    """
    people.require_may(actor.roles, ACT)
    assert actor.id is not None
    source, target = _end(source_id, "/source"), _end(target_id, "/target")
    if source.id == target.id or (source.entity_id, source.asset_id) != (target.entity_id, target.asset_id):
        raise BadHouseTransfer("another account of the same entity, in the same asset", pointer="/target")
    if isinstance(source, VenuePlace) and isinstance(target, VenuePlace):
        raise BadHouseTransfer("from one venue to another money goes over an account of ours", pointer="/target")
    if source.rail_id != target.rail_id and "CHAIN" in (source.rail.kind, target.rail.kind):
        raise BadHouseTransfer(f"another network: {source.rail_id} does not reach {target.rail_id}", pointer="/target")
    if isinstance(target, VenuePlace):
        _require_kept(target, now)
    if not amount.is_finite() or not 0 < amount < Decimal(10) ** 18 or money.scale_of(amount) > source.asset.scale:
        raise BadHouseTransfer(f"above zero, in up to {source.asset.scale} decimals", pointer="/amount")
    if not 0 < len(reason.strip()) <= 200:
        raise BadHouseTransfer("say why, in up to 200 characters", pointer="/reason")
    made = housing.request(
        source=None if isinstance(source, VenuePlace) else source,
        target=None if isinstance(target, VenuePlace) else target,
        place=next((one for one in (source, target) if isinstance(one, VenuePlace)), None),
        amount=amount,
        reason=reason.strip(),
        made_by=actor.id,
        now=now,
    )
    asked = {"from": made.from_name, "to": made.to_name, "amount": money.text(amount), "asset": made.asset_id, "reason": made.reason}
    asked |= {"address": target.address} if isinstance(target, VenuePlace) else {}
    approval = approvals.request(
        kind=ACT,
        subject_type="house_transfer",
        subject_id=made.id,
        subject_version=str(made.status),
        title=f"{money.text(amount)} {made.asset_id} from {made.from_name} to {made.to_name}"[:200],
        payload=asked,
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        now=now,
    )
    return made, approval


def version(approval: Approval) -> str:
    return str(queries.lock(approval.subject_id).status)


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request of kind "house_transfer" or "capital_out" does; the sweep instructs it."""
    assert checker.id is not None
    housing.approve(transfer=queries.lock(approval.subject_id), checker=checker.id)


@step
def refused(*, approval: Approval, now: datetime) -> None:
    """REQUESTED → CANCELLED, whatever its request ended by."""
    found = queries.lock(approval.subject_id)
    if found.status == HouseTransferStatus.REQUESTED:
        housing.cancel(transfer_id=found.id)


@use_case
def cancel_house_transfer(*, actor: Actor, transfer_id: UUID, now: datetime) -> HouseTransfer:
    """Operations take it back before it is released, finance what they asked of capital.

    :raises AppError: RoleMissing, NotFound, IllegalMove
    """
    people.require_may(actor.roles, "capital" if queries.is_capital(transfer_id) else ACT)
    return housing.cancel(transfer_id=transfer_id)


@use_case
def instruct_house_transfer(*, transfer_id: UUID, now: datetime) -> Instruction | None:
    """APPROVED → INSTRUCTED, due today; None when someone was faster."""
    found = queries.list_all().get(id=transfer_id)
    nostro = found.source or found.target
    assert nostro is not None, "the constraint says so"
    return housing.instruct(transfer_id=transfer_id, due=now.astimezone(ZoneInfo(nostro.rail.zone)).date(), now=now)


def _end(end_id: UUID, pointer: str) -> Nostro | VenuePlace:
    found = settlement.list_nostros().filter(id=end_id).first() or venues.get_place(end_id)
    if found is None:
        raise BadHouseTransfer("no account of ours", pointer=pointer)
    return found


def _require_kept(place: VenuePlace, now: datetime) -> None:
    """Money goes only where we keep some, and by the way that stands."""
    if (how := venues.standing(place)) != "ACTIVE":
        raise BadHouseTransfer(f"that place is {how.lower()}", pointer="/target")
    if place.venue_id not in {one.id for one in venues.list_venues(place.entity_id, now)}:
        raise BadHouseTransfer(f"we keep nothing with {place.venue.name}", pointer="/target")
