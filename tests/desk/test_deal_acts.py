"""A deal corrected, cancelled, affirmed and disputed from its page: who is shown which form, what is asked, what is refused where."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from apps.approvals.models import Approval
from apps.core import clock, ids
from apps.settlement.queries import list_obligations_of
from apps.trades.models import Allocation, Confirmation, Dispute, Trade, TradeVersion
from tests.desk.day import Day
from tests.stories.test_blocks import open_account

pytestmark = pytest.mark.django_db(transaction=True)
WHY = {"reason": "DESK_ERROR", "note": "the price was typed wrong", "consent": "call of 15 September, 12:20"}


def address(trade: Trade, act: str = "") -> str:
    return f"/desk/deals/{ids.encode('trd', trade.id)}/{act}"


def send(client: Client, trade: Trade, act: str, **form: str) -> Any:
    return client.post(address(trade, f"{act}/"), {"once": str(uuid.uuid4()), **form}, headers={"HX-Request": "true"})


def decide(client: Client, asked: Approval, decision: str = "approve") -> None:
    client.post(f"/desk/approvals/{asked.id}/decide/", {"once": str(uuid.uuid4()), "decision": decision})


def page(client: Client, trade: Trade) -> str:
    answer = client.get(address(trade))
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_each_role_is_shown_the_forms_that_it_may_send(enter: Any, day: Day) -> None:
    for name, may_change, may_answer in (
        ("sam", False, False), ("tara", True, False), ("olga", True, True), ("rita", False, False), ("audrey", False, False),
        ("carl", False, False),
    ):  # fmt: skip
        text = page(enter(name), day.deal)
        assert [f'id="{one}"' in text for one in ("correct", "cancel")] == [may_change] * 2, name
        assert [f'id="{one}"' in text for one in ("affirm", "dispute")] == [may_answer] * 2, name
        assert not re.search(r"style=|onclick|<script(?! src| defer)", text), name
        acts = {"correct": may_change, "cancel": may_change, "affirm": may_answer, "dispute": may_answer, "dispute/take": may_answer}
        for act in (act for act, may in acts.items() if not may):
            assert send(enter(name), day.deal, act).status_code == 403, (name, act)
    assert not Approval.objects.filter(subject_id=day.deal.id).exists()


def test_a_correction_is_asked_for_here_and_made_by_another(enter: Any, day: Day) -> None:
    old = TradeVersion.objects.get(trade=day.deal, number=1)
    form = {"side": old.side, "quantity": f"{old.quantity.normalize():f}", "price": "68,000.5", "fee": "0", **WHY}
    answer = send(enter("tara"), day.deal, "correct", **form, value_date=old.value_date.isoformat())
    assert (answer.status_code, answer["HX-Redirect"]) == (200, address(day.deal))
    asked = Approval.objects.get(kind="trade_version")
    assert (asked.payload["price"], asked.payload["note"], asked.payload["consent"]) == ("68000.5", WHY["note"], WHY["consent"])
    assert asked.title == f"Correct {day.deal.pair_id} of {day.deal.counterparty.name}: price"
    for name, link in (("tara", True), ("sam", False)):
        text = page(enter(name), day.deal)
        assert "Waits for a second pair of eyes" in text and asked.title in text
        assert (f"/desk/approvals/{asked.id}/" in text) is link, name
    assert send(enter("olga"), day.deal, "cancel", **WHY).status_code == 409
    check = enter("olga").get(f"/desk/approvals/{asked.id}/").content.decode()
    assert f"{old.price.normalize():f}" in check and "68000.5" in check and WHY["consent"] in check and address(day.deal) in check
    assert check.count('<tr class="changed">') == 1, "the price and nothing else"
    decide(enter("tara"), asked)
    assert TradeVersion.objects.filter(trade=day.deal).count() == 1
    decide(enter("olga"), asked)
    decide(enter("rita"), asked)
    new = TradeVersion.objects.get(trade=day.deal, number=2)
    assert (f"{new.price.normalize():f}", new.quantity) == ("68000.5", old.quantity)
    text = page(enter("sam"), day.deal)
    for words in (
        "68,000.50</b>",
        "desk error",
        WHY["note"],
        WHY["consent"],
        "Deal corrected",
        "asked by tara",
        "checked by olga",
        "Confirmation sent",
    ):
        assert words in text, words
    assert "Waits for a second pair of eyes" not in text


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"price": "x"}, "price"), ({"price": "0"}, "price"), ({"quantity": "0.123456789"}, "quantity"), ({"fee": "-1"}, "fee"),
     ({"fee": "999999999"}, "fee"), ({"side": "both"}, "side"), ({"value_date": "soon"}, "value_date"),
     ({"value_date": "2020-01-06"}, "value_date"),
     ({"reason": "BAD"}, "reason"), ({"note": " "}, "note"), ({"consent": ""}, "consent"), ({"consent": "x" * 121}, "consent")],
)  # fmt: skip
def test_wrong_input_is_named_at_its_field_and_asks_for_nothing(enter: Any, day: Day, wrong: dict[str, str], field: str) -> None:
    answer = send(enter("tara"), day.deal, "correct", **{"price": "68000", **WHY, **wrong})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert f'data-field="{field}"' in text and field.replace("_", " ") in text
    assert not Approval.objects.filter(subject_id=day.deal.id).exists()


def test_a_cancelled_deal_is_only_affirmed_any_more(enter: Any, day: Day) -> None:
    assert send(enter("olga"), day.deal, "cancel", **WHY).status_code == 200
    asked = Approval.objects.get(kind="trade_version")
    decide(enter("oscar"), asked)
    decide(enter("rita"), asked)
    day.deal.refresh_from_db()
    assert day.deal.status == "CANCELLED"
    text = page(enter("olga"), day.deal)
    assert "Deal cancelled" in text and 'id="affirm"' in text
    assert not any(f'id="{name}"' in text for name in ("correct", "cancel", "dispute", "share-out"))
    assert send(enter("olga"), day.deal, "affirm", version="2", evidence="call of noon").status_code == 200
    assert Confirmation.objects.get(trade=day.deal, version__number=2).status == "AFFIRMED"


def test_the_client_is_answered_for_with_evidence(enter: Any, day: Day) -> None:
    first, second = day.deals[:2]
    olga = enter("olga")
    assert send(olga, first, "affirm", version="1", evidence="").status_code == 422
    assert send(olga, first, "affirm", version="2", evidence="call").status_code == 409
    assert send(olga, first, "affirm", version="1", evidence="call of noon").status_code == 200
    one = Confirmation.objects.get(trade=first)
    assert (one.status, one.answered_kind, one.evidence) == ("AFFIRMED", "STAFF", "call of noon")
    text = page(olga, first)
    assert "call of noon" in text and 'id="affirm"' not in text and "Affirmed by the client" in text
    pdf = enter("sam").get(address(first, "confirmation.pdf?version=1"))
    assert (pdf.status_code, pdf["Content-Type"], pdf.content[:4]) == (200, "application/pdf", b"%PDF")
    assert enter("sam").get(address(first, "confirmation.pdf?version=7")).status_code == 404

    answer = send(olga, second, "dispute", version="1", reason="PRICE", detail="a tick off", evidence="mail of noon")
    assert answer.status_code == 200
    assert "a tick off" in page(olga, second)
    assert send(olga, second, "dispute/take").status_code == 200
    assert Dispute.objects.get().owner_name == "Olga Operations"
    assert send(olga, second, "dispute/reject", reason="").status_code == 422
    assert send(olga, second, "dispute/reject", reason="the tape says otherwise").status_code == 200
    asked = Approval.objects.get(kind="dispute")
    check = enter("oscar").get(f"/desk/approvals/{asked.id}/").content.decode()
    for words in ("disputed for", "PRICE", "a tick off", "mail of noon", "the tape says otherwise", address(second)):
        assert words in check, words
    decide(olga, asked)
    assert Dispute.objects.get().status == "OPEN"
    decide(enter("oscar"), asked)
    assert (Dispute.objects.get().status, Dispute.objects.get().outcome) == ("REJECTED", "the tape says otherwise")
    assert "Dispute rejected" in page(olga, second)


def test_a_block_is_shared_out_for_the_client_and_a_share_taken_back(enter: Any, day: Day) -> None:
    deal = next(one for one in day.deals if {o.status for o in list_obligations_of([one.id])} == {"OPEN"})
    assert 'id="share-out"' not in page(enter("olga"), deal), "the client has no other account"
    firm = next(one for one in (day.acme, day.borealis) if one.client_id == deal.counterparty_id)
    fund, trust = open_account(firm=firm, name="fund"), open_account(firm=firm, name="trust")
    olga, word = enter("olga"), {"evidence": "call of noon"}
    for name, shown in (("olga", True), ("tara", False), ("carl", False)):
        assert ('id="share-out"' in page(enter(name), deal)) is shown, name
    field = {one.code: f"share-{ids.encode('acc', one.id)}" for one in (fund, trust)}
    for wrong in ({}, {field[fund.code]: "101%"}, {field[fund.code]: "x"}, {field[fund.code]: "-1"}, {field[fund.code]: "99999999999"}):
        answer = send(olga, deal, "shares", **word, **wrong)
        assert answer.status_code == 422, wrong
    assert send(olga, deal, "shares", **{field[fund.code]: "25%"}).status_code == 422, "nobody's word"
    assert not Allocation.objects.filter(trade=deal).exists()
    whole = TradeVersion.objects.get(trade=deal).quantity
    assert send(olga, deal, "shares", **word, **{field[fund.code]: "25%", field[trust.code]: f"{whole / 2:f}"}).status_code == 200
    shares = {one.account_id: one for one in Allocation.objects.filter(trade=deal)}
    assert {one.id: (shares[one.id].status, shares[one.id].quantity) for one in (fund, trust)} == {
        fund.id: ("ACCEPTED", whole / 4), trust.id: ("ACCEPTED", whole / 2),
    }  # fmt: skip
    back = f"shares/{ids.encode('alc', shares[trust.id].id)}/reverse"
    assert back in page(olga, deal)
    assert send(enter("tara"), deal, back, **word).status_code == 403
    assert send(olga, deal, back).status_code == 422
    assert send(olga, deal, back, **word).status_code == 200
    assert Allocation.objects.get(id=shares[trust.id].id).status == "REVERSED"


def test_from_when_a_version_is_true_is_typed_and_never_before_the_deal_nor_ahead(enter: Any, day: Day) -> None:
    tara, booked = enter("tara"), day.deal.booked_at
    for moment, status in (
        (booked - timedelta(minutes=1), 422),
        (clock.desk_now() + timedelta(minutes=1), 422),
        ("soon", 422),
        (booked, 200),
    ):
        since = moment if isinstance(moment, str) else f"{moment:%Y-%m-%dT%H:%M:%S.%f}"
        answer = send(tara, day.deal, "correct", price="68000", effective_at=since, **WHY)
        assert answer.status_code == status, moment
        assert status == 200 or 'data-field="effective_at"' in answer.content.decode()
    assert Approval.objects.get(kind="trade_version").payload["effective_at"] == booked.isoformat()
    assert 'name="effective_at"' in page(enter("olga"), day.deals[1])


def test_a_form_sent_twice_asks_once(enter: Any, day: Day) -> None:
    form, tara = {"once": str(uuid.uuid4()), "price": "68000", **WHY}, enter("tara")
    for _ in range(2):
        assert tara.post(address(day.deal, "correct/"), form).status_code == 302
    assert Approval.objects.filter(kind="trade_version").count() == 1
    twice = {"once": str(uuid.uuid4()), "price": "68000", **WHY, "reason": "BAD"}
    for _ in range(2):
        answer = tara.post(address(day.deal, "correct/"), twice, headers={"HX-Request": "true"})
        assert answer.status_code == 422 and 'data-field="reason"' in answer.content.decode()


def test_what_waits_for_a_word_is_listed_with_its_age(enter: Any, day: Day) -> None:
    first, second, third = day.deals[:3]
    olga = enter("olga")
    assert "No client disputes a deal" in olga.get("/desk/deals/").content.decode()
    assert send(olga, first, "affirm", version="1", evidence="call").status_code == 200
    assert send(olga, second, "dispute", version="1", reason="PRICE", detail="a tick off", evidence="mail").status_code == 200
    now = clock.desk_now()
    firm = next(one for one in (day.acme, day.borealis) if one.client_id == third.counterparty_id)
    fund = open_account(firm=firm, name="fund")
    with transaction.atomic():
        Allocation.objects.create(id=ids.uuid7(), trade=third, account=fund, status="PROPOSED", quantity=1, proposed_at=now)
    clock.freeze_desk(now + timedelta(hours=7, minutes=30))
    for name in ("olga", "sam", "carl"):
        text = enter(name).get("/desk/deals/").content.decode()
        disputed, unaffirmed, shared = text.split("<section")[1:4]
        assert address(second) in disputed and "a tick off" in disputed and "7 h" in disputed and "nobody yet" in disputed, name
        assert address(second) in unaffirmed and address(first) not in text, name
        assert address(third) in shared and address(second) not in shared, name
    clock.freeze_desk(now + timedelta(days=3))
    text = olga.get("/desk/deals/").content.decode()
    assert "3 d" in text and "late</span>" in text
