"""On what terms a client deals on an account: asked for by sales or a trader, signed by risk. They are versions; a deal keeps its own.

They hold from the signature on, or from a later instant that was asked for: quotes that were made before it keep the old ones. What is
signed and not in force yet gives way to what is signed for at once.

A firm quote keeps the terms it was given under, and so does every request that is open, unless the new ones leave no such deal: another
way to settle, or the pair is gone. Those requests end with their quotes, at the signature or, of terms from a later instant, by the sweep
that comes after it, and what they had reserved goes back. A frozen set stays as it was
frozen; the next one is made by the terms of its cut-off.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import operations as clients
from apps.clients import queries
from apps.clients.models import Account, SettlementMode, Terms
from apps.clients.states import ClientStatus
from apps.core import clock
from apps.core.actor import SYSTEM, Actor
from apps.core.errors import Conflict
from apps.core.unit import step, use_case
from apps.events import operations as events
from apps.rfqs import operations as rfqs
from apps.rfqs import queries as rfq_queries
from apps.rfqs.errors import RfqClosed
from apps.rfqs.models import Rfq
from apps.rfqs.rendering import stamp
from apps.rfqs.states import RfqStatus, Withdrawal
from apps.users import rules as people

from . import change_status, client_terms, taking
from .client_terms import BadTerms, ClientTerms

KIND, ACT = "terms", "terms"  # who makes and checks it: users.rules.ACTS
AHEAD = timedelta(days=366)
ENDED = "terms_changed"  # why a request ended
WITH_US = frozenset({ClientStatus.ONBOARDING, ClientStatus.APPROVED, ClientStatus.RESTRICTED, ClientStatus.SUSPENDED})


class TermsInUse(Conflict):
    """`open` lists what is; another account with the other terms can be opened meanwhile."""

    code, title = "terms_in_use", "What is open on the account settles by the terms it has"


class TermsToCome(Conflict):
    """Others can be asked for from the signature on, which take their place, or when they are in force."""

    code, title = "terms_to_come", "Other terms are signed already, and take effect later"


@use_case
def ask_terms(
    *, actor: Actor, account: str, terms: ClientTerms, reason: str, effective_from: datetime | None = None, now: datetime
) -> Approval:
    """Ask risk for another version of an account's terms.

    :param account: its code
    :param effective_from: from when on, at most AHEAD; the way to settle and whose money it is stay as they are then. None, or an instant
        that has come when they are signed: from the signature on
    :raises RoleMissing: not of sales and not a trader
    :raises NotFound: no such account
    :raises BadTerms: `pointer` names what is wrong, or nothing changes
    :raises TermsInUse: how it settles, or whose money it is, changes while something is open
    :raises TermsToCome: other terms are signed already, and take effect later
    :raises ApprovalOpen: other terms are asked for already
    """
    people.require_may(actor.roles, ACT)
    found = queries.get_account_by_code(account)
    last = _last(found)
    before = queries.get_terms(found.id, now)
    if not 1 <= len(reason) <= 200:
        raise BadTerms("why, in 1 to 200 characters", pointer="reason")
    client_terms.require_terms(terms)
    _require_possible(found, before, terms)
    if effective_from is not None:
        _require_none_to_come(last, found, now)
        _require_ahead(client_terms.read(before), terms, effective_from, now)
    old, new = client_terms.told(client_terms.read(before)), client_terms.told(terms)
    if old == new and last == before:
        raise BadTerms("nothing changes", pointer="terms")
    changed = [field.replace("_", " ") for field in new if new[field] != old[field]] or ["as they are"]
    instead = "" if last == before else f", instead of version {last.version}"
    return approvals.request(
        kind=KIND,
        subject_type="account",
        subject_id=found.id,
        subject_version=str(last.version),
        title=f"Terms of {found.code}{_from(effective_from)}{instead}: {', '.join(changed)}"[:200],
        payload={"client": found.owner.code, "account": found.code, "terms": new, "why": reason}
        | ({} if effective_from is None else {"effective_from": stamp(effective_from.astimezone(UTC))}),
        before={"terms": old},
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        now=now,
    )


def version(approval: Approval) -> str:
    found = queries.find_last_terms(approval.subject_id)
    return "none" if found is None else str(found.version)


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> Terms:
    """What an approved request of kind "terms" does: the next version, and the client is told.

    :raises BadTerms: a book or a pair is gone since, or the client is
    :raises TermsInUse: something is open by now
    """
    account = queries.get_owned(approval.subject_id)
    change_status.stand_still(client_id=account.owner_id, account_id=account.id)
    terms, last, before = client_terms.untold(approval.payload["terms"]), _last(account), queries.get_terms(account.id, now)
    client_terms.require_terms(terms)
    asked = approval.payload.get("effective_from")
    if asked is not None:
        _require_none_to_come(last, account, now)
    at = now if asked is None else max(now, datetime.fromisoformat(asked))
    for rfq in rfq_queries.list_open_of(account.id) if at == now else ():
        if _leaves_none(rfq, terms):
            _end(rfq, now)
    _require_possible(account, before, terms)
    made = clients.set_terms(account=account, now=at, **client_terms.columns(terms), tenor=before.tenor)
    tell(account=account, terms=made)
    return made


@use_case
def end_dropped(*, rfq_id: UUID, now: datetime) -> Rfq | None:
    """An open request that terms signed ahead leave no deal for, since they are in force; None where it ended before, or others are by now.

    What was accepted before is dealt.
    """
    rfq = rfq_queries.get_rfq(rfq_id, actor=SYSTEM)
    rfq_queries.close_gates(rfq_id)
    taking.lock_money(mode=rfq.terms.mode, group_id=rfq.client.group_id, client_id=rfq.client_id, account_id=rfq.account_id)
    if not _leaves_none(rfq, client_terms.read(queries.get_terms(rfq.account_id, clock.desk_now()))):
        return None
    try:
        return _end(rfq, now)
    except RfqClosed:
        return None


def _end(rfq: Rfq, now: datetime) -> Rfq:
    taking.give_back(rfq_id=rfq.id, account_id=rfq.account_id, mode=rfq.terms.mode, now=now)
    return rfqs.end_rfq(rfq_id=rfq.id, status=RfqStatus.REJECTED, reason=ENDED, now=now, quote_reason=Withdrawal.DESK)


@step
def tell(*, account: Account, terms: Terms) -> UUID:
    """Tell the client on what it deals from now on."""
    said = {"account": account.code, "effective_from": stamp(terms.effective_from), **client_terms.public(terms)}
    return events.record(
        "terms.changed",
        subject_type="account",
        subject_id=account.id,
        client_id=account.owner_id,
        account_id=account.id,
        public=said,
        house={"title": f"{account.code}: v{terms.version}"},
    )


def _last(account: Account) -> Terms:
    found = queries.find_last_terms(account.id)
    if "CLIENT" not in account.owner.roles or account.owner.status not in WITH_US or found is None:
        raise BadTerms(f"{account.code} is no account of a client that is with us", pointer="account")
    return found


def _require_none_to_come(last: Terms, account: Account, now: datetime) -> None:
    if last.effective_from > now:
        raise TermsToCome(f"version {last.version} of {account.code}{_from(last.effective_from)}")


def _require_ahead(before: ClientTerms, terms: ClientTerms, effective_from: datetime, now: datetime) -> None:
    if not now < effective_from <= now + AHEAD:
        raise BadTerms(f"a later instant, at most {AHEAD.days} days ahead", pointer="effective_from")
    for field in ("mode", "safeguarded"):  # what is open then could forbid it
        if getattr(terms, field) != getattr(before, field):
            raise BadTerms("changes from the signature on, not ahead", pointer=field)


def _from(at: datetime | None) -> str:
    return "" if at is None else f" from {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _require_possible(account: Account, before: Terms, terms: ClientTerms) -> None:
    """Between entities nothing moves; what is open settles as it was dealt before the way to settle, or whose money it is, is another."""
    now = client_terms.read(before)
    if terms.entity != now.entity:
        raise BadTerms("its account is with another entity of ours: open one with this", pointer="entity")
    if SettlementMode.PREFUNDED in {terms.mode, now.mode} and terms.mode != now.mode:
        change_status.require_nothing_open([account], TermsInUse, balances=False)
    if terms.safeguarded != now.safeguarded:
        change_status.require_nothing_open([account], TermsInUse)


def _leaves_none(rfq: Rfq, terms: ClientTerms) -> bool:
    return rfq.pair_id not in terms.pairs or rfq.terms.mode != terms.mode
