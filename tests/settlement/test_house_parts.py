"""A house transfer that comes in parts: each is added until all of it is there, and goes back alone where it is recalled."""

from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.db import IntegrityError, transaction

from apps.core import clock, db
from apps.core.errors import IllegalMove
from apps.jobs import settlement as jobs
from apps.jobs import venues as venue_jobs
from apps.reports.queries import reconciling
from apps.reports.queries.desk import treasury
from apps.settlement.models import HouseTransfer, Nostro, Receipt, VenueMovement, VenuePlace
from apps.settlement.rails import outside
from apps.workflows.pay_in_at_venues import import_venue_movements
from apps.workflows.reconcile import import_venue_balances
from apps.workflows.transfer_house import cancel_house_transfer
from tests import books
from tests.people import staff
from tests.settlement import venues as there
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
RECORD = "reference,booked_at,asset,amount,fee,key,transaction,takes_back\n"


@pytest.fixture
def ends() -> tuple[dict[str, Nostro], dict[str, VenuePlace]]:
    return there.open_ends()


def state(made: HouseTransfer) -> tuple[str, D]:
    made.refresh_from_db()
    return made.status, made.arrived


def in_transit() -> D:
    """Of all transfers; what stands so of an account or a venue has been booked by then."""
    return here.balances().get("IN_TRANSIT USD", D(0))


def receipts() -> dict[str, str]:
    return dict(Receipt.objects.values_list("rail_reference", "status"))


def bring(ours: dict[str, Nostro], *lines: str) -> int:
    return import_venue_movements(
        actor=None, entity_id=ours["USD"].entity_id, counterparty="northgate", text=RECORD + "\n".join(lines) + "\n"
    )


def test_what_a_venue_pays_in_two_wires_is_one_transfer_and_a_recalled_one_goes_back(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    made = there.sent(places["USD"], ours["USD"], "10")
    here.at(clock.desk_now(), hours=1)
    there.arrives(ours["USD"], D(6), transaction="w-1", name="Northgate Exchange")
    there.read_all()
    assert (state(made), in_transit(), receipts()) == (("IN_TRANSIT", D(6)), D(4), {"w-1": "MATCHED"})
    assert [(one.amount, one.arrived) for one in treasury.list_transfers()] == [(D(10), D(6))]
    (usd,) = [one for one in treasury.list_funding([clock.desk_now().date()], treasury.list_places()) if one.asset == "USD"]
    assert usd.steps[0].receive == D(4), "what is still to come"
    with pytest.raises(IllegalMove):
        cancel_house_transfer(actor=staff("olga", "operations"), transfer_id=made.id)
    books.proven()
    there.arrives(ours["USD"], D(5), transaction="w-2", name="Northgate Exchange")
    there.arrives(ours["USD"], D(4), transaction="w-3", name="Northgate Exchange")
    there.read_all()
    assert (state(made), in_transit()) == (("SETTLED", D(10)), D(0))
    assert receipts() == {"w-1": "MATCHED", "w-2": "QUARANTINED", "w-3": "MATCHED"}, "what is over the amount waits for people"
    outside.reorganise(there.place_of(ours["USD"]), "w-1", at=clock.desk_now())
    here.at(clock.desk_now(), hours=1)
    there.read_all()
    assert (state(made), in_transit(), receipts()["w-1"]) == (("IN_TRANSIT", D(4)), D(6), "REVERTED")
    outside.reorganise(there.place_of(ours["USD"]), "w-3", at=clock.desk_now())
    here.at(clock.desk_now(), hours=1)
    there.read_all()
    assert (state(made), in_transit()) == (("IN_TRANSIT", D(0)), D(10))
    books.proven()


def test_a_part_that_names_nothing_is_taken_only_where_one_transfer_is_on_its_way(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    one, other = there.sent(places["USD"], ours["USD"], "10"), there.sent(places["USD"], ours["USD"], "30")
    there.arrives(ours["USD"], D(4), transaction="nobody", name="Northgate Exchange")
    there.arrives(ours["USD"], D(4), transaction="named", name="Northgate Exchange", remittance=there.payment_of(other).end_to_end_id)
    there.arrives(ours["USD"], D(26), transaction="rest", name="Northgate Exchange")
    there.arrives(ours["USD"], D(6), transaction="twice", name="Northgate Exchange", remittance=there.payment_of(other).end_to_end_id)
    there.read_all()
    assert (state(one), state(other)) == (("IN_TRANSIT", D(0)), ("SETTLED", D(30)))
    assert receipts() == {"nobody": "QUARANTINED", "named": "MATCHED", "rest": "MATCHED", "twice": "QUARANTINED"}
    there.arrives(ours["USD"], D(6), transaction="alone", name="Northgate Exchange")
    there.arrives(ours["USD"], D(3), transaction="stranger", name="Eastgate Exchange")
    there.arrives(ours["USD"], D(5), transaction="too much", remittance=there.payment_of(one).end_to_end_id, name="Northgate Exchange")
    there.read_all()
    assert state(one) == ("IN_TRANSIT", D(6))
    assert [receipts()[name] for name in ("alone", "stranger", "too much")] == ["MATCHED", "QUARANTINED", "QUARANTINED"]
    books.proven()


def test_what_the_record_shows_as_parts_tells_which_transfer_a_wire_is_of(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    outside.script(there.at_venue("USD"), "SPLIT")
    there.sent(places["USD"], ours["USD"], "100")
    made = there.sent(places["USD"], ours["USD"], "30")
    outside.change(there.at_venue("USD"), lambda doc: doc.update(pending=[]))  # its record comes as a file
    at, key = clock.desk_now().isoformat(), there.payment_of(made).end_to_end_id
    assert bring(ours, f"w-1,{at},USD,-10,0,{key},,", f"w-2,{at},USD,-20,0,{key},,") == 2
    for name in ("one", "two"):
        there.arrives(ours["USD"], D(10), transaction=name, name="Northgate Exchange")
    there.read_all()
    assert state(made) == ("IN_TRANSIT", D(10))
    assert receipts() == {"one": "MATCHED", "two": "QUARANTINED"}, "as often as the record shows it"


def test_parts_over_a_chain_are_known_by_the_record_and_others_wait_a_day_for_it(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    outside.script(there.at_venue("BTC"), "LOSE")  # its record comes as a file
    made = there.sent(places["BTC"], ours["BTC"], "1")
    for name, amount in (("0xother", "0.1"), ("0xa", "0.3"), ("0xb", "0.5")):
        there.arrives(ours["BTC"], D(amount), transaction=name)
    there.read_all()
    assert set(receipts().values()) == {"FINAL"}, "the venue's record may name them yet"
    at, key = clock.desk_now(), there.payment_of(made).end_to_end_id
    assert bring(ours, f"w-1,{at.isoformat()},BTC,-0.3,0,{key},0xa,", f"w-2,{at.isoformat()},BTC,-0.5,0,{key},,") == 2
    jobs.match_receipts()
    assert (state(made), receipts()) == (("IN_TRANSIT", D("0.8")), {"0xother": "FINAL", "0xa": "MATCHED", "0xb": "MATCHED"})
    assert bring(ours, f"w-3,{at.isoformat()},BTC,-0.2,0,{key},0xc,") == 1
    there.arrives(ours["BTC"], D("0.2"), transaction="0xc")
    there.read_all()
    assert (state(made), receipts()["0xother"]) == (("SETTLED", D(1)), "QUARANTINED")
    outside.script(there.at_venue("BTC"), "LOSE")
    lost = there.sent(places["BTC"], ours["BTC"], "2")
    there.arrives(ours["BTC"], D("0.3"), transaction="0xyoung")
    there.read_all()
    assert receipts()["0xyoung"] == "FINAL"
    here.at(clock.desk_now(), hours=25)
    there.read_all()
    assert (state(lost), receipts()["0xyoung"]) == (("IN_TRANSIT", D(0)), "QUARANTINED"), "a stranger's does not wait for ever"
    books.proven()


def test_the_record_shows_what_we_paid_in_two_movements_and_takes_one_back(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    entity, today = ours["USD"].entity_id, clock.desk_now().date()
    made = there.sent(ours["USD"], places["USD"], "10")
    key, (at, then) = there.payment_of(made).end_to_end_id, [(clock.desk_now() - timedelta(minutes=n)).isoformat() for n in (0, 1)]
    assert bring(ours, f"d-0,{at},USD,6,0,,,", f"d-1,{then},USD,6,0,{key},,", f"d-2,{at},USD,5,0,{key},,") == 3
    assert (state(made), here.balances()["VENUE USD"]) == (("IN_TRANSIT", D(6)), D(100_006))
    assert [one.reference for one in VenueMovement.objects.filter(transfer=None).order_by("reference")] == ["d-0", "d-2"]
    assert next(one.coming for one in treasury.list_venues() if one.asset == "USD") == D(4)
    import_venue_balances(actor=None, entity_id=entity, counterparty="northgate", on=today, text="asset,amount\nUSD,100010\nBTC,5\n")
    found = reconciling.find_breaks(entity, today, [], until=clock.desk_now(), now=clock.desk_now())
    (told,) = [one.words for one in found if one.kind == "VENUE_DIFFERS"]
    assert told == "northgate USD: they say 100010, ledger 100006, 4 on its way there, 11 in its record and explained by no transfer"
    books.proven()
    assert bring(ours, f"d-3,{at},USD,4,0,{key},,") == 1
    assert state(made) == ("SETTLED", D(10))
    assert bring(ours, f"d-4,{then},USD,-6,0,,,d-1", f"d-5,{at},USD,-6,0,,,d-1", f"d-6,{at},USD,6,0,,,d-4") == 3
    assert (state(made), here.balances()["VENUE USD"]) == (("IN_TRANSIT", D(4)), D(100_004))
    assert VenueMovement.objects.filter(transfer=None).count() == 4, "taken back once, and a word on that is a person's"
    books.proven()


def test_a_movement_and_the_one_that_takes_it_back_come_in_one_record(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    made = there.sent(ours["USD"], places["USD"], "10")
    key, at = there.payment_of(made).end_to_end_id, clock.desk_now().isoformat()
    assert bring(ours, f"d-1,{at},USD,6,0,{key},,", f"d-2,{at},USD,-6,0,,,d-1", f"d-3,{at},USD,4,0,{key},,") == 3
    assert (state(made), in_transit(), here.balances()["VENUE USD"]) == (("IN_TRANSIT", D(4)), D(-4), D(100_004))
    books.proven()


def test_movements_of_one_moment_are_read_in_the_order_of_the_record(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    made = there.sent(ours["USD"], places["USD"], "10")
    key, at = there.payment_of(made).end_to_end_id, clock.desk_now().isoformat()
    assert bring(ours, f"z,{at},USD,10,0,{key},,", f"y,{at},USD,-10,0,,,z", f"x,{at},USD,4,0,{key},,", f"w,{at},USD,9,0,{key},,") == 4
    taken = list(VenueMovement.objects.order_by("id").values_list("reference", "transfer_id"))
    assert taken == [("z", made.id), ("y", made.id), ("x", made.id), ("w", None)], "the first that fits, and the last does not any more"
    kinds = "SELECT m.reference FROM events_event e JOIN settlement_venuemovement m ON m.id = e.subject_id ORDER BY e.id"
    assert [name for (name,) in db.run(kinds)] == ["z", "y", "x", "w"]
    assert state(made) == ("IN_TRANSIT", D(4))


def test_what_has_come_in_part_is_neither_refused_nor_sent_back(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    outside.script(there.at_venue("USD"), "POLICY")
    fetched = there.sent(places["USD"], ours["USD"], "20")
    there.arrives(ours["USD"], D(5), name="Northgate Exchange")
    there.read_all()
    here.at(clock.desk_now(), minutes=6)
    jobs.follow_sent()
    assert (state(fetched), there.payment_of(fetched).status) == (("IN_TRANSIT", D(5)), "SENT")
    assert db.one("SELECT count(*) FROM events_event WHERE kind = 'instruction.contradicted'") == (1,)
    outside.script(there.place_of(ours["USD"]), "RETURN")
    paid = there.sent(ours["USD"], places["USD"], "10")
    there.reaches("USD", D(6), key=there.payment_of(paid).end_to_end_id)
    venue_jobs.poll_venues()
    here.at(clock.desk_now(), hours=4)
    jobs.poll_rails()
    assert (state(paid), there.payment_of(paid).status) == (("IN_TRANSIT", D(6)), "SETTLED"), "both say that they have it"


def test_the_database_counts_the_parts(ends) -> None:  # type: ignore[no-untyped-def]
    ours, places = ends
    made, other = there.sent(places["USD"], ours["USD"], "10"), there.sent(ours["USD"], places["USD"], "7")
    there.arrives(ours["USD"], D(6), name="Northgate Exchange")
    there.reaches("USD", D(3), key=there.payment_of(other).end_to_end_id)
    there.read_all()
    assert (state(made), state(other)) == (("IN_TRANSIT", D(6)), ("IN_TRANSIT", D(3)))
    part = """INSERT INTO settlement_receiptmatch (id, receipt_id, instruction_id, house_transfer_id, amount, written_off, round, undoes_id,
      matched_at) SELECT gen_random_uuid(), receipt_id, NULL, {of}, {amount}, 0, {nth}, {undoes}, now() FROM settlement_receiptmatch"""
    for sql, wall in (
        (f"UPDATE settlement_housetransfer SET arrived = 7 WHERE id = '{made.id}'", "settlement_house_arrives"),
        (f"UPDATE settlement_housetransfer SET arrived = 2 WHERE id = '{other.id}'", "settlement_house_arrives"),
        (f"UPDATE settlement_housetransfer SET arrived = 11 WHERE id = '{made.id}'", "housetransfer_arrived"),
        (f"UPDATE settlement_housetransfer SET arrived = 10 WHERE id = '{made.id}'", "housetransfer_arrived"),
        (f"UPDATE settlement_housetransfer SET status = 'FAILED' WHERE id = '{made.id}'", "housetransfer_arrived"),
        (f"UPDATE settlement_housetransfer SET status = 'SETTLED' WHERE id = '{made.id}'", "housetransfer_arrived"),
        (part.format(of=f"'{other.id}'::uuid", amount=1, nth=2, undoes="NULL::uuid"), "settlement_match_own"),
        (part.format(of="NULL::uuid", amount=-6, nth=1, undoes="id"), "settlement_match_own"),
    ):
        with pytest.raises(IntegrityError) as no, transaction.atomic():
            db.run(sql)
        assert no.value.__cause__.diag.constraint_name == wall, sql  # type: ignore[union-attr]
