"""A record of thousands of lines is taken in by as many statements as one of a few, whole or not at all."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count

from apps.close.errors import BadVenueRecord
from apps.core import db, flights
from apps.jobs import settlement as jobs
from apps.reports.queries import proofs
from apps.rfqs.states import Side
from apps.settlement.models import Instruction, Obligation, RailCursor, Receipt, StatementLine, VenueMovement
from apps.settlement.rules.venues import COLUMNS as MOVEMENT
from apps.trades.errors import DuplicateExecution
from apps.trades.models import Hedge
from apps.workflows.hedge_breaks import import_lp_record
from apps.workflows.import_fills import COLUMNS as FILL
from apps.workflows.import_fills import import_fills
from apps.workflows.import_statement import import_statement
from apps.workflows.onboard_client import register_counterparty
from apps.workflows.pay_in_at_venues import import_venue_movements
from apps.workflows.reconcile import reconcile
from tests import world
from tests.close import world as days
from tests.settlement import splitting
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
FEW, MANY = 10, 150
IBAN = here.ADDRESSES["EUR"][1]
COLUMNS = "account,currency,statement,date,reference,kind,amount,balance,end_to_end_id,counterparty_name,counterparty_account,remittance"


@contextmanager
def counted() -> Iterator[Callable[[], int]]:
    """Statements that this thread has sent since, by the ORM or beside it."""
    by_orm, before = [0], flights.statements

    def note(execute: Callable[..., Any], *args: Any) -> Any:
        by_orm[0] += 1
        return execute(*args)

    with connection.execute_wrapper(note):
        yield lambda: by_orm[0] + flights.statements - before


def movements(first: int, count: int) -> str:
    """Every third a fee alone."""
    rows = []
    for n in range(first, first + count):
        told = dict.fromkeys(MOVEMENT, "") | {"reference": f"m-{n}", "asset": "USD", "booked_at": world.NOON.isoformat()}
        rows.append(told | ({"amount": "0", "fee": "1"} if n % 3 == 0 else {"amount": str(n), "fee": "0"}))
    return "\n".join([",".join(MOVEMENT), *(",".join(row[name] for name in MOVEMENT) for row in rows)])


def test_a_venues_record() -> None:
    here.open_house("USD")
    register_counterparty(code="helios", name="Helios Liquidity", lei="", country="US", roles=["VENUE"])

    def take(text: str) -> int:
        return import_venue_movements(actor=None, entity_id=days.entity_id(), counterparty="helios", text=text)

    take(movements(0, 3))
    costs = []
    for first, count in ((100, FEW), (1000, MANY)):
        with counted() as spent:
            assert take(movements(first, count)) == count
        costs.append(spent())
    assert costs[0] == costs[1]
    before = VenueMovement.objects.count(), here.balances()["VENUE USD"]
    assert before[1] == -sum(1 for n in (*range(3), *range(100, 100 + FEW), *range(1000, 1000 + MANY)) if n % 3 == 0)
    with pytest.raises(BadVenueRecord, match="line 151, amount"):  # the last one: nothing of the file is there
        take(movements(2000, MANY - 1) + movements(2999, 1).replace(",".join(MOVEMENT), "").replace("2999", "x"))
    assert take(movements(1000, MANY + 2)) == 2  # what is known stays as it is
    assert (VenueMovement.objects.count(), here.balances()["VENUE USD"]) == (before[0] + 2, before[1])


def statement(opening: D, first: int, count: int) -> bytes:
    """A CSV: every fifth line a charge, the others receipts; the last one has the reference of the first."""
    balance, rows = opening, []
    for n in range(count):
        charged = n % 5 == 4 and n < count - 1
        amount = D(-1) if charged else D(10 + n)
        balance += amount
        name = f"R{first if n == count - 1 else first + n}"
        rows.append(f"{IBAN},EUR,,2026-09-15,{name},{'CHARGE' if charged else 'RECEIPT'},{amount},{balance},,Somebody,,")
    return "\n".join([COLUMNS, *rows]).encode()


def test_a_banks_statement() -> None:
    here.open_house("EUR")
    jobs.poll_rails()
    costs = []
    for first, count in ((10, FEW), (100, FEW), (1000, MANY)):  # the first one opens the accounts
        with counted() as spent:
            assert import_statement(content=statement(RailCursor.objects.get().balance, first, count))[0].new == count
        costs.append(spent())
    assert costs[1] == costs[2]
    receipts = dict(Receipt.objects.values_list("status").annotate(n=Count("id")))
    charged = 2 * (FEW // 5 - 1) + MANY // 5 - 1  # the last line is a fifth one too
    assert receipts == {"FINAL": 2 * FEW + MANY - charged - 3, "QUARANTINED": 3}  # each file's last has the reference of its first
    assert set(Receipt.objects.filter(status="QUARANTINED").values_list("quarantine_reason", flat=True)) == {"DUPLICATE"}
    cursor = RailCursor.objects.get()
    assert (StatementLine.objects.count(), cursor.last_sequence) == (2 * FEW + MANY, 2 * FEW + MANY)
    assert here.balances()["NOSTRO EUR"] == cursor.balance
    with db.snapshot():
        assert [
            line for line in proofs.run(["suspense_and_transit", "receipts_are_used_once", "balances", "zero_sums"]) if not line.ok
        ] == []
    assert reconcile(entity_id=days.entity_id(), on=date(2026, 9, 15)).breaks == []


def paying(firm: world.Firm, count: int) -> list[Instruction]:
    """So many payments of dollars to a client, each for a deal of its own, sent on their value date."""
    for n in range(count):
        here.deal(firm, Side.SELL, f"0.0{n + 10}")  # two of one amount would look like one payment made twice
    return send_all()


def send_all() -> list[Instruction]:
    """What we owe from the deals that were done, netted where it is, sent on its value date."""
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    here.at(here.VALUE_DAY)
    jobs.agree_due()
    jobs.instruct_due()
    jobs.review_queue()
    here.release(*(one.id for one in here.ready()))
    jobs.send_released()
    return list(Instruction.objects.filter(status="SENT").select_related("account__owner").order_by("id"))


def paid(opening: D, lines: Sequence[tuple[str, D]]) -> bytes:
    """A CSV of payments by their keys, with what left for each."""
    rows, balance = [], opening
    for n, (key, amount) in enumerate(lines):
        balance -= amount
        rows.append(f"{here.ADDRESSES['USD'][1]},USD,,2026-09-16,P{key[-8:]}{n},PAYMENT,{-amount},{balance},{key},Acme,,")
    return "\n".join([COLUMNS, *rows]).encode()


def test_a_banks_statement_of_our_own_payments() -> None:
    here.open_house("USD", "BTC")
    costs, balance = [], D(10_000)
    every = paying(world.firm("acme", netting=False), 15)
    assert len(every) == 15
    for sent in (every[:3], every[3:]):
        last = sent[-1]  # goes in two lines, of which the second is told twice
        lines = [(one.end_to_end_id, one.amount) for one in sent[:-1]]
        lines += [(last.end_to_end_id, D(1)), (last.end_to_end_id, last.amount - 1), (last.end_to_end_id, D(1))]
        with counted() as spent:
            assert import_statement(content=paid(balance, lines))[0].new == len(sent) + 2
        costs.append(spent())
        balance = RailCursor.objects.get().balance
    assert costs[0] == costs[1]
    assert {*Instruction.objects.filter(direction="PAY").values_list("status", flat=True)} == {"SETTLED"}
    assert {*Obligation.objects.filter(direction="PAY").values_list("status", flat=True)} == {"SETTLED"}
    told = dict(db.run("SELECT kind, count(*) FROM events_event GROUP BY kind"))
    assert (told["instruction.settled"], told["statement.unexplained"]) == (15, 2)
    with db.snapshot():
        assert [line for line in proofs.run(["suspense_and_transit", "balances", "zero_sums"]) if not line.ok] == []


def test_the_parts_of_one_payment_on_one_statement_settle_it_once() -> None:
    here.owing(Side.SELL)
    splitting.set_limit("fedwire-usd", largest="8000", most=3)
    jobs.review_queue()
    splitting.release(splitting.whole())
    jobs.send_released()
    sent = splitting.parts()
    assert [one.status for one in sent] == ["SENT"] * 3
    import_statement(content=paid(D(1000), [(one.end_to_end_id, one.amount) for one in sent]))
    assert {one.status for one in splitting.parts()} == {"SETTLED"}
    whole = splitting.whole()
    assert (whole.settled_amount, Obligation.objects.get(asset_id="USD").status) == (whole.amount, "SETTLED")
    told = dict(db.run("SELECT kind, count(*) FROM events_event GROUP BY kind"))
    assert (told["instruction.payment_settled"], told["instruction.settled"]) == (3, 1)


def fills(first: int, count: int, price: str = "20000") -> str:
    rows = [f"helios,h-{n},BTC-USD,buy,1,{price},10,{world.NOON.isoformat()}" for n in range(first, first + count)]
    return "\n".join([",".join(FILL), *rows])


def test_fills_and_the_record_of_an_lp() -> None:
    here.open_house("USD")
    register_counterparty(code="helios", name="Helios Liquidity", lei="", country="US", roles=["VENUE"])
    tuesday, costs = date(2026, 9, 15), []
    import_fills(text=fills(1, 1), book_code="main", made_by=None)  # opens the accounts
    for first, count in ((100, FEW), (1000, MANY)):
        with counted() as spent:
            assert import_fills(text=fills(first, count), book_code="main", made_by=None).booked == count
        books = spent()
        with counted() as spent:
            again = import_fills(text=fills(first, count), book_code="main", made_by=None)
        assert (again.booked, again.known) == (0, count)
        looks = spent()
        with counted() as spent:
            done = import_lp_record(actor=None, counterparty="helios", on=tuesday, text=fills(first, count))
        costs.append((books - count, looks, spent()))  # a fill is one statement, and many of them one round trip
        assert (done.confirmed, len(done.broken)) == (count, 1 if first == 100 else 1 + FEW)  # a later record has the earlier fills no more
    assert costs[0] == costs[1]
    assert dict(Hedge.objects.values_list("status").annotate(n=Count("id"))) == {"CONFIRMED": FEW + MANY, "BREAK": 1}
    with pytest.raises(DuplicateExecution, match="h-1149"):  # the last line: nothing of the file is booked
        import_fills(text=fills(2000, FEW) + "\n" + fills(1149, 1, "20001").split("\n")[1], book_code="main", made_by=None)
    assert Hedge.objects.count() == 1 + FEW + MANY
