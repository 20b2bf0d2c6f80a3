"""Receipts applied to what was expected, and taken off it again: one ledger transaction each way, linked."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Max

from apps.core import db, ids, money
from apps.core.unit import step
from apps.events import operations as events
from apps.ledger import operations as ledger
from apps.settlement.models import Deposit, Instruction, Receipt, ReceiptMatch
from apps.settlement.queries import describing, receiving
from apps.settlement.queries.locks import Chain, lock_chain, lock_receipt
from apps.settlement.rules import matching, postings
from apps.settlement.rules.matching import Part
from apps.settlement.states import INSTRUCTION, RECEIPT, InstructionStatus, NetSetStatus, ObligationStatus, ReceiptStatus

from . import settling, transfers
from .nostros import book_of, business_date, till_of


@step
def match(*, receipt_id: UUID, prefunded: bool, now: datetime) -> Receipt:
    """CLEARED → MATCHED: to what this account owes in this asset, the rest to its balance. Left CLEARED where nothing is expected,
    where its match was undone by people, and while its client is FROZEN.

    :param prefunded: the account deals from its balance, so that whatever comes is credited
    """
    account_id = Receipt.objects.values_list("account_id", flat=True).get(id=receipt_id)
    assert account_id is not None, "a cleared receipt has an account"
    account = settling.lock_money(account_id=account_id)
    receipt = Receipt.objects.select_related("nostro").get(id=receipt_id)
    chain = lock_chain(receiving.list_waiting(receipt).values_list("id", flat=True))
    receipt = lock_receipt(receipt_id)
    if receipt.status != ReceiptStatus.CLEARED or receipt.by_hand or account.is_frozen:
        return receipt
    tolerance = receiving.get_tolerance(receipt.asset_id)
    parts = matching.allocate([receiving.came(receipt)], receiving.expected(chain.instructions.values()), tolerance)
    announced = transfers.find_announced(account_id, receipt.asset_id, receipt.amount)
    if not parts and not prefunded and announced is None:
        return receipt
    apply(receipt=receipt, chain=chain, parts=parts, announced=None if parts else announced, now=now)
    return receipt


@step
def apply(*, receipt: Receipt, chain: Chain, parts: Sequence[Part], announced: Deposit | None, now: datetime) -> None:
    """CLEARED → MATCHED: `parts` pay their instructions, what they leave goes to the account's balance.

    :param receipt: locked, with its account; `chain` holds the locked instructions of the parts
    """
    assert receipt.account_id is not None
    nth = (receipt.matches.aggregate(most=Max("round"))["most"] or 0) + 1
    RECEIPT.move(receipt, ReceiptStatus.MATCHED)
    receipt.instruction_id = parts[0].instruction if parts else None
    receipt.save(update_fields=["status", "instruction"])
    for part in parts:
        one = chain.instructions[part.instruction]
        settling.receive(chain=chain, instruction=one, amount=part.amount + part.written_off, now=now)
        _keep(receipt, nth, one, part.amount, part.written_off, now)
    paid = sum((part.amount for part in parts), money.ZERO)
    off = sum((part.written_off for part in parts), money.ZERO)
    rest = receipt.amount - paid
    if rest:
        _keep(receipt, nth, None, rest, money.ZERO, now)
        transfers.credit_deposit(receipt=receipt, announced=announced, amount=rest, now=now)
    till = till_of(receipt.nostro)
    ledger.post(
        key=f"receipt:{receipt.id}:applied" if nth == 1 else f"receipt:{receipt.id}:applied:{nth}",
        kind="RECEIPT_APPLIED",
        source_type="receipt",
        source_id=receipt.id,
        lines=postings.receipt_applied(till, account_id=receipt.account_id, to_receivable=paid, to_balance=rest)
        + postings.written_off(till, book_of(receipt.nostro.entity_id), account_id=receipt.account_id, amount=off),
        effective_at=now,
        business_date=business_date(receipt.nostro.entity_id, now),
        narrative=receipt.rail_reference,
    )
    if off:
        house = {"asset": receipt.asset_id, "amount": money.text(off), "client": receipt.account.code if receipt.account else ""}
        events.record("receipt.written_off", subject_type="receipt", subject_id=receipt.id, house=house)
    tell(receipt, "receipt.credited")


def _keep(receipt: Receipt, nth: int, one: Instruction | None, amount: Decimal, off: Decimal, now: datetime) -> None:
    made = ReceiptMatch(id=ids.uuid7(), receipt=receipt, instruction=one, amount=amount, written_off=off, round=nth, matched_at=now)
    db.insert(made)


@step
def lock_for(*, receipt: Receipt) -> Chain:
    """What moves with a receipt that is taken off, in the house order of locks; the receipt itself comes after it."""
    if receipt.account_id is not None:
        settling.lock_money(account_id=receipt.account_id)
    return lock_chain(receiving.list_matches(receipt.id).exclude(instruction=None).values_list("instruction_id", flat=True))


def is_closed_out(chain: Chain) -> bool:
    """Whether what a receipt or a payment paid was closed out since: it is in the close-out's amount, and cannot be owed again."""
    ended = any(one.status == InstructionStatus.CANCELLED for one in chain.instructions.values())
    by_itself = any(one.status == ObligationStatus.CLOSED_OUT for one in chain.obligations.values())
    return ended or by_itself or any(one.status == NetSetStatus.CLOSED_OUT for one in chain.net_sets.values())


@step
def undo(*, receipt: Receipt, chain: Chain, now: datetime) -> None:
    """What a MATCHED receipt paid is owed again, a deposit out of it is REVERSED. The caller moves the receipt and posts the reversal.

    :param chain: nothing of it is closed out
    """
    for match in receiving.list_matches(receipt.id):
        if match.instruction_id is not None:
            _owe_again(chain, chain.instructions[match.instruction_id], match.amount + match.written_off, now)
        undo_one(match=match, now=now)
    transfers.reverse_deposit(receipt=receipt)


@step
def undo_one(*, match: ReceiptMatch, now: datetime) -> None:
    """The row that mirrors it. The caller moves what it paid."""
    db.insert(
        ReceiptMatch(
            id=ids.uuid7(),
            receipt_id=match.receipt_id,
            instruction_id=match.instruction_id,
            house_transfer_id=match.house_transfer_id,
            amount=-match.amount,
            written_off=-match.written_off,
            round=match.round,
            undoes=match,
            matched_at=now,
        )
    )


def _owe_again(chain: Chain, one: Instruction, amount: Decimal, now: datetime) -> None:
    """RECEIVED, PART_RECEIVED → EXPECTED, and PART_RECEIVED where other receipts stay."""
    one.settled_amount -= amount
    one.settled_at = None
    INSTRUCTION.move(one, InstructionStatus.EXPECTED)
    one.save(update_fields=["status", "settled_amount", "settled_at"])
    if one.settled_amount:
        INSTRUCTION.move(one, InstructionStatus.PART_RECEIVED)
        one.save(update_fields=["status"])
    settling.owe_again(chain=chain, instruction=one, amount=amount, now=now)


@step
def take_off(*, receipt: Receipt, chain: Chain, reason: str, now: datetime) -> None:
    """MATCHED → CLEARED: people had applied it, or the system, to what it was not for. Only people apply it again."""
    undo(receipt=receipt, chain=chain, now=now)
    ledger.reverse(
        source_id=receipt.id,
        kinds=["RECEIPT_APPLIED"],
        effective_at=now,
        business_date=business_date(receipt.nostro.entity_id, now),
        narrative=reason[:200],
    )
    RECEIPT.move(receipt, ReceiptStatus.CLEARED)
    receipt.by_hand, receipt.owner_role, receipt.instruction = True, "operations", None
    receipt.save(update_fields=["status", "by_hand", "owner_role", "instruction"])
    tell(receipt, "receipt.unmatched", reason=reason)


def tell(receipt: Receipt, kind: str, **house: str) -> None:
    """To the client, once it is known whose money it is; what compliance thinks of it stays in the house."""
    account = receipt.account
    facts: Mapping[str, str] = {"asset": receipt.asset_id, "amount": money.text(receipt.amount), "sender": receipt.sender_name, **house}
    if account is None:
        events.record(kind, subject_type="receipt", subject_id=receipt.id, house=facts)
        return
    events.record(
        kind,
        subject_type="receipt",
        subject_id=receipt.id,
        client_id=account.owner_id,
        account_id=account.id,
        public=describing.describe_receipt(receipt),
        house=facts,
    )
