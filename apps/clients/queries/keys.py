"""API keys: what one statement tells of a key that signs, and the keys of one's own client."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.clients.models import ApiKey, KeyUse
from apps.clients.rules import WARN_DAYS
from apps.core import db, flights
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.core.flights import Statement


@dataclass(frozen=True, slots=True)
class KeyGrant:
    """All that one statement tells of a key. A signed mutation may be let in by what was read last, and reads it again in its first flight
    (api.standing); all else reads it first. So revoking works at once."""

    key_pk: UUID
    key_id: str
    public_key: bytes
    scopes: frozenset[str]
    cidrs: tuple[str, ...]
    expires_at: datetime
    revoked_at: datetime | None
    limits: dict[str, str]
    member_id: UUID
    member_name: str
    member_closed: bool
    client_id: UUID
    client_status: str
    account_ids: frozenset[UUID]
    roles: frozenset[str]
    caps: dict[str, Any]
    api_version: str
    row: tuple[Any, ...] = field(repr=False)  # as it was read

    def actor(self) -> Actor:
        return Actor(
            kind="MEMBER",
            id=self.member_id,
            name=self.member_name,
            client_id=self.client_id,
            roles=self.roles,
            scopes=self.scopes,
            account_ids=self.account_ids,
            key_id=self.key_id,
            caps=self.caps,
        )


_KEY = """
SELECT k.id, k.key_id, k.public_key, k.scopes, k.allowed_cidrs, k.expires_at, k.revoked_at, k.limits, m.id, m.name,
       m.closed_at IS NOT NULL OR m.stopped_at IS NOT NULL OR coalesce(m.valid_until <= clock_timestamp(), false), c.id, c.status,
       a.accounts, a.roles, (SELECT array_agg(x.account_id ORDER BY x.account_id) FROM clients_apikey_accounts x WHERE x.apikey_id = k.id),
       k.caps, k.api_version
FROM clients_apikey k JOIN clients_member m ON m.id = k.member_id JOIN clients_counterparty c ON c.id = m.counterparty_id
CROSS JOIN LATERAL (SELECT array_agg(a.account_id ORDER BY a.account_id) AS accounts,
    string_agg(array_to_string(a.roles, ' '), ' ' ORDER BY a.account_id) AS roles
  FROM clients_authority a WHERE a.member_id = m.id AND a.roles <> '{}') a
WHERE k.key_id = %s
"""


def find_key(key_id: str) -> KeyGrant | None:
    """The key with its member, client and accounts, in one statement; None when there is none."""
    rows = flights.fly([read_key(key_id)])[0]
    return grant_of(rows[0]) if rows else None


def read_key(key_id: str) -> Statement:
    """What :func:`find_key` asks."""
    return Statement(_KEY, (key_id,))


def grant_of(row: tuple[Any, ...]) -> KeyGrant:
    """What a row of :func:`read_key` says."""
    accounts = frozenset(row[13] or ())
    return KeyGrant(
        key_pk=row[0],
        key_id=row[1],
        public_key=bytes(row[2]),
        scopes=frozenset(row[3]),
        cidrs=tuple(row[4]),
        expires_at=row[5],
        revoked_at=row[6],
        limits=db.loads(row[7]),
        member_id=row[8],
        member_name=row[9],
        member_closed=row[10],
        client_id=row[11],
        client_status=row[12],
        account_ids=accounts if row[15] is None else accounts & frozenset(row[15]),  # all of the member's, or those that the key names
        roles=frozenset((row[14] or "").split()),
        caps=db.loads(row[16]),
        api_version=row[17],
        row=row,
    )


def keys_visible_to(actor: Actor) -> QuerySet[ApiKey]:
    """The keys of one's own client; staff see all."""
    rows = ApiKey.objects.select_related("member").prefetch_related("accounts")
    if actor.client_id is not None:
        return rows.filter(member__counterparty_id=actor.client_id)
    return rows if actor.kind in {"STAFF", "SYSTEM"} else rows.none()


def get_own_key(key_id: str, *, actor: Actor) -> ApiKey:
    """:raises NotFound: no such key of this client"""
    found = keys_visible_to(actor).filter(key_id=key_id).first()
    if found is None:
        raise NotFound("no such key")
    return found


def find_key_id(key_pk: UUID) -> str | None:
    """What `keyid` names a key, once it is there."""
    return ApiKey.objects.filter(id=key_pk).values_list("key_id", flat=True).first()


def is_public_key_known(public_key: bytes) -> bool:
    return ApiKey.objects.filter(public_key=public_key).exists()


def used_today(key_id: str, day: date) -> Decimal:
    """What a key with a cap a day has dealt on a trade date, in USD."""
    used = KeyUse.objects.filter(key__key_id=key_id, day=day).values_list("used", flat=True).first()
    return used or Decimal(0)


def list_expiring(now: datetime) -> list[tuple[UUID, int]]:
    """Live keys whose client is to be warned, each with the warning it is due: how many days before its end."""
    out = []
    live = ApiKey.objects.filter(revoked_at__isnull=True, expires_at__gt=now, expires_at__lte=now + timedelta(days=max(WARN_DAYS)))
    for key in live.order_by("expires_at", "id"):
        due = min(days for days in WARN_DAYS if key.expires_at <= now + timedelta(days=days))
        if key.warned_days is None or due < key.warned_days:
            out.append((key.id, due))
    return out


def lock_key(key_pk: UUID) -> ApiKey:
    """:raises NotFound: no such key"""
    found = ApiKey.objects.select_for_update(no_key=True, of=("self",)).filter(id=key_pk).first()
    if found is None:
        raise NotFound("no such key")
    return found


def count_live_keys(client_id: UUID, now: datetime) -> int:
    return ApiKey.objects.filter(member__counterparty_id=client_id, revoked_at__isnull=True, expires_at__gt=now).count()
