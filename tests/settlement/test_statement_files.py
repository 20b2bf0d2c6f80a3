"""Banks' statement files: read whole or not at all, the line named that cannot be read, nothing twice; by other people's readers too."""

import os
from datetime import date
from decimal import Decimal as D
from pathlib import Path

import mt940 as other_mt940
import pytest
import xmlschema
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from apps.core import clock, db
from apps.settlement.models import RailCursor, Receipt, StatementImport, StatementLine
from apps.settlement.rails import files
from apps.settlement.rules.statement_file import BadFile, StatementFile
from apps.workflows.import_statement import import_statement
from tests import world
from tests.settlement import world as here

IBAN = here.ADDRESSES["EUR"][1]
SCHEMAS = Path(os.environ.get("CONFORMANCE_DIR") or "../shared/conformance") / "xsd"


def camt(entries: str, *, number: int = 1, opening: str = "1000.00", closing: str = "1250.50", head: str = "") -> str:
    """A camt.053.001.08 as a bank writes it."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
{head}<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">
 <BkToCstmrStmt>
  <GrpHdr><MsgId>M{number}</MsgId><CreDtTm>2026-09-15T06:00:00Z</CreDtTm></GrpHdr>
  <Stmt>
   <Id>S{number}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb><CreDtTm>2026-09-15T06:00:00Z</CreDtTm>
   <Acct><Id><IBAN>{IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>
   <Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{opening}</Amt><CdtDbtInd>CRDT</CdtDbtInd>
    <Dt><Dt>2026-09-14</Dt></Dt></Bal>
   <Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{closing}</Amt><CdtDbtInd>CRDT</CdtDbtInd>
    <Dt><Dt>2026-09-14</Dt></Dt></Bal>
{entries}
  </Stmt>
 </BkToCstmrStmt>
</Document>
"""


def entry(amount: str, sign: str, reference: str, *, more: str = "", domain: str = "", day: str = "2026-09-14") -> str:
    code = domain or "<Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn>"
    return f"""   <Ntry>
    <Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt>
    <AcctSvcrRef>{reference}</AcctSvcrRef><BkTxCd>{code}</BkTxCd>{more}
   </Ntry>"""


IN = entry(
    "300.50", "CRDT", "B1",
    more="<NtryDtls><TxDtls><Refs><EndToEndId>E-1</EndToEndId></Refs><RltdPties><Dbtr><Pty><Nm>ACME &amp; Sons</Nm></Pty></Dbtr>"
    "<DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct></RltdPties>"
    "<RmtInf><Ustrd>invoice</Ustrd><Ustrd>17</Ustrd></RmtInf></TxDtls></NtryDtls>",
)  # fmt: skip
CHARGE = entry("50.00", "DBIT", "B2", domain="<Domn><Cd>PMNT</Cd><Fmly><Cd>CCRD</Cd><SubFmlyCd>CHRG</SubFmlyCd></Fmly></Domn>")
DAY = camt(f"{IN}\n{CHARGE}")
MT940 = f"""{{1:F01BANKDEFFAXXX0000000000}}{{2:I940BANKDEFFXXXXN}}{{4:
:20:ST1
:25:{IBAN}
:28C:1/1
:60F:C260914EUR1000,00
:61:2609140914C300,50NTRFNONREF//B1
:86:166?00GUTSCHRIFT?20EREF+E-1?21SVWZ+invoice 17?31DE89370400440532013000?32ACME & So?33ns
:61:2609140914D50,00NCHGNONREF//B2
:86:/REMI/account fee
:62F:C260914EUR1250,50
-}}
"""
CSV = f"""account,currency,statement,date,reference,kind,amount,balance,end_to_end_id,counterparty_name,counterparty_account,remittance
{IBAN},EUR,1,2026-09-14,B1,RECEIPT,300.50,1300.50,E-1,ACME & Sons,DE89370400440532013000,invoice 17
{IBAN},EUR,1,2026-09-14,B2,CHARGE,-50.00,1250.50,,,,
"""


@pytest.mark.parametrize("text", [DAY, MT940, CSV], ids=["camt", "mt940", "csv"])
def test_three_formats_say_the_same(text: str) -> None:
    [one] = files.read(text.encode())
    assert (one.account, one.currency, one.number, one.opening, one.closing) == (IBAN, "EUR", 1, D(1000), D("1250.50"))
    first, second = one.lines
    assert (first.amount, first.kind, first.booked_on, first.reference) == (D("300.50"), "RECEIPT", date(2026, 9, 14), "B1")
    assert (first.end_to_end_id, first.counterparty_address, first.remittance) == ("E-1", "DE89370400440532013000", "invoice 17")
    assert first.counterparty_name.replace(" ", "") == "ACME&Sons"
    assert (second.amount, second.kind, second.reference) == (D(-50), "CHARGE", "B2")


def test_what_we_read_as_camt_is_camt_by_its_schema() -> None:
    found = SCHEMAS / "camt.053.001.08.xsd"
    if not found.exists():
        assert not (os.environ.get("CI") and os.environ.get("CONFORMANCE_DIR")), f"{found} is missing"
        pytest.skip("CONFORMANCE_DIR has no camt.053.001.08.xsd")
    xmlschema.XMLSchema(found).validate(DAY)


def test_another_reader_of_mt940_finds_the_same() -> None:
    theirs = other_mt940.parse(MT940)
    [ours] = files.read(MT940.encode())
    assert [D(str(one.data["amount"].amount)) for one in theirs] == [line.amount for line in ours.lines]
    assert theirs.data["final_closing_balance"].amount.amount == ours.closing
    assert [one.data["bank_reference"] for one in theirs] == [line.reference for line in ours.lines]


amounts = st.decimals("-99999.99", "99999.99", places=2).filter(bool)


@given(st.lists(amounts, max_size=8), st.decimals("-1000", "1000", places=2))
def test_mt940_of_any_amounts_is_read_to_the_cent(moves: list[D], opening: D) -> None:
    def money(amount: D) -> str:
        return f"{abs(amount):.2f}".replace(".", ",")

    def balance(amount: D) -> str:
        return f"{'D' if amount < 0 else 'C'}260914EUR{money(amount)}"

    lines = [f":61:260914{'D' if one < 0 else 'C'}{money(one)}NTRFOURS//B{n}" for n, one in enumerate(moves)]
    text = "\n".join([":20:X", f":25:{IBAN}", ":28C:7", f":60F:{balance(opening)}", *lines, f":62F:{balance(opening + sum(moves))}", ""])
    [one] = files.read(text.encode())
    assert [line.amount for line in one.lines] == moves
    assert (one.opening, one.closing, one.number) == (opening, opening + sum(moves), 7)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "file: empty"),
        ("<Document/>", "line 1: Document is of no namespace"),
        (DAY.replace("300.50", "300,50"), "line 13: '300,50' is no amount"),
        (DAY.replace("2026-09-14</Dt></BookgDt>", "2026-13-14</Dt></BookgDt>", 1), "line 13: '2026-13-14' is no date"),
        (DAY.replace('<Amt Ccy="EUR">50.00', '<Amt Ccy="USD">50.00'), "line 17: an amount in USD"),
        (DAY.replace("1250.50", "1250.51"), "opens at 1000.00, its lines make it 1250.50, it says it closes at 1250.51"),
        (DAY.replace("CLBD", "CLAV"), "no balance CLBD"),
        (DAY[: DAY.index("CLBD")], "line 10: no element found"),
        (DAY.replace("</Stmt>", "</Smt>"), "line 20: mismatched tag"),
        (camt(IN, head='<!DOCTYPE x [<!ENTITY a "b">]>\n'), "a document type or entity is declared"),
        (MT940.replace("C300,50NTRF", "C300.50NTRF"), "line 6: :61:"),
        (MT940.replace(":62F:", ":63F:"), "line 2: this statement has no field :62F:"),
        (MT940.replace("260914EUR1000,00", "26O914EUR1000,00"), "line 5: :60F:"),
        (MT940.replace("//B2", ""), "line 8: a movement without a reference"),
        (CSV.replace("1250.50", "1250.51"), "line 3: the balance is 1250.51, the lines before make it 1250.50"),
        (CSV.replace("RECEIPT", "GIFT"), "line 2: kind 'GIFT'"),
        (CSV.replace("300.50", "NaN"), "line 2: amount 'NaN' is no amount"),
        (CSV.replace("account,currency", "account;currency"), "line 1: the header is"),
        (CSV.replace("B2", "B" * 81), "line 3: reference longer than 80"),
        (CSV.replace("ACME", "AC\0ME"), "line 2: a zero byte"),
        (CSV.replace("-50.00,1250.50", "0,1300.50"), "line 3: a movement of nothing"),
        (CSV.replace("2026-09-14,B2", "2026-W38-1,B2"), "line 3: date '2026-W38-1'"),
        (CSV.replace("EUR,1,", f"EUR,{'9' * 5000},"), "line 2: a number of 5000 digits"),
        (
            CSV.replace("300.50,1300.50", f"-{10**18}.00,1300.50").replace("RECEIPT", "PAYMENT"),
            "line 2: 1000000000000001300.50: at",
        ),
        (DAY.replace("2026-09-14</Dt></BookgDt>", "0001-01-01</Dt></BookgDt>", 1), "line 14: booked on 0001-01-01, before 2000"),
        (DAY.replace("camt.053.001.08", "camt.053.001.01"), "line 2: Document is of"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_line(content: str, told: str) -> None:
    with pytest.raises(BadFile) as no:
        files.read(content.encode())
    assert told in str(no.value)


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        ("<X>" + "a\n" * 400_000 + "</X>", "X: a text of more than 4000 characters"),
        ("<X>" + "\n" * 400_000 + "</X>", "neither a statement"),
        ("<a/>" * 700_000, "too many elements"),
        ("<a>" * 100, "nested too deep"),
    ],
)
def test_a_file_made_to_keep_us_busy_is_refused_at_once(inside: str, told: str) -> None:
    """Read a line of text at a time these took hours; as much memory as a file can be made to take is bounded too."""
    head = '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">'
    with pytest.raises(BadFile) as no:
        files.read(f"{head}{inside}</Document>".encode())
    assert told in str(no.value)


def test_a_field_of_mt940_is_not_gathered_for_ever() -> None:
    with pytest.raises(BadFile, match="line 2001: :86: is longer than 4000 characters"):
        files.read(MT940.replace("account fee", "account fee\n" + "a\n" * 400_000).encode())


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_read_or_refused_in_words(content: bytes) -> None:
    for form in ("", *files.FORMATS):
        try:
            found = files.read(content, form)
        except BadFile:
            continue
        assert all(isinstance(one, StatementFile) for one in found)


@given(st.integers(0, len(DAY) - 2), st.integers(1, 12), st.sampled_from([DAY, MT940, CSV]))
def test_a_damaged_file_is_read_or_refused_in_words(at: int, many: int, text: str) -> None:
    damaged = text[:at] + text[at + many :]
    try:
        files.read(damaged.encode())
    except BadFile as no:
        assert str(no).partition(":")[0].split()[0] in {"line", "file"}


# --- into the books ---------------------------------------------------------------------------------------------------
@pytest.fixture
def house(transactional_db: None) -> None:
    clock.freeze_desk(world.NOON)
    here.open_nostro(asset="EUR")


def test_a_statement_is_booked_once_and_the_next_one_follows(house: None) -> None:
    [done] = import_statement(content=DAY.encode())
    assert (done.lines, done.new) == (2, 2)
    assert RailCursor.objects.get().balance == D("1250.50")
    assert Receipt.objects.get().status == "FINAL"
    again = [import_statement(content=text.encode())[0].new for text in (DAY, DAY.replace("<GrpHdr>", "<GrpHdr> "))]
    assert again == [0, 0]
    assert (StatementLine.objects.count(), StatementImport.objects.count()) == (2, 1)
    second = camt(entry("9.50", "CRDT", "B3"), number=2, opening="1250.50", closing="1260.00")
    assert import_statement(content=second.encode())[0].new == 1
    assert [line.balance for line in StatementLine.objects.order_by("sequence")] == [D("1300.50"), D("1250.50"), D("1260.00")]


def test_the_same_statement_in_another_format_is_not_booked_again(house: None, tmp_path: Path) -> None:
    import_statement(content=DAY.encode())
    assert import_statement(content=CSV.encode())[0].new == 0  # word for word the same
    with pytest.raises(Exception, match="opens at 1000") as no:  # the name has another blank
        import_statement(content=MT940.encode())
    assert no.value.code == "statement_missing"  # type: ignore[attr-defined]
    assert StatementLine.objects.count() == 2


def test_a_statement_that_comes_to_nothing_is_not_booked_again_in_another_format(house: None) -> None:
    """What came and what went are the same, so that its balances follow on themselves."""
    both = f"{entry('100.00', 'CRDT', 'Z1')}\n{entry('100.00', 'DBIT', 'Z2')}"
    moves = [":61:260914C100,00NTRFNONREF//Z1", ":61:260914D100,NTRFNONREF//Z2"]
    again = "\n".join([":20:X", f":25:{IBAN}", ":28C:1", ":60F:C260914EUR1000,", *moves, ":62F:C260914EUR1000,", ""])
    assert [import_statement(content=camt(both, closing=to).encode())[0].new for to in ("1000.00", "1000.0", "1000.00")] == [2, 0, 0]
    assert import_statement(content=again.encode())[0].new == 0
    assert (StatementLine.objects.count(), Receipt.objects.count()) == (2, 1)
    follows = camt(both, number=2, closing="1000.00")  # the bank says that it is another one
    assert import_statement(content=follows.encode())[0].new == 2
    assert Receipt.objects.get(quarantine_reason="DUPLICATE").amount == 100


def test_pages_of_one_statement_are_read_in_their_order(house: None) -> None:
    """MT940 cuts a long statement into messages of one number, with intermediate balances between them."""

    def page(number: int, opened: str, move: str, closed: str) -> str:
        return "\n".join([":20:X", f":25:{IBAN}", f":28C:7/{number}", opened, move, closed, ""])

    first = page(1, ":60F:C260914EUR1000,", ":61:260914C100,NTRFNONREF//P1", ":62M:C260914EUR1100,")
    second = page(2, ":60M:C260914EUR1100,", ":61:260914C50,NTRFNONREF//P2", ":62F:C260914EUR1150,")
    with pytest.raises(Exception, match="line 1: a later page of number 7, of which the page before is missing"):
        import_statement(content=second.encode())
    assert not StatementLine.objects.exists()
    assert [one.new for one in import_statement(content=(first + second).encode())] == [1, 1]
    assert [import_statement(content=one.encode())[0].new for one in (first, second)] == [0, 0]
    assert RailCursor.objects.get().balance == 1150


def test_two_charges_of_a_day_that_look_alike_are_two(house: None) -> None:
    """A bank that numbers neither its statements nor its charges: only the balance tells the second from the first, said again."""

    def charged(opening: int) -> str:
        return "\n".join(
            [":20:X", f":25:{IBAN}", f":60F:C260914EUR{opening},", ":61:260914D5,NCHGFEE", f":62F:C260914EUR{opening - 5},", ""]
        )

    taken = [import_statement(content=one.encode())[0].new for one in (charged(1000), charged(995), charged(995), charged(990))]
    assert taken == [1, 1, 0, 1]
    assert here.balances() == {"COST EUR": D(15), "NOSTRO EUR": D(-15)}


def test_a_page_that_comes_to_nothing_is_not_booked_again_in_another_writing(house: None) -> None:
    def page(number: int, opened: str, closed: str, *moves: str) -> str:
        return "\n".join([":20:X", f":25:{IBAN}", f":28C:7/{number}", opened, *moves, closed, ""])

    moves = [":61:260914C100,NTRFNONREF//P2", ":61:260914D100,NTRFNONREF//P3"]
    first = page(1, ":60F:C260914EUR1000,", ":62M:C260914EUR1100,", ":61:260914C100,NTRFNONREF//P1")
    second = page(2, ":60M:C260914EUR1100,", ":62F:C260914EUR1100,", *moves)
    other = second.replace(moves[1], f"{moves[1]}\n:86:/REMI/paid")
    assert [import_statement(content=one.encode())[0].new for one in (first, second, other)] == [1, 2, 0]


def test_a_bank_may_write_the_day_into_its_number(house: None) -> None:
    """One of a Friday and of the Monday after it do not follow one another; one of before does not come after."""
    opening, days = D(1000), {14: 202609140000000001, 15: 202609150000000001}
    for day, number in days.items():
        moved = camt(entry("1.00", "CRDT", f"D{day}"), number=number, opening=f"{opening:.2f}", closing=f"{opening + 1:.2f}")
        [done] = import_statement(content=moved.encode())
        assert (done.number, done.new) == (number, 1)
        opening += 1
    late = camt(entry("1.00", "CRDT", "D11"), number=202609110000000001, opening="1002.00", closing="1003.00")
    with pytest.raises(Exception, match="number 202609110000000001, the last one of"):
        import_statement(content=late.encode())


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (camt(entry("0.001", "CRDT", "B6"), number=2, opening="1250.50", closing="1250.501"), "bad_statement", "line 12: 0.001 has more"),
        (camt(IN, number=2, opening="1250.51", closing="1551.01"), "statement_missing", "opens at 1250.51"),
        (camt(IN.replace("B1", "B4"), number=4, opening="1250.50", closing="1551.00"), "statement_missing", "number 4"),
        (camt(entry("1", "CRDT", "B5", day="2026-09-16"), number=2, opening="1250.50", closing="1251.50"), "bad_statement", "has not come"),
        (DAY.replace(IBAN, "DE89370400440532013000"), "no_nostro", "none"),
        (DAY.replace('"EUR"', '"USD"').replace(">EUR<", ">USD<"), "bad_statement", "is kept in EUR"),
    ],
)  # fmt: skip
def test_what_does_not_follow_is_refused_and_leaves_nothing(house: None, tmp_path: Path, content: str, code: str, told: str) -> None:
    import_statement(content=DAY.encode())
    before = db.one("SELECT count(*), max(xid) FROM ledger_ledgertransaction")
    path = tmp_path / "statement"
    path.write_text(content)
    with pytest.raises(CommandError, match=f"{code}: ") as no:
        call_command("import_statement", str(path))
    assert told in str(no.value) or code == "no_nostro"
    assert db.one("SELECT count(*), max(xid) FROM ledger_ledgertransaction") == before
    assert (StatementLine.objects.count(), StatementImport.objects.count()) == (2, 1)


def test_a_bad_line_late_in_the_file_leaves_nothing_of_it(house: None) -> None:
    two = camt(f"{IN}\n{entry('1.00', 'CRDT', 'B9', day='2027-01-01')}", closing="1301.50")
    with pytest.raises(Exception, match="line 16: booked on 2027-01-01"):
        import_statement(content=two.encode())
    assert not StatementLine.objects.exists()
    assert db.one("SELECT count(*) FROM ledger_ledgertransaction") == (0,)


def test_a_notification_is_seen_and_its_statement_makes_it_final(house: None) -> None:
    told = DAY.replace("camt.053", "camt.054").replace("BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn").replace("Stmt>", "Ntfctn>")
    with pytest.raises(Exception, match="line 14: booked on 9999-12-31, which has not come"):
        import_statement(content=told.replace("2026-09-14</Dt></BookgDt>", "9999-12-31</Dt></BookgDt>").encode())
    [done] = import_statement(content=told.encode())
    assert done.new == 1
    receipt = Receipt.objects.get()
    assert receipt.status == "SEEN"
    assert db.one("SELECT count(*) FROM ledger_ledgertransaction") == (0,)
    import_statement(content=DAY.encode())
    receipt.refresh_from_db()
    assert receipt.status == "FINAL"
    assert Receipt.objects.count() == 1


def test_a_recall_takes_back_what_its_line_names(house: None) -> None:
    import_statement(content=DAY.encode())
    recall = entry("300.50", "DBIT", "B1").replace("</CdtDbtInd>", "</CdtDbtInd><RvslInd>true</RvslInd>")
    other = entry("1.00", "DBIT", "B1").replace("</CdtDbtInd>", "</CdtDbtInd><RvslInd>true</RvslInd>")
    import_statement(content=camt(f"{other}\n{recall}", number=2, opening="1250.50", closing="949.00").encode())
    assert Receipt.objects.get().status == "REVERTED"
    assert db.one("SELECT count(*) FROM events_event WHERE kind = 'statement.unexplained'") == (1,), "another amount is for a person"
    assert here.balances() == {"COST EUR": D(50), "NOSTRO EUR": D(-50)}


def test_only_operations_take_statements_in(house: None) -> None:
    sales = here.staff("sue", "sales")
    with pytest.raises(Exception, match="operations") as no:
        import_statement(content=DAY.encode(), actor=sales)
    assert no.value.code == "role_missing"  # type: ignore[attr-defined]
    assert import_statement(content=DAY.encode(), actor=here.staff("olga", "operations"))[0].new == 2
