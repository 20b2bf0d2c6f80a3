"""Incoming money: seen, final, cleared or quarantined, matched to what was expected."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.clients import queries as clients
from apps.clients import rules as client_rules
from apps.clients.models import Ssi
from apps.clients.states import ClientStatus
from apps.compliance import operations as compliance
from apps.compliance import rules as names
from apps.core import db, ids, money
from apps.core.unit import step
from apps.events import operations as events
from apps.ledger import operations as ledger
from apps.settlement.models import Instruction, Nostro, Receipt, ReceiptMatch
from apps.settlement.queries import views
from apps.settlement.queries.locks import lock_chain, lock_receipt
from apps.settlement.rules import matching, postings
from apps.settlement.rules.matching import Expected
from apps.settlement.rules.rail import Incoming
from apps.settlement.states import INSTRUCTION, RECEIPT, InstructionStatus, ReceiptStatus

from . import settling, transfers
from .nostros import business_date, till_of

WAITING = [InstructionStatus.EXPECTED, InstructionStatus.PART_RECEIVED]


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
def see(*, nostro: Nostro, incoming: Incoming, now: datetime) -> Receipt | None:
    """A transfer is on its way: SEEN. None when it is known already; a dropped one becomes DROPPED."""
    known = Receipt.objects.select_for_update(no_key=True).filter(nostro=nostro, rail_reference=incoming.reference).first()
    if known is not None:
        if incoming.dropped and known.status == ReceiptStatus.SEEN:
            move(known, ReceiptStatus.DROPPED)
            _tell_house(known, "receipt.dropped")
        return None
    if incoming.dropped:
        return None
    booked = Booked(
        incoming.reference, incoming.amount, incoming.sender_name, incoming.sender_address, incoming.remittance, incoming.seen_at
    )
    return _make(nostro, booked, now)


@step
def make_final(*, nostro: Nostro, booked: Booked, sequence: int, now: datetime) -> Receipt:
    """A statement shows it: FINAL, and in suspense until it is cleared. A reference booked twice makes a second receipt, a DUPLICATE."""
    known = Receipt.objects.select_for_update(no_key=True).filter(nostro=nostro, rail_reference=booked.reference).first()
    duplicate = known is not None and known.status != ReceiptStatus.SEEN
    if known is None or duplicate:
        if duplicate:
            booked = Booked(
                f"{booked.reference[:60]}#{sequence}",
                booked.amount,
                booked.sender_name,
                booked.sender_address,
                booked.remittance,
                booked.booked_at,
            )
        known = _make(nostro, booked, now)
    known.final_at = booked.booked_at
    move(known, ReceiptStatus.FINAL, "final_at")
    ledger.post(
        key=f"receipt:{known.id}:final",
        kind="RECEIPT_FINAL",
        source_type="receipt",
        source_id=known.id,
        lines=postings.receipt_final(till_of(nostro), known.amount),
        effective_at=booked.booked_at,
        business_date=business_date(nostro.entity_id, booked.booked_at),
        narrative=known.rail_reference,
    )
    _tell_house(known, "receipt.final")
    if duplicate:
        quarantine(receipt=known, reason="DUPLICATE")
    return known


def _make(nostro: Nostro, booked: Booked, now: datetime) -> Receipt:
    made = Receipt(
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
    db.insert(made)
    _tell_house(made, "receipt.seen")
    return made


@step
def clear(*, receipt_id: UUID, now: datetime) -> Receipt:
    """FINAL → CLEARED for a known, screened sender paying for itself; else QUARANTINED, with the reason and an owner."""
    receipt = lock_receipt(receipt_id)
    if receipt.status != ReceiptStatus.FINAL:
        return receipt
    sender = clients.find_sender(receipt.sender_address) if receipt.sender_address else None
    screened = compliance.screen(subject_type="receipt", subject_id=receipt.id, name=receipt.sender_name or "unknown", now=now)
    if sender is not None:
        receipt.account = sender.account
    if reason := _doubt(receipt, sender, screened.result):
        quarantine(receipt=receipt, reason=reason)
        if reason == "CLIENT_FROZEN":
            freeze(receipt=receipt, now=now)
        return receipt
    move(receipt, ReceiptStatus.CLEARED, "account")
    _tell_house(receipt, "receipt.cleared")
    return receipt


def _doubt(receipt: Receipt, sender: Ssi | None, screening: str) -> str:
    """Why it cannot be credited without a person; "" where nothing speaks against it."""
    if screening == "HIT":
        return "SCREENING_HIT"
    if sender is None:
        return "UNKNOWN_SENDER"
    if client_rules.stricter(sender.account.owner.status, sender.account.status) is ClientStatus.FROZEN:
        return "CLIENT_FROZEN"
    if sender.asset_code != receipt.asset_id:
        return "WRONG_NETWORK_OR_MEMO"
    if receipt.sender_name and names.tokens(receipt.sender_name) != names.tokens(sender.holder):
        return "THIRD_PARTY"
    return ""


@step
def quarantine(*, receipt: Receipt, reason: str) -> None:
    """FINAL → QUARANTINED: compliance decides; no client is told."""
    receipt.quarantine_reason, receipt.owner_role = reason, "compliance"
    move(receipt, ReceiptStatus.QUARANTINED, "quarantine_reason", "owner_role", "account")
    _tell_house(receipt, "receipt.quarantined", reason=reason)


@step
def freeze(*, receipt: Receipt, now: datetime) -> None:
    """QUARANTINED or CLEARED → FROZEN: to blocked assets; never returned, netted, set off or charged while it is."""
    move(receipt, ReceiptStatus.FROZEN)
    ledger.post(
        key=f"receipt:{receipt.id}:frozen",
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
def match(*, receipt_id: UUID, prefunded: bool, now: datetime) -> Receipt:
    """CLEARED → MATCHED: to what this account owes in this asset, the rest to its balance. Left CLEARED where nothing is expected.

    :param prefunded: the account deals from its balance, so that whatever comes is credited
    """
    account_id = Receipt.objects.values_list("account_id", flat=True).get(id=receipt_id)
    assert account_id is not None, "a cleared receipt has an account"
    settling.lock_money(account_id=account_id)
    receipt = Receipt.objects.select_related("nostro").get(id=receipt_id)
    expected = Instruction.objects.filter(
        account_id=account_id, asset_id=receipt.asset_id, entity_id=receipt.nostro.entity_id, direction="RECEIVE", status__in=WAITING
    )
    chain = lock_chain(expected.values_list("id", flat=True))
    receipt = lock_receipt(receipt_id)
    if receipt.status != ReceiptStatus.CLEARED:
        return receipt
    waiting = sorted((i for i in chain.instructions.values() if i.status in WAITING), key=lambda i: (i.due_date, i.id))
    parts = matching.allocate(
        receipt.amount,
        receipt.remittance,
        [Expected(i.id, i.end_to_end_id, i.amount - i.settled_amount) for i in waiting],
    )
    announced = transfers.find_announced(account_id, receipt.asset_id, receipt.amount)
    if not parts and not prefunded and announced is None:
        return receipt
    for instruction_id, amount in parts:
        one = chain.instructions[instruction_id]
        one.settled_amount += amount
        whole = one.settled_amount == one.amount
        if whole or one.status != InstructionStatus.PART_RECEIVED:
            INSTRUCTION.move(one, InstructionStatus.RECEIVED if whole else InstructionStatus.PART_RECEIVED)
        one.settled_at = now if whole else None
        one.save(update_fields=["status", "settled_amount", "settled_at"])
        settling.apply(chain=chain, instruction=one, amount=amount, now=now)
        db.insert(ReceiptMatch(id=ids.uuid7(), receipt=receipt, instruction=one, amount=amount, matched_at=now))
    paid = sum((amount for _, amount in parts), money.ZERO)
    rest = receipt.amount - paid
    receipt.instruction_id = parts[0][0] if parts else None
    move(receipt, ReceiptStatus.MATCHED, "instruction")
    _post_applied(receipt, account_id, paid, rest, now)
    if rest:
        db.insert(ReceiptMatch(id=ids.uuid7(), receipt=receipt, instruction=None, amount=rest, matched_at=now))
        transfers.credit_deposit(receipt=receipt, announced=None if parts else announced, amount=rest, now=now)
    _tell_credited(receipt)
    return receipt


def _post_applied(receipt: Receipt, account_id: UUID, paid: Decimal, rest: Decimal, now: datetime) -> None:
    ledger.post(
        key=f"receipt:{receipt.id}:applied",
        kind="RECEIPT_APPLIED",
        source_type="receipt",
        source_id=receipt.id,
        lines=postings.receipt_applied(till_of(receipt.nostro), account_id=account_id, to_receivable=paid, to_balance=rest),
        effective_at=now,
        business_date=business_date(receipt.nostro.entity_id, now),
        narrative=receipt.rail_reference,
    )


def _tell_credited(receipt: Receipt) -> None:
    assert receipt.account is not None
    events.record(
        "receipt.credited",
        subject_type="receipt",
        subject_id=receipt.id,
        client_id=receipt.account.owner_id,
        account_id=receipt.account_id,
        public=views.describe_receipt(receipt),
    )


def _tell_house(receipt: Receipt, kind: str, **more: str) -> None:
    house = {"asset": receipt.asset_id, "amount": money.text(receipt.amount), "sender": receipt.sender_name, **more}
    events.record(kind, subject_type="receipt", subject_id=receipt.id, house=house)


def move(receipt: Receipt, status: ReceiptStatus, *fields: str) -> None:
    RECEIPT.move(receipt, status)
    receipt.save(update_fields=["status", *fields])
