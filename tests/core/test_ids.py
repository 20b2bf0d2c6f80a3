"""Ids: ordered by time, opaque on the wire, refused when they are not ours."""

import time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core import ids


@given(st.uuids())
def test_a_wire_id_reads_back_as_itself(value: UUID) -> None:
    told = ids.encode("rfq", value)
    assert ids.decode("rfq", told) == value
    assert len(told) == 30
    assert told == told.lower()


@given(st.uuids(), st.uuids())
def test_wire_ids_sort_as_their_values(one: UUID, other: UUID) -> None:
    assert (ids.encode("trd", one) < ids.encode("trd", other)) == (one.int < other.int)


def test_ids_are_version_seven_and_in_the_order_in_which_they_were_made() -> None:
    made = [ids.uuid7() for _ in range(1_000)]
    assert made == sorted(made)
    assert {one.version for one in made} == {7}
    assert {one.variant for one in made} == {"specified in RFC 4122"}
    now_ms = time.time_ns() // 1_000_000
    assert now_ms - 60_000 < made[-1].int >> 80 <= now_ms


def test_many_ids_of_one_instant_differ() -> None:
    assert len({ids.uuid7() for _ in range(20_000)}) == 20_000


@pytest.mark.parametrize(
    "wrong",
    [
        "", "rfq", "rfq_", "quo_00000000000000000000000000", "rfq_0000000000000000000000000", "rfq_000000000000000000000000000",
        "rfq_0000000000000000000000000i", "rfq_0000000000000000000000000A",
        "rfq_zzzzzzzzzzzzzzzzzzzzzzzzzz", "rfq_80000000000000000000000000",
        "rfq-00000000000000000000000000", "rfq_0000000000000000000000000٠", "00000000-0000-0000-0000-000000000000",
    ],
)  # fmt: skip
def test_what_is_no_id_of_this_prefix_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="not an id of the form"):
        ids.decode("rfq", wrong)
