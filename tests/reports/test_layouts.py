"""Documents at both ends of size, as poppler sees them: nothing is cut, nothing lies on anything else, nothing leaves the page."""

import itertools
import os
import re
import shutil
import subprocess
from datetime import UTC, date, datetime
from decimal import Decimal as D
from html import unescape

import pytest

from apps.reports.rendering import pdf
from apps.reports.rendering.layouts import Account, Valuation, blotter, invoice, position, sealed, statement
from apps.reports.rendering.layouts.confirmation import confirmation
from apps.reports.rendering.rows import BlotterRow, Charged, Holder, Issuer, Movement, OpenObligation, PositionRow
from apps.reports.rendering.table import Document

NOON, ON = datetime(2026, 9, 15, 12, tzinfo=UTC), date(2026, 9, 15)
NAME = "Internationale Handels- und Beteiligungsgesellschaft für digitale Vermögenswerte mbH & Co. KG, Zweigniederlassung Zürich"
CODE, DEAL = "zurich-digital-assets-institutional-main", "trd_01J8Z5K3XQ9V4W7Y2M6N8P0R1S"
MUCH, MONEY = D("12345678.123456789012345678"), D("99999999999999.99")
WHY = "The quantity had been misheard on the telephone, as the recording of the 15th shows; the client's treasurer said so himself, twice."
ISSUER, HOLDER = (
    Issuer("flowdesk", NAME, "FLOWDESKDEMO00000144", "USD"),
    Holder(CODE, NAME, "5493001KJTIIGC8Y1R12", "DE", CODE, "", "CREDIT"),
)
SCALES = {"STETH-MAINNET": 18, "USD": 2}
ASSET = "STETH-MAINNET"
PLACE = re.compile(r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">(.*?)</word>')


def deal(nth: int) -> BlotterRow:
    return BlotterRow(
        deal=DEAL, kind="CLIENT", status="ACTIVE", version=1, booked_at=NOON, trade_date=ON, value_date=ON, counterparty=CODE, account=CODE,
        pair=f"{ASSET}-USD", side="sell", quantity=MUCH + nth, base=ASSET, price=D("98765432.12345678"), quote_quantity=MONEY, quote="USD",
        fee=D("1234567.89"), pays=MUCH, pays_asset=ASSET, receives=MONEY, receives_asset="USD", reference_mid=None, margin=-MONEY,
        source="API", reference="order-0123456789-0123456789-0123456789", covers="", settlement="PART_SETTLED",
    )  # fmt: skip


def documents(many: int) -> dict[str, Document]:
    deals = [deal(nth) for nth in range(many)]
    moves = [Movement(ASSET, NOON, "DEAL", one.deal, "", one.quantity) for one in deals]
    owed = [OpenObligation(one.deal, ON, "PAY", ASSET, one.quantity, one.quantity, "PART_SETTLED") for one in deals]
    charged = [Charged(ON, one.deal, "LATE_INTEREST", WHY, ASSET, one.quantity) for one in deals]
    held = [PositionRow(ASSET, 18, -MUCH, MUCH, MUCH, MUCH, MUCH, MUCH)][:many]
    seal = sealed(1234567, "ab" * 32)
    return {
        "blotter": blotter(ISSUER, ON, NOON, 1, deals, SCALES),
        "statement": statement(ISSUER, HOLDER, ON, NOON, f"{CODE}-000001", 2, Account(moves, deals), deals, owed, SCALES, seal),
        "invoice": invoice(ISSUER, HOLDER, ON, NOON, f"{CODE}-000001", 1, charged, SCALES, seal),
        "position": position(ISSUER, ON, NOON, 1, Valuation(held, {ASSET: MONEY}, {}), deals, SCALES),
        "confirmation": confirmation({
            "document": {
                "instrument": f"{ASSET}-USD", "client_pays": {"amount": str(MONEY), "asset": "USD"}, "number": 17, "side": "buy",
                "client_receives": {"amount": str(MUCH), "asset": ASSET}, "quantity": str(MUCH), "price": "98765432.12345678",
                "fee": "0.01", "quote_quantity": str(MONEY), "fee_asset": "USD", "value_date": "2026-09-16", "action": "CORRECT",
                "reason": "CLIENT_ERROR",
                "note": WHY, "consent": WHY, "effective_at": "2026-09-15T12:00:00Z", "house": {"name": NAME, "lei": ISSUER.lei},
                "client": {"name": NAME, "account": CODE, "lei": None}, "trade_id": DEAL, "trade_date": "2026-09-15", "version": 2,
                "booked_at": "2026-09-15T12:00:00Z", "client_order_id": "order-0123456789-0123456789-0123456789",
            },
            "digest": "ab" * 32,
        }),
    }  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def poppler() -> None:
    if shutil.which("pdftotext") is None:
        if os.environ.get("CI"):
            pytest.fail("pdftotext (poppler-utils) is not installed")
        pytest.skip("pdftotext (poppler-utils) is not installed")


def pages(document: Document) -> list[list[tuple[float, float, float, float, str]]]:
    """Each page's words with their boxes, in points."""
    told = subprocess.run(["pdftotext", "-bbox", "-", "-"], input=pdf.render(document), capture_output=True, check=True).stdout.decode()
    return [[(*map(float, one[:4]), unescape(one[4])) for one in PLACE.findall(page)] for page in told.split("<page ")[1:]]  # type: ignore[misc]


@pytest.mark.parametrize("many", [0, 1, 60])
@pytest.mark.parametrize("name", ["blotter", "statement", "invoice", "position", "confirmation"])
def test_no_word_lies_on_another_or_off_the_page(name: str, many: int) -> None:
    document = documents(many)[name]
    width, height = (842, 595) if document.landscape else (595, 842)
    for words in pages(document):
        for left, top, right, bottom, word in words:
            assert left > 30, word
            assert right < width - 30, word
            assert top > 20, word
            assert bottom < height - 10, word
        for one, other in itertools.combinations(words, 2):
            beside = one[2] <= other[0] + 0.5 or other[2] <= one[0] + 0.5
            assert beside or one[3] <= other[1] + 2 or other[3] <= one[1] + 2, (one[4], other[4])


@pytest.mark.parametrize("name", ["blotter", "statement", "invoice", "position", "confirmation"])
def test_nothing_is_cut_however_long(name: str) -> None:
    said = "".join(word for page in pages(documents(2)[name]) for *_, word in page)
    assert "…" not in said
    assert NAME.replace(" ", "")[:60] in said
    assert ("recordingofthe15thshows" in said) == (name in {"invoice", "confirmation"})


def test_a_figure_that_does_not_fit_is_smaller_or_goes_on_below() -> None:
    words = [word for page in pages(documents(1)["statement"]) for *_, word in page]
    assert "99,999,999,999,999.99" in words
    above = words.index("12,345,678.12345")
    assert "67890" in "".join(words[above + 1 : above + 8])
