"""A re-date and a close-out where it is not simple: no netting, corrected and allocated deals, frozen accounts, marks that change."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal as D
from typing import Any

import pytest

from apps.clients.states import ClientStatus
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement.errors import AlreadySettling, BadAdjustment, BadCloseOut, BadRedate
from apps.settlement.models import Adjustment, CloseOut, Instruction, Obligation, Receipt, StatementLine
from apps.settlement.operations import adjusting
from apps.settlement.rails import outside
from apps.workflows.adjust import ask_reversal
from apps.workflows.allocate_deal import allocate_trade
from apps.workflows.change_status import lower_status
from apps.workflows.close_out import ask_close_out
from apps.workflows.decide_approval import decide_approval
from apps.workflows.propose_marks import propose_marks
from apps.workflows.redate_deal import ask_redate
from apps.workflows.sharing import Share
from tests import deals, world
from tests.books import proven
from tests.deals import person
from tests.settlement import splitting
from tests.settlement import world as here
from tests.stories.test_blocks import open_account
from tests.stories.test_fails import answer, marks, on_file

pytestmark = pytest.mark.django_db(transaction=True)
WEDNESDAY, THURSDAY, FRIDAY = (datetime(2026, 9, day, 8, 0, tzinfo=UTC) for day in (16, 17, 18))
DEFAULT: dict[str, Any] = {"client_code": "acme", "event": "INSOLVENCY", "evidence": "court", "marks_date": date(2026, 9, 15)}


def redate(deal: Any, late: str = "RECEIVE", rate: str = "0") -> Any:
    given = {"trade_id": deal.id, "value_date": FRIDAY.date(), "late": late, "rate": D(rate), "note": "late", "consent": "a mail"}
    return ask_redate(actor=person("olga", "operations"), **given)


def grant(asked: Any, *who: str) -> str:
    return answer(asked, *(who or ("oscar:operations",)))


def freeze(firm: world.Firm) -> None:
    carl = person("carl", "compliance")
    lower_status(actor=carl, client_id=firm.client_id, status=ClientStatus.FROZEN, reason="on a list")


@pytest.fixture
def acme() -> world.Firm:
    """With close-out netting on file; buys 1 BTC in each test."""
    here.open_house("USD", "BTC")
    firm = world.firm("acme")
    on_file(firm=firm)
    return firm


@use_case
def reverse(*, adjustment: Adjustment, now: datetime) -> None:
    adjusting.reverse(adjustment=adjustment, reason="by mistake", now=now)


def test_a_deal_that_is_paid_by_itself_is_redated_until_a_payment_of_it_is_released() -> None:
    here.open_house("USD", "BTC")
    gross = world.firm("acme", netting=False)
    deal = here.deal(gross, Side.BUY, "1")
    other = here.deal(gross, Side.BUY, "2")
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    here.at(WEDNESDAY)
    jobs.run_all()
    assert set(Obligation.objects.values_list("status", flat=True)) == {"INSTRUCTED"}
    assert grant(redate(deal)) == "EXECUTED"
    mine = Instruction.objects.filter(obligation__trade=deal)
    assert {(i.status, i.failure) for i in mine} == {("CANCELLED", "re-dated: late")}
    assert deals.owed(deal)[2:] == [line.replace("v1", "v2").replace("-16 CANCELLED", "-18 OPEN") for line in deals.owed(deal)[:2]]
    assert {o.status for o in Obligation.objects.filter(trade=other)} == {"INSTRUCTED"}, "the other deal stays as it is"

    ours = Instruction.objects.get(obligation__trade=other, direction="PAY")
    assert here.release(ours.id, maker=person("olga", "operations"), checker=person("otto", "operations")) == "EXECUTED"
    with pytest.raises(AlreadySettling):
        redate(other)
    jobs.run_all()
    here.at(WEDNESDAY, hours=1)
    jobs.run_all()
    ours.refresh_from_db()
    assert ours.status == "SETTLED"
    with pytest.raises(AlreadySettling, match="SETTLED"):
        redate(other)  # one side has settled
    proven()


def test_interest_is_on_what_is_owed_after_a_correction_and_in_one_asset(acme: world.Firm) -> None:
    deal = here.deal(acme, Side.BUY, "2")
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    deals.change(deal, price="19990")  # the set keeps 40,018.82; 38.82 of it is owed back
    here.at(THURSDAY)
    asked = redate(deal, "RECEIVE", "0.06")
    assert (asked.payload["asset"], asked.payload["principal"], asked.payload["account"]) == ("USD", "39980", "acme-main")
    assert asked.payload["interest"] == "13.33"  # two days of 360
    assert decide_approval(approval_id=asked.id, actor=person("otto", "operations"), approve=False).status == "REJECTED"
    ours = redate(deal, "PAY", "0.06")
    assert (ours.payload["asset"], ours.payload["principal"]) == ("BTC", "2"), "dollars are not added to coins"


def test_interest_is_charged_to_the_account_that_is_late_and_never_to_several_at_once(acme: world.Firm) -> None:
    alpha, beta = (open_account(firm=acme, name=name) for name in ("alpha", "beta"))
    manager = world.actor_of(acme.account, "Trader")
    sees = replace(manager, account_ids=frozenset({acme.account.id, alpha.id, beta.id}))
    whole, split = here.deal(acme, Side.BUY, "2"), here.deal(acme, Side.BUY, "2")
    allocate_trade(actor=sees, trade_id=whole.id, shares=[Share(alpha.id, D(2))])
    allocate_trade(actor=sees, trade_id=split.id, shares=[Share(alpha.id, D(1)), Share(beta.id, D(1))])
    here.at(THURSDAY)
    with pytest.raises(BadRedate) as no:
        redate(split, "RECEIVE", "0.06")
    assert no.value.extra["pointer"] == "/rate"
    assert grant(redate(split)) == "EXECUTED", "without interest it may"
    assert answer(redate(whole, "RECEIVE", "0.06"), "otto:operations", "fay:finance") == "EXECUTED"
    assert Adjustment.objects.get().account_id == alpha.id
    proven()


def test_of_a_frozen_client_no_interest_is_charged_and_nothing_is_closed_out(acme: world.Firm) -> None:
    deal = here.deal(acme, Side.BUY, "1")
    marks(date(2026, 9, 15), BTC="20000")
    here.at(WEDNESDAY, hours=14)
    interest, out = redate(deal, "RECEIVE", "0.06"), ask_close_out(actor=person("rita", "risk"), **DEFAULT)
    freeze(acme)
    told = answer(interest, "oscar:operations", "fin:finance")
    assert told.startswith("FAILED") and "frozen" in told
    told = answer(out, "ron:risk")
    assert told.startswith("FAILED") and "frozen" in told
    with pytest.raises(BadAdjustment) as no:
        redate(deal, "RECEIVE", "0.06")
    assert no.value.extra["pointer"] == "/account"
    with pytest.raises(BadCloseOut) as refused:
        ask_close_out(actor=person("rita", "risk"), **DEFAULT)
    assert refused.value.extra["pointer"] == "/client"
    assert not CloseOut.objects.exists() and not Adjustment.objects.exists()
    assert {o.status for o in Obligation.objects.all()} == {"OPEN"}


def test_a_close_out_is_granted_at_the_marks_it_was_asked_at_and_is_never_reversed(acme: world.Firm) -> None:
    here.deal(acme, Side.BUY, "1")
    marks(date(2026, 9, 15), BTC="20000")
    here.at(WEDNESDAY)
    rita = person("rita", "risk")
    for day in (date(2026, 9, 17), date(2026, 9, 8)):  # to come, and eight days old
        with pytest.raises(BadCloseOut) as no:
            ask_close_out(actor=rita, **(DEFAULT | {"marks_date": day}))
        assert no.value.extra["pointer"] == "/marks_date"
    asked = ask_close_out(actor=rita, **DEFAULT)
    _, again = propose_marks(
        actor=person("fay", "finance"), entity_id=instruments.get_entity("flowdesk").id, business_date=date(2026, 9, 15),
        mids={"BTC": D(15000)}, source="corrected",
    )  # fmt: skip
    assert answer(again, "rena:risk") == "EXECUTED"
    assert answer(asked, "ron:risk").startswith("STALE")
    assert not CloseOut.objects.exists()
    assert answer(ask_close_out(actor=rita, **DEFAULT), "rob:risk") == "EXECUTED"
    made, before = Adjustment.objects.get(kind="CLOSE_OUT"), here.balances()
    with pytest.raises(BadAdjustment) as refused:
        ask_reversal(actor=person("olga", "operations"), adjustment_id=made.id, reason="by mistake")
    assert refused.value.extra["pointer"] == "/kind"
    with pytest.raises(BadAdjustment):
        reverse(adjustment=made)
    assert Obligation.objects.get(adjustment=made).status == "OPEN" and here.balances() == before
    proven()


@pytest.mark.parametrize("netting", [True, False])
def test_a_part_that_comes_back_after_the_close_out_is_money_for_a_person_and_stops_no_statement(netting: bool) -> None:
    here.open_house("USD", "BTC")
    firm = world.firm("acme", netting=netting)
    on_file(firm=firm)
    here.deal(firm, Side.SELL, "2")
    here.fall_due(firm)
    splitting.set_limit("fedwire-usd", largest="15000", most=3)
    outside.script(here.place("USD"), "RETURN", amount=D(15000))
    outside.script(here.place("USD"), "REJECT", amount=D("9981.18"))
    splitting.release(splitting.whole())
    jobs.send_released()
    here.at(here.VALUE_DAY, hours=1)
    jobs.poll_rails()
    assert [one.status for one in splitting.parts()] == ["SETTLED", "SETTLED", "FAILED", "READY"]
    marks(date(2026, 9, 15), BTC="18000")
    assert grant(ask_close_out(actor=person("rita", "risk"), **DEFAULT), "ron:risk") == "EXECUTED"
    here.at(here.VALUE_DAY, hours=6)
    here.pay_in("USD", D(7), name="Somebody", address="021000021-9009")
    here.at(here.VALUE_DAY, hours=7)
    jobs.run_all()
    assert StatementLine.objects.filter(kind="RETURN").count() == 1
    assert set(Receipt.objects.values_list("amount", "status")) == {(D(15000), "QUARANTINED"), (D(7), "QUARANTINED")}
    assert [one.status for one in splitting.parts()] == ["SETTLED", "SETTLED", "FAILED", "CANCELLED"]
    assert here.balances()["SUSPENSE USD"] == D(-15007)
    proven()
