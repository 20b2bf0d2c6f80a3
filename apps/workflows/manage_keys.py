"""A client's API keys on its behalf: made, asked to be widened, widened by a second person, revoked. Keys live by the wall clock."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.errors import StaleRequest
from apps.approvals.models import Approval
from apps.clients import operations as clients
from apps.clients import queries, rules
from apps.clients.errors import BadKey
from apps.clients.models import ApiKey
from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.users import queries as users
from apps.users import rules as staff
from apps.users.errors import RoleMissing

READ_ONLY = ("read",)
KIND = "client_key"


@use_case
def create_key(
    *,
    client: str,
    member: str | None,
    public_key: bytes,
    scopes: Sequence[str],
    cidrs: Sequence[str],
    prefix: str,
    days: int,
    hand_over: Callable[[ApiKey], None],
    caps: Mapping[str, Any] | None = None,
    accounts: Sequence[str] = (),
    now: datetime,
) -> ApiKey:
    """A key with all its scopes at once: demo and sandbox.

    :param hand_over: gives the private half to its owner, just before the commit: a key never exists without it
    :param accounts: codes of the only accounts it deals for; none: every account that its member has authority for
    :raises AppError: NotFound (client, member, account), BadKey, BadScope, BadAllowList, BadCap, BadLifetime, TooManyKeys
    """
    return _make(client, member, public_key, scopes, cidrs, prefix, days, hand_over, caps or {}, accounts)


@use_case
def request_key(
    *,
    client: str,
    member: str | None,
    public_key: bytes,
    scopes: Sequence[str],
    cidrs: Sequence[str],
    prefix: str,
    days: int,
    requested_by: str,
    hand_over: Callable[[ApiKey], None],
    caps: Mapping[str, Any] | None = None,
    accounts: Sequence[str] = (),
    now: datetime,
) -> tuple[ApiKey, Approval | None]:
    """A read-only key, and the request that compliance widens it; None where no more was wanted than to read.

    :raises AppError: NotFound (client, member, account, staff), RoleMissing, BadKey, BadScope, BadAllowList, BadCap, BadLifetime,
        TooManyKeys
    """
    maker = users.get_by_username(requested_by).as_actor()
    if not staff.may_make(maker.roles, KIND):
        raise RoleMissing(f"{requested_by}: a client's keys are asked for by {', '.join(sorted(staff.ACTS[KIND][0]))}")
    rules.require_scopes(scopes)
    rules.require_own_scopes(scopes, is_house=queries.get_client(client).house_of_id is not None)
    rules.require_allow_list(scopes, cidrs)  # refused now, not when somebody approves it
    key = _make(client, member, public_key, READ_ONLY, cidrs, prefix, days, hand_over, caps or {}, accounts)
    if set(scopes) == set(READ_ONLY):
        return key, None
    asked = approvals.request(
        kind=KIND,
        subject_type="key",
        subject_id=key.id,
        subject_version=version_of(key),
        title=f"Key {key.key_id} of {client}: {', '.join(scopes)}",
        payload={"scopes": list(scopes), "cidrs": list(cidrs)},
        before={"scopes": key.scopes, "cidrs": key.allowed_cidrs},
        maker=maker,
        checker_roles=staff.ACTS[KIND][1],
        now=now,
    )
    return key, asked


@step
def widen_key(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request does: the key gets the scopes that were asked for.

    :raises StaleRequest: the key has ended
    """
    key = queries.lock_key(approval.subject_id)
    if key.revoked_at is not None or key.expires_at <= clock.wall_now():
        raise StaleRequest(approval.title)
    asked = approval.payload
    widened = clients.set_scopes(key_pk=key.id, scopes=asked["scopes"], cidrs=asked["cidrs"], caps=asked.get("caps"))
    clients.tell_key(key=widened, kind="key.widened")


@use_case
def revoke_key(*, key_id: str, now: datetime) -> ApiKey:
    """End a key at once; revoked before is fine.

    :raises NotFound: no such key
    """
    return clients.revoke_key(key_id=key_id, now=clock.wall_now())


def key_version(approval: Approval) -> str:
    """The key as it is now, to be compared with what was asked on."""
    return version_of(queries.lock_key(approval.subject_id))


def version_of(key: ApiKey) -> str:
    """What a request to widen was asked on: scopes, networks, and that the key has not been revoked."""
    caps = [json.dumps(key.caps, sort_keys=True)] if key.caps else []
    text = "|".join([*sorted(key.scopes), "/", *sorted(key.allowed_cidrs), "/", str(key.revoked_at is not None), *caps])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _make(
    client: str,
    member: str | None,
    public_key: bytes,
    scopes: Sequence[str],
    cidrs: Sequence[str],
    prefix: str,
    days: int,
    hand_over: Callable[[ApiKey], None],
    caps: Mapping[str, Any],
    accounts: Sequence[str],
) -> ApiKey:
    rules.require_valid_caps(caps, {pair.code for pair in instruments.list_pairs()})
    if queries.is_public_key_known(public_key):
        raise BadKey("another key has this public key: make a new pair")
    owner = queries.lock_counterparty(queries.get_client(client).id)  # two makers at once do not pass the limit of keys
    key = clients.create_key(
        member=queries.get_member(owner.id, member),
        public_key=public_key,
        scopes=scopes,
        cidrs=cidrs,
        now=clock.wall_now(),
        prefix=prefix,
        days=days,
        caps=caps,
        account_ids=[_account(code, owner.id) for code in accounts],
    )
    hand_over(key)
    return key


def _account(code: str, owner_id: UUID) -> UUID:
    """:raises NotFound: this client has no such account"""
    found = queries.get_account_by_code(code)
    if found.owner_id != owner_id:
        raise NotFound(f"no account {code} of this client")
    return found.id
