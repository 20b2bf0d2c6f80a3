"""A client is taken on from the desk: asked by sales or compliance, signed by compliance and risk; nothing of it is there before.

A name that the lists know stops at ONBOARDING, where nothing is dealt or paid, until compliance has decided on evidence, in four eyes.
Its line is risk's (*Credit*), its places are proposed and verified (:mod:`apps.workflows.verify_ssi`), its keys asked for by themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_X500, uuid5

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import operations as clients
from apps.clients import queries, rules
from apps.clients.models import Account, Counterparty
from apps.clients.states import ClientStatus
from apps.compliance import operations as compliance
from apps.compliance import queries as screenings
from apps.core.actor import Actor
from apps.core.errors import Conflict, Rejected
from apps.core.unit import step, use_case
from apps.users import rules as people

from . import client_terms, manage_members, newcomers, screen_names
from .client_terms import ClientTerms
from .manage_members import Grant
from .onboard_client import REVIEWED_EVERY

ACT, RISK, CLEAR = "client", "line", "client_clear"  # users.rules.ACTS
KIND, CLEARED = "client", "client_clear"
FEWEST = 2  # members: what one asks for, another approves


class BadClient(Rejected):
    """`pointer` names the field."""

    code, title = "bad_client", "A client cannot be taken on so"


class ClientKnown(Conflict):
    code, title = "client_known", "There is a counterparty of this code or LEI"


@dataclass(frozen=True, slots=True)
class Person:
    """One who will act for the client, on its first account."""

    name: str
    email: str
    roles: Sequence[str]
    dealing_limit: Decimal | None = None  # USD a deal


@dataclass(frozen=True, slots=True)
class NewClient:
    """`terms`: of its first account."""

    code: str
    name: str
    lei: str
    country: str
    email: str
    terms: ClientTerms
    members: Sequence[Person]


@use_case
def ask_client(*, actor: Actor, client: NewClient, now: datetime) -> Approval:
    """Ask compliance and risk that a client be taken on; its name is screened now and once more at the last signature.

    :raises RoleMissing: not of sales or compliance
    :raises ClientKnown: the code or the LEI is somebody's
    :raises ApprovalOpen: it is asked already
    :raises AppError: BadClient, BadTerms, BadMember (`pointer` names the field), BadLei
    """
    people.require_may(actor.roles, ACT)
    _require_possible(client)
    subject = uuid5(NAMESPACE_X500, f"client {client.code}")
    screened = compliance.screen(subject_type="counterparty", subject_id=subject, name=client.name, now=now)
    return approvals.request(
        kind=KIND,
        subject_type="counterparty",
        subject_id=subject,
        subject_version="none",
        title=f"{client.name}: a new client"[:200],
        payload=_told(client) | {"screening": screened.found},
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        also=[people.ACTS[RISK][1]],
        now=now,
    )


def version(approval: Approval) -> str:
    """Whether code and LEI are still free."""
    return "taken" if _is_known(approval.payload["client"], approval.payload["lei"]) else "none"


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> Account:
    """What an approved request of kind "client" does: it is there with account, terms and members; APPROVED where its name is clear now.

    :raises BadTerms: a book or a pair is gone since
    """
    asked = approval.payload
    client = clients.create_counterparty(
        code=asked["client"], name=asked["name"], lei=asked["lei"], country=asked["country"], roles=["CLIENT"], email=asked["email"]
    )
    account = clients.create_account(owner=client, code=f"{client.code}-main", name=f"{client.name} main"[:120])
    terms = client_terms.untold(asked["terms"])
    client_terms.require_terms(terms)
    clients.set_terms(account=account, now=now, **client_terms.columns(terms))
    for name, one in asked["members"].items():
        made = clients.create_member(counterparty=client, name=name, email=one["email"], accounts=[])
        manage_members.grant(member=made, accounts={account.code: one}, now=now)
        screen_names.screen_member(member=made, now=now)
    clients.set_review(client_id=client.id, due=(now + REVIEWED_EVERY).date())
    client.refresh_from_db()
    found = compliance.screen(subject_type="counterparty", subject_id=client.id, name=client.name, now=now)
    for thing in (client, account):
        clients.set_status(thing=thing, status=ClientStatus.ONBOARDING, reason="signed by compliance and risk")
        if found.result == "CLEAR":
            clients.set_status(thing=thing, status=ClientStatus.APPROVED, reason="screening clear")
    return account


@use_case
def ask_clearance(*, actor: Actor, client: str, evidence: str, now: datetime) -> Approval:
    """Ask another person of compliance that a client which stopped at ONBOARDING be approved, or that what a new list says of a party
    which is with us hold nothing back: it is not who the lists mean.

    :param evidence: what shows it, in 10 to 300 characters
    :raises RoleMissing: not of compliance
    :raises NotFound: no such client
    :raises BadClient: no list holds it back, or no evidence
    :raises ApprovalOpen: it is asked already
    """
    people.require_may(actor.roles, CLEAR)
    found = queries.get_client(client)
    if found.house_of_id is not None or not waits(found):
        raise BadClient(f"{client} is {found.status.lower()}, and nothing of it waits for compliance", pointer="client")
    screen_names.require_evidence(evidence, bad=BadClient)
    screened = compliance.screen(subject_type="counterparty", subject_id=found.id, name=found.name, now=now)
    return approvals.request(
        kind=CLEARED,
        subject_type="client",
        subject_id=found.id,
        subject_version=found.status,
        title=f"{found.name}: approved despite the lists"[:200],
        payload={
            "client": found.code,
            "status": _cleared_to(found),
            "screening": screened.found,
            "evidence": evidence,
        },
        before={"status": found.status},
        maker=actor,
        checker_roles=people.ACTS[CLEAR][1],
        now=now,
    )


def clearance_version(approval: Approval) -> str:
    return str(queries.lock_counterparty(approval.subject_id).status)


@step
def clear(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request of kind "client_clear" does: the finding is decided, client and accounts are APPROVED.

    :raises BadClient: the lists say something else of the name than when it was asked
    """
    client = queries.lock_counterparty(approval.subject_id)
    screen_names.decide(approval=approval, subject_type="counterparty", name=client.name, bad=BadClient, now=now)
    things: list[Counterparty | Account] = [client, *queries.list_accounts(client.id)]
    for thing in (one for one in things if one.status == ClientStatus.ONBOARDING):
        clients.set_status(thing=thing, status=ClientStatus.APPROVED, reason=f"cleared by compliance, approval {approval.id}")


def waits(party: Counterparty) -> bool:
    """Whether a party is held back by what the lists say of its name."""
    return party.status == ClientStatus.ONBOARDING or (rules.is_taken_on(party.status) and screenings.has_hit([party.id]))


def _cleared_to(party: Counterparty) -> str:
    return str(ClientStatus.APPROVED if party.status == ClientStatus.ONBOARDING else party.status)


def _require_possible(client: NewClient) -> None:
    newcomers.require_company(code=client.code, name=client.name, country=client.country, lei=client.lei, bad=BadClient)
    if _is_known(client.code, client.lei):
        raise ClientKnown(f"{client.code}, {client.lei}", pointer="code")
    manage_members.require_email(client.email, "email")
    client_terms.require_terms(client.terms)
    _require_members(client.members)


def _require_members(members: Sequence[Person]) -> None:
    if len(members) < FEWEST or len({one.name for one in members}) < len(members):
        raise BadClient(f"{FEWEST} members at least, of different names: what one asks for, another approves", pointer="members")
    for n, one in enumerate(members, 1):
        manage_members.require_person(one.name, one.email, f"_{n}")
        if not one.roles:
            raise BadClient("a role at least", pointer=f"roles_{n}")
        manage_members.require_grant(Grant("", one.roles, one.dealing_limit), str(n))


def _is_known(code: str, lei: str) -> bool:
    return queries.is_lei_known(lei) or queries.is_code_known(code)


def _told(client: NewClient) -> dict[str, Any]:
    return {
        "client": client.code,
        "name": client.name,
        "lei": client.lei,
        "country": client.country,
        "email": client.email,
        "terms": client_terms.told(client.terms),
        "members": {
            one.name: {"email": one.email} | manage_members.told(Grant("", one.roles, one.dealing_limit)) for one in client.members
        },
    }
