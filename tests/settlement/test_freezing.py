"""The sweep of the cut-off: the same sets whenever, however often and by however many it runs, and one account never stops another."""

from decimal import Decimal as D
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError

from apps.core import clock, db, flights
from apps.core.actor import SYSTEM
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.workflows.settle_net_set import freeze_net_set
from tests import world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)


def sets() -> set[tuple[Any, ...]]:
    """What was frozen, without the ids: account, value date, cut-off, attempt, and of each leg how much of what, out of how many."""
    rows = db.run(
        "SELECT s.account_id, s.value_date, s.cutoff_at, s.attempt, l.asset_id, l.direction, l.amount,"
        " (SELECT count(*) FROM settlement_obligation o WHERE o.net_leg_id = l.id)"
        " FROM settlement_netset s JOIN settlement_netleg l ON l.net_set_id = s.id"
    )
    return set(rows)


def test_the_sets_are_those_that_the_preview_told_however_late_the_sweep_runs() -> None:
    here.open_house("USD", "BTC", "ETH")
    acme, rival = world.firm("acme"), world.firm("rival")
    for firm in (acme, rival):
        here.deal(firm, Side.BUY, "3")
        here.deal(firm, Side.SELL, "1.00000001")
        here.deal(firm, Side.BUY, "2", "2000", "ETH-USD")
    here.at(here.CUTOFF, hours=1)
    here.deal(acme, Side.SELL, "0.5")  # after the cut-off: in the next day's set
    told = {
        (p.account_id, p.value_date, p.cutoff_at, 1, leg.asset, leg.direction, leg.amount, sum(o.asset_id == leg.asset for o in p.members))
        for p in settlement.preview(SYSTEM, clock.desk_now())
        for leg in p.legs
    }
    here.at(here.CUTOFF, days=1, hours=3)  # a day late: both cut-offs have passed
    assert jobs.freeze_due() == 3
    assert sets() == told
    assert jobs.freeze_due() == 0
    assert sets() == told


def test_an_account_that_cannot_be_frozen_stops_no_other_and_comes_again() -> None:
    here.open_house("USD", "BTC")
    firms = [world.firm(code) for code in ("acme", "rival", "zenith")]
    for firm in firms:
        here.deal(firm, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    real = freeze_net_set

    def breaks(**kw: Any) -> Any:
        if kw["account_id"] == firms[1].account.id:
            raise OperationalError("the connection is gone")
        return real(**kw)

    with patch.object(jobs, "freeze_net_set", breaks):
        assert jobs.freeze_due() == 2
    assert {row[0] for row in sets()} == {firms[0].account.id, firms[2].account.id}
    assert jobs.freeze_due() == 1
    assert len({row[0] for row in sets()}) == 3


def test_a_sweep_that_dies_before_the_payments_leaves_them_to_the_next() -> None:
    here.open_house("USD", "BTC")
    here.deal(world.firm("acme"), Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    assert jobs.freeze_sets() == 1  # and here it is killed
    assert settlement.list_instructions(SYSTEM).count() == 0
    assert jobs.freeze_due() == 0
    assert sorted(i.amount for i in settlement.list_instructions(SYSTEM))[0] == D(1)
    jobs.instruct_sets()
    assert settlement.list_instructions(SYSTEM).count() == 2


def test_a_run_looks_for_legs_without_a_payment_once() -> None:
    with patch.object(jobs, "instruct_sets", return_value=0) as looked:
        jobs.net_and_instruct()
        assert looked.call_count == 1
        jobs.run_all()
    assert looked.call_count == 2


def test_a_set_takes_as_many_statements_of_ten_deals_as_of_one() -> None:
    here.open_house("USD", "BTC")
    few, many = world.firm("acme"), world.firm("rival")
    here.deal(few, Side.BUY, "1")
    for _ in range(10):
        here.deal(many, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    spent = {}
    for one in settlement.list_due_freezes(clock.desk_now()):
        before = flights.statements
        freeze_net_set(account_id=one.account_id, entity_id=one.entity_id, value_date=one.value_date, cutoff_at=one.cutoff_at)
        spent[one.account_id] = flights.statements - before
    assert spent[few.account.id] == spent[many.account.id]
    assert len(sets()) == 4
