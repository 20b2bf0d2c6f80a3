"""What a close proves, and P&L by the position identity. No Django."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from apps.core import money


class ProofKind(StrEnum):
    MARKS = "MARKS"
    POSITION_IDENTITY = "POSITION_IDENTITY"
    BALANCE = "BALANCE"
    MOVEMENT = "MOVEMENT"
    TRADE = "TRADE"
    POSITION = "POSITION"
    SUSPENSE = "SUSPENSE"
    IN_TRANSIT = "IN_TRANSIT"
    CLIENT_MONEY = "CLIENT_MONEY"


@dataclass(frozen=True, slots=True)
class Taken:
    """One proof: PROVEN when nothing keeps the day open; `detail` keeps the figures it was proven by, and which breaks are explained."""

    kind: ProofKind
    breaks: list[str]
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def proven(self) -> bool:
        return not self.breaks


@dataclass(frozen=True, slots=True)
class Held:
    """One asset by the position identity: what we have and owe, and −Σ of what it is a position in."""

    asset: str
    have: Decimal
    position: Decimal


@dataclass(frozen=True, slots=True)
class NostroState:
    """One bank account or wallet: the ledger's balances (debits positive) beside what explains them, in units of its asset.

    :param sent: Σ of payments sent and not booked yet
    :param unapplied: Σ of receipts that are final and not applied, returned or frozen, less what has been sent back
    """

    name: str
    asset: str
    designation: str
    ledger: Decimal
    in_transit: Decimal
    suspense: Decimal
    sent: Decimal
    unapplied: Decimal
    unowned: int


def profit(held: Iterable[Held], marks: Mapping[str, Decimal]) -> tuple[Decimal, list[str]]:
    """P&L since inception, in the marks' currency: Σ net open position × mark; and the assets that have none."""
    total, missing = money.ZERO, []
    for one in held:
        if not one.position:
            continue
        mark = marks.get(one.asset)
        if mark is None:
            missing.append(one.asset)
        else:
            total += one.position * mark
    return total, missing


def prove_marks(marks: Mapping[str, Decimal] | None, held: Sequence[Held]) -> Taken:
    if marks is None:
        return Taken(ProofKind.MARKS, ["no approved closing marks"])
    needed = [one.asset for one in held if one.position or one.have]
    return Taken(
        ProofKind.MARKS,
        [f"{asset} has no approved mark" for asset in needed if asset not in marks],
        {asset: money.text(price) for asset, price in sorted(marks.items())},
    )


def prove_identity(held: Sequence[Held], marks: Mapping[str, Decimal] | None) -> Taken:
    """Net open position = Σ what we have and owe, per asset, to the last decimal."""
    total, unpriced = profit(held, marks or {})
    detail: dict[str, Any] = {one.asset: {"have": money.text(one.have), "position": money.text(one.position)} for one in held}
    if not unpriced:
        detail["profit_since_inception"] = money.text(total)
    return Taken(
        ProofKind.POSITION_IDENTITY,
        [f"{o.asset}: have {money.text(o.have)}, position {money.text(o.position)}" for o in held if o.have != o.position],
        detail,
    )


def prove_suspense(nostros: Sequence[NostroState]) -> Taken:
    """SUSPENSE is the receipts that wait, each with somebody who has to act on it."""
    breaks = [
        f"{_label(n)}: suspense {money.text(-n.suspense)}, receipts not applied {money.text(n.unapplied)}"
        for n in nostros
        if -n.suspense != n.unapplied
    ]
    breaks += [f"{_label(n)}: {n.unowned} quarantined without an owner" for n in nostros if n.unowned]
    return Taken(ProofKind.SUSPENSE, breaks, {_label(n): money.text(n.unapplied) for n in nostros if n.unapplied})


def prove_transit(nostros: Sequence[NostroState]) -> Taken:
    """IN_TRANSIT is the payments that were sent and are not booked."""
    breaks = [
        f"{_label(n)}: in transit {money.text(-n.in_transit)}, payments sent {money.text(n.sent)}"
        for n in nostros
        if -n.in_transit != n.sent
    ]
    return Taken(ProofKind.IN_TRANSIT, breaks, {_label(n): money.text(n.sent) for n in nostros if n.sent})


def prove_client_money(owed: Mapping[str, Decimal], nostros: Sequence[NostroState]) -> Taken:
    """Σ positive balances of safeguarded clients ≤ Σ nostros designated CLIENT, per asset."""
    kept: dict[str, Decimal] = {}
    for one in nostros:
        if one.designation == "CLIENT":
            kept[one.asset] = kept.get(one.asset, money.ZERO) + one.ledger
    breaks = [
        f"{asset}: owed {money.text(total)}, kept {money.text(kept.get(asset, money.ZERO))}"
        for asset, total in sorted(owed.items())
        if total > kept.get(asset, money.ZERO)
    ]
    detail = {a: {"owed": money.text(owed.get(a, money.ZERO)), "kept": money.text(kept.get(a, money.ZERO))} for a in sorted(owed)}
    return Taken(ProofKind.CLIENT_MONEY, breaks, detail)


def _label(one: NostroState) -> str:
    return f"{one.name} ({one.asset})"
