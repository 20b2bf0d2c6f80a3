"""pain.001 (payments handed to a bank) and pain.002 (what it says to each of them) of ISO 20022."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from xml.sax.saxutils import escape

from stdnum import iban

from apps.core import money
from apps.settlement.rules.rail import Answer, Outcome, Payment
from apps.settlement.rules.statement_file import LONGEST, BadFile

from .xml import Node, parse

VERSIONS = ("001.001.09", "001.001.12")
_SPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:pain\.002\.001\.\d\d")
_ID = re.compile(r"[A-Za-z0-9/?:().,'+ -]{1,35}")
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_UNFIT = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# ExternalPaymentTransactionStatus1Code: what settles it for us, either way. The rest is still on its way.
_TAKEN = frozenset({"ACCP", "ACSP", "ACWC", "ACWP", "ACSC", "ACCC", "ACFC"})
_REFUSED = frozenset({"RJCT", "CANC"})
_PENDING = frozenset({"RCVD", "ACTC", "PDNG", "PART", "PATC", "BLCK", "PRES"})
# A second file of the same name is refused for that alone: it says nothing about the first.
_AGAIN = frozenset({"DUPL", "AM05", "DU01", "DU02", "DU03", "DU04", "DU05"})


@dataclass(frozen=True, slots=True)
class Order:
    """Payments from one account of ours, to be executed on one day."""

    message_id: str
    made_at: datetime
    debtor_name: str
    debtor_account: str
    debtor_bic: str
    currency: str
    execute_on: date
    payments: Sequence[Payment]


def write(order: Order, version: str = VERSIONS[-1]) -> bytes:
    """A pain.001 file, valid against the schema of `version`.

    :raises BadFile: something in it does not fit into the message; payment and field are named
    """
    assert version in VERSIONS, version
    if not order.payments:
        raise BadFile(order.message_id, "no payment")
    total = money.text(sum((p.amount for p in order.payments), Decimal(0)))
    counted = f"<NbOfTxs>{len(order.payments)}</NbOfTxs><CtrlSum>{total}</CtrlSum>"
    name = _words(order.debtor_name, 140, order.message_id, "our name")
    message = _fit(_ID, order.message_id, order.message_id, "message id")
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.{version}"><CstmrCdtTrfInitn>',
        f"<GrpHdr><MsgId>{message}</MsgId><CreDtTm>{order.made_at.astimezone(UTC).isoformat(timespec='seconds')}</CreDtTm>{counted}"
        f"<InitgPty><Nm>{name}</Nm></InitgPty></GrpHdr>",
        f"<PmtInf><PmtInfId>{message}</PmtInfId><PmtMtd>TRF</PmtMtd><BtchBookg>false</BtchBookg>{counted}"
        f"<ReqdExctnDt><Dt>{order.execute_on.isoformat()}</Dt></ReqdExctnDt><Dbtr><Nm>{name}</Nm></Dbtr>"
        f"<DbtrAcct>{_account(order.debtor_account, order.message_id)}<Ccy>{_fit(_CURRENCY, order.currency, message, 'currency')}</Ccy>"
        f"</DbtrAcct><DbtrAgt>{_bank(order.debtor_bic, order.message_id)}</DbtrAgt>",
        *(_payment(one, order.currency) for one in order.payments),
        "</PmtInf></CstmrCdtTrfInitn></Document>",
    ]
    return "\n".join(lines).encode()


_CURRENCY = re.compile(r"[A-Z]{3}")


def _payment(one: Payment, currency: str) -> str:
    amount = money.text(one.amount)
    if one.amount <= 0 or money.scale_of(one.amount) > 5 or len(amount.replace(".", "")) > 18:
        raise BadFile(one.key, f"amount {amount}: above zero, 18 digits, 5 of them decimals at most")
    told = f"<RmtInf><Ustrd>{_words(one.remittance, 140, one.key, 'remittance')}</Ustrd></RmtInf>" if one.remittance else ""
    return (
        f"<CdtTrfTxInf><PmtId><InstrId>{_fit(_ID, one.key, one.key, 'key')}</InstrId><EndToEndId>{one.key}</EndToEndId></PmtId>"
        f'<Amt><InstdAmt Ccy="{currency}">{amount}</InstdAmt></Amt>'
        f"<Cdtr><Nm>{_words(one.beneficiary_name, 140, one.key, 'beneficiary')}</Nm></Cdtr>"
        f"<CdtrAcct>{_account(one.beneficiary_address, one.key)}</CdtrAcct>{told}</CdtTrfTxInf>"
    )


def _account(number: str, place: str) -> str:
    if iban.is_valid(number):
        return f"<Id><IBAN>{iban.compact(number)}</IBAN></Id>"
    return f"<Id><Othr><Id>{_words(number, 34, place, 'account')}</Id></Othr></Id>"


def _bank(bic: str, place: str) -> str:
    inside = f"<BICFI>{_fit(_BIC, bic, place, 'BIC')}</BICFI>" if bic else "<Othr><Id>NOTPROVIDED</Id></Othr>"
    return f"<FinInstnId>{inside}</FinInstnId>"


def _fit(pattern: re.Pattern[str], text: str, place: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise BadFile(place, f"{what} {text[:40]!r} does not fit into a pain.001")
    return escape(text)


def _words(text: str, longest: int, place: str, what: str) -> str:
    clean = " ".join(_UNFIT.sub("", text).split())
    if not 0 < len(clean) <= longest:
        raise BadFile(place, f"{what}: 1 to {longest} characters")
    return escape(clean)


@dataclass(frozen=True, slots=True)
class Report:
    """One pain.002: what the bank says to the file, and to payments of it by their end-to-end id."""

    original: str  # the message id of the file that it answers
    whole: Answer | None  # to all payments of the file, where it says so
    answers: dict[str, Answer]
    again: bool  # it refuses a file because it has it already

    def of(self, message_id: str, key: str) -> Answer | None:
        """What it says to one payment of one file; None: nothing."""
        if key in self.answers:
            return self.answers[key]
        return self.whole if self.original == message_id else None


def read_status(content: bytes) -> Report:
    """A pain.002, of any version, read whole or not at all.

    :raises BadFile: none, or something in it that cannot be read; line and fault are named
    """
    if len(content) > LONGEST:
        raise BadFile("file", f"more than {LONGEST} bytes")
    report = parse(content, _SPACE, "pain.002").need("CstmrPmtStsRpt")
    group = report.need("OrgnlGrpInfAndSts")
    answers: dict[str, Answer] = {}
    for batch in report.all("OrgnlPmtInfAndSts"):
        for one in batch.all("TxInfAndSts"):
            key = one.need("OrgnlEndToEndId").text.strip()
            if key in answers:
                raise BadFile(f"line {one.line}", f"{key!r} is told twice")
            found = one.first("TxSts") or batch.first("PmtInfSts") or group.first("GrpSts")
            if found is None:
                raise BadFile(f"line {one.line}", f"no status of {key!r}")
            answers[key] = _answer(found, _reason(one) or _reason(batch), one.say("AcctSvcrRef"))
    status = group.first("GrpSts") or report.first("OrgnlPmtInfAndSts/PmtInfSts")
    why = _reason(group) or next((_reason(batch) for batch in report.all("OrgnlPmtInfAndSts")), "")
    whole = None if status is None or status.text.strip() == "PART" else _answer(status, why, "")
    if whole is None and not answers:
        raise BadFile(f"line {group.line}", "neither a status of the file nor of a payment")
    again = whole is not None and whole.outcome is Outcome.REJECTED and why.split(" ")[0] in _AGAIN
    return Report(group.need("OrgnlMsgId").text.strip(), whole, answers, again)


def _answer(status: Node, reason: str, reference: str) -> Answer:
    said = status.text.strip()
    if said in _TAKEN:
        return Answer(Outcome.ACCEPTED, reference[:80])
    if said in _REFUSED:
        return Answer(Outcome.REJECTED, reference[:80], reason or said)
    if said in _PENDING:
        return Answer(Outcome.UNKNOWN, reference[:80], f"{said}: not decided")
    raise BadFile(f"line {status.line}", f"status {said[:40]!r} is none of ISO 20022")


def _reason(node: Node) -> str:
    """Code and words, as one line."""
    code = node.say("StsRsnInf/Rsn/Cd", "StsRsnInf/Rsn/Prtry")
    told = " ".join(one.text.strip() for one in node.all("StsRsnInf/AddtlInf"))
    return " ".join(f"{code} {told}".split())[:120]
