"""Where one checker is not enough: every signature, by different people, none of them the maker."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError

from apps.approvals import operations as approvals
from apps.approvals import queries
from apps.approvals.errors import NotAChecker, SameHands
from apps.approvals.models import Approval
from apps.approvals.rules import find_slot
from apps.core import clock, db, ids
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.workflows.decide_approval import decide_approval
from tests import world
from tests.people import staff

pytestmark = pytest.mark.django_db(transaction=True)
DONE: list[UUID] = []


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    DONE.append(approval.id)


def version(approval: Approval) -> str:
    return "v1"


@pytest.fixture(autouse=True)
def _kind(settings: Any, transactional_db: None) -> None:
    clock.freeze_desk(world.NOON)
    DONE.clear()
    here = "tests.approvals.test_signatures"
    settings.APPROVALS = {"thing": {"execute": f"{here}.execute", "version": f"{here}.version"}}


@use_case
def ask(*, maker: Actor, also: list[list[str]], now: datetime) -> Approval:
    return approvals.request(
        kind="thing", subject_type="thing", subject_id=UUID(int=4), subject_version="v1", title="Make a thing", payload={"a": 1},
        maker=maker, checker_roles=["operations"], also=also, now=now,
    )  # fmt: skip


def test_it_is_done_with_the_last_signature_and_not_before() -> None:
    asked = ask(maker=staff("olga", "operations"), also=[["compliance"]])
    oscar, cora = staff("oscar", "operations"), staff("cora", "compliance")
    assert queries.may_decide(asked, oscar)
    assert queries.may_decide(asked, cora)
    assert decide_approval(approval_id=asked.id, actor=oscar, approve=True, comment="called back").status == "REQUESTED"
    asked = queries.get_approval(asked.id)
    assert (DONE, queries.describe_missing(asked), queries.may_decide(asked, oscar)) == ([], ["compliance"], False)
    assert queries.count_waiting_for(oscar) == 0
    assert queries.count_waiting_for(cora) == 1
    assert decide_approval(approval_id=asked.id, actor=cora, approve=True).status == "EXECUTED"
    assert [asked.id] == DONE
    assert [(s.checker_name, s.comment) for s in asked.signatures.all()] == [("Oscar", "called back")]


def test_one_person_signs_once_whatever_roles_they_have() -> None:
    asked = ask(maker=staff("olga", "operations"), also=[["operations"]])
    oscar = staff("oscar", "operations")
    decide_approval(approval_id=asked.id, actor=oscar, approve=True)
    with pytest.raises(SameHands):
        decide_approval(approval_id=asked.id, actor=oscar, approve=True)
    assert DONE == []
    assert decide_approval(approval_id=asked.id, actor=staff("otto", "operations"), approve=True).status == "EXECUTED"


def test_a_role_whose_signature_is_there_already_is_not_needed_twice() -> None:
    asked = ask(maker=staff("olga", "operations"), also=[["compliance"]])
    decide_approval(approval_id=asked.id, actor=staff("oscar", "operations"), approve=True)
    with pytest.raises(NotAChecker):
        decide_approval(approval_id=asked.id, actor=staff("otto", "operations"), approve=True)
    assert decide_approval(approval_id=asked.id, actor=staff("cora", "compliance"), approve=False).status == "REJECTED"
    assert DONE == []


def test_the_database_says_the_same() -> None:
    olga, oscar = staff("olga", "operations"), staff("oscar", "operations")
    asked = ask(maker=olga, also=[["operations"]])
    sign = (
        "INSERT INTO approvals_signature (id, approval_id, slot, checker_id, checker_name, comment, signed_at) "
        "VALUES (%s, %s, %s, %s, 'x', '', now())"
    )
    with pytest.raises(IntegrityError, match="nobody signs what they made"):
        db.run(sign, (ids.uuid7(), asked.id, 0, olga.id))
    with pytest.raises(IntegrityError, match="a signature is missing"):
        db.run("UPDATE approvals_approval SET status = 'APPROVED', checker_id = %s WHERE id = %s", (oscar.id, asked.id))
    db.run(sign, (ids.uuid7(), asked.id, 0, oscar.id))
    with pytest.raises(IntegrityError, match="a signature is missing"):
        db.run("UPDATE approvals_approval SET status = 'APPROVED', checker_id = %s WHERE id = %s", (oscar.id, asked.id))


def test_of_two_signatures_that_fit_the_rarer_one_is_given() -> None:
    assert find_slot([["operations", "risk"], ["risk"]], [], {"risk"}) == 1
    assert find_slot([["operations", "risk"], ["risk"]], [1], {"risk"}) == 0
    assert find_slot([["operations"], ["risk"]], [], {"sales"}) is None
