"""A set line by line: previewed, disputed, agreed after all, made anew without what is disputed."""

from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.db import IntegrityError

from apps.core import db, ids
from apps.core.actor import SYSTEM, Actor
from apps.core.errors import IllegalMove, NotFound
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.errors import BadExclusion, EvidenceMissing, NotAllowed, NotInSet
from apps.settlement.models import Instruction, NetSet, Obligation
from apps.users.errors import RoleMissing
from apps.workflows.decide_approval import decide_approval
from apps.workflows.settle_net_set import agree_net_set, dispute_net_set, exclude_obligation, request_abort
from tests import world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
NEXT = here.CUTOFF + timedelta(days=1)


@pytest.fixture
def acme() -> world.Firm:
    """Buys 1 BTC and 2 BTC; the set is frozen."""
    here.open_house("USD", "BTC")
    firm = world.firm("acme")
    here.deal(firm, Side.BUY, "1")
    here.deal(firm, Side.BUY, "2")
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    return firm


def the_set() -> NetSet:
    return settlement.list_net_sets(SYSTEM).exclude(status="ABORTED").get()


def lines(amount: str) -> list[Obligation]:
    """Both obligations of the deal over so much."""
    trade = Obligation.objects.get(amount=D(amount), asset_id="BTC").trade_id
    return list(Obligation.objects.filter(trade_id=trade).order_by("asset_id"))


def why(*found: Obligation) -> dict:  # type: ignore[type-arg]
    return {one.id: "we have 1.9 BTC" for one in found}


def payments() -> list[Instruction]:
    return list(settlement.list_instructions(SYSTEM).filter(direction="PAY").exclude(status="CANCELLED"))


def test_what_will_be_netted_is_seen_before() -> None:
    here.open_house("USD", "BTC")
    acme, mallory = world.firm("acme"), world.firm("mallory")
    here.deal(acme, Side.BUY, "3")
    here.deal(acme, Side.SELL, "1")
    (seen,) = settlement.preview(acme.treasury, world.NOON)
    assert (seen.cutoff_at, seen.value_date, seen.netted, len(seen.members)) == (here.CUTOFF, here.VALUE_DAY.date(), True, 4)
    btc = seen.legs[0]
    assert (btc.asset, btc.direction, btc.amount, btc.set_off) == ("BTC", "PAY", D(2), D(1))
    assert settlement.preview(mallory.treasury, world.NOON) == []
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    legs = settlement.net_set_legs([the_set().id])[the_set().id]
    assert [(leg.asset_id, leg.direction, leg.amount) for leg in legs] == [(leg.asset, leg.direction, leg.amount) for leg in seen.legs]


def test_a_disputed_line_holds_the_whole_set_up_until_it_is_agreed_after_all(acme: world.Firm) -> None:
    dispute_net_set(net_set_id=the_set().id, actor=acme.treasury, lines=why(lines("2")[0]))
    assert the_set().status == "DISPUTED"
    assert [reason for _, reason in settlement.net_set_lines(the_set().id) if reason] == ["we have 1.9 BTC"]
    here.at(here.VALUE_DAY)
    assert jobs.agree_due() == 0, "silence agrees nothing that is disputed"
    jobs.review_queue()
    (payment,) = payments()
    assert (payment.status, [b["code"] for b in settlement.list_decisions([payment.id])[0].blockers]) == ("BLOCKED", ["NOT_AGREED"])
    agree_net_set(net_set_id=the_set().id, actor=acme.treasury)
    jobs.review_queue()
    assert payments()[0].status == "READY"
    assert db.run("SELECT outcome FROM settlement_linedispute") == [("AGREED",)]
    assert all(reason is None for _, reason in settlement.net_set_lines(the_set().id))


def test_the_set_is_made_anew_without_the_disputed_deal_which_goes_into_the_next(acme: world.Firm) -> None:
    left_out = lines("2")
    dispute_net_set(net_set_id=the_set().id, actor=acme.treasury, lines=why(*left_out))
    olga, out = here.staff("olga", "operations"), [one.id for one in left_out]
    asked = request_abort(net_set_id=the_set().id, actor=olga, reason="they are right", leave_out=out, until=NEXT)
    assert decide_approval(approval_id=asked.id, actor=here.staff("oscar", "operations"), approve=True).status == "EXECUTED"
    assert jobs.freeze_due() == 1
    again = the_set()
    assert (again.attempt, again.cutoff_at) == (2, here.CUTOFF)
    assert {one.trade_id for one, _ in settlement.net_set_lines(again.id)} == {lines("1")[0].trade_id}
    assert jobs.freeze_due() == 0
    here.at(NEXT, seconds=10)
    assert jobs.freeze_due() == 1
    later = settlement.list_net_sets(SYSTEM).get(cutoff_at=NEXT)
    assert {one.trade_id for one, _ in settlement.net_set_lines(later.id)} == {left_out[0].trade_id}
    assert db.run("SELECT outcome FROM settlement_linedispute") == [("ABORTED",), ("ABORTED",)]
    told = db.run("SELECT kind FROM events_event WHERE client_id = %s AND subject_type IN ('net_set', 'obligation')", (acme.client_id,))
    assert sorted(kind for (kind,) in told) == [
        "net_set.aborted", "net_set.disputed", "net_set.frozen", "net_set.frozen", "net_set.frozen",
        "obligation.excluded", "obligation.excluded",
    ]  # fmt: skip


def test_an_open_obligation_is_kept_out_until_the_set_that_it_is_for() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    here.deal(acme, Side.BUY, "1")
    olga = here.staff("olga", "operations")
    for one in lines("1"):
        exclude_obligation(obligation_id=one.id, actor=olga, until=NEXT, reason="their bank is closed")
    here.at(here.CUTOFF, seconds=10)
    assert jobs.freeze_due() == 0
    here.at(NEXT, seconds=10)
    assert jobs.freeze_due() == 1
    assert the_set().cutoff_at == NEXT


def test_only_what_is_open_is_excluded_with_a_reason_for_a_later_set(acme: world.Firm) -> None:
    olga, one = here.staff("olga", "operations"), lines("1")[0]
    with pytest.raises(BadExclusion, match="NETTED"):
        exclude_obligation(obligation_id=one.id, actor=olga, until=NEXT, reason="x")
    with pytest.raises(BadExclusion, match="ahead"):
        exclude_obligation(obligation_id=one.id, actor=olga, until=here.CUTOFF, reason="x")
    with pytest.raises(BadExclusion, match="why"):
        exclude_obligation(obligation_id=one.id, actor=olga, until=NEXT, reason="")
    with pytest.raises(RoleMissing):
        exclude_obligation(obligation_id=one.id, actor=here.staff("tom", "trader"), until=NEXT, reason="x")
    with pytest.raises(BadExclusion, match="later set"):
        request_abort(net_set_id=the_set().id, actor=olga, reason="x", leave_out=[one.id])
    with pytest.raises(NotInSet):
        request_abort(net_set_id=the_set().id, actor=olga, reason="x", leave_out=[ids.uuid7()], until=NEXT)


def test_who_disputes_and_what(acme: world.Firm) -> None:
    mallory = world.firm("mallory")
    mine = the_set().id
    with pytest.raises(NotFound):
        dispute_net_set(net_set_id=mine, actor=mallory.treasury, lines=why(lines("1")[0]))
    with pytest.raises(NotAllowed):
        dispute_net_set(net_set_id=mine, actor=acme.trader, lines=why(lines("1")[0]))
    for wrong in ({}, {ids.uuid7(): "not mine"}):
        with pytest.raises(NotInSet):
            dispute_net_set(net_set_id=mine, actor=acme.treasury, lines=wrong)
    assert the_set().status == "FROZEN"
    agree_net_set(net_set_id=mine, actor=acme.treasury)
    with pytest.raises(IllegalMove):
        dispute_net_set(net_set_id=mine, actor=acme.treasury, lines=why(lines("1")[0]))


def test_our_people_speak_for_a_client_with_its_own_words_as_evidence(acme: world.Firm) -> None:
    olga: Actor = here.staff("olga", "operations")
    for call in (agree_net_set, lambda **kw: dispute_net_set(lines=why(lines("1")[0]), **kw)):
        with pytest.raises(EvidenceMissing):
            call(net_set_id=the_set().id, actor=olga)
        with pytest.raises(RoleMissing):
            call(net_set_id=the_set().id, actor=here.staff(f"tom{id(call)}", "trader"), evidence="mail")
    dispute_net_set(net_set_id=the_set().id, actor=olga, lines=why(lines("1")[0]), evidence="mail of 16:20")
    dispute_net_set(net_set_id=the_set().id, actor=acme.treasury, lines=why(*lines("1")))
    assert db.one("SELECT count(*), count(*) FILTER (WHERE raised_kind = 'STAFF') FROM settlement_linedispute") == (2, 1)
    agree_net_set(net_set_id=the_set().id, actor=olga, evidence="call at 17:00")
    assert the_set().status == "AGREED"


def test_a_dispute_is_never_deleted_nor_rewritten(acme: world.Firm) -> None:
    dispute_net_set(net_set_id=the_set().id, actor=acme.treasury, lines=why(lines("1")[0]))
    with pytest.raises(IntegrityError, match="never change"):
        db.run("UPDATE settlement_linedispute SET reason = 'nothing'")
    with pytest.raises(IntegrityError, match="linedispute_ended"):
        db.run("UPDATE settlement_linedispute SET outcome = 'AGREED'")


@pytest.mark.parametrize("late", [timedelta(seconds=10), timedelta(hours=3), timedelta(days=3)])
def test_a_sweep_that_comes_late_or_twice_or_died_half_way_makes_the_same_sets(late: timedelta) -> None:
    here.open_house("USD", "BTC")
    firms = [world.firm(code) for code in ("acme", "borealis")]
    for firm in firms:
        here.deal(firm, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=5)
    here.deal(firms[0], Side.BUY, "4")  # after the cut-off: of the next set, whenever the sweep comes
    here.at(here.CUTOFF + late)
    first, *_ = settlement.list_due_freezes(here.CUTOFF + late)
    jobs.freeze_net_set(account_id=first.account_id, entity_id=first.entity_id, value_date=first.value_date, cutoff_at=first.cutoff_at)
    jobs.freeze_due()
    jobs.freeze_due()
    made = db.run(
        "SELECT a.code, s.cutoff_at, s.attempt, sum(l.amount) FILTER (WHERE l.asset_id = 'BTC') FROM settlement_netset s "
        "JOIN clients_account a ON a.id = s.account_id JOIN settlement_netleg l ON l.net_set_id = s.id GROUP BY 1, 2, 3 ORDER BY 1, 2"
    )
    next_day = [("acme-main", NEXT, 1, D(4))] if late >= timedelta(days=1) else []
    assert made == [("acme-main", here.CUTOFF, 1, D(1)), *next_day, ("borealis-main", here.CUTOFF, 1, D(1))]
