"""camt.053 (statement) and camt.054 (notification) of ISO 20022, any version from .02 on. No declared entities, no look outside."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

from apps.settlement.rules.statement_file import BadFile, Line, StatementFile, direction, number_of

from .xml import Node, parse

_SPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.05[34]\.001\.(?!0[01])[0-9]{2}")
_AMOUNT = re.compile(r"[0-9]{1,18}(\.[0-9]{1,5})?")


def read(content: bytes) -> list[StatementFile]:
    """
    :raises BadFile: no camt.053 or camt.054, or a line in it that cannot be read
    """
    root = parse(content, _SPACE, "camt.053 or camt.054")
    statements = [*root.all("BkToCstmrStmt/Stmt"), *root.all("BkToCstmrDbtCdtNtfctn/Ntfctn")]
    if not statements:
        raise BadFile("file", "neither a statement (camt.053) nor a notification (camt.054)")
    return [_statement(one) for one in statements]


def _statement(one: Node) -> StatementFile:
    currency = one.say("Acct/Ccy") or next((a.attributes.get("Ccy", "") for a in one.all("Bal/Amt")), "")
    currency = currency or next((a.attributes.get("Ccy", "") for a in one.all("Ntry/Amt")), "")
    account = one.say("Acct/Id/IBAN", "Acct/Id/Othr/Id")
    if not account:
        raise BadFile(f"line {one.line}", "no account is named")
    opening = closing = closed_on = None
    if one.name == "Stmt":
        opening = _signed(_balance(one, "OPBD", "PRCD"), currency)
        closed = _balance(one, "CLBD")
        closing, day = _signed(closed, currency), closed.first("Dt/Dt", "Dt/DtTm")
        closed_on = _moment(day)[0] if day is not None else None
    number = one.say("ElctrncSeqNb", "LglSeqNb")
    return StatementFile(
        place=f"line {one.line}",
        account=account,
        currency=currency,
        number=number_of(number, f"line {one.line}"),
        opening=opening,
        closing=closing,
        lines=tuple(line for entry in one.all("Ntry") if _is_booked(entry) for line in _entry(entry, currency)),
        closed_on=closed_on,
    )


def _is_booked(entry: Node) -> bool:
    return entry.say("Sts/Cd", "Sts") in {"BOOK", ""}


def _balance(one: Node, *codes: str) -> Node:
    for code in codes:
        for balance in one.all("Bal"):
            if balance.say("Tp/CdOrPrtry/Cd") == code:
                return balance
    raise BadFile(f"line {one.line}", f"no balance {' or '.join(codes)}")


def _signed(node: Node, currency: str) -> Decimal:
    amount = _amount(node.need("Amt"), currency)
    sign = node.need("CdtDbtInd")
    if sign.text.strip() not in {"CRDT", "DBIT"}:
        raise BadFile(f"line {sign.line}", f"CdtDbtInd {sign.text.strip()!r}: CRDT or DBIT")
    return amount if sign.text.strip() == "CRDT" else -amount


def _amount(node: Node, currency: str) -> Decimal:
    if not _AMOUNT.fullmatch(node.text.strip()):
        raise BadFile(f"line {node.line}", f"{node.text.strip()[:40]!r} is no amount")
    if node.attributes.get("Ccy") != currency:
        raise BadFile(f"line {node.line}", f"an amount in {node.attributes.get('Ccy', 'no currency')}, the account is in {currency}")
    return Decimal(node.text.strip())


def _entry(entry: Node, currency: str) -> Iterator[Line]:
    """One line an entry; where the bank books a batch in one sum, one line each of its transactions."""
    total = _signed(entry, currency)
    if not total:
        return
    booked = entry.first("BookgDt/DtTm", "BookgDt/Dt", "ValDt/DtTm", "ValDt/Dt")
    if booked is None:
        raise BadFile(f"line {entry.line}", "an entry without a date")
    on, at = _moment(booked)
    reversal = entry.say("RvslInd") == "true" or entry.first("NtryDtls/TxDtls/RtrInf") is not None
    charge = "CHRG" in {entry.say("BkTxCd/Domn/Fmly/SubFmlyCd"), entry.say("BkTxCd/Domn/Fmly/Cd"), entry.say("BkTxCd/Prtry/Cd")}
    details = list(entry.all("NtryDtls/TxDtls"))
    parts: list[tuple[Node, Decimal]] = [(details[0] if details else entry, total)]
    if len(details) > 1:
        sign = 1 if total > 0 else -1
        parts = [(one, sign * _amount(one.first("Amt") or one.need("AmtDtls/TxAmt/Amt"), currency)) for one in details]
        if sum((amount for _, amount in parts), Decimal(0)) != total:
            raise BadFile(f"line {entry.line}", f"its {len(parts)} transactions do not sum to {total}")
    for number, (one, amount) in enumerate(parts, 1):
        reference = entry.say("AcctSvcrRef") or one.say("Refs/AcctSvcrRef") or entry.say("NtryRef")
        if not reference:
            raise BadFile(f"line {entry.line}", "an entry without a reference of the bank")
        other = "Dbtr" if amount > 0 else "Cdtr"
        end_to_end = one.say("Refs/EndToEndId")
        yield Line(
            place=f"line {one.line}",
            amount=amount,
            booked_on=on,
            booked_at=at,
            reference=reference if len(parts) == 1 else f"{reference}/{number}",
            kind=direction(amount, reversal=reversal, charge=charge),
            end_to_end_id="" if end_to_end == "NOTPROVIDED" else end_to_end,
            counterparty_name=one.say(f"RltdPties/{other}/Pty/Nm", f"RltdPties/{other}/Nm"),
            counterparty_address=one.say(f"RltdPties/{other}Acct/Id/IBAN", f"RltdPties/{other}Acct/Id/Othr/Id"),
            remittance=" ".join(u.text.strip() for u in one.all("RmtInf/Ustrd"))
            or one.say("RmtInf/Strd/CdtrRefInf/Ref")
            or one.say("RtrInf/Rsn/Cd")
            or entry.say("AddtlNtryInf"),
        )


def _moment(node: Node) -> tuple[date, datetime | None]:
    text = node.text.strip()
    try:
        if node.name == "Dt":
            return date.fromisoformat(text[:10]), None
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadFile(f"line {node.line}", f"{text[:40]!r} is no date") from None
    return at.date(), at if at.tzinfo is not None else at.replace(tzinfo=UTC)
