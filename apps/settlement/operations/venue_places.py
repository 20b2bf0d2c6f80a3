"""Where we pay in at venues: asked by operations, granted by finance, kept in versions."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients.errors import BadSsi
from apps.clients.models import Counterparty
from apps.clients.rules import places
from apps.core.actor import Actor
from apps.core.unit import step
from apps.instruments.models import BookingEntity, Rail
from apps.settlement.errors import BadVenuePlace
from apps.settlement.models import VenuePlace
from apps.settlement.queries import venues
from apps.users import rules as roles

from . import versions

ACT = "venue_place"


@dataclass(frozen=True, slots=True)
class Way:
    """Where and how one asset is paid in; `reference` is what the venue wants to read beside the payment."""

    rail: str
    address: str
    holder: str
    bic: str = ""
    reference: str = ""
    withdrawn: bool = False


@step
def ask(*, maker: Actor, entity: BookingEntity, venue: Counterparty, way: Way, reason: str, now: datetime) -> Approval:
    """Ask that money be paid in there from now on, or no more.

    :param venue: one with which the entity keeps a balance
    :raises BadVenuePlace: `pointer` names the field
    :raises ApprovalOpen: another change of the same place waits
    """
    rail = Rail.objects.filter(code=way.rail).first()
    if rail is None:
        raise BadVenuePlace("no such rail", pointer="/rail")
    try:
        places.require_place(rail.code, rail.kind, way.address, way.bic, self_hosted=False)
    except BadSsi as no:
        raise BadVenuePlace(str(no.detail), pointer=no.extra.get("pointer", "/address")) from None
    for name, text, most in (("holder", way.holder, 120), ("reason", reason, 200)):
        if not 0 < len(text.strip()) <= most:
            raise BadVenuePlace(f"{name}: up to {most} characters", pointer=f"/{name}")
    if len(way.reference) > 35 or not (way.reference.isprintable() and way.reference.isascii()):
        raise BadVenuePlace("up to 35 plain characters", pointer="/reference")
    old = venues.find_place(entity.id, venue.id, rail.asset_id)
    if old is None and way.withdrawn:
        raise BadVenuePlace("there is none to withdraw", pointer="/withdrawn")
    return approvals.request(
        kind=ACT,
        subject_type="venue_place",
        subject_id=venues.subject_of(entity.id, venue.id, rail.asset_id),
        subject_version=_version(old),
        title=f"Where we pay {rail.asset_id} in at {venue.name}"[:200],
        payload={
            "entity": str(entity.id), "venue": str(venue.id), "asset": rail.asset_id, "reason": reason.strip(), **asdict(way),
        },
        before={} if old is None else asdict(_way(old)),
        maker=maker,
        checker_roles=roles.ACTS[ACT][1],
        now=now,
    )  # fmt: skip


def version(approval: Approval) -> str:
    return _version(_find(approval))


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """A new version, from now on; payments on their way to the one before it are BLOCKED by the gate."""
    asked = approval.payload
    versions.keep(
        of=VenuePlace,
        version=int(version(approval)),
        approval=approval,
        checker=checker,
        now=now,
        entity_id=UUID(asked["entity"]),
        venue_id=UUID(asked["venue"]),
        asset_id=asked["asset"],
        rail_id=asked["rail"],
        address=asked["address"],
        bic=asked["bic"],
        holder=asked["holder"],
        reference=asked["reference"],
        withdrawn=asked["withdrawn"],
    )


def _find(approval: Approval) -> VenuePlace | None:
    asked = approval.payload
    return venues.find_place(UUID(asked["entity"]), UUID(asked["venue"]), asked["asset"])


def _way(one: VenuePlace) -> Way:
    return Way(one.rail_id, one.address, one.holder, one.bic, one.reference, one.withdrawn)


def _version(found: VenuePlace | None) -> str:
    return str(0 if found is None else found.version)
