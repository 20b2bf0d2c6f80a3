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
from apps.settlement.models import HouseTransfer, Instruction, Nostro
from apps.settlement.operations import housing
from apps.settlement.queries import housing as queries
from apps.settlement.states import HouseTransferStatus
from apps.users import rules as people

ACT = "house_transfer"


@use_case
def ask_house_transfer(
    *, actor: Actor, source_id: UUID, target_id: UUID, amount: Decimal, reason: str, now: datetime
) -> tuple[HouseTransfer, Approval]:
    """Ask that money be moved between two accounts of one entity of ours, in one asset; finance answers.

    :raises AppError: RoleMissing, BadHouseTransfer (`pointer` names the field)
    """
    people.require_may(actor.roles, ACT)
    assert actor.id is not None
    source, target = _place(source_id, "/source"), _place(target_id, "/target")
    if source.id == target.id or (source.entity_id, source.asset_id) != (target.entity_id, target.asset_id):
        raise BadHouseTransfer("another account of the same entity, in the same asset", pointer="/target")
    if source.rail_id != target.rail_id and "CHAIN" in (source.rail.kind, target.rail.kind):
        raise BadHouseTransfer(f"another network: {source.rail_id} does not reach {target.rail_id}", pointer="/target")
    if not amount.is_finite() or not 0 < amount < Decimal(10) ** 18 or money.scale_of(amount) > source.asset.scale:
        raise BadHouseTransfer(f"above zero, in up to {source.asset.scale} decimals", pointer="/amount")
    if not 0 < len(reason.strip()) <= 200:
        raise BadHouseTransfer("say why, in up to 200 characters", pointer="/reason")
    made = housing.request(source=source, target=target, amount=amount, reason=reason.strip(), made_by=actor.id, now=now)
    asked = {"from": source.name, "to": target.name, "amount": money.text(amount), "asset": source.asset_id, "reason": reason.strip()}
    approval = approvals.request(
        kind=ACT,
        subject_type="house_transfer",
        subject_id=made.id,
        subject_version=str(made.status),
        title=f"{money.text(amount)} {source.asset_id} from {source.name} to {target.name}"[:200],
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
    """What an approved request of kind "house_transfer" does; the sweep instructs it."""
    assert checker.id is not None
    housing.approve(transfer=queries.lock(approval.subject_id), checker=checker.id)


@step
def refused(*, approval: Approval, now: datetime) -> None:
    """REQUESTED → CANCELLED, whatever its request ended by."""
    found = queries.lock(approval.subject_id)
    if found.status == HouseTransferStatus.REQUESTED:
        housing.cancel(transfer=found)


@use_case
def cancel_house_transfer(*, actor: Actor, transfer_id: UUID, now: datetime) -> HouseTransfer:
    """Operations take it back before it is instructed.

    :raises AppError: RoleMissing, NotFound, IllegalMove
    """
    people.require_may(actor.roles, ACT)
    found = queries.lock(transfer_id)
    housing.cancel(transfer=found)
    return found


@use_case
def instruct_house_transfer(*, transfer_id: UUID, now: datetime) -> Instruction | None:
    """APPROVED → INSTRUCTED, due today; None when someone was faster."""
    zone = ZoneInfo(queries.list_all().get(id=transfer_id).source.rail.zone)
    return housing.instruct(transfer_id=transfer_id, due=now.astimezone(zone).date(), now=now)


def _place(nostro_id: UUID, pointer: str) -> Nostro:
    found = settlement.list_nostros().filter(id=nostro_id).first()
    if found is None:
        raise BadHouseTransfer("no account of ours", pointer=pointer)
    return found
