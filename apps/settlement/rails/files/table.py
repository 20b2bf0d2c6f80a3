"""Our own CSV for banks that send neither camt nor MT940: one statement, a line a movement, with the balance after it."""

import csv
import io
import re
from datetime import date
from decimal import Decimal

from apps.settlement.rules.statement_file import BadFile, Line, StatementFile, number_of

COLUMNS = (
    "account", "currency", "statement", "date", "reference", "kind", "amount", "balance", "end_to_end_id", "counterparty_name",
    "counterparty_account", "remittance",
)  # fmt: skip
KINDS = ("PAYMENT", "RECEIPT", "RETURN", "CHARGE")
_AMOUNT = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,18})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read(text: str) -> list[StatementFile]:
    """
    :raises BadFile: another header, a line with a field too many, too few or unreadable, a balance that does not run
    """
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: list[Line] = []
    first: list[str] = []
    opening = running = Decimal(0)
    try:
        if tuple(next(rows, ())) != COLUMNS:
            raise BadFile("line 1", f"the header is {','.join(COLUMNS)}")
        for row in rows:
            if not row:
                continue
            place = f"line {rows.line_num}"
            if len(row) != len(COLUMNS):
                raise BadFile(place, f"{len(row)} fields, {len(COLUMNS)} are expected")
            amount, balance = _decimal(row[6], place, "amount"), _decimal(row[7], place, "balance")
            if not first:
                first, opening, running = row, balance - amount, balance - amount
            if row[:3] != first[:3]:
                raise BadFile(place, "account, currency or statement is another one: one statement a file")
            running += amount
            if running != balance:
                raise BadFile(place, f"the balance is {balance}, the lines before make it {running}")
            lines.append(_line(row, place, amount))
    except csv.Error as no:
        raise BadFile(f"line {rows.line_num}", str(no)) from None
    if not first:
        raise BadFile("line 1", "no lines")
    if first[2] and not (first[2].isascii() and first[2].isdigit()):
        raise BadFile("line 2", f"statement {first[2]!r} is no number")
    return [
        StatementFile(
            place="line 2",
            account=first[0],
            currency=first[1],
            number=number_of(first[2], "line 2"),
            opening=opening,
            closing=running,
            lines=tuple(lines),
            closed_on=lines[-1].booked_on,
        )
    ]


def _line(row: list[str], place: str, amount: Decimal) -> Line:
    try:
        on = date.fromisoformat(row[3] if _DATE.fullmatch(row[3]) else "")
    except ValueError:
        raise BadFile(place, f"date {row[3][:40]!r}: YYYY-MM-DD") from None
    if row[5] not in KINDS:
        raise BadFile(place, f"kind {row[5]!r}: one of {', '.join(KINDS)}")
    if row[5] != "RETURN" and (amount > 0) != (row[5] == "RECEIPT"):
        raise BadFile(place, f"a {row[5]} of {amount}")
    if not row[4]:
        raise BadFile(place, "no reference of the bank")
    return Line(
        place=place,
        amount=amount,
        booked_on=on,
        reference=row[4],
        kind=row[5],
        end_to_end_id=row[8],
        counterparty_name=row[9],
        counterparty_address=row[10],
        remittance=row[11],
    )


def _decimal(text: str, place: str, name: str) -> Decimal:
    if not _AMOUNT.fullmatch(text):
        raise BadFile(place, f"{name} {text[:40]!r} is no amount")
    return Decimal(text)
