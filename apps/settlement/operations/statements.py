"""One line of a rail's statement, once: kept as read, then whatever it means; a file of lines whole or not at all."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import F

from apps.core import db, ids, money
from apps.core.unit import step
from apps.events import operations as events
from apps.instruments.queries import get_entity_by_id as get_entity
from apps.ledger import operations as ledger
from apps.settlement.errors import StatementGap, StatementMissing
from apps.settlement.models import Instruction, Nostro, RailCursor, Receipt, StatementImport, StatementLine
from apps.settlement.queries import receiving
from apps.settlement.queries.locks import Chain, lock_chain
from apps.settlement.queries.replacing import was_booked_as
from apps.settlement.rules import postings
from apps.settlement.rules.rail import Entry
from apps.settlement.rules.statement_file import Line as FileLine
from apps.settlement.rules.statement_file import StatementFile, digest_of, may_follow
from apps.settlement.states import InstructionStatus, ReceiptStatus

from . import matching, payments, receipts, reverts, settling
from .nostros import book_of, till_of
from .payments import Gone
from .receipts import Booked

Told = Entry | FileLine | StatementLine  # a line as a rail gives it, a file, or as it is kept
NOON = time(12)  # of the rail's zone, where a file tells only the day


@dataclass(frozen=True, slots=True)
class Held:
    """What lines of statements may move, locked: our payments by their key, what settles with them, the clients' accounts whose money it
    is, where each account of ours is read to."""

    payments: dict[tuple[UUID, str], UUID]
    chain: Chain
    accounts: frozenset[UUID]
    cursors: dict[UUID, RailCursor]


@step
def hold(*, lines: Mapping[UUID, Sequence[Told]]) -> Held:
    """Lock all that lines are about before any of them is read, in the house order: money rows, payments with what they settle, then the
    accounts' cursors; receipts come after. A poll and a file of one account so wait for each other, whatever stands in them.

    :param lines: by account of ours
    """
    paid, accounts = dict[tuple[UUID, str], UUID](), set[UUID | None]()
    named = {one.end_to_end_id for told in lines.values() for one in told if one.end_to_end_id and one.kind in {"PAYMENT", "RETURN"}}
    if named:
        ours = Instruction.objects.filter(nostro_id__in=list(lines), end_to_end_id__in=named).exclude(direction="DRAW")
        for nostro_id, key, instruction_id, account_id in ours.values_list("nostro_id", "end_to_end_id", "id", "account_id"):
            paid[nostro_id, key] = instruction_id
            accounts.add(account_id)
    back = [(nostro_id, one) for nostro_id, told in lines.items() for one in told if takes_back(one)]
    taken = [found for nostro_id, one in back if (found := _taken(nostro_id, one)) is not None]
    accounts |= {one.account_id for one in taken}
    known = frozenset(one for one in accounts if one is not None)
    settling.lock_all_money(account_ids=known)
    chain = lock_chain({*paid.values(), *receiving.list_paid_by([one.id for one in taken])})
    return Held(paid, chain, known, {nostro_id: _lock_cursor(nostro_id) for nostro_id in sorted(lines)})


@step
def read_line(*, nostro_id: UUID, entry: Entry, now: datetime) -> StatementLine | None:
    """Keep the line and move what it is about; None when it was read before, so reading a statement again changes nothing.

    :raises StatementGap: the lines before it are missing, or are others than were read
    """
    held = hold(lines={nostro_id: [entry]})
    last = held.cursors[nostro_id].last_sequence
    if entry.sequence <= last:
        return None
    if entry.sequence > last + 1:
        raise StatementGap(f"line {entry.sequence} came, line {last + 1} is missing")
    before = held.cursors[nostro_id].balance
    if last and entry.balance - entry.amount != before:
        raise StatementGap(
            f"line {entry.sequence} begins at {money.text(entry.balance - entry.amount)}, line {last} ended at {money.text(before)}"
        )
    [line] = _read(Nostro.objects.select_related("rail").get(id=nostro_id), [entry], held, now)
    return line


def _read(nostro: Nostro, entries: Sequence[Entry], held: Held, now: datetime) -> list[StatementLine]:
    """Keep lines that follow one another, and move what each is about. They are written together: what we have paid, and what is of no
    payment of ours; only what comes back is looked at by itself, after all before it."""
    lines = [_line(nostro, entry) for entry in entries]
    StatementLine.objects.bulk_create(lines, batch_size=1000)
    _advance(held.cursors[nostro.id], entries[-1], now)
    gone, plain = list[StatementLine](), list[StatementLine]()
    for line, entry in zip(lines, entries, strict=True):
        payment = held.payments.get((nostro.id, line.end_to_end_id))
        if line.kind == "PAYMENT" and payment is not None:
            gone.append(line)
        elif takes_back(entry) or (line.kind == "RETURN" and payment is not None):
            _explain_all(nostro, gone, plain, held, now)
            gone, plain = [], []
            if not _explain(line, nostro, payment, held, now):
                _tell_unexplained(line, nostro)
        else:
            plain.append(line)
    _explain_all(nostro, gone, plain, held, now)
    return lines


def _explain_all(nostro: Nostro, gone: Sequence[StatementLine], plain: Sequence[StatementLine], held: Held, now: datetime) -> None:
    """:param gone: payments of ours; `plain`: of none, and nothing that comes back"""
    paid = [Gone(held.payments[nostro.id, one.end_to_end_id], -one.amount, one.id, one.booked_at) for one in gone]
    explained = payments.book_all(chain=held.chain, gone=paid, now=now) if paid else set()
    came, charges = [], Charges(nostro) if any(one.kind == "CHARGE" for one in plain) else None
    for line in plain:
        if line.kind == "CHARGE" and charges is not None:
            charges.post(line)
        elif line.amount > 0:
            came.append((_booked(line), line.sequence))
        else:
            _tell_unexplained(line, nostro)
    for line in gone:
        if line.id not in explained:
            _tell_unexplained(line, nostro)
    if came:
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


def takes_back(line: Told) -> bool:
    """Money that had come goes again: a reorganisation, a recall."""
    return line.kind == "RETURN" and line.amount < 0


def _taken(nostro_id: UUID, line: Told) -> Receipt | None:
    return reverts.find(nostro_id=nostro_id, reference=line.reference, amount=-line.amount)


def _explain(line: StatementLine, nostro: Nostro, payment: UUID | None, held: Held, now: datetime) -> bool:
    """What a line does that brings something back, to them or to us; False leaves it as a break, for a person."""
    if line.amount < 0:
        taken = _taken(nostro.id, line)
        if taken is None:
            return False
        reverts.lock(receipt_id=taken.id)
        taken = _taken(nostro.id, line)  # and what it is now
        if taken is None:
            return False
        paid = receiving.list_paid_by([taken.id])
        if not {*paid} <= {*held.chain.instructions} or not {taken.account_id} <= {None, *held.accounts}:
            raise StatementGap(f"line {line.sequence}: what it takes back was applied at this moment; read it again")
        why = line.remittance or "reverted"
        return reverts.revert(chain=held.chain.of(paid), receipt_id=taken.id, reason=why, booked_at=line.booked_at, now=now)
    assert payment is not None, "else it is plain"
    chain = held.chain.of([payment])
    ours = chain.instructions[payment]
    again = ours.status == InstructionStatus.RETURNED  # it came back before: this is somebody's money
    ended = ours.status == InstructionStatus.SETTLED and matching.is_closed_out(chain)
    theirs = "DUPLICATE" if again else "CLOSED_OUT" if ended else ""
    if line.amount == ours.amount and ours.returns_id is None and not theirs:  # what we sent back and comes again is a receipt of its own
        why, key = line.remittance or "returned", ours.end_to_end_id
        if nostro.rail.kind == "CHAIN" and was_booked_as(nostro_id=nostro.id, key=key, reference=line.reference, before=line.sequence):
            return payments.unconfirm(chain=chain, instruction_id=payment, reason=why, booked_at=line.booked_at, now=now)
        return payments.take_back(chain=chain, instruction_id=payment, reason=why, booked_at=line.booked_at, now=now)
    [receipt] = receipts.make_all_final(nostro=nostro, booked=[(_booked(line), line.sequence)], now=now)
    if theirs and receipt.status == ReceiptStatus.FINAL:
        receipts.quarantine(receipt=receipt, reason=theirs)
    return True


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


def _at(line: FileLine, zone: ZoneInfo) -> datetime:
    return line.booked_at or datetime.combine(line.booked_on, NOON, zone)


@step
def take_in(*, nostro: Nostro, statement: StatementFile, held: Held, made_by: UUID | None, now: datetime) -> StatementImport | None:
    """Every line of a statement file, in its order; None when this very statement was taken in before.

    :param held: of all its lines at least
    :raises StatementMissing: it opens at another balance than the last one closed at, or its number or page does not follow
    """
    digest = digest_of(statement)
    if StatementImport.objects.filter(nostro=nostro, digest=digest).exists():
        return None
    assert statement.opening is not None and statement.closing is not None, "a notification books nothing"
    cursor = held.cursors[nostro.id]
    imports = StatementImport.objects.filter(nostro=nostro)
    last = imports.filter(number__isnull=False).order_by("-first_sequence", "-id").first()
    if cursor.read_at is not None and cursor.balance != statement.opening:
        raise StatementMissing(
            f"{statement.place}: it opens at {money.text(statement.opening)}, the last one of {nostro.name} closed at "
            f"{money.text(cursor.balance)}",
            opening=money.text(statement.opening),
            expected=money.text(cursor.balance),
        )
    known = None if last is None else last.number
    if statement.continues and (known is None or statement.number != known):
        raise StatementMissing(f"{statement.place}: a later page of number {statement.number}, of which the page before is missing")
    follows = known is not None and statement.number == known + 1
    if not follows and _is_read(nostro, statement):
        return None
    if known is not None and statement.number is not None and not (statement.continues or may_follow(statement.number, known)):
        raise StatementMissing(f"{statement.place}: number {statement.number}, the last one of {nostro.name} was {known}")
    base, entries = cursor.last_sequence, list[Entry]()
    running, zone = statement.opening, ZoneInfo(nostro.rail.zone)
    for number, line in enumerate(statement.lines, 1):
        running += line.amount
        entries.append(
            Entry(
                sequence=base + number,
                reference=line.reference,
                amount=line.amount,
                kind=line.kind,
                booked_at=min(_at(line, zone), now),
                balance=running,
                end_to_end_id=line.end_to_end_id,
                counterparty_name=line.counterparty_name,
                counterparty_address=line.counterparty_address,
                remittance=line.remittance,
            )
        )
    if entries:
        _read(nostro, entries, held, now)
    else:
        _note(cursor, statement.closing, now)
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


def _is_read(nostro: Nostro, statement: StatementFile) -> bool:
    """Whether its lines are on file already, by the bank's reference, day and amount, from the balance at which it opens: the same
    statement, written another way. Its balances need not tell, where what came and what went are the same."""
    zone = ZoneInfo(nostro.rail.zone)
    told = Counter((one.reference, one.amount, _at(one, zone).astimezone(zone).date()) for one in statement.lines)
    kept = StatementLine.objects.filter(nostro=nostro)
    begins = kept.filter(reference__in={one.reference for one in statement.lines}, balance=F("amount") + statement.opening)
    for first in begins:
        if _said(first, zone) in told:
            there = kept.filter(sequence__gte=first.sequence, sequence__lt=first.sequence + len(statement.lines))
            if Counter(_said(one, zone) for one in there) == told:
                return True
    return False


def _said(line: StatementLine, zone: ZoneInfo) -> tuple[str, Decimal, date]:
    return line.reference, line.amount, line.booked_at.astimezone(zone).date()


def _lock_cursor(nostro_id: UUID) -> RailCursor:
    db.run(
        "INSERT INTO settlement_railcursor (nostro_id, last_line, last_sequence, balance) VALUES (%s, '', 0, 0) ON CONFLICT DO NOTHING",
        (nostro_id,),
    )
    return RailCursor.objects.select_for_update(no_key=True, of=("self",)).get(nostro_id=nostro_id)


@step
def note_balance(*, nostro_id: UUID, balance: Decimal, now: datetime) -> None:
    """A statement was read that brings no line: a close needs one of every account, also of a quiet one."""
    _note(_lock_cursor(nostro_id), balance, now)


def _note(cursor: RailCursor, balance: Decimal, now: datetime) -> None:
    if cursor.last_sequence == 0:
        cursor.balance = balance
    elif cursor.balance != balance:
        return  # lines are missing: they come first
    cursor.read_at = now
    cursor.save(update_fields=["balance", "read_at"])
