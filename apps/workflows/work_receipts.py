"""What people do with money that came: take it on, write about it, apply it by hand, take it off again, set what may fall short."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.approvals.models import Approval
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.settlement import queries as settlement
from apps.settlement.models import Receipt, ReceiptNote
from apps.settlement.operations import hand_matching, receipts, tolerances
from apps.settlement.rules.matching import Part
from apps.users import rules as roles

from . import restate_deal

WORK = "receipt_work"


@use_case
def take_receipt(*, actor: Actor, receipt_id: UUID, now: datetime) -> Receipt:
    """Somebody of the role that has to act on it looks after it from now on.

    :raises AppError: NotFound, RoleMissing (nobody who works on receipts, or not of this one's role)
    """
    roles.require_may(actor.roles, WORK)
    settlement.get_receipt(receipt_id, actor=actor)
    return receipts.take(receipt_id=receipt_id, actor=actor)


@use_case
def note_receipt(*, actor: Actor, receipt_id: UUID, text: str, now: datetime) -> ReceiptNote:
    """What somebody found out about it, kept beside it.

    :raises AppError: RoleMissing, NotFound, BadDecision
    """
    roles.require_may(actor.roles, WORK)
    found = settlement.get_receipt(receipt_id, actor=actor)
    return receipts.note(receipt=found, actor=actor, text=text, now=now)


@use_case
def request_match(
    *, actor: Actor, receipt_ids: Sequence[UUID], parts: Sequence[Part], rest_to_balance: bool, reason: str, now: datetime
) -> Approval:
    """Ask that receipts be applied so; another one of operations answers.

    :raises AppError: RoleMissing, NotFound, BadMatch, ApprovalOpen
    """
    roles.require_may(actor.roles, "match")
    return hand_matching.ask(maker=actor, parts=parts, receipt_ids=receipt_ids, rest_to_balance=rest_to_balance, reason=reason, now=now)


@use_case
def request_unmatch(*, actor: Actor, receipt_id: UUID, reason: str, now: datetime) -> Approval:
    """Ask that a receipt be taken off what it paid; another one of operations answers.

    :raises AppError: RoleMissing, NotFound, BadMatch, ApprovalOpen
    """
    roles.require_may(actor.roles, "match")
    return hand_matching.ask_undo(maker=actor, receipt_id=receipt_id, reason=reason, now=now)


def unmatch_version(approval: Approval) -> str:
    """Locks all that moves with the receipt, its account's lines first; then what it is now."""
    return hand_matching.undo_version(approval)


@step
def unmatch(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request of kind "unmatch" does: the receipt is taken off, and the deals that it had paid take of their lines again.

    :raises BadMatch: what it paid was closed out meanwhile
    """
    hand_matching.execute_undo(approval=approval, checker=checker, now=now)
    restate_deal.carry_again(receipt_id=approval.subject_id, now=now)


@use_case
def request_tolerance(*, actor: Actor, asset: str, amount: Decimal, reason: str, now: datetime) -> Approval:
    """Ask by how much a payment of an asset may fall short; finance answers.

    :raises AppError: RoleMissing, NotFound, BadTolerance, ApprovalOpen
    """
    roles.require_may(actor.roles, tolerances.ACT)
    return tolerances.ask(maker=actor, asset=asset, amount=amount, reason=reason, now=now)
