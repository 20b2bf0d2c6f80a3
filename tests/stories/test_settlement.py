"""From a deal to its last cent: every balance written out, so that an accountant can read it. Debits are positive."""

from decimal import Decimal as D

import pytest

from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.jobs import settlement as jobs
from apps.ledger import queries as ledger
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.workflows.import_fills import import_fills
from apps.workflows.onboard_client import register_counterparty
from apps.workflows.settle_net_set import agree_net_set
from apps.workflows.transfer_balance import approve_withdrawal, request_withdrawal
from tests import books, lines, world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)


FILLS = """counterparty,execution_id,instrument,side,quantity,price,fee,executed_at
venue,x-1,BTC-USD,buy,2,20000.5,8,2026-09-15T12:00:00+00:00
"""
# What the hedge of 2 BTC at 20,000.50 with a fee of 8 dollars leaves in every picture below.
HEDGED = {"VENUE BTC": D(2), "VENUE USD": D(-40_009)}


def test_a_credit_client_deals_twice_we_hedge_and_the_net_of_both_settles() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    bought = here.deal(acme, Side.BUY, "3")
    sold = here.deal(acme, Side.SELL, "1")
    register_counterparty(code="venue", name="Venue Ltd", lei="", country="GB", roles=["VENUE"])
    import_fills(text=FILLS, book_code="main", made_by=None)
    pays, gets = (db.one("SELECT pays FROM trades_tradeversion WHERE trade_id = %s", (bought.id,))[0],
                  db.one("SELECT receives FROM trades_tradeversion WHERE trade_id = %s", (sold.id,))[0])  # fmt: skip
    net = pays - gets
    here.at(here.CUTOFF, seconds=10)
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
        **HEDGED, "POSITION USD": D(40_001) - net, "COST USD": D(8),
    }  # fmt: skip
    books.proven()
    here.pay_in("USD", net, name="Acme Capital", address="021000021-1001", remittance=here.only("EXPECTED").end_to_end_id)
    here.at(here.VALUE_DAY, hours=1)
    jobs.run_all()
    assert settlement.get_net_set(net_set.id, actor=SYSTEM).status == "SETTLED"
    assert settlement.trade_status([bought.id, sold.id]) == {bought.id: "SETTLED", sold.id: "SETTLED"}
    fee = D("0.00005")
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000),
        "NOSTRO BTC": D(998) - fee, "NOSTRO USD": D(10_000_000) + net,
        "COST BTC": fee, "COST USD": D(8),
        **HEDGED, "POSITION USD": D(40_001) - net,
    }  # fmt: skip
    books.proven()
    assert lines.taken() == lines.taken(lines.SETTLEMENT) == (D(0), D(0))
    assert clock.desk_now() > here.VALUE_DAY


def test_a_prefunded_client_deposits_deals_and_withdraws() -> None:
    here.open_house("USD", "BTC")
    cygnus = world.firm("cygnus", mode="PREFUNDED", members=here.THREE_PEOPLE, instructions=here.CYGNUS)
    here.pay_in("USD", D(100_000), name="Cygnus Capital", address="021000021-3001", remittance="deposit")
    jobs.run_all()
    (deposit,) = settlement.list_deposits(cygnus.treasury)
    assert (deposit.status, deposit.asset_id, deposit.amount) == ("CREDITED", "USD", D(100_000))
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000),
        "NOSTRO BTC": D(1000), "NOSTRO USD": D(10_100_000),
        "CLIENT_BALANCE USD": D(-100_000),
    }  # fmt: skip

    trade = here.deal(cygnus, Side.BUY, "2")
    (pays,) = db.one("SELECT pays FROM trades_tradeversion WHERE trade_id = %s", (trade.id,))
    assert settlement.trade_status([trade.id]) == {trade.id: "SETTLED"}

    asked = request_withdrawal(actor=cygnus.treasury, account_id=cygnus.account.id, asset="BTC", amount=D("1.5"), client_reference="w1")
    assert asked.status == "REQUESTED"
    controller = world.actor_of(cygnus.account, "Controller")
    held = approve_withdrawal(actor=controller, withdrawal_id=asked.id)
    assert held.status == "HELD"
    (btc,) = [b for b in ledger.list_client_balances([cygnus.account.id])[cygnus.account.id] if b.asset == "BTC"]
    assert (btc.posted, btc.held, btc.available) == (D(2), D("1.5"), D("0.5"))

    jobs.run_all()
    assert here.release(here.only("READY").id) == "EXECUTED"
    jobs.run_all()
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000),
        "NOSTRO BTC": D(1000), "NOSTRO USD": D(10_100_000),
        "IN_TRANSIT BTC": D("-1.5"),
        "CLIENT_BALANCE BTC": D("-0.5"), "CLIENT_BALANCE USD": pays - 100_000,
        "POSITION BTC": D(2), "POSITION USD": -pays,
    }  # fmt: skip
    here.at(world.NOON, hours=1)
    jobs.run_all()
    assert settlement.get_withdrawal(asked.id, actor=cygnus.treasury).status == "SETTLED"
    fee = D("0.00005")
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000),
        "NOSTRO BTC": D("998.5") - fee, "NOSTRO USD": D(10_100_000),
        "COST BTC": fee,
        "CLIENT_BALANCE BTC": D("-0.5"), "CLIENT_BALANCE USD": pays - 100_000,
        "POSITION BTC": D(2), "POSITION USD": -pays,
    }  # fmt: skip
    (btc,) = [b for b in ledger.list_client_balances([cygnus.account.id])[cygnus.account.id] if b.asset == "BTC"]
    assert (btc.posted, btc.held, btc.available) == (D("0.5"), D(0), D("0.5"))
    books.proven()
    kinds = [kind for (kind,) in db.run("SELECT kind FROM events_event WHERE client_id = %s ORDER BY client_seq", (cygnus.client_id,))]
    assert [k for k in kinds if k.split(".")[0] in {"deposit", "receipt", "withdrawal", "instruction"}] == [
        "deposit.credited", "receipt.credited", "withdrawal.requested", "withdrawal.approved", "instruction.sent", "instruction.settled",
        "withdrawal.settled",
    ]  # fmt: skip
