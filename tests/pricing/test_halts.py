"""Kill switches: one person stops at once, what comes after is refused, and only a second person lets dealing go on."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction

from apps.core import clock, db
from apps.core.actor import Actor, acting
from apps.core.errors import AppError, NotFound
from apps.pricing.errors import AlreadyHalted, SameHandsLift
from apps.pricing.models import Halt
from apps.rfqs.models import Quote
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side
from apps.trades.models import Trade
from apps.users.errors import RoleMissing
from apps.workflows.accept_quote import accept_quote
from apps.workflows.halt import lift_halt, throw_halt
from apps.workflows.request_quote import request_quote
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)


def staff(name, *roles):
    return Actor(kind="STAFF", id=uuid4(), name=name, client_id=None, roles=frozenset(roles))


TARA, TOM, RITA, SAM = staff("Tara", "trader"), staff("Tom", "trader"), staff("Rita", "risk"), staff("Sam", "sales")


@pytest.fixture
def acme():
    clock.freeze_desk(world.NOON)
    return world.firm("acme")


def scope_of(kind, firm):
    return {"all": {}, "pair": {"pair_code": "BTC-USD"}, "client": {"client_id": firm.client_id}}[kind]


def throw(actor=TARA, **scope):
    with acting(actor):
        return throw_halt(actor=actor, reason="odd prints", **scope)


def lift(halt, actor):
    with acting(actor):
        return lift_halt(actor=actor, halt_id=halt.id)


def ask(firm, reference="r-1", pair="BTC-USD", mid="20000"):
    with acting(firm.trader):
        return request_quote(
            actor=firm.trader,
            account_id=None,
            ask=Ask(reference, pair, Side.BUY, world.D(1), None, "", 10_000, 60_000),
            depth=world.depth(pair, mid, at=clock.desk_now()),
            usd_per_quote=world.D(1),
            elapsed_us=lambda: 1,
        )[1]


def accept(firm, quote):
    with acting(firm.trader):
        return accept_quote(actor=firm.trader, quote_id=quote.id, client_order_id=f"o-{quote.id}", side=Side.BUY, price=quote.buy_price)


@pytest.mark.parametrize("kind", ["all", "pair", "client"])
def test_the_switch_beats_a_quote_in_flight_and_lifting_it_does_not_bring_the_quote_back(acme, kind):
    quote = ask(acme)
    clock.freeze_desk(world.NOON + timedelta(seconds=1))
    halt = throw(**scope_of(kind, acme))
    clock.freeze_desk(world.NOON + timedelta(seconds=2))
    with pytest.raises(AppError) as no:
        accept(acme, quote)
    assert no.value.code == "quote_withdrawn"
    with pytest.raises(AppError) as no:
        ask(acme, "r-2")
    assert no.value.code == "trading_halted"
    assert (Trade.objects.count(), Quote.objects.count()) == (0, 1)
    lift(halt, TOM)
    clock.freeze_desk(world.NOON + timedelta(seconds=3))
    with pytest.raises(AppError) as no:  # it was made before the switch, though nothing has swept it yet
        accept(acme, quote)
    assert no.value.code == "quote_withdrawn"
    assert accept(acme, ask(acme, "r-3"))
    assert Trade.objects.count() == 1


@pytest.mark.parametrize("kind", ["pair", "client"])
def test_a_switch_stops_what_it_names_and_nothing_else(acme, kind):
    throw(**({"pair_code": "ETH-USD"} if kind == "pair" else {"client_id": world.firm("borealis").client_id}))
    assert accept(acme, ask(acme))


def test_only_a_second_person_lifts_it_whatever_their_roles(acme):
    halt = throw()
    both = replace(TARA, roles=frozenset({"trader", "risk", "operations"}))
    with pytest.raises(SameHandsLift):
        lift(halt, both)
    with pytest.raises(RoleMissing):
        lift(halt, SAM)
    assert Halt.objects.get().lifted_at is None
    lift(halt, RITA)
    found = Halt.objects.get()
    assert (found.thrown_by, found.lifted_by) == (TARA.id, RITA.id)
    lift(halt, TOM)  # lifted already: nothing happens
    assert Halt.objects.get().lifted_by == RITA.id


def test_it_is_thrown_once_by_who_may_for_what_there_is(acme):
    with pytest.raises(RoleMissing):
        throw(SAM)
    with pytest.raises(NotFound):
        throw(pair_code="X-Y")
    throw(pair_code="BTC-USD")
    with pytest.raises(AlreadyHalted):
        throw(TOM, pair_code="BTC-USD")
    assert Halt.objects.count() == 1


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE pricing_halt SET lifted_by = thrown_by, lifted_at = desk_now()",
        "DELETE FROM pricing_halt",
        "INSERT INTO pricing_halt (id, scope, pair_code, reason, thrown_by, thrown_at) "
        "VALUES (gen_random_uuid(), 'ALL', '', 'again', gen_random_uuid(), desk_now())",
        "INSERT INTO pricing_halt (id, scope, pair_code, reason, thrown_by, thrown_at) "
        "VALUES (gen_random_uuid(), 'PAIR', '', 'which', gen_random_uuid(), desk_now())",
    ],
)
def test_the_database_says_so_too(acme, sql):
    throw()
    with pytest.raises(DatabaseError), transaction.atomic():
        db.run(sql)
    assert Halt.objects.get().lifted_at is None
