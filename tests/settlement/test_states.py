"""The machines, and the same said by the database to raw SQL."""

import itertools
from decimal import Decimal as D

import pytest
from django.db import IntegrityError, transaction

from apps.core import db
from apps.core.errors import IllegalMove
from apps.core.states import Machine
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement.states import DEPOSIT, INSTRUCTION, NET_LEG, NET_SET, OBLIGATION, RECEIPT, WITHDRAWAL
from apps.workflows.transfer_balance import request_withdrawal
from tests import world
from tests.settlement import world as here

MACHINES = {
    "settlement_obligation": OBLIGATION,
    "settlement_netset": NET_SET,
    "settlement_netleg": NET_LEG,
    "settlement_instruction": INSTRUCTION,
    "settlement_receipt": RECEIPT,
    "settlement_deposit": DEPOSIT,
    "settlement_withdrawal": WITHDRAWAL,
}


class Thing:
    def __init__(self, status: str) -> None:
        self.status = status


@pytest.mark.parametrize("table", MACHINES)
def test_every_pair_of_states_is_allowed_or_refused_as_the_table_says(table: str) -> None:
    machine: Machine = MACHINES[table]  # type: ignore[type-arg]
    for old, new in itertools.product(machine.moves, machine.moves):
        thing = Thing(old)
        if new in machine.moves[old]:
            machine.move(thing, new)
            assert thing.status == new
        else:
            with pytest.raises(IllegalMove):
                machine.move(thing, new)
            assert thing.status == old


def refused(sql: str, *params: object) -> str:
    """The constraint that refuses this statement, sent as the platform's own role."""
    with pytest.raises(IntegrityError) as no, transaction.atomic():
        db.run(sql, params)
        db.run("SET CONSTRAINTS ALL IMMEDIATE")
    return str(no.value.__cause__.diag.constraint_name)  # type: ignore[union-attr]


@pytest.fixture
def settling() -> world.Firm:
    """A net set with an expected payment and one to make, a quarantined receipt and a deposit."""
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    cygnus = world.firm("cygnus", mode="PREFUNDED", members=here.THREE_PEOPLE, instructions=here.CYGNUS)
    here.deal(acme, Side.BUY, "1")
    here.pay_in("USD", D(500), name="Nobody", address="unknown-1")
    here.pay_in("USD", D(700), name="Cygnus Capital", address="021000021-3001")
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    request_withdrawal(actor=cygnus.treasury, account_id=cygnus.account.id, asset="USD", amount=D(10), client_reference="w")
    return acme


@pytest.mark.django_db(transaction=True)
def test_raw_sql_cannot_make_a_move_that_the_table_forbids(settling: world.Firm) -> None:
    for table, machine in MACHINES.items():
        rows = db.run(f"SELECT id, status FROM {table}")
        assert rows, table
        for row_id, status in rows:
            old = next(s for s in machine.moves if s == status)
            for new in set(machine.moves) - machine.moves[old] - {old}:
                assert refused(f"UPDATE {table} SET status = %s WHERE id = %s", str(new), row_id) == f"{table}_status_moves"


@pytest.mark.django_db(transaction=True)
def test_raw_sql_cannot_change_what_was_owed_frozen_or_received(settling: world.Firm) -> None:
    for table in ("obligation", "netleg", "instruction", "withdrawal"):
        assert refused(f"UPDATE settlement_{table} SET amount = amount + 1") == f"settlement_{table}_frozen"
    assert refused("UPDATE settlement_receipt SET amount = amount + 1") == "settlement_receipt_amount"
    assert refused("UPDATE settlement_receipt SET rail_reference = 'x'") == "settlement_receipt_frozen"
    assert refused("UPDATE settlement_netset SET cutoff_at = cutoff_at + interval '1 day'") == "settlement_netset_frozen"


@pytest.mark.django_db(transaction=True)
def test_raw_sql_cannot_take_a_member_out_of_a_frozen_set(settling: world.Firm) -> None:
    sql = "UPDATE settlement_obligation SET net_leg_id = NULL, status = 'OPEN' WHERE status = 'NETTED'"
    assert refused(sql) == "settlement_leaves"


@pytest.mark.django_db(transaction=True)
def test_raw_sql_cannot_put_anything_into_a_frozen_set(settling: world.Firm) -> None:
    born = (
        "INSERT INTO settlement_{0} SELECT (jsonb_populate_record(r, to_jsonb(r) || jsonb_build_object('id', gen_random_uuid(),"
        " 'asset_id', 'EUR', 'status', 'OPEN'))).* FROM settlement_{0} r WHERE {1} LIMIT 1"
    )
    assert refused(born.format("obligation", "net_leg_id IS NOT NULL")) == "settlement_born_free"
    assert refused(born.format("netleg", "true")) == "settlement_leg_has_members"


@pytest.mark.django_db(transaction=True)
def test_raw_sql_cannot_exchange_members_that_cancel_each_other() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    here.deal(acme, Side.BUY, "1")
    here.deal(acme, Side.SELL, "1")
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    assert refused("UPDATE settlement_obligation SET net_leg_id = NULL WHERE asset_id = 'BTC'") == "settlement_leaves"


@pytest.mark.django_db(transaction=True)
def test_raw_sql_cannot_release_a_payment_or_a_withdrawal_by_nobody(settling: world.Firm) -> None:
    db.run("UPDATE settlement_instruction SET status = 'READY' WHERE direction = 'PAY' AND status IN ('DRAFT', 'BLOCKED')")
    sql = "UPDATE settlement_instruction SET status = 'RELEASED' WHERE direction = 'PAY' AND status = 'READY'"
    assert refused(sql) == "settlement_released_by_two"
    assert refused("UPDATE settlement_withdrawal SET status = 'CLIENT_APPROVED'") == "settlement_withdrawn_by_two"


@pytest.mark.django_db(transaction=True)
def test_raw_sql_cannot_release_by_the_hands_that_made_it(settling: world.Firm) -> None:
    sql = "UPDATE settlement_instruction SET made_by = id, released_by = id WHERE direction = 'PAY'"
    assert refused(sql) == "instruction_four_eyes"


@pytest.mark.django_db(transaction=True)
def test_raw_sql_cannot_approve_a_withdrawal_by_the_member_who_asked(settling: world.Firm) -> None:
    assert refused("UPDATE settlement_withdrawal SET approved_by = requested_by") == "withdrawal_two_members"


@pytest.mark.django_db(transaction=True)
def test_raw_sql_cannot_match_more_than_a_receipt_brought(settling: world.Firm) -> None:
    sql = (
        "INSERT INTO settlement_receiptmatch (id, receipt_id, amount, written_off, round, matched_at)"
        " SELECT gen_random_uuid(), r.id, r.amount + 1, 0, 1, now() FROM settlement_receipt r WHERE r.status = 'QUARANTINED' LIMIT 1"
    )
    assert refused(sql) == "settlement_match_whole"


@pytest.mark.django_db(transaction=True)
def test_history_of_settlement_is_never_deleted_or_rewritten(settling: world.Firm, superuser_session) -> None:  # type: ignore[no-untyped-def]
    import psycopg

    for table in ("obligation", "netset", "netleg", "instruction", "receipt", "receiptmatch", "gatedecision", "statementline", "deposit"):
        with pytest.raises(psycopg.Error, match="rows are kept") as no:
            superuser_session.execute(f"DELETE FROM settlement_{table}")
        assert no.value.sqlstate is not None
    for table in ("receiptmatch", "gatedecision", "statementline"):
        with pytest.raises(psycopg.Error):
            superuser_session.execute(f"UPDATE settlement_{table} SET id = id")
