"""The counters under the rate limits: one round trip, the same count for all who count."""

from django.core.cache import caches


def test_first_count_opens_the_counter_and_the_next_ones_count_on() -> None:
    counters = caches["counters"]
    assert counters.add("a", 1, timeout=60)
    assert not counters.add("a", 1, timeout=60)
    assert counters.incr("a") == 2
    assert not counters.add("a", 1, timeout=60)
    assert counters.incr("a") == 3
    assert counters.get("a") == 3


def test_counters_do_not_mix() -> None:
    counters = caches["counters"]
    assert counters.add("a", 1, timeout=60)
    assert not counters.add("a", 1, timeout=60)
    assert counters.add("b", 1, timeout=60)
    assert counters.incr("a") == 3  # its count was not told any more: counted once again
