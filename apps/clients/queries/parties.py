"""Clients, keys, members, accounts: always through who may see them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.clients.models import Account, ApiKey, Authority, Counterparty, Coverage, FairUse, Group, KeyUse, Member, SettlementMode, Terms
from apps.clients.rules import WARN_DAYS, is_taken_on
from apps.clients.states import ClientStatus
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
       m.closed_at IS NOT NULL OR coalesce(m.valid_until <= clock_timestamp(), false), c.id, c.status,
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


def visible_to(actor: Actor) -> QuerySet[Account]:
    """A member sees the accounts its key names; staff see all."""
    accounts = Account.objects.select_related("owner").order_by("owner__code", "-is_default", "code")
    if actor.is_client:
        return accounts.filter(owner_id=actor.client_id, id__in=actor.account_ids or ())
    return accounts if actor.kind in {"STAFF", "SYSTEM"} else accounts.none()


def get_account(account_id: UUID, *, actor: Actor) -> Account:
    found = visible_to(actor).filter(id=account_id).first()
    if found is None:
        raise NotFound("no such account")
    return found


def get_client(code: str) -> Counterparty:
    found = Counterparty.objects.filter(code=code).first()
    if found is None:
        raise NotFound(f"no counterparty {code}")
    return found


def get_house(entity_id: UUID) -> Counterparty:
    """A booking entity of ours as a counterparty."""
    return Counterparty.objects.get(house_of_id=entity_id)


def list_liquidity() -> QuerySet[Counterparty]:
    """Whom we hedge with: taken on, and not gone."""
    taken_on = [status for status in ClientStatus if is_taken_on(status)]
    return Counterparty.objects.filter(roles__overlap=["LP", "VENUE"], status__in=taken_on).order_by("code")


def get_counterparty(counterparty_id: UUID) -> Counterparty:
    """:raises NotFound: no such counterparty"""
    found = Counterparty.objects.filter(id=counterparty_id).first()
    if found is None:
        raise NotFound("no such counterparty")
    return found


def list_introducers() -> QuerySet[Counterparty]:
    return Counterparty.objects.filter(roles__contains=["INTRODUCER"]).order_by("code")


def find_lp_terms(lp_id: UUID, entity_id: UUID, at: datetime) -> Terms | None:
    """The terms on which an OTC LP settles with one of our entities; None with whom hedges post at once: a venue, an LP we prefund.

    They are those of its default account.
    """
    of_lp = Terms.objects.filter(account__owner_id=lp_id, account__is_default=True, account__owner__roles__contains=["LP"])
    in_force = of_lp.filter(Q(effective_until__isnull=True) | Q(effective_until__gt=at), entity_id=entity_id, effective_from__lte=at)
    found = in_force.order_by("-version").first()
    return None if found is None or found.mode == SettlementMode.PREFUNDED else found


def find_terms_of(counterparty_id: UUID) -> Terms | None:
    """The terms of a counterparty's default account as they are now."""
    return Terms.objects.filter(account__owner_id=counterparty_id, account__is_default=True, effective_until__isnull=True).first()


def list_clients() -> QuerySet[Counterparty]:
    return Counterparty.objects.filter(roles__contains=["CLIENT"]).select_related("group").order_by("code")


def list_accounts(client_id: UUID) -> QuerySet[Account]:
    return Account.objects.filter(owner_id=client_id).select_related("owner").order_by("-is_default", "code")


def names_all_accounts(actor: Actor) -> bool:
    """Whether a member's key may use every account that its client has now."""
    return not Account.objects.filter(owner_id=actor.client_id).exclude(id__in=actor.account_ids or ()).exists()


def find_coverage(account_id: UUID) -> Coverage | None:
    """Whose client an account is now."""
    return Coverage.objects.select_related("introducer").filter(account_id=account_id, effective_until__isnull=True).first()


def get_default_account(code: str) -> Account:
    return Account.objects.select_related("owner").get(owner__code=code, is_default=True)


def get_terms(account_id: UUID, at: datetime) -> Terms:
    """The version in force at `at`."""
    return (
        Terms.objects.filter(Q(effective_until__isnull=True) | Q(effective_until__gt=at), account_id=account_id, effective_from__lte=at)
        .order_by("-version")
        .get()
    )


def is_frozen(account_id: UUID) -> bool:
    """:attr:`Account.is_frozen` of the account as it is now."""
    return get_owned(account_id).is_frozen


def list_frozen() -> set[UUID]:
    """Every account of which nothing moves."""
    return set(Account.objects.filter(Q(status="FROZEN") | Q(owner__status="FROZEN")).values_list("id", flat=True))


def list_terms(account_ids: Iterable[UUID], at: datetime) -> dict[UUID, Terms]:
    """The version in force at `at` of each of these accounts."""
    rows = Terms.objects.filter(
        Q(effective_until__isnull=True) | Q(effective_until__gt=at), account_id__in=set(account_ids), effective_from__lte=at
    )
    return {terms.account_id: terms for terms in rows.order_by("account_id", "-version").distinct("account_id")}


def lock_account(account_id: UUID) -> None:
    """The row that whoever touches a client balance locks first: the lock goes out before whatever is sent next."""
    db.send("SELECT 1 FROM clients_account WHERE id = %s FOR NO KEY UPDATE", (account_id,))


def list_fair_use() -> list[FairUse]:
    """Clients that ask for much more prices than they deal, those that are stopped first."""
    return list(FairUse.objects.select_related("client").exclude(level="OK").order_by("level", "client__code"))


def members_visible_to(actor: Actor) -> QuerySet[Member]:
    """The members of one's own client; staff see all."""
    rows = Member.objects.order_by("name")
    if actor.client_id is not None:
        return rows.filter(counterparty_id=actor.client_id)
    return rows if actor.kind in {"STAFF", "SYSTEM"} else rows.none()


def list_authorities_of(member_ids: Iterable[UUID], *, actor: Actor) -> dict[UUID, list[Authority]]:
    """What members may do, on the accounts that the actor may see."""
    out: dict[UUID, list[Authority]] = {}
    rows = Authority.objects.filter(member_id__in=list(member_ids), account__in=visible_to(actor)).exclude(roles=[])
    for row in rows.select_related("account").order_by("account__code"):
        out.setdefault(row.member_id, []).append(row)
    return out


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
    for key in live.order_by("expires_at"):
        due = min(days for days in WARN_DAYS if key.expires_at <= now + timedelta(days=days))
        if key.warned_days is None or due < key.warned_days:
            out.append((key.id, due))
    return out


def get_member_by_id(member_id: UUID) -> Member:
    """:raises NotFound: there is none, or it is closed"""
    found = Member.objects.select_related("counterparty").filter(id=member_id, closed_at__isnull=True).first()
    if found is None:
        raise NotFound("no such member")
    return found


def get_member_by_pk(member_id: UUID) -> Member:
    return Member.objects.get(id=member_id)


def get_member(counterparty_id: UUID, name: str | None = None) -> Member:
    """By name, or the first one who may trade.

    :raises NotFound: there is none
    """
    members = Member.objects.filter(counterparty_id=counterparty_id, closed_at__isnull=True).order_by("name")
    found = (
        members.filter(name=name).first() if name else (members.filter(authorities__roles__contains=["trader"]).first() or members.first())
    )
    if found is None:
        raise NotFound(f"no member {name or ''} of this client")
    return found


def list_authorities(member_id: UUID) -> QuerySet[Authority]:
    return Authority.objects.filter(member_id=member_id).select_related("account")


def list_authorities_on(account_id: UUID) -> list[Authority]:
    """Everybody who may do something on an account."""
    return list(Authority.objects.filter(account_id=account_id).order_by("id"))


def lock_counterparty(counterparty_id: UUID) -> Counterparty:
    return Counterparty.objects.select_for_update(no_key=True, of=("self",)).get(id=counterparty_id)


def lock_key(key_pk: UUID) -> ApiKey:
    """:raises NotFound: no such key"""
    found = ApiKey.objects.select_for_update(no_key=True, of=("self",)).filter(id=key_pk).first()
    if found is None:
        raise NotFound("no such key")
    return found


def lock_member(member_id: UUID) -> Member:
    """:raises NotFound: no such member"""
    found = Member.objects.select_for_update(no_key=True, of=("self",)).filter(id=member_id).first()
    if found is None:
        raise NotFound("no such member")
    return found


def count_live_keys(client_id: UUID, now: datetime) -> int:
    return ApiKey.objects.filter(member__counterparty_id=client_id, revoked_at__isnull=True, expires_at__gt=now).count()


def list_safeguarded() -> list[UUID]:
    """Accounts whose money we keep apart, by their current terms."""
    return list(Terms.objects.filter(effective_until__isnull=True, safeguarded=True).values_list("account_id", flat=True))


def get_owned(account_id: UUID) -> Account:
    """The account with its owner, for the system's own steps."""
    return Account.objects.select_related("owner").get(id=account_id)


def get_account_by_code(code: str) -> Account:
    """For our own people, who name accounts by code.

    :raises NotFound: there is none
    """
    found = Account.objects.select_related("owner").filter(code=code).first()
    if found is None:
        raise NotFound(f"no account {code}")
    return found


def name_of(level: str, subject_id: UUID) -> str:
    """Whom a line of this level is of.

    :raises NotFound: no such group, counterparty or account
    """
    kinds: dict[str, type[Group] | type[Counterparty] | type[Account]] = {"GROUP": Group, "ACCOUNT": Account}
    found = kinds.get(level, Counterparty).objects.filter(id=subject_id).first()
    if found is None:
        raise NotFound(f"no such {level.lower()}")
    return str(found.code if isinstance(found, Account) else found.name)


def list_under(level: str, subject_id: UUID) -> list[UUID]:
    """The clients whose deals count on a line of this level."""
    if level == "ACCOUNT":
        return list(Account.objects.filter(id=subject_id).values_list("owner_id", flat=True))
    members = Counterparty.objects.filter(group_id=subject_id) if level == "GROUP" else Counterparty.objects.filter(id=subject_id)
    return list(members.order_by("code").values_list("id", flat=True))


def find_status(client_id: UUID, account_id: UUID | None) -> Counterparty | Account:
    """The client, or one account of it.

    :raises NotFound: no such client or account
    """
    return get_counterparty(client_id) if account_id is None else find_status_account(client_id, account_id)


def find_status_account(client_id: UUID, account_id: UUID) -> Account:
    """:raises NotFound: no such account of this client"""
    found = Account.objects.select_related("owner").filter(id=account_id, owner_id=client_id).first()
    if found is None:
        raise NotFound("no such account")
    return found


def lock_status(client_id: UUID, account_id: UUID | None) -> Counterparty | Account:
    """:raises NotFound: no such client or account"""
    found = find_status(client_id, account_id)
    if account_id is None:
        return lock_counterparty(found.id)
    return Account.objects.select_for_update(no_key=True, of=("self",)).select_related("owner").get(id=found.id)


def list_groups() -> list[Group]:
    return list(Group.objects.order_by("name"))
