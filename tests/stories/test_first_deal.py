"""From a request to a booked deal, with every row it leaves."""

from decimal import Decimal as D

import pytest
from django.db import IntegrityError

from apps.core import clock, db
from apps.ledger import queries as ledger
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side
from apps.workflows.accept_quote import accept_quote
from apps.workflows.request_quote import request_quote
from tests import lines, world

pytestmark = pytest.mark.django_db(transaction=True)


def ask(reference: str = "r1", side: Side = Side.BUY, quantity: str = "2", **kw) -> Ask:
    return Ask(reference, "BTC-USD", side, D(quantity), None, "", 10_000, 60_000, **kw)


def test_credit_client_buys_bitcoin() -> None:
    clock.freeze_desk(world.NOON)
    acme = world.firm("acme")
    rfq, quote, _ = request_quote(
        actor=acme.trader, account_id=None, ask=ask(), depth=world.depth(), usd_per_quote=D(1), elapsed_us=lambda: 1
    )
    assert rfq.status == "QUOTED"
    assert quote is not None
    assert lines.taken(lines.SETTLEMENT) == (quote.buy_quote_quantity, D(0))
    assert lines.taken() == (D("4001.89"), D(0)), "the haircut: a tenth of 40,018.90, rounded up"
    trade, version, status = accept_quote(actor=acme.trader, quote_id=quote.id, client_order_id="o1", side=Side.BUY, price=quote.buy_price)
    assert status == "OPEN"
    assert lines.taken(lines.SETTLEMENT) == (D(0), version.pays)
    assert lines.taken() == (D(0), D("4001.89"))
    for identity in ledger.list_identity(trade.entity_id):
        assert identity.holds, identity
    assert {i.asset: i.position for i in ledger.list_identity(trade.entity_id)} == {"BTC": D(-2), "USD": version.pays}


@pytest.mark.parametrize("change", ["accepted_side = 'sell'", "accepted_at = created_at - interval '1 hour'", "accepted_at = NULL"])
def test_raw_sql_cannot_rewrite_when_and_on_which_side_a_quote_was_accepted(change: str) -> None:
    clock.freeze_desk(world.NOON)
    acme = world.firm("acme")
    _, quote, _ = request_quote(
        actor=acme.trader, account_id=None, ask=ask(), depth=world.depth(), usd_per_quote=D(1), elapsed_us=lambda: 1
    )
    assert quote is not None
    accept_quote(actor=acme.trader, quote_id=quote.id, client_order_id="o1", side=Side.BUY, price=quote.buy_price)
    with pytest.raises(IntegrityError) as no:
        db.run(f"UPDATE rfqs_quote SET {change} WHERE id = %s", (quote.id,))
    assert no.value.__cause__.diag.constraint_name == "rfqs_answered_once"  # type: ignore[union-attr]
