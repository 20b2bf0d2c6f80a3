"""A custodian holds our wallets: it is asked and it calls back, its people may refuse late, and whatever it does nothing is paid twice."""

import contextlib
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import orjson
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connection, transaction
from standardwebhooks.webhooks import Webhook

from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.jobs import settlement as jobs
from apps.jobs.turns import turn
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.models import Instruction
from apps.settlement.operations import receipts
from apps.settlement.queries.reports import list_reports
from apps.settlement.rails import outside
from apps.settlement.rails.base import Incoming, Outcome, Payment, Place
from apps.settlement.rails.custody import Custodian
from apps.settlement.rails.custody_sim import CustodianSimulator, write_deposit
from apps.settlement.rules import callbacks, custody
from apps.settlement.rules.bands import Band
from apps.workflows.decide_approval import decide_approval
from apps.workflows.read_statement import see_incoming
from apps.workflows.reconcile import reconcile
from apps.workflows.request_release import release_by_itself, request_band
from flowdesk import custodians
from tests import books, world
from tests.settlement import custodian as theirs
from tests.settlement import world as here

FEE = D("0.00005")
OVER_HTTP, SIMULATED = "apps.settlement.rails.custody.Custodian", "apps.settlement.rails.custody_sim.CustodianSimulator"
SENT = Payment("FD1", D(1), "Acme Capital", "bc1qacme", "FD1")


@pytest.fixture
def custodian(settings: Any) -> None:
    """Bitcoin lies with a simulated custodian."""
    settings.RAILS = {**settings.RAILS, theirs.RAIL: SIMULATED}
    settings.CUSTODIANS = {theirs.RAIL: {"url": custodians.SIMULATED, "token": "", "callback_secrets": theirs.SECRET}}


@pytest.fixture
def remote(settings: Any, custodian: None) -> Iterator[theirs.Loopback]:
    """The same one behind HTTP."""
    settings.RAILS = {**settings.RAILS, theirs.RAIL: OVER_HTTP}
    with theirs.loopback() as bank:
        settings.CUSTODIANS = {theirs.RAIL: {"url": bank.url, "token": "a-token", "callback_secrets": theirs.SECRET}}
        bank.at = world.NOON
        yield bank


def released() -> Instruction:
    """1 BTC is released to a client on its value date."""
    here.owing()
    assert here.release(payment().id) == "EXECUTED"
    return payment()


def with_band(straight: str) -> None:
    asked = request_band(actor=here.staff("otis", "operations"), rail_code=theirs.RAIL, band=Band(D(straight)), reason="x")
    assert decide_approval(approval_id=asked.id, actor=here.staff("rita", "risk"), approve=True).status == "EXECUTED"


def payment() -> Instruction:
    """The latest attempt."""
    return settlement.list_instructions(SYSTEM).filter(direction="PAY").order_by("-attempt")[0]


def stages(one: Instruction) -> list[tuple[str, str]]:
    return [(r.stage, r.source) for r in list_reports(one.id)]


def events(kind: str) -> int:
    return int(db.one("SELECT count(*) FROM events_event WHERE kind = %s", (kind,))[0])


# --- the life of a withdrawal -----------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_a_withdrawal_is_approved_there_broadcast_confirmed_and_proven(custodian: None) -> None:
    one = released()
    jobs.send_released()
    assert (payment().status, stages(one)) == ("SENT", [("PENDING_APPROVAL", "ANSWER")])
    here.at(here.VALUE_DAY, minutes=2)
    jobs.follow_sent()
    jobs.follow_sent()
    here.at(here.VALUE_DAY, minutes=5)
    assert set(theirs.tell_all()) == {200}
    assert stages(one) == [("PENDING_APPROVAL", "ANSWER"), ("APPROVED", "POLL"), ("BROADCAST", "CALLBACK")]
    here.at(here.VALUE_DAY, hours=1)
    jobs.poll_rails()
    before = (books.count(), events("instruction.reported"))
    for seed in (1, 2):
        assert set(theirs.tell_all(seed=seed)) == {200}
    assert payment().status == "SETTLED"
    assert [stage for stage, _ in stages(one)] == ["PENDING_APPROVAL", "APPROVED", "BROADCAST", "CONFIRMED"]
    assert (books.count(), events("instruction.reported")) == (before[0], before[1] + 1)
    assert here.balances()["NOSTRO BTC"] == D(999) - FEE
    done = reconcile(entity_id=one.entity_id, on=here.VALUE_DAY.date())
    assert {one.kind for one in done.proofs if one.proven} >= {"BALANCE", "MOVEMENT"}
    outside.change(theirs.PLACE, lambda doc: outside.add(doc, at=clock.desk_now(), kind="PAYMENT", amount="-2", remittance="who knows"))
    jobs.poll_rails()
    broken = reconcile(entity_id=one.entity_id, on=here.VALUE_DAY.date()).breaks
    assert {(b.kind, b.asset_code, b.amount) for b in broken} == {("NOT_IN_LEDGER", "BTC", D(-2)), ("DIFFERENCE", "BTC", D(-2))}
    books.proven()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("by_callback", [True, pytest.param(False, marks=pytest.mark.drill)])
def test_what_its_people_refuse_fails_and_is_paid_by_a_new_attempt_once(custodian: None, by_callback: bool) -> None:
    first = released()
    outside.script(theirs.PLACE, "POLICY")
    before = here.balances()
    jobs.send_released()
    assert here.balances()["IN_TRANSIT BTC"] == D(-1)
    here.at(here.VALUE_DAY, minutes=3)
    if by_callback:
        assert set(theirs.tell_all(seed=3)) == {200}
    jobs.follow_sent()
    ended = settlement.get_instruction(first.id, actor=SYSTEM)
    assert (ended.status, ended.failure) == ("FAILED", "policy: not approved")
    assert here.balances() == before
    jobs.instruct_sets()
    here.release(payment().id, maker=here.staff("otto", "operations"), checker=here.staff("oda", "operations"))
    for hour in (1, 2):
        jobs.run_all()
        here.at(here.VALUE_DAY, hours=hour)
        jobs.run_all()
    assert (payment().attempt, payment().status) == (2, "SETTLED")
    assert set(theirs.tell_all(seed=4)) == {200}
    assert here.balances()["NOSTRO BTC"] == D(999) - FEE


@pytest.mark.django_db(transaction=True)
def test_a_callback_that_overtakes_the_answer_is_the_answer(custodian: None) -> None:
    one = released()
    outside.script(theirs.PLACE, "TIMEOUT")
    jobs.send_released()
    assert payment().status == "UNKNOWN"
    here.at(here.VALUE_DAY, minutes=4)
    assert set(theirs.tell_all()) == {200}
    assert (payment().status, payment().rail_reference) == ("SENT", f"T-{one.end_to_end_id}")
    assert events("instruction.sent") == 1


@pytest.mark.django_db(transaction=True)
def test_a_word_against_what_was_booked_moves_nothing_and_is_said_once(custodian: None) -> None:
    one = released()
    jobs.send_released()
    here.at(here.VALUE_DAY, hours=1)
    jobs.run_all()
    assert payment().status == "SETTLED"
    said = {
        "key": one.end_to_end_id,
        "id": "W",
        "account": theirs.ADDRESS,
        "asset": "BTC",
        "amount": "1",
        "state": "REJECTED",
        "version": 9,
    }
    before = books.count()
    for _ in range(2):
        assert theirs.call_back("m1", orjson.dumps({"type": "withdrawal", "data": said})).json() == {"ours": True}
    assert (payment().status, books.count(), events("instruction.contradicted")) == ("SETTLED", before, 1)


@pytest.mark.django_db(transaction=True)
def test_a_deposit_is_seen_by_callback_and_money_by_the_statement_only(custodian: None) -> None:
    here.open_house("BTC")
    acme = world.firm("acme")
    assert acme
    CustodianSimulator().pay_in(
        theirs.PLACE,
        D(2),
        sender_name="Acme Capital",
        sender_address="bc1qacme0000000000000000000000000000000000",
        remittance="",
        at=clock.desk_now(),
    )
    here.at(world.NOON, minutes=12)
    for seed in (1, 2):
        assert set(theirs.tell_all(seed=seed)) == {200}
    (receipt,) = settlement.list_receipts(SYSTEM)
    assert (receipt.status, here.balances()["NOSTRO BTC"]) == ("SEEN", D(1000))
    here.at(world.NOON, minutes=40)
    jobs.poll_rails()
    jobs.match_receipts()
    (receipt,) = settlement.list_receipts(SYSTEM)
    assert (receipt.status, here.balances()["NOSTRO BTC"]) == ("CLEARED", D(1002))


@pytest.mark.django_db(transaction=True)
def test_what_is_booked_decides_whatever_was_seen(custodian: None) -> None:
    here.open_house("BTC")
    world.firm("acme")
    reference = CustodianSimulator().pay_in(
        theirs.PLACE,
        D("0.999"),
        sender_name="Acme Capital",
        sender_address="bc1qacme0000000000000000000000000000000000",
        remittance="what it says",
        at=clock.desk_now(),
    )
    seen = {"asset": "BTC", "account": theirs.ADDRESS, "reference": reference, "amount": "1", "confirmations": 0}
    seen |= {"sender_name": "Somebody Else", "sender_address": "bc1qelse", "remittance": "x", "seen_at": clock.desk_now().isoformat()}
    assert theirs.call_back("m1", orjson.dumps({"type": "deposit", "data": seen})).json() == {"ours": True}
    (receipt,) = settlement.list_receipts(SYSTEM)
    assert (receipt.status, receipt.amount) == ("SEEN", D(1))
    with pytest.raises(IntegrityError, match="amount changes only"), transaction.atomic():
        db.run("UPDATE settlement_receipt SET amount = 2")
    here.at(world.NOON, minutes=40)
    jobs.poll_rails()
    jobs.match_receipts()
    (receipt,) = settlement.list_receipts(SYSTEM)
    assert (receipt.status, receipt.amount, here.balances()["NOSTRO BTC"]) == ("CLEARED", D("0.999"), D("1000.999"))
    assert (receipt.sender_name, receipt.remittance, events("receipt.corrected")) == ("Acme Capital", "what it says", 1)
    with pytest.raises(IntegrityError, match="amount changes only"), transaction.atomic():
        db.run("UPDATE settlement_receipt SET amount = 1")
    books.proven()


# --- who may call back -------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_nobody_else_is_listened_to(custodian: None, settings: Any) -> None:
    body = orjson.dumps({"type": "withdrawal", "data": {}})
    now = int(clock.wall_now().timestamp())
    refused = [
        theirs.call_back("m", body, secret=theirs.OTHER),
        theirs.call_back("m", body, rail="ethereum-eth"),
        theirs.call_back("m", body, rail="pigeon"),
        theirs.call_back("m", body, **{"webhook-signature": ""}),
        theirs.call_back("m", body, **{"webhook-signature": "v1,é v2,x"}),
        theirs.call_back("m", body, **{"webhook-id": ""}),
        theirs.call_back("m", body, **{"webhook-id": "another"}),
        theirs.call_back("m", body, **{"webhook-timestamp": str(now - 3)}),
        theirs.call_back("m", body, **{"webhook-timestamp": str(now - 400)}),
        theirs.call_back("m", body, **{"webhook-timestamp": "²"}),
    ]
    assert {(one.status_code, one.json()["code"]) for one in refused} == {(401, "invalid_callback")}
    unread = [b"{", b"[]", b'{"type": "withdrawal"}', b'{"type": "x", "data": {}}', b'{"type": "deposit", "data": {"asset": 1}}']
    assert {(one.status_code, one.json()["code"]) for one in (theirs.call_back("m", b) for b in unread)} == {(422, "unreadable_callback")}
    assert theirs.call_back("m", b" " * 70_000).status_code == 413
    settings.CUSTODIANS = {theirs.RAIL: {**settings.CUSTODIANS[theirs.RAIL], "callback_secrets": f"{theirs.OTHER} {theirs.SECRET}"}}
    stranger = {"key": "FDX", "id": "W", "account": theirs.ADDRESS, "asset": "BTC", "amount": "1", "state": "APPROVED", "version": 1}
    heard = theirs.call_back("m", orjson.dumps({"type": "withdrawal", "data": stranger}))
    assert (heard.status_code, heard.json(), events("rail.unexplained")) == (200, {"ours": False}, 1)


# --- over HTTP ----------------------------------------------------------------------------------------------------------
def test_every_way_of_not_answering_is_unknown_and_its_refusals_are_refusals(remote: theirs.Loopback, settings: Any) -> None:
    rail = Custodian()
    for fault in ("down", "cut", "garbage", "another"):
        remote.faults = [fault]
        assert rail.send(theirs.PLACE, SENT, now=world.NOON).outcome is Outcome.UNKNOWN, fault
    again = rail.send(theirs.PLACE, SENT, now=world.NOON)
    assert (again.outcome, again.stage, again.amount) == (Outcome.ACCEPTED, "PENDING_APPROVAL", D(1))
    assert {key for method, path, key in remote.seen if path == "/v1/withdrawals"} == {"FD1"}, "one key, whatever happens"
    other = Payment("FD1", D(2), "Acme Capital", "bc1qacme")
    assert rail.send(theirs.PLACE, other, now=world.NOON).outcome is Outcome.UNKNOWN, "409: something is there under this key"
    outside.script(theirs.PLACE, "REJECT")
    refused = rail.send(theirs.PLACE, Payment("FD2", D(1), "X", "bc1qx"), now=world.NOON)
    assert (refused.outcome, refused.reason) == (Outcome.REJECTED, "422 policy address not whitelisted")
    assert rail.status(theirs.PLACE, "FD9", now=world.NOON).outcome is Outcome.REJECTED, "cancelled before it came"
    assert rail.send(theirs.PLACE, Payment("FD9", D(1), "X", "bc1qx"), now=world.NOON).outcome is not Outcome.ACCEPTED
    settings.CUSTODIANS = {theirs.RAIL: {"url": "http://127.0.0.1:9", "token": "x", "callback_secrets": ""}}
    assert rail.send(theirs.PLACE, SENT, now=world.NOON).outcome is Outcome.UNKNOWN
    assert rail.status(theirs.PLACE, "FD1", now=world.NOON).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("fault", ["401", "403", "404", "405", "413", "429", "400 html", "422 html", "422 bare"])
def test_only_a_refusal_in_its_own_words_ends_a_payment(remote: theirs.Loopback, fault: str) -> None:
    remote.faults = [fault]
    assert Custodian().send(theirs.PLACE, SENT, now=world.NOON).outcome is Outcome.UNKNOWN
    remote.faults = ["400 code"]
    assert Custodian().send(theirs.PLACE, SENT, now=world.NOON).outcome is Outcome.REJECTED


@pytest.mark.django_db(transaction=True)
def test_what_its_people_refuse_does_not_leave_by_itself_again(custodian: None) -> None:
    one = released()
    with_band("1")
    outside.script(theirs.PLACE, "REJECT")
    jobs.send_released()
    jobs.instruct_sets()
    jobs.review_queue()
    assert (payment().attempt, payment().status) == (2, "READY")
    assert (jobs.release_straight_through(), release_by_itself(instruction_id=payment().id)) == (0, None)
    assert settlement.get_instruction(one.id, actor=SYSTEM).status == "FAILED"


@pytest.mark.django_db(transaction=True)
def test_a_deal_is_settled_over_http_though_every_answer_is_lost_once(remote: theirs.Loopback) -> None:
    one = released()
    remote.at = here.VALUE_DAY
    remote.faults = ["cut"]
    for _ in range(2):
        jobs.send_released()
    assert payment().status == "UNKNOWN"
    remote.faults = ["down"]
    jobs.resolve_unknown()
    assert payment().status == "UNKNOWN"
    jobs.resolve_unknown()
    assert payment().status == "SENT"
    remote.at = here.at(here.VALUE_DAY, hours=1)
    remote.faults = ["garbage", "", "down"]
    for _ in range(3):
        jobs.poll_rails()
    assert (payment().status, payment().end_to_end_id) == ("SETTLED", one.end_to_end_id)
    assert [path for method, path, _ in remote.seen if method == "POST"] == ["/v1/withdrawals"]
    assert here.balances()["NOSTRO BTC"] == D(999) - FEE


@pytest.mark.django_db(transaction=True)
def test_a_payment_that_never_came_is_cancelled_there_and_fails_here(remote: theirs.Loopback) -> None:
    one = released()
    remote.at = here.VALUE_DAY
    before = here.balances()
    outside.script(theirs.PLACE, "TIMEOUT_LOST")
    jobs.send_released()
    assert payment().status == "UNKNOWN"
    jobs.resolve_unknown()
    assert (payment().status, stages(one), here.balances()) == ("FAILED", [("CANCELLED", "POLL")], before)
    assert [path for method, path, _ in remote.seen if path.endswith("/cancel")] == [f"/v1/withdrawals/{one.end_to_end_id}/cancel"]


@pytest.mark.django_db(transaction=True)
def test_what_was_taken_on_is_never_cancelled_by_a_question(remote: theirs.Loopback) -> None:
    one = released()
    remote.at = here.VALUE_DAY
    jobs.send_released()
    remote.faults = ["404"]
    jobs.follow_sent()
    assert (payment().status, stages(one)) == ("SENT", [("PENDING_APPROVAL", "ANSWER")])
    assert [path for method, path, _ in remote.seen if method == "POST"] == ["/v1/withdrawals"]


@pytest.mark.django_db(transaction=True)
def test_what_failed_here_and_goes_on_there_keeps_the_next_attempt_back(custodian: None) -> None:
    first = released()
    outside.script(theirs.PLACE, "REJECT")
    jobs.send_released()
    jobs.instruct_sets()
    jobs.review_queue()
    assert (payment().attempt, payment().status) == (2, "READY")
    said = {"key": first.end_to_end_id, "id": "W", "account": theirs.ADDRESS, "asset": "BTC", "amount": "1", "version": 8}
    for version, stage, then in ((8, "PENDING_APPROVAL", "BLOCKED"), (9, "APPROVED", "BLOCKED"), (10, "CANCELLED", "READY")):
        said |= {"version": version, "state": stage}
        assert theirs.call_back(f"m{version}", orjson.dumps({"type": "withdrawal", "data": said})).json() == {"ours": True}
        jobs.review_queue()
        assert payment().status == then
    assert events("instruction.contradicted") == 2
    assert settlement.list_decisions([payment().id])
    assert {b["code"] for d in settlement.list_decisions([payment().id]) for b in d.blockers} >= {"EARLIER_ATTEMPT_LIVES"}


@pytest.mark.django_db(transaction=True)
def test_a_callback_and_a_poll_that_see_one_deposit_together_make_one(custodian: None, monkeypatch: pytest.MonkeyPatch) -> None:
    nostro = here.open_house("BTC")["BTC"]
    incoming = Incoming("0xboth", D(2), "Acme Capital", "bc1qacme", "", clock.desk_now(), 0)
    body = orjson.dumps({"type": "deposit", "data": write_deposit(theirs.PLACE, incoming)})
    make, met = receipts._born, threading.Barrier(2)

    def meet(*args: Any) -> Any:
        with contextlib.suppress(threading.BrokenBarrierError):
            met.wait(0.5)  # both are about to insert it, or one waits for the other
        return make(*args)

    monkeypatch.setattr(receipts, "_born", meet)
    answers: list[int] = []

    def call() -> None:
        try:
            answers.append(theirs.call_back("m", body).status_code)
        finally:
            connection.close()

    calling = threading.Thread(target=call)
    calling.start()
    see_incoming(nostro_id=nostro.id, incoming=(incoming,))
    calling.join()
    assert (answers, settlement.list_receipts(SYSTEM).count(), events("receipt.seen")) == ([200], 1, 1)


@pytest.mark.django_db(transaction=True)
def test_a_custodian_that_is_silent_is_asked_once_in_a_run(remote: theirs.Loopback) -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme", netting=False)
    for quantity in ("1", "2"):
        here.deal(acme, Side.BUY, quantity)
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    here.at(here.VALUE_DAY)
    jobs.review_queue()
    both = settlement.list_instructions(SYSTEM).filter(direction="PAY", status="READY")
    assert here.release(*(one.id for one in both)) == "EXECUTED"
    remote.at, remote.faults = clock.desk_now(), ["cut"]
    assert jobs.send_released() == 1
    assert sorted(settlement.list_instructions(SYSTEM).filter(direction="PAY").values_list("status", flat=True)) == ["RELEASED", "UNKNOWN"]
    jobs.send_released()
    remote.faults = ["cut", "cut"]
    remote.seen.clear()
    jobs.poll_rails()
    assert len(remote.seen) == 1


@pytest.mark.django_db(transaction=True)
def test_ticks_do_not_pile_up(custodian: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    here.open_house("USD", "BTC")
    monkeypatch.setattr(jobs, "poll_rails", lambda rail: ran.append(f"read {rail}"))
    monkeypatch.setattr(jobs, "send_released", lambda rail: ran.append(f"send {rail}"))
    monkeypatch.setattr(settlement, "list_rails_to_call", lambda: ["bitcoin-btc"])

    def tick() -> None:
        try:
            jobs.read_rails()
            jobs.send_payments()
        finally:
            connection.close()

    with turn("read:bitcoin-btc") as mine, turn("send:bitcoin-btc"):
        assert mine
        other = threading.Thread(target=tick)
        other.start()
        other.join()
        assert ran == ["read fedwire-usd"], "the one before is still at work"
    tick()
    assert sorted(ran) == ["read bitcoin-btc", "read fedwire-usd", "read fedwire-usd", "send bitcoin-btc"]


# --- what is read, strictly ----------------------------------------------------------------------------------------------
LINE = {"sequence": 1, "reference": "r", "kind": "PAYMENT", "amount": "-1", "balance": "9", "booked_at": "2026-09-15T09:00:00Z"}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"lines": []}, "balance: an amount as a text"),
        ({"balance": 1, "lines": []}, "balance: an amount as a text"),
        ({"balance": "9"}, "lines: a list"),
        ({"balance": "9", "lines": [{**LINE, "sequence": 3}]}, "lines.0.sequence: 3 does not follow"),
        ({"balance": "9", "lines": [{**LINE, "kind": "GIFT"}]}, "lines.0.kind: GIFT"),
        ({"balance": "9", "lines": [{**LINE, "amount": "1"}]}, "lines.0.amount: 1 is no PAYMENT"),
        ({"balance": "9", "lines": [{**LINE, "amount": "1e3"}]}, "lines.0.amount"),
        ({"balance": "9", "lines": [{**LINE, "booked_at": "2026-09-15T09:00:00"}]}, "lines.0.booked_at: a moment without a zone"),
        ({"balance": "9", "lines": [{**LINE, "booked_at": "0001-01-01T00:00:00+14:00"}]}, "lines.0.booked_at: nothing was booked in 1"),
        ({"balance": "9", "lines": [LINE, {**LINE, "sequence": 2}]}, "lines.1.balance: 9, its lines make 8"),
        ({"balance": "8", "lines": [LINE]}, "balance: 8, the last line says 9"),
    ],
)
def test_a_statement_is_read_whole_or_the_place_is_named(said: dict[str, Any], why: str) -> None:
    with pytest.raises(custody.BadAnswer) as no:
        custody.read_statement(said, after=0)
    assert str(no.value).startswith(why)
    assert custody.read_statement({"balance": "9", "lines": [LINE]}, after=0).entries[0].amount == D(-1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"state": "LOST"}, "state: LOST is none of"),
        ({"version": True}, "version"),
        ({"version": 0}, "version"),
        ({"amount": "x"}, "amount"),
        ({"amount": None}, "amount"),
        ({"state": "CANCELLED", "amount": "x"}, "amount"),
        ({"key": ""}, "key: a text"),
        ({"id": "a\nb"}, "id: at most 80 printable"),
    ],
)
def test_a_withdrawal_is_read_whole_or_the_place_is_named(change: dict[str, Any], why: str) -> None:
    said = {"key": "K", "id": "W", "account": "a", "asset": "BTC", "amount": "1", "state": "APPROVED", "version": 1}
    assert custody.read_withdrawal(said).answer.outcome is Outcome.ACCEPTED
    with pytest.raises(custody.BadAnswer) as no:
        custody.read_withdrawal(said | change)
    assert str(no.value).startswith(why)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([], "an object of custodians"),
        ({"x": {"url": 1}}, "x: an object of texts"),
        ({"x": {"url": "ftp://h", "token": "t"}}, "x: url: https://host"),
        ({"x": {"url": "http://vault.example", "token": "t"}}, "x: url: https only"),
        ({"x": {"url": "https://vault.example"}}, "x: token missing"),
        ({"x": {"url": "https://vault.example", "token": "t", "key": "k"}}, "x: key unknown"),
        ({"x": {"url": "https://vault.example", "token": "t", "callback_secrets": "whsec_eA=="}}, "x: callback secret 1: whsec_ and 24"),
        ({"x": {"url": "simulator:"}}, "x: no simulator in production"),
    ],
)
def test_a_wrong_setting_is_named(given: Any, why: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"CUSTODIANS(:|, ) ?{re.escape(why)}"):
        custodians.read(given, production=True)
    fine = {"x": {"url": "https://vault.example", "token": "t", "callback_secrets": theirs.SECRET}}
    assert custodians.adapter(custodians.read(fine, production=True)["x"]) == OVER_HTTP
    assert custodians.adapter(custodians.read({"x": {"url": "simulator:"}}, production=False)["x"]) == SIMULATED


def test_a_signature_of_the_independent_library_holds_for_five_minutes() -> None:
    secret, now = callbacks.secret_of(theirs.SECRET), clock.wall_now()
    signed = {
        "webhook-id": "m",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(theirs.SECRET).sign("m", now, "{}"),
    }
    assert callbacks.verify(signed, b"{}", secrets=[secret], now=now + timedelta(minutes=4)) == "m"
    with pytest.raises(callbacks.NotSigned):
        callbacks.verify(signed, b"{}", secrets=[secret], now=now + timedelta(minutes=6))


@pytest.mark.parametrize("outcome", outside.OUTCOMES)
def test_whatever_it_does_the_simulated_one_takes_a_key_once(outcome: str) -> None:
    rail, place = CustodianSimulator(), Place("bitcoin-btc", f"bc1q{outcome}", "BTC", 3)
    outside.script(place, outcome)
    for minutes in (0, 0, 10, 600):
        rail.send(place, SENT, now=world.NOON + timedelta(minutes=minutes))
    parts = [e.amount for e in rail.statement(place, after=0, now=world.NOON + timedelta(days=2)).entries if e.kind == "PAYMENT"]
    assert parts == {
        "REJECT": [], "POLICY": [], "LOSE": [], "STUCK": [], "SPLIT": [D("-0.5"), D("-0.5")], "DUPLICATE": [D(-1), D(-1)],
    }.get(outcome, [D(-1)])  # fmt: skip
