"""What is an amount and what is not; rounding loses less than one unit; no digit is lost in silence."""

import threading
from decimal import Decimal as D
from decimal import getcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core import money


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", D(0)),
        ("1", D(1)),
        ("007.50", D("7.5")),
        ("0.000000000000000001", D("1E-18")),
        ("99999999999999999999.999999999999999999", D("99999999999999999999.999999999999999999")),
    ],
)
def test_plain_decimals_are_read(text: str, value: D) -> None:
    assert money.parse(text) == value


@pytest.mark.parametrize(
    "wrong",
    [
        "", " ", "1 ", " 1", "\n1", "1\n", "+1", "-1", "-0", "1.", ".5", "1,000", "1_000", "1e3", "1E3", "1e400", "0x10",
        "NaN", "nan", "sNaN", "Infinity", "-Infinity", "inf", "0.1234567890123456789", "123456789012345678901", "1.2.3",
        "١٢٣", "１２", "1\u00a0", "1\u200b", "½", "1\x00",
        "0." + "0" * 19, "1" * 4000,
        1, 0, 1.5, D(1), None, True, b"1", [], {},
    ],
)  # fmt: skip
def test_whatever_is_no_plain_decimal_string_is_refused(wrong: object) -> None:
    with pytest.raises(money.NotAnAmount) as no:
        money.parse(wrong)
    assert len(str(no.value)) < 200


@given(st.decimals(min_value=0, max_value=D("9" * 20), places=18, allow_nan=False, allow_infinity=False))
def test_what_is_told_reads_back_as_the_same_amount(value: D) -> None:
    assert money.parse(money.text(value)) == value


@pytest.mark.parametrize(
    ("value", "told"),
    [("1E-8", "0.00000001"), ("1E+3", "1000"), ("1.500", "1.5"), ("-0", "0"), ("-0.00", "0"), ("-2.50", "-2.5"), ("0E-18", "0")],
)
def test_amounts_are_told_without_exponent_or_trailing_zeros(value: str, told: str) -> None:
    assert money.text(D(value)) == told


@given(st.decimals(min_value=D("-1e15"), max_value=D("1e15"), places=18), st.integers(0, 18))
def test_rounding_loses_less_than_one_unit_and_in_our_favour(value: D, scale: int) -> None:
    down, up, unit = money.round_down(value, scale), money.round_up(value, scale), money.quantum(scale)
    assert down <= value <= up
    assert value - down < unit
    assert up - value < unit
    assert abs(money.round_even(value, scale) - value) * 2 <= unit
    assert money.scale_of(down) <= scale


@given(st.decimals(min_value=0, max_value=D("1e19"), places=18), st.decimals(min_value=0, max_value=D("1e19"), places=18))
def test_a_product_of_two_amounts_is_exact(one: D, other: D) -> None:
    product = one * other
    assert product == D(int(one.scaleb(18)) * int(other.scaleb(18))).scaleb(-36)


def test_fixed_shows_the_assets_decimals_and_more_only_where_the_value_has_them() -> None:
    assert money.fixed(D("1.5"), 2) == "1.50"
    assert money.fixed(D("1.505"), 2) == "1.505"
    assert money.fixed(D("100"), 0) == "100"


def test_new_threads_have_the_exact_context_too() -> None:
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(getcontext().prec))
    thread.start()
    thread.join()
    assert seen == [money.PRECISION]
    assert getcontext().prec == money.PRECISION
