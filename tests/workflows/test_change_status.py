"""A client that leaves APPROVED takes its requests, quotes, reservations and keys with it; nobody brings it back alone."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import connection

from apps.approvals.errors import NotAChecker, SameHands
from apps.approvals.models import Approval
from apps.clients.errors import AccountUnavailable, NotDown, NotUp, StillOpen
from apps.clients.models import ApiKey, Counterparty
from apps.clients.states import ClientStatus
from apps.core import clock, db
from apps.core.errors import AppError, NotFound
from apps.core.ids import uuid7
from apps.rfqs.models import Quote, Rfq
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side
from apps.trades.models import Trade
from apps.users.errors import RoleMissing
from apps.workflows.accept_quote import accept_quote
from apps.workflows.change_status import lower_status, propose_status
from apps.workflows.decide_approval import decide_approval
from apps.workflows.request_quote import request_quote
from tests import lines, web, world
from tests.people import staff

pytestmark = pytest.mark.django_db(transaction=True)
S = ClientStatus


@pytest.fixture(autouse=True)
def _noon(transactional_db: None) -> None:
    clock.freeze_desk(world.NOON)


def quoted(firm: world.Firm, reference: str, quantity: str = "1", auto: bool = True) -> Any:
    ask = Ask(reference, "BTC-USD", Side.BUY, D(quantity) if auto else D(450), None, "", 10_000, 60_000)
    rfq, quote, _ = request_quote(
        actor=firm.trader, account_id=None, ask=ask, depth=world.depth(), usd_per_quote=D(1), elapsed_us=lambda: 1
    )
    return quote or rfq


def take(firm: world.Firm, quote: Quote, order: str = "o1") -> str:
    try:
        accept_quote(actor=firm.trader, quote_id=quote.id, client_order_id=order, side=Side.BUY, price=quote.buy_price)
    except AppError as no:
        return no.code
    return "TRADED"


def test_leaving_approved_takes_requests_quotes_reservations_and_keys_along() -> None:
    acme, other = world.firm("acme"), world.firm("borealis")
    key = web.key_for(acme.trader)
    quote, waiting, theirs = quoted(acme, "r1"), quoted(acme, "r2", auto=False), quoted(other, "r1")
    assert lines.taken()[0] > 0
    lower_status(actor=staff("rita", "risk"), client_id=acme.client_id, status=S.RESTRICTED, reason="late twice")
    assert Counterparty.objects.get(id=acme.client_id).status == "RESTRICTED"
    quote.refresh_from_db()
    assert (quote.status, quote.end_reason) == ("WITHDRAWN", "CLIENT_STATUS")
    assert {(r.status, r.end_reason) for r in Rfq.objects.filter(client_id=acme.client_id)} == {("REJECTED", "account_unavailable")}
    assert Rfq.objects.get(id=waiting.id).status == "REJECTED"
    assert Quote.objects.get(id=theirs.id).status == "OPEN", "another client's goes on"
    assert db.one("SELECT sum(reserved) FROM credit_line WHERE subject_id = %s", (acme.client_id,)) == (D(0),)
    assert ApiKey.objects.get(key_id=key.key_id).scopes == list(web.ALL_SCOPES), "to take off what it has open"
    assert take(acme, quote) == "account_unavailable"
    with pytest.raises(AppError):
        quoted(acme, "r3")
    told = [kind for (kind,) in db.run("SELECT kind FROM events_event WHERE client_id = %s ORDER BY client_seq", (acme.client_id,))]
    assert Counter(told)["rfq.rejected"] == 2
    lower_status(actor=staff("rolf", "risk"), client_id=acme.client_id, status=S.SUSPENDED, reason="late again")
    assert ApiKey.objects.get(key_id=key.key_id).scopes == ["read", "settle", "withdraw"]


def test_a_prefunded_client_gets_its_hold_back() -> None:
    from tests.reports import desk

    d = desk.build()
    quote = desk.quoted(d.cygnus, "r1", quantity="1")
    assert db.one("SELECT count(*) FROM ledger_hold WHERE status = 'PENDING'") == (1,)
    lower_status(actor=d.rita, client_id=d.cygnus.client_id, account_id=d.cygnus.account.id, status=S.SUSPENDED, reason="x")
    assert db.one("SELECT count(*) FROM ledger_hold WHERE status = 'PENDING'") == (0,)
    assert Quote.objects.get(id=quote.id).status == "WITHDRAWN"
    assert Counterparty.objects.get(id=d.cygnus.client_id).status == "APPROVED", "only the account was named"


@pytest.mark.parametrize("role", ["sales", "trader", "operations", "finance", "admin", "auditor"])
def test_only_risk_and_compliance_make_a_status_stricter(role: str) -> None:
    acme = world.firm("acme")
    with pytest.raises(RoleMissing):
        lower_status(actor=staff("who", role), client_id=acme.client_id, status=S.RESTRICTED, reason="x")


def test_one_person_never_brings_a_client_up() -> None:
    acme, rita = world.firm("acme"), staff("rita", "risk")
    lower_status(actor=rita, client_id=acme.client_id, status=S.SUSPENDED, reason="x")
    for status in (S.APPROVED, S.RESTRICTED):
        with pytest.raises(NotDown):
            lower_status(actor=rita, client_id=acme.client_id, status=status, reason="x")
    with pytest.raises(NotFound):
        lower_status(actor=rita, client_id=uuid7(), status=S.RESTRICTED, reason="x")
    with pytest.raises(NotFound):
        lower_status(actor=rita, client_id=acme.client_id, account_id=uuid7(), status=S.RESTRICTED, reason="x")


def test_a_client_comes_up_by_two_with_compliance() -> None:
    acme, rita, sam = world.firm("acme"), staff("rita", "risk"), staff("sam", "sales")
    carl, cora = staff("carl", "compliance"), staff("cora", "compliance")
    lower_status(actor=rita, client_id=acme.client_id, status=S.RESTRICTED, reason="x")
    with pytest.raises(RoleMissing):
        propose_status(actor=rita, client_id=acme.client_id, status=S.APPROVED, reason="paid")
    with pytest.raises(NotUp):
        propose_status(actor=sam, client_id=acme.client_id, status=S.SUSPENDED, reason="x")
    mine = propose_status(actor=carl, client_id=acme.client_id, status=S.APPROVED, reason="paid")
    with pytest.raises(SameHands):
        decide_approval(approval_id=mine.id, actor=carl, approve=True)
    with pytest.raises(NotAChecker):
        decide_approval(approval_id=mine.id, actor=rita, approve=True)
    assert decide_approval(approval_id=mine.id, actor=cora, approve=True).status == "EXECUTED"
    assert Counterparty.objects.get(id=acme.client_id).status == "APPROVED"
    assert quoted(acme, "r9").status == "OPEN"


def test_a_status_that_moved_meanwhile_makes_the_request_stale() -> None:
    acme, rita = world.firm("acme"), staff("rita", "risk")
    lower_status(actor=rita, client_id=acme.client_id, status=S.RESTRICTED, reason="x")
    asked = propose_status(actor=staff("sam", "sales"), client_id=acme.client_id, status=S.APPROVED, reason="x")
    lower_status(actor=rita, client_id=acme.client_id, status=S.SUSPENDED, reason="worse")
    assert decide_approval(approval_id=asked.id, actor=staff("cora", "compliance"), approve=True).status == "STALE"
    assert Counterparty.objects.get(id=acme.client_id).status == "SUSPENDED"


def test_a_client_with_open_deals_is_not_offboarded() -> None:
    acme, rita = world.firm("acme"), staff("rita", "risk")
    assert take(acme, quoted(acme, "r1")) == "TRADED"
    lower_status(actor=rita, client_id=acme.client_id, status=S.SUSPENDED, reason="x")
    with pytest.raises(StillOpen) as no:
        lower_status(actor=rita, client_id=acme.client_id, status=S.OFFBOARDED, reason="x")
    assert any("obligations" in one for one in no.value.extra["open"])
    assert Approval.objects.count() == 0


def test_an_accept_and_a_restriction_at_once_leave_either_a_deal_or_nothing_reserved() -> None:
    acme, rita = world.firm("acme"), staff("rita", "risk")
    outcomes = Counter()
    for n in range(12):
        quote = quoted(acme, f"r{n}")
        gate = threading.Barrier(2)

        def race(call: Any, gate: threading.Barrier = gate) -> Any:
            gate.wait()
            try:
                return call()
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            accept = pool.submit(race, lambda quote=quote, n=n: take(acme, quote, f"o{n}"))
            down = pool.submit(race, lambda: lower_status(actor=rita, client_id=acme.client_id, status=S.RESTRICTED, reason="x").status)
            code = accept.result(30)
            assert down.result(30) == "RESTRICTED"
        outcomes[code] += 1
        quote.refresh_from_db()
        assert (code, quote.status) in {("TRADED", "ACCEPTED"), ("quote_withdrawn", "WITHDRAWN"), ("account_unavailable", "WITHDRAWN")}
        assert (lines.taken()[0], lines.taken(lines.SETTLEMENT)[0]) == (D(0), D(0)), "nothing stays reserved"
        asked = propose_status(actor=staff(f"sam{n}", "sales"), client_id=acme.client_id, status=S.APPROVED, reason="x")
        decide_approval(approval_id=asked.id, actor=staff(f"cora{n}", "compliance"), approve=True)
    assert Trade.objects.count() == outcomes["TRADED"]
    assert lines.taken(lines.SETTLEMENT)[1] == db.one("SELECT coalesce(sum(pays), 0) FROM trades_tradeversion")[0]


def test_a_quote_asked_for_while_the_client_is_restricted_is_not_left_behind() -> None:
    """The statuses are read once more under the line's lock."""
    acme, rita = world.firm("acme"), staff("rita", "risk")
    gate = threading.Barrier(9)

    def ask(n: int) -> str:
        gate.wait()
        try:
            quoted(acme, f"r{n}")
        except AppError as no:
            return no.code
        finally:
            connection.close()
        return "QUOTED"

    with ThreadPoolExecutor(9) as pool:
        asked = [pool.submit(ask, n) for n in range(8)]
        gate.wait()
        lower_status(actor=rita, client_id=acme.client_id, status=S.RESTRICTED, reason="x")
        for one in asked:
            one.result(30)
    clock.freeze_desk(world.NOON + timedelta(milliseconds=1))
    assert Quote.objects.filter(status="OPEN").count() == 0
    assert lines.taken()[0] == 0


def test_the_statuses_are_told_to_nobody_but_by_the_refusal() -> None:
    acme = world.firm("acme")
    lower_status(actor=staff("carl", "compliance"), client_id=acme.client_id, status=S.FROZEN, reason="on a list")
    with pytest.raises(AccountUnavailable) as no:
        quoted(acme, "r1")
    assert "list" not in no.value.detail and "FROZEN" not in no.value.detail
    assert db.one("SELECT count(*) FROM events_event WHERE public::text LIKE '%%FROZEN%%'") == (0,)
