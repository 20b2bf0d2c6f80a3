"""A client deals on another account too: asked by sales or compliance, signed by compliance and risk. Nothing of it is there before."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_X500, uuid5

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import operations as clients
from apps.clients import queries
from apps.clients.models import Account, Counterparty
from apps.clients.states import ClientStatus
from apps.core import ids
from apps.core.actor import Actor
from apps.core.errors import Conflict, Rejected
from apps.core.unit import step, use_case
from apps.events import operations as events
from apps.users import rules as people

from . import change_terms, client_terms, manage_members
from .client_terms import ClientTerms
from .take_on_client import ACT, FEWEST, RISK

KIND = "account"
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)


class BadAccount(Rejected):
    """`pointer` names the field."""

    code, title = "bad_account", "An account cannot be opened so"


class AccountKnown(Conflict):
    code, title = "account_known", "There is an account of this code"


@dataclass(frozen=True, slots=True)
class NewAccount:
    """`members`: names of those who may do on it what they may on the client's default account, up to the same limits."""

    client: str
    code: str
    name: str
    terms: ClientTerms
    members: Sequence[str]


@use_case
def ask_account(*, actor: Actor, account: NewAccount, reason: str, now: datetime) -> Approval:
    """Ask compliance and risk that a client deal on another account too.

    :raises RoleMissing: not of sales or compliance
    :raises NotFound: no such client
    :raises BadAccount: `pointer` names the field
    :raises BadTerms: `pointer` names the field
    :raises AccountKnown: the code is another account's
    :raises ApprovalOpen: it is asked already
    """
    people.require_may(actor.roles, ACT)
    client = _dealing(queries.get_client(account.client))
    if not _CODE.fullmatch(account.code) or not account.code.startswith(f"{client.code}-"):
        raise BadAccount(f"{client.code}- and what it is for: at most 40 small letters, digits and hyphens", pointer="code")
    if not 1 <= len(account.name) <= 120 or not account.name.isprintable():
        raise BadAccount("what it is for, 1 to 120 characters", pointer="name")
    if not 1 <= len(reason) <= 200:
        raise BadAccount("why, in 1 to 200 characters", pointer="reason")
    if queries.is_account_known(account.code):
        raise AccountKnown(account.code, pointer="code")
    client_terms.require_terms(account.terms)
    able = list_able(client)
    if len(set(account.members)) < FEWEST or len(set(account.members)) < len(account.members) or not set(account.members) <= set(able):
        raise BadAccount(
            f"{FEWEST} members at least who act on its default account: what one asks for, another approves", pointer="members"
        )
    return approvals.request(
        kind=KIND,
        subject_type="account",
        subject_id=uuid5(NAMESPACE_X500, f"account {account.code}"),
        subject_version="none",
        title=f"{client.name}: account {account.code}"[:200],
        payload={
            "client": client.code,
            "account": account.code,
            "name": account.name,
            "terms": client_terms.told(account.terms),
            "members": {name: able[name] for name in sorted(account.members)},
            "why": reason,
        },
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        also=[people.ACTS[RISK][1]],
        now=now,
    )


def version(approval: Approval) -> str:
    """Whether the code is still free."""
    return "taken" if queries.is_account_known(approval.payload["account"]) else "none"


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> Account:
    """What an approved request of kind "account" does: it is there with its terms and who acts on it, APPROVED; the client is told.

    :raises BadAccount: the client is not APPROVED any more, or a member does not act on its default account as was signed
    """
    asked = approval.payload
    client = _dealing(queries.lock_counterparty(queries.get_client(asked["client"]).id))
    account = clients.create_account(owner=client, code=asked["account"], name=asked["name"], is_default=False)
    terms = client_terms.untold(asked["terms"])
    client_terms.require_terms(terms)
    made = clients.set_terms(account=account, now=now, **client_terms.columns(terms))
    members, able = {member.name: member for member in queries.list_members(client.id)}, list_able(client)
    for name, granted in asked["members"].items():
        if able.get(name) != granted:
            raise BadAccount(f"{name} may not do on the default account of {client.code} what was asked", pointer="members")
        manage_members.grant(member=members[name], accounts={account.code: granted}, now=now)
    for status in (ClientStatus.ONBOARDING, ClientStatus.APPROVED):
        clients.set_status(thing=account, status=status, reason=f"signed by compliance and risk, approval {approval.id}")
    said = {
        "id": ids.encode("acc", account.id),
        "code": account.code,
        "name": account.name,
        "status": str(account.status),
        "is_default": False,
    }
    events.record("account.opened", subject_type="account", subject_id=account.id, client_id=client.id, account_id=account.id, public=said)
    change_terms.tell(account=account, terms=made)
    return account


def list_able(client: Counterparty) -> dict[str, Any]:
    """By name, what each who acts may do on the client's default account."""
    held = queries.list_authorities_on(queries.get_default_account(client.code).id)
    return {one.member.name: manage_members.told(manage_members.of(one)) for one in held if one.roles and queries.acts(one.member)}


def _dealing(found: Counterparty) -> Counterparty:
    if "CLIENT" not in found.roles or found.status != ClientStatus.APPROVED:
        raise BadAccount(f"{found.code} is no client of ours that may deal", pointer="client")
    return found
