"""A deal agreed by voice or chat: booked whole, flagged where it breached something, and then looked at by a second person."""

from datetime import datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import IntegrityError

from apps.approvals.models import Approval
from apps.clients.errors import AccountUnavailable
from apps.core import clock, db
from apps.core.errors import NotFound
from apps.pricing.errors import PriceUnavailable
from apps.rfqs.errors import BadAgreement, InstrumentNotAllowed, TooManyDecimals, UnknownInstrument
from apps.rfqs.models import Agreement, Rfq
from apps.rfqs.states import Channel
from apps.trades.models import Trade
from apps.users.errors import RoleMissing
from apps.workflows.book_on_behalf import Booked, book_on_behalf
from apps.workflows.decide_approval import decide_approval
from apps.workflows.halt import throw_halt
from tests import people, world
from tests.rfqs.desk import BUY, SELL, Desk, a_desk, kinds, market, reserved, state, used

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(transactional_db: None) -> Desk:
    return a_desk()


def book(desk: Desk, **changes: Any) -> Booked:
    plain: dict[str, Any] = {
        "actor": desk.sales,
        "account_id": desk.firm.account.id,
        "pair": "BTC-USD",
        "side": BUY,
        "quantity": D(5),
        "price": D(20010),
        "channel": Channel.VOICE,
        "agreed_at": clock.desk_now() - timedelta(minutes=2),
        "agreed_by": "Ada of Acme",
        "evidence": "line 7, 11:58",
        "depth": market(),
        "usd_per_quote": D(1),
    }
    booked: Booked = book_on_behalf(**(plain | changes))
    return booked


def test_request_quote_and_trade_are_written_together(desk: Desk) -> None:
    trade, version, agreement, asked = book(desk)
    rfq = Rfq.objects.get(id=trade.rfq_id)
    assert (rfq.channel, rfq.client_rfq_id, state(rfq)) == ("VOICE", None, ("FILLED", ["ACCEPTED"]))
    assert (version.price, version.pays, version.receives) == (D(20010), D(100_050), D(5))
    assert trade.quote is not None
    assert trade.quote.priced_by_id == desk.sales.id
    assert (agreement.flags, agreement.booked_by_id, asked) == ([], desk.sales.id, None)
    assert (agreement.agreed_at, agreement.booked_at) == (world.NOON - timedelta(minutes=2), world.NOON)
    assert (reserved(), used()) == (D(0), D(100_050))
    assert kinds()[-4:] == ["rfq.quoted", "deal.agreed", "quote.accepted", "trade.booked"]


def test_a_size_in_the_quote_asset_is_what_the_client_pays(desk: Desk) -> None:
    _, version, _, _ = book(desk, quantity=None, quote_quantity=D(100_000))
    assert (version.pays, version.receives) == (D(100_000), D("4.99750124"))


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({"price": D(20300)}, ["BAND"]),
        ({"price": D(30000)}, ["BAND"]),
        ({"agreed_at": world.NOON - timedelta(minutes=15, microseconds=1)}, ["LATE"]),
        ({"agreed_at": world.NOON - timedelta(minutes=15)}, []),
        ({"depth": None}, ["NO_PRICE"]),
        ({"quantity": D(501)}, ["SIZE", "CREDIT"]),
    ],
)
def test_what_it_breaches_is_flagged_and_never_stops_it(desk: Desk, changes: dict[str, Any], flags: list[str]) -> None:
    trade, _, agreement, asked = book(desk, **changes)
    assert (agreement.flags, trade.status, asked is None) == (flags, "ACTIVE", not flags)


def test_a_kill_switch_flags_it_too(desk: Desk) -> None:
    throw_halt(actor=desk.trader, reason="drill")
    assert book(desk)[2].flags == ["HALTED"]


def test_past_the_line_it_is_booked_and_flagged(transactional_db: None) -> None:
    desk = a_desk(line=D(1000))
    trade, _, agreement, asked = book(desk)
    assert agreement.flags == ["CREDIT"]
    assert asked is not None
    assert (asked.subject_id, asked.status, asked.checker_roles) == (trade.id, "REQUESTED", ["operations", "risk"])


def test_a_second_person_stands_by_it_or_not(desk: Desk) -> None:
    trade, _, _, asked = book(desk, price=D(20300))
    assert asked is not None
    from apps.approvals.errors import NotAChecker, SameHands

    with pytest.raises(SameHands):
        decide_approval(approval_id=asked.id, actor=desk.sales, approve=True)
    with pytest.raises(NotAChecker):
        decide_approval(approval_id=asked.id, actor=desk.trader, approve=True)
    done = decide_approval(approval_id=asked.id, actor=people.staff("rita", "risk"), approve=True)
    assert (done.status, kinds()[-3:]) == ("EXECUTED", ["approval.approved", "deal.reviewed", "approval.executed"])
    assert Trade.objects.get().id == trade.id


@pytest.mark.parametrize("status", ["SUSPENDED", "FROZEN", "OFFBOARDED"])
def test_entitlement_is_never_skipped(desk: Desk, status: str) -> None:
    db.run("UPDATE clients_account SET status = 'RESTRICTED'")
    assert book(desk, side=SELL, price=D(19990))[2].flags == ["RESTRICTED"]
    db.run("UPDATE clients_account SET status = 'SUSPENDED'")
    if status == "FROZEN":
        db.run("UPDATE clients_account SET status = 'FROZEN'")
    elif status == "OFFBOARDED":
        db.run("UPDATE clients_account SET status = 'OFFBOARDED'")
    with pytest.raises(AccountUnavailable):
        book(desk)
    assert Trade.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"agreed_at": world.NOON + timedelta(microseconds=1)}, BadAgreement),
        ({"agreed_at": world.NOON - timedelta(days=8)}, BadAgreement),
        ({"agreed_by": " "}, BadAgreement),
        ({"evidence": ""}, BadAgreement),
        ({"channel": Channel.API}, BadAgreement),
        ({"price": D(0)}, BadAgreement),
        ({"price": D("NaN")}, BadAgreement),
        ({"quantity": D("0.000000001")}, TooManyDecimals),
        ({"pair": "DOGE-USD"}, UnknownInstrument),
        ({"usd_per_quote": None}, PriceUnavailable),
        ({"account_id": people.staff}, NotFound),
    ],
)
def test_what_cannot_be_booked_leaves_nothing_behind(desk: Desk, changes: dict[str, Any], refusal: type[Exception]) -> None:
    if "account_id" in changes:
        changes = {"account_id": desk.sales.id}
    with pytest.raises(refusal):
        book(desk, **changes)
    assert (Rfq.objects.count(), Trade.objects.count(), Agreement.objects.count(), Approval.objects.count()) == (0, 0, 0, 0)
    assert reserved() == 0


def test_an_instrument_outside_the_terms_is_refused(transactional_db: None) -> None:
    desk = a_desk(pairs=("ETH-USD",))
    with pytest.raises(InstrumentNotAllowed):
        book(desk)


@pytest.mark.parametrize("role", ["operations", "risk", "finance", "compliance", "admin", "auditor"])
def test_only_sales_and_traders_book(desk: Desk, role: str) -> None:
    with pytest.raises(RoleMissing):
        book(desk, actor=people.staff("olga", role))


def test_the_value_date_counts_from_the_agreement(desk: Desk) -> None:
    clock.freeze_desk(datetime.fromisoformat("2026-09-15T21:05:00Z"))  # the business date has rolled at 17:00 in New York
    late = book(desk, agreed_at=datetime.fromisoformat("2026-09-15T20:55:00Z"))
    fresh = book(desk, agreed_at=datetime.fromisoformat("2026-09-15T21:04:00Z"))
    assert (fresh[1].value_date - late[1].value_date).days == 1


def test_what_was_agreed_is_never_rewritten(desk: Desk) -> None:
    book(desk)
    with pytest.raises(Exception, match=r"change|denied"):
        db.run("UPDATE rfqs_agreement SET flags = '[]'")
    with pytest.raises(IntegrityError):
        db.run(
            "INSERT INTO rfqs_agreement (id, rfq_id, agreed_at, agreed_by, evidence, flags, booked_by_id, booked_at) "
            "SELECT gen_random_uuid(), rfq_id, booked_at + interval '1 s', 'x', 'y', '[]', booked_by_id, booked_at FROM rfqs_agreement"
        )
