"""A member's row before its account's, whoever comes: what a member does and what stops the member never wait for each other."""

import secrets
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from apps.approvals.models import Approval
from apps.clients import operations as clients
from apps.clients import queries
from apps.clients.models import Account, ApiKey, Counterparty, Member, Ssi
from apps.clients.states import ClientStatus
from apps.core import db
from apps.core.unit import use_case
from apps.jobs import screening as jobs
from apps.settlement.errors import NotAllowed
from apps.workflows import asked_for
from apps.workflows.ask_for_keys import ask_for_key
from apps.workflows.change_status import lower_status
from apps.workflows.close_member import close_member
from apps.workflows.decide_approval import decide_approval
from apps.workflows.load_list import load_list
from apps.workflows.manage_keys import create_key
from apps.workflows.manage_members import Grant, ask_authority
from apps.workflows.propose_ssi import approve_ssi, propose_ssi, revoke_own_ssi
from tests import people, world
from tests.engines import superuser
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
    stopped, acted, lock = threading.Event(), threading.Event(), queries.lock_accounts

    def lock_later(account_ids: Any) -> None:
        stopped.set()  # the member's row is held, the accounts' are not yet
        acted.wait(WAITING)
        lock(account_ids)

    monkeypatch.setattr(queries, "lock_accounts", lock_later)

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


def wait_for_a_waiter() -> None:
    """Until somebody waits for a lock that is held."""
    end = time.monotonic() + 60
    while db.one("SELECT count(*) FROM pg_locks WHERE NOT granted")[0] == 0:
        assert time.monotonic() < end, "nobody waits"
        time.sleep(0.01)


@use_case
def second_account(*, firm: world.Firm, now: Any) -> None:
    """With a shorter code, so that a request names it first, and a later id; the treasury settles there too."""
    made = clients.create_account(owner=firm.account.owner, code="acme-b", name="B", is_default=False)
    for step in (ClientStatus.ONBOARDING, ClientStatus.APPROVED):
        clients.set_status(thing=made, status=step, reason="test")
    clients.set_authority(member_id=firm.treasury.id, account_id=made.id, roles=["settlement"], dealing_limit=None)


@use_case
def make_admin(*, firm: world.Firm, now: Any) -> None:
    clients.set_authority(member_id=firm.treasury.id, account_id=firm.account.id, roles=["settlement", "admin"], dealing_limit=None)


def take_roles(firm: world.Firm, *codes: str) -> Approval:
    """Asked: the treasury looks on these accounts, and does nothing else there."""
    grants = [Grant(code, ["viewer"]) for code in codes]
    return ask_authority(actor=people.staff("sam", "sales"), member_id=firm.treasury.id, grants=grants, reason="moved on")


def close(firm: world.Firm) -> str:
    close_member(actor=people.staff("ada", "admin"), member_id=firm.treasury.id)
    return "EXECUTED"


def take_settlement(firm: world.Firm) -> str:
    asked = take_roles(firm, "acme-main", "acme-b")
    return str(decide_approval(approval_id=asked.id, actor=people.staff("cora", "compliance"), approve=True).status)


@pytest.mark.parametrize("act", [take_settlement, close])
def test_a_client_is_suspended_while_a_member_of_it_loses_what_it_may_do(
    act: Callable[[world.Firm], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = world.firm("acme")
    second_account(firm=acme)
    mine = list(Account.objects.filter(owner_id=acme.client_id).order_by("id"))
    for account in mine:
        place = BANK | {"bic": "BYLADEM1001", "self_hosted": False, "valid_until": None}
        propose_ssi(actor=world.actor_of(acme.account, "Treasury"), account_id=account.id, **place)
    made = create_key(
        client="acme", member="acme Treasury", public_key=secrets.token_bytes(32), scopes=["read", "quote"], cidrs=["127.0.0.1/32"],
        prefix="fd", days=30, hand_over=lambda _: None,
    )  # fmt: skip
    lock, held, lowering = queries.lock_account, threading.Event(), threading.local()

    def lock_account(account_id: Any) -> None:
        lock(account_id)
        if getattr(lowering, "now", False) and account_id == mine[0].id:
            db.one("SELECT 1")  # it is sent by now
            held.set()
            wait_for_a_waiter()

    monkeypatch.setattr(queries, "lock_account", lock_account)

    def run(number: int) -> Any:
        if number == 0:
            assert held.wait(60)
            return act(acme)
        lowering.now = True
        risk = people.staff("rita", "risk")
        return lower_status(actor=risk, client_id=acme.client_id, status=ClientStatus.SUSPENDED, reason="overdue")

    done, lowered = together(2, run)
    assert done == "EXECUTED" and isinstance(lowered, Counterparty), (done, lowered)
    made.refresh_from_db()
    assert (lowered.status, made.scopes) == ("SUSPENDED", ["read"])
    assert set(Ssi.objects.filter(proposed_by=acme.treasury.id).values_list("status", flat=True)) == {"REJECTED"}


def test_who_suspends_a_client_holds_none_of_its_accounts_while_its_own_row_is_anothers() -> None:
    """Who opens an account for it has that row, and may wait for a member who waits for an account."""
    acme, risk = world.firm("acme"), people.staff("rita", "risk")
    other = superuser()

    def lower(_: int) -> Any:
        return lower_status(actor=risk, client_id=acme.client_id, status=ClientStatus.SUSPENDED, reason="overdue")

    with ThreadPoolExecutor(1) as pool:
        with other.transaction():
            other.execute("SELECT 1 FROM clients_counterparty WHERE id = %s FOR NO KEY UPDATE", (acme.client_id,))
            lowering = pool.submit(together, 1, lower)
            wait_for_a_waiter()
            other.execute("SELECT 1 FROM clients_account WHERE id = %s FOR NO KEY UPDATE NOWAIT", (acme.account.id,))
        (lowered,) = lowering.result(60)
    assert isinstance(lowered, Counterparty) and lowered.status == "SUSPENDED", lowered


def test_a_key_is_decided_on_while_who_asked_for_it_loses_its_role(monkeypatch: pytest.MonkeyPatch) -> None:
    acme, cora = world.firm("acme"), people.staff("cora", "compliance")
    public_key = b64encode(secrets.token_bytes(32)).decode()
    wanted = {"public_key": public_key, "scopes": ["read"], "cidrs": [], "account_ids": [], "caps": {}, "days": 30}
    make_admin(firm=acme)
    admin = world.actor_of(acme.account, "Treasury")
    asking, taking = ask_for_key(actor=admin, member_id=admin.id, **wanted), take_roles(acme, "acme-main")
    lock, held, deciding = queries.lock_member, threading.Event(), threading.local()

    def lock_member(member_id: Any) -> Any:
        if getattr(deciding, "now", False):
            held.set()  # the request is held, the member's row is not yet
            wait_for_a_waiter()
        return lock(member_id)

    monkeypatch.setattr(queries, "lock_member", lock_member)

    def run(number: int) -> Any:
        if number == 0:
            assert held.wait(60)
            return decide_approval(approval_id=taking.id, actor=people.staff("carl", "compliance"), approve=True)
        deciding.now = True
        return decide_approval(approval_id=asking.id, actor=cora, approve=True)

    taken, made = together(2, run)
    assert (getattr(taken, "status", taken), getattr(made, "status", made)) == ("EXECUTED", "EXECUTED")
    assert ApiKey.objects.filter(member_id=admin.id, revoked_at__isnull=True).count() == 1
