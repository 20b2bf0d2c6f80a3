"""Amounts and moments as people type them."""

from datetime import UTC, datetime
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.desk import amounts
from apps.desk.amounts import Unreadable


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("25", "25"), (" 1,250,000.50 ", "1250000.5"), ("250k", "250000"), ("2.5M", "2500000"), ("1b", "1000000000"),
        ("0.5 m", "500000"), (".5", "0.5"), ("1'000", "1000"), ("12 500", "12500"), ("7.", "7"),
    ],
)  # fmt: skip
def test_shortcuts_and_groups_are_read(typed: str, meant: str) -> None:
    assert amounts.read(typed, "amount") == D(meant)


@pytest.mark.parametrize(
    "typed", ["", "k", "-5", "1e5", "NaN", "Infinity", "١٢", "5x", "1.2.3", "0", "0.000", "9" * 21, "9" * 20 + "k", "1\0", "5 k m", "."]
)
def test_anything_else_is_refused_by_name(typed: str) -> None:
    with pytest.raises(Unreadable, match="amount"):
        amounts.read(typed, "amount")


@pytest.mark.parametrize(
    ("typed", "meant"), [("-12.5", "-12.5"), ("0", "0"), ("0.00", "0"), ("+3", "3"), ("−4k", "-4000"), ("1.7k", "1700")]
)
def test_margins_and_profits_may_be_nothing_or_below(typed: str, meant: str) -> None:
    assert amounts.read_signed(typed, "margin") == D(meant)


@given(st.text(max_size=50))
def test_no_text_is_more_than_a_refusal(typed: str) -> None:
    for reader in (amounts.read, amounts.read_signed, amounts.read_moment):
        try:
            reader(typed, "field")
        except Unreadable:
            continue


def test_moments_are_utc() -> None:
    assert amounts.read_moment("2026-09-15T12:30", "agreed at") == datetime(2026, 9, 15, 12, 30, tzinfo=UTC)
    assert amounts.read_moment("2026-09-15T12:30:00+02:00", "agreed at") == datetime(2026, 9, 15, 10, 30, tzinfo=UTC)
    with pytest.raises(Unreadable):
        amounts.read_moment("0001-01-01T00:00", "agreed at")
