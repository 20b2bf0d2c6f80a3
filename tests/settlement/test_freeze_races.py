"""Money that comes in the instant its client is frozen: it waits for the freeze, and goes to blocked assets."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal as D
from uuid import UUID

import pytest
from django.db import connections

from apps.clients.states import ClientStatus
from apps.core import db, money
from apps.core.unit import use_case
from apps.jobs import settlement as jobs
from apps.settlement.models import Receipt
from apps.workflows import change_status
from apps.workflows.decide_approval import decide_approval
from apps.workflows.read_statement import request_receipt_decision
from tests import world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)


@use_case
def freeze_slowly(*, client_id: UUID, done: threading.Event, go: threading.Event, now: datetime) -> None:
    """A freeze that has done all its work and is not committed."""
    change_status.lower(client_id=client_id, status=ClientStatus.FROZEN, reason="on a list", now=now)
    done.set()
    go.wait(60)


def while_freezing(client_id: UUID, act: Callable[[], object]) -> object:
    """What `act` gives that begins before the freeze is committed, and ends whenever it can."""
    done, go = threading.Event(), threading.Event()

    def alone(run: Callable[[], object]) -> object:
        money.use_exact_context()
        try:
            return run()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        freezing = pool.submit(alone, lambda: freeze_slowly(client_id=client_id, done=done, go=go))
        try:
            assert done.wait(60)
            other = pool.submit(alone, act)
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            while not other.done() and db.one(waits) == (0,):
                time.sleep(0.01)
        finally:
            go.set()
        freezing.result(60)
        return other.result(60)


def test_a_receipt_cleared_while_its_client_is_frozen_is_frozen_with_it() -> None:
    here.open_house("USD")
    acme = world.firm("acme")
    here.pay_in("USD", D(100), name="Acme Capital", address="021000021-1001")
    jobs.poll_rails()
    while_freezing(acme.client_id, jobs.match_receipts)
    got = Receipt.objects.get()
    assert (got.status, got.quarantine_reason, here.balances()["BLOCKED USD"]) == ("FROZEN", "CLIENT_FROZEN", D(-100))
    assert "SUSPENSE USD" not in here.balances()


def test_a_quarantined_receipt_is_not_applied_to_an_account_that_is_frozen_at_this_moment() -> None:
    here.open_house("USD")
    acme = world.firm("acme")
    here.pay_in("USD", D(100), name="Nobody", address="999-1")
    jobs.poll_rails()
    jobs.match_receipts()
    got = Receipt.objects.get(status="QUARANTINED")
    asked = request_receipt_decision(
        actor=here.staff("olga", "operations"), receipt_id=got.id, decision="apply", reason="a new bank", account_code=acme.account.code
    )
    cleo = here.staff("cleo", "compliance")
    while_freezing(acme.client_id, lambda: decide_approval(approval_id=asked.id, actor=cleo, approve=True))
    got.refresh_from_db()
    asked.refresh_from_db()
    assert (asked.status, got.status) == ("FAILED", "QUARANTINED")
