"""Deals agreed by voice or chat: booked as agreed, flagged where they breach, refused where nobody may deal."""

import uuid
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.test import Client

from apps.core import clock, db
from tests.desk.day import Day

pytestmark = pytest.mark.django_db(transaction=True)


def agreed(**changed: str) -> dict[str, str]:
    then = clock.desk_now() - timedelta(seconds=40)
    form = {
        "account": "acme-main", "pair": "BTC-USD", "side": "buy", "amount": "1.5", "of": "base", "price": "68,450.00", "tenor": "",
        "channel": "VOICE", "agreed_at": then.strftime("%Y-%m-%dT%H:%M:%S"), "agreed_by": "Ann of Acme", "evidence": "line 4, 16:29",
    }  # fmt: skip
    return form | {"once": str(uuid.uuid4())} | changed


def deals() -> int:
    return int(db.one("SELECT count(*) FROM rfqs_agreement")[0])


def book(client: Client, **changed: str) -> Any:
    return client.post("/desk/on-behalf/", agreed(**changed))


def test_what_was_agreed_is_a_deal_with_its_trail(enter: Any, day: Day) -> None:
    sam = enter("sam")
    form = agreed()
    done = sam.post("/desk/on-behalf/", form)
    assert done.status_code == 302, done.content
    assert done["Location"].startswith("/desk/deals/trd_")
    page = sam.get(done["Location"]).content.decode()
    for words in ("Booked: the client buys 1.5 at 68450", "Ann of Acme", "line 4, 16:29", "Agreed by voice or chat", "voice", "sam"):
        assert words in page, words
    assert sam.post("/desk/on-behalf/", form)["Location"] == done["Location"]
    assert deals() == 1
    assert db.one("SELECT channel, quantity FROM rfqs_rfq WHERE channel = 'VOICE'") == ("VOICE", D("1.5"))
    assert done["Location"] in sam.get("/desk/on-behalf/").content.decode()


def test_shortcuts_and_the_quote_amount_are_understood(enter: Any, day: Day) -> None:
    sam = enter("sam")
    assert book(sam, amount="250k", of="quote", side="sell", channel="CHAT", price="68,400").status_code == 302
    assert db.one("SELECT side, quote_quantity FROM rfqs_rfq WHERE channel = 'CHAT'") == ("sell", D(250000))


def test_a_breached_band_and_a_late_booking_are_flagged_and_shown_to_a_checker(enter: Any, day: Day) -> None:
    sam = enter("sam")
    late = (clock.desk_now() - timedelta(minutes=40)).strftime("%Y-%m-%dT%H:%M:%S")
    done = book(sam, price="70,000", agreed_at=late)
    page = sam.get(done["Location"]).content.decode()
    assert "flagged:" in page
    assert "further from the reference than the band allows" in page
    assert "booked more than 15 minutes after it was agreed" in page
    assert "BTC-USD by voice" in enter("rita").get("/desk/approvals/").content.decode()


def test_who_is_not_of_sales_or_the_desk_neither_sees_nor_books(enter: Any, day: Day) -> None:
    for name in ("rita", "olga", "fay", "carl", "ada", "audrey"):
        client = enter(name)
        assert client.get("/desk/on-behalf/").status_code == 403, name
        assert book(client).status_code == 403, name
    assert deals() == 0


@pytest.mark.parametrize(
    "typed", ["", "\0", "9" * 60, "-1", "NaN", "1e9", "<script>", "٣", "0", "x" * 5000, "2999-12-31T00:00", "99999-01-01"]
)
def test_rubbish_in_any_field_is_refused_and_books_nothing(enter: Any, day: Day, typed: str) -> None:
    sam = enter("sam")
    for name in agreed():
        answer = book(sam, **{name: typed})
        if answer.status_code == 302:  # an empty tenor, or words where any words do
            assert name in {"tenor", "agreed_by", "evidence"}, (name, typed)
        else:
            assert answer.status_code in {404, 422}, (name, typed)
