"""A block whose client says before the deal who shall have what: planned with the request, carried out once it is booked."""

from dataclasses import replace
from decimal import Decimal as D
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from apps.clients.models import Account, Authority
from apps.clients.states import ClientStatus
from apps.core import clock, db
from apps.core.actor import SYSTEM, Actor
from apps.core.errors import AppError
from apps.jobs import settlement as jobs
from apps.jobs.trades import carry_out_plans
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.trades import queries
from apps.trades.models import AllocationPlan, Trade
from apps.workflows.accept_quote import accept_quote
from apps.workflows.allocate_deal import allocate_trade, reverse_allocation
from apps.workflows.change_status import lower_status
from apps.workflows.end_quote import cancel_rfq
from apps.workflows.plan_shares import plan_shares, withdraw_plan
from apps.workflows.request_quote import request_quote
from apps.workflows.sharing import Share
from tests import books, deals, lines, world
from tests.people import staff
from tests.settlement import world as here
from tests.stories.test_blocks import open_account
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
_asked = [0]


@pytest.fixture
def acme(transactional_db: None) -> Any:
    here.open_house("USD", "BTC")
    made = world.firm("acme")
    yield made
    books.proven()


@pytest.fixture
def funds(acme: world.Firm) -> dict[str, Account]:
    return {name: open_account(firm=acme, name=name) for name in ("alpha", "beta", "gamma")}


@pytest.fixture
def manager(acme: world.Firm, funds: dict[str, Account]) -> Actor:
    return world.actor_of(acme.account, "Trader")


def ask(actor: Actor, quantity: str | None = "3", quote_quantity: str | None = None, side: Side = Side.BUY) -> Any:
    """A request with its firm quote."""
    _asked[0] += 1
    asked = Ask(f"plan-{_asked[0]}", "BTC-USD", side, quantity and D(quantity), quote_quantity and D(quote_quantity), "", 10_000, 60_000)
    rfq, quote, _ = request_quote(
        actor=actor, account_id=None, ask=asked, depth=world.depth(at=clock.desk_now()), usd_per_quote=D(1), elapsed_us=lambda: 1
    )
    return rfq, quote


def take(actor: Actor, quote: Any) -> Trade:
    """The deal on it."""
    price, order = quote.buy_price, f"order-{quote.id.hex[-8:]}"
    return accept_quote(actor=actor, quote_id=quote.id, client_order_id=order, side=Side.BUY, price=price)[0]


def owed(trade: Trade) -> dict[tuple[str, str], D]:
    return {(o.account.code, o.direction): o.amount for o in settlement.list_obligations_of([trade.id]) if o.status == "OPEN"}


def plan_of(rfq: Any) -> tuple[str, str]:
    found = queries.find_plan(rfq.id)
    assert found is not None
    return str(found.status), found.refusal


def test_what_was_planned_is_the_deals_allocation_and_what_credit_refuses_stays_with_the_block(
    acme: world.Firm, manager: Actor, funds: dict[str, Account]
) -> None:
    lines.grant(subject_id=funds["gamma"].id, amount="100", level="ACCOUNT")  # its share needs more
    rfq, quote = ask(manager)
    plan_shares(actor=manager, rfq_id=rfq.id, shares=[Share(funds["alpha"].id, D(1))])
    said = plan_shares(
        actor=manager,
        rfq_id=rfq.id,
        shares=[Share(funds["alpha"].id, D("1.5")), Share(funds["beta"].id, D(1)), Share(funds["gamma"].id, D("0.5"))],
    )
    assert (said.number, AllocationPlan.objects.get(number=1).status) == (2, "REPLACED")
    used = lines.taken()
    trade = take(manager, quote)
    assert not queries.list_allocations(trade), "the accept writes nothing of it"
    assert sorted(together(2, lambda _: carry_out_plans())) == [0, 1], "two schedulers, one of them carries it out"
    shares = queries.list_allocations(trade)
    assert sorted((one.account.code, one.status, one.refusal, one.proposed_by) for one in shares) == [
        ("acme-alpha", "ACCEPTED", "", None), ("acme-beta", "ACCEPTED", "", None), ("acme-gamma", "REJECTED", "credit_exceeded", None),
    ]  # fmt: skip
    assert owed(trade) == {
        ("acme-alpha", "PAY"): D("1.5"), ("acme-alpha", "RECEIVE"): D("30014.12"),
        ("acme-beta", "PAY"): D(1), ("acme-beta", "RECEIVE"): D("20009.41"),
        ("acme-main", "PAY"): D("0.5"), ("acme-main", "RECEIVE"): D("10004.7"),
    }  # fmt: skip
    assert sorted(deals.journal(trade.id)) == [
        "ALLOCATION PAYABLE BTC -1", "ALLOCATION PAYABLE BTC -1.5", "ALLOCATION PAYABLE BTC 2.5",
        "ALLOCATION RECEIVABLE USD -50023.53", "ALLOCATION RECEIVABLE USD 20009.41", "ALLOCATION RECEIVABLE USD 30014.12",
        "DEAL PAYABLE BTC -3", "DEAL POSITION BTC 3", "DEAL POSITION USD -60028.23", "DEAL RECEIVABLE USD 60028.23",
    ]  # fmt: skip
    assert lines.taken()[1] > used[1]
    told = deals.told(acme.client_id, "allocation.planned", "allocation.plan_ended", "allocation.accepted", "allocation.rejected")
    assert [event.get("status") for event in told] == ["PLANNED", "PLANNED", "ACCEPTED", "ACCEPTED", "REJECTED", "DONE"]
    assert told[-1]["trade_id"].startswith("trd_") and plan_of(rfq) == ("DONE", "")

    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    assert {s.account.code for s in settlement.list_net_sets(SYSTEM)} == {"acme-alpha", "acme-beta", "acme-main"}


def test_percentages_of_an_amount_in_dollars_are_shared_out_to_the_last_unit(manager: Actor, funds: dict[str, Account]) -> None:
    rfq, quote = ask(manager, None, "1000000")
    thirds = [Share(one.id, percent=D("33.333333")) for one in funds.values()]
    with pytest.raises(AppError) as no:
        plan_shares(actor=manager, rfq_id=rfq.id, shares=[Share(funds["alpha"].id, D(1))])
    assert (no.value.code, no.value.extra["pointer"]) == ("bad_allocation", "/allocations/0/quantity")
    plan_shares(actor=manager, rfq_id=rfq.id, shares=[*thirds[:2], Share(funds["gamma"].id, percent=D("33.333334"))])
    trade = take(manager, quote)
    assert carry_out_plans() == 1
    shares = queries.list_allocations(trade)
    assert sum(one.quantity for one in shares) == queries.get_version(trade).quantity
    assert {one.status for one in shares} == {"ACCEPTED"} and ("acme-main", "PAY") not in owed(trade)


def test_a_plan_that_cannot_be_carried_out_is_kept_with_why_and_the_client_is_told(
    acme: world.Firm, manager: Actor, funds: dict[str, Account]
) -> None:
    half = [Share(funds["alpha"].id, percent=D(50))]
    late, taken, frozen = [ask(manager, "1") for _ in range(3)]
    for rfq, _ in (late, taken, frozen):
        plan_shares(actor=manager, rfq_id=rfq.id, shares=half)
    trade = take(manager, taken[1])
    allocate_trade(actor=manager, trade_id=trade.id, shares=[Share(funds["alpha"].id, D("0.25"))])  # it does not wait for its own plan
    cancel_rfq(actor=manager, rfq_id=late[0].id)
    assert carry_out_plans() == 2
    assert (plan_of(late[0]), plan_of(taken[0])) == (("LAPSED", ""), ("REFUSED", "already_allocated"))
    assert [one.quantity for one in queries.list_allocations(trade)] == [D("0.25")]
    dealt = take(manager, frozen[1])
    lower_status(
        actor=staff("rita", "risk"), client_id=acme.client_id, account_id=acme.account.id, status=ClientStatus.SUSPENDED, reason="x"
    )
    assert carry_out_plans() == 1 and carry_out_plans() == 0
    assert plan_of(frozen[0]) == ("REFUSED", "account_unavailable") and not queries.list_allocations(dealt)
    (event,) = [e for e in deals.told(acme.client_id, "allocation.plan_ended") if e.get("refusal") == "account_unavailable"]
    assert event["detail"] and owed(dealt)["acme-main", "PAY"] == 1


def test_what_cannot_be_planned_is_named(acme: world.Firm, manager: Actor, funds: dict[str, Account]) -> None:
    mallory = world.firm("mallory")
    rfq, quote = ask(manager)
    alpha, beta = funds["alpha"].id, funds["beta"].id
    Authority.objects.filter(account_id=beta).update(roles=["viewer"])
    for shares, code, pointer in (
        ([Share(mallory.account.id, D(1))], "bad_allocation", "/allocations/0/account_id"),
        ([Share(acme.account.id, D(1))], "bad_allocation", "/allocations/0/account_id"),
        ([Share(alpha, D(4))], "bad_allocation", "/allocations"),
        ([Share(alpha, D(2)), Share(funds["gamma"].id, percent=D(34))], "bad_allocation", "/allocations"),
        ([Share(alpha, percent=D(101))], "bad_allocation", "/allocations"),
        ([Share(alpha, percent=D("0.00000001"))], "bad_allocation", "/allocations/0/percent"),
        ([Share(alpha, D("0.000000001"))], "bad_allocation", "/allocations/0/quantity"),
        ([Share(alpha, D(1)), Share(alpha, D(1))], "bad_allocation", "/allocations/1/account_id"),
        ([Share(alpha, D(1)), Share(beta, D(1))], "no_word", "/allocations/1/account_id"),
    ):
        with pytest.raises(AppError) as no:
            plan_shares(actor=manager, rfq_id=rfq.id, shares=shares)
        assert (no.value.code, no.value.extra["pointer"]) == (code, pointer)
    only_looks = replace(world.actor_of(acme.account, "Treasury"), id=UUID(int=7))
    for who, code in ((mallory.trader, "not_found"), (only_looks, "no_word")):
        with pytest.raises(AppError) as no:
            plan_shares(actor=who, rfq_id=rfq.id, shares=[Share(alpha, D(1))])
        assert no.value.code == code
    assert queries.find_plan(rfq.id) is None
    plan_shares(actor=manager, rfq_id=rfq.id, shares=[Share(alpha, D(1))])
    assert withdraw_plan(actor=manager, rfq_id=rfq.id).status == "WITHDRAWN"
    trade = take(manager, quote)
    for again in (lambda: plan_shares(actor=manager, rfq_id=rfq.id, shares=[Share(alpha, D(1))]),
                  lambda: withdraw_plan(actor=manager, rfq_id=rfq.id)):  # fmt: skip
        with pytest.raises(AppError) as no:
            again()
        assert no.value.code == "rfq_closed"
    assert carry_out_plans() == 0 and not queries.list_allocations(trade)
    with pytest.raises(IntegrityError) as wall, transaction.atomic():
        db.run(
            "INSERT INTO trades_allocationplan (id, rfq_id, number, status, planned_by, planned_at, refusal, detail) "
            "VALUES (gen_random_uuid(), %s, 2, 'PLANNED', gen_random_uuid(), now(), '', '')",
            (rfq.id,),
        )
    assert wall.value.__cause__.diag.constraint_name == "trades_plan_open"  # type: ignore[union-attr]


def test_authority_over_the_block_alone_gives_no_account_a_share_and_takes_none_back(
    acme: world.Firm, manager: Actor, funds: dict[str, Account]
) -> None:
    trade = here.deal(acme, Side.BUY, "1")
    share = allocate_trade(actor=manager, trade_id=trade.id, shares=[Share(funds["alpha"].id, D("0.5"))])[0]
    Authority.objects.filter(account__in=[one.id for one in funds.values()]).update(roles=["viewer"])
    for act in (lambda: allocate_trade(actor=manager, trade_id=trade.id, shares=[Share(funds["beta"].id, D("0.5"))]),
                lambda: reverse_allocation(actor=manager, trade_id=trade.id, allocation_id=share.id)):  # fmt: skip
        with pytest.raises(AppError) as no:
            act()
        assert no.value.code == "no_word"
    assert [(one.account.code, one.status) for one in queries.list_allocations(trade)] == [("acme-alpha", "ACCEPTED")]
