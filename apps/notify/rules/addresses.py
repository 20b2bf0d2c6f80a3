"""Where a webhook may go. What a client gives us as an address must never make us talk to ourselves, our neighbours or a cloud's metadata.

The name is looked up once, every address it has must be public, and the connection goes to exactly one of those. No Django.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from apps.notify.errors import UrlNotAllowed

LONGEST = 1000
PORTS = frozenset({443, 8443})
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
_TEXT = re.compile(r"[!-~]+", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_INSIDE = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "home.arpa", "onion", "test", "invalid")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# IANA's special-purpose registries (RFC 6890 and its updates), multicast, reserved; and a metadata service on an address that looks public.
_NOT_PUBLIC_4 = tuple(
    ip_network(net)
    for net in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
        "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
    )
)  # fmt: skip
# Only global unicast is public; of it, what tunnels to somewhere else or is set aside is not.
_PUBLIC_6 = ip_network("2000::/3")
_NOT_PUBLIC_6 = tuple(ip_network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"))


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart. `path` begins with a slash and holds the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"https": 443, "http": 80}[self.scheme] else f"{host}:{self.port}"


def parse(url: str, *, loopback: bool = False) -> Target:
    """Take a receiver's address apart.

    :param loopback: whether plain http to this machine is allowed (demo and tests)
    :raises UrlNotAllowed: anything but https to a public host name at port 443 or 8443
    """
    if not 1 <= len(url) <= LONGEST or not _TEXT.fullmatch(url) or "\\" in url:
        raise _no(f"1 to {LONGEST} visible ASCII characters, without a backslash")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _no("not an address of the form https://host/path") from None
    if "@" in parts.netloc:
        raise _no("no user or password")
    if parts.fragment or url.endswith("#"):
        raise _no("no fragment")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if loopback and parts.scheme == "http" and host in _LOOPBACK:
        return Target("http", host, port or 80, path)
    if parts.scheme != "https":
        raise _no("https only")
    if not url.startswith("https://") or parts.netloc.endswith(":"):
        raise _no("not an address of the form https://host/path")
    if (port if port is not None else 443) not in PORTS:
        raise _no("port 443 or 8443")
    _require_public_name(host)
    return Target("https", host, port or 443, path)


def _require_public_name(host: str) -> None:
    labels = host.split(".")
    if ":" in host or _NUMBER.fullmatch(labels[-1]) or (labels[-1] == "" and len(labels) > 1):
        raise _no("a host name, not an address, without a dot at its end")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _no("not a host name")
    if len(labels) < 2 or any(host == inside or host.endswith(f".{inside}") for inside in _INSIDE):
        raise _no("a public host name")


def is_public(address: str) -> bool:
    """Whether an address is one of the open internet. IPv4 inside IPv6 is not: it would hide what it is."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return not any(ip in net for net in _NOT_PUBLIC_4)
    return _is_public_6(ip)


def _is_public_6(ip: IPv6Address) -> bool:
    return ip.scope_id is None and ip in _PUBLIC_6 and not any(ip in net for net in _NOT_PUBLIC_6)


def may_connect(target: Target, addresses: Iterable[str]) -> bool:
    """Whether every address of the target's name may be connected to: one that may not spoils them all."""
    found = list(addresses)
    if target.scheme == "http":
        return bool(found) and all(_is_loopback(address) for address in found)
    return bool(found) and all(is_public(address) for address in found)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _no(why: str) -> UrlNotAllowed:
    return UrlNotAllowed(why, pointer="/url")
