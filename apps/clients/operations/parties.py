"""Make and change clients, accounts, members, keys and terms."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.clients import queries, rules
from apps.clients.errors import BadLei, BadLifetime, KeyCapExceeded, TooManyKeys
from apps.clients.models import Account, ApiKey, Counterparty, Coverage, FairUse, Group, Member, Terms
from apps.clients.rules import identity
from apps.clients.states import CLIENT, ClientStatus
from apps.core import db, ids, money
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.core.unit import step
from apps.events import operations as events
from apps.instruments import queries as instruments


def seed_reference() -> None:
    """Each booking entity as a counterparty of its own, with the member that its hedging systems sign as; existing rows stay."""
    for entity in instruments.list_entities():
        if Counterparty.objects.filter(house_of=entity).exists():
            continue
        house = Counterparty(
            id=ids.uuid7(),
            code=f"house-{entity.code}"[:30],
            name=entity.name,
            lei=entity.lei,
            country="GB",
            roles=["HOUSE"],
            house_of=entity,
        )
        house.save(force_insert=True)
        for status in (ClientStatus.ONBOARDING, ClientStatus.APPROVED):
            CLIENT.move(house, status)
            house.save(update_fields=["status"])
        Member(id=ids.uuid7(), counterparty=house, name="hedging").save(force_insert=True)


@step
def create_group(*, name: str) -> Group:
    """A group of legal entities; an existing one of that name is returned."""
    group, made = Group.objects.get_or_create(name=name, defaults={"id": ids.uuid7()})
    if made:
        events.record("group.created", subject_type="group", subject_id=group.id, house={"name": name})
    return group


@step
def create_counterparty(
    *, code: str, name: str, lei: str, country: str, roles: Sequence[str], email: str = "", group: Group | None = None
) -> Counterparty:
    """A legal entity, PROSPECT.

    :raises BadLei: not written as one, or its check digits are wrong
    """
    if lei and not identity.is_lei(lei):
        raise BadLei(f"{code}: {lei}")
    made = Counterparty(id=ids.uuid7(), code=code, name=name, lei=lei, country=country, roles=list(roles), email=email, group=group)
    db.insert(made)
    events.record(
        "client.created", subject_type="counterparty", subject_id=made.id, house={"code": code, "name": name, "roles": list(roles)}
    )
    return made


@step
def create_account(*, owner: Counterparty, code: str, name: str, is_default: bool = True) -> Account:
    made = Account(id=ids.uuid7(), owner=owner, code=code, name=name, is_default=is_default)
    db.insert(made)
    events.record("account.created", subject_type="account", subject_id=made.id, house={"code": code, "owner": owner.code})
    return made


@step
def set_status(*, thing: Counterparty | Account, status: ClientStatus, reason: str) -> None:
    """Move a client or account; four eyes upward are the workflow's."""
    old = thing.status
    CLIENT.move(thing, status)
    thing.save(update_fields=["status"])
    kind = "client" if isinstance(thing, Counterparty) else "account"
    events.record(
        f"{kind}.status_changed", subject_type=kind, subject_id=thing.id, house={"from": str(old), "to": str(status), "reason": reason}
    )


@step
def set_review(*, client_id: UUID, due: date) -> None:
    """When what we know about a client has to be looked at again."""
    client = queries.lock_counterparty(client_id)
    client.review_due = due
    client.save(update_fields=["review_due"])
    events.record("client.reviewed", subject_type="client", subject_id=client.id, house={"due": due.isoformat()})


@step
def narrow_keys(*, client_id: UUID, account_id: UUID | None = None) -> None:
    """Every live key of a client loses what it deals with; of one account, the keys that name only this account."""
    keys = ApiKey.objects.select_for_update(no_key=True, of=("self",)).filter(member__counterparty_id=client_id, revoked_at__isnull=True)
    for key in keys.filter(scopes__overlap=["quote", "trade"]).order_by("id"):
        if account_id is not None and list(key.accounts.values_list("id", flat=True)) != [account_id]:
            continue
        set_scopes(key_pk=key.id, scopes=[s for s in key.scopes if s not in {"quote", "trade"}], cidrs=key.allowed_cidrs)


@step
def create_key(
    *,
    member: Member,
    public_key: bytes,
    scopes: Sequence[str],
    cidrs: Sequence[str],
    now: datetime,
    prefix: str,
    days: int = 365,
    caps: Mapping[str, Any] | None = None,
    account_ids: Sequence[UUID] = (),
    key_pk: UUID | None = None,
) -> ApiKey:
    """Store the public half of a member's key.

    :param prefix: ak_test_ or ak_live_: a key of one deployment is refused by the other
    :param now: wall time: keys live by the wall clock
    :param account_ids: none: every account that the member has authority for
    :raises BadScope: a scope that does not exist
    :raises BadAllowList: not networks, or none although a scope moves money
    :raises BadLifetime: not 1 to 365 days
    :raises TooManyKeys: eight live keys already
    """
    rules.require_scopes(scopes)
    rules.require_allow_list(scopes, cidrs)
    rules.require_own_scopes(scopes, is_house=member.counterparty.house_of_id is not None)
    if not 1 <= days <= rules.MAX_KEY_DAYS:
        raise BadLifetime(f"a key lives 1 to {rules.MAX_KEY_DAYS} days, not {days}")
    if queries.count_live_keys(member.counterparty_id, now) >= rules.MAX_KEYS:
        raise TooManyKeys(member.counterparty.code)
    made = ApiKey(
        id=key_pk or ids.uuid7(),
        key_id=prefix + secrets.token_hex(8),
        member=member,
        public_key=public_key,
        scopes=list(scopes),
        allowed_cidrs=list(cidrs),
        created_at=now,
        expires_at=now + timedelta(days=days),
        caps=dict(caps or {}),
        api_version=rules.API_VERSIONS[-1],
    )
    db.insert(made)
    if account_ids:
        made.accounts.set(Account.objects.filter(id__in=list(account_ids)))
    events.record(
        "key.created",
        subject_type="key",
        subject_id=made.id,
        house={"key_id": made.key_id, "scopes": list(scopes), "client": member.counterparty.code},
    )
    return made


@step
def set_scopes(*, key_pk: UUID, scopes: Sequence[str], cidrs: Sequence[str], caps: Mapping[str, Any] | None = None) -> ApiKey:
    """Widen or narrow a key; widening is asked and approved by two people before.

    :raises BadScope: a scope that keys of its counterparty never hold
    """
    key = ApiKey.objects.select_for_update(no_key=True, of=("self",)).select_related("member__counterparty").get(id=key_pk)
    rules.require_own_scopes(scopes, is_house=key.member.counterparty.house_of_id is not None)
    key.scopes, key.allowed_cidrs = list(scopes), list(cidrs)
    key.caps = key.caps if caps is None else dict(caps)
    key.save(update_fields=["scopes", "allowed_cidrs", "caps"])
    events.record("key.scopes_changed", subject_type="key", subject_id=key.id, house={"key_id": key.key_id, "scopes": list(scopes)})
    return key


@step
def spend_caps(*, actor: Actor, pair: str, notional: Decimal, day: date) -> None:
    """Count a deal against what its key may deal, a deal and on a trade date; two at once never pass it together.

    :param notional: in USD
    :raises KeyCapExceeded: not this pair, not so much at once, or not so much today
    """
    rules.require_caps(actor.caps, pair, notional)
    if "day_usd" not in actor.caps:
        return
    cap = Decimal(actor.caps["day_usd"])
    if notional > cap or not db.run(_SPEND, (ids.uuid7(), day, notional, actor.key_id, cap)):
        raise KeyCapExceeded(f"with this deal more than {money.text(cap)} USD of {day.isoformat()}", cap="day_usd")


_SPEND = """
INSERT INTO clients_keyuse AS u (id, key_id, day, used) SELECT %s, k.id, %s, %s FROM clients_apikey k WHERE k.key_id = %s
ON CONFLICT (key_id, day) DO UPDATE SET used = u.used + EXCLUDED.used WHERE u.used + EXCLUDED.used <= %s RETURNING used
"""


@step
def end_key_by(*, key_pk: UUID, by: datetime) -> None:
    """A key that was rotated ends no later than `by` (wall time)."""
    key = queries.lock_key(key_pk)
    if key.expires_at > by:
        key.expires_at = by
        key.save(update_fields=["expires_at"])


@step
def tell_key(*, key: ApiKey, kind: str) -> None:
    """Tell the client what became of a key of its own: key.issued, key.widened, key.expiring or key.ended."""
    client_id = queries.get_member_by_pk(key.member_id).counterparty_id
    public = {
        "key_id": key.key_id,
        "scopes": list(key.scopes),
        "expires_at": key.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "revoked": key.revoked_at is not None,
    }
    events.record(kind, subject_type="key", subject_id=key.id, client_id=client_id, public=public, house={"key_id": key.key_id})


@step
def warn_of_end(*, key_pk: UUID, days: int, now: datetime) -> ApiKey | None:
    """Tell a client that a key ends within so many days; None where it was told, or the key has ended."""
    key = queries.lock_key(key_pk)
    if key.revoked_at is not None or key.expires_at <= now or (key.warned_days is not None and key.warned_days <= days):
        return None
    key.warned_days = days
    key.save(update_fields=["warned_days"])
    tell_key(key=key, kind="key.expiring")
    return key


@step
def revoke_key(*, key_id: str, now: datetime) -> ApiKey:
    """End a key; ended before is fine.

    :raises NotFound: no such key
    """
    key = ApiKey.objects.select_for_update(no_key=True, of=("self",)).filter(key_id=key_id).first()
    if key is None:
        raise NotFound(f"no key {key_id}")
    if key.revoked_at is None:
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])
        events.record("key.revoked", subject_type="key", subject_id=key.id, house={"key_id": key_id})
    return key


@step
def set_terms(*, account: Account, now: datetime, **terms: Any) -> Terms:
    """A new version of an account's terms from `now` on, or from a later instant; the one before, in force by then, ends there.

    One that would take effect after `now` never does: it ends as it begins.
    """
    versions = Terms.objects.select_for_update(no_key=True).filter(account=account)
    old = versions.filter(effective_until__isnull=True).first()
    for ended in [old, *versions.filter(effective_until__gt=now).order_by("-version")]:
        if ended is not None:
            ended.effective_until = max(now, ended.effective_from)
            ended.save(update_fields=["effective_until"])
    made = Terms(id=ids.uuid7(), account=account, version=old.version + 1 if old else 1, effective_from=now, **terms)
    db.insert(made)
    events.record("terms.set", subject_type="account", subject_id=account.id, house={"version": made.version, "mode": str(made.mode)})
    return made


@step
def set_coverage(*, account_id: UUID, sales: Sequence[Mapping[str, str]], introducer_id: UUID | None, now: datetime) -> Coverage:
    """Who covers an account from `now` on; the version before ends there.

    :param sales: person and share in percent; they sum to 100, or there are none
    """
    queries.lock_account(account_id)
    old = queries.find_coverage(account_id)
    if old is not None:
        old.effective_until = now
        old.save(update_fields=["effective_until"])
    made = Coverage(
        id=ids.uuid7(),
        account_id=account_id,
        version=1 if old is None else old.version + 1,
        effective_from=now,
        sales=[dict(one) for one in sales],
        introducer_id=introducer_id,
    )
    db.insert(made)
    house = {"version": made.version, "sales": [dict(one) for one in sales], "introducer": str(introducer_id or "")}
    events.record("coverage.set", subject_type="account", subject_id=account_id, house=house)
    return made


# Level of fair use → the fact that a client came to it.
_FAIR_USE = {"OK": "fair_use.cleared", "SOFT": "fair_use.warned", "HARD": "fair_use.stopped"}


@step
def set_fair_use(*, client_id: UUID, level: str, requests: int, deals: int, until: datetime, now: datetime) -> FairUse:
    """Keep what a client's asking was judged as; the client and the desk are told when the level changes.

    :param until: when a stop ends by itself, should nobody judge again
    """
    FairUse.objects.get_or_create(
        client_id=client_id, defaults={"level": "OK", "requests": requests, "deals": deals, "since": now, "until": until}
    )
    found = FairUse.objects.select_for_update(no_key=True, of=("self",)).get(client_id=client_id)
    changed = found.level != level
    found.level, found.requests, found.deals, found.until = level, requests, deals, until
    if changed:
        found.since = now
        told = {"requests": requests, "deals": deals} | ({"until": until.strftime("%Y-%m-%dT%H:%M:%S.%fZ")} if level == "HARD" else {})
        events.record(
            _FAIR_USE[level],
            subject_type="counterparty",
            subject_id=client_id,
            client_id=client_id,
            public=told,
            house={"level": level, "title": found.client.name, "reason": f"{requests} requests and {deals} deals in the last day"},
        )
    found.save()
    return found
