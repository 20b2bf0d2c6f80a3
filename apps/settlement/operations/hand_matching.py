"""Matching by people: one of operations says what receipts pay, or that a match was wrong; another one of operations answers."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.core import money
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.core.unit import step
from apps.settlement.errors import BadMatch
from apps.settlement.models import Receipt
from apps.settlement.queries import receiving
from apps.settlement.queries.locks import Chain, lock_chain, lock_receipt
from apps.settlement.rules import matching as rules
from apps.settlement.rules.matching import Part
from apps.settlement.states import ReceiptStatus
from apps.users import rules as roles

from . import matching, settling
from .receipts import block

MATCH, UNDO = "match", "unmatch"


# --- apply by hand ----------------------------------------------------------------------------------------------------------
@step
def ask(*, maker: Actor, parts: Sequence[Part], receipt_ids: Sequence[UUID], rest_to_balance: bool, reason: str, now: datetime) -> Approval:
    """Ask that receipts of one account be applied: n:1, 1:n, or (no parts) to its balance alone.

    :param rest_to_balance: what the parts leave is the client's, on its balance
    :raises NotFound: no such receipt
    :raises BadMatch: they are not cleared, not of one account and asset, or the parts do not fit
    """
    if not reason:
        raise BadMatch("say why")
    wanted = sorted(set(receipt_ids))
    chain, receipts = _lock(wanted)
    why = _why_bad(chain, receipts, parts, rest_to_balance=rest_to_balance)
    if why:
        raise BadMatch(why)
    first = receipts[0]
    whole = sum((one.amount for one in receipts), money.ZERO)
    return approvals.request(
        kind=MATCH,
        subject_type="receipt",
        subject_id=first.id,
        subject_version=_state(chain, receipts),
        title=f"Apply {money.text(whole)} {first.asset_id} of {first.account.code if first.account else ''}",
        payload={
            "receipts": [str(one.id) for one in receipts],
            "references": [one.rail_reference for one in receipts],
            "parts": [_told(chain, part) for part in parts],
            "rest": money.text(whole - sum((part.amount for part in parts), money.ZERO)),
            "reason": reason,
        },
        maker=maker,
        checker_roles=roles.ACTS["match"][1],
        now=now,
    )


def version(approval: Approval) -> str:
    """Locks the account's money, what waits and the receipts; then what they are now."""
    return _state(*_lock([UUID(one) for one in approval.payload["receipts"]]))


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """CLEARED → MATCHED, every receipt of the request.

    :raises BadMatch: the client is frozen by now
    """
    asked = approval.payload
    parts = [
        Part(UUID(one["receipt"]), UUID(one["instruction"]), Decimal(one["amount"]), Decimal(one["written_off"])) for one in asked["parts"]
    ]
    chain, receipts = _lock([UUID(one) for one in asked["receipts"]])
    why = _why_bad(chain, receipts, parts, rest_to_balance=True)
    if why:
        raise BadMatch(why)
    for one in receipts:
        matching.apply(receipt=one, chain=chain, parts=[p for p in parts if p.receipt == one.id], announced=None, now=now)


def _lock(receipt_ids: Sequence[UUID]) -> tuple[Chain, list[Receipt]]:
    """The account's money, then all that waits for it, then the receipts.

    :raises BadMatch: none, or of several accounts
    """
    seen = list(Receipt.objects.select_related("nostro").filter(id__in=receipt_ids).order_by("id"))
    if not seen or len(seen) != len(set(receipt_ids)):
        raise NotFound("no such receipt")
    first = seen[0]
    if first.account_id is None or {(one.account_id, one.asset_id, one.nostro.entity_id) for one in seen} != {
        (first.account_id, first.asset_id, first.nostro.entity_id)
    }:
        raise BadMatch("receipts of one account, asset and booking entity are applied together")
    settling.lock_money(account_id=first.account_id)
    chain = lock_chain(receiving.list_waiting(first).values_list("id", flat=True))
    return chain, [lock_receipt(one.id) for one in seen]


def _why_bad(chain: Chain, receipts: Sequence[Receipt], parts: Sequence[Part], *, rest_to_balance: bool) -> str:
    late = [one for one in receipts if one.status != ReceiptStatus.CLEARED]
    if late:
        return f"{late[0].rail_reference} is {late[0].status}"
    account = receipts[0].account
    if account is None or account.is_frozen:
        return "nothing of a frozen client is applied"
    came = [receiving.came(one) for one in receipts]
    expected = receiving.expected(chain.instructions.values())
    tolerance = receiving.get_tolerance(receipts[0].asset_id)
    return rules.why_bad(came, expected, parts, tolerance, rest_to_balance=rest_to_balance)


def _state(chain: Chain, receipts: Sequence[Receipt]) -> str:
    waiting = ",".join(f"{one.id}={one.outstanding.normalize():f}" for one in receiving.expected(chain.instructions.values()))
    return approvals.payload_hash({"receipts": [f"{one.id}:{one.status}" for one in receipts], "waiting": waiting})[:32]


def _told(chain: Chain, part: Part) -> dict[str, Any]:
    return {
        "receipt": str(part.receipt),
        "instruction": str(part.instruction),
        "reference": chain.instructions[part.instruction].end_to_end_id,
        "amount": money.text(part.amount),
        "written_off": money.text(part.written_off),
    }


# --- undo -------------------------------------------------------------------------------------------------------------------
@step
def ask_undo(*, maker: Actor, receipt_id: UUID, reason: str, now: datetime) -> Approval:
    """Ask that a receipt be taken off what it paid.

    :raises NotFound: no such receipt
    :raises BadMatch: it is not MATCHED, what it paid was closed out, or no reason is given
    """
    if not reason:
        raise BadMatch("say why")
    chain, receipt = _lock_undo(receipt_id)
    if receipt.status != ReceiptStatus.MATCHED:
        raise BadMatch(f"{receipt.rail_reference} is {receipt.status}")
    if receipt.account_id is None:
        raise BadMatch("it is no client's: what ended a house transfer stays with it")
    if matching.is_closed_out(chain):
        raise BadMatch("what it paid was closed out since")
    paid = [
        {"reference": one.instruction.end_to_end_id if one.instruction else "the client's balance", "amount": money.text(one.amount)}
        for one in receiving.list_matches(receipt.id).select_related("instruction")
    ]
    return approvals.request(
        kind=UNDO,
        subject_type="receipt",
        subject_id=receipt.id,
        subject_version=_undo_state(receipt),
        title=f"Take {money.text(receipt.amount)} {receipt.asset_id} ({receipt.rail_reference}) off what it paid",
        payload={"reason": reason},
        before={"paid": paid},
        maker=maker,
        checker_roles=roles.ACTS["match"][1],
        now=now,
    )


def undo_version(approval: Approval) -> str:
    """Locks all that moves with the receipt, then what it is now."""
    return _undo_state(_lock_undo(approval.subject_id)[1])


@step
def execute_undo(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """MATCHED → CLEARED, and of a frozen client on to FROZEN; what it had paid is owed again.

    :raises BadMatch: what it paid was closed out meanwhile
    """
    chain, receipt = _lock_undo(approval.subject_id)
    if matching.is_closed_out(chain):
        raise BadMatch("what it paid was closed out since")
    matching.take_off(receipt=receipt, chain=chain, reason=approval.payload["reason"], now=now)
    if receipt.account is not None and receipt.account.is_frozen:
        block(receipt=receipt, now=now)


def _lock_undo(receipt_id: UUID) -> tuple[Chain, Receipt]:
    seen = Receipt.objects.filter(id=receipt_id).first()
    if seen is None:
        raise NotFound("no such receipt")
    return matching.lock_for(receipt=seen), lock_receipt(receipt_id)


def _undo_state(receipt: Receipt) -> str:
    newest = receiving.list_matches(receipt.id).last()
    return f"{receipt.status}:{newest.id if newest else ''}"
