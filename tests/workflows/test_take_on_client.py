"""A client is taken on by sales, compliance and risk together; one that the lists know waits until two of compliance have decided."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from apps.approvals.models import Approval
from apps.clients.errors import BadLei
from apps.clients.models import Account, Authority, Counterparty, Member, Terms
from apps.compliance import queries as compliance
from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import AppError, NotFound
from apps.events.models import Event
from apps.pricing.feeds import bus
from apps.users.errors import RoleMissing
from apps.workflows import client_terms
from apps.workflows.client_terms import BadTerms, ClientTerms
from apps.workflows.load_list import load_list
from apps.workflows.manage_members import BadMember
from apps.workflows.take_on_client import BadClient, ClientKnown, NewClient, Person, ask_clearance, ask_client
from tests import people, world
from tests import web as webs
from tests.api.test_flights import ask
from tests.workflows.test_manage_members import sign

pytestmark = pytest.mark.django_db(transaction=True)
TEAM = (
    Person("Ann Able", "ann@quasar.example", ("viewer", "trader"), D(250_000)),
    Person("Bob Best", "bob@quasar.example", ("settlement",)),
)
TERMS = ClientTerms(
    "flowdesk", "main", "CREDIT", ("BTC-USD",), D(1_000_000), tier="gold", markup_bps=D("1.5"), fee_bps=D("0.5"), netting="ISDA 2026"
)
QUASAR = NewClient("quasar", "Quasar Capital AG", "CYGNUSDEMO0000000160", "CH", "ops@quasar.example", TERMS, TEAM)


@pytest.fixture
def desk() -> dict[str, Actor]:
    clock.freeze_desk(world.NOON)
    roles = {"sam": "sales", "tara": "trader", "olga": "operations", "rita": "risk", "carl": "compliance", "cora": "compliance"}
    return {name: people.staff(name, role) for name, role in roles.items()}


def test_nothing_of_a_client_is_there_before_the_last_signature(desk: dict[str, Actor]) -> None:
    asked = ask_client(actor=desk["sam"], client=QUASAR)
    assert asked.payload["screening"] == "clear"
    assert sign(asked, desk["rita"]) == "REQUESTED"
    assert not Counterparty.objects.filter(code="quasar").exists() and not Member.objects.filter(name="Ann Able").exists()
    assert sign(asked, desk["carl"]) == "EXECUTED", Approval.objects.get(id=asked.id).comment
    client, account = Counterparty.objects.get(code="quasar"), Account.objects.get(code="quasar-main")
    assert (client.status, account.status, client.roles, client.lei) == ("APPROVED", "APPROVED", ["CLIENT"], "CYGNUSDEMO0000000160")
    terms = Terms.objects.get(account=account)
    assert (terms.mode, terms.tier, terms.pairs, terms.markup_bps, terms.fee_bps) == ("CREDIT", "gold", ["BTC-USD"], D("1.5"), D("0.5"))
    assert (terms.auto_max_usd, terms.payment_netting, terms.netting_agreement) == (D(1_000_000), True, "ISDA 2026")
    assert client_terms.read(terms) == TERMS, "and what nobody named is usual"
    held = {one.member.name: (one.roles, one.dealing_limit) for one in Authority.objects.filter(account=account)}
    assert held == {"Ann Able": (["viewer", "trader"], D(250_000)), "Bob Best": (["settlement"], None)}
    with pytest.raises(ClientKnown):
        ask_client(actor=desk["sam"], client=QUASAR)
    with pytest.raises(ClientKnown):
        ask_client(actor=desk["sam"], client=replace(QUASAR, code="quasar-2"))


def test_a_name_that_the_lists_know_waits_for_two_of_compliance(desk: dict[str, Actor]) -> None:
    bus.publish([world.depth()])
    asked = ask_client(actor=desk["sam"], client=replace(QUASAR, terms=replace(TERMS, mode="CLIENT_FIRST")))
    load_list(list_name="NEW", entries=[("Quasar Capital AG", "CH", "q-1")])
    assert sign(asked, desk["carl"], desk["rita"]) == "EXECUTED"
    client, account = Counterparty.objects.get(code="quasar"), Account.objects.get(code="quasar-main")
    assert (client.status, account.status, compliance.has_hit([client.id])) == ("ONBOARDING", "ONBOARDING", True)
    key = webs.key_for(_ann(account))
    assert ask(key, "r-1").json()["code"] == "account_unavailable"

    evidence = "another company: founded 2019 in Zug, LEI and register seen"
    for name in ("sam", "rita"):
        with pytest.raises(RoleMissing):
            ask_clearance(actor=desk[name], client="quasar", evidence=evidence)
    with pytest.raises(BadClient):
        ask_clearance(actor=desk["carl"], client="quasar", evidence="")
    with pytest.raises(NotFound):
        ask_clearance(actor=desk["carl"], client="nobody", evidence=evidence)
    stale = ask_clearance(actor=desk["carl"], client="quasar", evidence=evidence)
    load_list(list_name="NEWER", entries=[("QUASAR CAPITAL AG", "CH", "q-2")])
    assert sign(stale, desk["cora"]) == "FAILED", "the lists say more than was seen"
    clearing = ask_clearance(actor=desk["carl"], client="quasar", evidence=evidence)
    clock.freeze_desk(world.NOON + timedelta(seconds=1))
    assert sign(clearing, desk["cora"]) == "EXECUTED", Approval.objects.get(id=clearing.id).comment
    client.refresh_from_db()
    account.refresh_from_db()
    assert (client.status, account.status, compliance.has_hit([client.id])) == ("APPROVED", "APPROVED", False)
    told = Event.objects.get(kind="screening.cleared").house
    assert evidence in told["evidence"] and "Quasar Capital AG" in told["matches"]
    assert ask(key, "r-2").json().get("code") != "account_unavailable"
    with pytest.raises(BadClient):
        ask_clearance(actor=desk["carl"], client="quasar", evidence=evidence)


def _ann(account: Account) -> Actor:
    ann = Member.objects.get(name="Ann Able")
    return Actor(kind="MEMBER", id=ann.id, name=ann.name, client_id=account.owner_id, account_ids=frozenset({account.id}))


def test_what_cannot_be_is_refused_by_field_and_leaves_nothing(desk: dict[str, Actor]) -> None:
    ann, bob = TEAM
    wrong: list[tuple[dict[str, Any], type[AppError], str]] = [
        *(({"code": code}, BadClient, "code") for code in ("", "Quasar AG", "a" * 26)),
        *(({"name": name}, BadClient, "name") for name in ("", "a\nb", "a" * 111)),
        *(({"lei": lei}, BadLei, "lei") for lei in ("", "CYGNUSDEMO0000000161", "CYGNUSDEMO 0000000160")),
        ({"country": "Switzerland"}, BadClient, "country"), ({"email": "ops"}, BadMember, "email"),
        ({"terms": replace(TERMS, book="nowhere")}, BadTerms, "book"), ({"terms": replace(TERMS, entity="other")}, BadTerms, "book"),
        ({"terms": replace(TERMS, mode="LATER")}, BadTerms, "mode"), ({"terms": replace(TERMS, tier="")}, BadTerms, "tier"),
        *(({"terms": replace(TERMS, pairs=pairs)}, BadTerms, "pairs") for pairs in ((), ("BTC-XXX",), ("BTC-USD", "BTC-USD"))),
        *(({"terms": replace(TERMS, fee_bps=D(n))}, BadTerms, "fee_bps") for n in ("-1", "1000", "NaN", "0.0000001")),
        ({"terms": replace(TERMS, markup_bps=D(-1001))}, BadTerms, "markup_bps"),
        ({"terms": replace(TERMS, auto_max_usd=D(-1))}, BadTerms, "auto_max_usd"),
        ({"terms": replace(TERMS, netting="x" * 81)}, BadTerms, "netting"),
        ({"members": (ann,)}, BadClient, "members"), ({"members": (ann, ann)}, BadClient, "members"),
        ({"members": (ann, replace(bob, email=""))}, BadMember, "email_2"),
        ({"members": (replace(ann, roles=("owner",)), bob)}, BadMember, "roles_1"),
        ({"members": (ann, replace(bob, roles=()))}, BadClient, "roles_2"),
        ({"members": (ann, replace(bob, dealing_limit=D(1)))}, BadMember, "limit_2"),
    ]  # fmt: skip
    for changes, error, pointer in wrong:
        with pytest.raises(error) as no:
            ask_client(actor=desk["sam"], client=replace(QUASAR, **changes))
        assert no.value.extra["pointer"] == pointer, changes
    for name in ("tara", "olga", "rita"):
        with pytest.raises(RoleMissing):
            ask_client(actor=desk[name], client=QUASAR)
    assert not Approval.objects.exists()
