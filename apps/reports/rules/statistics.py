"""How often we are asked, how fast we answer and how often it ends in a deal: sums that can be added up again. No Django.

A response time is kept as a count in one of the buckets of `bucket_of` (eight bits of a number's size, as in HdrHistogram: sixteen steps
an octave), so that percentiles of any sum of hours come without the single times. A percentile read from them is within 1/32 of the true
one: 3.2 %.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from uuid import UUID

STEPS = 16  # of each octave
WITHIN = Fraction(1, 2 * STEPS)  # how far a percentile may be from the true one, as a share of it
COUNTS = (
    "requests",
    "to_person",
    "quoted",
    "quotes",
    "deals",
    "declined",
    "cancelled",
    "expired",
    "rejected",
    "withdrawn",
    "refused",
    "missed",
)
TIMES = ("auto", "desk", "accept")  # of an automatic first quote, of a person's, of an accept

Key = tuple[UUID, str, datetime]  # client, pair, hour


@dataclass(frozen=True, slots=True)
class Fact:
    """What one event says of dealing with one client in one pair.

    :param counts: which of COUNTS it adds one to
    :param times: of TIMES, in microseconds
    :param reason: why a request or an accept was refused: `rfq.CODE`, `order.CODE`, `accept.CODE`, or why a person rejected or withdrew
    """

    client_id: UUID
    pair: str
    at: datetime
    counts: tuple[str, ...]
    times: tuple[tuple[str, int], ...] = ()
    reason: str = ""

    @property
    def key(self) -> Key:
        return self.client_id, self.pair, self.at.replace(minute=0, second=0, microsecond=0)


@dataclass(slots=True)
class Tally:
    """Sums over some hours: counts by name, reasons, and response times by `name:bucket`."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    times: Counter[str] = field(default_factory=Counter)

    def add(self, fact: Fact) -> None:
        self.counts.update(fact.counts)
        if fact.reason:
            self.reasons[fact.reason] += 1
        for name, us in fact.times:
            self.times[f"{name}:{bucket_of(us)}"] += 1

    def merge(self, other: "Tally") -> None:
        self.counts.update(other.counts)
        self.reasons.update(other.reasons)
        self.times.update(other.times)

    @property
    def hit_ratio(self) -> Decimal | None:
        """Deals of the requests that had a firm price; None where none had."""
        return ratio(self.counts["deals"], self.counts["quoted"])

    @property
    def reject_ratio(self) -> Decimal | None:
        """Refused by us, by rule or by a person, of all that was asked."""
        asked = self.counts["requests"] + self.counts["refused"]
        return ratio(self.counts["refused"] + self.counts["rejected"], asked)

    def histogram(self, name: str) -> dict[int, int]:
        start = f"{name}:"
        return {int(key.removeprefix(start)): count for key, count in self.times.items() if key.startswith(start)}


def fold(facts: Iterable[Fact]) -> dict[Key, Tally]:
    """One tally for each client, pair and hour."""
    out: dict[Key, Tally] = {}
    for fact in facts:
        out.setdefault(fact.key, Tally()).add(fact)
    return out


def bucket_of(us: int) -> int:
    """The bucket of a time: below 16 each its own, above it sixteen of equal width in each octave."""
    us = max(0, us)
    if us < STEPS:
        return us
    octave = us.bit_length() - 5
    return octave * STEPS + (us >> octave)


def middle_of(bucket: int) -> int:
    """The middle of a bucket in microseconds, rounded down."""
    if bucket < STEPS:
        return bucket
    octave = bucket // STEPS - 1
    least = (bucket - octave * STEPS) << octave
    return least + ((1 << octave) - 1) // 2


def percentile(histogram: Mapping[int, int], share: Fraction) -> int | None:
    """The nearest-rank percentile (share 99/100 for p99) in microseconds, within WITHIN of the true one; None without times."""
    total = sum(histogram.values())
    if not total:
        return None
    rank, seen = max(1, -(-share.numerator * total // share.denominator)), 0
    for bucket in sorted(histogram):
        seen += histogram[bucket]
        if seen >= rank:
            return middle_of(bucket)
    raise AssertionError("the rank is within the total")


def ratio(part: int, whole: int) -> Decimal | None:
    """part / whole to 4 decimals, halves to even; None where there is no whole."""
    return (Decimal(part) / whole).quantize(Decimal("0.0001"), rounding=ROUND_HALF_EVEN) if whole else None


def fair_use_level(requests: int, deals: int, *, least: int, soft: int, hard: int | None) -> str:
    """OK, SOFT or HARD: whether a client asks for much more prices than it deals.

    :param least: requests below which nobody is judged
    :param soft: fewer deals than one per so many requests is a warning
    :param hard: and fewer than one per so many stops new requests; None never does
    """
    if requests < least:
        return "OK"
    if hard is not None and deals * hard < requests:
        return "HARD"
    return "SOFT" if deals * soft < requests else "OK"
