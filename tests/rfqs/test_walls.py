"""Raw SQL against the walls around requests and quotes: each refusal by its name."""

from typing import Any

import pytest
from django.db import IntegrityError

from apps.core import db
from apps.rfqs.models import Quote
from apps.workflows.work_rfq import pick_up
from tests.rfqs.desk import Desk, a_desk, pass_time, state

pytestmark = pytest.mark.django_db(transaction=True)
COPY = """
INSERT INTO rfqs_quote (id, rfq_id, number, status, buy_price, buy_quantity, buy_quote_quantity, buy_fee, buy_client_pays,
  buy_client_receives, reference_mid, provenance, created_at, expires_at, end_reason, accepted_side)
SELECT gen_random_uuid(), rfq_id, {number}, {status}, buy_price, buy_quantity, buy_quote_quantity, buy_fee, buy_client_pays,
  buy_client_receives, reference_mid, provenance, created_at, expires_at, '', '' FROM rfqs_quote WHERE id = %s
"""


@pytest.fixture
def desk(transactional_db: None) -> Desk:
    return a_desk()


def refused(constraint: str, sql: str, *params: Any) -> None:
    with pytest.raises(IntegrityError) as no:
        db.run(sql, params)
    assert no.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]


def copy(quote: Quote, constraint: str, number: str = "number + 1", status: str = "'OPEN'") -> None:
    refused(constraint, COPY.format(number=number, status=status), quote.id)


def test_a_finished_request_gets_no_quote(desk: Desk) -> None:
    quote = desk.priced()
    copy(quote, "quote_one_open")
    desk.take(quote)
    copy(quote, "rfqs_quote_born")


def test_quotes_are_numbered_in_order(desk: Desk) -> None:
    quote = desk.priced()
    db.run("UPDATE rfqs_quote SET status = 'EXPIRED' WHERE id = %s", (quote.id,))
    copy(quote, "rfqs_quote_born", number="number + 2")
    copy(quote, "quote_number", number="number")
    copy(quote, "quote_number_positive", number="0")


def test_a_quote_is_born_open(desk: Desk) -> None:
    quote = desk.priced()
    for status in ("ACCEPTED", "SUPERSEDED", "WITHDRAWN"):
        copy(quote, "rfqs_quote_status_moves", status=f"'{status}'")


def test_who_works_on_it_is_named(desk: Desk) -> None:
    rfq = desk.waiting()
    refused("rfq_owner", "UPDATE rfqs_rfq SET status = 'PICKED_UP' WHERE id = %s", rfq.id)
    pick_up(actor=desk.trader, rfq_id=rfq.id)
    refused("rfq_owner", "UPDATE rfqs_rfq SET owner_id = NULL WHERE id = %s", rfq.id)
    refused("rfq_owner", "UPDATE rfqs_rfq SET status = 'RECEIVED' WHERE id = %s", rfq.id)


@pytest.mark.parametrize("status", ["PICKED_UP", "CANCELLED", "REJECTED", "EXPIRED", "FILLED"])
def test_no_request_leaves_an_open_quote_behind(desk: Desk, status: str) -> None:
    quote = desk.priced()
    refused("rfqs_ended", f"UPDATE rfqs_rfq SET status = '{status}' WHERE id = %s", quote.rfq_id)
    assert state(quote.rfq_id) == ("QUOTED", ["OPEN"])


def test_a_superseded_quote_is_taken_within_its_minimum_life_alone(desk: Desk) -> None:
    first = desk.priced()
    pass_time(seconds=1)
    refused("quote_superseded_whole", "UPDATE rfqs_quote SET status = 'SUPERSEDED' WHERE id = %s", first.id)
    desk.price(first.rfq_id, "20030")
    refused("rfqs_good_once", "UPDATE rfqs_quote SET good_until = good_until + interval '1 s' WHERE id = %s", first.id)
    accepted = "UPDATE rfqs_quote SET status = 'ACCEPTED', accepted_side = 'buy', accepted_at = good_until {more} WHERE id = %s"
    refused("quote_accepted_in_minimum_life", accepted.format(more=""), first.id)
    db.run(accepted.format(more="- interval '1 us'"), (first.id,))


@pytest.mark.parametrize("change", ["channel = 'CHAT'", "stream = true", "value_date = value_date + 1", "respond_by = now()"])
def test_what_was_asked_never_changes(desk: Desk, change: str) -> None:
    rfq = desk.waiting()
    refused("rfqs_rfq_frozen", f"UPDATE rfqs_rfq SET {change} WHERE id = %s", rfq.id)


def test_a_limit_is_whole_and_a_client_names_its_request(desk: Desk) -> None:
    rfq = desk.waiting()
    refused("rfq_limit_whole", "UPDATE rfqs_rfq SET limit_price = 5 WHERE id = %s", rfq.id)
    refused("rfq_limit_whole", "UPDATE rfqs_rfq SET limit_side = 'buy', limit_price = 0 WHERE id = %s", rfq.id)
    columns = (
        "client_id, account_id, terms_id, pair_id, side, quantity, tenor, value_date, ttl_ms, respond_by, status, reasons, received_at"
    )
    refused(
        "rfq_client_names_it",
        f"INSERT INTO rfqs_rfq (id, {columns}, channel, stream, limit_side, end_reason, end_note) "
        f"SELECT gen_random_uuid(), {columns}, 'API', false, '', '', '' FROM rfqs_rfq WHERE id = %s",
        rfq.id,
    )


def test_a_clients_trade_has_its_quote(desk: Desk) -> None:
    trade = desk.take(desk.priced())
    columns = "kind, status, counterparty_id, account_id, terms_id, entity_id, book_id, pair_id, source, version, trade_date, booked_at"
    insert = f"INSERT INTO trades_trade (id, {columns}) SELECT gen_random_uuid(), {columns} FROM trades_trade WHERE id = %s"
    refused("trade_of_a_client_has_its_quote", insert, trade.id)
