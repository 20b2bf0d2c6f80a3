"""A member asks by API for a key, a wider one or its successor, or our admin in the desk on their behalf; a second person approves it.

No key makes or widens a key: what is asked leaves a request, which compliance decides. To end a key takes nobody else.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from apps.approvals import operations as approvals
from apps.approvals.errors import StaleRequest
from apps.approvals.models import Approval
from apps.clients import operations as clients
from apps.clients import queries, rules
from apps.clients.errors import BadKey, BadLifetime, KeyEnded, NotYourKey, TooManyKeys
from apps.clients.models import ApiKey
from apps.core import clock, ids
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.users import rules as staff

from .manage_keys import KIND, version_of

NEW = "client_key_new"


@use_case
def ask_for_key(
    *,
    actor: Actor,
    member_id: UUID | None,
    public_key: str,
    scopes: Sequence[str],
    cidrs: Sequence[str],
    account_ids: Sequence[UUID],
    caps: Mapping[str, Any],
    days: int,
    now: datetime,
) -> Approval:
    """Ask for a key of a member of one's own client; our admin for one of any client.

    :param public_key: 32 bytes in base64
    :raises AppError: NotYourKey, NotFound, BadKey, BadScope, BadAllowList, BadCap, BadLifetime, TooManyKeys, ApprovalOpen
    """
    _require_may_ask(actor)
    owner = queries.get_member_by_id(member_id or _own(actor))
    if (actor.kind != "STAFF" and owner.counterparty_id != actor.client_id) or not queries.hold_member(owner.id):
        raise NotFound("no such member")
    for account_id in account_ids:
        if queries.get_account(account_id, actor=actor).owner_id != owner.counterparty_id:
            raise NotFound("no such account")
    if actor.kind != "STAFF" and not queries.administers(actor, account_ids or queries.list_account_ids(owner.id)):
        raise NotYourKey("by an admin of every account that the key may use")
    rules.require_scopes(scopes)
    rules.require_own_scopes(scopes, is_house=owner.counterparty.house_of_id is not None)
    rules.require_allow_list(scopes, cidrs)
    rules.require_valid_caps(caps, {pair.code for pair in instruments.list_pairs()})
    payload = {
        "member_id": str(owner.id),
        "public_key": _read_key(public_key),
        "scopes": list(scopes),
        "cidrs": list(cidrs),
        "account_ids": [str(one) for one in account_ids],
        "caps": dict(caps),
        "days": days,
        "rotates": None,
    }
    return _ask_new(actor, owner.counterparty_id, payload, f"A key of {owner.name}, {owner.counterparty.code}: {', '.join(scopes)}", now)


@use_case
def ask_to_rotate(*, actor: Actor, key_id: str, public_key: str, days: int, now: datetime) -> Approval:
    """Ask for the successor of a key: the same scopes, accounts, networks and caps; both live for OVERLAP_DAYS.

    :raises AppError: NotFound, NotYourKey, KeyEnded, BadKey, BadLifetime, TooManyKeys, ApprovalOpen
    """
    if actor.kind == "STAFF":
        _require_may_ask(actor)
    key = _live(key_id, actor)
    if key.member_id != actor.id:
        _require_may_ask(actor, key)
    if not queries.hold_member(key.member_id):
        raise KeyEnded(key_id)
    payload = {
        "member_id": str(key.member_id),
        "public_key": _read_key(public_key),
        "scopes": list(key.scopes),
        "cidrs": list(key.allowed_cidrs),
        "account_ids": [str(account.id) for account in key.accounts.all()],
        "caps": dict(key.caps),
        "days": days,
        "rotates": str(key.id),
    }
    return _ask_new(actor, key.member.counterparty_id, payload, f"The successor of key {key.key_id}, {', '.join(key.scopes)}", now)


@use_case
def ask_to_widen(
    *, actor: Actor, key_id: str, scopes: Sequence[str], cidrs: Sequence[str], caps: Mapping[str, Any], now: datetime
) -> Approval:
    """Ask for other scopes, networks and caps of a key.

    :raises AppError: NotFound, NotYourKey, KeyEnded, BadScope, BadAllowList, BadCap, ApprovalOpen
    """
    _require_may_ask(actor)
    key = _live(key_id, actor)
    _require_may_ask(actor, key)
    if not queries.hold_member(key.member_id):
        raise KeyEnded(key_id)
    rules.require_scopes(scopes)
    rules.require_own_scopes(scopes, is_house=queries.get_counterparty(key.member.counterparty_id).house_of_id is not None)
    rules.require_allow_list(scopes, cidrs)
    rules.require_valid_caps(caps, {pair.code for pair in instruments.list_pairs()})
    return approvals.request(
        kind=KIND,
        subject_type="key",
        subject_id=key.id,
        subject_version=version_of(key),
        title=f"Key {key.key_id}: {', '.join(scopes)}"[:200],
        payload={"scopes": list(scopes), "cidrs": list(cidrs), "caps": dict(caps)},
        before={"scopes": key.scopes, "cidrs": key.allowed_cidrs, "caps": key.caps},
        maker=actor,
        checker_roles=staff.ACTS[KIND][1],
        now=now,
    )


@use_case
def end_key(*, actor: Actor, key_id: str, now: datetime) -> ApiKey:
    """End a key of one's own, at once and everywhere; a client's admin every key of the client, our admin and compliance any.

    Ended before is fine.

    :raises NotFound: no such key of this client
    :raises NotYourKey: another member's, and this one is no admin
    :raises RoleMissing: one of our own people who may not
    """
    if actor.kind == "STAFF":
        staff.require_may(actor.roles, "access_end")
    key = queries.get_own_key(key_id, actor=actor)
    if actor.kind != "STAFF" and key.member_id != actor.id:
        _require_may_ask(actor, key)
    was_live = key.revoked_at is None
    key = clients.revoke_key(key_id=key_id, now=clock.wall_now())
    if was_live:
        clients.tell_key(key=key, kind="key.ended")
    return key


@use_case
def warn_of_end(*, key_pk: UUID, days: int, now: datetime) -> ApiKey | None:
    """Tell a client once that a key ends within so many days."""
    return clients.warn_of_end(key_pk=key_pk, days=days, now=clock.wall_now())


@step
def make_key(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request for a new key does.

    :raises AppError: StaleRequest: its member is closed, or the key it succeeds has ended; TooManyKeys, BadLifetime
    """
    asked = approval.payload
    member_id = UUID(asked["member_id"])
    queries.lock_counterparty(queries.get_member_by_id(member_id).counterparty_id)
    queries.lock_member(member_id)
    member = queries.get_member_by_id(member_id)  # read after the lock: one who was closed meanwhile gets no key
    wall = clock.wall_now()
    if asked["rotates"] is not None:
        old = queries.lock_key(UUID(asked["rotates"]))
        if old.revoked_at is not None or old.expires_at <= wall:
            raise StaleRequest(approval.title)
        clients.end_key_by(key_pk=old.id, by=wall + timedelta(days=rules.OVERLAP_DAYS))
    made = clients.create_key(
        member=member,
        public_key=b64decode(asked["public_key"]),
        scopes=asked["scopes"],
        cidrs=asked["cidrs"],
        caps=asked["caps"],
        account_ids=[UUID(one) for one in asked["account_ids"]],
        now=wall,
        prefix=settings.KEY_PREFIX,
        days=asked["days"],
        key_pk=approval.subject_id,
    )
    clients.tell_key(key=made, kind="key.issued")


def new_key_version(approval: Approval) -> str:
    """Nothing is there yet that could change; what it depends on is looked at again when it is made."""
    return approval.subject_version


def _ask_new(actor: Actor, client_id: UUID, payload: dict[str, Any], title: str, now: datetime) -> Approval:
    if not 1 <= payload["days"] <= rules.MAX_KEY_DAYS:
        raise BadLifetime(f"a key lives 1 to {rules.MAX_KEY_DAYS} days", pointer="/expires_in_days")
    if queries.count_live_keys(client_id, clock.wall_now()) >= rules.MAX_KEYS:
        raise TooManyKeys("revoke one first")
    return approvals.request(
        kind=NEW,
        subject_type="key",
        subject_id=ids.uuid7(),
        subject_version="new",
        title=title[:200],
        payload=payload,
        maker=actor,
        checker_roles=staff.ACTS[KIND][1],
        now=now,
    )


def _read_key(text: str) -> str:
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise BadKey("the 32 bytes of an Ed25519 public key in base64", pointer="/public_key")
    if queries.is_public_key_known(raw):
        raise BadKey("another key has this public key: make a new pair", pointer="/public_key")
    return b64encode(raw).decode()


def _live(key_id: str, actor: Actor) -> ApiKey:
    key = queries.get_own_key(key_id, actor=actor)
    if key.revoked_at is not None or key.expires_at <= clock.wall_now():
        raise KeyEnded(key_id)
    return key


def _own(actor: Actor) -> UUID:
    assert actor.id is not None
    return actor.id


def _require_may_ask(actor: Actor, key: ApiKey | None = None) -> None:
    """
    :param key: that it is about, where there is one
    :raises NotYourKey: a member who is no admin, or not of every account that the key may use
    :raises RoleMissing: one of our own people who does not make keys on a client's behalf
    """
    if actor.kind == "STAFF":
        staff.require_may(actor.roles, KIND)
    elif "admin" not in actor.roles:
        raise NotYourKey("a member with the role admin does this")
    elif key is not None and not queries.administers_key(actor, key):
        raise NotYourKey("by an admin of every account that the key may use")
