"""Two schedulers, and every task delivered twice: a day of settlement ends as with one."""

from collections.abc import Callable
from decimal import Decimal as D

import pytest

from apps.core import db
from apps.core.actor import SYSTEM
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from tests import world
from tests.settlement import world as here
from tests.settlement.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
FEE = D("0.00005")


def twice_each() -> None:
    """Every task of the schedule by two schedulers at once, then the second delivery of each."""
    tasks: list[Callable[[], None]] = [jobs.net_and_instruct, jobs.send_payments, jobs.read_rails]
    for task in tasks:
        at_once(task, task)
        task()


def test_a_day_run_by_two_schedulers_settles_everything_once() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    here.deal(acme, Side.BUY, "1")
    here.deal(acme, Side.BUY, "2")
    here.at(here.CUTOFF, seconds=10)
    twice_each()
    (net_set,) = settlement.list_net_sets(SYSTEM)
    assert db.one("SELECT count(*) FROM settlement_instruction") == (2,)
    owed = settlement.net_set_legs([net_set.id])[net_set.id]
    usd = next(leg.amount for leg in owed if leg.asset_id == "USD")
    here.at(here.VALUE_DAY)
    here.pay_in("USD", usd, name="Acme Capital", address="021000021-1001", remittance=here.only("EXPECTED").end_to_end_id)
    twice_each()
    ready = here.ready()
    assert [one.asset_id for one in ready] == ["BTC"]
    here.release(ready[0].id)
    for hour in range(1, 4):
        here.at(here.VALUE_DAY, hours=hour)
        twice_each()
    (net_set,) = settlement.list_net_sets(SYSTEM)
    assert net_set.status == "SETTLED"
    assert here.balances()["NOSTRO BTC"] == here.CAPITAL["BTC"] - 3 - FEE
    assert here.balances()["NOSTRO USD"] == here.CAPITAL["USD"] + usd
    assert not {name for name in here.balances() if name.startswith(("IN_TRANSIT", "SUSPENSE", "PAYABLE", "RECEIVABLE"))}
    told = dict(
        db.run("SELECT kind, count(*) FROM events_event WHERE kind LIKE 'instruction.%%' OR kind LIKE 'settlement.%%' GROUP BY kind")
    )
    assert told["settlement.settled"] == told["instruction.sent"] == told["instruction.released"] == 1
