"""What a tester may force, by name (header Flowdesk-Scenario) or by a magic quantity: data only.

A quantity with exactly four decimals `.00NN` is magic: 1.0031 is one BTC under scenario 31.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from apps.api.errors_page import rows
from apps.rfqs.rules import REJECTIONS

_MAGIC = re.compile(r"[0-9]{1,6}\.00([0-9]{2})", re.ASCII)


class Kind(StrEnum):
    DESK = "what the simulated trader does; the request goes to the desk"
    BOOK = "what the price feed shows to this request"
    MONEY_IN = "what the account's next payment to us does"
    MONEY_OUT = "what our next payment to the account does"
    ANSWER = "what happens to the answer, the first time an idempotency key is used"
    REFUSAL = "the refusal of this code, by its cause where there can be one; the retryable ones only the first time a key is used"


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    kind: Kind
    about: str
    magic: int = 0  # the last two of four decimals; 0: by header only


@dataclass(frozen=True, slots=True)
class Step:
    """One act of the simulated trader, so long after the request came."""

    after_s: Decimal
    act: str  # price, withdraw, hold, resume, reject
    code: str = ""


_SOON, _THEN, _LATE = Decimal("0.5"), Decimal("1.5"), Decimal(5)
SCRIPTS: dict[str, tuple[Step, ...]] = {
    "manual": (Step(_SOON, "price"),),
    "slow": (Step(_LATE, "price"),),
    "expire": (),
    "hold": (Step(_SOON, "hold"), Step(_LATE, "resume"), Step(_LATE, "price")),
    "withdrawn": (Step(_SOON, "price"), Step(_THEN, "withdraw")),
    "superseded": (Step(_SOON, "price"), Step(_THEN, "price")),
    **{f"reject_{code}": (Step(_SOON, "reject", code),) for code in REJECTIONS},
}
# What a rail does with our payment: apps.settlement.rails.outside.OUTCOMES
OUTCOMES = {
    "pay_return": "RETURN",
    "pay_reject": "REJECT",
    "pay_slow": "SLOW",
    "pay_split": "SPLIT",
    "pay_unknown": "SILENT",
}

_DESK = {
    "manual": (1, "a person prices it, within a second"),
    "slow": (2, "a person prices it after five seconds"),
    "expire": (3, "nobody prices it: EXPIRED at `respond_by`"),
    "hold": (4, "ON_HOLD for some seconds, then priced"),
    "withdrawn": (5, "priced, then the quote is WITHDRAWN by the desk"),
    "superseded": (6, "priced, then priced again: the first quote is SUPERSEDED"),
    **{f"reject_{code}": (10 + n, f"REJECTED with `{code}`: {words[0]}") for n, (code, words) in enumerate(REJECTIONS.items(), 1)},
}
_OTHERS = [
    Scenario("price_stale", Kind.BOOK, "the price is an hour old", 31),
    Scenario("price_unavailable", Kind.BOOK, "no source has a price", 32),
    Scenario("price_away", Kind.BOOK, "the market is 10 % away, against you", 33),
    Scenario("settle_late", Kind.MONEY_IN, "you pay a day after the value date: OVERDUE till then", 41),
    Scenario("settle_partial", Kind.MONEY_IN, "you pay half: PART_RECEIVED, PART_SETTLED", 42),
    Scenario("settle_default", Kind.MONEY_IN, "you never pay", 43),
    Scenario("settle_stranger", Kind.MONEY_IN, "your payment comes from a sender that nobody knows: QUARANTINED", 44),
    Scenario("settle_third_party", Kind.MONEY_IN, "your payment comes in another's name: QUARANTINED till an act ends it", 45),
    Scenario("settle_recalled", Kind.MONEY_IN, "your bank takes the payment back an hour later: REVERTED, and owed again", 46),
    Scenario("pay_return", Kind.MONEY_OUT, "your bank sends it back two hours later: RETURNED, and paid again", 51),
    Scenario("pay_reject", Kind.MONEY_OUT, "our bank refuses it: FAILED", 52),
    Scenario("pay_slow", Kind.MONEY_OUT, "it is booked an hour later", 53),
    Scenario("pay_split", Kind.MONEY_OUT, "it is booked in two halves", 54),
    Scenario("pay_unknown", Kind.MONEY_OUT, "our bank does not answer for four hours: SENDING, then found", 55),
    Scenario("pay_parts", Kind.MONEY_OUT, "it leaves in two parts, the second booked an hour after it was sent: PART_SETTLED", 56),
    Scenario("slow_answer", Kind.ANSWER, "the answer takes three seconds", 61),
    Scenario("outcome_unknown", Kind.ANSWER, "it is done, and answered with 503 `outcome_unknown`", 62),
    Scenario("outcome_unknown_lost", Kind.ANSWER, "it is not done, and answered with 503 `outcome_unknown`", 63),
]
_MAGIC_REFUSALS = {
    "busy": 64, "rate_limited": 65, "internal_error": 66, "credit_exceeded": 71, "insufficient_balance": 72,
    "trading_halted": 73, "account_unavailable": 74, "not_entitled": 75, "past_cutoff": 76,
    "instrument_not_allowed": 77, "quote_inconsistent": 78, "fair_use": 79,
}  # fmt: skip


def _all() -> dict[str, Scenario]:
    found = {name: Scenario(name, Kind.DESK, about, magic) for name, (magic, about) in _DESK.items()}
    found |= {one.name: one for one in _OTHERS}
    for row in rows():
        code = row["code"]
        found.setdefault(code, Scenario(code, Kind.REFUSAL, row["meaning"], _MAGIC_REFUSALS.get(code, 0)))
    return found


SCENARIOS = _all()
_BY_MAGIC = {one.magic: one for one in SCENARIOS.values() if one.magic}


def of_quantity(quantity: str) -> Scenario | None:
    """The scenario of a magic quantity."""
    found = _MAGIC.fullmatch(quantity)
    return _BY_MAGIC.get(int(found[1])) if found else None
