"""The position page: a hedge in one line, breaks, internal trades, limits and records by form; and profit that ties to the ledger."""

import uuid
from datetime import date
from decimal import Decimal as D
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.core import clock, db, ids
from apps.instruments import queries as instruments
from apps.ledger import queries as ledger
from apps.pricing.feeds import bus
from apps.reports.queries.desk import pnl
from apps.rfqs.states import Side
from apps.trades.models import Hedge, Trade, TradeVersion
from apps.users.models import User
from apps.workflows.decide_approval import decide_approval
from apps.workflows.import_fills import import_fills
from apps.workflows.onboard_client import register_counterparty
from apps.workflows.propose_marks import propose_marks
from tests import world
from tests.settlement import world as house
from tests.trades import books

pytestmark = pytest.mark.django_db(transaction=True)
DAY = date(2026, 9, 15)
HEDGE = {
    "side": "buy", "quantity": "1.5", "instrument": "BTC-USD", "price": "20,010", "counterparty": "helios", "fee": "3",
    "execution_id": "hx-9", "book": "main",
}  # fmt: skip


@pytest.fixture
def venue(staff: dict[str, User]) -> None:
    clock.freeze_desk(world.NOON)
    register_counterparty(code="helios", name="Helios Liquidity", lei="", country="US", roles=["LP"])
    register_counterparty(code="venue", name="Venue Ltd", lei="", country="GB", roles=["VENUE"])
    bus.publish([world.depth()])


def key() -> str:
    return str(uuid.uuid4())


def decide(staff: dict[str, User], name: str) -> str:
    (approval,) = db.one("SELECT id FROM approvals_approval WHERE status = 'REQUESTED'")
    return str(decide_approval(approval_id=approval, actor=staff[name].as_actor(), approve=True).status)


def test_a_hedge_is_one_line_a_checker_and_then_on_the_page(enter: Any, venue: None, staff: dict[str, User]) -> None:
    form = {"once": key(), **HEDGE}
    tara = enter("tara")
    assert b"Ask a checker" in tara.get("/desk/position/").content
    assert [tara.post("/desk/position/hedges/", form).status_code for _ in range(2)] == [302, 302]
    assert books.rows("approvals_approval") == 1
    assert books.rows("trades_trade") == 0
    assert decide(staff, "olga") == "EXECUTED"
    version = TradeVersion.objects.get()
    assert (version.price, version.pays, version.fee, version.reference_mid) == (D(20010), D(30015), D(3), D(20000))
    page = enter("rita").get("/desk/position/").content.decode()
    assert "hx-9" in page
    assert "unconfirmed" in page
    assert "Ask a checker" not in page


@pytest.mark.parametrize("who", ["sam", "olga", "rita", "fay", "audrey"])
def test_who_is_no_trader_enters_no_hedge(enter: Any, venue: None, who: str) -> None:
    assert enter(who).post("/desk/position/hedges/", {"once": key(), **HEDGE}).status_code == 403
    assert books.rows("approvals_approval") == 0


@pytest.mark.parametrize("who", ["carl"])
def test_who_may_not_see_positions_may_not_post_either(enter: Any, venue: None, who: str) -> None:
    for address in ("hedges/", "internal/", "limits/", "records/"):
        assert enter(who).post(f"/desk/position/{address}", {"once": key()}).status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantity": "-1"}, {"quantity": "much"}, {"price": ""}, {"counterparty": "nobody"}, {"side": "both"}, {"execution_id": ""},
        {"covers": "trd_1"}, {"executed_at": "noon"}, {"fee": "x"}, {"once": "no key"},
    ],
)  # fmt: skip
def test_a_wrong_field_is_told_and_nothing_is_asked(enter: Any, venue: None, wrong: dict[str, str]) -> None:
    assert enter("tara").post("/desk/position/hedges/", {"once": key(), **HEDGE, **wrong}).status_code in {404, 422}
    assert books.rows("approvals_approval") == 0


def test_the_lps_record_is_uploaded_and_a_break_is_closed_by_two(enter: Any, venue: None, staff: dict[str, User]) -> None:
    import_fills(text=books.HEADER + books.line() + books.line(execution_id="x-2"), book_code="main", made_by=None)
    text = (books.HEADER + books.line() + books.line(execution_id="x-2", price="20005") + books.line(execution_id="x-8")).encode()

    def upload(who: str, content: bytes) -> Any:
        form = {"once": key(), "counterparty": "venue", "date": "2026-09-15", "file": SimpleUploadedFile("copy.csv", content)}
        return enter(who).post("/desk/position/records/", form)

    assert upload("tara", text).status_code == 403
    assert upload("olga", b"\xff\xfe").status_code == 422
    bad = upload("olga", text.replace(b"20005", b"dear"))
    assert (bad.status_code, b"line 3, price" in bad.content) == (422, True)
    assert books.rows("trades_lprecord") == 0
    assert upload("olga", text).status_code == 302
    page = enter("olga").get("/desk/position/").content.decode()
    for words in ("1 agree, 1 differ, 1 we do not know", "ours 20000, theirs 20005", "unknown to us", "x-8", "Ours stands"):
        assert words in page, words
    trade = Trade.objects.get(execution_id="x-2")
    address = f"/desk/position/hedges/{ids.encode('trd', trade.id)}/"
    assert enter("tara").post(address, {"once": key(), "move": "confirm", "reason": "ours"}).status_code == 403
    assert enter("olga").post(address, {"once": key(), "move": "confirm", "reason": "LP corrects it"}).status_code == 302
    assert decide(staff, "oscar") == "EXECUTED"
    assert Hedge.objects.get(trade=trade).status == "CONFIRMED"


def test_risk_moves_between_books_and_limits_are_set_by_form(enter: Any, venue: None, staff: dict[str, User]) -> None:
    form = {
        "book": "main",
        "to_book": "treasury",
        "side": "sell",
        "quantity": "2",
        "instrument": "BTC-USD",
        "price": "",
        "reason": "weekend",
    }
    assert enter("olga").post("/desk/position/internal/", {"once": key(), **form}).status_code == 403
    assert enter("tara").post("/desk/position/internal/", {"once": key(), **form}).status_code == 302
    assert decide(staff, "rita") == "EXECUTED"
    assert books.positions("treasury") == {"BTC": D(2), "USD": D(-40000)}
    limit = {"book": "treasury", "asset": "BTC", "soft": "1", "hard": "1.5", "reason": "small book"}
    assert enter("rita").post("/desk/position/limits/", {"once": key(), **limit}).status_code == 403
    assert enter("sam").post("/desk/position/limits/", {"once": key(), **limit}).status_code == 302
    assert decide(staff, "rita") == "EXECUTED"
    assert "past hard" in enter("rita").get("/desk/position/").content.decode()


def test_a_days_profit_ties_to_the_ledger_by_hand(staff: dict[str, User], venue: None) -> None:
    """A client buys 2 BTC; we buy 1.5 back for an LP fee of 3, sell 0.25 to the treasury at mid; BTC goes from 20,000 to 20,100."""
    acme = world.firm("acme", fee_bps=D(1), fee_mode="ADDED")
    entity = instruments.get_entity("flowdesk")
    deal = house.deal(acme, Side.BUY, "2")
    client = TradeVersion.objects.get(trade=deal)
    fills = books.HEADER + books.line(price="20004")
    import_fills(text=fills, book_code="main", made_by=None, mids=books.mids())
    from apps.workflows.book_internal import ask_internal

    ask_internal(
        actor=staff["tara"].as_actor(), book="main", to_book="treasury", instrument="BTC-USD", side="sell", quantity=D("0.25"), price=None,
        mid=D(20000), reason="move",
    )  # fmt: skip
    decide(staff, "rita")
    now = clock.desk_now()
    marks = pnl.live_marks("USD", {"BTC-USD": world.depth(mid="20100", at=now)}, {}, now)
    main, treasury = pnl.list_results(entity.id, "USD", DAY, marks)
    assert main.profit is not None
    assert treasury.profit is not None
    assert (client.price, client.trader_rate, client.fee, client.pays) == (D("20009.41"), D("20006.40767037"), D("4.01"), D("40022.83"))
    p = main.profit
    assert p.sales == 2 * (D("20009.41") - D("20006.40767037")) == D("6.00465926")
    assert p.trading == 2 * (D("20006.40767037") - 20000) == D("12.81534074")
    assert p.fees == D("4.01")
    assert p.slippage == D("1.5") * (20000 - 20004) == D(-6)
    assert p.costs == D(-3)
    assert p.inventory == (-2 + D("1.5") - D("0.25")) * 100 == D(-75)
    assert (p.internal, p.commissions, p.adjustments, p.unexplained) == (D(0), D(0), D(0), D(0))
    assert p.total == D("-61.17")
    assert treasury.profit.total == treasury.profit.inventory == D(25)
    assert main.value == p.total  # nothing was open before
    held = ledger.list_positions(entity.id)
    assert p.total + treasury.profit.total == held["BTC"] * 20100 + held["USD"] == D("-36.17")


def test_the_next_day_starts_at_the_approved_marks_and_a_cancelled_hedge_falls_on_its_own_day(staff: dict[str, User], venue: None) -> None:
    from apps.workflows.hedge_breaks import ask_hedge_move

    entity = instruments.get_entity("flowdesk")
    import_fills(text=books.HEADER + books.line(fee="0"), book_code="main", made_by=None, mids=books.mids())
    house.at(world.NOON, hours=10)  # rolled at 21:00 UTC
    propose_marks(actor=staff["fay"].as_actor(), entity_id=entity.id, business_date=DAY, mids={"BTC": D(20050)}, source="composite")
    decide(staff, "rita")
    now = clock.desk_now()
    tomorrow = date(2026, 9, 16)
    marks = pnl.live_marks("USD", {"BTC-USD": world.depth(mid="20070", at=now)}, {}, now)
    closed = pnl.list_results(entity.id, "USD", DAY, pnl.closing_marks("USD", {"BTC": D(20050)}))[0]
    assert closed.profit is not None
    assert closed.profit.total == D("1.5") * 50
    live = pnl.list_results(entity.id, "USD", tomorrow, marks)[0]
    assert live.profit is not None
    assert (live.profit.inventory, live.profit.total, live.profit.unexplained) == (D(30), D(30), D(0))
    assert [line.holding.opening for line in live.lines] == [D("1.5"), D(-30000)]
    ask_hedge_move(actor=staff["tara"].as_actor(), trade_id=Trade.objects.get().id, move="cancel", reason="never dealt")
    decide(staff, "olga")
    after = pnl.list_results(entity.id, "USD", tomorrow, marks)[0]
    assert after.profit is not None
    assert (after.profit.adjustments, after.profit.total, after.profit.unexplained) == (D(-105), D(-75), D(0))
    assert after.value == 0


def test_an_old_price_is_shown_and_flagged_and_a_missing_one_leaves_no_profit(enter: Any, staff: dict[str, User], venue: None) -> None:
    import_fills(text=books.HEADER + books.line() + books.line(instrument="ETH-USD", execution_id="x-2"), book_code="main", made_by=None)
    house.at(world.NOON, minutes=5)
    page = enter("rita").get("/desk/position/").content.decode()
    assert "no mark of ETH" in page
    assert "stale" in page


def test_a_hedge_is_corrected_from_its_page_by_two(enter: Any, venue: None, staff: dict[str, User]) -> None:
    import_fills(text=books.HEADER + books.line(), book_code="main", made_by=None)
    trade = Trade.objects.get()
    at = f"/desk/deals/{ids.encode('trd', trade.id)}/"
    form = {"side": "buy", "quantity": "1.5", "price": "19,990", "fee": "3", "reason": "DESK_ERROR", "note": "typed wrong"}
    assert "Correct the hedge" not in enter("rita").get(at).content.decode()
    assert enter("tara").post(f"{at}hedge/", {"once": key(), **form, "price": "20000"}).status_code == 422, "nothing is different"
    assert enter("tara").post(f"{at}hedge/", {"once": key(), **form}).status_code == 302
    assert "Correct hedge x-1 with venue: price" in enter("tara").get(at).content.decode()
    (approval,) = db.one("SELECT id FROM approvals_approval WHERE status = 'REQUESTED'")
    assert at in enter("olga").get(f"/desk/approvals/{approval}/").content.decode()
    assert decide(staff, "olga") == "EXECUTED"
    text = enter("tara").get(at).content.decode()
    assert "price 20,000.00 → <b>19,990.00</b>" in text and "we pay 30,000.00 USD → <b>29,985.00 USD</b>" in text
    assert books.positions() == {"BTC": D("1.5"), "USD": D(-29_988)}
