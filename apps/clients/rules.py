"""Yes and no about clients, keys and networks. No Django."""

import ipaddress
from collections.abc import Iterable

from .states import ClientStatus

SCOPES = ("read", "quote", "trade", "settle", "withdraw", "report", "webhook")
NEEDS_ALLOW_LIST = frozenset({"trade", "settle", "withdraw"})
MAX_KEYS = 8
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


def stricter(one: str, other: str) -> ClientStatus:
    """The status that applies when client and account differ."""
    return min(ClientStatus(one), ClientStatus(other), key=_STRICT.index)


def may_deal(status: ClientStatus) -> bool:
    """RESTRICTED deals go through a person and only reduce risk, so never by themselves."""
    return status is ClientStatus.APPROVED


def ip_allowed(address: str, cidrs: Iterable[str]) -> bool:
    """An empty list allows every address."""
    networks = list(cidrs)
    if not networks:
        return True
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return any(ip in ipaddress.ip_network(network, strict=False) for network in networks)
