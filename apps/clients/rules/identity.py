"""What names a company and a person: whether a text is one. No Django."""

import re

from stdnum import lei

_CODE = re.compile(r"[a-z0-9][a-z0-9-]{1,24}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


def is_code(text: str) -> bool:
    """What we call a counterparty: 2 to 25 small letters, digits and hyphens."""
    return _CODE.fullmatch(text) is not None


def is_legal_name(text: str) -> bool:
    """1 to 110 characters, all of them to be seen."""
    return 1 <= len(text) <= 110 and text.isprintable()


def is_country(text: str) -> bool:
    """In the form of ISO 3166, two capitals."""
    return _COUNTRY.fullmatch(text) is not None


def is_lei(text: str) -> bool:
    """An LEI (ISO 17442) as it is written: 20 capitals and digits without blanks, and its check digits are right."""
    return bool(lei.compact(text) == text and lei.is_valid(text))


def is_email(text: str) -> bool:
    """Such as ann@acme.example."""
    local, _, host = text.partition("@")
    return bool(local) and "." in host and "@" not in host and len(text) <= 200 and text.isprintable() and " " not in text
