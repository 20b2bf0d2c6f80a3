"""Settlement on the desk: sets line by line, bands, payments without an answer; the board of a hundred thousand obligations."""

import uuid

import pytest
from django.test import Client

from apps.core import db, ids
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement.rails import outside
from apps.settlement.rails.base import Answer, Outcome
from apps.settlement.rails.chain import ChainSimulator
from apps.users.models import User
from tests import world
from tests.desk.test_pages import statements
from tests.engines import superuser
from tests.settlement import world as house

pytestmark = pytest.mark.django_db(transaction=True)
BOARD = "/desk/settlement/"


@pytest.fixture
def acme(staff: dict[str, User]) -> world.Firm:
    house.open_house("USD", "BTC")
    firm = world.firm("acme")
    house.deal(firm, Side.BUY, "1")
    house.at(house.CUTOFF, seconds=10)
    jobs.freeze_due()
    return firm


def send(who: Client, address: str, **form: str) -> int:
    return who.post(f"/desk/settlement/{address}", {"once": str(uuid.uuid4()), **form}).status_code


def test_a_set_is_disputed_agreed_and_made_anew_on_its_page(enter, acme: world.Firm) -> None:  # type: ignore[no-untyped-def]
    (found, line) = db.one(
        "SELECT s.id, o.id FROM settlement_netset s JOIN settlement_netleg l ON l.net_set_id = s.id "
        "JOIN settlement_obligation o ON o.net_leg_id = l.id WHERE o.asset_id = 'BTC'"
    )
    address, chosen = f"sets/{ids.encode('set', found)}/", ids.encode("obl", line)
    olga = enter("olga")
    assert address in olga.get(BOARD).content.decode()
    assert send(olga, f"{address}dispute/", line=chosen, reason="1.2 BTC", evidence="") == 422
    assert send(olga, f"{address}dispute/", line=chosen, reason="1.2 BTC", evidence="mail of 16:10") == 302
    page = olga.get(f"{BOARD}{address}").content.decode()
    assert "1.2 BTC" in page
    assert "mail of 16:10" in page
    assert send(olga, f"{address}agree/", evidence="call at 17:00") == 302
    assert db.one("SELECT status FROM settlement_netset") == ("AGREED",)
    assert send(olga, f"{address}abort/", reason="wrong", line=chosen, until="soon") == 422
    assert send(olga, f"{address}abort/", reason="wrong", line=chosen, until="2026-09-16T15:00") == 302
    assert db.one("SELECT kind, payload->>'until' FROM approvals_approval") == ("net_set_abort", "2026-09-16T15:00:00+00:00")
    assert enter("tara").get(f"{BOARD}{address}").status_code == 403


def test_bands_are_asked_for_and_a_payment_without_an_answer_is_ended_on_the_board(  # type: ignore[no-untyped-def]
    enter, acme: world.Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    olga = enter("olga")
    assert send(olga, "bands/", rail="bitcoin-btc", straight_through="a lot", reason="x") == 422
    assert send(olga, "bands/", rail="bitcoin-btc", straight_through="1.5", reason="small ones") == 302
    (approval,) = db.one("SELECT id FROM approvals_approval")
    enter("rita").post(f"/desk/approvals/{approval}/decide/", {"once": str(uuid.uuid4()), "decision": "approve"})
    house.at(house.VALUE_DAY)
    outside.script(house.place("BTC"), "TIMEOUT")
    monkeypatch.setattr(ChainSimulator, "status", lambda *_a, **_k: Answer(Outcome.UNKNOWN))
    jobs.run_all()
    (one,) = db.one("SELECT id FROM settlement_instruction WHERE status = 'UNKNOWN'")
    olga = enter("olga")
    page = olga.get(BOARD).content.decode()
    assert "within its band" in page
    assert "end it by hand" in page
    assert send(olga, f"payments/{ids.encode('ins', one)}/end/", outcome="PAID", evidence="block 914000") == 302
    assert db.one("SELECT payload->>'evidence' FROM approvals_approval WHERE kind = 'unknown_payment'") == ("block 914000",)


def test_what_is_late_is_shown_by_age(enter, acme: world.Firm) -> None:  # type: ignore[no-untyped-def]
    olga = enter("olga")
    assert "Nothing is late" in olga.get(f"{BOARD}late/").content.decode()
    house.at(house.VALUE_DAY, days=2)
    page = olga.get(f"{BOARD}late/").content.decode()
    assert "they pay" in page
    assert "2 d" in page


# Each deal gets as many versions as obligations need: triggers are off for the superuser, uniqueness is not.
MANY = """
CREATE TEMP TABLE many AS SELECT v.*, gen_random_uuid() AS fresh, 1 + n AS nth FROM trades_tradeversion v, generate_series(1, 25000) n;
UPDATE many SET id = fresh, number = nth;
ALTER TABLE many DROP COLUMN fresh, DROP COLUMN nth;
INSERT INTO trades_tradeversion SELECT * FROM many;
INSERT INTO settlement_obligation (id, trade_id, version_id, account_id, entity_id, asset_id, direction, amount, settled_amount, value_date,
  status, booked_at)
SELECT gen_random_uuid(), o.trade_id, m.id, o.account_id, o.entity_id, o.asset_id, o.direction, m.number, 0, o.value_date + m.number % 40,
  'OPEN', o.booked_at
FROM many m JOIN settlement_obligation o ON o.trade_id = m.trade_id;
DROP TABLE many;
"""


def test_the_board_of_a_hundred_thousand_open_obligations_takes_few_queries(enter, acme: world.Firm) -> None:  # type: ignore[no-untyped-def]
    house.deal(acme, Side.BUY, "2")
    olga, connection = enter("olga"), superuser()
    connection.execute("SET session_replication_role = replica")
    try:
        connection.execute(MANY)
    finally:
        connection.execute("SET session_replication_role = DEFAULT")
    assert db.one("SELECT count(*) FROM settlement_obligation WHERE status = 'OPEN'") == (100_002,)
    assert statements(olga, BOARD) < 12
