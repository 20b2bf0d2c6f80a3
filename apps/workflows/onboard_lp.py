"""An LP or venue that we hedge with is taken on: asked for by sales, signed by compliance and risk.

Nothing of it is there before the last signature, so nothing can be dealt with it. Where it is to be paid, operations sign the file too.
Its terms change by :mod:`apps.workflows.change_lp_terms`, limits on the credit page, places by :mod:`apps.workflows.verify_ssi`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_X500, UUID, uuid5

from apps.approvals import operations as approvals
from apps.approvals import queries as approval_queries
from apps.approvals.models import Approval
from apps.clients import operations as clients
from apps.clients import queries
from apps.clients.errors import SsiKnown
from apps.clients.models import Account, Ssi
from apps.clients.operations import Place
from apps.clients.rules import identity
from apps.clients.rules import places as places_rules
from apps.clients.states import ClientStatus, SsiStatus
from apps.compliance import operations as compliance
from apps.core import money
from apps.core.actor import Actor
from apps.core.errors import Conflict, Rejected
from apps.core.unit import step, use_case
from apps.credit import operations as credit
from apps.credit.operations.lines import Hands, Limits
from apps.credit.states import Level, Measure
from apps.instruments import queries as instruments
from apps.users import rules as people

from . import change_lp_terms, newcomers
from .change_lp_terms import ROLES, BadLp, LpTerms, create_account, require_terms, set_terms, told
from .onboard_client import REVIEWED_EVERY

KIND = "lp"
ACT, PLACE = "client", "ssi"  # who makes and checks it (users.rules.ACTS)


class LpKnown(Conflict):
    code, title = "lp_known", "There is a counterparty of this code"


class ScreeningHit(Rejected):
    """The lists say more of the name than whoever signed has seen."""

    code, title = "screening_hit", "The name is found on a list"


@dataclass(frozen=True, slots=True)
class Newcomer:
    """`limit`: what we may have open with it, in USD, until `limit_until`; None: no limit. `places`: where we pay it, one an asset."""

    code: str
    name: str
    country: str
    role: str
    terms: LpTerms
    lei: str = ""
    email: str = ""
    limit: Decimal | None = None
    limit_until: date | None = None
    places: Sequence[Place] = ()


@use_case
def ask_onboarding(*, actor: Actor, newcomer: Newcomer, now: datetime) -> Approval:
    """Ask compliance and risk, and operations where it is to be paid, that an LP or venue be taken on.

    :raises RoleMissing: not of sales or compliance
    :raises LpKnown: the code is somebody's
    :raises ApprovalOpen: it is asked already
    :raises AppError: BadLp, BadLei, BadSsi
    """
    people.require_may(actor.roles, ACT)
    _require_possible(newcomer, now)
    subject = uuid5(NAMESPACE_X500, newcomer.code)
    screened = compliance.screen(subject_type="counterparty", subject_id=subject, name=newcomer.name, now=now)
    return approvals.request(
        kind=KIND,
        subject_type="counterparty",
        subject_id=subject,
        subject_version="none",
        title=f"{newcomer.name}: a new {'venue' if newcomer.role == 'VENUE' else 'LP'}",
        payload=_told(newcomer) | {"screening": screened.found},
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        also=[people.ACTS[change_lp_terms.ACT][1], *([people.ACTS[PLACE][1]] if newcomer.places else [])],
        now=now,
    )


def version(approval: Approval) -> str:
    """Whether the code is still free."""
    return "taken" if queries.is_code_known(approval.payload["code"]) else "none"


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> Account:
    """What an approved request of kind "lp" does: it is there, APPROVED, with its account, terms, limit and places.

    :raises ScreeningHit: the lists say something else of the name than when it was asked
    """
    asked = approval.payload
    lp = clients.create_counterparty(
        code=asked["code"], name=asked["name"], lei=asked["lei"], country=asked["country"], roles=[asked["role"]], email=asked["email"]
    )
    found = compliance.screen(subject_type="counterparty", subject_id=lp.id, name=lp.name, now=now)
    if found.found != asked["screening"]:
        raise ScreeningHit(f"{lp.name}: {found.found}, and it was asked with {asked['screening']}")
    account = create_account(lp=lp)
    set_terms(account=account, asked=asked["terms"], now=now)
    if asked["limit"]:
        if (until := _end_of(date.fromisoformat(asked["limit_until"]))) <= now:
            raise BadLp("the limit's last day has passed while it was signed: ask again", pointer="/limit_until")
        limits = Limits(amount=Decimal(asked["limit"]), valid_from=now, valid_until=until)
        hands = Hands(approved_by=_signed_by_risk(approval, checker))
        credit.set_line(level=Level.LP, subject_id=lp.id, measure=Measure.PRE_SETTLEMENT, limits=limits, hands=hands, now=now)
    for asset, one in asked["places"].items():
        ssi = clients.create_ssi(
            account=account, rail_code=one["rail"], asset_code=asset, holder=lp.name, address=one["address"], bic=one["bic"], now=now
        )
        for move in (SsiStatus.VERIFYING, SsiStatus.APPROVED, SsiStatus.ACTIVE):
            clients.move_ssi(ssi=ssi, status=move, evidence=f"onboarding file, approval {approval.id}")
    clients.set_review(client_id=lp.id, due=(now + REVIEWED_EVERY).date())
    lp.refresh_from_db()
    for thing in (lp, account):
        for status in (ClientStatus.ONBOARDING, ClientStatus.APPROVED):
            clients.set_status(thing=thing, status=status, reason="taken on by compliance and risk")
    return account


@use_case
def name_place(*, actor: Actor, code: str, place: Place, now: datetime) -> Ssi:
    """Operations enter where an LP wants to be paid from now on; VERIFYING, until it is proven like a client's.

    :raises RoleMissing: not of operations
    :raises NotFound: no such counterparty
    :raises AppError: BadLp, BadSsi, SsiKnown
    """
    people.require_may(actor.roles, PLACE)
    lp = queries.get_client(code)
    account = queries.list_accounts(lp.id).filter(is_default=True).first()
    if not set(ROLES) & set(lp.roles) or account is None:
        raise BadLp(f"{code} is no LP or venue with an account", pointer="code")
    queries.lock_account(account.id)
    _require_place(place)
    if queries.is_address_taken(account.id, place.rail, place.asset, place.address):
        raise SsiKnown(place.address)
    ssi = clients.create_ssi(
        account=account, rail_code=place.rail, asset_code=place.asset, holder=lp.name, address=place.address, bic=place.bic, now=now
    )
    clients.move_ssi(ssi=ssi, status=SsiStatus.VERIFYING, evidence=f"entered by {actor.name}")
    return ssi


def _require_possible(newcomer: Newcomer, now: datetime) -> None:
    newcomers.require_company(code=newcomer.code, name=newcomer.name, country=newcomer.country, lei=newcomer.lei or None, bad=BadLp)
    if queries.is_code_known(newcomer.code):
        raise LpKnown(newcomer.code)
    if newcomer.email and not identity.is_email(newcomer.email):
        raise BadLp("no e-mail address", pointer="email")
    if newcomer.role not in ROLES:
        raise BadLp(f"one of {', '.join(ROLES)}", pointer="role")
    require_terms(newcomer.terms, newcomer.role)
    if (newcomer.limit is None) != (newcomer.limit_until is None):
        raise BadLp("a limit has an amount and a last day", pointer="limit")
    if newcomer.limit is not None and newcomer.limit_until is not None and (newcomer.limit <= 0 or _end_of(newcomer.limit_until) <= now):
        raise BadLp("above zero, and until a day ahead", pointer="limit")
    for place in newcomer.places:
        _require_place(place)
    if len({place.asset for place in newcomer.places}) < len(newcomer.places):
        raise BadLp("one place an asset", pointer="places")


def _require_place(place: Place) -> None:
    rail = {one.code: one for one in instruments.list_rails()}.get(place.rail)
    if rail is None or rail.asset_id != place.asset:
        raise BadLp(f"no rail {place.rail} for {place.asset}", pointer="rail")
    places_rules.require_place(place.rail, rail.kind, place.address, place.bic, self_hosted=place.self_hosted)


def _told(newcomer: Newcomer) -> dict[str, Any]:
    return {
        "code": newcomer.code,
        "name": newcomer.name,
        "lei": newcomer.lei,
        "country": newcomer.country,
        "email": newcomer.email,
        "role": newcomer.role,
        "terms": told(newcomer.terms),
        "limit": "" if newcomer.limit is None else money.text(newcomer.limit),
        "limit_until": "" if newcomer.limit_until is None else newcomer.limit_until.isoformat(),
        "places": {one.asset: {"rail": one.rail, "address": one.address, "bic": one.bic} for one in newcomer.places},
    }


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(0), UTC)


def _signed_by_risk(approval: Approval, checker: Actor) -> UUID:
    slots, taken = approval_queries.read_slots(approval)
    assert checker.id is not None
    risk = next(n for n, roles in enumerate(slots) if set(roles) == people.ACTS[change_lp_terms.ACT][1])
    return taken.get(risk, checker.id)
