"""Request bodies are read so that no two readers can disagree."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.api import jsonbody


def faults(raw: bytes, integers: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    with pytest.raises(jsonbody.InvalidBody) as refused:
        jsonbody.load(raw, integers=integers)
    return [(e.pointer, e.code) for e in refused.value.errors]


def test_a_plain_object_is_read_as_it_stands() -> None:
    assert jsonbody.load(b'{"side":"buy","quantity":"2.5","stream":false,"x":null,"a":["1"]}') == {
        "side": "buy",
        "quantity": "2.5",
        "stream": False,
        "x": None,
        "a": ["1"],
    }


@pytest.mark.parametrize("number", ["1.5", "1e3", "1E400", "-0.0", "1e-7", "5"])
def test_a_number_for_an_amount_is_refused_by_its_pointer(number: str) -> None:
    assert faults(b'{"quantity": ' + number.encode() + b"}") == [("/quantity", "number_not_allowed")]


def test_an_integer_is_taken_only_where_it_is_declared() -> None:
    assert jsonbody.load(b'{"ttl_ms": 5000, "legs": [{"days": 2}]}', integers=("/ttl_ms", "/legs/*/days")) == {
        "ttl_ms": 5000,
        "legs": [{"days": 2}],
    }
    assert faults(b'{"ttl_ms": 5000, "legs": [{"days": 2}, {"days": 3}]}', ("/ttl_ms",)) == [
        ("/legs/0/days", "number_not_allowed"),
        ("/legs/1/days", "number_not_allowed"),
    ]


def test_a_fraction_is_refused_even_where_an_integer_is_declared() -> None:
    assert faults(b'{"ttl_ms": 5000.0}', ("/ttl_ms",)) == [("/ttl_ms", "number_not_allowed")]


def test_an_integer_of_thousands_of_digits_is_refused_without_being_built() -> None:
    assert faults(b'{"ttl_ms": ' + b"9" * 60_000 + b"}", ("/ttl_ms",)) == [("/ttl_ms", "number_too_large")]


@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"-Infinity"])
def test_nan_and_infinity_are_refused_by_pointer(word: bytes) -> None:
    assert faults(b'{"price": ' + word + b"}") == [("/price", "not_json")]


def test_a_member_named_twice_is_refused_at_every_depth() -> None:
    assert faults(b'{"side":"buy","side":"sell"}') == [("/side", "duplicate_member")]
    assert faults(b'{"a":[{"b":"1","b":"1"}]}') == [("/a/0/b", "duplicate_member")]


def test_every_fault_is_named_at_once() -> None:
    assert faults(b'{"a":1.5,"b":NaN,"c":"1","c":"2"}') == [
        ("/c", "duplicate_member"),
        ("/a", "number_not_allowed"),
        ("/b", "not_json"),
    ]


@pytest.mark.parametrize("raw", [b"", b"{", b'{"a":1,}', b"{'a':'b'}", b'{"a":"b"} x', b"\xef\xbb\xbf{}", b'{"a":"\n"}'])
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    assert faults(raw) == [("", "not_json")]


@pytest.mark.parametrize("raw", [b"[]", b'"text"', b"null", b"true", b"5"])
def test_only_an_object_is_a_body(raw: bytes) -> None:
    assert faults(raw) == [("", "not_an_object")]


def test_bytes_that_are_not_utf8_are_refused() -> None:
    assert faults(b'{"a":"\xff"}') == [("", "not_utf8")]
    assert faults('{"a":"b"}'.encode("utf-16")) == [("", "not_utf8")]


def test_text_that_the_database_cannot_hold_is_refused_by_pointer() -> None:
    assert faults(b'{"note":"a\\u0000b"}') == [("/note", "invalid_character")]
    assert faults(b'{"note":"\\ud800"}') == [("/note", "invalid_character")]
    assert faults(b'{"\\ud800":"x"}')[0][1] == "invalid_character"


def test_a_body_over_64_kib_is_refused_and_one_of_64_kib_is_read() -> None:
    longest = b'{"a":"' + b"x" * (64 * 1024 - 8) + b'"}'
    assert len(longest) == 64 * 1024
    assert jsonbody.load(longest)
    assert faults(longest + b" ") == [("", "body_too_large")]


@pytest.mark.parametrize("depth", [16, 900, 30_000])
def test_deep_nesting_is_refused_without_exhausting_the_stack(depth: int) -> None:
    assert faults(b'{"a":' + b"[" * depth + b"]" * depth + b"}")[0][1] == "too_deep"


def test_ten_thousand_members_named_twice_are_refused_without_quadratic_work() -> None:
    raw = b"{" + b",".join(b'"%d":""' % (i % 3000) for i in range(6000)) + b"}"
    assert len(faults(raw)) == 3000


def test_unknown_members_are_named() -> None:
    found = jsonbody.unknown({"side": "buy", "sidé/": "1"}, known=("side",))
    assert [e.as_dict() for e in found] == [{"pointer": "/sidé~1", "code": "unknown_field", "detail": "no such field"}]


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9),
    )
)
def test_every_object_of_texts_comes_back_as_it_was_sent(value: dict[str, str]) -> None:
    assert jsonbody.load(json.dumps(value).encode()) == value


@given(st.binary(max_size=60))
def test_no_bytes_whatever_cause_anything_but_a_value_or_a_named_fault(raw: bytes) -> None:
    try:
        assert isinstance(jsonbody.load(raw), dict)
    except jsonbody.InvalidBody as refused:
        assert refused.errors
