"""A bank spoken to in files: what we write holds against the schema, what it answers is read per payment, and an independent bank pays."""

import json
import os
import re
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from django.core.exceptions import ImproperlyConfigured
from mockbank.server import Config, make_server

from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.models import Receipt, StatementLine
from apps.settlement.rails.bank_files import BankFiles, Folders
from apps.settlement.rails.base import Outcome, Payment, Place
from apps.settlement.rails.files import pain
from apps.settlement.rules.statement_file import BadFile
from apps.workflows.onboard_client import Instruction
from flowdesk import banks
from tests import world
from tests.settlement import world as here
from tests.settlement.test_kills import after, before, in_a_worker

SCHEMAS = Path(os.environ.get("CONFORMANCE_DIR") or "../shared/conformance") / "xsd"
NOW = datetime(2026, 9, 15, 9, 0, tzinfo=UTC)


def order(*payments: Payment) -> pain.Order:
    return pain.Order("FD01", NOW, "Flowdesk Ltd", "DE02120300000000202051", "BYLADEM1001", "EUR", date(2026, 9, 15), payments)


def payment(key: str = "FD01", amount: str = "1250.00", name: str = "Müller & Söhne <GmbH>", to: str = "NL84MOCK0000000003") -> Payment:
    return Payment(key, D(amount), name, to, "INV 1 & 2")


def status(group: str, *payments: tuple[str, str, str], original: str = "FD01", reason: str = "") -> bytes:
    """A pain.002 as a bank writes it."""
    why = "<StsRsnInf><Rsn><Cd>{}</Cd></Rsn></StsRsnInf>"
    told = "".join(
        f"<TxInfAndSts><OrgnlEndToEndId>{key}</OrgnlEndToEndId><TxSts>{said}</TxSts>{why.format(code) if code else ''}</TxInfAndSts>"
        for key, said, code in payments
    )
    batch = f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{original}</OrgnlPmtInfId>{told}</OrgnlPmtInfAndSts>" if told else ""
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt><GrpHdr><MsgId>B1</MsgId>'
        f"<CreDtTm>2026-10-01T09:00:00Z</CreDtTm></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>{original}</OrgnlMsgId>"
        f"<OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>{f'<GrpSts>{group}</GrpSts>' if group else ''}"
        f"{why.format(reason) if reason else ''}</OrgnlGrpInfAndSts>{batch}</CstmrPmtStsRpt></Document>"
    ).encode()


# --- what we write ----------------------------------------------------------------------------------------------------
def test_a_payment_file_is_valid_against_the_published_schema() -> None:
    """pain.001.001.12 only: neither another version that we write nor the pain.002 that the tests below write is held against a schema."""
    schema = SCHEMAS / "pain.001.001.12.xsd"
    if not schema.exists():
        assert not (os.environ.get("CI") and os.environ.get("CONFORMANCE_DIR")), f"{schema} is missing"
        pytest.skip("CONFORMANCE_DIR has no pain.001.001.12.xsd")
    content = pain.write(order(payment(), payment("FD02", "0.01", "Jane", "021000021-3001")))
    xmlschema.XMLSchema(str(schema)).validate(content.decode())
    assert b"<CtrlSum>1250.01</CtrlSum>" in content
    assert "Müller &amp; Söhne &lt;GmbH&gt;".encode() in content


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (payment(amount="0"), "FD01: amount 0"),
        (payment(amount="1.000001"), "FD01: amount 1.000001"),
        (payment(name="\x00 "), "FD01: beneficiary"),
        (payment(to="x" * 35), "FD01: account"),
        (payment(key="FD01§"), "FD01§: key"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_before_anything_leaves(bad: Payment, told: str) -> None:
    with pytest.raises(BadFile, match=told):
        pain.write(order(bad))


# --- what the bank says -----------------------------------------------------------------------------------------------
def test_each_payment_has_its_own_answer() -> None:
    said = status("PART", ("FD01", "ACSC", ""), ("FD02", "RJCT", "AC04"), ("FD03", "PDNG", ""))
    report = pain.read_status(said)
    told = [report.of("FD01", key) for key in ("FD01", "FD02", "FD03", "FD09")]
    assert [None if one is None else (one.outcome, one.reason) for one in told] == [
        (Outcome.ACCEPTED, ""),
        (Outcome.REJECTED, "AC04"),
        (Outcome.UNKNOWN, "PDNG: not decided"),
        None,
    ]


def test_a_file_refused_whole_refuses_its_payments_and_no_others() -> None:
    report = pain.read_status(status("RJCT", reason="FF01"))
    refused = report.of("FD01", "FD01")
    assert refused is not None
    assert (refused.outcome, refused.reason) == (Outcome.REJECTED, "FF01")
    assert report.of("FD02", "FD02") is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<a>", "line 1: a is of no namespace"),
        (status("WHAT"), "line 1: status 'WHAT'"),
        (status("PART"), "neither a status of the file nor of a payment"),
        (status("ACCP", ("FD01", "ACCP", ""), ("FD01", "RJCT", "")), "'FD01' is told twice"),
        (status("ACCP").replace(b"<OrgnlMsgId>FD01</OrgnlMsgId>", b""), "OrgnlGrpInfAndSts has no OrgnlMsgId"),
        (status("ACCP")[:-20], "line 1: "),
        (b'<!DOCTYPE x [<!ENTITY a "b">]>' + status("ACCP"), "a document type or entity is declared"),
    ],
)
def test_a_report_that_cannot_be_read_names_its_place_and_tells_nothing(content: bytes, told: str) -> None:
    with pytest.raises(BadFile, match=told):
        pain.read_status(content)


# --- folders ----------------------------------------------------------------------------------------------------------
def test_a_file_is_handed_over_once_and_whole(tmp_path: Path) -> None:
    door = Folders(str(tmp_path / "out"), str(tmp_path / "in"))
    for folder in ("out", "in"):
        (tmp_path / folder).mkdir()
    door.put("FD01.xml", b"one")
    door.put("FD01.xml", b"two")
    assert [(one.name, one.read_bytes()) for one in (tmp_path / "out").iterdir()] == [("FD01.xml", b"one")]
    (tmp_path / "in" / ".half").write_bytes(b"x")
    (tmp_path / "in" / "b1").write_bytes(b"y")
    assert list(door.files()) == [b"y"]


# --- an independent bank, over loopback -------------------------------------------------------------------------------
class Loopback:
    """mock-bank's own door."""

    def __init__(self, url: str) -> None:
        self.url = url

    def call(self, method: str, path: str, body: bytes = b"") -> Any:
        request = urllib.request.Request(self.url + path, data=body or None, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:  # 422: the file is refused, which its pain.002 says too
            return json.loads(refused.read())

    def put(self, name: str, content: bytes) -> None:
        self.call("POST", "/payments", content)

    def files(self) -> Sequence[bytes]:
        self.call("GET", "/_mock/mailbox?leave")  # what is due is released
        return [self.call_raw(f"/_mock/mailbox/{one['id']}") for one in self.call("GET", "/_mock/messages")]

    def call_raw(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return bytes(answer.read())


class MockBank(BankFiles):
    """The rail as it is, with another door."""

    way: Loopback

    def door(self, place: Place) -> Loopback:
        return self.way


ELSEWHERE, CLOSED = "DE89370400440532013000", "NL84MOCK0000000003"  # at another bank, and one that the bank holds
OURS = here.ADDRESSES["EUR"][1]


@pytest.fixture
def bank(settings: Any) -> Iterator[Loopback]:
    """It runs on its own clock, from the tests' own Tuesday on."""
    server = make_server(Config(port=0, quiet=True, clock="2026-09-15T09:00"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        MockBank.way = Loopback(f"http://127.0.0.1:{server.server_address[1]}")
        account = {"id": "FLOW", "name": "Flowdesk Ltd", "iban": OURS, "bic": "MOCKNL2A", "currency": "EUR", "balance": 10_000_000_00}
        MockBank.way.call("POST", "/_mock/accounts", json.dumps(account).encode())
        settings.BANK_FILES = {"target-eur": {"name": "Flowdesk Ltd", "version": "001.001.09"}}
        yield MockBank.way
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_an_independent_bank_takes_refuses_and_books_each_once(bank: Loopback) -> None:
    rail, place = MockBank(), Place("target-eur", OURS, "EUR")
    assert rail.send(place, payment("FDA1", to=ELSEWHERE), now=NOW).outcome is Outcome.ACCEPTED
    again = rail.send(place, payment("FDA1", to=ELSEWHERE), now=NOW)
    assert again.outcome is Outcome.ACCEPTED  # the second file of the name is refused, the payment is not
    assert rail.status(place, "FDZZ", now=NOW).outcome is Outcome.UNKNOWN
    refused = rail.send(place, payment("FDA2", "10.00", to=CLOSED), now=NOW)
    assert (refused.outcome, refused.reason[:4]) == (Outcome.REJECTED, "AC04")
    bank.call("POST", "/_mock/advance?days=3")
    booked = rail.statement(place, after=0, now=NOW)
    assert [(one.sequence, one.end_to_end_id, one.amount, one.kind) for one in booked.entries] == [(1, "FDA1", D("-1250.00"), "PAYMENT")]
    assert booked.balance == booked.entries[0].balance == D("9998750.00")
    assert rail.statement(place, after=1, now=NOW).entries == ()


def test_a_statement_with_a_hole_is_not_read(bank: Loopback) -> None:
    rail, place = MockBank(), Place("target-eur", OURS, "EUR")
    bank.call("PATCH", "/_mock/accounts/FLOW", b'{"behaviour": "statement-gap"}')
    rail.send(place, payment("FDA1", to=ELSEWHERE), now=NOW)
    bank.call("POST", "/_mock/advance?days=3")
    with pytest.raises(BadFile, match="its lines make it"):
        rail.statement(place, after=0, now=NOW)


def of_day(day: int, number: int | None, opening: int, *moves: int) -> bytes:
    """A camt.053, as a bank of our own would write it."""
    entries = "".join(
        f'<Ntry><Amt Ccy="EUR">{abs(one)}</Amt><CdtDbtInd>{"CRDT" if one > 0 else "DBIT"}</CdtDbtInd>'
        f"<BookgDt><Dt>2026-09-{day:02}</Dt></BookgDt><AcctSvcrRef>B{day}-{place}</AcctSvcrRef></Ntry>"
        for place, one in enumerate(moves)
    )
    balances = "".join(
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
        f"<Dt><Dt>2026-09-{day:02}</Dt></Dt></Bal>"
        for code, amount in (("OPBD", opening), ("CLBD", opening + sum(moves)))
    )
    named = "" if number is None else f"<ElctrncSeqNb>{number}</ElctrncSeqNb>"
    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt>{named}'
        f"<Acct><Id><IBAN>{OURS}</IBAN></Id></Acct>{balances}{entries}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


@pytest.mark.parametrize("numbers", [(None, None, None), (364, 365, 1)], ids=["of a bank that gives none", "over New Year"])
def test_statements_are_read_day_after_day_whatever_their_numbers(settings: Any, tmp_path: Path, numbers: tuple[int | None, ...]) -> None:
    settings.BANK_FILES = {"target-eur": {"name": "Flowdesk Ltd", "out": str(tmp_path), "in": str(tmp_path)}}
    days = [of_day(1, numbers[0], 100, 5), of_day(2, numbers[1], 105, 7, -2), of_day(3, numbers[2], 110)]
    for name, content in zip("cab", days, strict=True):
        (tmp_path / name).write_bytes(content)
    told = BankFiles().statement(Place("target-eur", OURS, "EUR"), after=1, now=NOW)
    assert [(one.sequence, one.amount) for one in told.entries] == [(2, D(7)), (3, D(-2))]
    assert told.balance == 110


def test_two_statements_of_a_day_that_have_no_number_are_both_read(settings: Any, tmp_path: Path) -> None:
    settings.BANK_FILES = {"target-eur": {"name": "Flowdesk Ltd", "out": str(tmp_path), "in": str(tmp_path)}}
    noon, evening = of_day(1, None, 100, 5), of_day(1, None, 105, -2)
    for name, content in (("a", noon), ("b", evening), ("c", noon)):  # the bank sends one again
        (tmp_path / name).write_bytes(content)
    told = BankFiles().statement(Place("target-eur", OURS, "EUR"), after=0, now=NOW)
    assert ([one.amount for one in told.entries], told.balance) == ([D(5), D(-2)], 103)


@pytest.mark.django_db(transaction=True)
def test_a_statement_that_comes_after_a_later_one_stops_the_reading_and_books_nothing(settings: Any, tmp_path: Path) -> None:
    """Read at its place it would move all lines after it: they would be taken for new ones, and its own never read."""
    settings.BANK_FILES = {"target-eur": {"name": "Flowdesk Ltd", "out": str(tmp_path), "in": str(tmp_path)}}
    settings.RAILS = {**settings.RAILS, "target-eur": "apps.settlement.rails.bank_files.BankFiles"}
    clock.freeze_desk(world.NOON)
    here.open_nostro(asset="EUR")
    (tmp_path / "second").write_bytes(of_day(2, 2, 105, 7))
    jobs.poll_rails()
    (tmp_path / "first").write_bytes(of_day(1, 1, 100, 5))
    for _ in range(2):
        jobs.poll_rails()
    assert list(StatementLine.objects.values_list("sequence", "reference")) == [(1, "B2-0")]
    assert Receipt.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_deal_is_settled_by_the_independent_bank_and_nothing_is_paid_twice(bank: Loopback, settings: Any) -> None:
    settings.RAILS = {**settings.RAILS, "target-eur": f"{__name__}.MockBank"}
    ours = here.open_house("BTC", "EUR")["EUR"]
    acme = world.firm("acme", instructions=(Instruction("target-eur", "EUR", ELSEWHERE),))
    here.deal(acme, Side.SELL, "1", pair="BTC-EUR")
    here.fall_due(acme)
    (one,) = settlement.list_instructions(SYSTEM).filter(direction="PAY")
    here.release(one.id)
    for _ in range(2):  # a task that is delivered twice
        jobs.send_released()
    assert settlement.get_instruction(one.id, actor=SYSTEM).status == "SENT"
    assert [p["end_to_end_id"] for p in bank.call("GET", "/_mock/payments")] == [one.end_to_end_id]
    bank.call("POST", "/_mock/advance?days=4")
    for _ in range(2):
        jobs.poll_rails()
    done = settlement.get_instruction(one.id, actor=SYSTEM)
    assert (done.status, done.settled_amount) == ("SETTLED", one.amount)
    assert here.balances()["NOSTRO EUR"] == here.CAPITAL["EUR"] - one.amount
    assert "IN_TRANSIT EUR" not in here.balances()
    assert ours.address == OURS


@pytest.mark.drill
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("has_it", [True, False])
def test_a_sender_killed_around_the_bank_never_pays_twice(bank: Loopback, settings: Any, has_it: bool) -> None:
    settings.RAILS = {**settings.RAILS, "target-eur": f"{__name__}.MockBank"}
    here.open_house("BTC", "EUR")
    acme = world.firm("acme", instructions=(Instruction("target-eur", "EUR", ELSEWHERE),))
    here.deal(acme, Side.SELL, "1", pair="BTC-EUR")
    here.fall_due(acme)
    (one,) = settlement.list_instructions(SYSTEM).filter(direction="PAY")
    here.release(one.id)
    killed = after(MockBank, "send") if has_it else before(MockBank, "send")
    assert in_a_worker(killed, jobs.send_released) == signal.SIGKILL
    db.run("UPDATE settlement_instruction SET sending_since = sending_since - interval '3 minutes' WHERE status = 'SENDING'")
    for _ in range(2):
        jobs.run_all()
    bank.call("POST", "/_mock/advance?days=4")
    jobs.run_all()
    assert len(bank.call("GET", "/_mock/payments")) == has_it
    # Silence of a bank proves nothing: what never left waits for two people with evidence.
    assert settlement.get_instruction(one.id, actor=SYSTEM).status == ("SETTLED" if has_it else "UNKNOWN")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "BANK_FILES: an object of banks"),
        ({"x": "y"}, "BANK_FILES, x: an object of texts"),
        ({"x": {"name": "Flowdesk Ltd", "in": "/"}}, "BANK_FILES, x: out missing"),
        ({"x": {"name": "Flowdesk Ltd", "in": "/", "out": "/", "bik": "?"}}, "BANK_FILES, x: bik unknown"),
        ({"x": {"name": "Flowdesk Ltd", "in": "/", "out": "/not/there"}}, "BANK_FILES, x: out is no folder: /not/there"),
    ],
)
def test_a_setting_that_is_none_is_named(given: Any, said: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=re.escape(said)):
        banks.read(given)
    assert banks.read({"x": {"name": "Flowdesk Ltd", "in": "/", "out": "/"}})["x"]["in"] == "/"
