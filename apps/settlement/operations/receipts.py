"""Incoming money: seen, final, cleared or quarantined, frozen; who looks after it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.clients import queries as clients
from apps.clients.models import Ssi
from apps.compliance import operations as compliance
from apps.compliance import rules as names
from apps.core import db, ids, money
from apps.core.actor import Actor
from apps.core.unit import step
from apps.events import operations as events
from apps.instruments.queries import get_entity_by_id as get_entity
from apps.ledger import operations as ledger
from apps.settlement.errors import BadDecision
from apps.settlement.models import Nostro, Receipt, ReceiptNote
from apps.settlement.queries.locks import lock_receipt
from apps.settlement.rules import postings
from apps.settlement.rules.rail import Incoming
from apps.settlement.states import RECEIPT, ReceiptStatus
from apps.users.errors import RoleMissing

from . import matching, travelling
from .nostros import business_date, till_of


@dataclass(frozen=True, slots=True)
class Booked:
    """A receipt as a statement shows it."""

    reference: str
    amount: Decimal
    sender_name: str
    sender_address: str
    remittance: str
    booked_at: datetime


@step
def see_all(*, nostro: Nostro, incoming: Sequence[Incoming], now: datetime) -> list[Receipt]:
    """Transfers are on their way: SEEN. Those that are new; what is known stays as it is, and is DROPPED where a reorganisation took it."""
    known, new = _find_all(nostro, {one.reference for one in incoming}), list[Receipt]()
    for one in incoming:
        receipt = known.get(one.reference)
        if receipt is None and not one.dropped:
            told = Booked(one.reference, one.amount, one.sender_name, one.sender_address, one.remittance, one.seen_at)
            receipt = known[one.reference] = _born(nostro, told, now)
            db.insert(receipt)
            _tell_house(receipt, "receipt.seen")
            new.append(receipt)
        elif receipt is not None and one.dropped and receipt.status == ReceiptStatus.SEEN:
            move(receipt, ReceiptStatus.DROPPED)
            _tell_house(receipt, "receipt.dropped")
    return new


@step
def make_all_final(*, nostro: Nostro, booked: Sequence[tuple[Booked, int]], now: datetime) -> list[Receipt]:
    """A statement shows them, each in a line of its number: FINAL, and in suspense until they are cleared. They are written together.

    A reference booked twice makes a second receipt, a DUPLICATE. What is booked decides amount, sender and remittance, whatever was seen
    before.
    """
    known, twice = _find_all(nostro, {one.reference for one, _ in booked}), set[UUID]()
    new, out = list[Receipt](), list[Receipt]()
    for one, sequence in booked:
        receipt = known.get(one.reference)
        if receipt is None:
            receipt = known[one.reference] = _born(nostro, one, now)
            new.append(receipt)
        elif receipt.status == ReceiptStatus.SEEN:
            _correct(receipt, one)
        else:
            receipt = _born(nostro, replace(one, reference=f"{one.reference[:60]}#{sequence}"), now)
            new.append(receipt)
            twice.add(receipt.id)
        receipt.final_at = one.booked_at
        RECEIPT.move(receipt, ReceiptStatus.FINAL)
        out.append(receipt)
    _keep(new, out)
    till, entity = till_of(nostro), get_entity(nostro.entity_id)
    for receipt in out:
        assert receipt.final_at is not None
        ledger.post(
            key=f"receipt:{receipt.id}:final",
            kind="RECEIPT_FINAL",
            source_type="receipt",
            source_id=receipt.id,
            lines=postings.receipt_final(till, receipt.amount),
            effective_at=receipt.final_at,
            business_date=entity.business_date(receipt.final_at),
            narrative=receipt.rail_reference,
        )
        _tell_house(receipt, "receipt.final")
        if receipt.id in twice:
            quarantine(receipt=receipt, reason="DUPLICATE")
    return out


def _find_all(nostro: Nostro, references: Collection[str]) -> dict[str, Receipt]:
    """The receipts of these references, locked: first the names, as some are not there yet, then the rows in one order.

    So a callback, a poll and a statement that make the same one come one after the other, and none holds what another waits for.
    """
    if not references:
        return {}
    first, *more = references
    if more:
        db.lock_name(f"receipts:{nostro.id}")
    else:
        db.lock_name(f"receipt:{nostro.id}:{first}", beside=f"receipts:{nostro.id}")
    rows = Receipt.objects.select_for_update(no_key=True).filter(nostro=nostro, rail_reference__in=references)
    return {one.rail_reference: one for one in rows.order_by("id")}


def _keep(new: Sequence[Receipt], all_of_them: Sequence[Receipt]) -> None:
    """Those that are new are born SEEN, as every receipt; then all are FINAL."""
    for one in new:
        one.status = ReceiptStatus.SEEN
        _tell_house(one, "receipt.seen")
    if new:
        Receipt.objects.bulk_create(new, batch_size=1000)
        db.send("UPDATE settlement_receipt SET status = 'FINAL' WHERE id = ANY (%s::uuid[])", (db.array(one.id for one in new),))
    for one in new:
        one.status = ReceiptStatus.FINAL
    fresh = {one.id for one in new}
    for one in all_of_them:
        if one.id not in fresh:
            one.save(update_fields=["status", "final_at", "amount", "sender_name", "sender_address", "remittance", "value_date"])


def _correct(seen: Receipt, booked: Booked) -> None:
    """What was seen becomes what is booked. Only of the same amount is a sender kept whom the statement does not name."""
    other = seen.amount != booked.amount
    if other:
        _tell_house(seen, "receipt.corrected", booked=money.text(booked.amount))
    if other or booked.sender_name or booked.sender_address:
        seen.sender_name, seen.sender_address = booked.sender_name[:120], booked.sender_address
    if other or booked.remittance:
        seen.remittance = booked.remittance[:140]
    seen.amount, seen.value_date = booked.amount, booked.booked_at.date()


def _born(nostro: Nostro, booked: Booked, now: datetime) -> Receipt:
    return Receipt(
        id=ids.uuid7(),
        nostro=nostro,
        asset_id=nostro.asset_id,
        amount=booked.amount,
        rail_reference=booked.reference,
        sender_name=booked.sender_name[:120],
        sender_address=booked.sender_address,
        remittance=booked.remittance[:140],
        value_date=booked.booked_at.date(),
        status=ReceiptStatus.SEEN,
        seen_at=now,
    )


@step
def clear(*, receipt_id: UUID, now: datetime) -> Receipt:
    """FINAL → CLEARED for a known, screened sender paying for itself; else QUARANTINED, with the reason and an owner.

    A freeze of its client holds the account's row: what clears waits for it, and is frozen too. Left FINAL where another account
    has the sender's address by now.
    """
    seen = _find_sender(Receipt.objects.get(id=receipt_id))
    if seen is not None:
        clients.lock_account(seen.account_id)
    receipt = lock_receipt(receipt_id)
    sender = _find_sender(receipt)
    moved = sender is not None and (seen is None or seen.account_id != sender.account_id)
    if receipt.status != ReceiptStatus.FINAL or moved:
        return receipt
    if reason := _judge(receipt, sender, now):
        quarantine(receipt=receipt, reason=reason)
        if reason == "CLIENT_FROZEN":
            freeze(receipt=receipt, now=now)
        return receipt
    move(receipt, ReceiptStatus.CLEARED, "account")
    _tell_house(receipt, "receipt.cleared")
    return receipt


@step
def lock_with_sender(receipt_id: UUID) -> Receipt:
    """The row of the account whose wallet it came from, then the receipt's: before its data change."""
    seen = _find_sender(Receipt.objects.get(id=receipt_id))
    if seen is not None:
        clients.lock_account(seen.account_id)
    return lock_receipt(receipt_id)


@step
def clear_again(*, receipt_id: UUID, now: datetime) -> Receipt:
    """QUARANTINED for want of data → CLEARED, when they have come and nothing else speaks against it; else it stays, for what does.

    The caller came by :func:`lock_with_sender`.
    """
    receipt = lock_receipt(receipt_id)
    if receipt.status != ReceiptStatus.QUARANTINED or receipt.quarantine_reason != "TRAVEL_RULE":
        return receipt
    sender = _find_sender(receipt)
    if reason := _judge(receipt, sender, now):
        receipt.quarantine_reason = reason
        receipt.save(update_fields=["quarantine_reason", "account"])
        if reason == "CLIENT_FROZEN":
            freeze(receipt=receipt, now=now)
        return receipt
    receipt.owner_role = "operations"
    move(receipt, ReceiptStatus.CLEARED, "account", "owner_role")
    _tell_house(receipt, "receipt.cleared")
    return receipt


def _judge(receipt: Receipt, sender: Ssi | None, now: datetime) -> str:
    """Keep what is known of its sender, screen every name, say whose money it is; why it cannot be credited, or ""."""
    record = travelling.record_receipt(receipt=receipt, sender=sender, now=now)
    called = travelling.sender_names(receipt, record)
    screened = {
        compliance.screen(subject_type="receipt", subject_id=receipt.id, name=name, now=now).result for name in called or ["unknown"]
    }
    if sender is not None:
        receipt.account = sender.account
    return _doubt(receipt, sender, called, hit="HIT" in screened, complete=record is None or not record.faults)


def _find_sender(receipt: Receipt) -> Ssi | None:
    return clients.find_sender(receipt.sender_address) if receipt.sender_address else None


def _doubt(receipt: Receipt, sender: Ssi | None, called: list[str], *, hit: bool, complete: bool) -> str:
    """Why it cannot be credited without a person; "" where nothing speaks against it."""
    if hit:
        return "SCREENING_HIT"
    if sender is None:
        return "UNKNOWN_SENDER"
    if sender.account.is_frozen:
        return "CLIENT_FROZEN"
    if sender.asset_code != receipt.asset_id:
        return "WRONG_NETWORK_OR_MEMO"
    if not all(names.same(name, sender.holder) for name in called):
        return "THIRD_PARTY"
    if not complete:
        return "TRAVEL_RULE"  # FATF 16: who sends travels with a transfer of crypto
    return ""


@step
def quarantine(*, receipt: Receipt, reason: str) -> None:
    """FINAL → QUARANTINED: compliance decides. The client may learn that it is looked at, never why."""
    receipt.quarantine_reason, receipt.owner_role = reason, "compliance"
    move(receipt, ReceiptStatus.QUARANTINED, "quarantine_reason", "owner_role", "account")
    if receipt.account is None or reason == "CLIENT_FROZEN":
        _tell_house(receipt, "receipt.quarantined", reason=reason)
    else:
        matching.tell(receipt, "receipt.quarantined", reason=reason)


@step
def freeze(*, receipt: Receipt, now: datetime) -> None:
    """QUARANTINED or CLEARED → FROZEN: to blocked assets; never returned, netted, set off or charged while it is."""
    move(receipt, ReceiptStatus.FROZEN)
    nth = ledger.count_posted(source_ids=[receipt.id], kind="RECEIPT_FROZEN")[receipt.id]  # what was let go of may be frozen again
    ledger.post(
        key=f"receipt:{receipt.id}:frozen:{nth + 1}" if nth else f"receipt:{receipt.id}:frozen",
        kind="RECEIPT_FROZEN",
        source_type="receipt",
        source_id=receipt.id,
        lines=postings.receipt_frozen(till_of(receipt.nostro), receipt.amount),
        effective_at=now,
        business_date=business_date(receipt.nostro.entity_id, now),
        narrative=receipt.rail_reference,
    )
    _tell_house(receipt, "receipt.frozen")


@step
def block(*, receipt: Receipt, now: datetime) -> None:
    """CLEARED → FROZEN, since its client is; from now on it is compliance's."""
    receipt.quarantine_reason, receipt.owner_role = "CLIENT_FROZEN", "compliance"
    receipt.save(update_fields=["quarantine_reason", "owner_role"])
    freeze(receipt=receipt, now=now)


@step
def thaw(*, receipt: Receipt, reason: str, now: datetime) -> None:
    """What was frozen is in suspense again, by the linked reversal; the caller moves it on. None other is touched."""
    if receipt.status != ReceiptStatus.FROZEN:
        return
    ledger.reverse(
        source_id=receipt.id,
        kinds=["RECEIPT_FROZEN"],
        effective_at=now,
        business_date=business_date(receipt.nostro.entity_id, now),
        narrative=reason[:200],
    )


@step
def take(*, receipt_id: UUID, actor: Actor) -> Receipt:
    """It is theirs to look after.

    :raises RoleMissing: they are not of the role that has to act on it
    """
    receipt = lock_receipt(receipt_id)
    if receipt.owner_role not in actor.roles:
        raise RoleMissing(f"this is for {receipt.owner_role}")
    receipt.owner_id, receipt.owner_name = actor.id, actor.name[:120]
    receipt.save(update_fields=["owner_id", "owner_name"])
    _tell_house(receipt, "receipt.taken", by=actor.name)
    return receipt


@step
def note(*, receipt: Receipt, actor: Actor, text: str, now: datetime) -> ReceiptNote:
    """
    :raises BadDecision: nothing is written
    """
    if not text:
        raise BadDecision("write something")
    assert actor.id is not None
    made = ReceiptNote(id=ids.uuid7(), receipt=receipt, text=text[:500], written_by=actor.id, writer_name=actor.name[:120], written_at=now)
    db.insert(made)
    events.record("receipt.noted", subject_type="receipt", subject_id=receipt.id, house={"note": str(made.id)})
    return made


def _tell_house(receipt: Receipt, kind: str, **more: str) -> None:
    house = {"asset": receipt.asset_id, "amount": money.text(receipt.amount), "sender": receipt.sender_name, **more}
    events.record(kind, subject_type="receipt", subject_id=receipt.id, house=house)


def move(receipt: Receipt, status: ReceiptStatus, *fields: str) -> None:
    RECEIPT.move(receipt, status)
    receipt.save(update_fields=["status", *fields])
