"""The setting BANK_FILES: banks that are spoken to in files, by rail code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

NEEDED, KNOWN = ("name", "out", "in"), frozenset({"name", "bic", "out", "in", "version"})


def read(given: Any) -> dict[str, dict[str, str]]:
    """
    :param given: {rail code: {"name": who we are, "out": folder, "in": folder, "bic": ours, "version": of pain.001}}
    :raises ImproperlyConfigured: what is wrong, and where
    """
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured("BANK_FILES: an object of banks by rail code")
    for code, bank in given.items():
        if not isinstance(bank, Mapping) or not all(isinstance(value, str) for value in bank.values()):
            raise ImproperlyConfigured(f"BANK_FILES, {code}: an object of texts")
        if missing := [part for part in NEEDED if not bank.get(part)]:
            raise ImproperlyConfigured(f"BANK_FILES, {code}: {', '.join(missing)} missing")
        if unknown := sorted(set(bank) - KNOWN):
            raise ImproperlyConfigured(f"BANK_FILES, {code}: {', '.join(unknown)} unknown")
        for part in ("out", "in"):
            if not Path(bank[part]).is_dir():
                raise ImproperlyConfigured(f"BANK_FILES, {code}: {part} is no folder: {bank[part]}")
    return {code: dict(bank) for code, bank in given.items()}
