"""The desk works a request: one owner at a time, only the owner acts, each move is told."""

from decimal import Decimal as D
from typing import Any

import pytest

from apps.core import clock
from apps.rfqs import rules
from apps.rfqs.errors import NoSuchReason, NotYours, RfqClosed, RfqOwned
from apps.rfqs.models import Rfq
from apps.users.errors import RoleMissing
from apps.workflows.work_rfq import hold_rfq, pick_up, reject_rfq, release_rfq, resume_rfq, take_over
from tests import people
from tests.rfqs.desk import Desk, a_desk, kinds, reserved, state
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(transactional_db: None) -> Desk:
    return a_desk()


def test_a_request_is_picked_up_held_resumed_and_given_back(desk: Desk) -> None:
    rfq = desk.waiting()
    assert pick_up(actor=desk.sales, rfq_id=rfq.id).owner_id == desk.sales.id
    assert hold_rfq(actor=desk.sales, rfq_id=rfq.id).status == "ON_HOLD"
    assert resume_rfq(actor=desk.sales, rfq_id=rfq.id).status == "PICKED_UP"
    back = release_rfq(actor=desk.sales, rfq_id=rfq.id)
    assert (back.status, back.owner_id) == ("RECEIVED", None)
    assert kinds()[-5:] == ["rfq.received", "rfq.picked_up", "rfq.held", "rfq.resumed", "rfq.released"]


def test_eight_people_who_pick_up_at_once_are_one_owner(desk: Desk) -> None:
    rfq = desk.waiting()
    crowd = [people.staff(f"trader{n}", "trader") for n in range(8)]
    found = together(8, lambda n: pick_up(actor=crowd[n], rfq_id=rfq.id))
    assert sum(isinstance(one, Rfq) for one in found) == 1
    assert sum(isinstance(one, RfqOwned) for one in found) == 7


@pytest.mark.parametrize("act", [hold_rfq, release_rfq, resume_rfq, lambda **kw: reject_rfq(code="pass", **kw)])
def test_only_the_owner_acts(desk: Desk, act: Any) -> None:
    rfq = desk.waiting()
    with pytest.raises(NotYours):
        act(actor=desk.sales, rfq_id=rfq.id)
    pick_up(actor=desk.trader, rfq_id=rfq.id)
    with pytest.raises((NotYours, RfqClosed)):
        act(actor=desk.sales, rfq_id=rfq.id)
    assert state(rfq) == ("PICKED_UP", [])


def test_a_take_over_needs_a_reason_and_moves_the_owner_alone(desk: Desk) -> None:
    rfq = desk.waiting()
    with pytest.raises(RfqClosed):
        take_over(actor=desk.trader, rfq_id=rfq.id, reason="lunch")
    pick_up(actor=desk.sales, rfq_id=rfq.id)
    with pytest.raises(NoSuchReason):
        take_over(actor=desk.trader, rfq_id=rfq.id, reason="  ")
    taken = take_over(actor=desk.trader, rfq_id=rfq.id, reason="lunch")
    assert (taken.status, taken.owner_id) == ("PICKED_UP", desk.trader.id)
    with pytest.raises(NotYours):
        hold_rfq(actor=desk.sales, rfq_id=rfq.id)


@pytest.mark.parametrize("role", ["operations", "risk", "finance", "compliance", "admin", "auditor"])
def test_other_roles_do_not_work_requests(desk: Desk, role: str) -> None:
    rfq, somebody = desk.waiting(), people.staff("olga", role)
    for act in (pick_up, hold_rfq, release_rfq, resume_rfq):
        with pytest.raises(RoleMissing):
            act(actor=somebody, rfq_id=rfq.id)
    with pytest.raises(RoleMissing):
        reject_rfq(actor=somebody, rfq_id=rfq.id, code="pass")
    assert state(rfq) == ("RECEIVED", [])


@pytest.mark.parametrize("code", rules.REJECTIONS)
def test_a_rejection_has_a_code_that_fix_knows(desk: Desk, code: str) -> None:
    rfq = desk.picked_up()
    reject_rfq(actor=desk.trader, rfq_id=rfq.id, code=code, note="said so")
    row = Rfq.objects.get()
    assert (row.status, row.end_reason, row.end_note, row.ended_at) == ("REJECTED", code, "said so", clock.desk_now())
    fix = rules.fix_codes(row.status, row.end_reason)
    assert fix is not None
    assert fix["quote_request_reject_reason"] in {*range(1, 12), 99}
    assert fix["quote_status"] in {5, 11}


def test_a_rejection_of_no_listed_reason_is_refused(desk: Desk) -> None:
    rfq = desk.picked_up()
    for code, note in (("because", ""), ("other", " "), ("other", "x" * 201)):
        with pytest.raises(NoSuchReason):
            reject_rfq(actor=desk.trader, rfq_id=rfq.id, code=code, note=note)
    assert state(rfq) == ("PICKED_UP", [])


def test_rejecting_a_quoted_request_withdraws_its_quote_and_gives_the_credit_back(desk: Desk) -> None:
    quote = desk.priced()
    assert reserved() > 0
    reject_rfq(actor=desk.trader, rfq_id=quote.rfq_id, code="no_market")
    assert state(quote.rfq_id) == ("REJECTED", ["WITHDRAWN"])
    quote.refresh_from_db()
    assert quote.end_reason == "DESK"
    assert reserved() == 0
    with pytest.raises(RfqClosed):
        reject_rfq(actor=desk.trader, rfq_id=quote.rfq_id, code="no_market")


@pytest.mark.parametrize(("line", "said"), [(50_000, ["CREDIT"]), (2_000_000, ["CREDIT_SHARE"]), (90_000_000, [])])
def test_what_credit_would_say_stands_beside_the_other_reasons(line: int, said: list[str]) -> None:
    desk = a_desk(line=D(line), auto_max_usd=D(1_000), auto_credit_share=D("0.5"))
    rfq, quote = desk.ask(quantity=D(60))
    assert quote is None
    assert rfq.reasons == ["CLIENT_SIZE", *said]
    assert reserved() == 0, "nothing is taken for a request that waits"


def test_every_reason_for_a_person_is_listed_not_just_the_first(desk: Desk) -> None:
    from datetime import timedelta

    from tests import world

    old = world.depth(size="10", at=world.NOON - timedelta(seconds=6))
    rfq, quote = desk.ask(quantity=D(450), ttl_ms=60_000, depth=old)
    assert quote is None
    assert sorted(rfq.reasons) == ["CLIENT_SIZE", "INSUFFICIENT_DEPTH", "PRICE_AGE", "SIZE", "TTL"]
    assert set(rfq.reasons) <= set(rules.REASONS)
