"""Receipts applied by people and taken off again: nothing used twice, nothing lost, the linked reversal, and the walls behind it."""

import random
from decimal import Decimal as D
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from apps.approvals.errors import NotAChecker, SameHands
from apps.clients import operations as clients
from apps.clients.states import ClientStatus
from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.core.unit import use_case
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.errors import BadDecision, BadMatch, BadTolerance
from apps.settlement.models import Instruction, Receipt, ReceiptMatch
from apps.settlement.queries import receiving
from apps.settlement.rails import outside
from apps.settlement.rules.matching import Part
from apps.users.errors import RoleMissing
from apps.workflows.change_status import lower_status
from apps.workflows.decide_approval import decide_approval
from apps.workflows.load_list import load_list
from apps.workflows.read_statement import request_receipt_decision
from apps.workflows.work_receipts import note_receipt, request_match, request_tolerance, request_unmatch, take_receipt
from tests import books, lines, world
from tests.settlement import world as here
from tests.settlement.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
ACME = {"name": "Acme Capital", "address": "021000021-1001"}


def owing(*amounts: str) -> tuple[world.Firm, list[Instruction]]:
    """acme owes the dollars of each deal by itself: no netting on file."""
    here.open_house("USD", "BTC")
    acme = world.firm("acme", netting=False)
    for amount in amounts:
        here.deal(acme, Side.BUY, amount)
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    here.at(here.VALUE_DAY)
    return acme, list(settlement.list_instructions(SYSTEM).filter(direction="RECEIVE", asset_id="USD").order_by("end_to_end_id"))


def come(amount: D, **more: str) -> Receipt:
    here.pay_in("USD", amount, **ACME | more)
    jobs.poll_rails()
    jobs.match_receipts()
    return Receipt.objects.order_by("-id")[0]


def loose(amount: D) -> Receipt:
    """One that only people apply: its match was undone."""
    found = come(amount)
    assert settle(request_unmatch(actor=olga(), receipt_id=found.id, reason="not for this")) == "EXECUTED"
    found.refresh_from_db()
    assert (found.status, found.by_hand) == ("CLEARED", True)
    return found


def olga():  # type: ignore[no-untyped-def]
    return here.staff("olga", "operations")


def settle(asked, who: str = "oscar", role: str = "operations") -> str:  # type: ignore[no-untyped-def]
    return str(decide_approval(approval_id=asked.id, actor=here.staff(who, role), approve=True).status)


def apply(*parts: Part, receipts: list[Receipt], rest: bool = False) -> str:
    ids = [one.id for one in receipts]
    return settle(request_match(actor=olga(), receipt_ids=ids, parts=parts, rest_to_balance=rest, reason="as the client says"))


def tolerance(amount: str) -> str:
    asked = request_tolerance(actor=olga(), asset="USD", amount=D(amount), reason="bank charges")
    return settle(asked, "fiona", "finance")


def statuses() -> list[str]:
    return sorted(settlement.list_instructions(SYSTEM).filter(direction="RECEIVE").values_list("status", flat=True))


# --- undo -------------------------------------------------------------------------------------------------------------------
def test_a_match_is_undone_by_two_with_the_linked_reversal_and_applied_again_by_hand() -> None:
    _, (one, other) = owing("1", "2")
    got = come(one.amount)
    assert (got.status, statuses()) == ("MATCHED", ["EXPECTED", "RECEIVED"])
    with pytest.raises(RoleMissing):
        request_unmatch(actor=here.staff("carla", "compliance"), receipt_id=got.id, reason="x")
    with pytest.raises(BadMatch):
        request_unmatch(actor=olga(), receipt_id=got.id, reason="")
    asked = request_unmatch(actor=olga(), receipt_id=got.id, reason="it was for the other deal")
    with pytest.raises(SameHands):
        decide_approval(approval_id=asked.id, actor=olga(), approve=True)
    assert settle(asked) == "EXECUTED"
    got.refresh_from_db()
    assert (got.status, got.by_hand, got.owner_role, got.instruction_id) == ("CLEARED", True, "operations", None)
    assert statuses() == ["EXPECTED", "EXPECTED"]
    assert {o.status for o in settlement.list_obligations(SYSTEM).filter(direction="RECEIVE")} == {"INSTRUCTED"}
    assert here.balances()["SUSPENSE USD"] == -one.amount
    (linked,) = db.one("SELECT count(*) FROM ledger_ledgertransaction t JOIN ledger_ledgertransaction o ON o.id = t.reverses_id "
                       "WHERE t.kind = 'REVERSAL' AND o.kind = 'RECEIPT_APPLIED' AND o.source_id = %s", [got.id])  # fmt: skip
    assert linked == 1
    assert [(m.round, m.amount > 0) for m in ReceiptMatch.objects.order_by("id")] == [(1, True), (1, False)]
    books.proven()
    jobs.match_receipts()  # only people apply it again
    got.refresh_from_db()
    assert got.status == "CLEARED"
    assert apply(Part(got.id, other.id, one.amount), receipts=[got]) == "EXECUTED"
    assert statuses() == ["EXPECTED", "PART_RECEIVED"]
    other.refresh_from_db()
    assert (other.settled_amount, ReceiptMatch.objects.filter(round=2).count()) == (one.amount, 1)
    told = [k for (k,) in db.run("SELECT kind FROM events_event WHERE public IS NOT NULL AND kind LIKE 'receipt.%%' ORDER BY client_seq")]
    assert told == ["receipt.credited", "receipt.unmatched", "receipt.credited"]
    books.proven()


def test_a_deal_that_is_owed_again_takes_of_its_credit_lines_again() -> None:
    _, (one, _other) = owing("1", "2")
    before = lines.taken(), lines.taken(lines.SETTLEMENT)
    coins = settlement.list_obligations(SYSTEM).get(trade_id=one.obligation.trade_id, direction="PAY")
    got = come(one.amount)
    assert db.one("SELECT count(*) FROM credit_reservation WHERE status = 'COMMITTED' AND deal_id = %s", [coins.trade_id])[0] > 0
    jobs.review_queue()
    here.release(next(i.id for i in here.ready() if i.obligation_id == coins.id))
    jobs.run_all()
    here.at(here.VALUE_DAY, hours=1)
    jobs.run_all()
    assert db.one("SELECT count(*) FROM credit_reservation WHERE status = 'COMMITTED' AND deal_id = %s", [coins.trade_id]) == (0,)
    assert settle(request_unmatch(actor=olga(), receipt_id=got.id, reason="it was another client's")) == "EXECUTED"
    assert (lines.taken(), lines.taken(lines.SETTLEMENT)) == before, "what it owes is at risk as before"
    assert apply(Part(got.id, one.id, one.amount), receipts=[got]) == "EXECUTED"
    assert db.one("SELECT count(*) FROM credit_reservation WHERE status = 'COMMITTED' AND deal_id = %s", [coins.trade_id]) == (0,)
    books.proven()


def test_what_is_taken_off_for_a_frozen_client_goes_to_blocked_assets() -> None:
    acme, (one,) = owing("1")
    got = come(one.amount)
    asked = request_unmatch(actor=olga(), receipt_id=got.id, reason="it was another client's")
    lower_status(actor=here.staff("carla", "compliance"), client_id=acme.client_id, status=ClientStatus.FROZEN, reason="on a list")
    assert settle(asked) == "EXECUTED"
    got.refresh_from_db()
    assert (got.status, got.quarantine_reason, got.owner_role) == ("FROZEN", "CLIENT_FROZEN", "compliance")
    assert here.balances()["BLOCKED USD"] == -one.amount and "SUSPENSE USD" not in here.balances()
    books.proven()


def test_a_netted_leg_is_open_again_when_its_receipt_is_taken_off() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    here.deal(acme, Side.BUY, "2")
    here.deal(acme, Side.SELL, "1")
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    here.at(here.VALUE_DAY)
    before, due = here.balances(), here.only("EXPECTED").amount
    got = come(due)
    assert "RECEIVABLE USD" not in here.balances()
    assert settle(request_unmatch(actor=olga(), receipt_id=got.id, reason="recalled by phone")) == "EXECUTED"
    after = here.balances()
    assert after.pop("SUSPENSE USD") == -due
    assert after == {**before, "NOSTRO USD": before["NOSTRO USD"] + due}
    (net_set,) = settlement.list_net_sets(SYSTEM)
    assert net_set.status == "SETTLING"
    legs = {leg.asset_id: leg.status for leg in settlement.net_set_legs([net_set.id])[net_set.id]}
    assert legs["USD"] == "INSTRUCTED"
    assert {o.status for o in settlement.list_obligations(SYSTEM).filter(asset_id="USD")} == {"NETTED"}
    books.proven()


def test_a_deposit_taken_off_is_reversed_may_overdraw_and_can_be_credited_again() -> None:
    here.open_house("USD", "BTC")
    firm = world.firm("cygnus", mode="PREFUNDED", instructions=here.CYGNUS)
    here.pay_in("USD", D(50_000), name="Cygnus Capital", address="021000021-3001")
    jobs.poll_rails()
    jobs.match_receipts()
    here.deal(firm, Side.BUY, "1")
    got = Receipt.objects.get()
    assert settle(request_unmatch(actor=olga(), receipt_id=got.id, reason="for another account")) == "EXECUTED"
    assert here.balances()["CLIENT_BALANCE USD"] > 0  # overdrawn: it always posts
    assert [d.status for d in settlement.list_deposits(SYSTEM)] == ["REVERSED"]
    got.refresh_from_db()
    assert apply(receipts=[got], rest=True) == "EXECUTED"
    assert sorted(d.status for d in settlement.list_deposits(SYSTEM)) == ["CREDITED", "REVERSED"]
    assert here.balances()["CLIENT_BALANCE USD"] < 0
    books.proven()


# --- by hand ----------------------------------------------------------------------------------------------------------------
def test_several_receipts_pay_one_and_one_pays_several_by_hand() -> None:
    acme, (one, other) = owing("1", "2")
    first, second = loose(D(5000)), loose(one.amount + other.amount - 5000 + 7)
    parts = [
        Part(first.id, one.id, D(5000)),
        Part(second.id, one.id, one.amount - 5000),
        Part(second.id, other.id, other.amount),
    ]
    with pytest.raises(BadMatch, match="left over"):
        request_match(actor=olga(), receipt_ids=[first.id, second.id], parts=parts, rest_to_balance=False, reason="x")
    assert apply(*parts, receipts=[first, second], rest=True) == "EXECUTED"
    assert statuses() == ["RECEIVED", "RECEIVED"]
    assert here.balances()["CLIENT_BALANCE USD"] == D(-7)  # too much stays the client's
    assert "SUSPENSE USD" not in here.balances()
    assert [d.amount for d in settlement.list_deposits(acme.treasury).filter(status="CREDITED")] == [D(7)]
    books.proven()


def test_a_match_that_does_not_fit_is_refused_and_nothing_changes() -> None:
    _, (one, _other) = owing("1", "2")
    got = loose(one.amount)
    stranger = world.firm("borealis", netting=False)
    here.deal(stranger, Side.BUY, "1")
    before = here.balances()
    nobody = UUID(int=7)
    for parts, word in (
        ([Part(got.id, one.id, one.amount + 1)], "more is applied"),
        ([Part(got.id, one.id, D(0))], "more than nothing"),
        ([Part(got.id, nobody, D(1))], "no such"),
        ([Part(nobody, one.id, D(1))], "no such"),
        ([Part(got.id, one.id, D(1)), Part(got.id, one.id, D(1))], "twice"),
        ([Part(got.id, one.id, one.amount - 5, D(5))], "may be written off"),
    ):
        with pytest.raises(BadMatch, match=word):
            request_match(actor=olga(), receipt_ids=[got.id], parts=parts, rest_to_balance=True, reason="x")
    with pytest.raises(BadMatch):
        request_match(actor=olga(), receipt_ids=[got.id], parts=[], rest_to_balance=True, reason="")
    with pytest.raises(RoleMissing):
        request_match(actor=here.staff("tom", "trader"), receipt_ids=[got.id], parts=[], rest_to_balance=True, reason="x")
    assert (here.balances(), statuses()) == (before, ["EXPECTED", "EXPECTED"])
    asked = request_match(actor=olga(), receipt_ids=[got.id], parts=[Part(got.id, one.id, one.amount)], rest_to_balance=False, reason="x")
    with pytest.raises(NotAChecker):
        decide_approval(approval_id=asked.id, actor=here.staff("fiona", "finance"), approve=True)
    come(one.amount)  # pays what was asked about before the answer comes
    assert settle(asked) == "STALE"


def test_what_falls_short_within_the_tolerance_is_written_off_as_finance_granted() -> None:
    _, (one, other) = owing("1", "2")
    with pytest.raises(BadTolerance):
        request_tolerance(actor=olga(), asset="USD", amount=D("0.001"), reason="x")
    asked = request_tolerance(actor=olga(), asset="USD", amount=D(15), reason="bank charges")
    with pytest.raises(NotAChecker):
        decide_approval(approval_id=asked.id, actor=here.staff("oscar", "operations"), approve=True)
    assert settle(asked, "fiona", "finance") == "EXECUTED"
    got = come(one.amount - 12, remittance=one.end_to_end_id)
    assert (got.status, statuses()) == ("MATCHED", ["EXPECTED", "RECEIVED"])
    assert here.balances()["WRITE_OFF USD"] == D(12)
    assert ReceiptMatch.objects.get().written_off == D(12)
    books.proven()
    short = come(other.amount - 16, remittance=other.end_to_end_id)
    assert (short.status, statuses()) == ("MATCHED", ["PART_RECEIVED", "RECEIVED"])  # past it: still owed
    assert settle(request_unmatch(actor=olga(), receipt_id=got.id, reason="they paid the rest elsewhere")) == "EXECUTED"
    assert "WRITE_OFF USD" not in here.balances()
    books.proven()


def test_nothing_of_a_frozen_client_is_applied() -> None:
    acme, (one,) = owing("1")
    got = loose(one.amount)
    asked = request_match(actor=olga(), receipt_ids=[got.id], parts=[Part(got.id, one.id, one.amount)], rest_to_balance=False, reason="x")

    @use_case
    def freeze(*, now) -> None:  # type: ignore[no-untyped-def]
        clients.set_status(thing=acme.account, status=ClientStatus.FROZEN, reason="sanctions")

    freeze()
    assert settle(asked) == "FAILED"
    Receipt.objects.filter(id=got.id).update(by_hand=False)
    jobs.match_receipts()
    got.refresh_from_db()
    assert (got.status, statuses()) == ("CLEARED", ["EXPECTED"])


# --- quarantine -------------------------------------------------------------------------------------------------------------
def decide(receipt: Receipt, decision: str, maker: str = "cleo", role: str = "compliance", **kw: object) -> str:
    asked = request_receipt_decision(
        actor=here.staff(maker, role), receipt_id=receipt.id, decision=decision, reason="as the file says", **kw
    )
    return settle(asked, "carla", "compliance")


def test_frozen_money_is_let_go_of_by_compliance_alone_and_goes_back_or_to_its_account() -> None:
    here.open_house("USD", "BTC")
    world.firm("acme")
    load_list(list_name="EU", entries=[("Evil Corp", "", "1")])
    for amount in (D(100), D(200)):
        here.pay_in("USD", amount, name="Evil Corp", address="666")
    jobs.poll_rails()
    jobs.match_receipts()
    first, second = Receipt.objects.order_by("id")
    assert [decide(one, "freeze") for one in (first, second)] == ["EXECUTED", "EXECUTED"]
    assert here.balances()["BLOCKED USD"] == D(-300)
    with pytest.raises(BadDecision, match="only compliance"):
        decide(first, "return", "olga", "operations")
    with pytest.raises(BadDecision):
        decide(first, "freeze")
    assert decide(first, "apply", account_code="acme-main") == "EXECUTED"
    first.refresh_from_db()
    assert (first.status, here.balances()["BLOCKED USD"], here.balances()["SUSPENSE USD"]) == ("CLEARED", D(-200), D(-100))
    assert decide(second, "return") == "EXECUTED"
    second.refresh_from_db()
    assert (second.status, here.balances()["SUSPENSE USD"]) == ("RETURN_DUE", D(-300))
    assert "BLOCKED USD" not in here.balances()
    books.proven()


def test_a_return_never_goes_where_it_may_not() -> None:
    here.open_house("USD", "BTC")
    world.firm("acme")
    here.pay_in("USD", D(100), name="Nobody", address="999-1")
    here.pay_in("BTC", D(1), name="", address="bc1qacme")
    jobs.poll_rails()
    here.at(world.NOON, hours=1)
    jobs.poll_rails()
    jobs.match_receipts()
    dollars, coins = Receipt.objects.get(asset_id="USD"), Receipt.objects.get(asset_id="BTC")
    with pytest.raises(BadDecision, match="account it came from"):
        decide(dollars, "return", return_to=("Somebody", "777-1"))
    with pytest.raises(BadDecision, match="names"):
        decide(coins, "return")
    with pytest.raises(BadDecision, match="say why"):
        request_receipt_decision(actor=olga(), receipt_id=dollars.id, decision="return", reason="")
    assert decide(dollars, "return") == "EXECUTED"
    with pytest.raises(BadDecision, match="RETURN_DUE"):  # its payment lives
        decide(dollars, "return")
    payment = here.only("READY")
    outside.script(here.place("USD"), "REJECT")
    here.release(payment.id)
    jobs.send_released()
    assert decide(dollars, "return") == "EXECUTED"  # it failed: once more
    assert here.only("READY").attempt == 2


def test_a_return_that_comes_back_is_a_receipt_of_its_own() -> None:
    here.open_house("USD", "BTC")
    here.pay_in("USD", D(100), name="Nobody", address="999-1")
    jobs.poll_rails()
    jobs.match_receipts()
    decide(Receipt.objects.get(), "return")
    outside.script(here.place("USD"), "RETURN")
    here.release(here.only("READY").id)
    jobs.send_released()
    here.at(world.NOON, hours=4)
    jobs.poll_rails()
    jobs.match_receipts()
    assert sorted(Receipt.objects.values_list("status", flat=True)) == ["QUARANTINED", "RETURNED"]
    assert here.balances()["SUSPENSE USD"] == D(-100)
    assert db.one("SELECT count(*) FROM events_event WHERE kind = 'statement.unexplained'") == (0,)
    books.proven()


def test_crypto_without_its_originators_name_waits_for_the_travel_rule() -> None:
    here.open_house("USD", "BTC")
    world.firm("cygnus", mode="PREFUNDED", instructions=here.CYGNUS)
    here.pay_in("BTC", D(1), name="", address="bc1qcygnus")
    jobs.poll_rails()
    here.at(world.NOON, hours=1)
    jobs.poll_rails()
    jobs.match_receipts()
    assert (Receipt.objects.get().status, Receipt.objects.get().quarantine_reason) == ("QUARANTINED", "TRAVEL_RULE")


def test_somebody_takes_it_on_and_writes_about_it() -> None:
    here.open_house("USD", "BTC")
    here.pay_in("USD", D(100), name="Nobody", address="999-1")
    jobs.poll_rails()
    jobs.match_receipts()
    got = Receipt.objects.get()
    cleo = here.staff("cleo", "compliance")
    take_receipt(actor=cleo, receipt_id=got.id)
    note_receipt(actor=cleo, receipt_id=got.id, text="called the bank")
    got.refresh_from_db()
    assert (got.owner_role, got.owner_id, got.owner_name) == ("compliance", cleo.id, cleo.name)
    assert [(n.text, n.writer_name) for n in receiving.list_notes(got.id)] == [("called the bank", cleo.name)]
    with pytest.raises(BadDecision):
        note_receipt(actor=cleo, receipt_id=got.id, text="")
    note_receipt(actor=olga(), receipt_id=got.id, text="the client says it is its own")
    for stranger in (here.staff("tom", "trader"), here.staff("alan", "auditor"), olga()):  # what is quarantined is compliance's
        with pytest.raises(RoleMissing):
            take_receipt(actor=stranger, receipt_id=got.id)


# --- together ---------------------------------------------------------------------------------------------------------------
def test_two_matches_of_the_same_receipt_at_once_apply_it_once() -> None:
    _, (one, _other) = owing("1", "2")
    got = loose(one.amount)
    oscar, oda = here.staff("oscar", "operations"), here.staff("oda", "operations")
    asked = request_match(actor=olga(), receipt_ids=[got.id], parts=[Part(got.id, one.id, one.amount)], rest_to_balance=False, reason="x")
    Receipt.objects.filter(id=got.id).update(by_hand=False)  # and the sweep has a mind of its own
    at_once(lambda: decide_approval(approval_id=asked.id, actor=oscar, approve=True), jobs.match_receipts, jobs.match_receipts,
            lambda: request_unmatch(actor=oda, receipt_id=got.id, reason="x"))  # fmt: skip
    got.refresh_from_db()
    assert got.status == "MATCHED"
    assert (one.amount,) == db.one("SELECT sum(amount) FROM settlement_receiptmatch WHERE undoes_id IS NULL AND round = 2")
    books.proven()


def test_a_match_against_a_reorganisation_conserves_the_money() -> None:
    here.open_house("USD", "BTC")
    world.firm("cygnus", mode="PREFUNDED", instructions=here.CYGNUS)
    reference = here.pay_in("BTC", D(2), name="Cygnus Capital", address="bc1qcygnus")
    jobs.poll_rails()
    here.at(world.NOON, hours=1)
    jobs.poll_rails()
    before = here.balances()
    outside.reorganise(here.place("BTC"), reference, at=clock.desk_now())
    at_once(jobs.match_receipts, jobs.poll_rails, jobs.match_receipts)
    jobs.poll_rails()
    assert Receipt.objects.get().status == "REVERTED"
    assert db.one("SELECT coalesce(sum(amount), 0) FROM settlement_receiptmatch") == (D(0),)
    assert here.balances() == {
        name: amount - (2 if name == "NOSTRO BTC" else 0) for name, amount in before.items() if name != "SUSPENSE BTC"
    }
    books.proven()


# --- walls ------------------------------------------------------------------------------------------------------------------
def test_raw_sql_uses_no_receipt_and_no_payment_twice() -> None:
    _, (one, _) = owing("1", "2")
    got = come(one.amount)
    waits = loose(D(100))

    def refused(*statements: str) -> str:
        with pytest.raises(IntegrityError) as no, transaction.atomic():
            for sql in statements:
                db.run(sql, {"got": got.id, "waits": waits.id, "one": one.id} if "%(" in sql else ())
            db.run("SET CONSTRAINTS ALL IMMEDIATE")
        return str(no.value.__cause__.diag.constraint_name)  # type: ignore[union-attr]

    row = "INSERT INTO settlement_receiptmatch (id, receipt_id, instruction_id, amount, written_off, round, matched_at, undoes_id) "
    again = row + "VALUES (gen_random_uuid(), %(got)s, %(one)s, 1, 0, 2, now(), NULL)"
    assert refused(again) == "settlement_match_settles"
    loose_one = row + "SELECT gen_random_uuid(), %(waits)s, NULL, amount, 0, 9, now(), NULL FROM settlement_receipt WHERE id = %(waits)s"
    assert refused(loose_one) == "settlement_match_whole"  # while it is CLEARED it pays nothing
    assert refused("UPDATE settlement_receipt SET status = 'MATCHED' WHERE id = %(waits)s") == "settlement_match_whole"
    onto = row + "SELECT gen_random_uuid(), %(waits)s, %(one)s, amount, 0, 9, now(), NULL FROM settlement_receipt WHERE id = %(waits)s"
    moved = "UPDATE settlement_receipt SET status = 'MATCHED' WHERE id = %(waits)s"
    assert refused(onto, moved) == "settlement_match_settles"
    less = "UPDATE settlement_instruction SET settled_amount = settled_amount - 1 WHERE id = %(one)s"
    assert refused(less) == "instruction_settled_whole"  # and not by moving it on first
    assert refused("UPDATE settlement_instruction SET status = 'EXPECTED' WHERE id = %(one)s", less) == "settlement_match_settles"
    assert refused("UPDATE settlement_instruction SET settled_amount = amount + 1 WHERE id = %(one)s") == "instruction_paid_once"
    half = row + (
        "SELECT gen_random_uuid(), receipt_id, instruction_id, -1, 0, round, now(), id FROM settlement_receiptmatch "
        "WHERE receipt_id = %(got)s"
    )
    assert refused(half) == "settlement_match_own"
    assert refused(half.replace("-1", "-amount")) == "settlement_match_settles"  # undone, and still counted as received
    foreign = (
        row + "SELECT gen_random_uuid(), %(waits)s, id, 1, 0, 9, now(), NULL FROM settlement_instruction WHERE direction = 'PAY' LIMIT 1"
    )
    assert refused(foreign) == "settlement_match_own"
    assert refused("UPDATE settlement_receipt SET owner_role = '' WHERE id = %(got)s") == "receipt_owned"
    back = (
        "INSERT INTO settlement_instruction (id, direction, entity_id, asset_id, nostro_id, amount, settled_amount, returns_id, part, "
        "attempt, end_to_end_id, beneficiary_name, beneficiary_address, status, due_date, rail_reference, failure) "
        "SELECT gen_random_uuid(), 'PAY', n.entity_id, r.asset_id, n.id, r.amount, 0, r.id, 0, 1, 'X1', '', '', 'DRAFT', now(), '', '' "
        "FROM settlement_receipt r JOIN settlement_nostro n ON n.id = r.nostro_id WHERE r.id = %(waits)s"
    )
    assert refused(back) == "settlement_return_due"


# --- whatever people and sweeps do -------------------------------------------------------------------------------------------
@pytest.mark.drill
@pytest.mark.parametrize("seed", range(4))
def test_whatever_people_do_to_receipts_money_is_conserved(seed: int) -> None:
    luck = random.Random(seed)
    _, waiting = owing("1", "2", "0.5")
    tolerance("15")
    for _ in range(15):
        what = luck.choice(("come", "come short", "undo", "by hand"))
        if what.startswith("come"):
            one = luck.choice(waiting)
            come(one.amount - (12 if what == "come short" else luck.choice((0, 3000, -5))), remittance=luck.choice(("", one.end_to_end_id)))
        elif what == "undo" and (matched := list(Receipt.objects.filter(status="MATCHED"))):
            settle(request_unmatch(actor=olga(), receipt_id=luck.choice(matched).id, reason="wrong"))
        elif what == "by hand" and (cleared := list(Receipt.objects.filter(status="CLEARED"))):
            chosen = luck.choice(cleared)
            proposals = receiving.propose(chosen)
            parts = luck.choice(proposals).parts if proposals else ()
            assert apply(*parts, receipts=[chosen], rest=True) == "EXECUTED"
        jobs.match_receipts()
        books.proven()
