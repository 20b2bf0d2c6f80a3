"""Who acts for a client: made, granted, closed, and stopped while compliance looks."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.clients import queries
from apps.clients.models import Account, ApiKey, Authority, Counterparty, Member
from apps.core import db, ids, money
from apps.core.unit import step
from apps.events import operations as events

from .parties import revoke_key


@step
def create_member(*, counterparty: Counterparty, name: str, email: str, accounts: Iterable[tuple[Account, Sequence[str]]]) -> Member:
    made = Member(id=ids.uuid7(), counterparty=counterparty, name=name, email=email)
    db.insert(made)
    for account, roles in accounts:
        db.insert(Authority(id=ids.uuid7(), member=made, account=account, roles=list(roles)))
    events.record("member.created", subject_type="member", subject_id=made.id, house={"client": counterparty.code})
    return made


@step
def set_authority(*, member_id: UUID, account_id: UUID, roles: Sequence[str], dealing_limit: Decimal | None) -> Authority:
    """What a member may do on an account from now on; the event has old and new.

    :param roles: none: nothing, and it sees nothing there
    :param dealing_limit: in USD a deal; None: none of their own
    """
    queries.lock_member(member_id)
    old = Authority.objects.filter(member_id=member_id, account_id=account_id).first()
    made, _ = Authority.objects.update_or_create(
        member_id=member_id,
        account_id=account_id,
        defaults={"roles": list(roles), "dealing_limit": dealing_limit},
        create_defaults={"id": ids.uuid7(), "roles": list(roles), "dealing_limit": dealing_limit},
    )
    house = {"account": str(account_id), "old": _told_authority(old), **_told_authority(made)}
    events.record("authority.set", subject_type="member", subject_id=member_id, house=house)
    return made


def _told_authority(held: Authority | None) -> dict[str, Any]:
    limit = None if held is None else held.dealing_limit
    return {"roles": [] if held is None else list(held.roles), "dealing_limit": None if limit is None else money.text(limit)}


@step
def close_member(*, member_id: UUID, now: datetime) -> tuple[Member, list[ApiKey]]:
    """A member acts no more, and every live key of theirs ends with it; closed before is fine.

    :param now: wall time: keys live by the wall clock
    :return: the member, and the keys that ended now
    :raises NotFound: no such member
    """
    member = queries.lock_member(member_id)
    live = list(ApiKey.objects.filter(member=member, revoked_at__isnull=True, expires_at__gt=now).order_by("id"))
    ended = [revoke_key(key_id=key.key_id, now=now) for key in live]
    if member.closed_at is None:
        member.closed_at = now
        member.save(update_fields=["closed_at"])
        public = {
            "id": ids.encode("mem", member.id),
            "name": member.name,
            "closed_at": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        events.record("member.closed", subject_type="member", subject_id=member.id, client_id=member.counterparty_id, public=public)
    return member, ended


@step
def stop_member(*, member_id: UUID, now: datetime) -> bool:
    """A member does nothing for now: its keys and sockets answer no more. Whether that is new. The client is not told."""
    member = queries.lock_member(member_id)
    if member.stopped_at is not None or member.closed_at is not None:
        return False
    member.stopped_at = now
    member.save(update_fields=["stopped_at"])
    events.record("member.stopped", subject_type="member", subject_id=member.id, house={})
    return True


@step
def resume_member(*, member_id: UUID, reason: str) -> None:
    """A member that was stopped acts again."""
    member = queries.lock_member(member_id)
    member.stopped_at = None
    member.save(update_fields=["stopped_at"])
    events.record("member.resumed", subject_type="member", subject_id=member.id, house={"reason": reason})
