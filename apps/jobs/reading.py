"""What rails and venues show of our money, one place after the other."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from apps.settlement.rails.base import Silence

W = TypeVar("W")
log = logging.getLogger(__name__)


def read_each(places: Iterable[W], read: Callable[[W], int], *, whose: Callable[[W], str], name: Callable[[W], str]) -> int:
    """How much was read; who does not answer is asked no more in this run, and keeps none of the others waiting.

    :param whose: the rail or venue that is asked
    :param name: the place, for the log
    """
    done, silent = 0, set[str]()
    for place in places:
        if whose(place) in silent:
            continue
        try:
            done += read(place)
        except Silence as no:
            silent.add(whose(place))
            log.warning("%s not read: no answer: %s", name(place), no)
        except Exception:
            log.exception("%s not read", name(place))
    return done
