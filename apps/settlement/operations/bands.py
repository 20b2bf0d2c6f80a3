"""How many people let a rail's payments go: asked by operations, granted by risk."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.core import money
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.core.unit import step
from apps.instruments.models import Rail
from apps.settlement.errors import BadBand, NobodyToCheck
from apps.settlement.models import ReleaseBand
from apps.settlement.queries.gate import find_band, get_band
from apps.settlement.rules.bands import Band, why_bad
from apps.users import queries as people
from apps.users import rules as roles

from . import versions

ACT = "release_band"


@step
def ask(*, maker: Actor, rail_code: str, band: Band, reason: str, now: datetime) -> Approval:
    """Ask that a rail's payments be let go otherwise.

    :raises NotFound: no such rail
    :raises BadBand: amounts that make no sense, or no reason
    :raises NobodyToCheck: two checkers, and operations have not three people
    """
    rail = Rail.objects.select_related("asset").filter(code=rail_code).first()
    if rail is None:
        raise NotFound(f"no rail {rail_code}")
    if why := why_bad(band, rail.asset.scale) or ("" if reason else "say why"):
        raise BadBand(why)
    if band.two_checkers is not None and people.count_with("operations") < 3:
        raise NobodyToCheck("one asks and two check: operations need three people")
    old = find_band(rail_code)
    return approvals.request(
        kind=ACT,
        subject_type="release_band",
        subject_id=uuid5(NAMESPACE_OID, f"release-band:{rail_code}"),
        subject_version=str(0 if old is None else old.version),
        title=f"Release of {rail_code}",
        payload={"rail": rail_code, "reason": reason, **describe(band)},
        before={"rail": rail_code, **({} if old is None else describe(get_band(rail_code)))},
        maker=maker,
        checker_roles=roles.ACTS[ACT][1],
        now=now,
    )


def describe(band: Band) -> dict[str, Any]:
    amounts = {"straight_through": band.straight_through, "two_checkers": band.two_checkers, "largest": band.largest}
    told: dict[str, Any] = {name: None if amount is None else money.text(amount) for name, amount in amounts.items()}
    return told | {"most_payments": band.most_payments}


def version(approval: Approval) -> str:
    found = find_band(approval.payload["rail"])
    return str(0 if found is None else found.version)


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    asked = approval.payload
    versions.keep(
        of=ReleaseBand,
        version=int(version(approval)),
        approval=approval,
        checker=checker,
        now=now,
        rail_id=asked["rail"],
        straight_through=Decimal(asked["straight_through"]),
        two_checkers=None if asked["two_checkers"] is None else Decimal(asked["two_checkers"]),
        largest=None if asked["largest"] is None else Decimal(asked["largest"]),
        most_payments=asked.get("most_payments"),  # absent where it was asked by an older version of us
    )
