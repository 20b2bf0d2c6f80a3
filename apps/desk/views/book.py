"""The merged book as a page needs it: a person waits a little longer for it than a quote by itself does."""

from apps.pricing.errors import PriceUnavailable
from apps.pricing.feeds import bus
from apps.pricing.rules import Composite

TRIES = 3


def read_book(pair: str) -> Composite:
    """
    :raises PriceUnavailable: nothing is published, or the bus did not answer in time, each time it was asked
    """
    for left in reversed(range(TRIES)):
        try:
            depth = bus.read_depth(pair)
        except PriceUnavailable:
            if not left:
                raise
            continue
        if depth is None:
            raise PriceUnavailable("no price is published")
        return depth
    raise AssertionError("the last try answers or raises")
