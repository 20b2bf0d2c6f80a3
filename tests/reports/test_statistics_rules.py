"""Sums of dealing: buckets of response times, percentiles out of them, exact ratios, fair use."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.reports.rules import statistics
from apps.reports.rules.statistics import Fact, Tally, bucket_of, fold, middle_of, percentile, ratio

AT = datetime(2026, 9, 15, 12, 34, 56, tzinfo=UTC)
ACME, CYGNUS = UUID(int=1), UUID(int=2)
TIME = st.integers(0, 900_000_000)


def test_buckets_follow_each_other_without_a_gap() -> None:
    ends = [bucket_of(us) for us in range(100_000)]
    assert ends[:17] == list(range(17))
    assert all(later - sooner in {0, 1} for sooner, later in zip(ends, ends[1:], strict=False))
    assert bucket_of(900_000_000) == 426, "fifteen minutes"
    assert bucket_of(-5) == 0


@given(TIME)
def test_the_middle_of_a_bucket_is_within_a_thirty_second_of_what_is_in_it(us: int) -> None:
    assert bucket_of(middle_of(bucket_of(us))) == bucket_of(us)
    assert abs(middle_of(bucket_of(us)) - us) <= us * statistics.WITHIN


@given(st.lists(TIME, min_size=1, max_size=300), st.sampled_from([Fraction(1, 2), Fraction(99, 100), Fraction(1, 1)]))
def test_a_percentile_is_within_its_bound_of_the_true_one(times: list[int], share: Fraction) -> None:
    histogram: dict[int, int] = {}
    for us in times:
        histogram[bucket_of(us)] = histogram.get(bucket_of(us), 0) + 1
    rank = max(1, -(-share.numerator * len(times) // share.denominator))
    true = sorted(times)[rank - 1]
    found = percentile(histogram, share)
    assert found is not None
    assert abs(found - true) <= true * statistics.WITHIN
    assert percentile({}, share) is None


FACT = st.builds(
    Fact,
    client_id=st.sampled_from([ACME, CYGNUS]),
    pair=st.sampled_from(["BTC-USD", "EUR-USD"]),
    at=st.integers(0, 300).map(lambda minutes: AT + timedelta(minutes=minutes)),
    counts=st.lists(st.sampled_from(statistics.COUNTS), max_size=3, unique=True).map(tuple),
    times=st.lists(st.tuples(st.sampled_from(statistics.TIMES), TIME), max_size=2).map(tuple),
    reason=st.sampled_from(["", "rfq.credit_exceeded"]),
)


@given(st.lists(FACT, max_size=40), st.integers(0, 40))
def test_two_batches_add_up_to_what_one_gives(facts: list[Fact], cut: int) -> None:
    """However the events are cut into batches, and however hours are summed, the result is the same."""
    parts, whole = [fold(facts[:cut]), fold(facts[cut:])], fold(facts)
    merged: dict[statistics.Key, Tally] = {}
    for part in parts:
        for key, tally in part.items():
            merged.setdefault(key, Tally()).merge(tally)
    assert merged == whole
    total = Tally()
    for tally in whole.values():
        total.merge(tally)
    assert sum(total.counts.values()) == sum(len(f.counts) for f in facts)
    assert sum(total.times.values()) == sum(len(f.times) for f in facts)


def test_ratios_are_exact_and_nothing_of_nothing_is_none() -> None:
    assert (ratio(1, 3), ratio(2, 3), ratio(0, 5), ratio(5, 5), ratio(0, 0)) == (Decimal("0.3333"), Decimal("0.6667"), 0, 1, None)
    assert ratio(1, 20000) == Decimal("0.0000"), "half to even"
    tally = Tally()
    for counts in [("requests", "quoted")] * 3 + [("deals",), ("requests", "to_person"), ("rejected",), ("refused",)]:
        tally.add(Fact(ACME, "BTC-USD", AT, counts))
    assert (tally.hit_ratio, tally.reject_ratio) == (Decimal("0.3333"), Decimal("0.4000"))


@pytest.mark.parametrize(
    ("requests", "deals", "level"),
    [
        (99, 0, "OK"),  # too few to be judged
        (100, 0, "HARD"),
        (100, 10, "OK"),  # one per ten is one per ten
        (101, 10, "SOFT"),
        (500, 10, "SOFT"),
        (501, 10, "HARD"),
    ],
)
def test_fair_use(requests: int, deals: int, level: str) -> None:
    assert statistics.fair_use_level(requests, deals, least=100, soft=10, hard=50) == level
    assert statistics.fair_use_level(requests, deals, least=100, soft=10, hard=None) == ("SOFT" if level == "HARD" else level)


@given(st.integers(0, 10**6), st.integers(0, 10**4), st.integers(1, 1000), st.integers(1, 1000), st.integers(0, 1000))
def test_more_deals_never_make_fair_use_worse(requests: int, deals: int, least: int, soft: int, above: int) -> None:
    order = ["OK", "SOFT", "HARD"]
    bounds = {"least": least, "soft": soft, "hard": soft + above}
    now = statistics.fair_use_level(requests, deals, **bounds)  # type: ignore[arg-type]
    then = statistics.fair_use_level(requests, deals + 1, **bounds)  # type: ignore[arg-type]
    assert order.index(then) <= order.index(now)
