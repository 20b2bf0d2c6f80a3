"""A statement file and a poll of the same account at the same moment: they wait for each other, and neither holds what the other needs."""

import logging
import threading
import time
from decimal import Decimal as D
from typing import Any

import pytest

from apps.clients import queries as clients
from apps.core import clock
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement.errors import StatementMissing
from apps.settlement.models import RailCursor, Receipt, StatementLine
from apps.settlement.operations import housing, statements
from apps.settlement.rails import outside
from apps.settlement.rules.rail import Entry
from apps.workflows.import_statement import import_statement
from apps.workflows.onboard_client import Instruction as Place
from apps.workflows.read_statement import read_line
from tests import world
from tests.engines import superuser
from tests.settlement import world as here
from tests.settlement.test_large_records import paid, send_all
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
BOREALIS = (Place("fedwire-usd", "USD", "021000021-2001", "CHASUS33"), Place("bitcoin-btc", "BTC", "bc1qborealis"))


def wait_for_a_waiter(within_s: int = 60) -> None:
    """Until somebody stands before a lock."""
    end = time.monotonic() + within_s
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while superuser().execute(waiting).fetchone() == (0,):
        assert time.monotonic() < end, "nobody waits"
        time.sleep(0.01)


@pytest.mark.parametrize("first", ["acme", "borealis"])
def test_a_poll_and_a_file_of_payments_to_two_clients(first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The poll has locked the payment to one client, and takes the account's cursor when the file has come as far as it can."""
    here.open_house("USD", "BTC")
    for n, firm in enumerate((world.firm("acme"), world.firm("borealis", instructions=BOREALIS))):
        here.deal(firm, Side.SELL, f"0.1{n}")
    sent = {one.account.owner.code: one for one in send_all() if one.account is not None}
    assert sorted(sent) == ["acme", "borealis"]
    polled, lock = sent[first], statements._lock_cursor
    other = next(one for code, one in sent.items() if code != first)
    polls, held = threading.local(), threading.Event()

    def lock_cursor(nostro_id: Any) -> RailCursor:
        if getattr(polls, "now", False):
            held.set()
            wait_for_a_waiter()
        return lock(nostro_id)

    monkeypatch.setattr(statements, "_lock_cursor", lock_cursor)

    def run(number: int) -> Any:
        if number == 0:
            polls.now = True
            entry = Entry(1, "P1", -polled.amount, "PAYMENT", clock.desk_now(), -polled.amount, polled.end_to_end_id)
            return read_line(nostro_id=polled.nostro_id, entry=entry)
        assert held.wait(60)
        return import_statement(content=paid(D(1000), [(one.end_to_end_id, one.amount) for one in (other, polled)]))

    line, refused = together(2, run)
    assert isinstance(line, StatementLine), line
    assert isinstance(refused, StatementMissing), refused  # it opens at another balance than the poll has read to: no deadlock, an answer
    polled.refresh_from_db()
    other.refresh_from_db()
    assert (polled.status, other.status) == ("SETTLED", "SENT")


@pytest.mark.parametrize(
    ("prefunded", "module", "name"), [(True, statements, "hold"), (True, housing, "lock_end_of"), (False, housing, "lock_end_of")]
)
def test_what_is_applied_while_its_recall_is_read_is_taken_back_under_its_clients_lock(
    prefunded: bool, module: Any, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Applied when the line has locked all that it was of, or on the way to the receipt: it is read again, and takes all back."""
    if prefunded:
        here.open_house("USD", "BTC")
        world.firm("acme", "PREFUNDED")
        amount = D(700)
    else:
        here.owing()
        amount = here.only("EXPECTED").amount
    here.pay_in("USD", amount, name="Acme Capital", address="021000021-1001")
    jobs.poll_rails()
    before, came, real, done = here.balances(), Receipt.objects.get(status="FINAL"), getattr(module, name), list[Any]()
    outside.reorganise(here.place("USD"), came.rail_reference, at=clock.desk_now())

    def and_then(**kw: Any) -> Any:
        out = real(**kw) if module is statements else None
        if not done:
            done.append(0)
            done.append(together(1, lambda _: jobs.match_receipts()))
        return out if module is statements else real(**kw)

    monkeypatch.setattr(module, name, and_then)
    with caplog.at_level(logging.WARNING):
        jobs.poll_rails()
    assert [("applied at this moment" in one.getMessage(), one.levelname) for one in caplog.records] == [(True, "WARNING")]
    came.refresh_from_db()
    assert (done[1], came.status, StatementLine.objects.count()) == ([2], "MATCHED", 1)
    locked, lock = list[Any](), clients.lock_accounts
    monkeypatch.setattr(clients, "lock_accounts", lambda ids: (locked.extend(ids), lock(ids)))
    jobs.poll_rails()
    came.refresh_from_db()
    assert (came.status, locked, StatementLine.objects.count()) == ("REVERTED", [came.account_id], 2)
    del before["SUSPENSE USD"]
    assert here.balances() == before | {"NOSTRO USD": before["NOSTRO USD"] - amount}
