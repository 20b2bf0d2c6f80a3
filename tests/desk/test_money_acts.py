"""Adjustments, what is late, and treasury on the desk: asked by form, answered by another, shown as they stand."""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.test import Client

from apps.approvals.models import Approval
from apps.compliance.models import Alert
from apps.core import clock, db, ids
from apps.jobs import screening
from apps.jobs import settlement as jobs
from apps.reports.queries.desk import late, net_sets
from apps.rfqs.states import Side
from apps.settlement.models import Adjustment, HouseTransfer, Nostro, VenuePlace
from apps.users.models import User
from apps.workflows.decide_approval import decide_approval
from apps.workflows.load_list import load_list
from apps.workflows.transfer_balance import request_withdrawal
from apps.workflows.transfer_house import cancel_house_transfer
from tests import world
from tests.desk.forms import send
from tests.people import staff as person
from tests.settlement import venues as there
from tests.settlement import world as house

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme(staff: dict[str, User]) -> world.Firm:
    """Late by two days with what it bought."""
    house.open_house("USD", "BTC")
    house.open_client_money(asset="USD")
    firm = world.firm("acme")
    house.deal(firm, Side.BUY, "1")
    house.at(house.CUTOFF, seconds=10)
    jobs.freeze_due()
    house.at(house.VALUE_DAY, days=1)
    jobs.run_all()
    return firm


def read(who: Client, address: str) -> str:
    answer = who.get(f"/desk/{address}")
    assert answer.status_code == 200, address
    return answer.content.decode()


def test_each_is_asked_for_by_form_and_stands_on_its_page(enter: Any, staff: dict[str, User], acme: world.Firm) -> None:
    fay, olga = staff["fay"].as_actor(), enter("olga")
    assert "No adjustment yet" in read(olga, "adjustments/"), "an empty page says what to do"
    day = clock.desk_now().date().isoformat()
    rebate = {"account": "acme-main", "kind": "REBATE:PAY", "amount": "250", "asset": "USD", "value_date": day, "reason": "monthly volume"}
    for bad in ({"amount": "x"}, {"value_date": "soon"}, {"kind": "GIFT:PAY"}, {"reason": ""}, {"account": "nobody"}):
        assert send(olga, "adjustments/ask/", **(rebate | bad)) in {404, 422}, bad
    assert not Adjustment.objects.exists()
    assert send(olga, "adjustments/ask/", **rebate) == 302
    assert "requested" in read(olga, "adjustments/")
    decide_approval(approval_id=Approval.objects.get(kind="adjustment").id, actor=fay, approve=True)
    found = Adjustment.objects.get()
    assert "booked" in read(olga, "adjustments/") and "monthly volume" in read(olga, "adjustments/")
    assert send(olga, f"adjustments/{ids.encode('adj', found.id)}/reverse/", reason="twice") == 302
    assert Approval.objects.filter(kind="adjustment_reversal").count() == 1

    assert "One by one" in read(olga, "settlement/late/")
    (deal,) = db.one("SELECT id FROM trades_trade")
    redate = {
        "trade": ids.encode("trd", deal), "value_date": (clock.desk_now() + timedelta(days=1)).date().isoformat(), "late": "RECEIVE",
        "rate": "6", "note": "their bank", "consent": "mail",
    }  # fmt: skip
    assert send(olga, "settlement/late/redate/", **(redate | {"consent": ""})) == 422
    assert send(olga, "settlement/late/redate/", **redate) == 302
    assert Approval.objects.get(kind="redate").payload["rate"] == "0.06"

    places = {name: str(one) for one, name in db.run("SELECT id, designation FROM settlement_nostro WHERE asset_id = 'USD'")}
    move = {"source": places["HOUSE"], "target": places["CLIENT"], "amount": "250k", "reason": "cover"}
    assert send(olga, "treasury/transfers/", **(move | {"target": "x"})) == 404
    assert send(olga, "treasury/transfers/", **move) == 302
    transfer = HouseTransfer.objects.get()
    assert "cover" in read(olga, "treasury/")
    assert send(olga, f"treasury/transfers/{transfer.id}/cancel/") == 302
    transfer.refresh_from_db()
    assert transfer.status == "CANCELLED"

    rita = enter("rita")
    assert "Default and close-out" in read(rita, "settlement/late/")
    given = {"client": "acme", "event": "INSOLVENCY", "evidence": "court", "marks_date": day}
    assert send(rita, "settlement/late/close-out/", **given) == 422, "nothing on file"
    for page in ("adjustments/", "treasury/"):
        assert "Ask finance" not in read(rita, page)


def test_a_venue_gets_a_place_money_and_its_record_by_form(enter: Any, staff: dict[str, User]) -> None:
    house.open_house("USD")
    there.register_counterparty(code="northgate", name="Northgate Exchange", lei=there.LEI, country="GB", roles=["VENUE"])
    oscar, page = enter("oscar"), "treasury/venues/"
    assert "Nothing lies with a venue" in read(oscar, "treasury/")
    way = {"counterparty": "northgate", "rail": "fedwire-usd", "address": "021000021-7001", "bic": "CHASUS33", "holder": "Northgate"}
    for bad in ({"address": "021000022-7001"}, {"counterparty": "acme"}, {"rail": ""}, {"reason": ""}):
        assert send(oscar, f"{page}places/", **(way | {"reason": "contract"} | bad)) == 422, bad
    assert send(oscar, f"{page}places/", **way, reason="contract") == 302
    there.decide(Approval.objects.get(kind="venue_place"))
    (ours,), (place,) = db.one("SELECT id FROM settlement_nostro"), db.one("SELECT id FROM settlement_venueplace")
    assert f'value="{place}"' in read(oscar, "treasury/")
    assert send(oscar, "treasury/transfers/", source=str(ours), target=str(place), amount="250k", reason="to trade on") == 302
    record = "reference,booked_at,asset,amount,fee,key,transaction,takes_back\nd-1,2026-09-15T10:00:00Z,USD,{},,,,\n"
    for bad, who, status in (("x", oscar, 422), ("7", enter("rita"), 403)):
        assert send(who, f"{page}movements/", counterparty="northgate", file=record.format(bad)) == status
    assert send(oscar, f"{page}movements/", counterparty="northgate", file=record.format("250001")) == 302
    shown = read(oscar, "treasury/")
    assert "of no transfer" in shown and "250,001.00" in shown and "Northgate Exchange USD" not in read(enter("rita"), "blotter/")
    there.decide(Approval.objects.get(kind="house_transfer"))
    jobs.instruct_due()
    fetched = there.approved(VenuePlace.objects.get(), Nostro.objects.get(), "10")
    (key,) = db.one("SELECT end_to_end_id FROM settlement_instruction WHERE direction = 'DRAW'")
    assert "fetch" in read(oscar, "settlement/") and "Northgate Exchange" in read(
        oscar, f"settlement/payments/{ids.encode('ins', there.payment_of(fetched).id)}/"
    )
    assert f"Choose {key}" in read(oscar, "settlement/"), "it is released as a payment is"
    assert send(oscar, f"treasury/transfers/{fetched.id}/cancel/") == 302


def test_capital_is_asked_for_by_finance_alone(enter: Any, staff: dict[str, User]) -> None:
    house.open_house("USD")
    house.pay_in("USD", D(1000), name="Aurora Holding", address="021000021-9001", remittance="capital")
    jobs.run_all()
    fay, (ours,), (came,) = enter("fay"), db.one("SELECT id FROM settlement_nostro"), db.one("SELECT id FROM settlement_receipt")
    assert "1,000.00 USD from Aurora Holding" in read(fay, "treasury/") and "Take some out" not in read(enter("olga"), "treasury/")
    paid = {"receipt": ids.encode("rcp", came), "owner": "Aurora Holding", "reason": "resolution 6"}
    out = {"source": str(ours), "amount": "100", "owner": "Aurora Holding", "address": "021000021-9001", "bic": "CHASUS33", "reason": "x"}
    assert send(fay, "treasury/capital/came/", **(paid | {"owner": ""})) == 422
    for bad in ({"amount": "0.001"}, {"address": "021000022-9001"}, {"bic": ""}, {"owner": " "}):
        assert send(fay, "treasury/capital/take-out/", **(out | bad)) == 422, bad
    assert [send(fay, "treasury/capital/came/", **paid), send(fay, "treasury/capital/take-out/", **out)] == [302, 302]
    assert sorted(Approval.objects.values_list("kind", flat=True)) == ["capital_in", "capital_out"]
    made = HouseTransfer.objects.get()
    assert "is on a list" not in read(enter("carl"), "treasury/")
    load_list(list_name="OFAC", entries=[("Aurora Holding", "", "1")])
    screening.keep()
    assert "is on a list" in read(enter("carl"), "treasury/") and "is on a list" not in read(fay, "treasury/")
    alert = Alert.objects.get()
    assert "capital that is taken out" in read(enter("carl"), f"alerts/{ids.encode('alt', alert.id)}/")
    at = f"treasury/capital/{made.id}/clear/"
    assert [send(fay, at, evidence="another company, register seen"), send(enter("carl"), at, evidence="x")] == [403, 422]
    assert send(enter("carl"), at, evidence="another company, register seen") == 302
    assert Approval.objects.get(kind="owner_clear").payload["screening"] == "Aurora Holding"
    assert read(enter("carl"), "treasury/").count("resolution") + read(enter("carl"), "treasury/").count("<td>Aurora Holding</td>") == 1
    assert send(enter("olga"), f"treasury/transfers/{made.id}/cancel/") == 403, "finance asked for it"
    assert send(fay, f"treasury/transfers/{made.id}/cancel/") == 302


def test_operations_reject_a_withdrawal_with_a_reason(enter: Any, staff: dict[str, User]) -> None:
    house.open_house("USD")
    firm = world.firm("cygnus", mode="PREFUNDED", members=house.THREE_PEOPLE, instructions=house.CYGNUS)
    house.pay_in("USD", D(1000), name="Cygnus Capital", address="021000021-3001", remittance="deposit")
    jobs.run_all()
    given = {"account_id": firm.account.id, "asset": "USD", "amount": D(300), "client_reference": "w1"}
    asked = request_withdrawal(actor=firm.treasury, **given)
    at = f"treasury/withdrawals/{ids.encode('wdr', asked.id)}/reject/"
    page = read(enter("olga"), "treasury/")
    assert "300.00" in page and f"/desk/{at}" in page and "/reject/" not in read(enter("fay"), "treasury/")
    assert send(enter("fay"), at, reason="no") == 403
    assert send(enter("olga"), at, reason="") == 422
    assert send(enter("olga"), at, reason="the account is under review") == 302
    assert db.one("SELECT status FROM settlement_withdrawal") == ("REJECTED",)
    (house_told, public) = db.one("SELECT house::text, public::text FROM events_event WHERE kind = 'withdrawal.rejected'")
    assert "under review" in house_told and "under review" not in public, "the client is not told why"
    assert "Withdrawals" not in read(enter("olga"), "treasury/")


def test_our_own_money_that_has_not_come_stands_in_the_ageing_book_until_all_of_it_is_there(enter: Any, staff: dict[str, User]) -> None:
    ours, places = house.open_house("USD"), there.open_venue("USD")
    made = there.sent(ours["USD"], places["USD"], "1000")
    waits = there.approved(ours["USD"], places["USD"], "70")
    key = there.payment_of(made).end_to_end_id
    there.reaches("USD", D(400), key=key)
    there.read_all()
    rita = enter("rita")
    assert "Nothing is late" in read(rita, "settlement/late/"), "it is due today"
    house.at(clock.desk_now(), days=2)
    jobs.poll_rails()
    assert [(one.account, one.client_name, one.direction, one.count, one.to_three) for one in net_sets.list_late()] == [
        ("", "USD house → Northgate Exchange", "MOVE", 2, D(670))
    ]
    assert [(one.left, one.amount, one.days, one.waits_for) for one in late.list_transfers(10)] == [
        (D(600), D(1000), 2, "the other end"), (D(70), D(70), 2, "its payment"),
    ]  # fmt: skip
    page = read(rita, "settlement/late/")
    assert "Our own money" in page and key in page and "600" in page and "One by one" not in page
    assert "2 of our own money on its way" in read(rita, "")
    there.reaches("USD", D(600), key=key)
    there.read_all()
    assert [one.id for one in late.list_transfers(10)] == [waits.id]
    cancel_house_transfer(actor=person("olga", "operations"), transfer_id=waits.id)
    assert net_sets.list_late() == [] and "Nothing is late" in read(rita, "settlement/late/")
