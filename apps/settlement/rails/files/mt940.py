"""MT940 of SWIFT, with or without its envelope; what :86: says by /TAG/ or ?NN as banks do."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from apps.settlement.rules.statement_file import BadFile, Line, StatementFile, direction, number_of, one_line

_TAG = re.compile(r":(\d\d[A-Z]?):(.*)")
_BALANCE = re.compile(r"([CD])(\d{6})([A-Z]{3})(\d{1,15},\d{0,5})")
# value date, booking day, mark (R: a reversal), funds code, amount, kind, our reference, the bank's
_MOVE = re.compile(r"(\d{6})(\d{4})?(R?[CD])([A-Z])?(\d{1,15},\d{0,5})([NSF][A-Z0-9]{3})(.{0,16}?)(?://(.{0,34}))?")
_FIELD = re.compile(r"\?(\d\d)")
_SLASH = re.compile(r"/([A-Z]{3,5})/")
_LONGEST_FIELD = 4_000  # characters; SWIFT has none longer than 800
_PLUS = re.compile(r"(EREF|KREF|SVWZ|IBAN|ABWA)\+")


@dataclass(slots=True)
class _Tag:
    line: int
    name: str
    text: str


def read(text: str) -> list[StatementFile]:
    """
    :raises BadFile: a tag that is missing, out of place or unreadable
    """
    out: list[StatementFile] = []
    message: list[_Tag] = []
    for tag in _tags(text):
        if tag.name == "20" and message:
            out.append(_statement(message))
            message = []
        message.append(tag)
    if not message:
        raise BadFile("line 1", "no field :20:")
    return [*out, _statement(message)]


def _tags(text: str) -> list[_Tag]:
    out: list[_Tag] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"^\{1:.*\{4:", "", raw).rstrip()
        if not line or line.startswith(("-}", "{1:", "{5:")) or line == "-":
            continue
        found = _TAG.fullmatch(line)
        if found is not None:
            out.append(_Tag(number, found[1], found[2]))
        elif out:
            out[-1].text += "\n" + line
            if len(out[-1].text) > _LONGEST_FIELD:
                raise BadFile(f"line {number}", f":{out[-1].name}: is longer than {_LONGEST_FIELD} characters")
        else:
            raise BadFile(f"line {number}", f"{line[:40]!r} stands before any field")
    return out


def _statement(message: list[_Tag]) -> StatementFile:
    first = message[0]
    if first.name != "20":
        raise BadFile(f"line {first.line}", f"a statement begins with :20:, not :{first.name}:")
    account = _need(message, "25")
    opened, closed = _need(message, "60F", "60M"), _need(message, "62F", "62M")
    opening, currency, _ = _balance(opened)
    closing, other, closed_on = _balance(closed)
    if other != currency:
        raise BadFile(f"line {closed.line}", f"closes in {other}, opened in {currency}")
    number = next((tag.text.partition("/")[0] for tag in message if tag.name in {"28C", "28"}), "")
    lines: list[Line] = []
    for tag, after in zip(message, [*message[1:], None], strict=True):
        if tag.name == "61":
            lines.append(_move(tag, after if after is not None and after.name == "86" else None))
    return StatementFile(
        place=f"line {first.line}",
        account=account.text.strip().rpartition("/")[2],
        currency=currency,
        number=number_of(number, f"line {first.line}"),
        opening=opening,
        closing=closing,
        lines=tuple(lines),
        closed_on=closed_on,
        continues=opened.name == "60M",
    )


def _need(message: list[_Tag], *names: str) -> _Tag:
    found = next((tag for tag in message if tag.name in names), None)
    if found is None:
        raise BadFile(f"line {message[0].line}", f"this statement has no field :{names[0]}:")
    return found


def _balance(tag: _Tag) -> tuple[Decimal, str, date]:
    found = _BALANCE.fullmatch(tag.text.strip())
    if found is None:
        raise BadFile(f"line {tag.line}", f":{tag.name}: {tag.text[:40]!r} is no balance")
    amount = Decimal(found[4].replace(",", "."))
    return amount if found[1] == "C" else -amount, found[3], _date(found[2], tag)


def _move(tag: _Tag, told: _Tag | None) -> Line:
    found = _MOVE.fullmatch(tag.text.partition("\n")[0].strip())
    if found is None:
        raise BadFile(f"line {tag.line}", f":61: {tag.text[:60]!r} is no movement")
    value, booked, mark, _, amount, kind, ours, banks = found.groups()
    on = _date(value, tag)
    if booked:  # the booking day has no year: it is the nearest one
        days = [
            _date(f"{year % 100:02d}{booked}", tag) for year in (on.year - 1, on.year, on.year + 1) if booked != "0229" or year % 4 == 0
        ]
        on = min(days, key=lambda day: abs((day - on).days))
    sign = -1 if mark in {"D", "RC"} else 1  # RD takes a debit back: money comes in
    total = sign * Decimal(amount.replace(",", "."))
    if not total:
        raise BadFile(f"line {tag.line}", "a movement of nothing")
    words = _words(told.text if told is not None else "")
    reference = (banks or "").strip() or (ours or "").strip()
    if not reference or reference == "NONREF":
        raise BadFile(f"line {tag.line}", "a movement without a reference of the bank")
    end_to_end = words.get("EREF") or ("" if (ours or "").strip() in {"NONREF", ""} else (ours or "").strip())
    return Line(
        place=f"line {tag.line}",
        amount=total,
        booked_on=on,
        reference=reference,
        kind=direction(total, reversal=mark.startswith("R") or kind == "NRTI", charge=kind in {"NCHG", "NCOM"}),
        end_to_end_id="" if end_to_end == "NOTPROVIDED" else end_to_end[:35],
        counterparty_name=words.get("NAME", ""),
        counterparty_address=words.get("IBAN", ""),
        remittance=words.get("REMI", ""),
    )


def _date(text: str, tag: _Tag) -> date:
    try:
        return date(2000 + int(text[:2]), int(text[2:4]), int(text[4:6]))
    except ValueError:
        raise BadFile(f"line {tag.line}", f"{text} is no date") from None


def _words(text: str) -> dict[str, str]:
    """EREF, NAME, IBAN and REMI of a field :86:."""
    flat = text.replace("\n", "")
    if _FIELD.search(flat):
        parts = _FIELD.split(flat)
        fields = list(zip(parts[1::2], parts[2::2], strict=True))
        purpose = "".join(words for code, words in fields if code.startswith(("2", "6")))
        tagged = _PLUS.split(purpose)
        out = dict(zip(tagged[1::2], (one.strip() for one in tagged[2::2]), strict=True))
        out["REMI"] = out.get("SVWZ", one_line([tagged[0]]))
        out["NAME"] = one_line(["".join(words for code, words in fields if code in {"32", "33"})])
        out["IBAN"] = out.get("IBAN") or "".join(words for code, words in fields if code == "31").strip()
        return out
    parts = _SLASH.split(flat)
    out = dict(zip(parts[1::2], (one.strip("/ ") for one in parts[2::2]), strict=True))
    out.setdefault("REMI", one_line([text]) if len(parts) == 1 else "")
    for name in ("BENM", "ORDP"):
        out.setdefault("NAME", out.get(name, ""))
    return out
