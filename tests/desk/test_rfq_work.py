"""A request worked on the desk: who picks it up, what the ticket works out, what is sent, and who is refused with which words."""

import re
import uuid
from datetime import timedelta
from decimal import Decimal as D
from html import unescape
from typing import Any

import pytest
from django.test import Client

from apps.core import clock, db, ids
from apps.core.actor import acting
from apps.pricing.feeds import bus
from apps.rfqs.states import Side
from apps.users.models import User
from apps.workflows.accept_quote import accept_quote
from apps.workflows.counter_quote import counter_quote
from tests.desk import day as days
from tests.desk.day import Day
from tests.people import staff as hire

pytestmark = pytest.mark.django_db(transaction=True)
HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(staff: dict[str, User]) -> Any:
    """A browser of its own for each person."""

    def signed_in(name: str) -> Client:
        client = Client()
        client.force_login(
            staff[name] if name in staff else User.objects.get(username=name), backend="django.contrib.auth.backends.ModelBackend"
        )
        return client

    return signed_in


def key() -> str:
    return str(uuid.uuid4())


def address(reference: str, act: str = "ticket") -> str:
    (found,) = db.one("SELECT id FROM rfqs_rfq WHERE client_rfq_id = %s", [reference])
    return f"/desk/rfqs/{ids.encode('rfq', found)}/{act}/"


def state(reference: str) -> tuple[str, str | None]:
    row = db.one(
        "SELECT r.status, u.username FROM rfqs_rfq r LEFT JOIN users_user u ON u.id = r.owner_id WHERE client_rfq_id = %s", [reference]
    )
    return row[0], row[1]


def act(client: Client, reference: str, name: str, **form: str) -> Any:
    return client.post(address(reference, name), {"once": key(), **form})


def fields(page: str) -> dict[str, str]:
    """Every input of the ticket's form with its value, as a browser would send it."""
    found = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = re.search(r'\bname="([^"]*)"', tag), re.search(r'\bvalue="([^"]*)"', tag)
        if name and (not re.search(r'type="(?:radio|checkbox)"', tag) or "checked" in tag):
            found[name[1]] = unescape(value[1]) if value else ""
    return found


def ticket(client: Client, reference: str) -> dict[str, str]:
    answer = client.get(address(reference))
    assert answer.status_code == 200
    form = fields(answer.content.decode())
    return {n: form[n] for n in form if n in {"once", "life", "lock"} or n.endswith(("_buy", "_sell"))}


def work_out(client: Client, reference: str, form: dict[str, str]) -> dict[str, str]:
    answer = client.post(address(reference), form)
    assert answer.status_code == 200, answer.content[-800:]
    return form | fields(answer.content.decode())


def test_a_trader_picks_up_reprices_and_sends_and_the_client_deals(browser: Any, day: Day) -> None:
    tara = browser("tara")
    picked = act(tara, "r-large-1", "pick-up")
    assert picked["Location"] == address("r-large-1")
    assert state("r-large-1") == ("PICKED_UP", "tara")
    page = tara.get(address("r-large-1")).content.decode()
    for words in ("140.00 BTC against USD", "Larger than the pair", "Worth more than the client", "What the client will see", "alpha"):
        assert words in page, words
    form = ticket(tara, "r-large-1")
    form = work_out(tara, "r-large-1", form | {"margin_buy": "15"})
    rate = D(form["rate_buy"].replace(",", ""))
    assert D("14.99") < D(form["margin_buy"]) < D("15.01")
    sent = tara.post(address("r-large-1", "send"), form | {"life": "45"})
    assert sent["Location"] == "/desk/rfqs/", sent.content
    assert state("r-large-1") == ("QUOTED", "tara")
    (quote, price, lived) = db.one(
        "SELECT id, buy_price, expires_at - created_at FROM rfqs_quote WHERE status = 'OPEN' AND priced_by_id IS NOT NULL"
    )
    assert (price, lived) == (rate, timedelta(seconds=45))
    with acting(day.acme.trader):
        accept_quote(actor=day.acme.trader, quote_id=quote, client_order_id="o-hand", side=Side.BUY, price=price)
    assert state("r-large-1")[0] == "FILLED"
    assert ">r-large-1<" in tara.get("/desk/rfqs/?tab=historic").content.decode()
    assert tara.get(address("r-large-1"), follow=True).redirect_chain[-1][0].startswith("/desk/deals/")


def test_an_ended_request_stays_among_the_open_ones_for_five_seconds(browser: Any, day: Day) -> None:
    tara = browser("tara")
    act(tara, "r-large-1", "pick-up")
    act(tara, "r-large-1", "reject", code="pass")
    assert ">r-large-1<" in tara.get("/desk/rfqs/").content.decode()
    clock.freeze_desk(clock.desk_now() + timedelta(seconds=6))
    assert ">r-large-1<" not in tara.get("/desk/rfqs/").content.decode()
    assert ">r-large-1<" in tara.get("/desk/rfqs/?tab=historic&status=REJECTED").content.decode()


def test_two_people_never_price_the_same_request(browser: Any, day: Day) -> None:
    hire("tom", "trader")
    tara, tom = browser("tara"), browser("tom")
    act(tara, "r-large-1", "pick-up")
    late = act(tom, "r-large-1", "pick-up")
    assert late.status_code == 409
    assert b"rfq_owned" in late.content
    page = tom.get(address("r-large-1")).content.decode()
    assert "take-over" in page
    assert "data-send" not in page
    form = ticket(tara, "r-large-1")
    assert tom.post(address("r-large-1", "send"), form | {"once": key()}).status_code == 403
    for reason in ("", "x" * 400):
        assert act(tom, "r-large-1", "take-over", reason=reason).status_code == 422
    assert act(tom, "r-large-1", "take-over", reason="tara is at lunch").status_code == 302
    assert state("r-large-1") == ("PICKED_UP", "tom")
    gone = tara.post(address("r-large-1", "send"), form, headers=HTMX)
    assert gone.status_code == 403
    told = gone.content.decode()
    assert "somebody else works on it" in told
    assert "data-once=" in told
    assert "<html" not in told
    assert state("r-large-1") == ("PICKED_UP", "tom")


def test_hold_resume_release_and_reject(browser: Any, day: Day) -> None:
    tara = browser("tara")
    act(tara, "r-large-2", "pick-up")
    for name, after in (("hold", "ON_HOLD"), ("resume", "PICKED_UP"), ("release", "RECEIVED"), ("pick-up", "PICKED_UP")):
        assert act(tara, "r-large-2", name).status_code == 302, name
        assert state("r-large-2")[0] == after
    assert act(tara, "r-large-2", "reject", code="no_such").status_code == 422
    assert act(tara, "r-large-2", "reject", code="other").status_code == 422
    assert state("r-large-2")[0] == "PICKED_UP"
    assert act(tara, "r-large-2", "reject", code="other", note="the client called it off").status_code == 302
    assert state("r-large-2")[0] == "REJECTED"
    again = act(tara, "r-large-2", "hold")
    assert again.status_code == 409
    assert b"rfq_closed" in again.content


def test_a_quote_is_priced_again_and_withdrawn_from_the_same_ticket(browser: Any, day: Day) -> None:
    tara = browser("tara")
    act(tara, "r-large-1", "pick-up")
    assert tara.post(address("r-large-1", "send"), ticket(tara, "r-large-1")).status_code == 302
    (first,) = db.one("SELECT id FROM rfqs_quote WHERE status = 'OPEN' AND priced_by_id IS NOT NULL")
    page = tara.get(address("r-large-1")).content.decode()
    assert "Send the new price" in page
    form = work_out(tara, "r-large-1", ticket(tara, "r-large-1") | {"margin_buy": "9"})
    assert tara.post(address("r-large-1", "send"), form).status_code == 302
    rows = db.run("SELECT number, status FROM rfqs_quote WHERE priced_by_id IS NOT NULL ORDER BY number")
    assert rows == [(1, "SUPERSEDED"), (2, "OPEN")]
    stale = act(tara, "r-large-1", "withdraw", quote="quo_nothing")
    assert stale.status_code == 404
    (second,) = db.one("SELECT id FROM rfqs_quote WHERE status = 'OPEN' AND priced_by_id IS NOT NULL")
    assert second != first
    assert act(tara, "r-large-1", "withdraw", quote=ids.encode("quo", second)).status_code == 302
    assert state("r-large-1") == ("PICKED_UP", "tara")


def test_what_was_changed_and_not_worked_out_is_not_sent(browser: Any, day: Day) -> None:
    tara = browser("tara")
    act(tara, "r-large-1", "pick-up")
    form = ticket(tara, "r-large-1") | {"margin_buy": "40"}
    answer = tara.post(address("r-large-1", "send"), form)
    assert answer.status_code == 409
    assert b"not_worked_out" in answer.content
    assert state("r-large-1") == ("PICKED_UP", "tara")


def test_the_same_ticket_sent_twice_is_one_quote(browser: Any, day: Day) -> None:
    tara = browser("tara")
    act(tara, "r-large-1", "pick-up")
    form = ticket(tara, "r-large-1")
    assert [tara.post(address("r-large-1", "send"), form).status_code for _ in range(3)] == [302, 302, 302]
    assert db.one("SELECT count(*) FROM rfqs_quote WHERE priced_by_id IS NOT NULL") == (1,)


def test_sales_pick_up_and_reject_but_only_traders_price(browser: Any, day: Day) -> None:
    sam = browser("sam")
    act(sam, "r-large-1", "pick-up")
    assert state("r-large-1") == ("PICKED_UP", "sam")
    page = sam.get(address("r-large-1")).content.decode()
    assert "data-send" not in page
    assert 'id="reject"' in page
    refused = sam.post(address("r-large-1", "send"), ticket(sam, "r-large-1") | {"once": key()})
    assert refused.status_code == 403
    assert b"role_missing" in refused.content
    for name in ("rita", "olga", "audrey", "fay"):
        looks = browser(name)
        assert act(looks, "r-large-2", "pick-up").status_code == 403, name
        page = looks.get("/desk/rfqs/").content.decode()
        assert ">r-large-2<" in page
        assert "Pick up" not in page
        assert looks.get(address("r-large-2"))["Location"] == address("r-large-2", "")[:-1]
    assert browser("carl").post(address("r-large-2", "pick-up"), {"once": key()}).status_code == 403
    assert state("r-large-2") == ("RECEIVED", None)


def test_a_ticket_without_a_price_says_so_and_sends_nothing(browser: Any, day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    tara = browser("tara")
    act(tara, "r-large-1", "pick-up")
    form = ticket(tara, "r-large-1")
    monkeypatch.setattr(bus, "read_depth", lambda _pair: None)
    assert "no price is published" in tara.get(address("r-large-1")).content.decode()
    answer = tara.post(address("r-large-1", "send"), form)
    assert answer.status_code == 422
    assert b"price_unavailable" in answer.content
    assert state("r-large-1") == ("PICKED_UP", "tara")


def test_a_size_that_the_book_does_not_hold_is_priced_by_what_is_typed(browser: Any, day: Day) -> None:
    tara = browser("tara")
    act(tara, "r-large-2", "pick-up")
    page = tara.get(address("r-large-2")).content.decode()
    assert "holds only 200.00 ETH" in page
    form = ticket(tara, "r-large-2")
    assert form["rate_sell"] == ""
    assert tara.post(address("r-large-2", "send"), form).status_code == 422
    form = work_out(tara, "r-large-2", ticket(tara, "r-large-2") | {"rate_sell": "2,612.40"})
    assert form["rate_sell"] == "2,612.40"
    assert D(form["margin_sell"]) > 60
    assert tara.post(address("r-large-2", "send"), form).status_code == 302
    assert state("r-large-2")[0] == "QUOTED"


def test_a_price_far_from_the_mid_is_asked_for_twice_and_one_beyond_all_reason_is_refused(browser: Any, day: Day) -> None:
    tara = browser("tara")
    act(tara, "r-large-1", "pick-up")
    assert 'name="sure"' not in tara.get(address("r-large-1")).content.decode()
    form = work_out(tara, "r-large-1", ticket(tara, "r-large-1") | {"margin_buy": "150"})
    assert "I mean this price" in tara.post(address("r-large-1"), form).content.decode()
    once = tara.post(address("r-large-1", "send"), form | {"once": key()})
    assert once.status_code == 422
    assert b"price_needs_sure" in once.content
    far = work_out(tara, "r-large-1", form | {"margin_buy": "900"})
    refused = tara.post(address("r-large-1", "send"), far | {"once": key(), "sure": "1"})
    assert refused.status_code == 422
    assert b"price_far_off" in refused.content
    assert state("r-large-1") == ("PICKED_UP", "tara")
    assert tara.post(address("r-large-1", "send"), form | {"once": key(), "sure": "1"}).status_code == 302
    assert state("r-large-1")[0] == "QUOTED"


def test_a_request_that_seems_to_come_twice_says_so_on_its_ticket(browser: Any, day: Day) -> None:
    tara = browser("tara")
    days.ask_for(day.acme, "r-large-again", "BTC-USD", Side.BUY, "140", answer_ms=45_000)
    act(tara, "r-large-again", "pick-up")
    page = tara.get(address("r-large-again")).content.decode()
    assert "It may be a duplicate" in page
    assert address("r-large-1", "")[:-1] in page


def test_a_client_that_names_its_limit_is_answered_at_that_limit(browser: Any, day: Day) -> None:
    tara = browser("tara")
    act(tara, "r-large-1", "pick-up")
    assert tara.post(address("r-large-1", "send"), ticket(tara, "r-large-1")).status_code == 302
    (quote,) = db.one("SELECT id FROM rfqs_quote WHERE status = 'OPEN' AND priced_by_id IS NOT NULL")
    with acting(day.acme.trader):
        counter_quote(actor=day.acme.trader, quote_id=quote, side=Side.BUY, price=D("68460.00"))
    assert "countered" in tara.get("/desk/rfqs/").content.decode()
    page = tara.get(address("r-large-1")).content.decode()
    assert "The client's limit: it buys at 68,460.00 USD or better" in page
    form = work_out(tara, "r-large-1", ticket(tara, "r-large-1") | {"use": "limit"})
    assert form["rate_buy"] == "68,460.00"
    assert tara.post(address("r-large-1", "send"), form).status_code == 302
    assert db.one("SELECT buy_price FROM rfqs_quote WHERE status = 'OPEN' AND priced_by_id IS NOT NULL") == (D("68460.00"),)


HOSTILE = ["\0", "9" * 60, "1e999", "-1", "NaN", "<b>", "٣", "0", "--", "|", "1" * 19 + "." + "1" * 18, "6" * 18]


def test_rubbish_in_every_field_is_refused_or_shown_and_never_a_traceback(browser: Any, day: Day) -> None:
    tara = browser("tara")
    tara.raise_request_exception = True
    act(tara, "r-large-1", "pick-up")
    form = ticket(tara, "r-large-1")
    for name in (*form, "sure", "use"):
        for typed in HOSTILE:
            for where in ("ticket", "send"):
                if where == "send" and name in {"use", "lock", "sure"}:
                    continue
                answer = tara.post(address("r-large-1", where), form | {"once": key(), name: typed})
                assert answer.status_code in {200, 302, 409, 422}, (name, typed, where)
                if answer.status_code == 302:
                    act(
                        tara,
                        "r-large-1",
                        "withdraw",
                        quote=ids.encode("quo", db.one("SELECT id FROM rfqs_quote WHERE status = 'OPEN' AND priced_by_id IS NOT NULL")[0]),
                    )
    for path in ("/desk/rfqs/rfq_zzz/ticket/", "/desk/rfqs/%00/ticket/", f"/desk/rfqs/{ids.encode('rfq', uuid.UUID(int=7))}/ticket/"):
        assert tara.get(path).status_code in {404, 422}, path
    assert act(tara, "r-large-1", "explode").status_code == 404


def test_a_refused_act_comes_to_htmx_as_one_sentence_with_a_new_key(browser: Any, day: Day) -> None:
    tara = browser("tara")
    answer = tara.post(address("r-large-1", "hold"), {"once": key()}, headers=HTMX)
    assert answer.status_code in {403, 409}
    assert "pick it up first" in answer.content.decode()
    assert re.search(r'data-once="[0-9a-f-]{36}"', answer.content.decode())
    done = tara.post(address("r-large-1", "pick-up"), {"once": key()}, headers=HTMX)
    assert done["HX-Redirect"] == address("r-large-1")
