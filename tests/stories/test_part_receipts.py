"""Worked case 8: a client pays in part, then the rest, then EUR 12 short. Every ledger line is here; debits are positive.

Without a tolerance the 12 stay owed; within one that finance granted they are written off, and the client's payment is settled.
"""

from decimal import Decimal as D

import pytest

from apps.core import clock
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.models import Instruction
from apps.settlement.queries import receiving
from apps.trades.models import Trade
from apps.workflows.decide_approval import decide_approval
from apps.workflows.work_receipts import request_match, request_tolerance, request_unmatch
from tests import books, deals, world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
EURUSD = {"mid": "1.08", "pair": "EUR-USD", "size": "5000000", "half_spread": "0.0001"}
EURO = world.INSTRUCTIONS["acme"][1].address


def pays(amount: D, expected: Instruction) -> list[str]:
    """What the ledger says of one payment that comes."""
    before = books.count()
    here.pay_in("EUR", amount, name="Acme Capital", address=EURO, remittance=expected.end_to_end_id)
    jobs.poll_rails()
    jobs.match_receipts()
    expected.refresh_from_db()
    return books.posted(before)


def approved(asked: object, who: str, role: str) -> None:
    assert decide_approval(approval_id=asked.id, actor=deals.person(who, role), approve=True).status == "EXECUTED"  # type: ignore[attr-defined]


def euros(trade: Trade) -> list[str]:
    return [line for line in deals.owed(trade) if " EUR " in line]


def test_case_8_part_then_the_rest_then_12_euros_short() -> None:
    here.open_house("USD", "EUR")
    acme = world.firm("acme", netting=False)
    first, second = (here.deal(acme, Side.SELL, amount, **EURUSD) for amount in ("100000", "50000"))
    here.at(here.CUTOFF, days=1, seconds=30)
    jobs.freeze_due()
    expected = {i.amount: i for i in settlement.list_instructions(acme.treasury).filter(direction="RECEIVE", asset_id="EUR")}
    whole, short = expected[D(100000)], expected[D(50000)]
    here.at(clock.desk_now(), days=1)

    # Part of it: what came is credited, the rest is still owed.
    assert pays(D(40000), whole) == [
        "RECEIPT_FINAL NOSTRO EUR 40000", "RECEIPT_FINAL SUSPENSE EUR -40000",
        "RECEIPT_APPLIED SUSPENSE EUR 40000", "RECEIPT_APPLIED RECEIVABLE EUR -40000",
    ]  # fmt: skip
    assert (whole.status, whole.settled_amount, here.balances()["RECEIVABLE EUR"]) == ("PART_RECEIVED", D(40000), D(110000))
    assert [line.rsplit(" ", 1)[1] for line in euros(first)] == ["PART_SETTLED"]

    # The rest of it.
    assert pays(D(60000), whole) == [
        "RECEIPT_FINAL NOSTRO EUR 60000", "RECEIPT_FINAL SUSPENSE EUR -60000",
        "RECEIPT_APPLIED SUSPENSE EUR 60000", "RECEIPT_APPLIED RECEIVABLE EUR -60000",
    ]  # fmt: skip
    assert (whole.status, here.balances()["RECEIVABLE EUR"]) == ("RECEIVED", D(50000))
    assert [line.rsplit(" ", 1)[1] for line in euros(first)] == ["SETTLED"]

    # The other deal, 12 short: nobody granted a tolerance, so the 12 stay owed.
    assert pays(D(49988), short) == [
        "RECEIPT_FINAL NOSTRO EUR 49988", "RECEIPT_FINAL SUSPENSE EUR -49988",
        "RECEIPT_APPLIED SUSPENSE EUR 49988", "RECEIPT_APPLIED RECEIVABLE EUR -49988",
    ]  # fmt: skip
    assert (short.status, here.balances()["RECEIVABLE EUR"]) == ("PART_RECEIVED", D(12))
    assert [line.rsplit(" ", 1)[1] for line in euros(second)] == ["PART_SETTLED"]

    # Finance grants 15; two of operations take the receipt off, and apply it again with the 12 written off.
    olga = deals.person("olga", "operations")
    approved(request_tolerance(actor=olga, asset="EUR", amount=D(15), reason="charges of correspondents"), "fiona", "finance")
    came = settlement.list_receipts(acme.treasury).get(amount=49988)
    before = books.count()
    approved(request_unmatch(actor=olga, receipt_id=came.id, reason="12 are the correspondent's charge"), "otto", "operations")
    assert books.posted(before) == ["REVERSAL SUSPENSE EUR -49988", "REVERSAL RECEIVABLE EUR 49988"]
    short.refresh_from_db()
    assert (short.status, here.balances()["RECEIVABLE EUR"], here.balances()["SUSPENSE EUR"]) == ("EXPECTED", D(50000), D(-49988))
    before = books.count()
    receipt_ids, parts = receiving.lay_out(came, [], [short.id])
    approved(
        request_match(actor=olga, receipt_ids=receipt_ids, parts=parts, rest_to_balance=False, reason="12 short"), "otto", "operations"
    )
    assert books.posted(before) == [
        "RECEIPT_APPLIED SUSPENSE EUR 49988", "RECEIPT_APPLIED RECEIVABLE EUR -49988",
        "RECEIPT_APPLIED WRITE_OFF EUR 12", "RECEIPT_APPLIED RECEIVABLE EUR -12",
    ]  # fmt: skip
    short.refresh_from_db()
    assert short.status == "RECEIVED"
    assert [line.rsplit(" ", 1)[1] for line in euros(second)] == ["SETTLED"]
    left = here.balances()
    assert ("RECEIVABLE EUR" in left, "SUSPENSE EUR" in left, left["WRITE_OFF EUR"]) == (False, False, D(12))
    assert left["NOSTRO EUR"] == D(10_000_000) + 149_988

    # What the client was told of it, in its order.
    assert books.seen_by(acme, "receipt", "deposit") == ["receipt.credited"] * 3 + ["receipt.unmatched", "receipt.credited"]
    books.proven()
