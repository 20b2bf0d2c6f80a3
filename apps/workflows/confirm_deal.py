"""What the client says to a confirmation: it affirms the deal or disputes it, itself or through one of ours who keeps the evidence."""

from datetime import datetime
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.clients.rules import ANSWERS
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.trades import operations as trades
from apps.trades import queries
from apps.trades.errors import BadVersion, NoWord, OtherVersion
from apps.trades.models import Confirmation, Dispute, Trade
from apps.trades.states import ConfirmationStatus, DisputeStatus
from apps.users import rules as people

from . import restate_deal

REASONS = ("PRICE", "QUANTITY", "SIDE", "FEE", "VALUE_DATE", "DUPLICATE", "NOT_DEALT", "OTHER")
KIND = "dispute"


@use_case
def affirm_trade(*, actor: Actor, trade_id: UUID, version: int, evidence: str = "", now: datetime) -> tuple[Confirmation, Trade]:
    """This version is what was agreed, a cancellation too; a dispute that is open is taken back with that.

    :param version: the one that was read: nobody affirms what has changed since
    :raises AppError: NotFound, RoleMissing, NoWord, OtherVersion, IllegalMove
    """
    trade = _lock(actor, trade_id, version, evidence)
    affirmed = trades.affirm(trade=trade, actor=actor, evidence=evidence.strip(), now=now)
    if queries.find_dispute(trade.id) is not None:
        trades.end_dispute(trade=trade, status=DisputeStatus.WITHDRAWN, outcome="affirmed", by=actor.id, now=now)
    return affirmed, trade


@use_case
def dispute_trade(
    *, actor: Actor, trade_id: UUID, version: int, reason: str, detail: str = "", evidence: str = "", now: datetime
) -> Dispute:
    """This version is not what was dealt: what is OPEN of it stays out of net sets, and what is unsent is blocked.

    :param reason: one of REASONS
    :raises AppError: NotFound, RoleMissing, NoWord, OtherVersion, IllegalMove, AlreadyDisputed, BadVersion
    """
    if reason not in REASONS:
        raise BadVersion(f"one of {', '.join(REASONS)}", pointer="/reason")
    trade = _lock(actor, trade_id, version, evidence)
    return trades.dispute(trade=trade, actor=actor, reason=reason, detail=detail.strip(), evidence=evidence.strip(), now=now)


@use_case
def withdraw_dispute(*, actor: Actor, trade_id: UUID, reason: str, evidence: str = "", now: datetime) -> Dispute:
    """The client takes its dispute back; the deal is as it was, and still to be affirmed.

    :raises AppError: NotFound, RoleMissing, NoWord
    """
    trade = _lock(actor, trade_id, None, evidence)
    return trades.end_dispute(trade=trade, status=DisputeStatus.WITHDRAWN, outcome=reason.strip(), by=actor.id, now=now)


@use_case
def take_dispute(*, actor: Actor, trade_id: UUID, now: datetime) -> Dispute:
    """One of operations looks after it.

    :raises AppError: RoleMissing, NotFound
    """
    people.require_may(actor.roles, KIND)
    return trades.take_dispute(trade=queries.lock_trade(trade_id), actor=actor)


@use_case
def ask_rejection(*, actor: Actor, trade_id: UUID, reason: str, now: datetime) -> Approval:
    """Ask that a dispute is rejected: the deal stands as it is. The reason is told to the client.

    :raises AppError: RoleMissing, NotFound, BadVersion, ApprovalOpen
    """
    people.require_may(actor.roles, KIND)
    if not reason.strip():
        raise BadVersion("say why, in words that the client is told", pointer="/reason")
    trade = queries.get_trade(trade_id, actor=actor)
    one = queries.lock_dispute(trade_id)
    return approvals.request(
        kind=KIND,
        subject_type="trade",
        subject_id=trade_id,
        subject_version=_state(trade, one),
        title=f"Reject the dispute of {trade.counterparty.name}: {trade.pair_id}, {one.reason.lower().replace('_', ' ')}",
        payload={"status": "REJECTED", "reason": reason.strip()[:200]},
        before={"status": str(one.status), "disputed_for": one.reason, "detail": one.detail, "evidence": one.evidence},
        maker=actor,
        checker_roles=people.ACTS[KIND][1],
        now=now,
    )


@step
def reject(*, approval: Approval, checker: Actor, now: datetime) -> Dispute:
    """What an approved request of kind "dispute" does."""
    trade = queries.lock_trade(approval.subject_id)
    return trades.end_dispute(trade=trade, status=DisputeStatus.REJECTED, outcome=approval.payload["reason"], by=checker.id, now=now)


def dispute_version(approval: Approval) -> str:
    """The dispute of a request as it is now; none, once it has ended."""
    trade = restate_deal.lock_deal(approval.subject_id)
    one = queries.find_dispute(trade.id)
    return "none" if one is None else _state(trade, one)


@use_case
def remind(*, confirmation_id: UUID, now: datetime) -> Confirmation | None:
    """Tell the client that we wait for its answer; None when it has come, or somebody was faster."""
    found = queries.get_confirmation(confirmation_id)
    trade = queries.lock_trade(found.trade_id)
    one = queries.lock_confirmation(confirmation_id)
    if one.status != ConfirmationStatus.SENT or one.due_at > now:
        return None
    return trades.remind(confirmation=one, trade=trade, now=now)


def _lock(actor: Actor, trade_id: UUID, version: int | None, evidence: str) -> Trade:
    """The deal, locked with what a freeze of its account waits for: it freezes before this or after, never beside."""
    seen = queries.get_trade(trade_id, actor=actor)
    if actor.is_client:
        if not clients.has_role(actor, seen.account_id, ANSWERS):
            raise NoWord("trader or settlement authority is needed")
    else:
        people.require_may(actor.roles, "affirm")
        if not evidence.strip():
            raise NoWord("say where the client's word lies")
    trade = restate_deal.lock_deal(seen.id)
    if version is not None and version != trade.version:
        raise OtherVersion(f"version {trade.version} is the current one")
    return trade


def _state(trade: Trade, one: Dispute) -> str:
    return f"{one.id}:{one.status}:{trade.version}"
