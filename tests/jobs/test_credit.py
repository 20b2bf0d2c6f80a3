"""Marks move what deals cost to replace, breaches follow, calls are issued and met, and nothing stays reserved for ever."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal as D
from typing import Any
from uuid import UUID

import pytest

from apps.approvals.models import Approval
from apps.clients import operations as client_operations
from apps.clients import queries as clients
from apps.core import clock, db, ids
from apps.core.unit import use_case
from apps.credit import operations as credit
from apps.credit.errors import BadLine, CallOpen
from apps.credit.models import AssetMark, Breach, ExposureCall, Line
from apps.credit.rules import Claim
from apps.credit.states import Level
from apps.jobs import credit as jobs
from apps.pricing.feeds import bus
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side
from apps.users.errors import RoleMissing
from apps.workflows.accept_quote import accept_quote
from apps.workflows.decide_approval import decide_approval
from apps.workflows.manage_credit import issue_call, propose_haircut, propose_withdrawal
from apps.workflows.request_quote import request_quote
from tests import lines, web, world
from tests.commits import wait_for_the_dead

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _noon(transactional_db: None) -> None:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth(), world.depth("EUR-USD", "1.1", half_spread="0.0001")])


def deal(firm: world.Firm, reference: str, side: Side = Side.BUY, quantity: str = "10") -> Any:
    ask = Ask(reference, "BTC-USD", side, D(quantity), None, "", 10_000, 60_000)
    depth = world.depth(at=clock.desk_now())
    _, quote, _ = request_quote(actor=firm.trader, account_id=None, ask=ask, depth=depth, usd_per_quote=D(1), elapsed_us=lambda: 1)
    assert quote is not None
    price = quote.buy_price if side is Side.BUY else quote.sell_price
    _, version, _ = accept_quote(actor=firm.trader, quote_id=quote.id, client_order_id=f"o-{reference}", side=side, price=price)
    return version


def market(mid: str, pair: str = "BTC-USD") -> None:
    bus.publish([world.depth(pair, mid, clock.desk_now())])


def pre(firm: world.Firm) -> Line:
    return Line.objects.get(subject_id=firm.client_id, measure="PRE_SETTLEMENT")


@use_case
def net_by(*, firm: world.Firm, since: Any, now: Any) -> None:
    terms = clients.get_terms(firm.account.id, now)
    same = {f.name: getattr(terms, f.attname) for f in terms._meta.concrete_fields}
    for name in ("id", "account", "version", "effective_from", "effective_until"):
        same.pop(name)
    client_operations.set_terms(
        account=firm.account, now=now, **same | {"close_out_netting": True, "close_out_agreement": "ISDA 2021", "close_out_date": since}
    )


def test_a_fall_after_the_client_bought_is_what_it_costs_us_to_replace() -> None:
    acme = world.firm("acme")
    bought = deal(acme, "r1")
    jobs.revalue()
    at_once = bought.pays - 10 * D(20_000)
    assert pre(acme).revalued == at_once, "our own margin, at first"
    market("19000")
    jobs.revalue()
    assert pre(acme).revalued == at_once + 10_000
    market("25000")
    jobs.revalue()
    assert pre(acme).revalued == 0, "what the client would lose is not ours to gain"
    assert pre(acme).revalued_at == world.NOON


@pytest.mark.parametrize("netted", [False, True])
def test_gains_and_losses_of_a_client_net_only_under_close_out_netting_on_file(netted: bool) -> None:
    acme = world.firm("acme")
    bought, sold = deal(acme, "r1"), deal(acme, "r2", Side.SELL, "9")
    if netted:
        net_by(firm=acme, since=world.NOON.date())
    market("18000")
    jobs.revalue()
    one, other = bought.pays - 10 * D(18_000), 9 * D(18_000) - sold.receives
    assert (one > 0, other < 0) == (True, True)
    assert pre(acme).revalued == (one + other if netted else one)


def test_an_agreement_that_begins_tomorrow_nets_nothing_today() -> None:
    acme = world.firm("acme")
    bought, _ = deal(acme, "r1"), deal(acme, "r2", Side.SELL, "9")
    net_by(firm=acme, since=world.NOON.date() + timedelta(days=1))
    market("18000")
    jobs.revalue()
    assert pre(acme).revalued == bought.pays - 10 * D(18_000)


def test_a_group_adds_up_two_clients_and_nets_nothing_across_them() -> None:
    acme, borealis = world.firm("acme", group="Holdings"), world.firm("borealis", group="Holdings")
    group = acme.account.owner.group_id
    assert group is not None and group == borealis.account.owner.group_id
    line = lines.grant(subject_id=group, level="GROUP", amount="50000")
    bought, _ = deal(acme, "r1"), deal(borealis, "r1", Side.SELL)
    for firm in (acme, borealis):
        net_by(firm=firm, since=world.NOON.date())
    market("18000")
    jobs.revalue()
    line.refresh_from_db()
    assert line.revalued == bought.pays - 10 * D(18_000)
    taken = pre(acme).used + pre(borealis).used
    assert line.used == taken
    assert Breach.objects.get(line=line).over == taken + line.revalued - 50_000
    with pytest.raises(Exception, match="in breach"):
        deal(borealis, "r2", Side.SELL, "1")


def test_a_stale_mark_keeps_its_value_stresses_the_haircut_and_stops_new_risk_until_it_lives_again() -> None:
    acme = world.firm("acme")
    bought = deal(acme, "r1")
    market("19000")
    jobs.revalue()
    before = pre(acme).revalued
    clock.freeze_desk(world.NOON + timedelta(seconds=61))
    jobs.revalue()
    assert AssetMark.objects.get(asset_code="BTC").is_stale
    assert pre(acme).revalued == before + (bought.quote_quantity * D("0.15")).quantize(D("0.01")), "0.25 less the 0.10 it took already"
    with pytest.raises(Exception, match="stale"):
        deal(acme, "r2")
    market("19000")
    jobs.revalue()
    assert pre(acme).revalued == before
    deal(acme, "r3")


def test_a_breach_past_the_bound_is_called_and_the_call_is_met_when_it_is_cured() -> None:
    acme = world.firm("acme", line=D(201_000))
    deal(acme, "r1")
    market("100")
    jobs.revalue()
    line = pre(acme)
    breach, call = Breach.objects.get(line=line), ExposureCall.objects.get()
    assert breach.kind == "MARKS"
    assert breach.over == line.used + line.revalued - 201_000 == call.amount
    assert (call.client_id, call.status, call.issued_by) == (acme.client_id, "ISSUED", None)
    jobs.revalue()
    assert ExposureCall.objects.count() == 1, "once"
    market("20000")
    jobs.revalue()
    breach.refresh_from_db(), call.refresh_from_db()
    assert (breach.cured_at, call.status, call.ended_at) == (world.NOON, "MET", world.NOON)
    told = db.run(
        "SELECT kind, public->>'status' FROM events_event WHERE client_id = %s AND kind LIKE 'exposure_call.%%' ORDER BY client_seq",
        (acme.client_id,),
    )
    assert told == [("exposure_call.issued", "ISSUED"), ("exposure_call.met", "MET")]


def test_risk_calls_and_two_of_risk_withdraw() -> None:
    acme = world.firm("acme")
    rhea, rolf = lines.risk()
    due = world.NOON + timedelta(hours=4)
    given: dict[str, Any] = {"line_id": pre(acme).id, "client_id": None, "amount": D(5000), "reason": "concentration", "due_at": due}
    with pytest.raises(RoleMissing):
        issue_call(actor=acme.treasury, **given)
    with pytest.raises(BadLine):
        issue_call(actor=rhea, **given | {"client_id": ids.uuid7()})
    with pytest.raises(BadLine):
        issue_call(actor=rhea, **given | {"due_at": world.NOON})
    call = issue_call(actor=rhea, **given)
    with pytest.raises(CallOpen):
        issue_call(actor=rhea, **given)
    asked = propose_withdrawal(actor=rhea, call_id=call.id, reason="paid by phone")
    assert decide_approval(approval_id=asked.id, actor=rolf, approve=True).status == "EXECUTED"
    call.refresh_from_db()
    assert (call.status, call.approval_id) == ("WITHDRAWN", asked.id)


def test_raw_sql_cannot_withdraw_a_call() -> None:
    acme = world.firm("acme")
    due = world.NOON + timedelta(hours=1)
    issue_call(actor=lines.risk()[0], line_id=pre(acme).id, client_id=None, amount=D(1), reason="x", due_at=due)
    for sql in ("status = 'WITHDRAWN', approval_id = gen_random_uuid()", "status = 'WITHDRAWN'", "amount = 2"):
        with pytest.raises(Exception, match=r"withdrawn by two|never change"):
            db.run(f"UPDATE credit_exposurecall SET {sql}")


def test_a_haircut_changed_by_two_counts_for_the_next_deal_and_stays_in_history() -> None:
    acme = world.firm("acme")
    deal(acme, "r1")
    rhea, rolf = lines.risk()
    asked = propose_haircut(actor=rhea, pair_code="BTC-USD", normal=D("0.2"), stressed=D("0.4"))
    assert decide_approval(approval_id=asked.id, actor=rolf, approve=True).status == "EXECUTED"
    deal(acme, "r2")
    took = db.run(
        "SELECT haircut FROM credit_reservation r JOIN credit_line l ON l.id = r.line_id WHERE l.measure = 'PRE_SETTLEMENT' ORDER BY r.id"
    )
    assert took == [(D("0.1"),), (D("0.2"),)]
    assert Approval.objects.filter(status="EXECUTED").count() == 1
    with pytest.raises(BadLine):
        propose_haircut(actor=rhea, pair_code="", normal=D("0.3"), stressed=D("0.2"))


@use_case
def leave_over(*, source: UUID, firm: world.Firm, now: Any) -> None:
    credit.reserve(claim=claim(source, firm), now=now)


def claim(source: UUID, firm: world.Firm) -> Claim:
    return Claim(
        source_id=source, group_id=None, client_id=firm.client_id, account_id=firm.account.id, pair="BTC-USD", base="BTC", quote="USD",
        mode="CREDIT", notional=D(1000), value_date=world.NOON.date(), trade_date=world.NOON.date(),
    )  # fmt: skip


def test_what_a_crash_left_reserved_is_given_back_and_what_lives_is_not() -> None:
    acme = world.firm("acme")
    leave_over(source=ids.uuid7(), firm=acme)
    ask = Ask("r1", "BTC-USD", Side.BUY, D(1), None, "", 30_000, 900_000)
    request_quote(actor=acme.trader, account_id=None, ask=ask, depth=world.depth(), usd_per_quote=D(1), elapsed_us=lambda: 1)
    live = lines.taken()[0] - 100
    assert jobs.sweep_orphans() == 0, "it may still be on its way"
    clock.freeze_desk(world.NOON + timedelta(seconds=61))
    assert jobs.sweep_orphans() == 1
    assert lines.taken()[0] == live > 0, "the quote is long over, but its own sweep ends it with its request"
    clock.freeze_desk(world.NOON + timedelta(minutes=20))
    assert jobs.sweep_orphans() == 1
    assert (lines.taken()[0], lines.taken(lines.SETTLEMENT)[0]) == (D(0), D(0))
    assert jobs.sweep_orphans() == 0


def test_a_reservation_of_a_request_that_ended_is_given_back() -> None:
    acme = world.firm("acme", auto_max_usd=D(1))
    ask = Ask("r1", "BTC-USD", Side.BUY, D(1), None, "", 10_000, 60_000)
    rfq, _, _ = request_quote(actor=acme.trader, account_id=None, ask=ask, depth=world.depth(), usd_per_quote=D(1), elapsed_us=lambda: 1)
    leave_over(source=rfq.id, firm=acme)
    db.run("UPDATE rfqs_rfq SET status = 'EXPIRED', ended_at = desk_now()")
    clock.freeze_desk(world.NOON + timedelta(seconds=61))
    assert jobs.sweep_orphans() == 1
    assert lines.taken()[0] == 0


KILLED = """
import sys, time
from uuid import UUID
import django
django.setup()
from apps.core import flights, money
money.use_exact_context()
from apps.core.unit import use_case
from tests import world
from tests.jobs.test_credit import claim, credit
from apps.clients.models import Account

class Firm:
    account = Account.objects.get(id=UUID(sys.argv[1]))
    client_id = account.owner_id

@use_case
def die(*, now):
    credit.reserve(claim=claim(UUID(sys.argv[2]), Firm), now=now)
    flights.flush()
    print("reserved", flush=True)
    time.sleep(60)

die()
"""


def test_a_process_killed_between_its_reservation_and_its_commit_leaves_nothing() -> None:
    acme = world.firm("acme")
    command = [sys.executable, "-c", KILLED, str(acme.account.id), str(ids.uuid7())]
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "flowdesk.settings",
        "FLOWDESK_PROCESS": "command",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    with subprocess.Popen(command, cwd=web.ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reserved\n"
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    wait_for_the_dead()
    assert db.one("SELECT count(*) FROM credit_reservation") == (0,)
    assert (lines.taken(), lines.taken(lines.SETTLEMENT)) == ((D(0), D(0)), (D(0), D(0)))
    deal(acme, "r1")


def test_what_we_hold_with_a_venue_alerts_and_stops_nothing() -> None:
    from apps.workflows.onboard_client import register_counterparty

    venue = register_counterparty(code="northgate", name="Northgate", lei="", country="GB", roles=["VENUE"])
    line = lines.grant(subject_id=venue.id, level=Level.LP, amount="1000")
    post_to_venue(owner_id=venue.id)
    jobs.revalue()
    line.refresh_from_db()
    assert line.revalued == 40_000, "two bitcoin at 20,000"
    assert Breach.objects.get().over == 39_000
    assert not ExposureCall.objects.exists()
    deal(world.firm("acme"), "r1")


def test_a_breach_that_nothing_stands_behind_any_more_is_cured_at_the_next_look() -> None:
    line = pre(world.firm("acme"))
    jobs.revalue()
    Breach.objects.create(id=ids.uuid7(), line=line, kind="MARKS", over=D(1), since=clock.desk_now())
    jobs.revalue()
    assert Breach.objects.get().cured_at is not None


@use_case
def post_to_venue(*, owner_id: UUID, now: Any) -> None:
    from apps.instruments import queries as instruments
    from apps.ledger import operations as ledger
    from apps.ledger.rules import Ref, credit, debit
    from apps.ledger.states import Kind

    entity = instruments.get_entity("flowdesk")
    ledger.post(
        key="x", kind="CAPITAL", source_type="test", source_id=owner_id, effective_at=now, business_date=now.date(),
        lines=[debit(Ref(entity.id, Kind.VENUE, "BTC", owner_id=owner_id), D(2)), credit(Ref(entity.id, Kind.CAPITAL, "BTC"), D(2))],
    )  # fmt: skip
