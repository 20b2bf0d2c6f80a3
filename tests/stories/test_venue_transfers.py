"""Our own money to a venue and back. Every ledger line is here; debits are positive.

Dollars cover what hedges have cost there; coins that the hedges brought are fetched. What neither end shows is in transit.
"""

from decimal import Decimal as D

import pytest

from apps.core import clock
from apps.jobs import settlement as jobs
from apps.jobs import venues as venue_jobs
from apps.settlement.models import VenueMovement
from apps.workflows.import_fills import import_fills
from tests import books
from tests.settlement import venues as there
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
FILLS = """counterparty,execution_id,instrument,side,quantity,price,fee,executed_at
northgate,x-1,BTC-USD,buy,2,20000.5,8,2026-09-15T12:00:00+00:00
"""


def test_dollars_go_to_a_venue_and_coins_come_back() -> None:
    ours = here.open_house("USD", "BTC")
    place = there.open_venue("USD", "BTC")
    import_fills(text=FILLS, book_code="main", made_by=None)
    assert {name: amount for name, amount in here.balances().items() if name.startswith("VENUE")} == {
        "VENUE BTC": D(2), "VENUE USD": D(-40_009),
    }  # fmt: skip

    # 50,000 dollars leave for the venue: nothing of them is anybody's but the transfer's.
    before = books.count()
    paid = there.sent(ours["USD"], place["USD"], "50000")
    assert paid.status == "IN_TRANSIT"
    assert books.posted(before) == ["PAYMENT_SENT IN_TRANSIT USD 50000", "PAYMENT_SENT IN_TRANSIT USD -50000"]
    # Our bank books it.
    before = books.count()
    here.at(clock.desk_now(), minutes=10)
    there.read_all()
    assert books.posted(before) == ["PAYMENT_BOOKED IN_TRANSIT USD 50000", "PAYMENT_BOOKED NOSTRO USD -50000"]
    paid.refresh_from_db()
    assert paid.status == "IN_TRANSIT", "our own bank's word is not the venue's"
    assert (here.balances()["IN_TRANSIT USD"], here.balances()["VENUE USD"]) == (D(50_000), D(-40_009))
    # The venue's own record shows it.
    before = books.count()
    there.reaches("USD", D(50_000))
    there.read_all()
    assert books.posted(before) == ["VENUE_ARRIVED VENUE USD 50000", "VENUE_ARRIVED IN_TRANSIT USD -50000"]
    paid.refresh_from_db()
    assert (paid.status, paid.arrived) == ("SETTLED", D(50_000))
    assert here.balances()["VENUE USD"] == D(9991) and "IN_TRANSIT USD" not in here.balances()

    # 1.5 coins are asked back: the venue takes them on, and they are in transit.
    before = books.count()
    fetched = there.sent(place["BTC"], ours["BTC"], "1.5")
    assert fetched.status == "IN_TRANSIT"
    assert books.posted(before) == ["PAYMENT_SENT IN_TRANSIT BTC 1.5", "PAYMENT_SENT IN_TRANSIT BTC -1.5"]
    # The venue's record shows them gone, and its fee beside them.
    before = books.count()
    here.at(clock.desk_now(), minutes=11)
    venue_jobs.poll_venues()
    assert books.posted(before) == [
        "PAYMENT_BOOKED IN_TRANSIT BTC 1.5", "PAYMENT_BOOKED VENUE BTC -1.5",
        "CHARGE COST BTC 0.0003", "CHARGE VENUE BTC -0.0003",
    ]  # fmt: skip
    gone = VenueMovement.objects.get(transfer=fetched)
    assert here.balances()["VENUE BTC"] == D("0.4997")
    # The chain shows them come, out of a wallet that nobody knows: the venue's record names the transaction.
    before = books.count()
    there.arrives(ours["BTC"], D("1.5"), transaction=gone.transaction)
    here.at(clock.desk_now(), hours=2)
    there.read_all()
    assert books.posted(before) == [
        "RECEIPT_FINAL NOSTRO BTC 1.5", "RECEIPT_FINAL SUSPENSE BTC -1.5",
        "RECEIPT_APPLIED SUSPENSE BTC 1.5", "RECEIPT_APPLIED IN_TRANSIT BTC -1.5",
    ]  # fmt: skip
    fetched.refresh_from_db()
    assert (fetched.status, fetched.parts.get().receipt.status, there.payment_of(fetched).status) == ("SETTLED", "MATCHED", "SETTLED")

    # What is left: as much as before, at other places, less the fees.
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000),
        "COST BTC": D("0.0003"), "COST USD": D(8),
        "NOSTRO BTC": D("1001.5"), "NOSTRO USD": D(9_950_000),
        "POSITION BTC": D(-2), "POSITION USD": D(40_001),
        "VENUE BTC": D("0.4997"), "VENUE USD": D(9991),
    }  # fmt: skip
    before = books.count()
    jobs.run_all()
    assert books.posted(before) == [], "a record that is read again posts nothing"
    books.proven()
