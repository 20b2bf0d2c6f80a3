"""Worked case 11: a payment that fails over two days and is re-dated with interest; a default and its close-out. Debits are positive."""

from datetime import UTC, date, datetime
from decimal import Decimal as D

import pytest

from apps.approvals.models import Approval
from apps.clients import operations as client_operations
from apps.clients import queries as clients
from apps.core import db
from apps.core.actor import SYSTEM
from apps.core.unit import use_case
from apps.credit.models import Reservation
from apps.instruments import queries as instruments
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.errors import AlreadySettling, BadCloseOut, BadRedate, MarksMissing, NothingToCloseOut, PaymentInFlight
from apps.settlement.models import Adjustment, CloseOut, NetSet, Obligation
from apps.users.errors import RoleMissing
from apps.workflows.close_out import ask_close_out
from apps.workflows.decide_approval import decide_approval
from apps.workflows.open_day import open_day
from apps.workflows.propose_marks import propose_marks
from apps.workflows.redate_deal import ask_redate
from apps.workflows.settle_net_set import agree_net_set
from tests import books, world
from tests.people import staff
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
WEDNESDAY, THURSDAY, FRIDAY = (datetime(2026, 9, day, 8, 0, tzinfo=UTC) for day in (16, 17, 18))
FRIDAYS_CUTOFF = datetime(2026, 9, 17, 15, 0, tzinfo=UTC)
BANK, WALLET = world.INSTRUCTIONS["acme"][0].address, world.INSTRUCTIONS["acme"][2].address


def answer(asked: Approval, *who: str) -> str:
    for one in who:
        done = decide_approval(approval_id=asked.id, actor=staff(*one.split(":")), approve=True)
    return f"{done.status} {done.comment}".strip()


def marks(day: date, **mids: str) -> None:
    entity = instruments.get_entity("flowdesk").id
    open_day(entity_id=entity, on=day)
    _, asked = propose_marks(
        actor=staff("fay", "finance"), entity_id=entity, business_date=day, mids={a: D(m) for a, m in mids.items()}, source="close"
    )
    assert answer(asked, "rita:risk") == "EXECUTED"


@use_case
def on_file(*, firm: world.Firm, now: datetime) -> None:
    terms = clients.get_terms(firm.account.id, now)
    same = {f.name: getattr(terms, f.attname) for f in terms._meta.concrete_fields}
    for name in ("id", "account", "version", "effective_from", "effective_until"):
        same.pop(name)
    agreed = {"close_out_netting": True, "close_out_agreement": "Master agreement 2021", "close_out_date": date(2026, 1, 1)}
    client_operations.set_terms(account=firm.account, now=now, **same | agreed)


@pytest.fixture
def acme() -> world.Firm:
    """Buys 2 BTC for value Wednesday 16 September."""
    here.open_house("USD", "BTC")
    firm = world.firm("acme")
    on_file(firm=firm)
    return firm


def test_a_payment_fails_over_two_days_and_is_redated_with_interest(acme: world.Firm) -> None:
    deal = here.deal(acme, Side.BUY, "2")
    (dollars,) = db.one("SELECT pays FROM trades_tradeversion WHERE trade_id = %s", (deal.id,))
    assert sorted(line for line in books.entries(0) if line[0] == "DEAL") == sorted([
        ("DEAL", "POSITION BTC", D(2)), ("DEAL", "RECEIVABLE USD", dollars),
        ("DEAL", "PAYABLE BTC", D(-2)), ("DEAL", "POSITION USD", -dollars),
    ])  # fmt: skip
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    here.at(WEDNESDAY)
    jobs.run_all()  # the value date passes: nothing comes, and our leg waits behind it or on the line
    here.at(THURSDAY)
    before = books.count()
    jobs.run_all()
    assert books.count() == before

    olga = staff("olga", "operations")
    friday = FRIDAY.date()
    with pytest.raises(BadRedate):
        ask_redate(actor=olga, trade_id=deal.id, value_date=friday, late="RECEIVE", rate=D("0.06"), note="", consent="")
    with pytest.raises(RoleMissing):
        ask_redate(actor=staff("tara", "trader"), trade_id=deal.id, value_date=friday, late="RECEIVE", note="", consent="a mail")
    asked = ask_redate(
        actor=olga, trade_id=deal.id, value_date=friday, late="RECEIVE", rate=D("0.06"), note="their bank was closed",
        consent="mail of Mr Smith, 17 September",
    )  # fmt: skip
    interest = (dollars * D("0.06") * 2 / 360).quantize(D("0.01"))  # Wednesday to Friday, dollars count 360 days
    assert answer(asked, "oscar:operations", "fay:finance") == "EXECUTED"

    assert [one.status for one in NetSet.objects.order_by("id")] == ["ABORTED"]
    assert sorted((o.asset_id, o.value_date, o.amount) for o in Obligation.objects.filter(status="OPEN")) == sorted(
        [("BTC", friday, D(2)), ("USD", friday, dollars), ("USD", friday, interest)]
    )
    # The old claims go and come back with the new date, at the same amounts; the interest is new.
    assert sum(amount for _, account, amount in books.entries(before) if account == "RECEIVABLE USD") == interest
    assert [line for line in sorted(books.entries(before)) if line[0] == "ADJUSTMENT"] == [
        ("ADJUSTMENT", "FEE_INCOME USD", -interest), ("ADJUSTMENT", "RECEIVABLE USD", interest),
    ]  # fmt: skip
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000), "NOSTRO BTC": D(1000), "NOSTRO USD": D(10_000_000),
        "RECEIVABLE USD": dollars + interest, "PAYABLE BTC": D(-2),
        "POSITION BTC": D(2), "POSITION USD": -dollars, "FEE_INCOME USD": -interest,
    }  # fmt: skip
    books.proven()

    here.at(FRIDAYS_CUTOFF, seconds=10)
    jobs.run_all()
    (again,) = NetSet.objects.exclude(status="ABORTED")
    agree_net_set(net_set_id=again.id, actor=acme.treasury)
    here.at(FRIDAY)
    jobs.run_all()
    expected = here.only("EXPECTED")
    assert (expected.amount, expected.due_date) == (dollars + interest, friday), "the deal and its interest are one payment"
    before = books.count()
    here.pay_in("USD", dollars + interest, name="Acme Capital", address=BANK, remittance=expected.end_to_end_id)
    jobs.run_all()
    assert sorted(books.entries(before)) == sorted([
        ("RECEIPT_FINAL", "NOSTRO USD", dollars + interest), ("RECEIPT_FINAL", "SUSPENSE USD", -dollars - interest),
        ("RECEIPT_APPLIED", "SUSPENSE USD", dollars + interest), ("RECEIPT_APPLIED", "RECEIVABLE USD", -dollars - interest),
    ])  # fmt: skip
    assert Adjustment.objects.get().status == "SETTLED"
    jobs.run_all()
    assert here.release(here.only("READY").id) == "EXECUTED"
    before = books.count()
    jobs.run_all()
    here.at(FRIDAY, hours=1)
    jobs.run_all()
    fee = D("0.00005")
    assert sorted(books.entries(before)) == sorted([
        ("PAYMENT_SENT", "PAYABLE BTC", D(2)), ("PAYMENT_SENT", "IN_TRANSIT BTC", D(-2)),
        ("PAYMENT_BOOKED", "IN_TRANSIT BTC", D(2)), ("PAYMENT_BOOKED", "NOSTRO BTC", D(-2)),
        ("CHARGE", "COST BTC", fee), ("CHARGE", "NOSTRO BTC", -fee),
    ])  # fmt: skip
    assert settlement.trade_status([deal.id]) == {deal.id: "SETTLED"}
    assert books.seen_by(acme, "adjustment", "net_set", "settlement", "trade") == [
        "trade.booked", "net_set.frozen", "net_set.agreed", "net_set.aborted", "trade.corrected", "adjustment.booked",
        "net_set.frozen", "net_set.agreed", "adjustment.settled", "settlement.settled", "trade.settled",
    ]  # fmt: skip
    books.proven()


def test_a_default_is_closed_out_at_approved_marks(acme: world.Firm) -> None:
    """Two deals under one agreement: one frozen and late, one of the day; what the client owes is one amount from then on."""
    first = here.deal(acme, Side.BUY, "2")
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    second = here.deal(acme, Side.SELL, "1", mid="19000")
    (owes,) = db.one("SELECT pays FROM trades_tradeversion WHERE trade_id = %s", (first.id,))
    (owed,) = db.one("SELECT receives FROM trades_tradeversion WHERE trade_id = %s", (second.id,))
    here.at(WEDNESDAY)
    jobs.run_all()
    here.at(THURSDAY)
    rita = staff("rita", "risk")
    day = WEDNESDAY.date()
    given = {"client_code": "acme", "event": "FAILURE_TO_PAY", "evidence": "notice of default, 17 September", "marks_date": day}
    with pytest.raises(MarksMissing):
        ask_close_out(actor=rita, **given)
    marks(day, BTC="18000")
    with pytest.raises(RoleMissing):
        ask_close_out(actor=staff("olga", "operations"), **given)
    with pytest.raises(BadCloseOut):
        ask_close_out(actor=rita, **(given | {"event": "BAD_MOOD"}))
    asked = ask_close_out(actor=rita, **given)
    here.at(THURSDAY, minutes=1)
    jobs.run_all()
    payments = [i for i in settlement.list_instructions(SYSTEM) if i.direction == "PAY"]
    assert payments and all(i.status == "BLOCKED" for i in payments), "nothing leaves while it waits"
    before = books.count()
    assert answer(asked, "ron:risk") == "EXECUTED"

    # They owe 2 × 20,000 and a spread less 1 × 19,000, and have to get 2 − 1 BTC, which are worth 18,000 today.
    amount = owes - owed - 18_000
    made = CloseOut.objects.get()
    assert (made.amount, made.currency, made.agreement) == (amount, "USD", "Master agreement 2021")
    assert sorted(books.entries(before)) == sorted([
        ("CLOSE_OUT", "PAYABLE BTC", D(2)), ("CLOSE_OUT", "RECEIVABLE BTC", D(-1)), ("CLOSE_OUT", "POSITION BTC", D(-1)),
        ("CLOSE_OUT", "RECEIVABLE USD", -owes), ("CLOSE_OUT", "PAYABLE USD", owed), ("CLOSE_OUT", "POSITION USD", owes - owed),
        ("CLOSE_OUT", "POSITION USD", -amount), ("CLOSE_OUT", "RECEIVABLE USD", amount),
    ])  # fmt: skip
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000), "NOSTRO BTC": D(1000), "NOSTRO USD": D(10_000_000),
        "RECEIVABLE USD": amount, "POSITION USD": -amount,
    }, "our books hold what the client owes, and nothing of its deals"  # fmt: skip
    adjustment = Adjustment.objects.get()
    assert (adjustment.kind, adjustment.direction, adjustment.amount, adjustment.status) == ("CLOSE_OUT", "RECEIVE", amount, "BOOKED")
    assert set(Obligation.objects.filter(trade__isnull=False).values_list("status", flat=True)) == {"CLOSED_OUT"}
    assert {one.status for one in NetSet.objects.all()} == {"CLOSED_OUT"}
    assert settlement.trade_status([first.id, second.id]) == {first.id: "CLOSED_OUT", second.id: "CLOSED_OUT"}
    assert not Reservation.objects.filter(status="COMMITTED").exists(), "the credit they took is free"
    assert clients.get_counterparty(acme.client_id).status == "SUSPENDED"
    assert books.seen_by(acme, "close_out", "adjustment") == ["adjustment.booked", "close_out.determined"]
    books.proven()
    world.firm("borealis")
    with pytest.raises(NothingToCloseOut):
        ask_close_out(actor=rita, **(given | {"client_code": "borealis"}))
    before = books.count()
    jobs.run_all()
    assert books.count() == before, "a sweep that runs again posts nothing"

    # The estate pays.
    here.at(datetime(2026, 9, 17, 15, 0, 10, tzinfo=UTC))
    jobs.run_all()
    here.at(FRIDAY)
    here.pay_in("USD", amount, name="Acme Capital", address=BANK)
    jobs.run_all()
    adjustment.refresh_from_db()
    assert adjustment.status == "SETTLED"
    assert "RECEIVABLE USD" not in here.balances()
    books.proven()


def test_what_changed_meanwhile_is_asked_again_and_a_payment_in_flight_ends_first(acme: world.Firm) -> None:
    here.deal(acme, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    (net_set,) = NetSet.objects.all()
    agree_net_set(net_set_id=net_set.id, actor=acme.treasury)
    here.at(WEDNESDAY)
    jobs.run_all()
    marks(date(2026, 9, 15), BTC="20000")
    rita = staff("rita", "risk")
    given = {"client_code": "acme", "event": "INSOLVENCY", "evidence": "court", "marks_date": date(2026, 9, 15)}
    asked = ask_close_out(actor=rita, **given)
    here.deal(acme, Side.BUY, "1")  # received before anybody answered: it binds, and is not what was asked on
    assert answer(asked, "ron:risk").startswith("STALE")
    assert not CloseOut.objects.exists()
    assert here.release(here.only("READY").id) == "EXECUTED"
    jobs.run_all()
    assert here.only("SENT")
    with pytest.raises(PaymentInFlight):
        ask_close_out(actor=rita, **given)
    with pytest.raises(AlreadySettling):
        deal = Obligation.objects.filter(status="NETTED").values_list("trade_id", flat=True)[0]
        ask_redate(
            actor=staff("olga", "operations"), trade_id=deal, value_date=FRIDAY.date(), late="RECEIVE", note="", consent="mail"
        )  # fmt: skip
    books.proven()
