"""Why a person prices a request, in the desk's own words: a few for the list, a sentence for the ticket."""

from dataclasses import dataclass

from apps.rfqs.rules import REASONS

SHORT = {
    "SIZE": "large for the pair",
    "CLIENT_SIZE": "large for the client",
    "CREDIT_SHARE": "large part of the line",
    "CREDIT": "does not fit the line",
    "BALANCE": "above the balance",
    "INSUFFICIENT_DEPTH": "book too thin",
    "PRICE_AGE": "old price",
    "WIDE_SPREAD": "wide market",
    "FEW_SOURCES": "few venues",
    "VOLATILITY": "volatile",
    "INVENTORY": "position limit",
    "TTL": "long life asked",
    "SPREAD": "no price left",
    "COUNTERED": "countered",
    "FEED_LOST": "feed lost",
}


@dataclass(frozen=True, slots=True)
class Reason:
    code: str
    short: str
    sentence: str


def explain(code: str) -> Reason:
    """A code that has no words is told by itself."""
    plain = code.replace("_", " ").lower()
    told = REASONS.get(code, plain)
    return Reason(code, SHORT.get(code, plain), f"{told[:1].upper()}{told[1:]}.")
