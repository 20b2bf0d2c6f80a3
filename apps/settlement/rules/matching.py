"""What receipts pay: by reference, exact, all together, else the oldest first; what is proposed to a person, scored. No Django."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

ZERO = Decimal(0)
MOST_PROPOSED = 5
DAYS_NEAR = 2
# What speaks for a proposal, in points of 100. They say how sure a person may be, and move nothing by themselves.
NAMED, EXACT, WITHIN, SEVERAL, PART, OVER, DUE = 60, 35, 25, 20, 10, 5, 5


@dataclass(frozen=True, slots=True)
class Expected:
    """A payment we wait for; `outstanding` in units of its asset, the oldest first in a list."""

    id: UUID
    reference: str
    outstanding: Decimal
    due: date | None = None


@dataclass(frozen=True, slots=True)
class Came:
    """A receipt that is cleared and not applied."""

    id: UUID
    amount: Decimal
    remittance: str = ""
    on: date | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """`amount` of a receipt pays an expected payment; `written_off` is the rest of that payment, which is not asked for any more."""

    receipt: UUID
    instruction: UUID
    amount: Decimal
    written_off: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a person may ask for with one click: `score` of 100, and `why` in words; `left` goes to the client's balance."""

    parts: tuple[Part, ...]
    left: Decimal
    score: int
    why: tuple[str, ...]

    @property
    def pays(self) -> list[UUID]:
        return list(dict.fromkeys(part.instruction for part in self.parts))

    @property
    def uses(self) -> list[UUID]:
        return list(dict.fromkeys(part.receipt for part in self.parts))


def allocate(came: Sequence[Came], expected: Sequence[Expected], tolerance: Decimal = ZERO) -> list[Part]:
    """What the receipts pay; what is left over stays the client's.

    A reference that the client quotes binds: only what it names is paid. Where the money was meant for one payment and falls short of it
    by no more than `tolerance`, and by less than came for it, the rest of it is written off.
    """
    total = sum((one.amount for one in came), ZERO)
    named = [one for one in expected if is_named(one, came)]
    exact = [one for one in expected if one.outstanding == total]
    return spread(came, named or exact[:1] or expected, tolerance)


def spread(came: Sequence[Came], onto: Sequence[Expected], tolerance: Decimal = ZERO) -> list[Part]:
    """The receipts in their order onto the payments in theirs."""
    out: list[Part] = []
    waiting = [(one.id, one.outstanding) for one in onto if one.outstanding > 0]
    for one in came:
        left = one.amount
        while left > 0 and waiting:
            instruction, outstanding = waiting[0]
            part = min(left, outstanding)
            out.append(Part(one.id, instruction, part))
            left -= part
            if part == outstanding:
                waiting.pop(0)
            else:
                waiting[0] = (instruction, outstanding - part)
    if out and len(onto) == 1 and waiting and is_small(waiting[0][1], sum((part.amount for part in out), ZERO), tolerance):
        last = out[-1]
        out[-1] = Part(last.receipt, last.instruction, last.amount, waiting[0][1])
    return out


def is_small(rest: Decimal, paid: Decimal, tolerance: Decimal) -> bool:
    """Whether the rest of a payment may be written off: within the tolerance, and less than what came for it at the same time."""
    return rest <= tolerance and rest < paid


def is_named(one: Expected, came: Iterable[Came]) -> bool:
    return bool(one.reference) and any(one.reference in receipt.remittance for receipt in came)


def propose(came: Sequence[Came], expected: Sequence[Expected], tolerance: Decimal = ZERO) -> list[Proposal]:
    """The best proposals for these receipts taken together, the surest first; none where nothing is expected."""
    total = sum((one.amount for one in came), ZERO)
    named = [one for one in expected if is_named(one, came)]
    choices: list[Sequence[Expected]] = [named] if named else []
    choices += [[one] for one in expected]
    choices += [expected[:n] for n in range(2, len(expected) + 1)]
    found: dict[tuple[Part, ...], Proposal] = {}
    for chosen in choices:
        parts = tuple(spread(came, chosen, tolerance))
        if parts and parts not in found:
            found[parts] = _scored(came, chosen, parts, total)
    return sorted(found.values(), key=lambda one: (-one.score, one.left, len(one.parts)))[:MOST_PROPOSED]


def _scored(came: Sequence[Came], chosen: Sequence[Expected], parts: tuple[Part, ...], total: Decimal) -> Proposal:
    owed = sum((one.outstanding for one in chosen), ZERO)
    off = sum((part.written_off for part in parts), ZERO)
    left = total - sum((part.amount for part in parts), ZERO)
    points, why = 0, []
    if all(is_named(one, came) for one in chosen):
        points += NAMED
        why.append("the reference names it" if len(chosen) == 1 else "the references name them")
    if owed == total:
        exact = EXACT if len(chosen) == 1 else SEVERAL
        points += exact
        why.append("the amount is exact" if len(chosen) == 1 else f"{len(chosen)} payments make the amount")
    elif off:
        points += WITHIN
        why.append(f"short by {off.normalize():f}, within the tolerance")
    elif owed > total:
        points += PART
        why.append("part of what is owed")
    else:
        points += OVER
        why.append("more than is owed: the rest stays the client's")
    days = [abs((receipt.on - one.due).days) for receipt in came for one in chosen if receipt.on and one.due]
    if days and max(days) <= DAYS_NEAR:
        points += DUE
        why.append("it is due about now")
    return Proposal(parts, left, points, tuple(why))


def why_bad(came: Sequence[Came], expected: Sequence[Expected], parts: Sequence[Part], tolerance: Decimal, *, rest_to_balance: bool) -> str:
    """Why receipts cannot be applied so; "" where they can.

    Every part is of these receipts and payments, none is paid past what is outstanding, nothing of a receipt is used twice, and
    what is written off closes its payment, is no more than the tolerance and less than what comes for that payment now.
    """
    brought, owed = {one.id: one.amount for one in came}, {one.id: one.outstanding for one in expected}
    if len({(part.receipt, part.instruction) for part in parts}) != len(parts):
        return "the same receipt pays the same payment twice"
    for part in parts:
        if part.receipt not in brought or part.instruction not in owed:
            return "a part is of no such receipt or payment"
        if part.amount <= 0 or part.written_off < 0:
            return "every part is more than nothing"
        brought[part.receipt] -= part.amount
        owed[part.instruction] -= part.amount + part.written_off
        if part.written_off > tolerance:
            return f"{part.written_off.normalize():f} is more than may be written off ({tolerance.normalize():f})"
    if any(left < 0 for left in brought.values()):
        return "more is applied than the receipt brought"
    if any(left < 0 for left in owed.values()):
        return "more is paid than is owed"
    if any(part.written_off and owed[part.instruction] for part in parts):
        return "what is written off closes its payment"
    for one in {part.instruction for part in parts if part.written_off}:
        paid, off = (sum((getattr(p, of) for p in parts if p.instruction == one), ZERO) for of in ("amount", "written_off"))
        if not is_small(off, paid, tolerance):
            return f"{off.normalize():f} is not small beside the {paid.normalize():f} that pay it"
    if any(brought.values()) and not rest_to_balance:
        return "what is left over goes to the client's balance: say so"
    return ""
