"""A restricted client, or one past its line, only takes off what it has open: priced by a person, reserving nothing."""

from decimal import Decimal as D
from typing import Any

import pytest

from apps.core import clock, db
from apps.credit.errors import LineBreached, NotReducing
from apps.credit.models import Line
from apps.jobs import credit as jobs
from apps.pricing.feeds import bus
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side
from apps.workflows.accept_quote import accept_quote
from apps.workflows.quote_by_hand import quote_by_hand
from apps.workflows.request_quote import request_quote
from apps.workflows.work_rfq import pick_up
from tests import lines, world
from tests.people import staff

pytestmark = pytest.mark.django_db(transaction=True)


def ask(firm: world.Firm, reference: str, side: Side, quantity: str) -> Any:
    asked = Ask(reference, "BTC-USD", side, D(quantity), None, "", 10_000, 60_000)
    return request_quote(actor=firm.trader, account_id=None, ask=asked, depth=world.depth(), usd_per_quote=D(1), elapsed_us=lambda: 1)


@pytest.mark.parametrize("why", ["RESTRICTED", "BREACH"])
def test_only_what_takes_off_is_heard_and_a_person_prices_it(why: str) -> None:
    clock.freeze_desk(world.NOON)
    acme, tara = world.firm("acme"), staff("tara", "trader")
    _, quote, _ = ask(acme, "r1", Side.BUY, "2")
    accept_quote(actor=acme.trader, quote_id=quote.id, client_order_id="o1", side=Side.BUY, price=quote.buy_price)
    if why == "RESTRICTED":
        db.run("UPDATE clients_counterparty SET status = 'RESTRICTED' WHERE id = %s", (acme.client_id,))
    else:
        lines.change(Line.objects.get(subject_id=acme.client_id, measure="PRE_SETTLEMENT"), amount=D(1))
    before = lines.taken(), lines.taken(lines.SETTLEMENT)
    for reference, side, quantity in (("r2", Side.BUY, "1"), ("r3", Side.SELL, "2.5"), ("r4", Side.TWO_WAY, "1")):
        with pytest.raises((NotReducing, LineBreached)):
            ask(acme, reference, side, quantity)
    rfq, nothing, _ = ask(acme, "r5", Side.SELL, "1.5")
    assert (rfq.status, nothing, rfq.reasons) == ("RECEIVED", None, ["RISK_REDUCING"])
    pick_up(actor=tara, rfq_id=rfq.id)
    price = D(19_990)
    by_hand = quote_by_hand(actor=tara, rfq_id=rfq.id, prices={Side.SELL: price}, depth=world.depth(), usd_per_quote=D(1), sure=True)
    assert (lines.taken(), lines.taken(lines.SETTLEMENT)) == before, "it reserves nothing new"
    with pytest.raises((NotReducing, LineBreached)):
        ask(acme, "r6", Side.SELL, "1")
    trade, _, _ = accept_quote(actor=acme.trader, quote_id=by_hand.id, client_order_id="o2", side=Side.SELL, price=price)
    assert db.one("SELECT count(*) FROM credit_reservation WHERE deal_id = %s AND status = 'COMMITTED'", (trade.id,))[0] >= 1
    bus.publish([world.depth()])
    jobs.revalue()
