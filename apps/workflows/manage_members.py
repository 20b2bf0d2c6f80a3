"""Who acts for a client, and what on which account: asked by sales or compliance, granted by another person of compliance.

Risk signs too where somebody may deal who did not, or for more than before. Keys obey what is granted with their next request, since each
request reads the authority of its member. To close a member takes one person, at once: :mod:`apps.workflows.close_member`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import operations as clients
from apps.clients import queries, rules
from apps.clients.models import Account, Authority, Counterparty, Member
from apps.clients.rules import identity
from apps.clients.states import ClientStatus
from apps.core import money
from apps.core.actor import Actor
from apps.core.errors import Conflict, Rejected
from apps.core.unit import step, use_case
from apps.users import rules as people

from . import asked_for, screen_names

ACT, LIMITS = "member", "line"  # who makes and checks it (users.rules.ACTS); who signs a limit beside them
NEW, CHANGE = "member", asked_for.AUTHORITY
MOST_USD = Decimal(10) ** 12
_GONE = {ClientStatus.REFUSED, ClientStatus.OFFBOARDED}


class BadMember(Rejected):
    """`pointer` names the field."""

    code, title = "bad_member", "A member cannot be so"


class MemberKnown(Conflict):
    code, title = "member_known", "The client has a member of this name"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a member may do on the account of this code: no roles is nothing, and it sees nothing there.

    `dealing_limit`: in USD a deal; None: no limit of their own.
    """

    account: str
    roles: Sequence[str] = ()
    dealing_limit: Decimal | None = None


@use_case
def ask_member(*, actor: Actor, client: str, name: str, email: str, grants: Sequence[Grant], reason: str, now: datetime) -> Approval:
    """Ask that a person act for a client.

    :raises RoleMissing: not of sales or compliance
    :raises NotFound: no such client
    :raises BadMember: `pointer` names what is wrong
    :raises MemberKnown: the client has one of this name, open or closed
    :raises ApprovalOpen: it is asked already
    """
    people.require_may(actor.roles, ACT)
    owner = _client(queries.get_client(client))
    require_person(name, email)
    asked = _read(owner, grants)
    if not any(grant.roles for _, grant in asked):
        raise BadMember("a role on one account at least", pointer="roles")
    _require_reason(reason)
    if queries.is_member_named(owner.id, name):
        raise MemberKnown(f"{name} of {owner.code}")
    payload = {
        "client": owner.code,
        "name": name,
        "email": email,
        "accounts": {a.code: told(g) for a, g in asked if g.roles},
        "why": reason,
    }
    return approvals.request(
        kind=NEW,
        subject_type="member",
        subject_id=uuid5(NAMESPACE_OID, f"{owner.id} {name}"),
        subject_version="none",
        title=f"{name} acts for {owner.name}"[:200],
        payload=payload,
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        also=[people.ACTS[LIMITS][1]] if any(_is_more(None, grant) for _, grant in asked) else [],
        now=now,
    )


def new_version(approval: Approval) -> str:
    """Whether the name is still free."""
    owner = queries.lock_counterparty(queries.get_client(approval.payload["client"]).id)
    return "taken" if queries.is_member_named(owner.id, approval.payload["name"]) else "none"


@step
def make(*, approval: Approval, checker: Actor, now: datetime) -> Member:
    """What an approved request of kind "member" does: they are there, with what was asked and no key yet."""
    asked = approval.payload
    owner = _client(queries.get_client(asked["client"]))
    made = clients.create_member(counterparty=owner, name=asked["name"], email=asked["email"], accounts=[])
    grant(member=made, accounts=asked["accounts"], now=now)
    screen_names.screen_member(member=made, now=now)
    return made


@use_case
def ask_authority(*, actor: Actor, member_id: UUID, grants: Sequence[Grant], reason: str, now: datetime) -> Approval:
    """Ask that a member may do something else on accounts of their client; those that are not named stay as they are.

    :raises RoleMissing: not of sales or compliance
    :raises NotFound: no such member, or closed
    :raises BadMember: `pointer` names what is wrong, or nothing changes
    :raises ApprovalOpen: something is asked for this member already
    """
    people.require_may(actor.roles, ACT)
    member = queries.get_member_by_id(member_id)
    owner = _client(member.counterparty)
    held = _held(member.id)
    asked = [(account, grant) for account, grant in _read(owner, grants) if told(grant) != told(of(held.get(account.id)))]
    if not asked:
        raise BadMember("nothing changes", pointer="roles")
    _require_reason(reason)
    more = any(_is_more(held.get(account.id), grant) for account, grant in asked)
    return approvals.request(
        kind=CHANGE,
        subject_type="member",
        subject_id=member.id,
        subject_version=_version(held),
        title=f"What {member.name} may do for {owner.name}"[:200],
        payload={
            "client": owner.code,
            "member": member.name,
            "member_id": str(member.id),
            "accounts": {account.code: told(grant) for account, grant in asked},
            "why": reason,
        },
        before={"accounts": {account.code: told(of(held.get(account.id))) for account, _ in asked}},
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        also=[people.ACTS[LIMITS][1]] if more else [],
        now=now,
    )


def version(approval: Approval) -> str:
    """What the member holds now, on every account."""
    asked_for.lock_member(approval.subject_id)  # what it asked for may end with a role
    member = queries.get_member_by_pk(approval.subject_id)
    return "closed" if member.closed_at is not None else _version(_held(member.id))


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request of kind "authority" does; the event has old and new."""
    member = queries.get_member_by_id(approval.subject_id)
    _client(member.counterparty)
    grant(member=member, accounts=approval.payload["accounts"], now=now)


def require_person(name: str, email: str, field: str = "") -> None:
    """:raises BadMember: `pointer` is name or email, and what stands behind it in the form's fields"""
    if not 1 <= len(name) <= 120 or not name.isprintable():
        raise BadMember("their name, 1 to 120 characters", pointer=f"name{field}")
    require_email(email, f"email{field}")


def require_email(email: str, field: str) -> None:
    """:raises BadMember: not one"""
    if not identity.is_email(email):
        raise BadMember("an e-mail address such as ann@acme.example", pointer=field)


def require_grant(grant: Grant, field: str) -> None:
    """:raises BadMember: `pointer` is roles_FIELD or limit_FIELD"""
    unknown = [role for role in grant.roles if role not in rules.MEMBER_ROLES]
    if unknown:
        raise BadMember(f"{unknown[0][:20]}: one of {', '.join(rules.MEMBER_ROLES)}", pointer=f"roles_{field}")
    limit = grant.dealing_limit
    if limit is not None and (not limit.is_finite() or not 0 < limit < MOST_USD or money.scale_of(limit) > 2):
        raise BadMember(f"above 0 and below {MOST_USD:f} USD, to the cent", pointer=f"limit_{field}")
    if limit is not None and "trader" not in grant.roles:
        raise BadMember("a dealing limit goes with the role trader", pointer=f"limit_{field}")


@step
def grant(*, member: Member, accounts: Mapping[str, Any], now: datetime) -> None:
    """What was signed, by account code, as :func:`told` writes it. What waits that was asked for by a role that is gone ends with it."""
    old = _held(member.id)
    for code, asked in accounts.items():
        account = queries.get_account_by_code(code)
        assert account.owner_id == member.counterparty_id
        limit = asked["dealing_limit"]
        clients.set_authority(
            member_id=member.id, account_id=account.id, roles=asked["roles"], dealing_limit=None if limit == "none" else Decimal(limit)
        )
        asked_for.end_lost(member_id=member.id, account_id=account.id, old=of(old.get(account.id)).roles, new=asked["roles"], now=now)


def _client(found: Counterparty) -> Counterparty:
    if "CLIENT" not in found.roles or found.status in _GONE:
        raise BadMember(f"{found.code} is no client of ours", pointer="client")
    return found


def _read(owner: Counterparty, grants: Sequence[Grant]) -> list[tuple[Account, Grant]]:
    """Each with its account, its roles in the order of the list."""
    accounts = {account.code: account for account in queries.list_accounts(owner.id)}
    out: dict[str, tuple[Account, Grant]] = {}
    for grant in grants:
        if grant.account not in accounts or grant.account in out:
            raise BadMember(f"{grant.account}: no account of {owner.code}, or named twice", pointer="account")
        require_grant(grant, grant.account)
        roles = [role for role in rules.MEMBER_ROLES if role in grant.roles]
        out[grant.account] = (accounts[grant.account], Grant(grant.account, roles, grant.dealing_limit))
    return list(out.values())


def _require_reason(reason: str) -> None:
    if not 1 <= len(reason) <= 200:
        raise BadMember("why, in 1 to 200 characters", pointer="reason")


def _is_more(held: Authority | None, grant: Grant) -> bool:
    old = of(held)
    return rules.deals_more(old.roles, old.dealing_limit, grant.roles, grant.dealing_limit)


def of(held: Authority | None) -> Grant:
    """What is held, as it is asked for."""
    if held is None:
        return Grant("")
    return Grant("", [role for role in rules.MEMBER_ROLES if role in held.roles], held.dealing_limit)


def told(grant: Grant) -> dict[str, Any]:
    """As a request and an event write it."""
    return {"roles": list(grant.roles), "dealing_limit": "none" if grant.dealing_limit is None else money.text(grant.dealing_limit)}


def _held(member_id: UUID) -> dict[UUID, Authority]:
    return {one.account_id: one for one in queries.list_authorities(member_id)}


def _version(held: dict[UUID, Authority]) -> str:
    text = json.dumps({str(account): told(of(one)) for account, one in held.items()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
