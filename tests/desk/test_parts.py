"""Lists that are longer than a page are shown in parts: every row is on one of them, and on one alone."""

import re
from typing import Any

import pytest
from django.test import Client

from apps.core import db
from apps.desk.views import receipts
from apps.desk.views.parts import part_of
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement.models import Instruction
from apps.workflows.hedge_breaks import import_lp_record
from apps.workflows.import_fills import import_fills
from apps.workflows.onboard_client import register_counterparty
from apps.workflows.pay_in_at_venues import import_venue_movements
from tests import world
from tests.close import world as days
from tests.settlement import world as here
from tests.settlement.test_large_records import fills, movements

pytestmark = pytest.mark.django_db(transaction=True)


def walk(client: Client, page: str, name: str, row: str) -> list[list[str]]:
    """What each part shows, by the links that the page gives."""
    found, address = [], page
    while address:
        told = client.get(address).content.decode()
        found.append(re.findall(row, told))
        more = re.search(rf'href="(\?{name}=\d+)">More', told)
        address = page + more[1] if more else ""
    return found


def final(count: int) -> None:
    """Receipts of as many senders that nobody knows, seen and then final."""
    db.run(
        "INSERT INTO settlement_receipt (id, nostro_id, asset_id, amount, rail_reference, sender_name, sender_address, remittance, "
        "value_date, status, quarantine_reason, owner_role, owner_name, by_hand, seen_at) "
        "SELECT gen_random_uuid(), id, 'USD', n, 'r' || n, "
        "'Sender ' || n, '', '', '2026-09-15', 'SEEN', '', 'operations', '', false, '2026-09-15 10:00Z' "
        "FROM settlement_nostro, generate_series(1, %s) n WHERE asset_id = 'USD'",
        (count,),
    )
    db.run("UPDATE settlement_receipt SET status = 'FINAL', final_at = seen_at")


def test_movements_of_no_transfer_and_receipts_are_all_there(enter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here.open_house("USD")
    register_counterparty(code="helios", name="Helios Liquidity", lei="", country="US", roles=["VENUE"])
    import_venue_movements(actor=None, entity_id=days.entity_id(), counterparty="helios", text=movements(1001, 315))
    client = enter("olga")
    parts = walk(client, "/desk/treasury/", "unexplained", r"<td>m-(\d+)</td>")
    assert [len(one) for one in parts] == [100, 100, 10]
    assert {int(n) for one in parts for n in one} == {n for n in range(1001, 1316) if n % 3}
    for address in ("?unexplained=0", "?unexplained=-1", "?unexplained=x", "?unexplained=99999999", "?unexplained=²", "?unexplained=4"):
        assert re.findall(r"<td>m-(\d+)</td>", client.get(f"/desk/treasury/{address}").content.decode()) == parts[0]

    monkeypatch.setattr(receipts, "SHOWN", 2)
    final(5)
    parts = walk(client, "/desk/receipts/", "waiting", r"Sender (\d)")
    assert sorted(n for one in parts for n in set(one)) == ["1", "2", "3", "4", "5"]
    assert len(parts) == 3
    beyond = client.get("/desk/receipts/?waiting=4").content.decode()  # where the last ones were applied meanwhile
    assert re.findall(r"Sender (\d)", beyond) == parts[0]
    assert "All money that came is applied" not in beyond


def test_hedges_their_breaks_receipts_of_nobody_and_late_payments_are_all_there(enter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(part_of.__kwdefaults__, "size", 2)
    here.open_house("USD", "BTC")
    register_counterparty(code="helios", name="Helios Liquidity", lei="", country="US", roles=["VENUE"])
    import_fills(text=fills(1, 5), book_code="main", made_by=None)
    import_lp_record(actor=None, counterparty="helios", on=world.NOON.date(), text=fills(1, 8, "20001"))
    olga = enter("olga")
    link = r'<td><a class="open" href="[^"]*">h-(\d)</a>'
    for name, row, rows in (
        ("hedges", rf"\n *{link}", "12345"),
        ("breaks", rf"</td>{link}", "12345"),
        ("unknown", r"<td>h-(\d)</td>", "678"),
    ):
        parts = walk(olga, "/desk/position/", name, row)
        assert (sorted(n for one in parts for n in one), len(parts)) == ([*rows], (len(rows) + 1) // 2), name

    final(5)
    db.run("UPDATE settlement_receipt SET status = 'QUARANTINED', quarantine_reason = 'UNKNOWN_SENDER'")
    parts = walk(enter("fay"), "/desk/treasury/", "strangers", r"from Sender (\d)")
    assert (sorted(n for one in parts for n in one), len(parts)) == ([*"12345"], 3)

    acme = world.firm("acme", netting=False)
    for _ in range(2):
        here.deal(acme, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    here.at(here.VALUE_DAY, days=2)
    owed = Instruction.objects.values_list("end_to_end_id", flat=True)
    parts = walk(olga, "/desk/settlement/late/", "fails", r"FD…(\w{6})")
    assert ({n for one in parts for n in one}, len(parts)) == ({one[-6:] for one in owed}, 2)


def test_a_part_keeps_what_else_the_address_says(rf: Any) -> None:
    part = part_of(rf.get("/x/?client=acme&page=2"), "page", lambda limit, offset: list(range(offset, min(offset + limit, 25))), size=10)
    assert (list(part), part.number, part.first, part.following) == (list(range(10, 20)), 2, "?client=acme", "?client=acme&page=3")
    assert len(part) == 10
