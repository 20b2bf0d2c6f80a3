"""What clients are told of where to pay us: asked by operations, granted by finance, kept in versions."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients.rules import places
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.core.unit import step
from apps.settlement.errors import BadPayTo
from apps.settlement.models import Nostro, PayTo
from apps.settlement.queries.ways_in import find_pay_to
from apps.users import rules as roles

from . import versions

ACT = "pay_to"


@dataclass(frozen=True, slots=True)
class Told:
    """What is told beside the address, which never changes: another account of ours is another row."""

    holder: str
    bic: str = ""
    bank: str = ""
    withdrawn: bool = False


@step
def ask(*, maker: Actor, nostro_id: UUID, told: Told, reason: str, now: datetime) -> Approval:
    """Ask that clients be told otherwise.

    :raises NotFound: no such account of ours
    :raises BadPayTo: no holder, no reason, a BIC that is none, or a bank for a wallet
    """
    nostro = Nostro.objects.select_related("rail").filter(id=nostro_id).first()
    if nostro is None:
        raise NotFound("no such account of ours")
    if not told.holder or not reason:
        raise BadPayTo("whose account it is, and why it changes")
    if nostro.rail.kind == "CHAIN" and (told.bic or told.bank):
        raise BadPayTo("a wallet has no bank", pointer="bic")
    if told.bic and not places.is_bic(told.bic):
        raise BadPayTo("a BIC has 8 or 11 capitals and digits, without blanks", pointer="bic")
    old = find_pay_to(nostro_id)
    return approvals.request(
        kind=ACT,
        subject_type="nostro",
        subject_id=nostro_id,
        subject_version=_version(nostro_id),
        title=f"Where clients pay {nostro.asset_id}: {nostro.name}"[:200],
        payload={"address": nostro.address, "reason": reason, **asdict(told)},
        before={} if old is None else asdict(Told(old.holder, old.bic, old.bank, old.withdrawn)),
        maker=maker,
        checker_roles=roles.ACTS[ACT][1],
        now=now,
    )


def version(approval: Approval) -> str:
    return _version(approval.subject_id)


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """A new version, from now on."""
    asked = approval.payload
    versions.keep(
        of=PayTo,
        version=int(version(approval)),
        approval=approval,
        checker=checker,
        now=now,
        nostro_id=approval.subject_id,
        holder=asked["holder"],
        bic=asked["bic"],
        bank=asked["bank"],
        withdrawn=asked["withdrawn"],
    )


def _version(nostro_id: UUID) -> str:
    found = find_pay_to(nostro_id)
    return str(0 if found is None else found.version)
