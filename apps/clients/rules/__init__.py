"""Yes and no about clients, keys and networks. No Django."""

import ipaddress
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

from apps.clients.errors import BadAllowList, BadCap, BadScope, DealingLimit, KeyCapExceeded
from apps.clients.states import CLIENT, ClientStatus
from apps.core import money

SCOPES = ("read", "quote", "trade", "settle", "withdraw", "report", "webhook", "hedge")
HOUSE_SCOPES = frozenset({"read", "hedge"})  # of our own hedging systems; `hedge` is nobody else's
NEEDS_ALLOW_LIST = frozenset({"trade", "settle", "withdraw", "hedge"})
# Versions of the API that a key can be pinned to, the oldest first; a new key gets the last (apps/api/versions.py says what changed).
API_VERSIONS = ("2026-09-01", "2026-11-15")
MAX_KEYS = 8
WARN_DAYS = (30, 7, 1)  # before a key ends its client is told
OVERLAP_DAYS = 7  # a key that was rotated lives on so long beside the new one
MAX_KEY_DAYS = 365
# Strictest first: the stricter of client and account applies.
_STRICT = [
    ClientStatus.FROZEN,
    ClientStatus.OFFBOARDED,
    ClientStatus.REFUSED,
    ClientStatus.PROSPECT,
    ClientStatus.ONBOARDING,
    ClientStatus.SUSPENDED,
    ClientStatus.RESTRICTED,
    ClientStatus.APPROVED,
]

MEMBER_ROLES = ("viewer", "trader", "settlement", "admin")
# What a member needs on an account, one of these: to say where and that it is paid; to answer for a deal.
SETTLES = frozenset({"settlement", "admin"})
ANSWERS = SETTLES | {"trader"}
_DOWN = {ClientStatus.RESTRICTED, ClientStatus.SUSPENDED, ClientStatus.FROZEN, ClientStatus.OFFBOARDED}


def stricter(one: str, other: str) -> ClientStatus:
    """The status that applies when client and account differ."""
    return min(ClientStatus(one), ClientStatus(other), key=_STRICT.index)


def may_deal(status: ClientStatus) -> bool:
    """RESTRICTED deals go through a person and only reduce risk, so never by themselves."""
    return status is ClientStatus.APPROVED


def is_taken_on(status: str) -> bool:
    """Whether it has been approved and has not left: what was dealt with it is booked, also while nothing new is to be dealt."""
    return ClientStatus(status) in {ClientStatus.APPROVED, ClientStatus.RESTRICTED, ClientStatus.SUSPENDED, ClientStatus.FROZEN}


def may_reduce(status: ClientStatus) -> bool:
    """RESTRICTED takes off what is open, by its own keys; nothing else is dealt."""
    return status is ClientStatus.RESTRICTED


def is_down(old: str, new: str) -> bool:
    """Whether a status is stricter than the one before: one person may set it at once."""
    return ClientStatus(new) in _DOWN and _STRICT.index(ClientStatus(new)) < _STRICT.index(ClientStatus(old))


def is_up(old: str, new: str) -> bool:
    """Whether a status lets a client that is with us do more: two people set it."""
    return CLIENT.allows(old, new) and ClientStatus(old) in _DOWN and not is_down(old, new)


def require_within(dealing_limit: Decimal | None, notional: Decimal) -> None:
    """
    :param dealing_limit: of the member on the account, in USD a deal; None: no limit of their own
    :raises DealingLimit: the deal is larger
    """
    if dealing_limit is not None and notional > dealing_limit:
        raise DealingLimit(f"{money.text(money.round_up(notional, 2))} USD, and the member deals up to {money.text(dealing_limit)}")


def deals_more(old_roles: Collection[str], old_limit: Decimal | None, roles: Collection[str], limit: Decimal | None) -> bool:
    """Whether a member who is granted this on an account may deal where it did not, or for more a deal.

    :param limit: USD a deal; None: no limit
    """
    if "trader" not in roles:
        return False
    return "trader" not in old_roles or (old_limit is not None and (limit is None or limit > old_limit))


def require_caps(caps: Mapping[str, Any], pair: str, notional: Decimal) -> None:
    """What a key may deal, beside what its member may.

    :param notional: of the deal, in USD
    :raises KeyCapExceeded: not this pair, or not so much at once
    """
    if not caps:
        return
    if "pairs" in caps and pair not in caps["pairs"]:
        raise KeyCapExceeded(f"this key deals {', '.join(caps['pairs'])}", cap="pairs")
    if "deal_usd" in caps and notional > Decimal(caps["deal_usd"]):
        raise KeyCapExceeded(f"{money.text(money.round_up(notional, 2))} USD, and this key deals up to {caps['deal_usd']}", cap="deal_usd")


def require_valid_caps(caps: Mapping[str, Any], pairs: Collection[str]) -> None:
    """
    :param pairs: that there are
    :raises BadCap: a pair that there is not, or an amount a day below the one a deal
    """
    unknown = [pair for pair in caps.get("pairs", ()) if pair not in pairs]
    if unknown or caps.get("pairs") == []:
        raise BadCap(f"{', '.join(unknown) or 'none given'}: no instrument", pointer="/caps")
    if "deal_usd" in caps and "day_usd" in caps and Decimal(caps["day_usd"]) < Decimal(caps["deal_usd"]):
        raise BadCap("a day's cap is no less than a deal's", pointer="/caps")


def require_scopes(scopes: Iterable[str]) -> None:
    """:raises BadScope: none, or one that does not exist"""
    asked = list(scopes)
    unknown = [scope for scope in asked if scope not in SCOPES]
    if unknown or not asked:
        raise BadScope(f"{', '.join(unknown) or 'none given'}: one of {', '.join(SCOPES)}")


def require_own_scopes(scopes: Iterable[str], *, is_house: bool) -> None:
    """Hedges are reported by our own systems alone, and these do nothing else.

    :raises BadScope: a scope that keys of this counterparty never hold
    """
    foreign = [scope for scope in scopes if (scope not in HOUSE_SCOPES if is_house else scope == "hedge")]
    if foreign:
        raise BadScope(f"{', '.join(foreign)}: not for keys of {'our own entity' if is_house else 'a client'}")


def require_allow_list(scopes: Iterable[str], cidrs: Iterable[str]) -> None:
    """:raises BadAllowList: not networks, or none although a scope moves money"""
    networks = list(cidrs)
    for cidr in networks:
        try:
            ipaddress.ip_network(cidr, strict=False)
        except ValueError as no:
            raise BadAllowList(str(no)) from no
    if set(scopes) & NEEDS_ALLOW_LIST and not networks:
        raise BadAllowList("a key that trades, settles or withdraws names the networks it may come from")
