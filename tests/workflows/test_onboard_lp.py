"""An LP is taken on by sales, compliance, risk and operations together; nothing is dealt with it before, and its terms are versions."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError

from apps.approvals.models import Approval
from apps.clients import operations
from apps.clients.errors import BadLei, BadSsi, SsiKnown
from apps.clients.models import Account, Counterparty, Ssi, Terms
from apps.clients.operations import Place
from apps.core import clock, db
from apps.core.actor import Actor
from apps.core.errors import AppError
from apps.core.unit import use_case
from apps.credit.models import Grant, Line
from apps.settlement.models import Obligation
from apps.trades.errors import BadHedge
from apps.trades.models import Trade
from apps.users.errors import RoleMissing
from apps.workflows.book_hedge import ask_hedge
from apps.workflows.change_lp_terms import BadLp, LpTerms, ask_terms
from apps.workflows.decide_approval import decide_approval
from apps.workflows.import_fills import import_fills
from apps.workflows.load_list import load_list
from apps.workflows.onboard_lp import LpKnown, Newcomer, ask_onboarding, name_place
from apps.workflows.verify_ssi import Evidence, keep_number, request_verification
from tests import people, world
from tests.trades import books
from tests.trades.books import HEADER, execution, line, mids

pytestmark = pytest.mark.django_db(transaction=True)

TERMS = LpTerms("flowdesk", "main", "CLIENT_FIRST", netting="ISDA 2024-03-01", cutoff=time(15, 30), tenor=2, fee_bps=D("1.5"))
DOLLARS = Place("fedwire-usd", "", "USD", "021000021-9001", "CHASUS33")
QUASAR = Newcomer("quasar", "Quasar Markets AG", "CH", "LP", TERMS, limit=D(5_000_000), limit_until=date(2027, 3, 1), places=(DOLLARS,))


@pytest.fixture
def desk() -> dict[str, Actor]:
    return books.open_desk() | {"carl": people.staff("carl", "compliance"), "cora": people.staff("cora", "compliance")}


def sign(asked: Approval, *who: Actor) -> str:
    for one in who:
        done = decide_approval(approval_id=asked.id, actor=one, approve=True)
    return str(done.status)


def take_on(desk: dict[str, Actor], newcomer: Newcomer = QUASAR) -> None:
    asked = ask_onboarding(actor=desk["sam"], newcomer=newcomer)
    signers = [desk["carl"], desk["rita"], *([desk["olga"]] if newcomer.places else [])]
    assert sign(asked, *signers) == "EXECUTED", Approval.objects.get(id=asked.id).comment


def test_nothing_is_dealt_with_an_lp_before_everybody_has_signed(desk: dict[str, Actor]) -> None:
    asked = ask_onboarding(actor=desk["sam"], newcomer=QUASAR)
    ask = {"actor": desk["tara"], "execution": execution(counterparty="quasar", fee=None), "mids": mids()}
    for who in (desk["olga"], desk["carl"]):
        assert sign(asked, who) == "REQUESTED"
        with pytest.raises(BadHedge, match="quasar is not known"):
            ask_hedge(**ask)
    assert sign(asked, desk["rita"]) == "EXECUTED"

    lp = Counterparty.objects.get(code="quasar")
    account = Account.objects.get(owner=lp)
    assert (lp.status, account.status, lp.roles, lp.review_due) == ("APPROVED", "APPROVED", ["LP"], date(2027, 9, 15))
    (limit,) = Line.objects.filter(subject_id=lp.id)
    assert (limit.level, limit.measure, limit.amount) == ("LP", "PRE_SETTLEMENT", D(5_000_000))
    assert Grant.objects.get(line=limit).approved_by == desk["rita"].id
    (place,) = Ssi.objects.filter(account=account)
    assert (place.status, place.address, place.holder) == ("ACTIVE", "021000021-9001", "Quasar Markets AG")

    # 1.5 bps of 30,000 USD are 4.50, owed with it, two business days later
    assert sign(ask_hedge(**ask), desk["olga"]) == "EXECUTED"
    trade = Trade.objects.get(counterparty=lp)
    owed = {(o.direction, o.asset_id, o.amount, o.value_date) for o in Obligation.objects.filter(trade=trade)}
    assert owed == {("PAY", "USD", D("30004.5"), date(2026, 9, 17)), ("RECEIVE", "BTC", D("1.5"), date(2026, 9, 17))}
    assert books.positions() == {"BTC": D("1.5"), "USD": D("-30004.5")}


@use_case
def _agree_close_out(*, account: Account, now: datetime) -> Terms:
    old = Terms.objects.get(account=account)
    names = [f.attname for f in Terms._meta.concrete_fields if f.attname not in {"id", "account_id", "version"}]
    same = {name: getattr(old, name) for name in names if not name.startswith("effective_")}
    agreed = {"close_out_netting": True, "close_out_agreement": "ISDA 2024, 6(e)", "close_out_date": date(2024, 3, 1)}
    return operations.set_terms(account=account, now=now, **same | agreed)


def test_terms_are_versions_and_a_hedge_keeps_its_own(desk: dict[str, Actor]) -> None:
    take_on(desk, replace(QUASAR, places=()))
    buy = {"counterparty": "quasar", "quantity": "1"}
    import_fills(text=HEADER + line(execution_id="x-1", **buy), book_code="main", made_by=None)
    first = Trade.objects.get(execution_id="x-1")
    assert first.terms is not None
    _agree_close_out(account=first.terms.account)
    gross = replace(TERMS, mode="CREDIT", netting="", tenor=None)
    asked = ask_terms(actor=desk["tara"], code="quasar", terms=gross, reason="they left the agreement")
    assert (asked.before["terms"]["netting"], asked.payload["terms"]["netting"]) == ("ISDA 2024-03-01", "")
    assert sign(asked, desk["rita"]) == "EXECUTED"
    import_fills(text=HEADER + line(execution_id="x-2", **buy), book_code="main", made_by=None)
    second = Trade.objects.get(execution_id="x-2")
    assert second.terms is not None
    assert second.terms.close_out_agreement == "ISDA 2024, 6(e)", "what was not asked about stays as it is"
    assert [(t.version, t.mode, t.payment_netting, t.tenor) for t in (first.terms, second.terms)] == [
        (1, "CLIENT_FIRST", True, 2),
        (3, "CREDIT", False, None),
    ]
    days = dict(Obligation.objects.filter(asset_id="BTC").values_list("trade_id", "value_date"))
    assert days == {first.id: date(2026, 9, 17), second.id: date(2026, 9, 16)}, "the pair's own cycle again"
    with pytest.raises(BadLp, match="nothing changes"):
        ask_terms(actor=desk["tara"], code="quasar", terms=gross, reason="again")
    with pytest.raises(DatabaseError):
        db.run("UPDATE clients_terms SET netting_cutoff = '09:00', tenor = 1")
    other = ask_terms(actor=desk["sam"], code="lp", terms=replace(TERMS, fee_bps=D(0)), reason="its first ones")
    assert sign(other, desk["rita"]) == "EXECUTED"
    assert Terms.objects.get(account__owner__code="lp").version == 1


WRONG: list[tuple[dict[str, Any], type[AppError]]] = [
    ({"code": "lp"}, LpKnown),
    ({"code": "Quasar AG"}, BadLp),
    ({"name": ""}, BadLp),
    ({"lei": "529900T8BM49AURSDO54"}, BadLei),
    ({"lei": "529900 T8BM49AURSDO55"}, BadLei),
    ({"name": "Quasar\nMarkets"}, BadLp),
    ({"email": "a@b"}, BadLp),
    ({"country": "Switzerland"}, BadLp),
    ({"role": "CLIENT"}, BadLp),
    ({"role": "VENUE"}, BadLp),
    ({"limit_until": None}, BadLp),
    ({"limit_until": date(2026, 9, 14)}, BadLp),
    ({"limit": D(0)}, BadLp),
    ({"terms": replace(TERMS, book="nowhere")}, BadLp),
    ({"terms": replace(TERMS, mode="LATER")}, BadLp),
    ({"terms": replace(TERMS, mode="PREFUNDED")}, BadLp),
    ({"terms": replace(TERMS, zone="Mars/Olympus")}, BadLp),
    ({"terms": replace(TERMS, tenor=3)}, BadLp),
    ({"terms": replace(TERMS, fee_bps=D(-1))}, BadLp),
    ({"terms": replace(TERMS, fee_bps=D(1000))}, BadLp),
    ({"places": (replace(DOLLARS, asset="BTC"),)}, BadLp),
    ({"places": (replace(DOLLARS, address="021000022-1"),)}, BadSsi),
    ({"places": (DOLLARS, replace(DOLLARS, address="021000021-9002"))}, BadLp),
]


def test_what_cannot_be_is_refused_and_leaves_nothing(desk: dict[str, Actor]) -> None:
    for changes, error in WRONG:
        with pytest.raises(error):
            ask_onboarding(actor=desk["sam"], newcomer=replace(QUASAR, **changes))
    assert not Approval.objects.exists()


def test_who_may_ask_and_what_the_lists_say(desk: dict[str, Actor]) -> None:
    for name in ("tara", "olga", "rita"):
        with pytest.raises(RoleMissing):
            ask_onboarding(actor=desk[name], newcomer=QUASAR)
    with pytest.raises(RoleMissing):
        ask_terms(actor=desk["rita"], code="lp", terms=TERMS, reason="x")
    asked = ask_onboarding(actor=desk["carl"], newcomer=replace(QUASAR, places=()))
    assert asked.payload["screening"] == "clear"
    load_list(list_name="NEW", entries=[("Quasar Markets AG", "CH", "q-1")])
    assert sign(asked, desk["rita"], desk["cora"]) == "FAILED", "the lists have changed since it was asked"
    assert not Counterparty.objects.filter(code="quasar").exists()
    seen = ask_onboarding(actor=desk["sam"], newcomer=replace(QUASAR, places=()))
    assert seen.payload["screening"] == "Quasar Markets AG", "compliance signs knowing it"


def test_where_it_is_paid_changes_like_a_clients_place(desk: dict[str, Actor]) -> None:
    take_on(desk)
    keep_number(actor=desk["carl"], client="quasar", person="Ann", number="+41 44 668 1800")
    clock.freeze_desk(world.NOON + timedelta(seconds=1))
    other = replace(DOLLARS, address="021000021-9002")
    with pytest.raises(RoleMissing):
        name_place(actor=desk["tara"], code="quasar", place=other)
    with pytest.raises(SsiKnown):
        name_place(actor=desk["olga"], code="quasar", place=DOLLARS)
    ssi = name_place(actor=desk["olga"], code="quasar", place=other)
    assert ssi.status == "VERIFYING"
    one_alone = ", evidence_kind = 'CALL_BACK', verified_by = gen_random_uuid(), cooling_until = now()"
    for forged in ("", one_alone, ', evidence = \'{"x": "onboarding file"}\''):  # nobody proves it, or one person
        with pytest.raises(IntegrityError) as no:
            db.run(f"UPDATE clients_ssi SET status = 'APPROVED'{forged} WHERE id = %s", (ssi.id,))
        assert no.value.__cause__.diag.constraint_name == "clients_ssi_of_lp_by_two"  # type: ignore[union-attr]
    (number,) = db.one("SELECT id FROM clients_contactnumber")
    asked = request_verification(actor=desk["olga"], ssi_id=ssi.id, evidence=Evidence("CALL_BACK", person="Ann", number_id=number))
    assert sign(asked, desk["oscar"]) == "EXECUTED"
    ssi.refresh_from_db()
    assert (ssi.status, Ssi.objects.get(status="ACTIVE").address) == ("APPROVED", "021000021-9001"), "it cools off"
