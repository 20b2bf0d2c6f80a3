"""Money taken back after what it paid was closed out, or while its client is frozen: one line never stops a bank's statement."""

import logging
from dataclasses import replace
from datetime import date
from decimal import Decimal as D
from typing import Any

import pytest

from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.jobs import settlement as jobs
from apps.reports.queries import proofs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.errors import BadMatch
from apps.settlement.models import Instruction, RailCursor, Receipt, StatementLine
from apps.settlement.rails import outside
from apps.settlement.rules.rail import Statement
from apps.workflows.close_out import ask_close_out
from apps.workflows.import_statement import import_statement
from apps.workflows.work_receipts import request_unmatch
from tests import world
from tests.people import staff
from tests.settlement import world as here
from tests.settlement.test_large_records import COLUMNS, send_all
from tests.stories.test_fails import answer, marks, on_file

pytestmark = pytest.mark.django_db(transaction=True)
ACME = {"name": "Acme Capital", "address": "021000021-1001"}


def proven() -> None:
    with db.snapshot():
        assert [(one.name, one.details) for one in proofs.run() if not one.ok] == []


def unexplained() -> int:
    return int(db.one("SELECT count(*) FROM events_event WHERE kind = 'statement.unexplained'")[0])


@pytest.fixture
def closed_out(transactional_db: None) -> Receipt:
    """acme had paid half of what it owes when everything was closed out."""
    return close_out_after(D(10_000))


def close_out_after(amount: D | None) -> Receipt:
    """
    :param amount: what acme had paid of what it owes; None for all of it
    """
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    on_file(firm=acme)
    here.deal(acme, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    jobs.instruct_due()
    here.at(here.VALUE_DAY)
    here.pay_in("USD", here.only("EXPECTED").amount if amount is None else amount, **ACME)
    jobs.poll_rails()
    jobs.match_receipts()
    assert here.only("RECEIVED" if amount is None else "PART_RECEIVED")
    marks(date(2026, 9, 15), BTC="20000")
    asked = ask_close_out(
        actor=staff("rita", "risk"), client_code="acme", event="INSOLVENCY", evidence="court", marks_date=date(2026, 9, 15)
    )
    assert answer(asked, "ron:risk") == "EXECUTED"
    return Receipt.objects.get(status="MATCHED")


def test_a_recall_after_a_close_out_is_left_to_a_person_and_the_next_line_is_read(closed_out: Receipt) -> None:
    before, house = here.balances(), here.place("USD")
    outside.reorganise(house, closed_out.rail_reference, at=clock.desk_now())
    here.pay_in("USD", D(70), name="Nobody", address="999-1")
    jobs.poll_rails()
    closed_out.refresh_from_db()
    assert (closed_out.status, unexplained()) == ("MATCHED", 1)
    assert [line.amount for line in StatementLine.objects.order_by("sequence")][-2:] == [D(-10_000), D(70)]
    assert here.balances() == {**before, "NOSTRO USD": before["NOSTRO USD"] + 70, "SUSPENSE USD": D(-70)}
    proven()


def test_a_recall_of_what_had_settled_in_a_set_that_was_closed_out_is_left_to_a_person() -> None:
    paid = close_out_after(None)
    outside.reorganise(here.place("USD"), paid.rail_reference, at=clock.desk_now())
    before = here.balances()
    jobs.poll_rails()
    paid.refresh_from_db()
    assert (paid.status, unexplained(), here.balances()) == ("MATCHED", 1, before)
    proven()


def test_a_file_with_a_recall_after_a_close_out_is_taken_in(closed_out: Receipt) -> None:
    held = RailCursor.objects.get(nostro=closed_out.nostro).balance
    rows = [(-10_000, "RETURN", closed_out.rail_reference), (70, "RECEIPT", "B-2")]
    head = "account,currency,statement,date,reference,kind,amount,balance,end_to_end_id,counterparty_name,counterparty_account,remittance"
    text, balance = f"{head}\n", held
    for amount, kind, reference in rows:
        balance += amount
        text += f"{closed_out.nostro.address},USD,,2026-09-16,{reference},{kind},{amount}.00,{balance},,,,\n"
    assert import_statement(content=text.encode())[0].new == 2
    closed_out.refresh_from_db()
    assert (closed_out.status, unexplained(), Receipt.objects.filter(rail_reference="B-2").count()) == ("MATCHED", 1, 1)
    proven()


def test_what_paid_a_closed_out_deal_is_not_taken_off_by_hand(closed_out: Receipt) -> None:
    with pytest.raises(BadMatch, match="closed out"):
        request_unmatch(actor=staff("olga", "operations"), receipt_id=closed_out.id, reason="for another account")


def test_a_line_that_is_refused_is_warned_of_with_its_place(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    here.open_house("USD")
    here.pay_in("USD", D(70), name="Nobody", address="999-1")
    real = outside.statement

    def with_a_gap(*given: Any, **more: Any) -> Statement:
        found = real(*given, **more)
        return Statement(tuple(replace(one, sequence=one.sequence + 1) for one in found.entries), found.balance)

    monkeypatch.setattr(outside, "statement", with_a_gap)
    with caplog.at_level(logging.WARNING, logger="apps.jobs.settlement"):
        jobs.poll_rails()
    (told,) = [one.getMessage() for one in caplog.records]
    assert told.startswith("fedwire-usd flowdesk-usd-1 line ") and "is missing" in told
    assert settlement.list_receipts(SYSTEM).count() == 0


@pytest.mark.parametrize("netting", [True, False])
@pytest.mark.parametrize("apart", [True, False])
def test_what_leaves_or_comes_and_is_back_on_the_same_statement(netting: bool, apart: bool) -> None:
    """A payment and its return, a receipt and its recall: in one file as in a file for each line."""
    here.open_house("USD", "BTC")
    acme = world.firm("acme", netting=netting)
    for n in range(1, 4):
        here.deal(acme, Side.SELL, f"0.{n}")
    sent = [one for one in send_all() if one.asset_id == "USD"]
    lines = [(f"P{n}", "PAYMENT", one.end_to_end_id, -one.amount) for n, one in enumerate(sent)]
    lines += [("R", "RETURN", sent[0].end_to_end_id, sent[0].amount), ("IN", "RECEIPT", "", D(7)), ("IN", "RETURN", "", D(-7))]
    for some in [[one] for one in lines] if apart else [lines]:
        balance, rows = RailCursor.objects.values_list("balance", flat=True).first() or D(10_000_000), [COLUMNS]
        for reference, kind, key, amount in some:
            balance += amount
            rows.append(f"{here.ADDRESSES['USD'][1]},USD,,2026-09-16,{reference},{kind},{amount},{balance},{key},Acme,,")
        import_statement(content="\n".join(rows).encode())
    came_back = sent[0].amount
    assert {i.id: i.status for i in Instruction.objects.filter(id__in=[one.id for one in sent])} == {
        one.id: "RETURNED" if one == sent[0] else "SETTLED" for one in sent
    }
    assert [one.status for one in Receipt.objects.all()] == ["REVERTED"]
    kept = here.balances()
    assert kept["NOSTRO USD"] == D(10_000_000) - sum(one.amount for one in sent[1:])
    assert kept["PAYABLE USD"] == -came_back and "IN_TRANSIT USD" not in kept and "SUSPENSE USD" not in kept
    proven()
