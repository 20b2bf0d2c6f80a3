"""A restricted client over signed HTTP: by the keys it has it takes off what it has open, priced by a person, and deals nothing else."""

from decimal import Decimal as D

import pytest

from apps.clients.states import ClientStatus
from apps.core import clock, db
from apps.pricing.feeds import bus
from apps.rfqs.models import Rfq
from apps.rfqs.states import Side
from apps.workflows.change_status import lower_status
from apps.workflows.quote_by_hand import quote_by_hand
from apps.workflows.work_rfq import pick_up
from tests import people, world
from tests import web as webs
from tests.api.test_dealing import ask, refused

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("whole_client", [True, False])
def test_a_restricted_client_takes_off_what_it_has_open_and_no_more(web: webs.Web, whole_client: bool) -> None:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    acme, tina = world.firm("acme"), people.staff("tina", "trader")
    api = webs.api(web, acme.trader, attempts=1)
    bought = ask(api, quantity="2", reference="r-1")["quote"]
    api.post(f"/api/v1/quotes/{bought['id']}/accept", {"client_order_id": "o-1", "side": "buy", "price": bought["buy"]["price"]})
    lower_status(
        actor=people.staff("rita", "risk"),
        client_id=acme.client_id,
        account_id=None if whole_client else acme.account.id,
        status=ClientStatus.RESTRICTED,
        reason="late",
    )
    for side, quantity in (("buy", "1"), ("two_way", "1"), ("sell", "2.5")):
        assert refused(lambda s=side, q=quantity: ask(api, side=s, quantity=q, reference=f"r-{s}")).code == "not_risk_reducing"
    order = {"client_order_id": "o-2", "instrument": "BTC-USD", "side": "sell", "quantity": "1", "limit_price": "1", "time_in_force": "FOK"}
    assert refused(lambda: api.post("/api/v1/orders", order)).code == "account_unavailable"
    waiting = ask(api, side="sell", quantity="1.5", reference="r-2")
    assert (waiting["status"], waiting["reason"]) == ("RECEIVED", "priced_by_a_person")
    row = Rfq.objects.get(client_rfq_id="r-2")
    pick_up(actor=tina, rfq_id=row.id)
    quote_by_hand(actor=tina, rfq_id=row.id, prices={Side.SELL: D(19_990)}, depth=world.depth(), usd_per_quote=D(1), sure=True)
    assert refused(lambda: ask(api, side="sell", quantity="1", reference="r-3")).code == "not_risk_reducing", "half a coin is left"
    quote = api.get(f"/api/v1/rfqs/{waiting['id']}")["quote"]
    api.post(f"/api/v1/quotes/{quote['id']}/accept", {"client_order_id": "o-3", "side": "sell", "price": "19990"})
    assert db.run("SELECT status FROM credit_reservation WHERE source_id = %s", (row.id,)) == [("COMMITTED",)]
    lower_status(actor=people.staff("rolf", "risk"), client_id=acme.client_id, status=ClientStatus.SUSPENDED, reason="later")
    assert refused(lambda: ask(api, side="sell", quantity="0.5", reference="r-4")).code == "scope_missing"
