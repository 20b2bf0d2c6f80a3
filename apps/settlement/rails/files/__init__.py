"""Statement files of banks, read whole or not at all: camt.053 and camt.054 (ISO 20022), MT940 (SWIFT) and our own CSV."""

from apps.settlement.rules.statement_file import LONGEST, BadFile, StatementFile, checked

from . import camt, mt940, table

FORMATS = ("camt", "mt940", "csv")


def read(content: bytes, form: str = "") -> list[StatementFile]:
    """The statements of a file.

    :param form: one of FORMATS; by default told from how the file begins
    :raises BadFile: it cannot be read; line and fault are named
    """
    if len(content) > LONGEST:
        raise BadFile("file", f"more than {LONGEST} bytes")
    if not content.strip():
        raise BadFile("file", "empty")
    before, zero, _ = content.partition(b"\0")
    if zero:
        raise BadFile(_line_after(before), "a zero byte")
    form = form or _guess(content)
    if form == "camt":
        found = camt.read(content)
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as no:
            raise BadFile(_line_after(content[: no.start]), "not UTF-8") from None
        found = mt940.read(text) if form == "mt940" else table.read(text)
    return [checked(one) for one in found]


def _line_after(before: bytes) -> str:
    number = before.count(b"\n") + 1
    return f"line {number}"


def _guess(content: bytes) -> str:
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:4]
    if start.startswith(b"<"):
        return "camt"
    return "mt940" if start.startswith((b"{1:", b":20:", b":20")) else "csv"
