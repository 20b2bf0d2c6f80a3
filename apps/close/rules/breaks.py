"""What reconciliation finds, and when a break no longer keeps a day open. No Django."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from apps.core import money

from ..states import BreakProof
from .proofs import ProofKind, Taken

# Kinds whose difference is an amount that the ledger can take over from outside.
WRITABLE = frozenset({"DIFFERENCE", "NOT_IN_LEDGER", "NOT_ON_STATEMENT", "AMOUNT_DIFFERS", "VENUE_DIFFERS"})
# Of these, those that are two balances at the end of a day, and no single item.
OF_A_DAY = frozenset({"DIFFERENCE", "VENUE_DIFFERS"})


@dataclass(frozen=True, slots=True)
class Found:
    """One break as a run finds it; proof, kind and key are what makes it the same one in the next run.

    :param amount: what the outside says less what the ledger says, in units of the asset; None where it is no difference of amounts
    :param detail: figures and names, as text
    """

    proof: BreakProof
    kind: str
    key: str
    asset: str
    amount: Decimal | None
    words: str
    detail: dict[str, Any] = field(default_factory=dict)
    since: date | None = None  # business date of what it is about, where that is known


@dataclass(frozen=True, slots=True)
class Account:
    """A nostro at the end of a business date, debits positive; `timing` is what the other side has at another date and both have by now.

    :param unmatched: Σ of the items that only one side has, or each with another amount
    """

    nostro: str
    name: str
    asset: str
    ledger: Decimal
    in_transit: Decimal
    stated: Decimal | None
    timing: Decimal
    unmatched: Decimal


@dataclass(frozen=True, slots=True)
class Known:
    """A break that is open, as people have worked on it."""

    proof: BreakProof
    kind: str
    key: str
    words: str
    amount: Decimal | None
    owner: str
    explanation: str
    remainder: Decimal


def balance_break(one: Account) -> Found | None:
    """The ledger's NOSTRO beside the closing balance; what is late on one side and known by now is no break."""
    if one.stated is None:
        return None
    difference = one.stated - one.ledger - one.timing
    if not difference:
        return None
    rest = difference - one.unmatched
    words = f"{one.name}: statement {money.text(one.stated)}, ledger {money.text(one.ledger)}"
    if rest:
        words += f", {money.text(rest)} explained by no item"
    return Found(
        BreakProof.BALANCE,
        "DIFFERENCE",
        f"nostro:{one.nostro}",
        one.asset,
        difference,
        words,
        {
            "ledger": money.text(one.ledger),
            "in_transit": money.text(one.in_transit),
            "statement": money.text(one.stated),
            "timing": money.text(one.timing),
            "items": money.text(one.unmatched),
            "remainder": money.text(rest),
        },
    )


def item_kind(stated: Decimal | None, posted: Decimal | None) -> str:
    """What is wrong with a movement of which the two sides do not agree."""
    if posted is None:
        return "NOT_IN_LEDGER"
    return "NOT_ON_STATEMENT" if stated is None else "AMOUNT_DIFFERS"


def blocks(one: Known) -> bool:
    """An owner and an explanation let the day close; a balance of which a part is explained by nothing never does."""
    return not one.owner or not one.explanation or bool(one.remainder)


def prove(kind: BreakProof, known: Iterable[Known], figures: dict[str, Any]) -> Taken:
    """One of the four proofs: PROVEN, or its breaks; those that are owned and explained are told beside it."""
    mine = [one for one in known if one.proof is kind]
    detail = {**figures, "explained": [f"{one.words} ({one.owner}: {one.explanation})" for one in mine if not blocks(one)]}
    return Taken(ProofKind(str(kind)), [one.words for one in mine if blocks(one)], detail if any(detail.values()) else {})


def figures_of(accounts: Sequence[Account]) -> dict[str, Any]:
    """What the balance proof was taken by."""
    return {
        f"{one.name} ({one.asset})": {
            "ledger": money.text(one.ledger),
            "in_transit": money.text(one.in_transit),
            "statement": None if one.stated is None else money.text(one.stated),
        }
        for one in accounts
    }
