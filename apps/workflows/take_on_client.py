"""A client is taken on from the desk: asked by sales or compliance, signed by compliance and risk; nothing of it is there before.

A name that the lists know stops at ONBOARDING, where nothing is dealt or paid, until compliance has decided on evidence, in four eyes.
Its line is risk's (*Credit*), its places are proposed and verified (:mod:`apps.workflows.verify_ssi`), its keys asked for by themselves.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_X500, uuid5

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import operations as clients
from apps.clients import queries
from apps.clients.models import Account, Counterparty, SettlementMode
from apps.clients.states import ClientStatus
from apps.compliance import operations as compliance
from apps.core import money
from apps.core.actor import Actor
from apps.core.errors import Conflict, Rejected
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.users import rules as people

from . import manage_members, newcomers
from .manage_members import Grant
from .onboard_client import REVIEWED_EVERY

ACT, RISK, CLEAR = "client", "line", "client_clear"  # users.rules.ACTS
KIND, CLEARED = "client", "client_clear"
FEWEST = 2  # members: what one asks for, another approves
_TIER = re.compile(r"[a-z][a-z0-9_-]{0,19}", re.ASCII)


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
    """`book`: of our `entity`. Markup and fee in bps of the price; `auto_max_usd`: up to which a deal is priced by itself.

    `netting`: the agreement under which what is due on a date is paid net; empty: gross.
    """

    code: str
    name: str
    lei: str
    country: str
    email: str
    entity: str
    book: str
    mode: str
    tier: str
    pairs: Sequence[str]
    auto_max_usd: Decimal
    members: Sequence[Person]
    markup_bps: Decimal = money.ZERO
    fee_bps: Decimal = money.ZERO
    netting: str = ""


@use_case
def ask_client(*, actor: Actor, client: NewClient, now: datetime) -> Approval:
    """Ask compliance and risk that a client be taken on; its name is screened now and once more at the last signature.

    :raises RoleMissing: not of sales or compliance
    :raises ClientKnown: the code or the LEI is somebody's
    :raises ApprovalOpen: it is asked already
    :raises AppError: BadClient, BadMember (`pointer` names the field), BadLei
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
    """What an approved request of kind "client" does: it is there with account, terms and members; APPROVED where its name is clear now."""
    asked = approval.payload
    client = clients.create_counterparty(
        code=asked["client"], name=asked["name"], lei=asked["lei"], country=asked["country"], roles=["CLIENT"], email=asked["email"]
    )
    account = clients.create_account(owner=client, code=f"{client.code}-main", name=f"{client.name} main"[:120])
    book = newcomers.get_book(asked["entity"], asked["book"], bad=BadClient)
    clients.set_terms(
        account=account,
        now=now,
        entity_id=book.entity_id,
        book_id=book.id,
        mode=asked["mode"],
        pairs=asked["pairs"],
        tier=asked["tier"],
        markup_bps=Decimal(asked["markup_bps"]),
        fee_bps=Decimal(asked["fee_bps"]),
        auto_max_usd=Decimal(asked["auto_max_usd"]),
        payment_netting=bool(asked["netting"]),
        netting_agreement=asked["netting"],
        netting_cutoff=time(16, 0),
        netting_zone="Europe/London",
    )
    for name, one in asked["members"].items():
        made = clients.create_member(counterparty=client, name=name, email=one["email"], accounts=[])
        manage_members.grant(member=made, accounts={account.code: one})
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
    """Ask another person of compliance that a client which stopped at ONBOARDING be approved: it is not who the lists mean.

    :param evidence: what shows it, in 10 to 300 characters
    :raises RoleMissing: not of compliance
    :raises NotFound: no such client
    :raises BadClient: it does not stand at ONBOARDING, or no evidence
    :raises ApprovalOpen: it is asked already
    """
    people.require_may(actor.roles, CLEAR)
    found = queries.get_client(client)
    if "CLIENT" not in found.roles or found.status != ClientStatus.ONBOARDING:
        raise BadClient(f"{client} is {found.status.lower()}, not a client that waits for compliance", pointer="client")
    if not 10 <= len(evidence) <= 300:
        raise BadClient("what shows that it is not who the lists mean, in 10 to 300 characters", pointer="evidence")
    screened = compliance.screen(subject_type="counterparty", subject_id=found.id, name=found.name, now=now)
    return approvals.request(
        kind=CLEARED,
        subject_type="client",
        subject_id=found.id,
        subject_version=found.status,
        title=f"{found.name}: approved despite the lists"[:200],
        payload={"client": found.code, "status": str(ClientStatus.APPROVED), "screening": screened.found, "evidence": evidence},
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
    evidence = f"{approval.payload['evidence']} (approval {approval.id})"
    said = compliance.clear_name(subject_type="counterparty", subject_id=client.id, name=client.name, evidence=evidence, now=now)
    if said.found != approval.payload["screening"]:
        raise BadClient(f"the lists say {said.found} now, and it was asked with {approval.payload['screening']}")
    waiting: list[Counterparty | Account] = [client]
    waiting += [account for account in queries.list_accounts(client.id) if account.status == ClientStatus.ONBOARDING]
    for thing in waiting:
        clients.set_status(thing=thing, status=ClientStatus.APPROVED, reason=f"cleared by compliance, approval {approval.id}")


def _require_possible(client: NewClient) -> None:
    newcomers.require_company(code=client.code, name=client.name, country=client.country, lei=client.lei, bad=BadClient)
    if _is_known(client.code, client.lei):
        raise ClientKnown(f"{client.code}, {client.lei}", pointer="code")
    manage_members.require_email(client.email, "email")
    newcomers.get_book(client.entity, client.book, bad=BadClient)
    if client.mode not in SettlementMode.values:
        raise BadClient(f"one of {', '.join(SettlementMode.values)}", pointer="mode")
    if not _TIER.fullmatch(client.tier):
        raise BadClient("a tier such as standard", pointer="tier")
    known = {pair.code for pair in instruments.list_pairs()}
    if not client.pairs or len(set(client.pairs)) < len(client.pairs) or not set(client.pairs) <= known:
        raise BadClient("one pair at least, of the list", pointer="pairs")
    newcomers.require_bps(client.markup_bps, "markup_bps", least=-newcomers.MOST_BPS, bad=BadClient)
    newcomers.require_bps(client.fee_bps, "fee_bps", least=money.ZERO, bad=BadClient)
    most = client.auto_max_usd
    if not most.is_finite() or not 0 <= most < manage_members.MOST_USD or money.scale_of(most) > 2:
        raise BadClient("0 or more USD, to the cent", pointer="auto_max_usd")
    newcomers.require_agreement(client.netting, bad=BadClient)
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
        "entity": client.entity,
        "book": client.book,
        "mode": client.mode,
        "tier": client.tier,
        "pairs": list(client.pairs),
        "auto_max_usd": money.text(client.auto_max_usd),
        "markup_bps": money.text(client.markup_bps),
        "fee_bps": money.text(client.fee_bps),
        "netting": client.netting,
        "members": {
            one.name: {"email": one.email} | manage_members.told(Grant("", one.roles, one.dealing_limit)) for one in client.members
        },
    }
