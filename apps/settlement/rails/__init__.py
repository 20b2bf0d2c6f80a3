"""Adapters to banks and chains, named in settings.RAILS by rail code or kind."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from apps.settlement.errors import UnknownRail

from .base import Rail


@cache
def _make(path: str) -> Rail:
    made: Rail = import_string(path)()
    return made


def get_rail(code: str, kind: str) -> Rail:
    """The adapter of a rail: by its code, else by its kind (BANK, CHAIN).

    :raises UnknownRail: settings.RAILS has neither
    """
    path = settings.RAILS.get(code) or settings.RAILS.get(kind)
    if path is None:
        raise UnknownRail(f"{code} ({kind}): not in settings.RAILS")
    return _make(path)
