"""Where a request comes from: the transport's peer, or what the configured number of trusted proxies say, and nobody else."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network


def client_ip(peer: str, forwarded_for: str, hops: int) -> str:
    """The address that the outermost trusted proxy saw.

    :param forwarded_for: the X-Forwarded-For header; each proxy appends the peer it saw, so the trusted part is at the right
    :param hops: how many proxies of ours stand in front; 0 ignores the header, which anyone may write
    """
    if hops <= 0:
        return peer
    seen = [part.strip() for part in forwarded_for.split(",") if part.strip()]
    return seen[-hops] if len(seen) >= hops else peer


def is_allowed(ip: str, cidrs: Iterable[str]) -> bool:
    """Whether an address is in one of the networks; an IPv4 address inside IPv6 counts as itself."""
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return any(address in ip_network(cidr, strict=False) for cidr in cidrs)
