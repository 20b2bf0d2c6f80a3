"""What an LP says we hold there, as a file: a bad one is told with its line, and nothing of it counts; runs over two days at once."""

from datetime import date, datetime
from decimal import Decimal as D

import pytest

from apps.close import operations as close
from apps.close import queries as days
from apps.close.errors import BadVenueRecord
from apps.close.models import Break
from apps.close.rules import Found
from apps.close.states import BreakProof
from apps.core import clock, db
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.workflows.reconcile import LONGEST_RECORD, import_venue_balances
from tests import world
from tests.together import together
from tests.trades import books

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_file_that_is_none_is_told_with_its_line() -> None:
    books.open_desk()

    def take(text: str) -> int:
        entity = instruments.get_entity("flowdesk").id
        return import_venue_balances(actor=None, entity_id=entity, counterparty="venue", on=date(2026, 9, 15), text=text)

    good = "asset,amount\nUSD,-20010\n"
    for text, line, told in (
        (f'{good}BTC,"1', 3, "not CSV"),
        (f"{good}BTC,\0", 3, "NUL|amount"),
        (good + 'BTC,"' + "1" * 99_000, 3, "not CSV"),
        (good + "BTC," + "1" * LONGEST_RECORD, 0, "longer"),
        (f"{good}BTC,1,2\n", 3, "3 columns"),
        (f"{good}BTC\n", 3, "1 columns"),
        (f"{good}USD,1\n", 3, "stands twice"),
        (f"{good}XYZ,1\n", 3, "no asset"),
        (f"{good}BTC,much\n", 3, "amount"),
        ("", 1, "columns are"),
    ):
        with pytest.raises(BadVenueRecord, match=told) as no:
            take(text)
        assert no.value.extra["line"] == line, text[:40]
    assert db.one("SELECT count(*) FROM close_venuebalance") == (0,)
    assert take("asset,amount\rUSD,-20010\rBTC,1.5\r") == 2, "a file of an old Mac ends its lines so"
    assert take("\ufeffasset,amount\r\n\r\nUSD,-20010\r\nBTC,1.5\r\n") == 0


def test_two_runs_over_different_days_find_the_same_break_at_once() -> None:
    clock.freeze_desk(world.NOON)
    entity = instruments.get_entity("flowdesk").id
    found = [Found(BreakProof.MOVEMENT, "NOT_IN_LEDGER", "line:1", "USD", D(5), "a line that nobody knows", since=date(2026, 9, 14))]
    dates = (date(2026, 9, 14), date(2026, 9, 15))

    @use_case
    def begin(*, on: date, now: datetime) -> None:
        close.open_day(entity_id=entity, on=on)

    @use_case
    def run(*, on: date, now: datetime) -> int:
        return len(close.keep_breaks(day=days.lock_day(entity, on), found=found, now=now))

    for on in dates:
        begin(on=on)
    assert together(4, lambda n: run(on=dates[n % 2])) == [1, 1, 1, 1]
    assert Break.objects.count() == 1
