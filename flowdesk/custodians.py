"""The setting CUSTODIANS: custodians that hold wallets of ours, by rail code."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from apps.settlement.rules.callbacks import secret_of

SIMULATED = "simulator:"
KNOWN = frozenset({"url", "token", "callback_secrets"})
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def read(given: Any, *, production: bool) -> dict[str, dict[str, str]]:
    """
    :param given: {rail code: {"url": of its API, "token": what we show, "callback_secrets": whsec_… whsec_…, of which any may sign}}
    :param production: no simulator there
    :raises ImproperlyConfigured: what is wrong, and where; never what a secret is
    """
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured("CUSTODIANS: an object of custodians by rail code")
    for code, one in given.items():
        if not isinstance(one, Mapping) or not all(isinstance(value, str) for value in one.values()):
            raise ImproperlyConfigured(f"CUSTODIANS, {code}: an object of texts")
        if unknown := sorted(set(one) - KNOWN):
            raise ImproperlyConfigured(f"CUSTODIANS, {code}: {', '.join(unknown)} unknown")
        _require_url(code, one, production)
        for n, secret in enumerate(one.get("callback_secrets", "").split(), 1):
            try:
                secret_of(secret)
            except ValueError as no:
                raise ImproperlyConfigured(f"CUSTODIANS, {code}: callback secret {n}: {no}") from None
    return {code: {"token": "", "callback_secrets": "", **one} for code, one in given.items()}


def adapter(custodian: Mapping[str, str]) -> str:
    """The dotted path of what speaks to it."""
    simulated = custodian["url"] == SIMULATED
    return "apps.settlement.rails.custody_sim.CustodianSimulator" if simulated else "apps.settlement.rails.custody.Custodian"


def _require_url(code: str, one: Mapping[str, str], production: bool) -> None:
    url = one.get("url", "")
    if url == SIMULATED:
        if production:
            raise ImproperlyConfigured(f"CUSTODIANS, {code}: no simulator in production")
        return
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in {"https", "http"} or parts.username or parts.query or parts.fragment:
        raise ImproperlyConfigured(f"CUSTODIANS, {code}: url: https://host of its API")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise ImproperlyConfigured(f"CUSTODIANS, {code}: url: https only")
    if not one.get("token"):
        raise ImproperlyConfigured(f"CUSTODIANS, {code}: token missing")
