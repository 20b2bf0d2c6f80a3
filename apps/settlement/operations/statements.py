"""One line of a rail's statement, once: kept as read, then whatever it means; a file of lines whole or not at all."""

from collections.abc import Sequence
from datetime import datetime, time
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from apps.core import db, ids, money
from apps.core.unit import step
from apps.events import operations as events
from apps.instruments.queries import get_entity_by_id as get_entity
from apps.ledger import operations as ledger
from apps.settlement.errors import BadStatement, StatementGap, StatementMissing
from apps.settlement.models import Instruction, Nostro, RailCursor, StatementImport, StatementLine
from apps.settlement.queries.locks import Chain
from apps.settlement.queries.replacing import was_booked_as
from apps.settlement.rules import postings
from apps.settlement.rules.rail import Entry
from apps.settlement.rules.statement_file import StatementFile, digest_of
from apps.settlement.states import InstructionStatus, ReceiptStatus

from . import matching, payments, receipts, reverts
from .nostros import book_of, till_of
from .receipts import Booked

NOON = time(12)  # of the rail's zone, where a file tells only the day


@step
def read_line(*, nostro_id: UUID, entry: Entry, now: datetime) -> StatementLine | None:
    """Keep the line and move what it is about; None when it was read before, so reading a statement again changes nothing.

    :raises StatementGap: the lines before it are missing
    """
    ours = Instruction.objects.filter(end_to_end_id=entry.end_to_end_id, nostro_id=nostro_id).exclude(direction="DRAW")
    paid = ours.first() if entry.end_to_end_id else None
    chain = payments.lock_for(instruction_id=paid.id) if paid is not None and entry.kind in {"PAYMENT", "RETURN"} else None
    taken = reverts.find(nostro_id=nostro_id, reference=entry.reference, amount=-entry.amount) if takes_back(entry) else None
    if taken is not None:
        chain = matching.lock_for(receipt=taken)
    cursor = _lock_cursor(nostro_id)
    if entry.sequence <= cursor.last_sequence:
        return None
    if entry.sequence > cursor.last_sequence + 1:
        raise StatementGap(f"line {entry.sequence} came, line {cursor.last_sequence + 1} is missing")
    nostro = Nostro.objects.select_related("rail").get(id=nostro_id)
    line = _line(nostro, entry)
    db.insert(line)
    _advance(cursor, entry, now)
    if taken is not None and chain is not None:
        why = line.remittance or "reverted"
        explained = reverts.revert(chain=chain, receipt_id=taken.id, reason=why, booked_at=line.booked_at, now=now)
    else:
        explained = _explain(line, nostro, paid, chain, now)
    if not explained:
        _tell_unexplained(line, nostro)
    return line


def _read_plain(nostro: Nostro, entries: Sequence[Entry], now: datetime) -> None:
    """As :func:`read_line`, for lines that follow one another and are of no payment of ours and take nothing back: written together."""
    if not entries:
        return
    cursor = _lock_cursor(nostro.id)
    if entries[0].sequence != cursor.last_sequence + 1:
        raise StatementGap(f"line {entries[0].sequence} came, the account was read to line {cursor.last_sequence} meanwhile")
    lines = [_line(nostro, entry) for entry in entries]
    StatementLine.objects.bulk_create(lines, batch_size=1000)
    _advance(cursor, entries[-1], now)
    came, charges = [], Charges(nostro)
    for line in lines:
        if line.kind == "CHARGE":
            charges.post(line)
        elif line.amount > 0:
            came.append((_booked(line), line.sequence))
        else:
            _tell_unexplained(line, nostro)
    receipts.make_all_final(nostro=nostro, booked=came, now=now)


def _line(nostro: Nostro, entry: Entry) -> StatementLine:
    return StatementLine(
        id=ids.uuid7(),
        nostro=nostro,
        sequence=entry.sequence,
        reference=entry.reference,
        amount=entry.amount,
        end_to_end_id=entry.end_to_end_id,
        kind=entry.kind,
        counterparty_name=entry.counterparty_name[:120],
        counterparty_address=entry.counterparty_address,
        remittance=entry.remittance[:140],
        balance=entry.balance,
        booked_at=entry.booked_at,
    )


def _advance(cursor: RailCursor, entry: Entry, now: datetime) -> None:
    cursor.last_sequence, cursor.last_line, cursor.balance, cursor.read_at = entry.sequence, entry.reference, entry.balance, now
    cursor.save(update_fields=["last_sequence", "last_line", "balance", "read_at"])


def _booked(line: StatementLine) -> Booked:
    return Booked(line.reference, line.amount, line.counterparty_name, line.counterparty_address, line.remittance, line.booked_at)


def _tell_unexplained(line: StatementLine, nostro: Nostro) -> None:
    events.record(
        "statement.unexplained",
        subject_type="statement_line",
        subject_id=line.id,
        house={"kind": line.kind, "reference": line.reference, "amount": money.text(line.amount), "asset": nostro.asset_id},
    )


def takes_back(entry: Entry) -> bool:
    """Money that had come goes again: a reorganisation, a recall."""
    return entry.kind == "RETURN" and entry.amount < 0


def _explain(line: StatementLine, nostro: Nostro, paid: Instruction | None, chain: Chain | None, now: datetime) -> bool:
    """What the line does to us; False leaves it as a break, for a person."""
    if line.kind == "PAYMENT" and paid is not None and chain is not None:
        return payments.book(chain=chain, instruction_id=paid.id, amount=-line.amount, line_id=line.id, booked_at=line.booked_at, now=now)
    again = paid is not None and paid.status == InstructionStatus.RETURNED  # it came back before: this is somebody's money
    ended = paid is not None and paid.status == InstructionStatus.SETTLED and chain is not None and matching.is_closed_out(chain)
    theirs = "DUPLICATE" if again else "CLOSED_OUT" if ended else ""
    ours = paid is not None and paid.returns_id is None and not theirs  # what we sent back and comes again is a receipt of its own
    if line.kind == "RETURN" and ours and paid is not None and chain is not None and line.amount == paid.amount:
        why = line.remittance or "returned"
        if nostro.rail.kind == "CHAIN" and was_booked_as(nostro_id=nostro.id, key=paid.end_to_end_id, reference=line.reference):
            return payments.unconfirm(chain=chain, instruction_id=paid.id, reason=why, booked_at=line.booked_at, now=now)
        return payments.take_back(chain=chain, instruction_id=paid.id, reason=why, booked_at=line.booked_at, now=now)
    if line.kind == "CHARGE":
        Charges(nostro).post(line)
        return True
    if line.amount > 0:  # money in, or a return that fits no payment of ours
        [receipt] = receipts.make_all_final(nostro=nostro, booked=[(_booked(line), line.sequence)], now=now)
        if line.kind == "RETURN" and theirs and receipt.status == ReceiptStatus.FINAL:
            receipts.quarantine(receipt=receipt, reason=theirs)
        return True
    return False


class Charges:
    """What a bank charges us on one account; where that posts is looked up once."""

    def __init__(self, nostro: Nostro) -> None:
        self.till, self.entity, self.book_id = till_of(nostro), get_entity(nostro.entity_id), book_of(nostro.entity_id)

    def post(self, line: StatementLine) -> None:
        ledger.post(
            key=f"line:{line.id}",
            kind="CHARGE",
            source_type="statement_line",
            source_id=line.id,
            lines=postings.charge(self.till, self.book_id, -line.amount),  # one that is given back posts the other way
            effective_at=line.booked_at,
            business_date=self.entity.business_date(line.booked_at),
            narrative=line.reference,
        )


@step
def take_in(*, nostro: Nostro, statement: StatementFile, made_by: UUID | None, now: datetime) -> StatementImport | None:
    """Every line of a statement file, in its order; None when this very statement was taken in before.

    :raises StatementMissing: it opens at another balance than the last one closed at, or its number does not follow
    :raises BadStatement: a line is booked on a day that has not come
    :raises StatementGap: somebody else read lines of this account meanwhile
    """
    digest = digest_of(statement)
    if StatementImport.objects.filter(nostro=nostro, digest=digest).exists():
        return None
    assert statement.opening is not None and statement.closing is not None, "a notification books nothing"
    cursor = RailCursor.objects.filter(nostro=nostro).first()
    last = StatementImport.objects.filter(nostro=nostro, number__isnull=False).order_by("-first_sequence", "-id").first()
    if cursor is not None and cursor.read_at is not None and cursor.balance != statement.opening:
        raise StatementMissing(
            f"{statement.place}: it opens at {money.text(statement.opening)}, the last one of {nostro.name} closed at "
            f"{money.text(cursor.balance)}",
            opening=money.text(statement.opening),
            expected=money.text(cursor.balance),
        )
    if last is not None and statement.number is not None and statement.number not in {(last.number or 0) + 1, 1}:
        raise StatementMissing(f"{statement.place}: number {statement.number}, the last one of {nostro.name} was {last.number}")
    base = cursor.last_sequence if cursor is not None else 0
    running, zone = statement.opening, ZoneInfo(nostro.rail.zone)
    named = {line.end_to_end_id for line in statement.lines if line.end_to_end_id}
    ours = Instruction.objects.filter(nostro=nostro, end_to_end_id__in=named).exclude(direction="DRAW")
    paid, plain = set(ours.values_list("end_to_end_id", flat=True)), list[Entry]()
    for number, line in enumerate(statement.lines, 1):
        running += line.amount
        at = line.booked_at or datetime.combine(line.booked_on, NOON, zone)
        if line.booked_on > now.astimezone(zone).date():
            raise BadStatement(f"{line.place}: booked on {line.booked_on.isoformat()}, which has not come")
        entry = Entry(
            sequence=base + number,
            reference=line.reference,
            amount=line.amount,
            kind=line.kind,
            booked_at=min(at, now),
            balance=running,
            end_to_end_id=line.end_to_end_id,
            counterparty_name=line.counterparty_name,
            counterparty_address=line.counterparty_address,
            remittance=line.remittance,
        )
        if entry.end_to_end_id not in paid and not takes_back(entry):
            plain.append(entry)
            continue
        _read_plain(nostro, plain, now)
        plain = []
        read_line(nostro_id=nostro.id, entry=entry, now=now)
    _read_plain(nostro, plain, now)
    if not statement.lines:
        note_balance(nostro_id=nostro.id, balance=statement.closing, now=now)
    made = StatementImport(
        id=ids.uuid7(),
        nostro=nostro,
        digest=digest,
        number=statement.number,
        opening=statement.opening,
        closing=statement.closing,
        first_sequence=base + 1,
        line_count=len(statement.lines),
        imported_by=made_by,
        imported_at=now,
    )
    db.insert(made, refuse={"statementimport_once": StatementMissing(f"{statement.place}: it was taken in at this moment by another")})
    events.record(
        "statement.imported",
        subject_type="nostro",
        subject_id=nostro.id,
        house={"number": statement.number, "lines": len(statement.lines), "closing": money.text(statement.closing)},
    )
    return made


def _lock_cursor(nostro_id: UUID) -> RailCursor:
    db.run(
        "INSERT INTO settlement_railcursor (nostro_id, last_line, last_sequence, balance) VALUES (%s, '', 0, 0) ON CONFLICT DO NOTHING",
        (nostro_id,),
    )
    return RailCursor.objects.select_for_update(no_key=True, of=("self",)).get(nostro_id=nostro_id)


@step
def note_balance(*, nostro_id: UUID, balance: Decimal, now: datetime) -> None:
    """A statement was read that brings no line: a close needs one of every account, also of a quiet one."""
    cursor = _lock_cursor(nostro_id)
    if cursor.last_sequence == 0:
        cursor.balance = balance
    elif cursor.balance != balance:
        return  # lines are missing: they come first
    cursor.read_at = now
    cursor.save(update_fields=["balance", "read_at"])
