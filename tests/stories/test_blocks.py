"""Worked case 10: a block to three accounts, one refused for credit. Every line is written out; debits are positive."""

from dataclasses import replace
from datetime import time
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.clients import operations as clients
from apps.clients import queries as client_queries
from apps.clients.models import Account, Authority
from apps.clients.states import ClientStatus
from apps.core import db, ids
from apps.core.actor import SYSTEM
from apps.core.errors import AppError
from apps.core.unit import use_case
from apps.jobs import settlement as jobs
from apps.ledger import operations as ledger
from apps.ledger import queries as balances
from apps.ledger.rules import Ref, credit, debit
from apps.ledger.states import Kind
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.trades import queries, rules
from apps.workflows.allocate_deal import allocate_trade, reverse_allocation
from apps.workflows.change_status import lower_status
from apps.workflows.sharing import Share
from tests import books, deals, lines, world
from tests.people import staff
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)


@use_case
def open_account(*, firm: world.Firm, name: str, now: Any) -> Account:
    """Another account of a firm, on credit."""
    main = client_queries.get_terms(firm.account.id, now)
    made = clients.create_account(owner=firm.account.owner, code=f"acme-{name}", name=name, is_default=False)
    clients.set_terms(
        account=made, now=now, entity_id=main.entity_id, book_id=main.book_id, mode=main.mode, pairs=main.pairs,
        auto_max_usd=main.auto_max_usd,
        payment_netting=True, netting_agreement="ISDA acme 2021", netting_cutoff=time(16, 0), netting_zone="Europe/London",
    )  # fmt: skip
    for status in (ClientStatus.ONBOARDING, ClientStatus.APPROVED):
        clients.set_status(thing=made, status=status, reason="a fund of the client")
    trader = client_queries.get_member(firm.client_id, f"{firm.account.owner.code} Trader")
    Authority.objects.create(id=ids.uuid7(), member=trader, account=made, roles=["trader"])
    return made


@pytest.fixture
def block(transactional_db: None) -> Any:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    funds = {name: open_account(firm=acme, name=name) for name in ("alpha", "beta", "gamma")}
    lines.grant(subject_id=funds["gamma"].id, amount="100", level="ACCOUNT")  # its share needs more
    trade = here.deal(acme, Side.BUY, "3")
    manager = world.actor_of(acme.account, "Trader")
    sees = replace(manager, account_ids=frozenset({acme.account.id, *(one.id for one in funds.values())}))
    yield acme, trade, sees, funds
    books.proven()


def test_case_10_a_block_to_three_accounts_one_refused_for_credit(block: Any) -> None:
    acme, trade, manager, funds = block
    used = lines.taken()
    done = allocate_trade(
        actor=manager,
        trade_id=trade.id,
        shares=[Share(funds["alpha"].id, D("1.5")), Share(funds["beta"].id, D(1)), Share(funds["gamma"].id, D("0.5"))],
    )
    assert [(one.status, one.refusal) for one in done] == [("ACCEPTED", ""), ("ACCEPTED", ""), ("REJECTED", "credit_exceeded")]
    by_account = {(o.account.code, o.direction): o.amount for o in settlement.list_obligations_of([trade.id]) if o.status == "OPEN"}
    assert by_account == {
        ("acme-alpha", "PAY"): D("1.5"), ("acme-alpha", "RECEIVE"): D("30014.12"),
        ("acme-beta", "PAY"): D(1), ("acme-beta", "RECEIVE"): D("20009.41"),
        ("acme-main", "PAY"): D("0.5"), ("acme-main", "RECEIVE"): D("10004.7"),  # what gamma could not take stays with the block
    }  # fmt: skip
    names = {funds["alpha"].id: "alpha", funds["beta"].id: "beta", acme.account.id: "main"}
    rows = db.run(
        """SELECT a.owner_id, t.kind, a.kind, l.asset_code, trim_scale(l.amount) FROM ledger_ledgertransaction t
           JOIN ledger_ledgerline l ON l.transaction_id = t.id JOIN ledger_ledgeraccount a ON a.id = l.account_id
           WHERE t.source_id = %s AND t.kind = 'ALLOCATION' ORDER BY l.asset_code DESC, l.amount""",
        (trade.id,),
    )
    assert [f"{names[owner]} {kind} {asset} {amount}" for owner, _, kind, asset, amount in rows] == [
        "main RECEIVABLE USD -50023.53", "beta RECEIVABLE USD 20009.41", "alpha RECEIVABLE USD 30014.12",
        "alpha PAYABLE BTC -1.5", "beta PAYABLE BTC -1", "main PAYABLE BTC 2.5",
    ]  # fmt: skip
    assert abs(lines.taken()[1] - used[1]) <= D("0.03")  # the client's line carries what it carried, rounded by account
    assert {(e["kind"], e["account_id"][:4]) for e in deals.told(acme.client_id, "allocation.accepted", "allocation.rejected")} == {
        ("allocation.accepted", "acc_"), ("allocation.rejected", "acc_"),
    }  # fmt: skip
    assert [one.id for one in queries.list_unallocated()] == [trade.id]

    reverse_allocation(actor=manager, trade_id=trade.id, allocation_id=done[1].id)
    assert queries.describe_unallocated(queries.find_client_trade(trade.id)) == "1.5"
    deals.change(trade, price="19990")  # a correction reaches every account by its share
    by_account = {(o.account.code, o.direction): o.amount for o in settlement.list_obligations_of([trade.id]) if o.status == "OPEN"}
    assert by_account == {
        ("acme-alpha", "PAY"): D("1.5"), ("acme-alpha", "RECEIVE"): D(29985),
        ("acme-main", "PAY"): D("1.5"), ("acme-main", "RECEIVE"): D(29985),
    }  # fmt: skip

    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    assert {s.account.code for s in settlement.list_net_sets(SYSTEM)} == {"acme-alpha", "acme-main"}
    for again in (lambda: reverse_allocation(actor=manager, trade_id=trade.id, allocation_id=done[0].id),
                  lambda: allocate_trade(actor=manager, trade_id=trade.id, shares=[Share(funds["beta"].id, D(1))])):  # fmt: skip
        with pytest.raises(AppError) as no:
            again()
        assert no.value.code == "not_allocatable"


def test_what_cannot_be_shared_out_is_named(block: Any) -> None:
    acme, trade, manager, funds = block
    mallory = world.firm("mallory")
    for shares, pointer in (
        ([Share(mallory.account.id, D(1))], "/allocations/0/account_id"),
        ([Share(acme.account.id, D(1))], "/allocations/0/account_id"),
        ([Share(funds["alpha"].id, D(4))], "/allocations"),
        ([Share(funds["alpha"].id, D("0.000000001"))], "/allocations/0/quantity"),
        ([Share(funds["alpha"].id, percent=D(60)), Share(funds["beta"].id, percent=D(41))], "/allocations"),
        ([Share(funds["alpha"].id, D(1)), Share(funds["alpha"].id, D(1))], "/allocations/1/account_id"),
    ):
        with pytest.raises(AppError) as no:
            allocate_trade(actor=manager, trade_id=trade.id, shares=shares)
        assert (no.value.code, no.value.extra["pointer"]) == ("bad_allocation", pointer)
    with pytest.raises(AppError) as no:
        allocate_trade(actor=mallory.trader, trade_id=trade.id, shares=[Share(mallory.account.id, D(1))])
    assert no.value.code == "not_found"
    with pytest.raises(IntegrityError) as wall, transaction.atomic():
        db.run(
            "INSERT INTO trades_allocation (id, trade_id, account_id, status, quantity, refusal, detail, proposed_at) "
            "VALUES (gen_random_uuid(), %s, %s, 'PROPOSED', 1, '', '', now())",
            (trade.id, mallory.account.id),
        )
    assert wall.value.__cause__.diag.constraint_name == "trades_allocation_owner"  # type: ignore[union-attr]


def test_what_rounding_leaves_goes_to_the_largest_share() -> None:
    assert rules.share_out(D("100.00"), [D(1), D(1), D(1)], 2) == [D("33.34"), D("33.33"), D("33.33")]
    assert rules.share_out(D("0.05"), [D(1), D(3), D(2)], 2) == [D("0.00"), D("0.04"), D("0.01")]
    assert sum(rules.share_out(D(1), [D(7), D(11), D(13)], 8)) == 1


@use_case
def give(*, giver: Account, taker: Account, dollars: str, now: Any) -> None:
    """Between two balances of one client."""
    entity = client_queries.get_terms(giver.id, now).entity_id
    one, other = (Ref(entity, Kind.CLIENT_BALANCE, "USD", owner_id=account.id) for account in (giver, taker))
    ledger.post(
        key=f"give:{taker.id}", kind="MOVE", source_type="test", source_id=taker.id, effective_at=now, business_date=now.date(),
        lines=[debit(one, D(dollars)), credit(other, D(dollars))],
    )  # fmt: skip


def free(account: Account, asset: str) -> D:
    """What an account's balance holds that is not set aside."""
    return next((one.available for one in balances.list_client_balances([account.id])[account.id] if one.asset == asset), D(0))


@pytest.fixture
def prefunded(transactional_db: None) -> Any:
    """cygnus and two funds of it with dollars; three bought."""
    here.open_house("USD", "BTC")
    cygnus = world.firm("cygnus", mode="PREFUNDED", members=here.THREE_PEOPLE, instructions=here.CYGNUS)
    funds = {name: open_account(firm=cygnus, name=name) for name in ("alpha", "beta")}
    here.pay_in("USD", D(130_000), name="Cygnus Capital", address="021000021-3001", remittance="deposit")
    jobs.run_all()
    for one in funds.values():
        give(giver=cygnus.account, taker=one, dollars="25000")
    manager = world.actor_of(cygnus.account, "Trader")
    sees = replace(manager, account_ids=frozenset({cygnus.account.id, *(one.id for one in funds.values())}))
    trade = here.deal(cygnus, Side.BUY, "3")
    yield cygnus, trade, sees, funds
    books.proven()


@pytest.mark.parametrize("status", ["RESTRICTED", "SUSPENDED", "FROZEN"])
def test_a_share_of_an_account_that_may_not_deal_moves_no_balance(prefunded: Any, status: str) -> None:
    cygnus, trade, manager, funds = prefunded
    lower_status(
        actor=staff("rita", "risk"), client_id=cygnus.client_id, account_id=funds["alpha"].id, status=ClientStatus(status), reason="x"
    )
    done = allocate_trade(actor=manager, trade_id=trade.id, shares=[Share(one.id, D(1)) for one in funds.values()])
    assert [(one.status, one.refusal) for one in done] == [("REJECTED", "account_unavailable"), ("ACCEPTED", "")]
    assert (free(funds["alpha"], "USD"), free(funds["alpha"], "BTC"), free(funds["beta"], "BTC")) == (D(25_000), D(0), D(1))


@pytest.mark.parametrize("mode", ["PREFUNDED", "CREDIT"])
@pytest.mark.parametrize("status", ["SUSPENDED", "FROZEN"])
def test_a_block_of_an_account_that_may_not_deal_is_not_shared_out(request: pytest.FixtureRequest, status: str, mode: str) -> None:
    firm, trade, manager, funds = request.getfixturevalue("prefunded" if mode == "PREFUNDED" else "block")
    lower_status(actor=staff("rita", "risk"), client_id=firm.client_id, account_id=firm.account.id, status=ClientStatus(status), reason="x")
    before, owed = here.balances(), deals.owed(trade)
    with pytest.raises(AppError) as no:
        allocate_trade(actor=manager, trade_id=trade.id, shares=[Share(funds["alpha"].id, D(1))])
    assert (no.value.code, here.balances(), deals.owed(trade)) == ("account_unavailable", before, owed)
    assert not queries.list_allocations(trade)


def test_a_prefunded_share_is_within_its_accounts_caps(prefunded: Any) -> None:
    _, trade, manager, funds = prefunded
    lines.grant(subject_id=funds["alpha"].id, amount="20000", level="ACCOUNT", measure=lines.DEAL)
    lines.grant(subject_id=funds["beta"].id, amount="30000", level="ACCOUNT", measure=lines.DAILY)
    done = allocate_trade(actor=manager, trade_id=trade.id, shares=[Share(one.id, D(1)) for one in funds.values()])
    assert [(one.status, one.refusal) for one in done] == [("REJECTED", "cap_exceeded"), ("ACCEPTED", "")]
    assert db.one("SELECT d.used FROM credit_lineday d JOIN credit_line l ON l.id = d.line_id WHERE l.measure = 'DAILY'") == (
        D("20009.41"),
    )


def test_a_prefunded_block_is_shared_out_between_balances_at_once() -> None:
    here.open_house("USD", "BTC")
    cygnus = world.firm("cygnus", mode="PREFUNDED", members=here.THREE_PEOPLE, instructions=here.CYGNUS)
    funds = {name: open_account(firm=cygnus, name=name) for name in ("alpha", "beta")}
    here.pay_in("USD", D(100_000), name="Cygnus Capital", address="021000021-3001", remittance="deposit")
    jobs.run_all()
    give(giver=cygnus.account, taker=funds["alpha"], dollars="25000")
    manager = world.actor_of(cygnus.account, "Trader")
    sees = replace(manager, account_ids=frozenset({cygnus.account.id, *(one.id for one in funds.values())}))
    trade = here.deal(cygnus, Side.BUY, "3")  # pays 60,028.23, of the 75,000 that are left
    done = allocate_trade(actor=sees, trade_id=trade.id, shares=[Share(funds["alpha"].id, D(1)), Share(funds["beta"].id, D(1))])
    assert [(one.status, one.refusal) for one in done] == [("ACCEPTED", ""), ("REJECTED", "insufficient_balance")]  # beta has nothing
    assert sorted(deals.journal(trade.id)[4:]) == [
        "ALLOCATION CLIENT_BALANCE BTC -1", "ALLOCATION CLIENT_BALANCE BTC 1",  # alpha gets one, the block's account has one less
        "ALLOCATION CLIENT_BALANCE USD -20009.41", "ALLOCATION CLIENT_BALANCE USD 20009.41",
    ]  # fmt: skip
    assert deals.owed(trade) == [
        "v1 RECEIVE 60028.23 USD 2026-09-16 SETTLED", "v1 RECEIVE 20009.41 USD 2026-09-16 SETTLED", "v1 RECEIVE 1 BTC 2026-09-16 SETTLED",
        "v1 PAY 20009.41 USD 2026-09-16 SETTLED", "v1 PAY 3 BTC 2026-09-16 SETTLED", "v1 PAY 1 BTC 2026-09-16 SETTLED",
    ]  # fmt: skip
    assert (free(cygnus.account, "USD"), free(cygnus.account, "BTC")) == (D("34981.18"), D(2))
    assert (free(funds["alpha"], "USD"), free(funds["alpha"], "BTC")) == (D("4990.59"), D(1))

    for again in (lambda: reverse_allocation(actor=sees, trade_id=trade.id, allocation_id=done[0].id),
                  lambda: allocate_trade(actor=sees, trade_id=trade.id, shares=[Share(funds["beta"].id, D(1))])):  # fmt: skip
        with pytest.raises(AppError) as no:
            again()
        assert no.value.code == "not_allocatable", "what has settled in the balances stays"
    deals.change(trade, price="20000")  # a correction reaches both balances by their share
    assert (free(cygnus.account, "USD"), free(funds["alpha"], "USD")) == (D(35_000), D(5_000))
    books.proven()
