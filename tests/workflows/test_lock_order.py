"""A member's row before its account's, whoever comes: what a member does and what stops the member never wait for each other."""

import secrets
import threading
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from apps.clients import queries
from apps.clients.models import ApiKey, Member
from apps.jobs import screening as jobs
from apps.settlement.errors import NotAllowed
from apps.workflows import asked_for
from apps.workflows.ask_for_keys import ask_for_key
from apps.workflows.close_member import close_member
from apps.workflows.decide_approval import decide_approval
from apps.workflows.load_list import load_list
from apps.workflows.propose_ssi import approve_ssi, revoke_own_ssi
from tests import people, world
from tests.settlement import world as here
from tests.together import together
from tests.workflows.test_ssis import BANK, controller, propose, status

pytestmark = pytest.mark.django_db(transaction=True)
WAITING = 0.4  # time enough to come to a lock; without one the test is not wrong, only blind


@pytest.mark.parametrize("act", [approve_ssi, revoke_own_ssi])
def test_a_member_acts_while_the_lists_stop_it(act: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    here.open_house("USD")
    acme = world.firm("acme")
    mine, theirs = propose(acme), propose(acme, who=controller(acme), **(BANK | {"address": "GB82WEST12345698765432"}))
    load_list(list_name="OFAC", entries=[("acme Treasury", "", "1")])
    stopped, acted, end = threading.Event(), threading.Event(), asked_for.end_requests

    def end_later(**kw: Any) -> None:
        stopped.set()  # the member's row is held, the accounts' are not yet
        acted.wait(WAITING)
        end(**kw)

    monkeypatch.setattr(asked_for, "end_requests", end_later)

    def run(number: int) -> Any:
        if number == 0:
            return jobs.keep()
        assert stopped.wait(60)
        try:
            return act(actor=acme.treasury, ssi_id=theirs.id)
        finally:
            acted.set()

    kept, refused = together(2, run)
    assert isinstance(kept, int) and isinstance(refused, NotAllowed)
    assert Member.objects.get(id=acme.treasury.id).stopped_at is not None
    assert (status(mine), status(theirs)) == ("REJECTED", "DRAFT")


def test_a_request_is_decided_while_its_member_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked between the look at the requests and the member's lock, and held by who decides on it when that lock is there."""
    acme, ada, cora = world.firm("acme"), people.staff("ada", "admin"), people.staff("cora", "compliance")
    listed, lock, deciding = asked_for._list_open, queries.lock_member, threading.local()
    asked, held, looked = threading.Event(), threading.Event(), threading.Event()
    looks: list[int] = []

    def list_open(member_id: Any) -> Any:
        found = listed(member_id)
        looks.append(len(found))
        if len(looks) == 1:
            assert asked.wait(60) and held.wait(60)  # one is asked for, and the decider has it
        elif len(looks) == 2:
            looked.set()  # the member's row is ours
            return listed(member_id)
        return found

    def lock_member(member_id: Any) -> Any:
        if getattr(deciding, "now", False):
            held.set()
            assert looked.wait(60)
        return lock(member_id)

    monkeypatch.setattr(asked_for, "_list_open", list_open)
    monkeypatch.setattr(queries, "lock_member", lock_member)

    def run(number: int) -> Any:
        if number == 0:
            return close_member(actor=ada, member_id=acme.treasury.id)
        public_key = b64encode(secrets.token_bytes(32)).decode()
        wanted = {"public_key": public_key, "scopes": ["read"], "cidrs": [], "account_ids": [], "caps": {}, "days": 30}
        asking = ask_for_key(actor=ada, member_id=acme.treasury.id, **wanted)
        asked.set()
        deciding.now = True
        return decide_approval(approval_id=asking.id, actor=cora, approve=True)

    closed, decided = together(2, run)
    assert isinstance(closed, Member) and closed.closed_at is not None, closed
    assert decided.status == "EXECUTED", decided
    assert not ApiKey.objects.filter(member_id=closed.id, revoked_at__isnull=True).exists(), "the key that was made then has ended too"
