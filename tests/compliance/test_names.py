"""Names in every script: which are one, and which of a list are in one."""

import pytest

from apps.compliance import rules


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme Capital Ltd", "ACME  capital, The"),
        ("Müller GmbH", "Muller"),
        ("Groß & Söhne", "GROSS SOHNE"),
        ("ООО Ромашка", "ромашка"),
        ("Αθήνα Α.Ε.", "ΑΘΗΝΑ α ε"),
        ("北京甲公司", "北京甲公司"),
        ("Ａｃｍｅ", "Ac\u200bme"),
        ("The Co", "the co"),
    ],
)
def test_one_name_however_it_is_written(one: str, other: str) -> None:
    assert rules.same(one, other) and rules.same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ООО Ромашка", "北京甲公司"),
        ("北京甲公司", "北京乙公司"),
        ("ООО Ромашка", "ООО Василёк"),
        ("バカ", "ハカ"),
        ("Acme", "شركة"),
        ("", ""),
        ("???", "???"),
        ("Acme", "Acme Capital"),
    ],
)
def test_two_names_and_none_is_like_no_other(one: str, other: str) -> None:
    assert not rules.same(one, other) and not rules.same(other, one)


@pytest.mark.parametrize(
    ("name", "listed", "hit"),
    [
        ("ЗАО «Ромашка» Москва", "РОМАШКА", True),
        ("北京甲公司", "甲公司", True),
        ("شركة مثال", "مثال", True),
        ("Ромашка", "北京甲公司", False),
        ("Mallory Trading", "Mal", False),
        ("Mallory", "!!!", False),
    ],
)
def test_a_list_is_read_in_every_script(name: str, listed: str, hit: bool) -> None:
    assert rules.matches(name, [listed]) == ([listed] if hit else [])
