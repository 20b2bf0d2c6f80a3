"""A client's terms change, and it deals on another account: asked by one, signed by others, in versions; deals keep their own."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, time, timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import IntegrityError, connections

from apps.approvals.errors import NotAChecker, SameHands
from apps.approvals.models import Approval
from apps.clients import queries
from apps.clients.models import Account, Authority, Member, Terms
from apps.core import clock, db, ids
from apps.core.actor import Actor
from apps.core.errors import AppError, NotFound
from apps.credit.models import Reservation
from apps.events.models import Event
from apps.jobs import rfqs as sweeps
from apps.pricing.feeds import bus
from apps.reports.queries.desk import clients as shown
from apps.rfqs.models import Quote, Rfq
from apps.trades.models import Trade
from apps.users.errors import RoleMissing
from apps.workflows import client_terms, quoting
from apps.workflows.change_terms import TermsInUse, TermsToCome, ask_terms, end_dropped
from apps.workflows.client_terms import BadTerms, ClientTerms
from apps.workflows.manage_members import Grant, ask_authority
from apps.workflows.open_account import AccountKnown, BadAccount, NewAccount, ask_account
from apps.workflows.take_on_client import ClientKnown, ask_client
from tests import people, world
from tests import web as webs
from tests.api.test_flights import accept, ask, post
from tests.workflows.test_manage_members import sign
from tests.workflows.test_take_on_client import QUASAR

pytestmark = pytest.mark.django_db(transaction=True)
WHY = {"reason": "as agreed on the phone"}


@pytest.fixture
def acme() -> world.Firm:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    return world.firm("acme")


@pytest.fixture
def desk() -> dict[str, Actor]:
    roles = {"sam": "sales", "tara": "trader", "olga": "operations", "rita": "risk", "carl": "compliance"}
    return {name: people.staff(name, role) for name, role in roles.items()}


def held(code: str = "acme-main") -> ClientTerms:
    return client_terms.read(Terms.objects.get(account__code=code, effective_until=None))


def test_other_terms_hold_from_risks_signature_on_and_a_quote_keeps_its_own(acme: world.Firm, desk: dict[str, Actor]) -> None:
    key = webs.key_for(acme.trader)
    quoted = ask(key, "r-1")
    wanted = replace(
        held(), markup_bps=D("2.5"), tier="gold", fee_bps=D(1), fee_mode="ADDED", cutoff=time(15, 30), close_out="ISDA 2026",
        close_out_date=date(2026, 9, 1), prehedge_consent="letter of 1 September", fair_use_hard=400, auto_max_usd=D(1_000),
    )  # fmt: skip
    asked = ask_terms(actor=desk["tara"], account="acme-main", terms=wanted, **WHY)
    assert "markup bps" in asked.title and asked.before["terms"]["markup_bps"] == "0" and asked.payload["terms"]["markup_bps"] == "2.5"
    for nobody, no in (("tara", SameHands), ("olga", NotAChecker)):
        with pytest.raises(no):
            sign(asked, desk[nobody])
    clock.freeze_desk(world.NOON + timedelta(seconds=1))
    assert sign(asked, desk["rita"]) == "EXECUTED", Approval.objects.get(id=asked.id).comment
    assert client_terms.told(held()) == client_terms.told(wanted)
    first, second = Terms.objects.filter(account=acme.account).order_by("version")
    assert first.effective_until == second.effective_from == world.NOON + timedelta(seconds=1) and second.version == 2
    (_, changes), (_, born) = client_terms.list_changes([second, first])
    assert ("tier", "standard", "gold") in {(c.field, c.old, c.new) for c in changes} and len(changes) == 10 and len(born) > 10

    told = Event.objects.get(kind="terms.changed", client_id=acme.client_id).public
    assert told is not None and (told["version"], told["fee_bps"], told["close_out_date"]) == (2, "1", "2026-09-01")
    assert not {"markup_bps", "tier", "auto_max_usd"} & set(told), "what it pays is its own business, how it is priced is ours"
    # a firm quote stands, at its price; the next request is priced by the new terms: too large for a quote by itself
    assert accept(key, quoted).status_code == 201
    assert Trade.objects.get().terms_id == first.id
    assert ask(key, "r-2").json()["status"] == "RECEIVED"
    assert Rfq.objects.get(client_rfq_id="r-2").terms_id == second.id

    with pytest.raises(BadTerms, match="nothing changes"):
        ask_terms(actor=desk["sam"], account="acme-main", terms=wanted, **WHY)
    with pytest.raises(TermsInUse, match="obligations"):
        ask_terms(actor=desk["sam"], account="acme-main", terms=replace(wanted, mode="PREFUNDED"), **WHY)


def test_terms_from_a_later_instant_on(acme: world.Firm, desk: dict[str, Actor]) -> None:
    key, at = webs.key_for(acme.trader), world.NOON + timedelta(hours=1)
    wanted = replace(held(), auto_max_usd=D(1_000), fee_bps=D(1), fee_mode="ADDED")
    asked = ask_terms(actor=desk["sam"], account="acme-main", terms=wanted, effective_from=at, **WHY)
    assert "from 2026-09-15 13:00:00 UTC" in asked.title and asked.payload["effective_from"] == "2026-09-15T13:00:00.000000Z"
    assert sign(asked, desk["rita"]) == "EXECUTED", Approval.objects.get(id=asked.id).comment
    told = Event.objects.get(kind="terms.changed", client_id=acme.client_id).public
    assert told is not None and (told["version"], told["effective_from"]) == (2, "2026-09-15T13:00:00.000000Z")
    first, second = Terms.objects.filter(account=acme.account).order_by("version")
    assert first.effective_until == second.effective_from == at

    def stands(now: Any) -> tuple[int, int]:
        clock.freeze_desk(now)
        bus.publish([world.depth(at=now)])
        (row,) = shown.list_accounts(acme.client_id)
        return queries.get_terms(acme.account.id, now).version, row.version

    with pytest.raises(TermsToCome, match="version 2 of acme-main from 2026-09-15 13:00:00 UTC"):
        ask_terms(actor=desk["sam"], account="acme-main", terms=replace(wanted, tier="gold"), effective_from=at + timedelta(1), **WHY)
    assert stands(at - timedelta(seconds=5)) == (1, 1)
    quoted = ask(key, "r-1")  # by itself, as the old terms say
    assert stands(at) == (2, 2)
    assert accept(key, quoted).status_code == 201
    assert Trade.objects.get().terms_id == first.id  # the quote was made before, and keeps its terms
    assert ask(key, "r-2").json()["status"] == "RECEIVED"  # too large for a price by itself, by the new ones
    assert Rfq.objects.get(client_rfq_id="r-2").terms_id == second.id
    again = ask_terms(actor=desk["sam"], account="acme-main", terms=replace(wanted, tier="gold"), effective_from=at + timedelta(1), **WHY)
    assert "tier" in again.title


@pytest.mark.parametrize("change", [{}, {"tier": "gold"}], ids=["taken back", "others"])
def test_what_is_signed_for_at_once_takes_the_place_of_terms_to_come(acme: world.Firm, desk: dict[str, Actor], change: Any) -> None:
    at, signed = world.NOON + timedelta(hours=2), world.NOON + timedelta(hours=1)
    stood = held()
    ahead = ask_terms(actor=desk["sam"], account="acme-main", terms=replace(stood, fee_bps=D(9)), effective_from=at, **WHY)
    assert sign(ahead, desk["rita"]) == "EXECUTED"
    instead = ask_terms(actor=desk["sam"], account="acme-main", terms=replace(stood, **change), **WHY)
    assert "instead of version 2" in instead.title
    clock.freeze_desk(signed)
    assert sign(instead, desk["rita"]) == "EXECUTED", Approval.objects.get(id=instead.id).comment
    first, second, third = Terms.objects.filter(account=acme.account).order_by("version")
    assert (first.effective_until, third.effective_from, third.effective_until) == (signed, signed, None)
    assert second.effective_until == second.effective_from == at, "it never was in force"
    for now, version in ((signed - timedelta(seconds=1), 1), (signed, 3), (at, 3), (at + timedelta(days=9), 3)):
        assert queries.get_terms(acme.account.id, now).version == version
    clock.freeze_desk(at)
    assert client_terms.told(held()) == client_terms.told(replace(stood, **change))


@pytest.mark.parametrize(
    ("change", "hours", "pointer"),
    [
        ({"tier": "gold"}, 0, "effective_from"),
        ({"tier": "gold"}, -1, "effective_from"),
        ({"tier": "gold"}, 367 * 24, "effective_from"),
        ({"mode": "CLIENT_FIRST"}, 1, "mode"),
        ({"safeguarded": True}, 1, "safeguarded"),
    ],
)
def test_what_cannot_be_agreed_ahead_is_named(
    acme: world.Firm, desk: dict[str, Actor], change: dict[str, Any], hours: int, pointer: str
) -> None:
    at = world.NOON + timedelta(hours=hours)
    with pytest.raises(BadTerms) as no:
        ask_terms(actor=desk["sam"], account="acme-main", terms=replace(held(), **change), effective_from=at, **WHY)
    assert no.value.extra["pointer"] == pointer


def test_an_instant_that_has_come_when_they_are_signed_is_the_signature(acme: world.Firm, desk: dict[str, Actor]) -> None:
    wanted = replace(held(), tier="gold")
    asked = ask_terms(actor=desk["sam"], account="acme-main", terms=wanted, effective_from=world.NOON + timedelta(minutes=1), **WHY)
    signed = world.NOON + timedelta(minutes=2)
    clock.freeze_desk(signed)
    assert sign(asked, desk["rita"]) == "EXECUTED"
    assert Terms.objects.get(account=acme.account, version=2).effective_from == signed
    with pytest.raises(IntegrityError, match="terms_in_order"):
        db.run("UPDATE clients_terms SET effective_until = %s WHERE version = 2", (world.NOON,))


def test_a_request_ends_where_the_new_terms_leave_no_such_deal(acme: world.Firm, desk: dict[str, Actor]) -> None:
    key = webs.key_for(acme.trader)
    for n, change in enumerate(({"mode": "CLIENT_FIRST"}, {"pairs": ("EUR-USD",)}), 1):
        assert ask(key, f"r-{n}").json()["status"] == "QUOTED"
        asked = ask_terms(actor=desk["sam"], account="acme-main", terms=replace(held(), **change), **WHY)
        assert sign(asked, desk["rita"]) == "EXECUTED", Approval.objects.get(id=asked.id).comment
        rfq = Rfq.objects.get(client_rfq_id=f"r-{n}")
        assert (rfq.status, rfq.end_reason) == ("REJECTED", "terms_changed")
        assert (Quote.objects.get(rfq=rfq).status, Quote.objects.get(rfq=rfq).end_reason) == ("WITHDRAWN", "DESK")
        assert not Reservation.objects.filter(status="RESERVED").exists()
    assert ask(key, "r-3").json()["code"] == "instrument_not_allowed"


def test_terms_from_a_later_instant_end_what_they_leave_no_deal_for_when_they_are_in_force(
    acme: world.Firm, desk: dict[str, Actor]
) -> None:
    key, at = webs.key_for(acme.trader), world.NOON + timedelta(seconds=4)
    assert ask(key, "r-1").json()["status"] == "QUOTED"
    asked = ask_terms(actor=desk["sam"], account="acme-main", terms=replace(held(), pairs=("EUR-USD",)), effective_from=at, **WHY)
    assert sign(asked, desk["rita"]) == "EXECUTED", Approval.objects.get(id=asked.id).comment
    rfq = Rfq.objects.get()
    clock.freeze_desk(at - timedelta(seconds=1))
    assert (sweeps.sweep_dropped(), Rfq.objects.get().status) == (0, "QUOTED")
    clock.freeze_desk(at)
    assert [sweeps.sweep_dropped() for _ in range(2)] == [1, 0]
    rfq.refresh_from_db()
    assert (rfq.status, rfq.end_reason) == ("REJECTED", "terms_changed")
    assert (Quote.objects.get().status, Quote.objects.get().end_reason) == ("WITHDRAWN", "DESK")
    assert not Reservation.objects.filter(status="RESERVED").exists()
    told = Event.objects.filter(client_id=acme.client_id, subject_id__in=[rfq.id, Quote.objects.get().id]).order_by("client_seq")
    assert [one.kind for one in told][-2:] == ["quote.withdrawn", "rfq.rejected"]
    assert end_dropped(rfq_id=rfq.id) is None, "it has ended"


def test_terms_that_cannot_be_are_refused_by_field(acme: world.Firm, desk: dict[str, Actor]) -> None:
    now = held()
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"book": "nowhere"}, "book"), ({"entity": "other"}, "book"), ({"mode": "LATER"}, "mode"), ({"pairs": ()}, "pairs"),
        ({"pairs": ("BTC-XXX",)}, "pairs"), ({"tier": "Gold!"}, "tier"), ({"markup_bps": D("NaN")}, "markup_bps"),
        ({"fee_bps": D(-1)}, "fee_bps"), ({"fee_mode": "FREE"}, "fee_mode"), ({"auto_max_usd": D("0.001")}, "auto_max_usd"),
        ({"auto_credit_share": D("1.01")}, "auto_credit_share"), ({"min_life_ms": -1}, "min_life_ms"),
        ({"fair_use_from": 0}, "fair_use_from"), ({"fair_use_hard": 199}, "fair_use_hard"), ({"netting": "x" * 81}, "netting"),
        ({"zone": "Mars/Base"}, "zone"), ({"close_out": "ISDA"}, "close_out_date"),
        ({"close_out_date": date(2026, 1, 1)}, "close_out_date"),
        ({"prehedge_consent": "a\nb"}, "prehedge_consent"),
    ]  # fmt: skip
    for changes, pointer in wrong:
        with pytest.raises(BadTerms) as no:
            ask_terms(actor=desk["sam"], account="acme-main", terms=replace(now, **changes), **WHY)
        assert no.value.extra["pointer"] == pointer, changes
    refused: list[tuple[str, str, type[AppError]]] = [
        ("olga", "acme-main", RoleMissing),
        ("rita", "acme-main", RoleMissing),
        ("sam", "none", NotFound),
    ]
    for who, account, error in refused:
        with pytest.raises(error):
            ask_terms(actor=desk[who], account=account, terms=replace(now, tier="gold"), **WHY)
    assert not Approval.objects.exists()


def test_another_account_is_there_when_compliance_and_risk_have_signed(acme: world.Firm, desk: dict[str, Actor]) -> None:
    both = ("acme Trader", "acme Treasury")
    fund = NewAccount("acme", "acme-fund", "Acme fund two", replace(held(), mode="CLIENT_FIRST", tier="gold"), both)
    wrong: list[tuple[dict[str, Any], type[AppError], str]] = [
        ({"code": "fund"}, BadAccount, "code"), ({"code": "acme-Fund"}, BadAccount, "code"), ({"name": ""}, BadAccount, "name"),
        ({"members": both[:1]}, BadAccount, "members"), ({"members": (*both, "Mallory")}, BadAccount, "members"),
        ({"terms": replace(fund.terms, tier="")}, BadTerms, "tier"), ({"code": "acme-main"}, AccountKnown, "code"),
    ]  # fmt: skip
    for changes, error, pointer in wrong:
        with pytest.raises(error) as no:
            ask_account(actor=desk["sam"], account=replace(fund, **changes), **WHY)
        assert no.value.extra["pointer"] == pointer, changes
    with pytest.raises(RoleMissing):
        ask_account(actor=desk["tara"], account=fund, **WHY)
    asked = ask_account(actor=desk["sam"], account=fund, **WHY)
    assert sign(asked, desk["rita"]) == "REQUESTED" and not Account.objects.filter(code="acme-fund").exists()
    assert sign(asked, desk["carl"]) == "EXECUTED", Approval.objects.get(id=asked.id).comment
    made = Account.objects.get(code="acme-fund")
    assert (made.status, made.is_default, made.owner_id, held("acme-fund")) == ("APPROVED", False, acme.client_id, fund.terms)
    granted = {one.member.name: one.roles for one in Authority.objects.filter(account=made)}
    assert granted == {one.member.name: one.roles for one in Authority.objects.filter(account=acme.account) if one.member.name in both}
    opened = Event.objects.get(kind="account.opened")
    assert (opened.account_id, opened.public["code"], opened.public["status"]) == (made.id, "acme-fund", "APPROVED")  # type: ignore[index]
    # whoever's key names all accounts deals on it at once; its credit is the client's own line
    answer = ask(webs.key_for(world.actor_of(acme.account, "Trader")), "r-1", account_id=ids.encode("acc", made.id)).json()
    assert answer["status"] == "QUOTED", answer


def test_an_account_is_opened_for_those_who_may_still_do_what_was_signed(acme: world.Firm, desk: dict[str, Actor]) -> None:
    both = ("acme Trader", "acme Treasury")
    fund = NewAccount("acme", "acme-fund", "Acme fund two", held(), both)
    asked = ask_account(actor=desk["sam"], account=fund, **WHY)
    assert sign(asked, desk["rita"]) == "REQUESTED"
    less = ask_authority(actor=desk["sam"], member_id=acme.trader.id, grants=[Grant("acme-main", ("viewer",))], reason="moved")  # type: ignore[arg-type]
    assert sign(less, desk["carl"]) == "EXECUTED"
    assert sign(asked, desk["carl"]) == "FAILED" and not Account.objects.filter(code="acme-fund").exists()
    assert "acme Trader" in Approval.objects.get(id=asked.id).comment
    Member.objects.filter(id=acme.treasury.id).update(stopped_at=world.NOON)
    with pytest.raises(BadAccount) as no:
        ask_account(actor=desk["sam"], account=fund, **WHY)
    assert no.value.extra["pointer"] == "members", "one whom the lists know asks for nothing there"


def test_the_code_of_a_newcomers_account_is_nobodys(acme: world.Firm, desk: dict[str, Actor]) -> None:
    newcomer = replace(QUASAR, code="acme-two")
    waiting = ask_client(actor=desk["sam"], client=newcomer)
    taken = NewAccount("acme", "acme-two-main", "Acme two", held(), ("acme Trader", "acme Treasury"))
    assert sign(ask_account(actor=desk["sam"], account=taken, **WHY), desk["carl"], desk["rita"]) == "EXECUTED"
    assert sign(waiting, desk["rita"], desk["carl"]) == "STALE"
    with pytest.raises(ClientKnown):
        ask_client(actor=desk["sam"], client=newcomer)


def test_the_history_of_terms_takes_as_many_queries_whatever_its_length(
    acme: world.Firm, desk: dict[str, Actor], django_assert_num_queries: Any
) -> None:
    (first,) = Terms.objects.filter(account=acme.account)
    for versions in ([first], [first] * 5):
        with django_assert_num_queries(1):
            assert len(client_terms.list_changes(versions)) == len(versions)


def test_a_request_that_was_under_way_while_the_terms_changed_is_not_dealt_under_the_old_ones(
    acme: world.Firm, desk: dict[str, Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has read its terms, and reserves behind the change: no gate of its was there to close, and nobody saw it to end it."""
    real = quoting.require_market

    def meanwhile(*of: Any) -> Any:
        monkeypatch.setattr(quoting, "require_market", real)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(_signed_apart, asked, desk["rita"]).result() == "EXECUTED"
        return real(*of)

    key = webs.key_for(acme.trader)
    asked = ask_terms(actor=desk["sam"], account="acme-main", terms=replace(held(), mode="CLIENT_FIRST"), **WHY)
    monkeypatch.setattr(quoting, "require_market", meanwhile)
    quoted = ask(key, "r-1")
    assert quoted.json()["status"] == "QUOTED" and held().mode == "CLIENT_FIRST"
    assert Rfq.objects.get().terms.mode == "CREDIT"
    assert accept(key, quoted).json()["code"] == "quote_withdrawn"
    asked = ask_terms(actor=desk["sam"], account="acme-main", terms=replace(held(), mode="CREDIT"), **WHY)
    monkeypatch.setattr(quoting, "require_market", meanwhile)
    order = {
        "client_order_id": "o-2",
        "instrument": "BTC-USD",
        "side": "buy",
        "quantity": "1",
        "limit_price": "99000",
        "time_in_force": "FOK",
    }
    answer = post(key, "/api/v1/orders", order | {"time_in_force": "FOK"}).json()
    assert (answer["code"], "terms" in answer["detail"], held().mode) == ("price_not_met", True, "CREDIT"), answer
    assert not Trade.objects.exists()


def _signed_apart(asked: Approval, by: Actor) -> str:
    try:
        return sign(asked, by)
    finally:
        connections.close_all()
