"""Exposure, headroom, replacement cost. No Django. Amounts are in USD, the currency of every line."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.core import money

from .errors import CapExceeded, CreditExceeded, LineBreached
from .states import CAPS, Measure

DELIVERS_FIRST = "CREDIT"  # the settlement mode in which we pay before we are paid
PREFUNDED = "PREFUNDED"  # deals out of a balance: its hold is the limit, only caps count beside it
CENT = 2
CALL_FROM = Decimal("0.05")  # a breach past this share of the line is called by the system


@dataclass(frozen=True, slots=True)
class Claim:
    """What one request would take, or one deal takes.

    :param notional: its larger side, in USD
    :param trade_date: the business date of the daily cap
    :param reduces: base quantity that it takes off what is open; it takes nothing of any line then
    """

    source_id: UUID
    group_id: UUID | None
    client_id: UUID
    account_id: UUID
    pair: str
    base: str
    quote: str
    mode: str
    notional: Decimal
    value_date: date
    trade_date: date
    reduces: Decimal | None = None


@dataclass(frozen=True, slots=True)
class LineState:
    """One line as read under its lock, with the row of the day that counts; a breach is open or not."""

    id: UUID
    level: str
    measure: str
    amount: Decimal
    excess: Decimal
    excess_until: datetime | None
    valid_from: datetime
    valid_until: datetime
    taken: Decimal  # reserved, used and unchecked: of the line, or of its day
    revalued: Decimal = money.ZERO
    day: date | None = None
    mine: Decimal = money.ZERO  # of `taken`, what this very request holds already
    breach: str | None = None

    def limit(self, now: datetime) -> Decimal:
        """Line plus approved excess; outside its dates a line is zero for new deals."""
        if not self.valid_from <= now < self.valid_until:
            return money.ZERO
        extra = self.excess if self.excess_until is not None and self.excess_until > now else money.ZERO
        return self.amount + extra

    def exposure(self) -> Decimal:
        return self.taken + self.revalued

    def headroom(self, now: datetime) -> Decimal:
        return self.limit(now) - self.exposure()

    def with_more(self, amount: Decimal) -> "LineState":
        return replace(self, taken=self.taken + amount)


@dataclass(frozen=True, slots=True)
class Headroom:
    """What the binding limit had before and has after a reservation."""

    before: Decimal
    after: Decimal
    currency: str
    binding: str  # GROUP, CLIENT, ACCOUNT or BALANCE
    share_used: Decimal  # of the binding limit, after
    measure: str = ""  # "" for a balance


def wanted(claim: Claim, measure: str, haircut: Decimal) -> Decimal:
    """What a claim takes of a line of this measure.

    Pre-settlement: the add-on haircut × notional, for what the price may move until it settles (its replacement cost comes with the marks).
    Settlement: the full value where we deliver first, nothing where the client pays first. Daily cap: the notional.
    """
    if claim.reduces is not None or measure == Measure.DEAL or (claim.mode == PREFUNDED and measure not in CAPS):
        return money.ZERO
    if measure == Measure.PRE_SETTLEMENT:
        return money.round_up(claim.notional * haircut, CENT)
    if measure == Measure.SETTLEMENT:
        return money.round_up(claim.notional, CENT) if claim.mode == DELIVERS_FIRST else money.ZERO
    return money.round_up(claim.notional, CENT)


def require_lines(claim: Claim, lines: Iterable[LineState]) -> None:
    """
    :raises CreditExceeded: a measure that this mode needs has no line on any level
    """
    there = {line.measure for line in lines}
    needed = {"CREDIT": [Measure.PRE_SETTLEMENT, Measure.SETTLEMENT], "CLIENT_FIRST": [Measure.PRE_SETTLEMENT]}.get(claim.mode, [])
    for measure in needed:
        if measure not in there:
            raise CreditExceeded(f"there is no {_words(measure)} line", binding="NONE", measure=str(measure), headroom="0")


def take(claim: Claim, lines: Sequence[LineState], haircut: Decimal, now: datetime) -> tuple[Headroom, list[tuple[LineState, Decimal]]]:
    """What a claim takes more of each line than it holds, and the limit that binds: the one of which the fewest such deals are left.

    :raises CreditExceeded: a line is missing or has too little headroom
    :raises CapExceeded: past the account's cap
    :raises LineBreached: a line has an open breach
    """
    require_lines(claim, lines)
    takes = []
    for line in lines:
        if line.measure == Measure.DEAL:
            _require_deal(claim, line, now)
            continue
        amount = wanted(claim, line.measure, haircut)
        if amount and line.breach is not None:
            raise LineBreached(f"the {_name(line)} is in breach ({line.breach})", binding=line.level, measure=line.measure)
        if amount or (claim.reduces is not None and line.measure == Measure.PRE_SETTLEMENT):
            takes.append((line, amount, amount - min(amount, line.mine)))
    for line, _, more in sorted(takes, key=lambda one: _order(one[0], one[2], now)):
        if more > max(line.headroom(now), money.ZERO):
            raise _exceeded(line, more, now)
    room = _binding([(line, amount) for line, amount, _ in takes], now)
    return room, [(line, more) for line, _, more in takes]


def fits(line: LineState, amount: Decimal, now: datetime) -> Decimal:
    """How much of `amount` lies within the line; the rest is unchecked."""
    return min(amount, max(line.headroom(now), money.ZERO))


def reduces(side: str, quantity: Decimal, open_net: Decimal) -> bool:
    """Whether a deal of the client's `side` lies against its open quantity (bought positive) and is no larger."""
    signed = {"buy": quantity, "sell": -quantity}.get(side)
    return signed is not None and signed * open_net < 0 and abs(signed) <= abs(open_net)


def _require_deal(claim: Claim, line: LineState, now: datetime) -> None:
    if claim.reduces is None and claim.notional > line.limit(now):
        raise CapExceeded(
            f"{money.text(money.round_up(claim.notional, CENT))} USD in one deal, at most {money.text(line.limit(now))}",
            binding=line.level,
            measure=line.measure,
        )


def _exceeded(line: LineState, amount: Decimal, now: datetime) -> CreditExceeded | CapExceeded:
    left = money.text(max(line.headroom(now), money.ZERO))
    no = CapExceeded if line.measure in CAPS else CreditExceeded
    said = f"{money.text(amount)} USD needed, {left} left on the {_name(line)}"
    return no(said, binding=line.level, measure=line.measure, headroom=left)


def _binding(takes: Sequence[tuple[LineState, Decimal]], now: datetime) -> Headroom:
    """Of the lines that give something, the one of which the fewest deals like this are left; before means without this request."""
    some = [one for one in takes if one[1]] or list(takes)
    if not some:
        return Headroom(money.ZERO, money.ZERO, "USD", "BALANCE", money.ZERO)
    line, amount = min(some, key=lambda one: _order(one[0], one[1], now, before=one[0].mine))
    before = line.headroom(now) + line.mine
    after = before - amount
    limit = line.limit(now)
    share = (limit - after) / limit if limit else Decimal(1)
    return Headroom(before=before, after=after, currency="USD", binding=line.level, measure=line.measure, share_used=share)


def _order(line: LineState, amount: Decimal, now: datetime, before: Decimal = money.ZERO) -> tuple[Decimal, Decimal]:
    room = line.headroom(now) + before
    return (room / amount if amount else Decimal("Infinity"), room)


def _name(line: LineState) -> str:
    return f"{line.level.lower()}'s {_words(line.measure)} line"


def _words(measure: str) -> str:
    return measure.lower().replace("_", "-")


# --- replacement cost -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Exposed:
    """One live deal: what its client still owes and is owed.

    :param netting: the close-out netting agreement it falls under, None for none; never shared by two legal entities
    """

    netting: tuple[UUID, str] | None
    pair: str
    pays_asset: str
    pays: Decimal
    receives_asset: str
    receives: Decimal
    notional: Decimal
    haircut: Decimal


@dataclass(frozen=True, slots=True)
class Mark:
    """What one unit of an asset is worth in USD."""

    usd: Decimal
    as_of: datetime
    is_stale: bool = False


def replacement_cost(deals: Iterable[Exposed], marks: Mapping[str, Mark]) -> Decimal:
    """max(0, what we would lose if the client were gone), summed over netting sets; deals under no agreement count each by itself.

    Of a deal we lose what the client owes and keep what we owe, both at the marks. A deal with an asset that was never marked counts zero;
    its add-on is stressed (:func:`stress`).
    """
    sets: dict[object, Decimal] = defaultdict(Decimal)
    for number, deal in enumerate(deals):
        pays, receives = marks.get(deal.pays_asset), marks.get(deal.receives_asset)
        if pays is not None and receives is not None:
            sets[deal.netting or number] += deal.pays * pays.usd - deal.receives * receives.usd
    return sum((max(value, money.ZERO) for value in sets.values()), money.ZERO)


def stress(deals: Iterable[Exposed], marks: Mapping[str, Mark], stressed: Mapping[str, Decimal]) -> Decimal:
    """What the stressed haircut adds to the add-on of deals in an asset without a live mark.

    :param stressed: haircut by pair, "" for pairs of no row
    """
    out = money.ZERO
    for deal in deals:
        found = [marks.get(deal.pays_asset), marks.get(deal.receives_asset)]
        if any(mark is None or mark.is_stale for mark in found):
            out += max(stressed.get(deal.pair, stressed[""]) - deal.haircut, money.ZERO) * deal.notional
    return out


def usd_marks(mids: Mapping[str, tuple[Decimal, datetime]], now: datetime, max_age_s: int) -> dict[str, Mark]:
    """Assets in USD out of mids by pair, crosses through USD: first what is quoted in USD, then what is quoted in those.

    USD alone is 1; a stablecoin is worth what its own pair says, and without one it has no mark.
    """
    out = {"USD": Mark(Decimal(1), now)}
    left = dict(sorted(mids.items()))
    while True:
        known = [pair for pair in left if pair.rpartition("-")[2] in out]
        if not known:
            return out
        for pair in sorted(known, key=lambda p: p.rpartition("-")[2] != "USD"):
            base, _, quote = pair.rpartition("-")
            mid, as_of = left.pop(pair)
            if base not in out and mid > 0:
                at = as_of if quote == "USD" else min(as_of, out[quote].as_of)
                out[base] = Mark(mid * out[quote].usd, at, (now - at).total_seconds() > max_age_s)


def keep_last(old: Mapping[str, Mark], new: Mapping[str, Mark], now: datetime, max_age_s: int) -> dict[str, Mark]:
    """The new marks, and of assets without one the last value, marked stale once it is too old."""
    kept = {asset: replace(mark, is_stale=(now - mark.as_of).total_seconds() > max_age_s) for asset, mark in old.items()}
    fresh = {asset: mark for asset, mark in new.items() if asset not in old or mark.as_of >= old[asset].as_of}
    return kept | fresh
