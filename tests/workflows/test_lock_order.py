"""A member's row before its account's, whoever comes: what a member does and what stops the member never wait for each other."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from apps.clients.models import Member
from apps.jobs import screening as jobs
from apps.settlement.errors import NotAllowed
from apps.workflows import asked_for
from apps.workflows.load_list import load_list
from apps.workflows.propose_ssi import approve_ssi, revoke_own_ssi
from tests import world
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
