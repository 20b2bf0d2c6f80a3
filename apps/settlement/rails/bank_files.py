"""A bank that is spoken to in files: pain.001 goes out, pain.002 and camt.053 come in. How files travel is the door's business.

A payment is a file of its own, named by its key: a bank refuses a second file of that name, and whatever it then says about the second
is not taken for an answer to the first. Statements are read in the bank's own order and only as far as they follow one another.
"""

import os
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from django.conf import settings

from apps.settlement.rules.statement_file import BadFile, StatementFile, digest_of

from . import files
from .base import Answer, Entry, Incoming, Outcome, Payment, Place, Statement
from .files import pain

NO_ANSWER = Answer(Outcome.UNKNOWN, reason="the bank has not answered")


class Door(Protocol):
    """Where files are handed over and fetched."""

    def put(self, name: str, content: bytes) -> None:
        """Hand a file to the bank; one of this name that it has is left as it is. What it raises leaves open whether the bank has it."""

    def files(self) -> Sequence[bytes]:
        """All that the bank has sent, oldest first: files stay."""


class Folders:
    """Two folders, such as an SFTP client or an EBICS gateway keeps in step with the bank."""

    def __init__(self, out: str, into: str) -> None:
        self.out, self.into = Path(out), Path(into)

    def put(self, name: str, content: bytes) -> None:
        final, draft = self.out / name, self.out / f".{name}.part"
        if final.exists():
            return
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(final)  # whole or not at all

    def files(self) -> Sequence[bytes]:
        found = [one for one in self.into.iterdir() if one.is_file() and not one.name.startswith(".")]
        return [one.read_bytes() for one in sorted(found, key=lambda one: (one.stat().st_mtime_ns, one.name))]


class BankFiles:
    """The rail of every code in settings.BANK_FILES, each with its own bank."""

    def door(self, place: Place) -> Door:
        bank = settings.BANK_FILES[place.rail]
        return Folders(bank["out"], bank["in"])

    def send(self, place: Place, payment: Payment, *, now: datetime) -> Answer:
        bank = settings.BANK_FILES[place.rail]
        try:
            content = pain.write(
                pain.Order(payment.key, now, bank["name"], place.address, bank.get("bic", ""), place.asset, now.date(), [payment]),
                bank.get("version", pain.VERSIONS[-1]),
            )
        except BadFile as no:  # nothing has left yet
            return Answer(Outcome.REJECTED, reason=str(no)[:120])
        self.door(place).put(f"{payment.key}.xml", content)
        return self.status(place, payment.key, now=now)

    def status(self, place: Place, key: str, *, now: datetime) -> Answer:
        """The bank's last word on a payment. Silence is UNKNOWN: a file may still be on its way, so it is never NOT_FOUND."""
        last = NO_ANSWER
        for content in self._said(place, "pain.002"):
            report = pain.read_status(content)
            answer = None if report.again else report.of(key, key)
            if answer is not None and answer.outcome is not Outcome.UNKNOWN:
                last = answer
        return last

    def statement(self, place: Place, *, after: int, now: datetime) -> Statement:
        """
        :raises BadFile: a statement that cannot be read, or one that does not open where the one before it closed
        """
        entries: list[Entry] = []
        balance: Decimal | None = None
        sequence = 0
        for one in self._statements(place):
            assert one.opening is not None and one.closing is not None
            if balance is not None and one.opening != balance:
                raise BadFile(f"statement {one.number}", f"opens at {one.opening}, the one before it closed at {balance}")
            running = one.opening
            for line in one.lines:
                sequence, running = sequence + 1, running + line.amount
                if sequence > after:
                    at = line.booked_at or datetime.combine(line.booked_on, time(12), tzinfo=UTC)
                    entries.append(
                        Entry(
                            sequence,
                            line.reference,
                            line.amount,
                            line.kind,
                            at,
                            running,
                            line.end_to_end_id,
                            line.counterparty_name,
                            line.counterparty_address,
                            line.remittance,
                        )
                    )
            balance = one.closing
        return Statement(tuple(entries), balance if balance is not None else Decimal(0))

    def incoming(self, place: Place, *, now: datetime) -> tuple[Incoming, ...]:
        return ()

    def _statements(self, place: Place) -> list[StatementFile]:
        found: dict[tuple[date, int, str], StatementFile] = {}
        for content in self._said(place, "camt.053"):
            for one in files.read(content, "camt"):
                if one.account == place.address and not one.notifies:
                    # A bank that sends one again sends the same; its numbers begin anew each year, and it need give none.
                    found[one.closed_on or date.min, one.number or 0, "" if one.number else digest_of(one)] = one
        return [found[key] for key in sorted(found, key=lambda key: key[:2])]  # of a day without numbers as they came

    def _said(self, place: Place, message: str) -> list[bytes]:
        of = re.compile(rb"urn:iso:std:iso:20022:tech:xsd:" + re.escape(message.encode()))
        return [content for content in self.door(place).files() if of.search(content[:2000])]
