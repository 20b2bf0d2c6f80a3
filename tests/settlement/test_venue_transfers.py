"""Our money to venues and back, where it goes wrong: refused, late, lost, twice, taken back; and whose word counts."""

from collections import Counter
from decimal import Decimal as D

import pytest
from django.db import IntegrityError, transaction

from apps.core import clock, db
from apps.core.errors import IllegalMove
from apps.jobs import settlement as jobs
from apps.jobs import venues as venue_jobs
from apps.reports.queries import reconciling
from apps.reports.queries.desk import treasury
from apps.settlement.errors import BadHouseTransfer, BadVenuePlace
from apps.settlement.models import HouseTransfer, Nostro, Receipt, VenueMovement, VenuePlace
from apps.settlement.operations.venue_places import Way
from apps.settlement.queries import venues
from apps.settlement.rails import outside
from apps.settlement.rails.base import Answer, Outcome
from apps.users.errors import RoleMissing
from apps.workflows.pay_in_at_venues import import_venue_movements
from apps.workflows.reconcile import import_venue_balances
from apps.workflows.send_payment import begin_sending, record_answer
from apps.workflows.transfer_house import ask_house_transfer, cancel_house_transfer
from tests import books
from tests.people import staff
from tests.settlement import venues as there
from tests.settlement import world as here
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ends() -> tuple[dict[str, Nostro], dict[str, VenuePlace]]:
    return there.open_ends()


def state(made: HouseTransfer) -> tuple[str, str]:
    made.refresh_from_db()
    return made.status, there.payment_of(made).status


@pytest.mark.drill
def test_what_its_bank_sends_back_is_ours_again_and_what_the_venue_has_is_not(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    outside.script(there.place_of(ours["USD"]), "RETURN")
    back = there.sent(ours["USD"], places["USD"], "10")
    outside.script(there.place_of(ours["USD"]), "RETURN")
    kept = there.sent(ours["USD"], places["USD"], "20")
    here.at(clock.desk_now(), hours=1)
    there.reaches("USD", D(20))
    here.at(clock.desk_now(), hours=4)
    venue_jobs.poll_venues()
    jobs.run_all()
    assert state(back) == ("FAILED", "RETURNED")
    assert state(kept) == ("SETTLED", "SETTLED"), "both say that they have it: a person looks"
    assert here.balances()["VENUE USD"] == D(100_020) and "IN_TRANSIT USD" not in here.balances()


def test_what_the_venue_takes_back_is_on_its_way_again_and_its_return_ends_it(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    outside.script(there.place_of(ours["USD"]), "RETURN")
    made = there.sent(ours["USD"], places["USD"], "10")
    here.at(clock.desk_now(), minutes=10)
    record = "reference,booked_at,asset,amount,fee,key,transaction,takes_back\n"
    at = clock.desk_now().isoformat()

    def bring(*lines: str) -> int:
        return import_venue_movements(actor=None, entity_id=ours["USD"].entity_id, counterparty="northgate", text=record + "\n".join(lines))

    jobs.poll_rails()
    assert bring(f"d-1,{at},USD,10,,,,") == 1
    assert state(made) == ("SETTLED", "SETTLED")
    assert bring(f"d-1,{at},USD,10,,,,", f"d-2,{at},USD,-10,1.5,,,d-1", f"d-3,{at},USD,-7,,,,d-1") == 2
    assert state(made) == ("IN_TRANSIT", "SETTLED")
    assert (here.balances()["VENUE USD"], here.balances()["COST USD"]) == (D("99998.5"), D("1.5"))
    here.at(clock.desk_now(), hours=4)
    jobs.run_all()
    assert state(made) == ("FAILED", "RETURNED")
    assert VenueMovement.objects.get(reference="d-3").transfer is None, "another amount is nobody's"
    books.proven()


def test_a_venue_that_refuses_at_once_or_later_has_paid_nothing(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    outside.script(there.at_venue("USD"), "REJECT")
    assert state(there.sent(places["USD"], ours["USD"], "10")) == ("FAILED", "FAILED")
    outside.script(there.at_venue("USD"), "POLICY")
    later = there.sent(places["USD"], ours["USD"], "20")
    assert state(later) == ("IN_TRANSIT", "SENT")
    here.at(clock.desk_now(), minutes=6)
    jobs.follow_sent()
    assert state(later) == ("FAILED", "FAILED")
    outside.script(there.at_venue("USD"), "RETURN")  # it left, and its bank sends it back to the venue
    back = there.sent(places["USD"], ours["USD"], "30")
    here.at(clock.desk_now(), hours=4)
    venue_jobs.poll_venues()
    assert state(back) == ("FAILED", "RETURNED")
    assert here.balances()["VENUE USD"] == D(100_000) and "IN_TRANSIT USD" not in here.balances()
    books.proven()


def test_what_came_for_a_withdrawal_that_is_refused_after_all_is_anothers(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    outside.script(there.at_venue("USD"), "POLICY")
    refused, paid = there.sent(places["USD"], ours["USD"], "20"), there.approved(places["USD"], ours["USD"], "20")
    assert here.release(there.payment_of(paid).id, overrides={"DUPLICATE_SUSPECTED": "both are wanted"}) == "EXECUTED"
    jobs.send_released()
    there.arrives(ours["USD"], D(20), name="Northgate Exchange")
    there.read_all()
    assert (state(refused), state(paid)) == (("SETTLED", "SENT"), ("IN_TRANSIT", "SENT")), "the oldest of two that are alike"
    here.at(clock.desk_now(), minutes=6)
    jobs.follow_sent()
    assert (state(refused), state(paid)) == (("FAILED", "FAILED"), ("SETTLED", "SENT"))
    came = Receipt.objects.get(status="MATCHED")
    assert Counter(one.house_transfer_id for one in came.matches.all()) == {refused.id: 2, paid.id: 1}, (
        "taken off the one, and of the other"
    )
    books.proven()
    outside.reorganise(there.place_of(ours["USD"]), came.rail_reference, at=clock.desk_now())
    here.at(clock.desk_now(), hours=1)
    there.read_all()
    assert (state(refused), state(paid)) == (("FAILED", "FAILED"), ("IN_TRANSIT", "SETTLED")), "recalled, it is on its way again"

    # One that names the payment is that payment's: it has come, and the venue says that it never paid. A person looks.
    outside.script(there.at_venue("USD"), "POLICY")
    named = there.sent(places["USD"], ours["USD"], "30")
    there.arrives(ours["USD"], D(30), name="Northgate Exchange", remittance=there.payment_of(named).end_to_end_id)
    there.read_all()
    here.at(clock.desk_now(), minutes=6)
    jobs.follow_sent()
    assert state(named) == ("SETTLED", "SENT")
    assert db.one("SELECT count(*) FROM events_event WHERE kind = 'instruction.contradicted'") == (1,)
    books.proven()


def test_a_lost_answer_is_asked_about_and_never_sent_again(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    outside.script(there.at_venue("USD"), "TIMEOUT")
    done = there.sent(places["USD"], ours["USD"], "10")
    outside.script(there.at_venue("USD"), "TIMEOUT_LOST")
    lost = there.sent(places["USD"], ours["USD"], "20")
    assert (state(done), state(lost)) == (("INSTRUCTED", "UNKNOWN"), ("INSTRUCTED", "UNKNOWN"))
    too_much = there.approved(places["USD"], ours["USD"], "99980")
    blockers = [b["code"] for b in there.payment_of(too_much).decisions.order_by("-id").first().blockers]  # type: ignore[union-attr]
    assert blockers == ["INSUFFICIENT_NOSTRO"], "what may have been fetched is not there twice"
    jobs.resolve_unknown()
    assert (state(done), state(lost)) == (("IN_TRANSIT", "SENT"), ("FAILED", "FAILED"))
    asked = outside.change(there.at_venue("USD"), lambda doc: [one["outcome"] for one in doc["payments"].values()])
    assert asked == ["ACCEPTED", "NOT_FOUND"], "and it refuses the lost one from now on"


@pytest.mark.drill
def test_the_record_itself_answers_and_paid_twice_is_a_break(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    outside.script(there.at_venue("USD"), "TIMEOUT")
    made = there.sent(places["USD"], ours["USD"], "10")
    outside.script(there.at_venue("USD"), "DUPLICATE")
    twice = there.sent(places["USD"], ours["USD"], "20")
    here.at(clock.desk_now(), hours=1)
    there.arrives(ours["USD"], D(20), name="Northgate Exchange", remittance=there.payment_of(twice).end_to_end_id)
    there.arrives(ours["USD"], D(20), name="Northgate Exchange", remittance=there.payment_of(twice).end_to_end_id)
    there.read_all()
    assert state(made) == ("IN_TRANSIT", "SETTLED"), "its record shows it gone: that is the answer"
    assert state(twice) == ("SETTLED", "SETTLED")
    assert [m.amount for m in VenueMovement.objects.filter(transfer=None)] == [D(-20)]
    assert sorted(r.status for r in Receipt.objects.all()) == ["MATCHED", "QUARANTINED"]
    assert here.balances()["VENUE USD"] == D(99_970)
    before = books.count()
    venue_jobs.poll_venues()
    assert books.posted(before) == []
    books.proven()


def test_coins_from_a_strange_wallet_wait_for_the_record_that_names_them(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    outside.script(there.at_venue("BTC"), "SLOW")
    made = there.sent(places["BTC"], ours["BTC"], "1")
    there.arrives(ours["BTC"], D(1), transaction=f"tx-{there.payment_of(made).rail_reference}")
    there.arrives(ours["BTC"], D(2), transaction="0xother")
    here.at(clock.desk_now(), minutes=30)
    there.read_all()
    assert dict(Receipt.objects.values_list("amount", "status")) == {D(1): "FINAL", D(2): "QUARANTINED"}
    here.at(clock.desk_now(), hours=2)
    there.read_all()
    assert state(made) == ("SETTLED", "SETTLED") and Receipt.objects.get(amount=1).status == "MATCHED"
    record = db.one("SELECT payload::text FROM compliance_travelrecord WHERE subject_id = %s", (Receipt.objects.get(amount=1).id,))[0]
    assert "Northgate" in record and "Flowdesk" in record, "who sends and who receives is kept"


def test_coins_that_a_record_names_no_transaction_of_are_known_by_record_and_amount(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    outside.script(there.at_venue("BTC"), "LOSE")
    made = there.sent(places["BTC"], ours["BTC"], "1")
    there.arrives(ours["BTC"], D(1), transaction="0xabc")
    here.at(clock.desk_now(), minutes=30)
    there.read_all()
    assert Receipt.objects.get().status == "FINAL"
    line = f"w-1,{clock.desk_now().isoformat()},BTC,-1,0.0003,{there.payment_of(made).end_to_end_id},,\n"
    text = "reference,booked_at,asset,amount,fee,key,transaction,takes_back\n" + line
    assert import_venue_movements(actor=None, entity_id=ours["BTC"].entity_id, counterparty="northgate", text=text) == 1
    jobs.match_receipts()
    assert (state(made), Receipt.objects.get().status) == (("SETTLED", "SETTLED"), "MATCHED")
    there.arrives(ours["BTC"], D(1), transaction="0xdef")
    there.read_all()
    assert Receipt.objects.get(rail_reference="0xdef").status == "QUARANTINED", "it is known once"
    books.proven()


def test_what_is_known_of_a_record_is_not_taken_again_and_what_nothing_explains_keeps_none_waiting(  # type: ignore[no-untyped-def]
    ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, places = ends
    monkeypatch.setattr(venues, "BATCH", 2)
    for _ in range(3):
        there.reaches("USD", D(7), key="of-nobody")
    there.reaches("USD", D(10))
    venue_jobs.poll_venues()
    made = there.sent(ours["USD"], places["USD"], "10")
    taken: list[str] = []
    monkeypatch.setattr(venue_jobs, "take_movement", lambda **kw: taken.append(kw["told"].reference))
    assert (venue_jobs.poll_venues(), taken) == (0, [])
    assert state(made)[0] == "SETTLED"


@pytest.mark.drill
def test_its_own_wallet_record_and_reference_travel_with_what_we_pay_in(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    there.sent(ours["USD"], places["USD"], "10")
    jobs.poll_rails()
    here.at(clock.desk_now(), hours=1)
    jobs.poll_rails()
    (paid,) = outside.change(there.place_of(ours["USD"]), lambda doc: [line["remittance"] for line in doc["lines"]])
    assert paid.startswith("FLOW-77 FD"), "what the venue wants to read, then our own"
    made = there.approved(ours["BTC"], places["BTC"], "1")
    told = db.one("SELECT payload::text, faults::text FROM compliance_travelrecord WHERE subject_id = %s", (there.payment_of(made).id,))
    assert there.LEI in told[0] and told[1] == "[]"


def test_an_answer_that_comes_while_the_gate_looks_never_frees_what_was_fetched(ends, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    first, second = [there.approved(places["USD"], ours["USD"], amount) for amount in ("60000", "60001")]
    for made in (first, second):
        assert here.release(there.payment_of(made).id) == "EXECUTED"
    begin_sending(instruction_id=there.payment_of(first).id)
    count = venues.ledger.sum_amounts

    def then_it_answers(*args, **kw):  # type: ignore[no-untyped-def]
        out = count(*args, **kw)
        if kw.get("owner_ids") == [places["USD"].venue_id] and state(first)[1] == "SENDING":
            answer = Answer(Outcome.ACCEPTED, "W1")
            together(1, lambda _: record_answer(instruction_id=there.payment_of(first).id, answer=answer))
        return out

    monkeypatch.setattr(venues.ledger, "sum_amounts", then_it_answers)
    jobs.send_released()
    assert (state(first)[1], state(second)[1]) == ("SENT", "BLOCKED")


def test_two_senders_at_once_never_fetch_more_than_there_is(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    both = [there.approved(places["USD"], ours["USD"], amount) for amount in ("60000", "60001")]
    for made in both:
        assert here.release(there.payment_of(made).id) == "EXECUTED"
    together(2, lambda _: jobs.send_released())
    assert sorted(state(made) for made in both) == [("INSTRUCTED", "BLOCKED"), ("IN_TRANSIT", "SENT")]
    stays = next(made for made in both if made.status == "INSTRUCTED")
    assert cancel_house_transfer(actor=staff("olga", "operations"), transfer_id=stays.id).status == "FAILED"
    with pytest.raises(IllegalMove):
        cancel_house_transfer(actor=staff("olga", "operations"), transfer_id=stays.id)


@pytest.mark.drill
def test_two_readers_at_once_take_a_movement_once(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    made = there.sent(ours["USD"], places["USD"], "10")
    there.reaches("USD", D(10))
    together(3, lambda _: venue_jobs.poll_venues())
    assert state(made)[0] == "SETTLED" and here.balances()["VENUE USD"] == D(100_010)


def test_a_changed_place_stops_what_goes_to_the_old_one(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    made = there.approved(ours["USD"], places["USD"], "10")
    asked = there.ask_place(Way("fedwire-usd", "021000021-7002", "Northgate Exchange", "CHASUS33"))

    def blockers() -> list[str]:
        jobs.review_queue()
        return [b["code"] for b in there.payment_of(made).decisions.order_by("-id").first().blockers]  # type: ignore[union-attr]

    assert blockers() == ["PENDING_APPROVAL"]
    there.decide(asked)
    assert blockers() == ["SSI_NOT_ACTIVE"]
    with pytest.raises(BadHouseTransfer, match="replaced"):
        there.approved(ours["USD"], places["USD"], "10")
    gone = there.set_place(Way("fedwire-usd", "021000021-7002", "Northgate Exchange", "CHASUS33", withdrawn=True))
    with pytest.raises(BadHouseTransfer, match="withdrawn"):
        there.approved(ours["USD"], gone, "10")
    assert there.sent(gone, ours["USD"], "10").status == "IN_TRANSIT", "what is there is fetched all the same"


def test_who_may_and_what_is_refused(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    good = there.WAYS["USD"]
    with pytest.raises(RoleMissing):
        there.ask_place(good, who="fay", role="finance")
    for way, field in (
        (Way("fedwire-usd", "021000022-7001", "x", "CHASUS33"), "/address"), (Way("fedwire-usd", good.address, "x", ""), "/bic"),
        (Way("nowhere", good.address, "x", "CHASUS33"), "/rail"), (Way("fedwire-usd", good.address, " ", "CHASUS33"), "/holder"),
        (Way("fedwire-usd", good.address, "x", "CHASUS33", "é"), "/reference"),
        (Way("target-eur", "DE02120300000000202051", "x", "BYLADEM1", withdrawn=True), "/withdrawn"),
    ):  # fmt: skip
        with pytest.raises(BadVenuePlace) as no:
            there.ask_place(way)
        assert no.value.extra["pointer"] == field, way
    with pytest.raises(BadVenuePlace):
        there.ask_place(good, venue="acme")
    olga = staff("olga", "operations")
    for source, target, field in ((places["USD"], places["USD"], "/target"), (places["USD"], ours["BTC"], "/target")):
        with pytest.raises(BadHouseTransfer) as bad:
            ask_house_transfer(actor=olga, source_id=source.id, target_id=target.id, amount=D(1), reason="x")
        assert bad.value.extra["pointer"] == field


def test_the_database_says_the_same() -> None:
    ours, places = here.open_house("USD"), there.open_venue("USD")
    there.sent(ours["USD"], places["USD"], "10")
    there.reaches("USD", D(10))
    venue_jobs.poll_venues()
    for sql, wall in (
        ("UPDATE settlement_venuemovement SET amount = 6", "settlement_venuemovement_frozen"),
        ("UPDATE settlement_venuemovement SET transfer_id = NULL", "settlement_venuemovement_own"),
        ("UPDATE settlement_housetransfer SET place_id = NULL", "settlement_housetransfer_frozen"),
        ("UPDATE settlement_housetransfer SET arrived = 6", "housetransfer_arrived"),
    ):
        with pytest.raises(IntegrityError) as no, transaction.atomic():
            db.run(sql)
        assert no.value.__cause__.diag.constraint_name == wall, sql  # type: ignore[union-attr]


def test_the_position_proof_and_the_cash_ladder_count_what_is_on_its_way(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    entity, today = ours["USD"].entity_id, clock.desk_now().date()
    there.sent(ours["USD"], places["USD"], "10")
    there.sent(places["BTC"], ours["BTC"], "1")
    there.approved(ours["USD"], places["USD"], "25")
    import_venue_balances(actor=None, entity_id=entity, counterparty="northgate", on=today, text="asset,amount\nUSD,100010\nBTC,4\n")
    asked = {"until": clock.desk_now(), "now": clock.desk_now()}
    words = {one.asset: one.words for one in reconciling.find_breaks(entity, today, [], **asked) if one.kind == "VENUE_DIFFERS"}
    assert words == {
        "BTC": "northgate BTC: they say 4, ledger 5, 1 asked back",
        "USD": "northgate USD: they say 100010, ledger 100000, 10 on its way there",
    }
    ladder = {one.asset: one for one in treasury.list_funding([today], treasury.list_places())}
    usd, btc = ladder["USD"], ladder["BTC"]
    assert (usd.have, usd.steps[0].pay, usd.steps[0].left) == (D(9_999_990), D(25), D(9_999_965)), "what waits to leave is not there twice"
    assert (btc.have, btc.steps[0].receive, btc.steps[0].left) == (D(1000), D(1), D(1001))
    venue = {one.asset: one for one in treasury.list_venues()}
    assert (venue["USD"].coming, venue["BTC"].asked, venue["BTC"].available) == (D(10), D(1), D(4))
