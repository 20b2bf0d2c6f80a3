"""What is looked at alike when a client and when an LP is taken on: who it is, in which of our books it deals, what it is charged.

`bad` is what the caller refuses with; its `pointer` names the field.
"""

from decimal import Decimal

from apps.clients.errors import BadLei
from apps.clients.rules import identity
from apps.core import money
from apps.core.errors import Rejected
from apps.instruments import queries as instruments
from apps.instruments.models import Book

MOST_BPS = Decimal(1000)


def require_company(*, code: str, name: str, country: str, lei: str | None, bad: type[Rejected]) -> None:
    """
    :param lei: None: it needs none
    :raises BadLei: no LEI, or none that is right
    """
    if not identity.is_code(code):
        raise bad("2 to 25 small letters, digits and hyphens", pointer="code")
    if not identity.is_legal_name(name):
        raise bad("its legal name, 1 to 110 characters", pointer="name")
    if not identity.is_country(country):
        raise bad("two capitals, as ISO 3166 has them", pointer="country")
    if lei is not None and not identity.is_lei(lei):
        raise BadLei(f"{code}: {lei[:20]}", pointer="lei")


def require_bps(bps: Decimal, field: str, *, least: Decimal, bad: type[Rejected]) -> None:
    if not bps.is_finite() or not least <= bps < MOST_BPS or money.scale_of(bps) > 6:
        raise bad(f"from {least:f} and below {MOST_BPS:f}, to six decimals", pointer=field)


def require_agreement(netting: str, *, bad: type[Rejected]) -> None:
    """Under which what is due on one date is paid net; empty: gross."""
    if len(netting) > 80 or not netting.isprintable():
        raise bad("an agreement of at most 80 characters", pointer="netting")


def get_book(entity: str, code: str, *, bad: type[Rejected]) -> Book:
    book = instruments.find_book(code)
    if book is None or book.entity.code != entity:
        raise bad(f"no book {code} of {entity}", pointer="book")
    return book
