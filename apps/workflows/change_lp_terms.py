"""On what terms we hedge with an LP or venue: asked for by sales or a trader, signed by risk. They are versions; a hedge keeps its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import operations as clients
from apps.clients import queries
from apps.clients.models import Account, Counterparty, SettlementMode, Terms
from apps.clients.states import ClientStatus
from apps.core import money
from apps.core.actor import Actor
from apps.core.errors import Rejected
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.instruments.models import Book
from apps.users import rules as people

from . import newcomers

KIND = "lp_terms"
ACT = "terms"  # who makes and checks it (users.rules.ACTS)
ROLES = ("LP", "VENUE")
TENORS = (0, 1, 2)
_OF_A_VERSION = {"id", "account_id", "version", "effective_from", "effective_until"}
_WITH_US = {ClientStatus.APPROVED, ClientStatus.RESTRICTED, ClientStatus.SUSPENDED}


class BadLp(Rejected):
    """`pointer` names the field."""

    code, title = "bad_lp", "An LP or venue cannot be taken on so"


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


@use_case
def ask_terms(*, actor: Actor, code: str, terms: LpTerms, reason: str, now: datetime) -> Approval:
    """Ask risk for another version of an LP's or venue's terms, or for the first one. Hedges from then on are under it.

    :raises RoleMissing: not of sales and not a trader
    :raises NotFound: no such counterparty
    :raises BadLp: it is no LP or venue, not with us, or `pointer` names what is wrong
    :raises ApprovalOpen: other terms are asked for already
    """
    people.require_may(actor.roles, ACT)
    lp = queries.get_client(code)
    role = next((one for one in ROLES if one in lp.roles), None)
    if role is None or "CLIENT" in lp.roles or lp.status not in _WITH_US:
        raise BadLp(f"{code} is no LP or venue that is with us, or a client too", pointer="code")
    if not reason:
        raise BadLp("why?", pointer="reason")
    require_terms(terms, role)
    before = queries.find_terms_of(lp.id)
    if before is not None and before.entity_id != _book(terms).entity_id:
        raise BadLp("its account is with another entity of ours, and what is open settles there", pointer="entity")
    old = {} if before is None else told(_read(before))
    if told(terms) == old:
        raise BadLp("nothing changes", pointer="terms")
    return approvals.request(
        kind=KIND,
        subject_type="counterparty",
        subject_id=lp.id,
        subject_version=_version(before),
        title=f"Terms of {lp.name}",
        payload={"terms": told(terms), "why": reason[:200]},
        before={"terms": old},
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        now=now,
    )


def version(approval: Approval) -> str:
    return _version(queries.find_terms_of(queries.lock_counterparty(approval.subject_id).id))


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> Terms:
    """What an approved request of kind "lp_terms" does: the next version."""
    lp = queries.lock_counterparty(approval.subject_id)
    account = queries.list_accounts(lp.id).filter(is_default=True).first()
    if account is None:
        account = create_account(lp=lp)
        for status in (ClientStatus.ONBOARDING, ClientStatus.APPROVED):
            clients.set_status(thing=account, status=status, reason="its first terms")
    return set_terms(account=account, asked=approval.payload["terms"], now=now)


@step
def create_account(*, lp: Counterparty) -> Account:
    """The one account of an LP or venue, PROSPECT."""
    return clients.create_account(owner=lp, code=f"{lp.code}-main", name=f"{lp.name} main"[:120])


@step
def set_terms(*, account: Account, asked: Mapping[str, Any], now: datetime) -> Terms:
    """The next version, or the first, as :func:`told` writes it; what was not asked about stays as it is."""
    terms = LpTerms(
        **{
            **asked,
            "cutoff": time.fromisoformat(asked["cutoff"]),
            "tenor": None if asked["tenor"] is None else int(asked["tenor"]),
            "fee_bps": Decimal(asked["fee_bps"]),
        }
    )
    book, old = _book(terms), queries.find_terms_of(account.owner_id)
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


def require_terms(terms: LpTerms, role: str) -> None:
    """:raises BadLp: `pointer` names the field"""
    _book(terms)
    if terms.mode not in SettlementMode.values:
        raise BadLp(f"one of {', '.join(SettlementMode.values)}", pointer="mode")
    if role == "VENUE" and terms.mode != SettlementMode.PREFUNDED:
        raise BadLp("a venue is prefunded", pointer="mode")
    if terms.netting and terms.mode == SettlementMode.PREFUNDED:
        raise BadLp("nothing is netted where we prefund", pointer="netting")
    newcomers.require_agreement(terms.netting, bad=BadLp)
    if terms.zone not in available_timezones():
        raise BadLp("a zone such as Europe/London", pointer="zone")
    if terms.tenor is not None and terms.tenor not in TENORS:
        raise BadLp(f"T+{', T+'.join(map(str, TENORS))}, or the pair's own", pointer="tenor")
    newcomers.require_bps(terms.fee_bps, "fee_bps", least=money.ZERO, bad=BadLp)


def told(terms: LpTerms) -> dict[str, Any]:
    """As a request writes them."""
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


def _kept(terms: Terms) -> list[str]:
    """The fields that a new version takes over from the one before."""
    return [f.attname for f in terms._meta.concrete_fields if f.attname not in _OF_A_VERSION]


def _book(terms: LpTerms) -> Book:
    return newcomers.get_book(terms.entity, terms.book, bad=BadLp)


def _version(terms: Terms | None) -> str:
    return "none" if terms is None else str(terms.version)
