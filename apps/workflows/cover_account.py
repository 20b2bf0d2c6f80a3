"""Whose client an account is: sales people with their shares of the credit, and who introduced it. Each deal keeps it as it was."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import operations as clients
from apps.clients import queries
from apps.clients.models import Coverage
from apps.core import money
from apps.core.actor import Actor
from apps.core.errors import NotFound, Rejected
from apps.core.unit import step, use_case
from apps.users import queries as users
from apps.users import rules as people
from apps.users.errors import RoleMissing

KIND = "coverage"


class BadCoverage(Rejected):
    code, title = "bad_coverage", "An account cannot be covered so"


@use_case
def propose_coverage(*, actor: Actor, account: str, sales: Mapping[str, Decimal], introducer: str, now: datetime) -> Approval:
    """Ask risk that these people cover an account from now on.

    :param sales: username → share in percent; they sum to 100
    :param introducer: code of an INTRODUCER, or empty
    :raises RoleMissing: not sales
    :raises NotFound: no such account
    :raises BadCoverage: `pointer` names what is wrong
    """
    if actor.id is None or not people.may_make(actor.roles, KIND):
        raise RoleMissing("sales propose who covers an account")
    found = queries.get_account_by_code(account)
    _splits(sales)
    _introducer(introducer)
    before = queries.find_coverage(found.id)
    return approvals.request(
        kind=KIND,
        subject_type="account",
        subject_id=found.id,
        subject_version="none" if before is None else str(before.version),
        title=f"Coverage of {account}: {', '.join(f'{name} {money.text(share)} %' for name, share in sales.items()) or 'nobody'}",
        payload={"sales": {name: money.text(share) for name, share in sales.items()}, "introducer": introducer},
        before={} if before is None else _told(before),
        maker=actor,
        checker_roles=people.ACTS[KIND][1],
        now=now,
    )


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> Coverage:
    """What an approved request of kind "coverage" does: deals from now on keep it."""
    asked = approval.payload
    return clients.set_coverage(
        account_id=approval.subject_id,
        sales=_splits({name: Decimal(share) for name, share in asked["sales"].items()}),
        introducer_id=_introducer(asked["introducer"]),
        now=now,
    )


def version(approval: Approval) -> str:
    """The coverage as it is now."""
    found = queries.find_coverage(approval.subject_id)
    return "none" if found is None else str(found.version)


def _splits(sales: Mapping[str, Decimal]) -> list[dict[str, str]]:
    out = []
    for username, share in sales.items():
        try:
            person = users.get_by_username(username)
        except NotFound:
            raise BadCoverage(f"{username} is none of our people", pointer="/sales") from None
        if "sales" not in person.as_actor().roles:
            raise BadCoverage(f"{username} is not in sales", pointer="/sales")
        if not share.is_finite() or share <= 0:
            raise BadCoverage("a share is above zero", pointer="/sales")
        out.append({"person": str(person.id), "share": money.text(share)})
    if out and sum(sales.values()) != 100:
        raise BadCoverage("the shares sum to 100", pointer="/sales")
    return out


def _introducer(code: str) -> UUID | None:
    if not code:
        return None
    try:
        found = queries.get_client(code)
    except NotFound:
        raise BadCoverage(f"{code} is not known", pointer="/introducer") from None
    if "INTRODUCER" not in found.roles:
        raise BadCoverage(f"{code} is no introducer", pointer="/introducer")
    return found.id


def _told(coverage: Coverage) -> dict[str, Any]:
    known = users.names({UUID(one["person"]) for one in coverage.sales})
    sales = {known[UUID(one["person"])]: one["share"] for one in coverage.sales}
    return {"sales": sales, "introducer": "" if coverage.introducer is None else coverage.introducer.code}
