"""A connection lost in COMMIT is told as such, and the client's own id tells what became of it."""

import threading
import time
from typing import Any

import pytest
from flowdesk_client import Refused

from apps.core import clock
from apps.pricing.feeds import bus
from apps.trades.models import Trade
from tests import web as webs
from tests import world
from tests.engines import superuser

pytestmark = pytest.mark.django_db(transaction=True)

SLOW = """
CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON trades_tradeversion DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION slow_commit();
"""


def test_a_connection_lost_while_committing_is_outcome_unknown_and_never_a_second_trade(web: webs.Web) -> None:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    api = webs.api(web, world.firm("acme").trader, attempts=1)
    quote = api.post("/api/v1/rfqs", {"client_rfq_id": "r", "instrument": "BTC-USD", "side": "buy", "quantity": "1"})["quote"]
    body = {"client_order_id": "o", "side": "buy", "price": quote["buy"]["price"]}
    path, seen = f"/api/v1/quotes/{quote['id']}/accept", []

    def accept() -> None:
        try:
            seen.append(api.post(path, body, idempotency_key="k" * 20))
        except Refused as no:
            seen.append(no)

    session: Any = superuser()
    session.execute(SLOW)
    session.commit()
    try:
        thread = threading.Thread(target=accept)
        thread.start()
        deadline = time.monotonic() + 50
        victim = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
        while (row := session.execute(victim).fetchone()) is None:
            session.commit()
            assert time.monotonic() < deadline, "nobody was committing"
            time.sleep(0.02)
        session.execute("SELECT pg_terminate_backend(%s)", row)
        session.commit()
        thread.join(60)
    finally:
        session.execute("DROP TRIGGER slow_commit ON trades_tradeversion; DROP FUNCTION slow_commit()")
        session.commit()
    assert isinstance(seen[0], Refused)
    assert (seen[0].status, seen[0].code, seen[0].retry) == (503, "outcome_unknown", "check_status")
    assert Trade.objects.count() == 0
    assert api.get("/api/v1/by-client-id/o")["outcome"] == "unknown_yet"
    trade = api.post(path, body, idempotency_key="k" * 20)
    assert api.get("/api/v1/by-client-id/o") == {"outcome": "answered", "status": 201, "answer": trade}
    assert Trade.objects.count() == 1
