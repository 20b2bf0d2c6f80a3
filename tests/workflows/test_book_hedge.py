"""Hedges by our own systems and by a trader with a checker: booked once, at what was executed, or not at all."""

from datetime import date, timedelta
from decimal import Decimal as D

import pytest

from apps.approvals.errors import ApprovalOpen, NotAChecker
from apps.clients import operations as client_operations
from apps.clients import queries as clients
from apps.core import db
from apps.core.actor import Actor
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.rfqs.states import Side
from apps.trades.errors import BadHedge, DuplicateExecution, NoConsent
from apps.trades.models import Hedge, Trade, TradeVersion
from apps.users.errors import RoleMissing
from apps.workflows.book_hedge import ask_hedge, report_hedge
from apps.workflows.check_hedge import NotTheHouse
from apps.workflows.decide_approval import decide_approval
from tests import world
from tests.settlement import world as house
from tests.trades import books

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> dict[str, Actor]:
    return books.open_desk()


def system() -> Actor:
    member = clients.get_member(clients.get_house(instruments.get_entity("flowdesk").id).id)
    return Actor(kind="MEMBER", id=member.id, name=member.name, client_id=member.counterparty_id, scopes=frozenset({"hedge"}))


def report(**changes: object):  # type: ignore[no-untyped-def]
    return report_hedge(actor=system(), execution=books.execution(**changes), mids=books.mids())


def nothing() -> bool:
    return books.rows("trades_trade") == books.rows("ledger_ledgertransaction") == 0


def test_a_reported_hedge_moves_the_position_by_exactly_what_was_executed(desk: dict[str, Actor]) -> None:
    booked = report()
    assert (booked.is_new, booked.hedge.status, booked.version.reference_mid) == (True, "UNCONFIRMED", D(20000))
    assert (booked.version.pays, booked.version.receives, booked.version.value_date) == (D(30000), D("1.5"), date(2026, 9, 15))
    assert books.positions() == {"BTC": D("1.5"), "USD": D(-30003)}
    report(side="sell", quantity=D("0.5"), execution_id="x-2", fee=D(0))
    assert books.positions() == {"BTC": D(1), "USD": D(-20003)}


def test_the_same_execution_is_the_same_hedge_and_other_figures_are_refused(desk: dict[str, Actor]) -> None:
    first = report()
    again = report()
    assert (again.is_new, again.trade.id) == (False, first.trade.id)
    assert report(quote_quantity=D(30000)).trade.id == first.trade.id
    for changes in (
        {"price": D(20001)},
        {"side": "sell"},
        {"quantity": D(1)},
        {"fee": D(4)},
        {"book": "treasury"},
        {"instrument": "ETH-USD"},
    ):
        with pytest.raises(DuplicateExecution):
            report(**changes)
    assert books.rows("trades_trade") == 1
    assert report(counterparty="lp").is_new  # another LP's ids are its own


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"counterparty": "nobody"}, "/counterparty"),
        ({"counterparty": "house-flowdesk"}, "/counterparty"),
        ({"book": "moon"}, "/book"),
        ({"instrument": "DOGE-USD"}, "/instrument"),
        ({"side": "BUY"}, "/side"),
        ({"quantity": D(0)}, "/quantity"),
        ({"quantity": D("0.000000001")}, "/quantity"),
        ({"quantity": D("NaN")}, "/quantity"),
        ({"price": D(0)}, "/price"),
        ({"price": D("1e-19")}, "/price"),
        ({"price": D("1e25")}, "/quantity"),
        ({"fee": D("0.001")}, "/fee"),
        ({"fee": D(-1)}, "/fee"),
        ({"quote_quantity": D(30001)}, "/quote_quantity"),
        ({"quote_quantity": D("30000.001")}, "/quote_quantity"),
        ({"execution_id": ""}, "/execution_id"),
        ({"executed_at": world.NOON + timedelta(minutes=1)}, "/executed_at"),
        ({"value_date": date(2026, 9, 14)}, "/value_date"),
        ({"trader": "nobody"}, "/trader"),
        ({"trader": "olga"}, "/trader"),
    ],
)
def test_what_cannot_be_a_hedge_is_refused_by_field_and_books_nothing(
    desk: dict[str, Actor], changes: dict[str, object], pointer: str
) -> None:
    with pytest.raises(BadHedge) as no:
        report(**changes)
    assert no.value.extra["pointer"] == pointer
    assert nothing()


def test_nobody_but_our_own_entity_reports(desk: dict[str, Actor]) -> None:
    acme = world.firm("acme")
    mallory = Actor(kind="MEMBER", id=acme.trader.id, client_id=acme.client_id, scopes=frozenset({"hedge"}))
    without = Actor(kind="MEMBER", id=system().id, client_id=system().client_id, scopes=frozenset({"read"}))
    for actor in (mallory, without, desk["tara"]):
        with pytest.raises(NotTheHouse):
            report_hedge(actor=actor, execution=books.execution(), mids={})
    assert nothing()


def test_a_mid_of_another_moment_is_no_reference(desk: dict[str, Actor]) -> None:
    assert report(executed_at=books.AT - timedelta(seconds=6)).version.reference_mid is None


def test_a_traders_hedge_is_booked_when_operations_have_checked_it(desk: dict[str, Actor]) -> None:
    asked = ask_hedge(actor=desk["tara"], execution=books.execution(trader="tara"), mids=books.mids())
    assert nothing()
    assert asked.payload["quote_quantity"] == "30000"
    with pytest.raises(ApprovalOpen):
        ask_hedge(actor=desk["tara"], execution=books.execution(), mids={})
    for wrong in (desk["rita"], desk["sam"]):
        with pytest.raises(NotAChecker):
            decide_approval(approval_id=asked.id, actor=wrong, approve=True)
    assert decide_approval(approval_id=asked.id, actor=desk["olga"], approve=True).status == "EXECUTED"
    trade = Trade.objects.get()
    version = TradeVersion.objects.get()
    assert (trade.source, trade.execution_id, version.trader_id, version.made_by) == ("MANUAL", "x-1", desk["tara"].id, desk["tara"].id)
    assert (version.reference_mid, version.effective_at) == (D(20000), books.AT)
    assert books.positions() == {"BTC": D("1.5"), "USD": D(-30003)}
    with pytest.raises(DuplicateExecution):
        ask_hedge(actor=desk["tara"], execution=books.execution(), mids={})


def test_a_hedge_that_came_by_another_way_meanwhile_is_not_booked_again(desk: dict[str, Actor]) -> None:
    asked = ask_hedge(actor=desk["tara"], execution=books.execution(), mids={})
    report()
    assert decide_approval(approval_id=asked.id, actor=desk["olga"], approve=True).status == "STALE"
    assert books.rows("trades_trade") == 1


@pytest.mark.parametrize("who", ["olga", "rita", "sam"])
def test_only_traders_enter_hedges(desk: dict[str, Actor], who: str) -> None:
    with pytest.raises(RoleMissing):
        ask_hedge(actor=desk[who], execution=books.execution(), mids={})
    assert books.rows("approvals_approval") == 0


def test_a_hedge_names_the_clients_deal_that_it_covers(desk: dict[str, Actor]) -> None:
    deal = house.deal(world.firm("acme"), Side.BUY, "1.5")
    booked = report(covers=deal.id)
    assert booked.trade.covers_id == deal.id
    with pytest.raises(BadHedge) as no:
        report(covers=booked.trade.id, execution_id="x-2")
    assert no.value.extra["pointer"] == "/covers"


@use_case
def _consent(*, account, now) -> None:  # type: ignore[no-untyped-def]
    old = clients.get_terms(account.id, now)
    names = [
        f.attname
        for f in old._meta.concrete_fields
        if f.attname not in {"id", "account_id", "version", "effective_from", "effective_until"}
    ]
    client_operations.set_terms(
        account=account, now=now, **{n: getattr(old, n) for n in names} | {"prehedge_consent": "Letter of 2026-01-05"}
    )


def test_a_hedge_ahead_of_a_client_needs_its_consent_on_file(desk: dict[str, Actor]) -> None:
    from tests.desk.day import ask_for

    acme = world.firm("acme")
    first, _, _ = ask_for(acme, "r-1", "BTC-USD", Side.BUY, "2")
    with pytest.raises(NoConsent):
        report(pre_hedge_of=first.id, executed_at=world.NOON)
    assert books.rows("trades_trade") == 0
    house.at(world.NOON, seconds=20)
    _consent(account=acme.account)
    second, _, _ = ask_for(acme, "r-2", "BTC-USD", Side.BUY, "2")
    now = world.later(world.NOON, seconds=20)
    with pytest.raises(BadHedge):  # before the client asked
        report(pre_hedge_of=second.id)
    booked = report(pre_hedge_of=second.id, executed_at=now)
    assert (booked.hedge.pre_hedge, booked.hedge.rfq_id) == (True, second.id)
    (told,) = db.one("SELECT house ->> 'pre_hedge_of' FROM events_event WHERE kind = 'hedge.booked'")
    assert told == str(second.id)
    assert Hedge.objects.get().pre_hedge
