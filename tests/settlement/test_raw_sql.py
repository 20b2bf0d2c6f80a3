"""What raw SQL, sent as the platform's own role, cannot do to money that was let go: pay it twice, pay it elsewhere, settle half of it."""

import pytest

from apps.core import db
from apps.jobs import settlement as jobs
from apps.workflows.request_release import recall_release
from tests import world
from tests.settlement import world as here
from tests.settlement.test_states import refused

pytestmark = pytest.mark.django_db(transaction=True)
ANOTHER = "00000000-0000-7000-8000-000000000001"


@pytest.fixture
def released() -> world.Firm:
    """One bitcoin that we owe, let go by two."""
    acme = here.owing()
    (one,) = here.ready()
    here.release(one.id)
    return acme


@pytest.fixture
def settled(released: world.Firm) -> world.Firm:
    """Both legs are paid."""
    coins = here.only("EXPECTED")
    here.pay_in("USD", coins.amount, name="Acme Capital", address=world.INSTRUCTIONS["acme"][0].address, remittance=coins.end_to_end_id)
    for hours in (1, 2, 3):
        here.at(here.VALUE_DAY, hours=hours)
        jobs.run_all()
    assert db.run("SELECT DISTINCT status FROM settlement_netset") == [("SETTLED",)]
    return released


CHANGES = {
    "nostro_id": "(SELECT id FROM settlement_nostro n WHERE n.id <> i.nostro_id LIMIT 1)",
    "ssi_id": "(SELECT id FROM clients_ssi s WHERE s.id <> i.ssi_id LIMIT 1)",
    "beneficiary_name": "'Mallory'",
    "beneficiary_address": "'bc1qmallory'",
    "due_date": "due_date - 1",
    "made_by": f"'{ANOTHER}'",
    "released_by": f"'{ANOTHER}'",
}


@pytest.mark.parametrize("column", CHANGES)
def test_what_was_released_is_paid_as_it_was_released(released: world.Firm, column: str) -> None:
    change = f"UPDATE settlement_instruction i SET {column} = {CHANGES[column]} WHERE direction = 'PAY'"
    assert refused(change) == "settlement_as_released"
    jobs.send_released()
    assert db.run("SELECT status FROM settlement_instruction WHERE direction = 'PAY'") == [("SENT",)]
    assert refused(change) == "settlement_as_released"


def test_what_is_taken_back_may_change_and_is_released_afresh(released: world.Firm) -> None:
    recall_release(instruction_id=here.only("RELEASED").id, actor=here.staff("otto", "operations"), reason="another wallet")
    db.run("UPDATE settlement_instruction SET beneficiary_address = 'bc1qelse' WHERE direction = 'PAY'")
    assert refused("UPDATE settlement_instruction SET status = 'RELEASED' WHERE direction = 'PAY'") == "settlement_released_by_two"


@pytest.mark.parametrize("status", ["READY", "SENT", "SETTLED"])
def test_no_second_payment_is_born_while_one_lives(released: world.Firm, status: str) -> None:
    if status == "READY":
        recall_release(instruction_id=here.only("RELEASED").id, actor=here.staff("otto", "operations"), reason="twice")
    else:
        jobs.send_released()
    if status == "SETTLED":
        here.at(here.VALUE_DAY, hours=3)
        jobs.run_all()
    assert db.run("SELECT status FROM settlement_instruction WHERE direction = 'PAY'") == [(status,)]
    again = (
        "INSERT INTO settlement_instruction SELECT (jsonb_populate_record(i, to_jsonb(i) || jsonb_build_object('id', gen_random_uuid(),"
        " 'attempt', 2, 'status', 'DRAFT', 'settled_amount', 0, 'end_to_end_id', 'FDX', 'made_by', null, 'released_by', null))).*"
        " FROM settlement_instruction i WHERE direction = '{}'"
    )
    assert refused(again.format("PAY")) == "instruction_leg_once"
    assert refused(again.format("RECEIVE").replace("DRAFT", "EXPECTED")) == "instruction_leg_once"


def test_what_is_settled_shows_all_of_its_amount(settled: world.Firm) -> None:
    assert refused("UPDATE settlement_instruction SET settled_amount = 0 WHERE status = 'SETTLED'") == "instruction_settled_whole"
    assert refused("UPDATE settlement_netleg SET settled_amount = 0") == "netleg_settled_whole"
    assert refused("UPDATE settlement_obligation SET settled_amount = 0") == "obligation_settled_whole"


def test_a_leg_and_its_members_settle_and_open_together(settled: world.Firm) -> None:
    assert refused("UPDATE settlement_obligation SET status = 'NETTED', settled_amount = 0") == "settlement_together"
    assert refused("UPDATE settlement_obligation SET status = 'OPEN', settled_amount = 0") == "settlement_together"
    assert refused("UPDATE settlement_netleg SET status = 'OPEN', settled_amount = 0") == "settlement_together"


def test_a_leg_does_not_settle_without_its_members_nor_a_set_without_its_legs() -> None:
    here.owing()
    assert refused("UPDATE settlement_netleg SET status = 'SETTLED'") == "netleg_settled_whole"
    assert refused("UPDATE settlement_netleg SET status = 'SETTLED', settled_amount = amount") == "settlement_together"
    assert refused("UPDATE settlement_obligation SET status = 'SETTLED', settled_amount = amount") == "settlement_together"
    db.run("UPDATE settlement_netset SET status = 'SETTLING'")
    assert refused("UPDATE settlement_netset SET status = 'SETTLED'") == "settlement_set_whole"


def test_a_receipt_that_was_used_stays_of_whom_it_came(settled: world.Firm) -> None:
    world.firm("borealis")
    other = "(SELECT id FROM clients_account a WHERE a.id <> r.account_id LIMIT 1)"
    for column, value in (("account_id", other), ("sender_name", "'Mallory'"), ("sender_address", "'x'"), ("value_date", "value_date - 1")):
        assert refused(f"UPDATE settlement_receipt r SET {column} = {value} WHERE status = 'MATCHED'") == "settlement_matched_stays"


def test_what_is_netted_keeps_its_value_date() -> None:
    here.owing()
    assert refused("UPDATE settlement_obligation SET value_date = value_date + 1") == "settlement_dated_open"
