"""Money of a client set aside: never more than is there, ended at most once."""

from datetime import datetime
from decimal import Decimal as D
from uuid import UUID

import pytest
from django.db import IntegrityError

from apps.clients import queries as clients
from apps.core import db, ids
from apps.core.unit import use_case
from apps.ledger import operations as ledger
from apps.ledger import queries
from apps.ledger.errors import InsufficientBalance
from apps.ledger.rules import Ref, credit, debit
from apps.ledger.states import Kind
from tests import world
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
HOUSE = UUID(int=1)


@pytest.fixture
def cygnus() -> world.Firm:
    firm = world.firm("cygnus", mode="PREFUNDED")
    deposit(firm=firm, amount=D(1000))
    return firm


def mine(firm: world.Firm) -> Ref:
    return Ref(HOUSE, Kind.CLIENT_BALANCE, "USD", owner_id=firm.account.id)


@use_case
def deposit(*, firm: world.Firm, amount: D, now: datetime) -> None:
    clients.lock_account(firm.account.id)
    ledger.post(
        key=f"deposit:{ids.uuid7()}",
        kind="DEPOSIT",
        source_type="test",
        source_id=ids.uuid7(),
        lines=[debit(Ref(HOUSE, Kind.NOSTRO, "USD"), amount), credit(mine(firm), amount)],
        effective_at=now,
        business_date=now.date(),
    )


@use_case
def hold(*, firm: world.Firm, amount: D, source: UUID, now: datetime) -> D:
    clients.lock_account(firm.account.id)
    return ledger.hold(ref=mine(firm), amount=amount, source_type="rfq", source_id=source, now=now)


@use_case
def use(*, firm: world.Firm, source: UUID, now: datetime) -> D:
    """Post what was held: the client pays it away."""
    clients.lock_account(firm.account.id)
    held = ledger.post_holds(source_id=source, now=now)
    if held:
        ledger.post(
            key=f"use:{source}",
            kind="USE",
            source_type="test",
            source_id=source,
            lines=[debit(mine(firm), held), credit(Ref(HOUSE, Kind.POSITION, "USD"), held)],
            effective_at=now,
            business_date=now.date(),
        )
    return held


@use_case
def void(*, firm: world.Firm, source: UUID, now: datetime) -> None:
    clients.lock_account(firm.account.id)
    ledger.void_holds(source_id=source, now=now)


def state(firm: world.Firm) -> tuple[D, D, D]:
    """(posted, held, available) of the client's USD."""
    [row] = queries.list_client_balances([firm.account.id])[firm.account.id]
    return row.posted, row.held, row.available


def test_a_hold_takes_from_what_is_available_and_not_from_the_balance(cygnus: world.Firm) -> None:
    assert hold(firm=cygnus, amount=D(400), source=ids.uuid7()) == D(1000)
    assert state(cygnus) == (D(1000), D(400), D(600))


def test_more_than_is_available_is_refused_and_nothing_changes(cygnus: world.Firm) -> None:
    hold(firm=cygnus, amount=D(400), source=ids.uuid7())
    with pytest.raises(InsufficientBalance) as no:
        hold(firm=cygnus, amount=D("600.000000000000000001"), source=ids.uuid7())
    assert no.value.extra == {"asset": "USD", "available": "600"}
    assert state(cygnus) == (D(1000), D(400), D(600))
    hold(firm=cygnus, amount=D(600), source=ids.uuid7())
    assert state(cygnus) == (D(1000), D(1000), D(0))


def test_a_client_without_a_balance_can_hold_nothing() -> None:
    firm = world.firm("acme", mode="PREFUNDED")
    with pytest.raises(InsufficientBalance):
        hold(firm=firm, amount=D("0.01"), source=ids.uuid7())


def test_a_used_hold_pays_and_a_voided_one_gives_back(cygnus: world.Firm) -> None:
    used, voided = ids.uuid7(), ids.uuid7()
    hold(firm=cygnus, amount=D(300), source=used)
    hold(firm=cygnus, amount=D(500), source=voided)
    assert use(firm=cygnus, source=used) == D(300)
    void(firm=cygnus, source=voided)
    assert state(cygnus) == (D(700), D(0), D(700))


def test_a_hold_ends_once_whoever_comes_again(cygnus: world.Firm) -> None:
    source = ids.uuid7()
    hold(firm=cygnus, amount=D(300), source=source)
    assert use(firm=cygnus, source=source) == D(300)
    assert use(firm=cygnus, source=source) == D(0)
    void(firm=cygnus, source=source)
    assert state(cygnus) == (D(700), D(0), D(700))
    assert db.run("SELECT status FROM ledger_hold") == [("POSTED",)]


def test_a_source_holds_an_account_once(cygnus: world.Firm) -> None:
    source = ids.uuid7()
    hold(firm=cygnus, amount=D(1), source=source)
    with pytest.raises(IntegrityError, match="hold_once"):
        hold(firm=cygnus, amount=D(1), source=source)
    assert state(cygnus) == (D(1000), D(1), D(999))


def test_only_the_used_side_of_a_two_way_hold_is_posted_and_the_other_given_back(cygnus: world.Firm) -> None:
    source = ids.uuid7()
    bitcoin = Ref(HOUSE, Kind.CLIENT_BALANCE, "BTC", owner_id=cygnus.account.id)

    @use_case
    def both(*, now: datetime) -> None:
        clients.lock_account(cygnus.account.id)
        ledger.post(
            key="btc",
            kind="DEPOSIT",
            source_type="test",
            source_id=ids.uuid7(),
            lines=[debit(Ref(HOUSE, Kind.NOSTRO, "BTC"), D(2)), credit(bitcoin, D(2))],
            effective_at=now,
            business_date=now.date(),
        )

    @use_case
    def hold_both(*, now: datetime) -> None:
        clients.lock_account(cygnus.account.id)
        for ref, amount in ((mine(cygnus), D(100)), (bitcoin, D(1))):
            ledger.hold(ref=ref, amount=amount, source_type="rfq", source_id=source, now=now)

    @use_case
    def use_dollars(*, now: datetime) -> D:
        clients.lock_account(cygnus.account.id)
        return ledger.post_holds(source_id=source, now=now, only=[mine(cygnus)])

    both()
    hold_both()
    assert use_dollars() == D(100)
    assert sorted(db.run("SELECT amount, status FROM ledger_hold")) == [(D(1), "VOIDED"), (D(100), "POSTED")]
    assert db.run("SELECT held FROM ledger_ledgeraccount WHERE held <> 0") == []


def test_sixteen_threads_never_hold_more_than_there_is(cygnus: world.Firm) -> None:
    found = together(16, lambda _: hold(firm=cygnus, amount=D(90), source=ids.uuid7()))
    refused = [one for one in found if isinstance(one, InsufficientBalance)]
    assert len(refused) == 5, found
    assert sorted(one for one in found if isinstance(one, D)) == [D(1000 - 90 * n) for n in reversed(range(11))]
    assert state(cygnus) == (D(1000), D(990), D(10))


def test_sixteen_threads_that_hold_use_void_and_deposit_leave_exact_balances(cygnus: world.Firm) -> None:
    def work(index: int) -> tuple[D, D]:
        put, spent = D(0), D(0)
        for number in range(6):
            source = ids.uuid7()
            if index % 4 == 3:
                deposit(firm=cygnus, amount=D("0.5"))
                put += D("0.5")
                continue
            try:
                hold(firm=cygnus, amount=D(37 + index), source=source)
            except InsufficientBalance:
                continue
            if (index + number) % 3:
                spent += use(firm=cygnus, source=source)
            else:
                void(firm=cygnus, source=source)
        return put, spent

    found = together(16, work)
    assert not [one for one in found if isinstance(one, Exception)], found
    put, spent = sum(p for p, _ in found), sum(s for _, s in found)
    assert spent > 0
    assert state(cygnus) == (1000 + put - spent, D(0), 1000 + put - spent)
    assert state(cygnus)[2] >= 0
    assert db.one("SELECT coalesce(sum(amount), 0) FROM ledger_hold WHERE status = 'POSTED'") == (spent,)


def test_sixteen_threads_racing_to_end_one_hold_end_it_once(cygnus: world.Firm) -> None:
    source = ids.uuid7()
    hold(firm=cygnus, amount=D(300), source=source)
    found = together(16, lambda index: use(firm=cygnus, source=source) if index % 2 else void(firm=cygnus, source=source))
    assert not [one for one in found if isinstance(one, Exception)], found
    [(status,)] = db.run("SELECT status FROM ledger_hold")
    assert sorted(one for one in found if one) == ([D(300)] if status == "POSTED" else [])
    assert state(cygnus)[1] == 0
    assert state(cygnus)[0] == (D(700) if status == "POSTED" else D(1000))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE ledger_hold SET amount = 1",
        "UPDATE ledger_hold SET status = 'PENDING' WHERE status = 'POSTED'",
        "UPDATE ledger_hold SET status = 'VOIDED' WHERE status = 'POSTED'",
        "UPDATE ledger_ledgeraccount SET held = -1",
        "INSERT INTO ledger_hold (id, account_id, amount, status, source_type, source_id, created_at) "
        "SELECT gen_random_uuid(), account_id, amount, 'POSTED', source_type, gen_random_uuid(), created_at FROM ledger_hold",
    ],
)
def test_raw_sql_cannot_change_or_revive_a_hold(cygnus: world.Firm, sql: str) -> None:
    source = ids.uuid7()
    hold(firm=cygnus, amount=D(300), source=source)
    use(firm=cygnus, source=source)
    with pytest.raises(IntegrityError):
        db.run(sql)
    assert db.run("SELECT amount, status FROM ledger_hold") == [(D(300), "POSTED")]
