"""A file of fills is booked whole, once; a bad line books nothing and is named."""

from decimal import Decimal as D
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.core import clock, db
from apps.ledger import queries as ledger
from apps.trades.errors import BadFill, DuplicateExecution
from apps.workflows.import_fills import COLUMNS, Imported, import_fills
from apps.workflows.onboard_client import register_counterparty
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)

HEADER = ",".join(COLUMNS) + "\n"
GOOD = {
    "counterparty": "venue",
    "execution_id": "x-1",
    "instrument": "BTC-USD",
    "side": "buy",
    "quantity": "1.5",
    "price": "20000",
    "fee": "3",
    "executed_at": "2026-09-15T11:00:00+00:00",
}


def line(**changes: str) -> str:
    return ",".join((GOOD | changes)[name] for name in COLUMNS) + "\n"


@pytest.fixture(autouse=True)
def _venue() -> None:
    clock.freeze_desk(world.NOON)
    register_counterparty(code="venue", name="Venue Ltd", lei="", country="GB", roles=["VENUE"])
    register_counterparty(code="shop", name="Shop Ltd", lei="", country="GB", roles=["INTRODUCER"])


def book(*lines: str, header: str = HEADER) -> Imported:
    return import_fills(text=header + "".join(lines), book_code="main", made_by=None)


def nothing_booked() -> bool:
    return db.one("SELECT (SELECT count(*) FROM trades_trade), (SELECT count(*) FROM ledger_ledgertransaction)") == (0, 0)


def test_a_file_is_booked_once_however_often_it_comes() -> None:
    assert book(line(), line(execution_id="x-2", side="sell", quantity="0.5")) == Imported(2, 0)
    assert book(line(), line(execution_id="x-2", side="sell", quantity="0.5"), line(execution_id="x-3")) == Imported(1, 2)
    entity = db.one("SELECT entity_id FROM trades_trade LIMIT 1")[0]
    assert {one.asset: (one.position, one.holds) for one in ledger.list_identity(entity)} == {
        "BTC": (D("2.5"), True),
        "USD": (D("-50009"), True),
    }


def test_an_execution_id_that_comes_twice_in_a_file_is_refused_with_both_lines() -> None:
    with pytest.raises(DuplicateExecution, match=r"line 4, execution_id: x-1 stands on line 2 already"):
        book(line(), line(execution_id="x-2"), line(price="20001"))
    assert nothing_booked()


def test_a_known_execution_id_with_other_figures_is_refused_and_books_nothing_beside_it() -> None:
    book(line())
    with pytest.raises(DuplicateExecution) as no:
        book(line(execution_id="x-2"), line(price="20001"))
    assert (no.value.extra["line"], no.value.extra["field"]) == (3, "execution_id")
    assert db.one("SELECT count(*) FROM trades_trade")[0] == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"counterparty": "nobody"}, "counterparty"),
        ({"counterparty": "shop"}, "counterparty"),
        ({"execution_id": ""}, "execution_id"),
        ({"execution_id": "x" * 65}, "execution_id"),
        ({"instrument": "DOGE-USD"}, "instrument"),
        ({"side": "BUY"}, "side"),
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "-1"}, "quantity"),
        ({"quantity": "NaN"}, "quantity"),
        ({"quantity": "1e400"}, "quantity"),
        ({"price": "0"}, "price"),
        ({"fee": "free"}, "fee"),
        ({"executed_at": "2026-09-15T11:00:00"}, "executed_at"),
        ({"executed_at": "noon"}, "executed_at"),
    ],
)
def test_a_bad_line_is_named_with_its_field_and_nothing_is_booked(changes: dict[str, str], field: str) -> None:
    with pytest.raises(BadFill) as no:
        book(line(execution_id="x-0"), line(**changes))
    assert (no.value.extra["line"], no.value.extra["field"]) == (3, field)
    assert nothing_booked()


@pytest.mark.parametrize("text", ["", "a,b\n", HEADER + "venue,x-1\n", HEADER + '"venue\n'])
def test_what_is_no_file_of_fills_is_refused(text: str) -> None:
    with pytest.raises(BadFill, match="line "):
        import_fills(text=text, book_code="main", made_by=None)
    assert nothing_booked()


def test_the_command_tells_file_code_and_line(tmp_path: Path) -> None:
    file = tmp_path / "fills.csv"
    file.write_text(HEADER + line() + line(), encoding="utf-8")
    with pytest.raises(CommandError, match=r"fills\.csv: \w+: line 3, execution_id: x-1 stands on line 2 already"):
        call_command("import_fills", str(file))
    with pytest.raises(CommandError, match=r"none\.csv"):
        call_command("import_fills", str(tmp_path / "none.csv"))
    assert nothing_booked()
