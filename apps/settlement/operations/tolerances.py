"""By how much a payment may fall short of what is owed and still count as whole: asked by operations, granted by finance."""

from datetime import datetime
from decimal import Decimal
from uuid import NAMESPACE_OID, uuid5

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.core import money
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.core.unit import step
from apps.instruments.models import Asset
from apps.settlement.errors import BadTolerance
from apps.settlement.models import MatchTolerance
from apps.settlement.queries.receiving import find_tolerance
from apps.users import rules as roles

from . import versions

ACT = "match_tolerance"


@step
def ask(*, maker: Actor, asset: str, amount: Decimal, reason: str, now: datetime) -> Approval:
    """Ask for another tolerance of an asset, in its units; zero lets nothing go.

    :raises NotFound: no such asset
    :raises BadTolerance: no amount of it, or no reason
    """
    found = Asset.objects.filter(code=asset).first()
    if found is None:
        raise NotFound(f"no asset {asset}")
    if amount < 0 or money.scale_of(amount) > found.scale:
        raise BadTolerance(f"{amount.normalize():f} is no amount of {asset}: {found.scale} decimals at most")
    if not reason:
        raise BadTolerance("say why")
    old = find_tolerance(asset)
    return approvals.request(
        kind=ACT,
        subject_type="match_tolerance",
        subject_id=uuid5(NAMESPACE_OID, f"match-tolerance:{asset}"),
        subject_version=str(0 if old is None else old.version),
        title=f"Tolerance of {asset}: {money.text(amount)}",
        payload={"asset": asset, "amount": money.text(amount), "reason": reason},
        before={"asset": asset, "amount": money.text(old.amount if old is not None else money.ZERO)},
        maker=maker,
        checker_roles=roles.ACTS[ACT][1],
        now=now,
    )


def version(approval: Approval) -> str:
    found = find_tolerance(approval.payload["asset"])
    return str(0 if found is None else found.version)


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    asked = approval.payload
    versions.keep(
        of=MatchTolerance,
        version=int(version(approval)),
        approval=approval,
        checker=checker,
        now=now,
        asset_id=asked["asset"],
        amount=Decimal(asked["amount"]),
    )
