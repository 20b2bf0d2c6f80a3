"""An LP or venue that we hedge with is taken on, and its terms change: asked for by sales, signed by compliance and risk.

Nothing of it is there before the last signature, so nothing can be dealt with it. Where it is to be paid, operations sign the file too.
Terms are versions; a hedge keeps those it was dealt under. Limits change on the credit page, places by :mod:`apps.workflows.verify_ssi`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import available_timezones

from stdnum import lei as lei_number

from apps.approvals import operations as approvals
from apps.approvals import queries as approval_queries
from apps.approvals.models import Approval
from apps.clients import operations as clients
from apps.clients import queries
from apps.clients.errors import BadLei, SsiKnown
from apps.clients.models import Account, Counterparty, SettlementMode, Ssi, Terms
from apps.clients.operations import Place
from apps.clients.rules import places as places_rules
from apps.clients.states import ClientStatus, SsiStatus
from apps.compliance import operations as compliance
from apps.core import money
from apps.core.actor import Actor
from apps.core.errors import Conflict, NotFound, Rejected
from apps.core.unit import step, use_case
from apps.credit import operations as credit
from apps.credit.operations.lines import Hands, Limits
from apps.credit.states import Level, Measure
from apps.instruments import queries as instruments
from apps.instruments.models import Book
from apps.users import rules as people

from .onboard_client import REVIEWED_EVERY

KIND, TERMS, PLACE = "lp", "lp_terms", "ssi"
ONBOARDING, CHANGING = "client", "terms"  # who makes and checks it (users.rules.ACTS)
ROLES = ("LP", "VENUE")
TENORS = (0, 1, 2)
MOST_BPS = Decimal(1000)
_CODES = UUID("6ba7b814-9dad-11d1-80b4-00c04fd430c8")
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{1,24}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


class BadLp(Rejected):
    """`pointer` names the field."""

    code, title = "bad_lp", "An LP or venue cannot be taken on so"


class LpKnown(Conflict):
    code, title = "lp_known", "There is a counterparty of this code"


class ScreeningHit(Rejected):
    """The lists say more of the name than whoever signed has seen."""

    code, title = "screening_hit", "The name is found on a list"


@dataclass(frozen=True, slots=True)
class LpTerms:
    """On what it settles with one of our entities.

    PREFUNDED: we hold assets there and hedges post at once. CLIENT_FIRST, CREDIT: over the counter, it pays first, or each side by itself.
    `netting`: the agreement under which what is due on one date is paid net; empty: each hedge is paid gross. `cutoff` is wall time in
    `zone`. `tenor`: business days to the value date of a hedge that names none, by default the pair's. `fee_bps`: of the quote amount.
    """

    entity: str
    book: str
    mode: str
    netting: str = ""
    cutoff: time = time(16, 0)
    zone: str = "Europe/London"
    tenor: int | None = None
    fee_bps: Decimal = money.ZERO


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
    people.require_may(actor.roles, ONBOARDING)
    _require_possible(newcomer, now)
    subject = uuid5(_CODES, newcomer.code)
    screened = compliance.screen(subject_type="counterparty", subject_id=subject, name=newcomer.name, now=now)
    return approvals.request(
        kind=KIND,
        subject_type="counterparty",
        subject_id=subject,
        subject_version="none",
        title=f"{newcomer.name}: a new {'venue' if newcomer.role == 'VENUE' else 'LP'}",
        payload=_told(newcomer) | {"screening": ", ".join(screened.matches) or "clear"},
        maker=actor,
        checker_roles=people.ACTS[ONBOARDING][1],
        also=[people.ACTS[CHANGING][1], *([people.ACTS[PLACE][1]] if newcomer.places else [])],
        now=now,
    )


def version(approval: Approval) -> str:
    """Whether the code is still free."""
    return "none" if _find(approval.payload["code"]) is None else "taken"


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
    if (", ".join(found.matches) or "clear") != asked["screening"]:
        raise ScreeningHit(f"{lp.name}: {', '.join(found.matches) or 'clear'}, and it was asked with {asked['screening']}")
    account = _account_of(lp)
    _set_terms(account, asked["terms"], now)
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
def ask_terms(*, actor: Actor, code: str, terms: LpTerms, reason: str, now: datetime) -> Approval:
    """Ask risk for another version of an LP's or venue's terms, or for the first one. Hedges from then on are under it.

    :raises RoleMissing: not of sales and not a trader
    :raises NotFound: no such counterparty
    :raises BadLp: it is no LP or venue, not with us, or `pointer` names what is wrong
    :raises ApprovalOpen: other terms are asked for already
    """
    people.require_may(actor.roles, CHANGING)
    lp = queries.get_client(code)
    role = next((one for one in ROLES if one in lp.roles), None)
    if role is None or "CLIENT" in lp.roles or lp.status not in _WITH_US:
        raise BadLp(f"{code} is no LP or venue that is with us, or a client too", pointer="code")
    if not reason:
        raise BadLp("why?", pointer="reason")
    _require_terms(terms, role)
    before = queries.find_terms_of(lp.id)
    if before is not None and before.entity_id != _book_of(terms).entity_id:
        raise BadLp("its account is with another entity of ours, and what is open settles there", pointer="entity")
    old = {} if before is None else _told_terms(_read(before))
    if _told_terms(terms) == old:
        raise BadLp("nothing changes", pointer="terms")
    return approvals.request(
        kind=TERMS,
        subject_type="counterparty",
        subject_id=lp.id,
        subject_version=_version(before),
        title=f"Terms of {lp.name}",
        payload={"terms": _told_terms(terms), "why": reason[:200]},
        before={"terms": old},
        maker=actor,
        checker_roles=people.ACTS[CHANGING][1],
        now=now,
    )


def terms_version(approval: Approval) -> str:
    return _version(queries.find_terms_of(queries.lock_counterparty(approval.subject_id).id))


@step
def execute_terms(*, approval: Approval, checker: Actor, now: datetime) -> Terms:
    """What an approved request of kind "lp_terms" does: the next version."""
    lp = queries.lock_counterparty(approval.subject_id)
    account = queries.list_accounts(lp.id).filter(is_default=True).first()
    if account is None:
        account = _account_of(lp)
        for status in (ClientStatus.ONBOARDING, ClientStatus.APPROVED):
            clients.set_status(thing=account, status=status, reason="its first terms")
    return _set_terms(account, approval.payload["terms"], now)


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


_OF_A_VERSION = {"id", "account_id", "version", "effective_from", "effective_until"}
_WITH_US = {ClientStatus.APPROVED, ClientStatus.RESTRICTED, ClientStatus.SUSPENDED}


def _read(terms: Terms) -> LpTerms:
    return LpTerms(
        entity=instruments.get_entity_by_id(terms.entity_id).code,
        book=instruments.get_book_by_id(terms.book_id).code,
        mode=terms.mode,
        netting=terms.netting_agreement if terms.payment_netting else "",
        cutoff=terms.netting_cutoff,
        zone=terms.netting_zone,
        tenor=terms.tenor,
        fee_bps=terms.fee_bps,
    )


def _account_of(lp: Counterparty) -> Account:
    return clients.create_account(owner=lp, code=f"{lp.code}-main", name=f"{lp.name} main"[:120])


def _set_terms(account: Account, asked: Mapping[str, Any], now: datetime) -> Terms:
    terms = LpTerms(
        **{
            **asked,
            "cutoff": time.fromisoformat(asked["cutoff"]),
            "tenor": None if asked["tenor"] is None else int(asked["tenor"]),
            "fee_bps": Decimal(asked["fee_bps"]),
        }
    )
    book, old = _book_of(terms), queries.find_terms_of(account.owner_id)
    kept = {"pairs": [], "auto_max_usd": money.ZERO} if old is None else {name: getattr(old, name) for name in _kept(old)}
    given = {
        "entity_id": book.entity_id,
        "book_id": book.id,
        "mode": terms.mode,
        "fee_bps": terms.fee_bps,
        "payment_netting": bool(terms.netting),
        "netting_agreement": terms.netting,
        "netting_cutoff": terms.cutoff,
        "netting_zone": terms.zone,
        "tenor": terms.tenor,
    }
    return clients.set_terms(account=account, now=now, **kept | given)


def _kept(terms: Terms) -> list[str]:
    """The fields that a new version takes over from the one before."""
    return [f.attname for f in terms._meta.concrete_fields if f.attname not in _OF_A_VERSION]


def _book_of(terms: LpTerms) -> Book:
    book = instruments.find_book(terms.book)
    if book is None or book.entity.code != terms.entity:
        raise BadLp(f"no book {terms.book} of {terms.entity}", pointer="book")
    return book


def _require_possible(newcomer: Newcomer, now: datetime) -> None:
    if not _CODE.fullmatch(newcomer.code):
        raise BadLp("2 to 25 small letters, digits and hyphens", pointer="code")
    if _find(newcomer.code) is not None:
        raise LpKnown(newcomer.code)
    if not 1 <= len(newcomer.name) <= 110:
        raise BadLp("its legal name, 1 to 110 characters", pointer="name")
    if newcomer.lei and not lei_number.is_valid(newcomer.lei):
        raise BadLei(f"{newcomer.code}: {newcomer.lei}")
    if not _COUNTRY.fullmatch(newcomer.country):
        raise BadLp("two capitals, as ISO 3166 has them", pointer="country")
    if newcomer.email and ("@" not in newcomer.email or len(newcomer.email) > 200):
        raise BadLp("no e-mail address", pointer="email")
    if newcomer.role not in ROLES:
        raise BadLp(f"one of {', '.join(ROLES)}", pointer="role")
    _require_terms(newcomer.terms, newcomer.role)
    if (newcomer.limit is None) != (newcomer.limit_until is None):
        raise BadLp("a limit has an amount and a last day", pointer="limit")
    if newcomer.limit is not None and newcomer.limit_until is not None and (newcomer.limit <= 0 or _end_of(newcomer.limit_until) <= now):
        raise BadLp("above zero, and until a day ahead", pointer="limit")
    for place in newcomer.places:
        _require_place(place)
    if len({place.asset for place in newcomer.places}) < len(newcomer.places):
        raise BadLp("one place an asset", pointer="places")


def _require_terms(terms: LpTerms, role: str) -> None:
    _book_of(terms)
    if terms.mode not in SettlementMode.values:
        raise BadLp(f"one of {', '.join(SettlementMode.values)}", pointer="mode")
    if role == "VENUE" and terms.mode != SettlementMode.PREFUNDED:
        raise BadLp("a venue is prefunded", pointer="mode")
    if terms.netting and (terms.mode == SettlementMode.PREFUNDED or len(terms.netting) > 80):
        raise BadLp("an agreement of at most 80 characters; nothing is netted where we prefund", pointer="netting")
    if terms.zone not in available_timezones():
        raise BadLp("a zone such as Europe/London", pointer="zone")
    if terms.tenor is not None and terms.tenor not in TENORS:
        raise BadLp(f"T+{', T+'.join(map(str, TENORS))}, or the pair's own", pointer="tenor")
    if not terms.fee_bps.is_finite() or not 0 <= terms.fee_bps < MOST_BPS or money.scale_of(terms.fee_bps) > 6:
        raise BadLp(f"0 or more and below {MOST_BPS}, to six decimals", pointer="fee_bps")


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
        "terms": _told_terms(newcomer.terms),
        "limit": "" if newcomer.limit is None else money.text(newcomer.limit),
        "limit_until": "" if newcomer.limit_until is None else newcomer.limit_until.isoformat(),
        "places": {one.asset: {"rail": one.rail, "address": one.address, "bic": one.bic} for one in newcomer.places},
    }


def _told_terms(terms: LpTerms) -> dict[str, Any]:
    return {
        "entity": terms.entity,
        "book": terms.book,
        "mode": terms.mode,
        "netting": terms.netting,
        "cutoff": terms.cutoff.isoformat("minutes"),
        "zone": terms.zone,
        "tenor": terms.tenor,
        "fee_bps": money.text(terms.fee_bps),
    }


def _find(code: str) -> Counterparty | None:
    try:
        return queries.get_client(code)
    except NotFound:
        return None


def _version(terms: Terms | None) -> str:
    return "none" if terms is None else str(terms.version)


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(0), UTC)


def _signed_by_risk(approval: Approval, checker: Actor) -> UUID:
    slots, taken = approval_queries.read_slots(approval)
    assert checker.id is not None
    risk = next(n for n, roles in enumerate(slots) if set(roles) == people.ACTS[CHANGING][1])
    return taken.get(risk, checker.id)
