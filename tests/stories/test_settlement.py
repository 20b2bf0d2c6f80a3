"""From a deal to its last cent: every balance written out, so that an accountant can read it. Debits are positive."""

from decimal import Decimal as D

import pytest

from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.jobs import settlement as jobs
from apps.ledger import queries as ledger
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.workflows.settle_net_set import agree_net_set
from tests import world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)


def identity_holds(entity_id) -> None:  # type: ignore[no-untyped-def]
    for one in ledger.list_identity(entity_id):
        assert one.holds, one


def test_a_credit_client_deals_twice_and_the_net_of_both_settles() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    bought = here.deal(acme, Side.BUY, "3")
    sold = here.deal(acme, Side.SELL, "1")
    pays, gets = (db.one("SELECT pays FROM trades_tradeversion WHERE trade_id = %s", (bought.id,))[0],
                  db.one("SELECT receives FROM trades_tradeversion WHERE trade_id = %s", (sold.id,))[0])  # fmt: skip
    net = pays - gets
    here.at(here.CUTOFF)
    jobs.run_all()
    (net_set,) = settlement.list_net_sets(SYSTEM)
    assert net_set.status == "FROZEN"
    assert {(leg.asset_id, leg.direction, leg.amount) for leg in settlement.net_set_legs([net_set.id])[net_set.id]} == {
        ("BTC", "PAY", D(2)),
        ("USD", "RECEIVE", net),
    }
    agree_net_set(net_set_id=net_set.id, actor=acme.treasury)
    here.at(here.VALUE_DAY)
    jobs.run_all()
    payment = here.only("READY")
    assert (payment.asset_id, payment.amount, payment.beneficiary_address) == ("BTC", D(2), world.INSTRUCTIONS["acme"][2].address)
    assert here.release(payment.id) == "EXECUTED"
    jobs.run_all()
    assert here.only("SENT").id == payment.id
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000),
        "NOSTRO BTC": D(1000), "NOSTRO USD": D(10_000_000),
        "IN_TRANSIT BTC": D(-2),
        "PAYABLE BTC": D(-1), "RECEIVABLE BTC": D(1),
        "PAYABLE USD": -gets, "RECEIVABLE USD": pays,
        "POSITION BTC": D(2), "POSITION USD": -net,
    }  # fmt: skip
    identity_holds(bought.entity_id)
    here.pay_in("USD", net, name="Acme Capital", address="021000021-1001", remittance=here.only("EXPECTED").end_to_end_id)
    here.at(here.VALUE_DAY, hours=1)
    jobs.run_all()
    assert settlement.get_net_set(net_set.id, actor=SYSTEM).status == "SETTLED"
    assert settlement.trade_status([bought.id, sold.id]) == {bought.id: "SETTLED", sold.id: "SETTLED"}
    fee = D("0.00005")
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000),
        "NOSTRO BTC": D(998) - fee, "NOSTRO USD": D(10_000_000) + net,
        "COST BTC": fee,
        "POSITION BTC": D(2), "POSITION USD": -net,
    }  # fmt: skip
    identity_holds(bought.entity_id)
    assert db.one("SELECT reserved, used FROM credit_line") == (D(0), D(0))
    assert clock.desk_now() > here.VALUE_DAY
