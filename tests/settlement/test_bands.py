"""How many people let a payment go: nobody, two, three; and who signs for an override."""

from decimal import Decimal as D

import pytest
from django.db import IntegrityError

from apps.approvals.errors import NotAChecker, SameHands
from apps.core import clock, db, ids
from apps.core.actor import SYSTEM, Actor
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.errors import BadBand, NobodyToCheck
from apps.settlement.models import Instruction
from apps.settlement.rules.bands import Band
from apps.users.errors import RoleMissing
from apps.workflows.decide_approval import decide_approval
from apps.workflows.request_release import recall_release, request_band, request_release
from apps.workflows.review_client import review_client
from tests import world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people() -> dict[str, Actor]:
    roles = {"olga": "operations", "oscar": "operations", "otto": "operations", "rita": "risk", "cora": "compliance", "tom": "trader"}
    return {name: here.staff(name, role) for name, role in roles.items()}


@pytest.fixture
def acme() -> world.Firm:
    """A credit client to whom we owe 1 BTC today, agreed."""
    here.open_house("USD", "BTC")
    return owe(world.firm("acme"))


def owe(firm: world.Firm, quantity: str = "1") -> world.Firm:
    here.deal(firm, Side.BUY, quantity)
    here.fall_due(firm)
    return firm


def set_band(people: dict[str, Actor], straight: str = "0", two: str | None = None, largest: str | None = None) -> None:
    band = Band(D(straight), None if two is None else D(two), None if largest is None else D(largest))
    asked = request_band(actor=people["olga"], rail_code="bitcoin-btc", band=band, reason="agreed with risk")
    assert decide_approval(approval_id=asked.id, actor=people["rita"], approve=True).status == "EXECUTED"


def payment() -> Instruction:
    return settlement.list_instructions(SYSTEM).filter(direction="PAY").order_by("-id")[0]


def blockers(one: Instruction) -> list[str]:
    return [b["code"] for b in settlement.list_decisions([one.id])[0].blockers]


def test_without_a_band_nothing_leaves_without_people(acme: world.Firm) -> None:
    assert jobs.release_straight_through() == 0
    assert payment().status == "READY"


def test_a_leg_within_its_band_leaves_by_itself_and_says_by_which(acme: world.Firm, people: dict[str, Actor]) -> None:
    set_band(people, straight="1")
    assert jobs.release_straight_through() == 1
    one = payment()
    assert (one.status, one.made_by, one.released_by, one.band.version) == ("RELEASED", None, None, 1)  # type: ignore[union-attr]
    assert jobs.send_released() == 1
    assert payment().status == "SENT"
    assert db.run("SELECT moment FROM settlement_gatedecision WHERE instruction_id = %s ORDER BY id", (one.id,))[-2:] == [
        ("RELEASE",), ("SEND",),
    ]  # fmt: skip


def test_a_leg_above_its_band_waits_for_people(acme: world.Firm, people: dict[str, Actor]) -> None:
    set_band(people, straight="0.99999999")
    jobs.release_straight_through()
    assert payment().status == "READY"


def test_a_blocked_leg_never_leaves_by_itself(people: dict[str, Actor]) -> None:
    here.open_house("USD", "BTC")
    set_band(people, straight="10")
    acme = world.firm("acme")
    here.deal(acme, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    jobs.release_straight_through()
    assert payment().status == "BLOCKED"  # not agreed, not due


def test_one_recalled_from_its_band_is_released_by_people(acme: world.Firm, people: dict[str, Actor]) -> None:
    set_band(people, straight="1")
    jobs.release_straight_through()
    recall_release(actor=people["olga"], instruction_id=payment().id, reason="wait")
    set_band(people)
    jobs.release_straight_through()
    assert (payment().status, payment().band_id) == ("READY", None)
    assert here.release(payment().id, maker=people["olga"], checker=people["oscar"]) == "EXECUTED"
    assert payment().made_by == people["olga"].id


def test_above_the_second_band_two_check_beside_the_maker(acme: world.Firm, people: dict[str, Actor]) -> None:
    set_band(people, two="0.5")
    asked = request_release(actor=people["olga"], instruction_ids=[payment().id])
    assert decide_approval(approval_id=asked.id, actor=people["oscar"], approve=True).status == "REQUESTED"
    assert payment().status == "READY"
    for twice in ("olga", "oscar"):
        with pytest.raises(SameHands):
            decide_approval(approval_id=asked.id, actor=people[twice], approve=True)
    assert decide_approval(approval_id=asked.id, actor=people["otto"], approve=True).status == "EXECUTED"
    assert payment().status == "RELEASED"


def test_an_override_is_signed_by_who_answers_for_it(acme: world.Firm, people: dict[str, Actor]) -> None:
    db.run("UPDATE clients_counterparty SET review_due = '2026-09-15' WHERE id = %s", (acme.client_id,))
    jobs.review_queue()
    assert blockers(payment()) == ["KYC_OVERDUE"]
    asked = request_release(actor=people["olga"], instruction_ids=[payment().id], overrides={"KYC_OVERDUE": "the file is with us"})
    decide_approval(approval_id=asked.id, actor=people["oscar"], approve=True)
    with pytest.raises(NotAChecker):
        decide_approval(approval_id=asked.id, actor=people["rita"], approve=True)
    assert decide_approval(approval_id=asked.id, actor=people["cora"], approve=True).status == "EXECUTED"
    assert jobs.send_released() == 1
    assert payment().status == "SENT"


def test_a_review_by_two_lifts_what_an_overdue_one_blocked(acme: world.Firm, people: dict[str, Actor]) -> None:
    db.run("UPDATE clients_counterparty SET review_due = '2026-09-15' WHERE id = %s", (acme.client_id,))
    jobs.review_queue()
    assert payment().status == "BLOCKED"
    sally = here.staff("sally", "sales")
    asked = review_client(actor=sally, client_id=acme.client_id, next_review=here.VALUE_DAY.date().replace(year=2027), findings="clean")
    assert decide_approval(approval_id=asked.id, actor=people["cora"], approve=True).status == "EXECUTED"
    jobs.review_queue()
    assert payment().status == "READY"


def test_a_second_payment_of_the_same_amount_to_the_same_place_is_suspected_and_the_first_is_not(people: dict[str, Actor]) -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme", netting=False)
    here.deal(acme, Side.BUY, "1")
    owe(acme)
    first, second = settlement.list_instructions(SYSTEM).filter(direction="PAY").order_by("id")
    assert (first.status, second.status, blockers(second)) == ("READY", "BLOCKED", ["DUPLICATE_SUSPECTED"])
    assert here.release(first.id, maker=people["olga"], checker=people["oscar"]) == "EXECUTED"
    assert jobs.send_released() == 1
    jobs.review_queue()
    assert blockers(second) == ["DUPLICATE_SUSPECTED"]


def test_who_is_late_with_something_is_paid_nothing_more(acme: world.Firm, people: dict[str, Actor]) -> None:
    clock.freeze_desk(here.VALUE_DAY.replace(day=17))
    jobs.review_queue()
    assert set(blockers(payment())) == {"COUNTERPARTY_OVERDUE"}


def test_we_do_not_pay_first_without_a_line() -> None:
    here.open_house("USD", "BTC")
    owe(world.firm("acme", line_days=1))
    assert payment().status == "READY"
    here.at(here.VALUE_DAY, hours=5)
    jobs.review_queue()
    assert blockers(payment()) == ["NO_CREDIT"]


def test_what_a_rail_does_not_take_is_held_up(acme: world.Firm, people: dict[str, Actor]) -> None:
    set_band(people, largest="0.99999999")
    jobs.review_queue()
    assert blockers(payment()) == ["OVER_RAIL_LIMIT"]


# --- setting a band ---------------------------------------------------------------------------------------------------
def test_a_band_is_asked_by_operations_and_granted_by_risk(people: dict[str, Actor]) -> None:
    band = Band(D(1))
    with pytest.raises(RoleMissing):
        request_band(actor=people["tom"], rail_code="bitcoin-btc", band=band, reason="x")
    asked = request_band(actor=people["olga"], rail_code="bitcoin-btc", band=band, reason="x")
    with pytest.raises(NotAChecker):
        decide_approval(approval_id=asked.id, actor=people["oscar"], approve=True)
    assert settlement.get_band("bitcoin-btc") == Band()
    decide_approval(approval_id=asked.id, actor=people["rita"], approve=True)
    assert settlement.get_band("bitcoin-btc") == band


def test_a_band_asked_on_another_version_is_stale(people: dict[str, Actor]) -> None:
    asked = request_band(actor=people["olga"], rail_code="bitcoin-btc", band=Band(D(1)), reason="x")
    row = (ids.uuid7(), people["oscar"].id, people["rita"].id)
    db.run(
        "INSERT INTO settlement_releaseband (id, rail_id, version, straight_through, reason, made_by, checked_by, set_at) "
        "VALUES (%s, 'bitcoin-btc', 1, 5, 'x', %s, %s, now())",
        row,
    )
    assert decide_approval(approval_id=asked.id, actor=people["rita"], approve=True).status == "STALE"
    assert settlement.get_band("bitcoin-btc") == Band(D(5))


def test_a_band_that_nobody_could_follow_or_that_makes_no_sense_is_refused() -> None:
    olga = here.staff("olga", "operations")
    with pytest.raises(NobodyToCheck):
        request_band(actor=olga, rail_code="bitcoin-btc", band=Band(two_checkers=D(1)), reason="x")
    with pytest.raises(BadBand, match="straight_through"):
        request_band(actor=olga, rail_code="bitcoin-btc", band=Band(D("0.000000001")), reason="x")
    with pytest.raises(BadBand, match="why"):
        request_band(actor=olga, rail_code="bitcoin-btc", band=Band(D(1)), reason="")


def test_the_database_says_the_same(acme: world.Firm, people: dict[str, Actor]) -> None:
    set_band(people, straight="0.5")
    with pytest.raises(IntegrityError, match="released by two"):
        db.run("UPDATE settlement_instruction SET status = 'RELEASED' WHERE id = %s", (payment().id,))
    with pytest.raises(IntegrityError, match="past its band"):
        db.run(
            "UPDATE settlement_instruction SET status = 'RELEASED', band_id = b.id FROM settlement_releaseband b WHERE direction = 'PAY'"
        )
    insert = (
        "INSERT INTO settlement_releaseband (id, rail_id, version, straight_through, reason, made_by, checked_by, set_at) "
        "VALUES (%s, 'bitcoin-btc', 9, 5, 'x', %s, %s, now())"
    )
    with pytest.raises(IntegrityError, match="releaseband_four_eyes"):
        db.run(insert, (ids.uuid7(), people["olga"].id, people["olga"].id))
