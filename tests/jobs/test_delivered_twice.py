"""Every task, every event and every statement line comes twice, and twice at once: ledger, events and states are as after the first.

The tasks are those that Celery knows: a new one is tried here from its first day.
"""

from collections.abc import Callable
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.events import operations as events
from apps.events import queries
from apps.jobs import events as driving
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.rails import get_rail
from apps.workflows.deliver_events import deliver_event
from apps.workflows.read_statement import read_line
from apps.workflows.settle_net_set import agree_net_set
from flowdesk.celery import app
from flowdesk.schedule import TICKS
from tests import world
from tests.commits import wait_for_readers
from tests.settlement import world as here
from tests.stories.test_otc_hedge import BUY, hedge, otc_lp
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
# What is of the moment, and no fact: where a worker stands, what it has sealed, when a page was asked for.
PASSING = {"events_cursor", "events_seal", "core_storedanswer", "django_session"}


def tasks() -> dict[str, Callable[[], Any]]:
    app.loader.import_default_modules()
    return {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}


def test_every_task_that_there_is_ticks() -> None:
    assert set(tasks()) == set(TICKS), "one that never ticks, or a tick without a task"


def state() -> dict[str, str]:
    """Of each table that has a status, of the ledger and of events: how many rows, and their digest."""
    rows = db.run(
        """SELECT c.table_name, c.column_name FROM information_schema.columns c
           WHERE c.table_schema = 'public' AND c.column_name = 'status' AND c.table_name LIKE '%%\\_%%'"""
    )
    whole = {name: f"id::text || {column}" for name, column in rows} | {
        "ledger_ledgertransaction": "id::text || business_date::text",
        "ledger_ledgerline": "id::text || amount::text",
        "ledger_ledgeraccount": "id::text || amount::text || version::text",
        "events_event": "id::text || kind",
        "settlement_statementline": "id::text",
        "settlement_receiptmatch": "id::text || amount::text",
        "credit_line": "id::text || reserved::text || used::text",
    }
    parts = [
        f"SELECT '{name}', count(*), md5(coalesce(string_agg({what}, ',' ORDER BY {what}), '')) FROM {name}"
        for name, what in sorted(whole.items())
        if name not in PASSING
    ]
    return {name: f"{count} {digest}" for name, count, digest in db.run(" UNION ALL ".join(parts))}


def deliver_twice() -> None:
    """Each task, until nothing is due any more; then each again, and by two workers at once."""
    before: dict[str, str] = {}
    while before != (before := state()):
        for task in tasks().values():
            task()
        wait_for_readers()
    for name, task in tasks().items():
        assert not [no for no in together(2, lambda _, task=task: task()) if isinstance(no, Exception)], name
        assert state() == before, f"{name} run again, by two workers at once, did something"


def deliver_events_twice() -> None:
    """Each event to each subscriber, from where a worker that died before it moved the cursor would begin."""
    places = {name: queries.list_next(name, 1)[0] for name in settings.SUBSCRIBERS}
    read = {name: list(queries.list_next(name, 5000)[1]) for name in settings.SUBSCRIBERS}
    assert all(read.values()), "there are events to read"
    while any(driving.drive_all().values()):
        pass
    before = state()
    for name, batch in read.items():
        wanted = [event for event in batch if events.get_subscriber(name).wants(event)]
        after = (places[name].era, places[name].xid, places[name].position)
        for event in wanted[:40]:
            assert not deliver_event(subscriber=name, event=event, after=after), f"{name}: {event.kind} taken twice"
    assert state() == before


def read_statements_twice() -> int:
    """Every line that a bank or chain has ever told, again, as after a restore of ours."""
    before, told = state(), 0
    for watched in settlement.list_places():
        rail, place = get_rail(watched.rail, watched.kind), jobs.place_of(watched)
        for entry in rail.statement(place, after=0, now=clock.desk_now()).entries:
            assert read_line(nostro_id=watched.nostro_id, entry=entry) is None, entry
            told += 1
    assert state() == before
    return told


def test_a_day_of_which_everything_comes_twice_ends_as_with_once(settings: Any, tmp_path: Path) -> None:
    settings.REPORTS_DIR, settings.ANCHORS_DIR = tmp_path / "reports", tmp_path / "anchors"
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    otc_lp()
    hedge({**BUY, "quantity": "1"})
    trade = here.deal(acme, Side.BUY, "1")
    deliver_events_twice()
    here.at(here.CUTOFF, seconds=10)
    deliver_twice()
    for one in settlement.list_net_sets(SYSTEM):
        if one.account_id == acme.account.id:
            agree_net_set(net_set_id=one.id, actor=acme.treasury)
    here.at(here.VALUE_DAY)
    expected = next(i for i in settlement.list_instructions(SYSTEM) if i.status == "EXPECTED" and i.asset_id == "USD")
    here.pay_in("USD", expected.amount, name="Acme Capital", address="021000021-1001", remittance=expected.end_to_end_id)
    deliver_twice()
    assert here.release(*(i.id for i in here.ready())) == "EXECUTED"
    jobs.send_payments()
    here.at(here.VALUE_DAY, hours=2)
    deliver_twice()
    assert settlement.trade_status([trade.id]) == {trade.id: "SETTLED"}
    assert here.balances()["NOSTRO BTC"] == D(999) - D("0.00005")
    assert read_statements_twice() > 2
    for kind in ("trade.settled", "settlement.settled", "instruction.sent"):
        assert db.one("SELECT count(*), count(DISTINCT subject_id) FROM events_event WHERE kind = %s", (kind,)) == (1, 1), kind
