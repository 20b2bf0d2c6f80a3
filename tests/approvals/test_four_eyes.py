"""Promise 6: nobody checks what they made; superusers neither."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError

from apps.approvals import operations as approvals
from apps.approvals import queries
from apps.approvals.errors import ApprovalOpen, NotAChecker, SameHands
from apps.approvals.models import Approval
from apps.core import clock, db, ids
from apps.core.actor import SYSTEM, Actor
from apps.core.errors import IllegalMove, NotFound, Rejected
from apps.core.unit import step, use_case
from apps.workflows.decide_approval import decide_approval
from tests import world
from tests.people import staff
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
SUBJECT = UUID(int=4)
VERSION = ["v1"]


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    db.run("INSERT INTO clients_group (id, name) VALUES (%s, %s)", (ids.uuid7(), approval.payload["name"]))
    if approval.payload.get("refused"):
        raise Rejected("the limit is reached")
    if approval.payload.get("bug"):
        raise ZeroDivisionError


def version(approval: Approval) -> str:
    return VERSION[0]


@pytest.fixture(autouse=True)
def _kind(settings: Any, transactional_db: None) -> None:
    clock.freeze_desk(world.NOON)
    VERSION[0] = "v1"
    here = "tests.approvals.test_four_eyes"
    settings.APPROVALS = {"thing": {"execute": f"{here}.execute", "version": f"{here}.version"}}


@use_case
def ask(*, maker: Actor, payload: dict[str, Any] | None = None, subject: UUID = SUBJECT, kind: str = "thing", now: datetime) -> Approval:
    return approvals.request(
        kind=kind, subject_type="thing", subject_id=subject, subject_version="v1", title="Make a thing",
        payload=payload or {"name": "thing"}, maker=maker, checker_roles=["operations", "risk"], now=now,
    )  # fmt: skip


def made() -> list[str]:
    return [row[0] for row in db.run("SELECT name FROM clients_group")]


def kinds() -> list[str]:
    return [row[0] for row in db.run("SELECT kind FROM events_event ORDER BY position")]


def test_a_second_person_approves_and_it_is_done() -> None:
    olga, oscar = staff("olga", "operations"), staff("oscar", "operations")
    asked = ask(maker=olga)
    done = decide_approval(approval_id=asked.id, actor=oscar, approve=True, comment="seen")
    assert done.status == "EXECUTED"
    assert made() == ["thing"]
    assert kinds() == ["approval.requested", "approval.approved", "approval.executed"]
    kept = queries.get_approval(asked.id)
    assert (kept.maker_id, kept.checker_id, kept.decided_at) == (olga.id, oscar.id, world.NOON)


def test_a_rejection_does_nothing() -> None:
    asked = ask(maker=staff("olga", "operations"))
    assert decide_approval(approval_id=asked.id, actor=staff("oscar", "operations"), approve=False).status == "REJECTED"
    assert made() == []


@pytest.mark.parametrize("superuser", [False, True])
def test_the_maker_cannot_check_not_even_as_superuser(superuser: bool) -> None:
    olga = staff("olga", "operations", superuser=superuser)
    asked = ask(maker=olga)
    for approve in (True, False):
        with pytest.raises(SameHands):
            decide_approval(approval_id=asked.id, actor=olga, approve=approve)
    assert queries.get_approval(asked.id).status == "REQUESTED"
    assert made() == []


@pytest.mark.parametrize("roles", [["sales"], ["auditor"], ["admin"], []])
def test_another_role_cannot_check_not_even_as_superuser(roles: list[str]) -> None:
    asked = ask(maker=staff("olga", "operations"))
    with pytest.raises(NotAChecker):
        decide_approval(approval_id=asked.id, actor=staff("other", *roles, superuser=True), approve=True)
    assert queries.get_approval(asked.id).status == "REQUESTED"


def test_the_system_checks_nothing() -> None:
    asked = ask(maker=staff("olga", "operations"))
    with pytest.raises(SameHands):
        decide_approval(approval_id=asked.id, actor=SYSTEM, approve=True)


def test_what_has_changed_since_it_was_asked_is_stale_and_not_done() -> None:
    asked = ask(maker=staff("olga", "operations"))
    VERSION[0] = "v2"
    assert decide_approval(approval_id=asked.id, actor=staff("oscar", "operations"), approve=True).status == "STALE"
    assert made() == []
    assert kinds()[-1] == "approval.stale"


def test_a_refusal_while_executing_ends_it_failed_with_the_reason_and_undoes_the_effect() -> None:
    asked = ask(maker=staff("olga", "operations"), payload={"name": "thing", "refused": True})
    done = decide_approval(approval_id=asked.id, actor=staff("oscar", "operations"), approve=True)
    assert (done.status, done.comment) == ("FAILED", "the limit is reached")
    assert made() == []


def test_a_bug_while_executing_leaves_it_open() -> None:
    asked = ask(maker=staff("olga", "operations"), payload={"name": "thing", "bug": True})
    with pytest.raises(ZeroDivisionError):
        decide_approval(approval_id=asked.id, actor=staff("oscar", "operations"), approve=True)
    assert queries.get_approval(asked.id).status == "REQUESTED"
    assert made() == []


def test_an_expired_request_cannot_be_approved_any_more() -> None:
    asked = ask(maker=staff("olga", "operations"))
    clock.freeze_desk(world.NOON + timedelta(days=3))
    assert decide_approval(approval_id=asked.id, actor=staff("oscar", "operations"), approve=True).status == "EXPIRED"
    assert made() == []


def test_it_is_decided_once() -> None:
    asked, oscar = ask(maker=staff("olga", "operations")), staff("oscar", "operations")
    decide_approval(approval_id=asked.id, actor=oscar, approve=True)
    with pytest.raises(IllegalMove):
        decide_approval(approval_id=asked.id, actor=oscar, approve=True)
    assert made() == ["thing"]


def test_eight_checkers_at_once_execute_it_once() -> None:
    asked = ask(maker=staff("olga", "operations"))
    checkers = [staff(f"checker{n}", "risk") for n in range(8)]
    found = together(8, lambda index: decide_approval(approval_id=asked.id, actor=checkers[index], approve=True).status)
    assert sorted(str(one) if isinstance(one, str) else type(one).__name__ for one in found) == ["EXECUTED"] + ["IllegalMove"] * 7
    assert made() == ["thing"]


def test_the_same_is_asked_once_at_a_time() -> None:
    olga = staff("olga", "operations")
    asked = ask(maker=olga)
    with pytest.raises(ApprovalOpen):
        ask(maker=olga)
    ask(maker=olga, subject=UUID(int=5))
    decide_approval(approval_id=asked.id, actor=staff("oscar", "operations"), approve=False)
    assert ask(maker=olga).status == "REQUESTED"


def test_an_unknown_approval_is_not_found() -> None:
    with pytest.raises(NotFound):
        decide_approval(approval_id=ids.uuid7(), actor=staff("oscar", "operations"), approve=True)


@pytest.mark.parametrize(
    ("sql", "constraint"),
    [
        ("UPDATE approvals_approval SET status = 'APPROVED', checker_id = maker_id", "approval_four_eyes"),
        ("UPDATE approvals_approval SET status = 'APPROVED'", "approval_has_checker"),
        ("UPDATE approvals_approval SET checker_id = maker_id", "approval_four_eyes"),
        ("UPDATE approvals_approval SET status = 'EXECUTED', checker_id = gen_random_uuid()", "approvals_approval_status_moves"),
        ("UPDATE approvals_approval SET payload = '{}'", "approvals_approval_frozen"),
        ("UPDATE approvals_approval SET maker_id = gen_random_uuid()", "approvals_approval_frozen"),
        ("UPDATE approvals_approval SET checker_roles = '[\"sales\"]'", "approvals_approval_frozen"),
    ],
)
def test_raw_sql_cannot_pass_the_second_pair_of_eyes(sql: str, constraint: str) -> None:
    asked = ask(maker=staff("olga", "operations"))
    with pytest.raises(IntegrityError) as no:
        db.run(sql)
    assert no.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]
    assert queries.get_approval(asked.id).status == "REQUESTED"


def test_a_payload_changed_past_all_walls_is_not_executed(superuser_session: Any) -> None:
    asked = ask(maker=staff("olga", "operations"))
    superuser_session.execute("SET session_replication_role = replica")
    superuser_session.execute("""UPDATE approvals_approval SET payload = '{"name": "forged"}'""")
    superuser_session.execute("RESET session_replication_role")
    assert decide_approval(approval_id=asked.id, actor=staff("oscar", "operations"), approve=True).status == "FAILED"
    assert made() == []
