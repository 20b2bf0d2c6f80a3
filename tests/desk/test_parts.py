"""Lists that are longer than a page are shown in parts: every row is on one of them, and on one alone."""

import html
import re
from decimal import Decimal as D
from typing import Any

import pytest
from django.test import Client

from apps.clients.models import ApiKey, Ssi
from apps.core import db
from apps.credit.models import Line
from apps.desk.views import receipts, settlement
from apps.desk.views.parts import part_of, part_of_rows
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
from tests.settlement.test_adjustments import ask, wanted
from tests.settlement.test_large_records import fills, movements

WALLET = "bc1qacme0000000000000000000000000000000000"  # acme's
pytestmark = pytest.mark.django_db(transaction=True)


def walk(client: Client, page: str, name: str, row: str) -> list[list[str]]:
    """What each part shows, by the links that the page gives."""
    found, address = [], page
    while address:
        answer = client.get(address)
        assert answer.status_code == 200
        told = answer.content.decode()
        found.append(re.findall(row, told))
        following = next_of(told, name)
        address = page.partition("?")[0] + following if following else ""
    return found


def next_of(page: str, name: str) -> str:
    """Where the next part of a list is."""
    more = re.search(rf'href="(\?[^"]*\b{name}=[^"&]+)">More', page)
    return html.unescape(more[1]) if more else ""


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
    second = next_of(client.get("/desk/treasury/").content.decode(), "unexplained")
    forged = [second[:-1] + ("A" if second[-1] != "A" else "B"), second.replace("unexplained=", "unexplained=%00")]
    for address in ("?unexplained=", "?unexplained=2", "?unexplained=x:y", "?unexplained=²", *forged):
        assert re.findall(r"<td>m-(\d+)</td>", client.get(f"/desk/treasury/{address}").content.decode()) == parts[0]

    monkeypatch.setattr(receipts, "SHOWN", 2)
    final(5)
    parts = walk(client, "/desk/receipts/", "waiting", r"Sender (\d)")
    assert sorted(n for one in parts for n in set(one)) == ["1", "2", "3", "4", "5"]
    assert len(parts) == 3
    second = next_of(client.get("/desk/receipts/").content.decode(), "waiting")
    last = next_of(client.get(f"/desk/receipts/{second}").content.decode(), "waiting")
    elsewhere = client.get(f"/desk/receipts/{last.replace('waiting', 'looked_at')}&{second[1:]}").content.decode()
    assert re.findall(r"Sender (\d)", elsewhere) == parts[1]  # the place of one list is none of another
    db.run(
        "UPDATE settlement_receipt SET status = 'QUARANTINED', quarantine_reason = 'UNKNOWN_SENDER' WHERE amount = %s", (D(parts[2][0]),)
    )
    beyond = client.get(f"/desk/receipts/{last}").content.decode()  # where the last one is gone meanwhile
    assert re.findall(r"Sender (\d)", beyond.partition("Looked at by compliance")[0]) == parts[0]
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
    monkeypatch.setattr(settlement, "SHOWN", 1)
    for page in ("/desk/settlement/", "/desk/settlement/?status=all"):
        parts = walk(olga, page, "page", r'"/desk/settlement/payments/ins_\w+/">(\w{10})</a>')
        assert sorted(n for one in parts for n in one) == sorted(one[-10:] for one in owed), page
        assert len(parts) == len(owed), page
    place, of_all = (next_of(olga.get(f"/desk/settlement/{of}").content.decode(), "page") for of in ("", "?status=all"))
    assert olga.get(f"/desk/settlement/{place}&status=all").status_code == 200
    assert olga.get(f"/desk/settlement/{of_all.replace('status=all', 'status=')}").status_code == 200
    elsewhere = enter("carl").get(f"/desk/approvals/{place}")  # another page, where it is no place
    assert elsewhere.status_code == 200 and "part 2" not in elsewhere.content.decode()


def test_what_comes_and_goes_meanwhile_makes_a_part_neither_repeat_nor_leave_out_a_row(enter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "SHOWN", 2)
    here.open_house("USD")
    final(6)
    client = enter("olga")
    db.run("UPDATE settlement_receipt SET seen_at = seen_at + amount * interval '1 minute', final_at = seen_at + interval '1 day'")
    first = client.get("/desk/receipts/").content.decode()
    assert re.findall(r"Sender (\d)", first) == ["1", "2"]
    db.run("UPDATE settlement_receipt SET status = 'QUARANTINED', quarantine_reason = 'UNKNOWN_SENDER' WHERE amount = 1")
    second = client.get(f"/desk/receipts/{next_of(first, 'waiting')}").content.decode().partition("Looked at by compliance")[0]
    assert re.findall(r"Sender (\d)", second) == ["3", "4"]
    db.run("UPDATE settlement_receipt SET seen_at = seen_at - interval '1 hour' WHERE amount = 6")
    third = client.get(f"/desk/receipts/{next_of(second, 'waiting')}").content.decode().partition("Looked at by compliance")[0]
    assert re.findall(r"Sender (\d)", third) == ["5"]


def test_alerts_travel_data_keys_and_approvals_are_all_there(enter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(part_of.__kwdefaults__, "size", 2)
    monkeypatch.setitem(part_of_rows.__kwdefaults__, "size", 2)
    here.open_house("USD", "BTC")
    db.run(
        "INSERT INTO compliance_alert (id, rule, cause, status, why, client_name, subject_type, subject_id, raised_at, owner_name, "
        "outcome) SELECT gen_random_uuid(), 'LISTED_NAME', 'c' || n, 'OPEN', 'why ' || n, '', 'client', gen_random_uuid(), "
        "'2026-09-15 10:00Z'::timestamptz + (n / 2) * interval '1 hour', '', '' FROM generate_series(1, 5) n"
    )
    carl = enter("carl")
    parts = walk(carl, "/desk/alerts/", "page", r"why (\d)")
    assert (sorted(n for one in parts for n in one), len(parts)) == ([*"12345"], 3)
    assert "<small>5</small>" in carl.get("/desk/alerts/").content.decode()  # of all parts
    shown = carl.get("/desk/alerts/?show=all").content.decode()
    assert re.findall(r"why (\d)", shown)[1] in "45"
    assert "show=all&amp;page=" in shown

    world.firm("acme")
    for n in range(1, 6):
        here.pay_in("BTC", D(n), name="", address=WALLET)
    here.at(world.NOON, hours=1)
    jobs.poll_rails()
    jobs.match_receipts()
    for name, row in (
        ("waiting", r"<summary>(\d)\.00 BTC"),
        ("exceptions", r'<td class="n">(\d)\.00 <small>BTC'),
        ("records", r"(w[a-z]*)x"),
    ):
        parts = walk(carl, "/desk/travel/", name, row)
        assert len(parts) >= 3, name
        if name != "records":  # every version of each
            assert sorted(n for one in parts for n in one) == [*"12345"], name
    assert len(carl.get("/desk/travel/exceptions.csv").content.splitlines()) == 6

    db.run(
        "INSERT INTO approvals_approval (id, kind, subject_type, subject_id, subject_version, title, payload, payload_hash, before, "
        "status, checker_roles, slots, maker_id, maker_name, checker_name, comment, requested_at) "
        "SELECT gen_random_uuid(), 'kind' || n, 'client', gen_random_uuid(), '1', 'asked ' || n, '{}', '', '{}', 'REQUESTED', "
        """'["compliance"]', '[]', gen_random_uuid(), 'X', '', '', '2026-09-15 10:00Z' FROM generate_series(1, 5) n"""
    )
    parts = walk(carl, "/desk/approvals/", "page", r">asked (\d)</a>")
    assert (sorted(n for one in parts for n in one), len(parts)) == ([*"12345"], 3)
    first = carl.get("/desk/approvals/").content.decode()
    assert 'data-count="5"' in first and first.count('<option value="kind') == 5  # of all parts


def test_places_reservations_keys_and_adjustments_are_all_there(enter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(part_of.__kwdefaults__, "size", 2)
    monkeypatch.setitem(part_of_rows.__kwdefaults__, "size", 2)
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    for _ in range(5):
        here.deal(acme, Side.BUY, "1")
        ask(acme, wanted("REBATE", "PAY", "10"))
    line = Line.objects.get(subject_id=acme.client_id, measure="PRE_SETTLEMENT").id
    for page, name, row, count in (
        ("/desk/ssis/?status=all", "page", r'href="/desk/ssis/(ssi_\w+)/"', Ssi.objects.count()),
        (f"/desk/credit/lines/{line}/", "taken", r"<td>BTC-USD</td>()", 5),
        ("/desk/keys/", "page", r'href="/desk/keys/(\w+)/"', ApiKey.objects.count()),
        ("/desk/adjustments/", "page", r"<td>rebate()", 5),
    ):
        parts = walk(enter("audrey"), page, name, row)
        found = [n for one in parts for n in one]
        assert (len(found), len(parts)) == (count, -(-count // 2) or 1), page
        assert len({*found}) == count or {*found} == {""}, page


def test_a_part_keeps_what_else_the_address_says(rf: Any) -> None:
    def ask(limit: int, after: Any) -> list[int]:
        return [n for n in range(25) if after is None or n > after[0]][:limit]

    first = part_of(rf.get("/x/?client=acme"), "page", ask, lambda n: [n], size=10)
    assert (list(first), first.number, first.first) == ([*range(10)], 1, "")
    part = part_of(rf.get(f"/x/{first.following}"), "page", ask, lambda n: [n], size=10)
    assert (list(part), part.number, part.first) == ([*range(10, 20)], 2, "?client=acme")
    assert part.following.startswith("?client=acme&page=")
    last = part_of(rf.get(f"/x/{part.following}"), "page", ask, lambda n: [n], size=10)
    assert (list(last), last.number, last.following) == ([*range(20, 25)], 3, "")
