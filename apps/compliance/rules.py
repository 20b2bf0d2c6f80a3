"""Name matching against a list: exact on normalised tokens, in any order. A vendor's matcher plugs in by settings.SCREENING."""

import re
import unicodedata
from collections.abc import Iterable

_LEGAL = {"ltd", "limited", "llc", "inc", "plc", "gmbh", "ag", "sa", "sarl", "bv", "nv", "co", "corp", "the"}


def tokens(name: str) -> frozenset[str]:
    """Lower-case words without accents, punctuation and legal forms."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return frozenset(re.findall(r"[a-z0-9]+", plain)) - _LEGAL


def matches(name: str, listed: Iterable[str]) -> list[str]:
    """The listed names whose words are all in `name`."""
    mine = tokens(name)
    return [entry for entry in listed if (theirs := tokens(entry)) and theirs <= mine]
