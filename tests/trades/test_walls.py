"""Raw SQL as the platform's own role against the walls around hedges, internal trades, keys and credit of sales."""

import uuid
from datetime import date

import pytest
from django.db import IntegrityError, transaction

from apps.core import db
from apps.core.actor import Actor
from apps.rfqs.states import Side
from apps.workflows.book_internal import ask_internal
from apps.workflows.decide_approval import decide_approval
from apps.workflows.hedge_breaks import import_lp_record
from apps.workflows.import_fills import import_fills
from tests import web as webs
from tests import world
from tests.settlement import world as house
from tests.trades import books
from tests.trades.books import HEADER, line

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> dict[str, Actor]:
    people = books.open_desk()
    import_fills(text=HEADER + line() + line(execution_id="x-2"), book_code="main", made_by=None)
    import_lp_record(actor=people["olga"], counterparty="venue", on=date(2026, 9, 15), text=HEADER + line())
    return people


def refused(sql: str, by: str, *params: object) -> None:
    with pytest.raises(IntegrityError) as no, transaction.atomic():
        db.run(sql, params)
    assert no.value.__cause__.diag.constraint_name == by  # type: ignore[union-attr]


def test_a_hedge_moves_as_the_table_says_and_by_two_people(desk: dict[str, Actor]) -> None:
    refused("UPDATE trades_hedge SET status = 'BREAK' WHERE status = 'CONFIRMED'", "trades_hedge_status_moves")
    refused("UPDATE trades_hedge SET status = 'UNCONFIRMED'", "trades_hedge_status_moves")
    refused("UPDATE trades_hedge SET status = 'CONFIRMED' WHERE status = 'BREAK'", "trades_hedge_hands")
    one = uuid.uuid4()
    both = "UPDATE trades_hedge SET status = 'CONFIRMED', asked_by = %s, checked_by = %s WHERE status = 'BREAK'"
    refused(both, "hedge_four_eyes", one, one)
    refused("UPDATE trades_hedge SET asked_by = %s", "hedge_four_eyes", one)


def test_a_deal_and_its_hedge_are_cancelled_together_or_not_at_all(desk: dict[str, Actor]) -> None:
    hands = "asked_by = gen_random_uuid(), checked_by = gen_random_uuid()"
    refused(f"UPDATE trades_hedge SET status = 'CANCELLED', {hands}", "trades_hedge_as_one")
    refused("UPDATE trades_trade SET status = 'CANCELLED'", "trades_hedge_as_one")


def test_history_is_kept(desk: dict[str, Actor]) -> None:
    for table in ("trades_lprecord", "trades_lpfill"):
        with pytest.raises(Exception, match=r"permission denied|refused"), transaction.atomic():
            db.run(f"UPDATE {table} SET id = gen_random_uuid()")
    refused("UPDATE trades_hedge SET pre_hedge = true, rfq_id = gen_random_uuid()", "trades_hedge_frozen")


def test_a_hedge_never_covers_another_hedge(desk: dict[str, Actor]) -> None:
    sql = "UPDATE trades_trade SET covers_id = (SELECT id FROM trades_trade WHERE execution_id = 'x-2') WHERE execution_id = 'x-1'"
    refused(sql, "trades_links")


def test_an_internal_trade_stays_in_one_entity(desk: dict[str, Actor]) -> None:
    asked = ask_internal(
        actor=desk["tara"], book="main", to_book="treasury", instrument="BTC-USD", side="buy", quantity=world.D(1), price=world.D(20000),
        mid=None, reason="move",
    )  # fmt: skip
    decide_approval(approval_id=asked.id, actor=desk["rita"], approve=True)
    columns = "kind, status, counterparty_id, entity_id, book_id, to_book_id, pair_id, source, version, trade_date, booked_at"
    values = columns.replace("to_book_id", "%s::uuid")
    copy = f"INSERT INTO trades_trade (id, {columns}) SELECT gen_random_uuid(), {values} FROM trades_trade WHERE kind = 'INTERNAL'"
    (same,) = db.one("SELECT book_id FROM trades_trade WHERE kind = 'INTERNAL'")
    refused(copy, "trade_two_books", same)
    (venue,) = db.one("SELECT id FROM clients_counterparty WHERE code = 'venue'")
    (other,) = db.one("SELECT id FROM instruments_book WHERE code = 'treasury'")
    foreign = copy.replace("counterparty_id, entity_id, book_id, %s", f"'{venue}', entity_id, book_id, %s")
    refused(foreign, "trades_links", other)
    refused("UPDATE trades_trade SET to_book_id = book_id WHERE kind = 'INTERNAL'", "trades_trade_frozen")


def test_no_clients_key_ever_reports_hedges_and_ours_do_nothing_else(desk: dict[str, Actor]) -> None:
    acme = world.firm("acme")
    webs.key_for(acme.trader)
    refused("UPDATE clients_apikey SET scopes = array_append(scopes, 'hedge')", "clients_hedge_scope")
    (ours,) = db.one(
        "SELECT m.id FROM clients_member m JOIN clients_counterparty c ON c.id = m.counterparty_id WHERE c.house_of_id IS NOT NULL"
    )
    refused("UPDATE clients_apikey SET member_id = %s", "clients_apikey_frozen", ours)
    insert = (
        "INSERT INTO clients_apikey (id, key_id, member_id, public_key, scopes, allowed_cidrs, expires_at, created_at, limits, caps, "
        "api_version) "
        "VALUES (gen_random_uuid(), %s, %s, '\\x00', %s::text[], %s::text[], now() + interval '1 day', now(), '{}', '{}', '2026-11-15')"
    )
    refused(insert, "clients_hedge_scope", "ak_1", ours, "{hedge,trade}", "{127.0.0.1/32}")
    refused(insert, "clients_hedge_scope", "ak_1", acme.trader.id, "{hedge}", "{127.0.0.1/32}")
    refused(insert, "apikey_allow_list", "ak_1", ours, "{hedge}", "{}")
    db.run(insert, ("ak_2", ours, "{hedge}", "{127.0.0.1/32}"))
    refused(
        "UPDATE clients_counterparty SET house_of_id = NULL, roles = '{CLIENT}' WHERE house_of_id IS NOT NULL",
        "clients_counterparty_frozen",
    )
    refused("UPDATE clients_counterparty SET roles = '{HOUSE,CLIENT}' WHERE house_of_id IS NOT NULL", "counterparty_house")
    refused("UPDATE clients_counterparty SET roles = '{HOUSE}' WHERE code = 'acme'", "counterparty_house")
    refused(
        "UPDATE clients_member SET counterparty_id = (SELECT id FROM clients_counterparty WHERE house_of_id IS NOT NULL)",
        "clients_member_frozen",
    )


@pytest.mark.parametrize(
    "sales",
    [
        '[{"person": "a", "share": "60"}, {"person": "b", "share": "39.99"}]',
        '[{"person": "a", "share": "50"}, {"person": "a", "share": "50"}]',
        '[{"person": "a", "share": "110"}, {"person": "b", "share": "-10"}]',
        '[{"share": "100"}]',
        '{"person": "a"}',
    ],
)
def test_shares_of_sales_add_up_to_a_hundred(desk: dict[str, Actor], sales: str) -> None:
    deal = house.deal(world.firm("acme"), Side.BUY, "1")
    sql = "SELECT column_name FROM information_schema.columns WHERE table_name = 'trades_tradeversion'"
    names = [column for (column,) in db.run(sql) if column not in {"id", "number", "sales"}]
    columns = ", ".join(names)
    refused(
        f"INSERT INTO trades_tradeversion (id, number, sales, {columns}) SELECT gen_random_uuid(), 2, %s::jsonb, {columns} "
        "FROM trades_tradeversion WHERE trade_id = %s",
        "clients_splits", sales, deal.id,
    )  # fmt: skip
    refused(
        "INSERT INTO clients_coverage (id, account_id, version, effective_from, sales) SELECT gen_random_uuid(), id, 1, now(), %s::jsonb "
        "FROM clients_account LIMIT 1",
        "clients_splits", sales,
    )  # fmt: skip
