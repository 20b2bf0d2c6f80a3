"""Confirmations, one a version: made, sent, answered by the client or for it; and the disputes that an answer may be."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from apps.core import db, ids
from apps.core.actor import Actor
from apps.core.unit import step
from apps.events import operations as events
from apps.events.models import Event
from apps.events.operations import Subscriber
from apps.trades import queries
from apps.trades.errors import AlreadyDisputed
from apps.trades.models import Confirmation, Dispute, Trade, TradeVersion
from apps.trades.states import CONFIRMATION, DISPUTE, ConfirmationStatus, DisputeStatus

ANSWER_WITHIN = timedelta(hours=24)  # after it was sent; then it is reminded, every 24 hours
RESOLVE_WITHIN = timedelta(days=2)  # a dispute
_NUMBERS = "SELECT pg_advisory_xact_lock(hashtextextended('confirmation:' || %s, 0))"


def digest_of(document: dict[str, Any]) -> str:
    """SHA-256 of the document as JSON with sorted keys and no spaces, in hexadecimal."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


@step
def confirm(*, trade: Trade, now: datetime) -> Confirmation:
    """Every version of a deal has its confirmation; that of the current one is sent. The caller holds the deal's row."""
    there = {one.version_id: one for one in Confirmation.objects.filter(trade=trade)}
    last = None
    for version in queries.list_versions(trade):
        last = there.get(version.id) or _make(trade, version, now)
        if version.number != trade.version and last.status != ConfirmationStatus.SUPERSEDED:
            CONFIRMATION.move(last, ConfirmationStatus.SUPERSEDED)
            last.save(update_fields=["status"])
    assert last is not None, "a deal has a version"
    if last.status == ConfirmationStatus.DUE:
        CONFIRMATION.move(last, ConfirmationStatus.SENT)
        last.sent_at = now
        last.save(update_fields=["status", "sent_at"])
        _tell("confirmation.sent", last, trade)
    return last


def _make(trade: Trade, version: TradeVersion, now: datetime) -> Confirmation:
    db.run(_NUMBERS, (str(trade.counterparty_id),))
    number = (
        Confirmation.objects.filter(client_id=trade.counterparty_id).order_by("-number").values_list("number", flat=True).first() or 0
    ) + 1
    document = queries.confirmation_document(trade, version, number)
    made = Confirmation(
        id=ids.uuid7(),
        trade=trade,
        version=version,
        client_id=trade.counterparty_id,
        number=number,
        document=document,
        digest=digest_of(document),
        made_at=now,
        due_at=now + ANSWER_WITHIN,
    )
    db.insert(made)
    return made


@step
def confirm_booked(*, event: Event, now: datetime) -> None:
    """What a subscriber of booked deals does; told twice, it is confirmed once."""
    confirm(trade=queries.lock_trade(event.subject_id), now=now)


CONFIRM = Subscriber(kinds=frozenset({"trade.booked"}), handle=confirm_booked)


@step
def affirm(*, trade: Trade, actor: Actor, evidence: str, now: datetime) -> Confirmation:
    """SENT or DISPUTED → AFFIRMED: the current version is what the client dealt. The caller holds the deal's row.

    :param evidence: where the client's word lies, when one of ours keeps it
    :raises IllegalMove: it is affirmed
    """
    one = confirm(trade=trade, now=now)
    return _answer(one, trade, ConfirmationStatus.AFFIRMED, actor, evidence, now)


@step
def dispute(*, trade: Trade, actor: Actor, reason: str, detail: str, evidence: str, now: datetime) -> Dispute:
    """SENT → DISPUTED, and a dispute that is open until a version, a rejection by two or the client ends it.

    :raises IllegalMove: it is affirmed
    :raises AlreadyDisputed: a dispute of the deal is open
    """
    assert actor.id is not None
    one = confirm(trade=trade, now=now)
    if one.status != ConfirmationStatus.DISPUTED:
        _answer(one, trade, ConfirmationStatus.DISPUTED, actor, evidence, now)
    made = Dispute(
        id=ids.uuid7(),
        trade=trade,
        version=queries.get_version(trade),
        reason=reason,
        detail=detail[:300],
        evidence=evidence[:300],
        raised_kind=actor.kind,
        raised_by=actor.id,
        raised_name=actor.name[:120],
        raised_at=now,
        due_at=now + RESOLVE_WITHIN,
    )
    with db.refuse_on("dispute_one_open", AlreadyDisputed()):
        db.insert(made)
    _tell_dispute("dispute.opened", made, trade)
    return made


@step
def take_dispute(*, trade: Trade, actor: Actor) -> Dispute:
    """Somebody of ours looks after it from now on.

    :raises IllegalMove: none is open
    """
    one = queries.lock_dispute(trade.id)
    one.owner_id, one.owner_name = actor.id, actor.name[:120]
    one.save(update_fields=["owner_id", "owner_name"])
    events.record("dispute.taken", subject_type="trade", subject_id=trade.id, house={"by": actor.name})
    return one


@step
def end_dispute(
    *, trade: Trade, status: DisputeStatus, outcome: str, by: UUID | None, now: datetime, resolution: TradeVersion | None = None
) -> Dispute:
    """OPEN → UPHELD (by a version), REJECTED or WITHDRAWN; what was kept out of net sets goes into the next.

    :raises IllegalMove: none is open
    """
    one = queries.lock_dispute(trade.id)
    DISPUTE.move(one, status)
    one.ended_at, one.ended_by, one.outcome, one.resolution = now, by, outcome[:200], resolution
    one.save(update_fields=["status", "ended_at", "ended_by", "outcome", "resolution"])
    _tell_dispute(f"dispute.{status.lower()}", one, trade)
    return one


@step
def remind(*, confirmation: Confirmation, trade: Trade, now: datetime) -> Confirmation:
    """Tell the client again that we wait for its answer."""
    confirmation.reminders += 1
    confirmation.reminded_at, confirmation.due_at = now, now + ANSWER_WITHIN
    confirmation.save(update_fields=["reminders", "reminded_at", "due_at"])
    _tell("confirmation.reminded", confirmation, trade)
    return confirmation


def _answer(one: Confirmation, trade: Trade, status: ConfirmationStatus, actor: Actor, evidence: str, now: datetime) -> Confirmation:
    CONFIRMATION.move(one, status)
    one.answered_at, one.answered_by, one.answered_kind = now, actor.id, actor.kind
    one.answered_name, one.evidence = actor.name[:120], evidence[:300]
    one.save(update_fields=["status", "answered_at", "answered_by", "answered_kind", "answered_name", "evidence"])
    _tell(f"confirmation.{status.lower()}", one, trade)
    return one


def _tell(kind: str, one: Confirmation, trade: Trade) -> None:
    events.record(
        kind,
        subject_type="trade",
        subject_id=trade.id,
        client_id=trade.counterparty_id,
        account_id=trade.account_id,
        public=queries.describe_confirmation(one, trade),
        house={"number": one.number, "by": one.answered_name, "evidence": one.evidence},
    )


def _tell_dispute(kind: str, one: Dispute, trade: Trade) -> None:
    events.record(
        kind,
        subject_type="trade",
        subject_id=trade.id,
        client_id=trade.counterparty_id,
        account_id=trade.account_id,
        public=queries.describe_dispute(one),
        house={"by": one.raised_name, "owner": one.owner_name, "evidence": one.evidence},
    )
