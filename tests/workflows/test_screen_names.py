"""Names of members and parties against the lists, when they come and when a list grows; what a member asked for dies with its role."""

import threading
from collections.abc import Callable
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from flowdesk_client import sign as sign_request

from apps.approvals.models import Approval
from apps.clients.models import Member, Ssi
from apps.compliance import queries as compliance
from apps.compliance.models import Alert, ListEntry, Screening
from apps.compliance.operations.screening import list_based
from apps.core import clock
from apps.core.actor import Actor
from apps.events.models import Event
from apps.jobs import screening as jobs
from apps.pricing.feeds import bus
from apps.reports.queries import screened
from apps.settlement.models import Withdrawal
from apps.users.errors import RoleMissing
from apps.workflows.load_list import load_list
from apps.workflows.manage_members import Grant, ask_authority, ask_member
from apps.workflows.propose_ssi import propose_ssi
from apps.workflows.screen_names import BadClearance, ask_member_clearance
from apps.workflows.take_on_client import ask_clearance
from apps.workflows.transfer_balance import request_withdrawal
from tests import people, web, world
from tests.api.test_flights import HOST, ask
from tests.settlement import world as here
from tests.workflows.test_manage_members import ANN, sign

pytestmark = pytest.mark.django_db(transaction=True)
EVIDENCE = "another person: born 1990 in Bern, passport seen"


def members(key: Any) -> dict[str, str]:
    path = "/api/v1/members"
    answer = Client().get(path, headers={**sign_request(key, method="GET", host=HOST, path=path), "Host": HOST})
    return {one["name"]: one["status"] for one in answer.json()["data"]}


@pytest.fixture
def acme() -> world.Firm:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    here.open_house("USD")
    return world.firm("acme")


@pytest.fixture
def desk() -> dict[str, Actor]:
    roles = {"sam": "sales", "rita": "risk", "carl": "compliance", "cora": "compliance"}
    return {name: people.staff(name, role) for name, role in roles.items()}


def test_a_member_whom_a_list_knows_does_nothing_until_two_of_compliance_decided(acme: world.Firm, desk: dict[str, Actor]) -> None:
    load_list(list_name="OFAC", entries=[("Able, Ann", "US", "1")])
    assert sign(ask_member(actor=desk["sam"], **ANN), desk["carl"], desk["rita"]) == "EXECUTED"
    ann = Member.objects.get(name="Ann Able")
    assert ann.stopped_at == world.NOON and Alert.objects.get(rule="LISTED_NAME").subject_id == ann.id
    key = web.key_for(Actor(kind="MEMBER", id=ann.id, name=ann.name, client_id=acme.client_id, account_ids=frozenset({acme.account.id})))
    assert ask(key, "r-1").status_code == 401
    told = members(web.key_for(acme.trader))
    assert told["Ann Able"] == "SUSPENDED" and told["acme Trader"] == "ACTIVE"
    assert not Event.objects.filter(kind="member.stopped").exclude(public=None).exists(), "the client is not told"

    for who, evidence, no in (("sam", EVIDENCE, RoleMissing), ("carl", "no", BadClearance)):
        with pytest.raises(no):
            ask_member_clearance(actor=desk[who], member_id=ann.id, evidence=evidence)
    with pytest.raises(BadClearance):
        ask_member_clearance(actor=desk["carl"], member_id=acme.trader.id, evidence=EVIDENCE)
    asked = ask_member_clearance(actor=desk["carl"], member_id=ann.id, evidence=EVIDENCE)
    assert sign(asked, desk["cora"]) == "EXECUTED", Approval.objects.get(id=asked.id).comment
    assert ask(key, "r-1").status_code == 201
    # the same entry on record holds nothing back again when another list grows; a new one does
    load_list(list_name="OTHER", entries=[("Nobody Known", "", "2")])
    assert jobs.keep() > 0 and Member.objects.get(id=ann.id).stopped_at is None
    load_list(list_name="OTHER", entries=[("Anne Able", "", "3"), ("ANN ABLE", "", "4")])
    jobs.keep()
    assert Member.objects.get(id=ann.id).stopped_at is not None and Alert.objects.filter(rule="LISTED_NAME").count() == 2


def test_a_list_that_grows_is_held_against_everybody_once(acme: world.Firm, desk: dict[str, Actor]) -> None:
    assert acme.treasury.id is not None
    assert jobs.keep() == 0, "nothing was loaded"
    wanted = request_withdrawal(actor=acme.treasury, account_id=acme.account.id, asset="USD", amount=D(10), client_reference="w1")
    load_list(list_name="OFAC", entries=[("acme Treasury", "", "1"), ("Acme Capital", "", "2")])
    members = Member.objects.filter(counterparty=acme.client_id).count()
    assert jobs.keep() == members + 1 and jobs.keep() == 0
    load_list(list_name="OFAC", entries=[("acme Treasury", "", "1")])
    assert jobs.keep() == 0, "known entries change nothing"
    assert Member.objects.get(id=acme.treasury.id).stopped_at is not None and Withdrawal.objects.get(id=wanted.id).status == "CANCELLED"
    assert compliance.has_hit([acme.client_id]), "our payments to it wait at the gate"
    assert Alert.objects.filter(rule="LISTED_NAME").count() == 2
    clearing = ask_clearance(actor=desk["carl"], client="acme", evidence="another company: register and LEI seen")
    clock.freeze_desk(world.later(world.NOON, seconds=1))
    assert sign(clearing, desk["cora"]) == "EXECUTED", Approval.objects.get(id=clearing.id).comment
    assert not compliance.has_hit([acme.client_id]) and acme.account.owner.status == "APPROVED"
    load_list(list_name="LATER", entries=[("Somebody Else", "", "1")])
    jobs.keep()
    assert not compliance.has_hit([acme.client_id]) and Screening.objects.filter(subject_id=acme.client_id).count() > 3


def test_what_a_member_asked_for_dies_with_the_role(acme: world.Firm, desk: dict[str, Actor]) -> None:
    assert acme.treasury.id is not None
    wanted = request_withdrawal(actor=acme.treasury, account_id=acme.account.id, asset="USD", amount=D(10), client_reference="w1")
    draft = propose_ssi(
        actor=acme.treasury, account_id=acme.account.id, rail="fedwire-usd", asset="USD", address="021000021-2002", bic="CHASUS33",
        self_hosted=False, valid_until=None,
    )  # fmt: skip
    for roles, status in ((("viewer", "settlement"), "REQUESTED"), (("viewer",), "CANCELLED")):
        grant = Grant("acme-main", roles)
        asked = ask_authority(actor=desk["sam"], member_id=acme.treasury.id, grants=[grant], reason="moved to another desk")
        assert sign(asked, desk["carl"]) == "EXECUTED", Approval.objects.get(id=asked.id).comment
        assert Withdrawal.objects.get(id=wanted.id).status == status
    assert Ssi.objects.get(id=draft.id).status == "REJECTED"


def test_a_list_that_grows_while_a_name_is_decided_on_is_held_against_it_again(
    acme: world.Firm, desk: dict[str, Actor], settings: Any
) -> None:
    load_list(list_name="OFAC", entries=[("Acme Capital", "", "1")])
    jobs.keep()
    asked = ask_clearance(actor=desk["carl"], client="acme", evidence="another company: register and LEI seen")
    loading = threading.Thread(target=_load_apart)
    asked_once: list[str] = []

    def hook(name: str) -> list[str]:
        found = list(list_based(name))
        asked_once.append(name)
        loading.start()
        loading.join(0.5)  # it waits for the decision, or has put its entries in behind what was read
        return found

    hooks.append(hook)
    settings.SCREENING = "tests.workflows.test_screen_names.by_turns"
    clock.freeze_desk(world.later(world.NOON, seconds=1))
    assert sign(asked, desk["cora"]) == "EXECUTED", Approval.objects.get(id=asked.id).comment
    loading.join()
    assert asked_once == ["Acme Capital"] and not compliance.has_hit([acme.client_id])
    jobs.keep()
    assert compliance.has_hit([acme.client_id])


def test_names_that_cannot_be_looked_up_keep_nobody_waiting(acme: world.Firm, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    load_list(list_name="OFAC", entries=[("acme Treasury", "", "1")])
    monkeypatch.setattr(screened, "BATCH", 1)
    settings.SCREENING = "tests.workflows.test_screen_names.by_turns"

    def fails(name: str) -> list[str]:
        hooks.append(fails)
        if name != "acme Treasury":
            raise ConnectionError("the provider is down")
        return list(list_based(name))

    hooks.append(fails)
    try:
        assert jobs.keep() == 1
    finally:
        hooks.clear()
    assert acme.treasury.id is not None and Member.objects.get(id=acme.treasury.id).stopped_at is not None
    assert jobs.keep() > 1, "the others are due still"


def test_the_order_of_what_matches_says_nothing(acme: world.Firm, desk: dict[str, Actor], settings: Any) -> None:
    load_list(list_name="OFAC", entries=[("Acme Capital", "", "1"), ("Capital Acme", "", "2")])
    jobs.keep()
    asked = ask_clearance(actor=desk["carl"], client="acme", evidence="another company: register and LEI seen")
    settings.SCREENING = "tests.workflows.test_screen_names.by_turns"
    hooks.append(lambda name: sorted(list_based(name), reverse=asked.payload["screening"] == ", ".join(sorted(list_based(name)))))
    assert sign(asked, desk["cora"]) == "EXECUTED", Approval.objects.get(id=asked.id).comment


def test_lists_from_before_loads_were_noted_are_held_against_who_was_never_looked_up(acme: world.Firm) -> None:
    assert acme.treasury.id is not None
    ListEntry.objects.create(list_name="OFAC", name="acme Treasury")
    assert jobs.keep() > 0 and jobs.keep() == 0
    assert Member.objects.get(id=acme.treasury.id).stopped_at is not None


hooks: list[Callable[[str], list[str]]] = []  # one a name, in turn; then the lists


def by_turns(name: str) -> list[str]:
    return hooks.pop()(name) if hooks else list(list_based(name))


def _load_apart() -> None:
    try:
        load_list(list_name="LATER", entries=[("ACME CAPITAL", "", "2")])
    finally:
        connections.close_all()
