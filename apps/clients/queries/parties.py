"""Clients, accounts and their terms: always through who may see them."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.clients.models import Account, Counterparty, Coverage, FairUse, Group, SettlementMode, Terms
from apps.clients.rules import is_taken_on
from apps.clients.states import ClientStatus
from apps.core import db
from apps.core.actor import Actor
from apps.core.errors import NotFound


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


def is_code_known(code: str) -> bool:
    """Whether a counterparty, in whatever role, has this code, or another's account the code of its default one."""
    return Counterparty.objects.filter(code=code).exists() or is_account_known(f"{code}-main")


def is_lei_known(lei: str) -> bool:
    """Whether a counterparty, in whatever role, is this legal entity."""
    return Counterparty.objects.filter(lei=lei).exists()


def get_house(entity_id: UUID) -> Counterparty:
    """A booking entity of ours as a counterparty."""
    return Counterparty.objects.get(house_of_id=entity_id)


def list_liquidity() -> QuerySet[Counterparty]:
    """Whom we hedge with: taken on, and not gone."""
    taken_on = [status for status in ClientStatus if is_taken_on(status)]
    return Counterparty.objects.filter(roles__overlap=["LP", "VENUE"], status__in=taken_on).order_by("code")


def get_liquidity(code: str) -> Counterparty:
    """Whom we hedge with, or have hedged with.

    :raises NotFound: nobody of that code, or neither an LP nor a venue
    """
    found = get_client(code)
    if not {"LP", "VENUE"} & set(found.roles):
        raise NotFound(f"{code} is no LP or venue")
    return found


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
    """The last version of the terms of a counterparty's default account."""
    return Terms.objects.filter(account__owner_id=counterparty_id, account__is_default=True, effective_until__isnull=True).first()


def find_last_terms(account_id: UUID) -> Terms | None:
    """The last version, in force or still to come."""
    return Terms.objects.filter(account_id=account_id, effective_until__isnull=True).first()


def terms_in_force(alias: str) -> str:
    """SQL: whether this row of clients_terms is in force now, by the desk's clock."""
    return f"{alias}.effective_from <= (SELECT desk_now()) AND coalesce({alias}.effective_until > (SELECT desk_now()), true)"


def list_terms_of_account(account_id: UUID) -> list[Terms]:
    """Every version, the last one first."""
    return list(Terms.objects.filter(account_id=account_id).order_by("-version"))


def is_account_known(code: str) -> bool:
    return Account.objects.filter(code=code).exists()


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


def lock_accounts(account_ids: Iterable[UUID]) -> None:
    """:func:`lock_account` of several, in the order of their ids."""
    db.run("SELECT 1 FROM clients_account WHERE id = ANY (%s::uuid[]) ORDER BY id FOR NO KEY UPDATE", (db.array(account_ids),))


def list_fair_use() -> list[FairUse]:
    """Clients that ask for much more prices than they deal, those that are stopped first."""
    return list(FairUse.objects.select_related("client").exclude(level="OK").order_by("level", "client__code"))


def lock_counterparty(counterparty_id: UUID) -> Counterparty:
    return Counterparty.objects.select_for_update(no_key=True, of=("self",)).get(id=counterparty_id)


def list_safeguarded() -> list[UUID]:
    """Accounts whose money we keep apart, by their current terms."""
    return list(Terms.objects.filter(effective_until__isnull=True, safeguarded=True).values_list("account_id", flat=True))


def get_owned(account_id: UUID) -> Account:
    """The account with its owner, for the system's own steps."""
    return Account.objects.select_related("owner").get(id=account_id)


def list_owned(account_ids: Iterable[UUID]) -> dict[UUID, Account]:
    """Accounts with their owners, for the system's own steps."""
    return {one.id: one for one in Account.objects.select_related("owner").filter(id__in=list(account_ids))}


def list_clients_by_code(codes: Collection[str]) -> dict[str, Counterparty]:
    """Those of these counterparties that there are."""
    return {one.code: one for one in Counterparty.objects.filter(code__in=list(codes))}


def list_accounts_by_code(codes: Collection[str]) -> dict[str, Account]:
    """Those of these accounts that there are, for our own people, who name accounts by code."""
    return {one.code: one for one in Account.objects.select_related("owner").filter(code__in=list(codes))}


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
