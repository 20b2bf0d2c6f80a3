"""Our own money between our own accounts: asked, checked, released, sent, and there when the other account's statement shows it."""

import threading
import time
from datetime import datetime
from decimal import Decimal as D

import pytest
from django.db import IntegrityError, transaction

from apps.approvals.models import Approval
from apps.core import clock, db, ids
from apps.core.errors import IllegalMove
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.jobs import settlement as jobs
from apps.settlement import operations as settlement_operations
from apps.settlement import queries as settlement
from apps.settlement.errors import BadHouseTransfer
from apps.settlement.models import HouseTransfer, Instruction, Nostro, Receipt
from apps.settlement.operations import housing
from apps.settlement.rails import outside
from apps.settlement.rules.bands import Band
from apps.users.errors import RoleMissing
from apps.workflows.decide_approval import decide_approval
from apps.workflows.request_release import request_band
from apps.workflows.transfer_house import ask_house_transfer, cancel_house_transfer
from tests.people import staff
from tests.settlement import world as here
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def places() -> tuple:  # type: ignore[type-arg]
    """Ten million of ours, and an account for client money."""
    house = here.open_house("USD")["USD"]
    return house, here.open_client_money(asset="USD")


def ask(places, amount: str = "250000") -> tuple[HouseTransfer, Approval]:  # type: ignore[no-untyped-def]
    source, target = places
    return ask_house_transfer(
        actor=staff("olga", "operations"), source_id=source.id, target_id=target.id, amount=D(amount), reason="cover for new clients"
    )


def approved(places, amount: str = "250000") -> HouseTransfer:  # type: ignore[no-untyped-def]
    made, asked = ask(places, amount)
    assert decide_approval(approval_id=asked.id, actor=staff("fay", "finance"), approve=True).status == "EXECUTED"
    jobs.run_all()
    made.refresh_from_db()
    return made


def transit() -> D:
    return db.one("SELECT coalesce(sum(amount), 0) FROM ledger_ledgeraccount WHERE kind = 'IN_TRANSIT'")[0]


def test_it_leaves_the_one_account_and_reaches_the_other(places) -> None:  # type: ignore[no-untyped-def]
    source, target = places
    made = approved(places)
    assert made.status == "INSTRUCTED"
    assert here.release(here.only("READY").id) == "EXECUTED"
    jobs.run_all()
    made.refresh_from_db()
    assert made.status == "IN_TRANSIT"
    assert here.balances() == {"CAPITAL USD": D(-10_000_000), "NOSTRO USD": D(10_000_000)}, "both sides of the transit add up to nothing"
    rows = dict(db.run("SELECT owner_id, amount FROM ledger_ledgeraccount WHERE kind = 'IN_TRANSIT' AND amount <> 0"))
    assert rows == {source.id: D(-250_000), made.id: D(250_000)}
    here.pay_in("USD", D(250_000), name="Flowdesk Ltd", address=source.address, designation="CLIENT")
    here.at(clock.desk_now(), hours=2)
    jobs.run_all()
    jobs.run_all()
    made.refresh_from_db()
    assert (made.status, Instruction.objects.get().status, Receipt.objects.get().status) == ("SETTLED", "SETTLED", "MATCHED")
    assert transit() == 0
    nostros = dict(db.run("SELECT owner_id, amount FROM ledger_ledgeraccount WHERE kind = 'NOSTRO'"))
    assert nostros == {source.id: D(9_750_000), target.id: D(250_000)}
    kinds = [k for (k,) in db.run("SELECT kind FROM events_event WHERE subject_id = %s ORDER BY id", (made.id,))]
    assert kinds == [f"house_transfer.{what}" for what in ("requested", "approved", "instructed", "in_transit", "settled")]
    lines = db.one("SELECT count(*) FROM ledger_ledgerline")
    jobs.run_all()
    assert db.one("SELECT count(*) FROM ledger_ledgerline") == lines, "a sweep that runs again posts nothing"


def test_a_returned_one_fails_and_is_ours_again(places) -> None:  # type: ignore[no-untyped-def]
    outside.script(place_of(places[0]), "RETURN")
    made = approved(places)
    assert here.release(here.only("READY").id) == "EXECUTED"
    jobs.run_all()
    here.at(clock.desk_now(), hours=5)
    jobs.run_all()
    made.refresh_from_db()
    assert (made.status, Instruction.objects.get().status) == ("FAILED", "RETURNED")
    assert transit() == 0 and here.balances()["NOSTRO USD"] == D(10_000_000)


def test_money_that_is_faster_than_the_rails_answer_waits_for_it(places) -> None:  # type: ignore[no-untyped-def]
    source, _ = places
    made = approved(places)
    outside.script(place_of(source), "TIMEOUT")
    assert here.release(here.only("READY").id) == "EXECUTED"
    jobs.send_released()
    here.pay_in("USD", D(250_000), name="Flowdesk Ltd", address=source.address, designation="CLIENT")
    jobs.poll_rails()
    jobs.match_receipts()
    made.refresh_from_db()
    assert (Instruction.objects.get().status, made.status, Receipt.objects.get().status) == ("UNKNOWN", "INSTRUCTED", "FINAL")
    jobs.resolve_unknown()
    jobs.match_receipts()
    made.refresh_from_db()
    assert (made.status, Receipt.objects.get().status) == ("SETTLED", "MATCHED")
    here.at(clock.desk_now(), hours=2)
    jobs.run_all()
    assert transit() == 0


@use_case
def arrive(*, made: HouseTransfer, receipt: Receipt, arrived: threading.Event, now: datetime) -> None:
    """The transfer ends, and its transaction stays open until somebody waits for it."""
    housing.arrive(transfer_id=made.id, receipt_id=receipt.id, now=now)
    arrived.set()
    for _ in range(3_000):
        if db.one("SELECT count(*) FROM pg_locks WHERE NOT granted")[0]:
            return
        time.sleep(0.02)
    raise AssertionError("nobody waits for it")


def test_a_return_that_is_read_while_it_arrives_is_left_to_a_person(places) -> None:  # type: ignore[no-untyped-def]
    source, _ = places
    outside.script(place_of(source), "RETURN")
    made = approved(places)
    assert here.release(here.only("READY").id) == "EXECUTED"
    jobs.run_all()
    here.pay_in("USD", D(250_000), name="Flowdesk Ltd", address=source.address, designation="CLIENT")
    here.at(clock.desk_now(), hours=1)
    jobs.poll_rails()
    receipt, arrived = Receipt.objects.get(), threading.Event()
    assert (receipt.status, Instruction.objects.get().status) == ("FINAL", "SETTLED")
    here.at(clock.desk_now(), hours=4)

    def act(number: int) -> None:
        if number:
            arrive(made=made, receipt=receipt, arrived=arrived)
        else:
            assert arrived.wait(60)
            jobs.poll_rails()

    assert together(2, act) == [None, None]
    made.refresh_from_db()
    assert (made.status, Instruction.objects.get().status) == ("SETTLED", "SETTLED"), "what has reached the other account has not come back"


def test_it_never_crosses_from_one_network_to_another(places) -> None:  # type: ignore[no-untyped-def]
    source = here.open_house("BTC")["BTC"]
    target = elsewhere()
    with pytest.raises(BadHouseTransfer) as no:
        ask((source, target), "1")
    assert no.value.extra["pointer"] == "/target"


@use_case
def elsewhere(*, now: datetime) -> Nostro:
    """A wallet for coins of ours on another chain than the first."""
    return settlement_operations.create_nostro(
        entity_id=instruments.get_entity("flowdesk").id, rail_code="ethereum-eth", asset_code="BTC", name="wrapped", address="0xwrapped",
        designation="CLIENT",
    )  # fmt: skip


def test_no_band_lets_it_go_without_people(places) -> None:  # type: ignore[no-untyped-def]
    band = Band(D(1_000_000))
    asked = request_band(actor=staff("olga", "operations"), rail_code="fedwire-usd", band=band, reason="agreed with risk")
    assert decide_approval(approval_id=asked.id, actor=staff("rita", "risk"), approve=True).status == "EXECUTED"
    approved(places)
    assert here.only("READY") and settlement.list_straight_through() == []


def place_of(nostro):  # type: ignore[no-untyped-def]
    return next(jobs.place_of(one) for one in settlement.list_places() if one.nostro_id == nostro.id)


def test_more_than_there_is_waits_and_client_money_is_never_taken_below_its_cover(places) -> None:  # type: ignore[no-untyped-def]
    approved(places, "10000001")
    blocked = Instruction.objects.get()
    codes = [b["code"] for b in blocked.decisions.order_by("-id").first().blockers]  # type: ignore[union-attr]
    assert blocked.status == "BLOCKED" and codes == ["INSUFFICIENT_NOSTRO"]


def test_who_may_and_what_is_refused(places) -> None:  # type: ignore[no-untyped-def]
    source, target = places
    btc = here.open_house("BTC")["BTC"]
    olga = staff("olga", "operations")
    with pytest.raises(RoleMissing):
        ask_house_transfer(actor=staff("fay", "finance"), source_id=source.id, target_id=target.id, amount=D(1), reason="x")
    for source_id, target_id, amount, reason, field in (
        (source.id, source.id, "1", "x", "/target"), (source.id, btc.id, "1", "x", "/target"),
        (ids.uuid7(), target.id, "1", "x", "/source"),
        (source.id, target.id, "0.001", "x", "/amount"), (source.id, target.id, "0", "x", "/amount"),
        (source.id, target.id, "1", " ", "/reason"),
    ):  # fmt: skip
        with pytest.raises(BadHouseTransfer) as no:
            ask_house_transfer(actor=olga, source_id=source_id, target_id=target_id, amount=D(amount), reason=reason)
        assert no.value.extra["pointer"] == field
    made, asked = ask(places)
    assert decide_approval(approval_id=asked.id, actor=staff("fay", "finance"), approve=False).status == "REJECTED"
    made.refresh_from_db()
    assert made.status == "CANCELLED"
    again, asked = ask(places)
    assert cancel_house_transfer(actor=olga, transfer_id=again.id).status == "CANCELLED"
    assert decide_approval(approval_id=asked.id, actor=staff("fay", "finance"), approve=True).status == "STALE"
    sent = approved(places)
    assert cancel_house_transfer(actor=olga, transfer_id=sent.id).status == "FAILED"
    assert Instruction.objects.get().status == "CANCELLED", "nobody had released it"
    with pytest.raises(IllegalMove):
        cancel_house_transfer(actor=olga, transfer_id=sent.id)


@pytest.mark.parametrize(
    ("sql", "wall"),
    [
        ("UPDATE settlement_housetransfer SET amount = 6", "settlement_housetransfer_frozen"),
        ("UPDATE settlement_housetransfer SET status = 'INSTRUCTED'", "settlement_housetransfer_status_moves"),
        ("UPDATE settlement_housetransfer SET status = 'APPROVED'", "housetransfer_checked"),
        ("UPDATE settlement_housetransfer SET checked_by = made_by", "housetransfer_four_eyes"),
    ],
)
def test_the_database_says_the_same(places, sql: str, wall: str) -> None:  # type: ignore[no-untyped-def]
    ask(places)
    with pytest.raises(IntegrityError) as no, transaction.atomic():
        db.run(sql)
    assert no.value.__cause__.diag.constraint_name == wall  # type: ignore[union-attr]
