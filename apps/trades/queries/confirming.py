"""Confirmations, disputes and what of a block is taken by whom."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from apps.core import ids, money
from apps.core.db import AmountField
from apps.core.errors import IllegalMove
from apps.rfqs.queries import stamp
from apps.trades.models import Allocation, Confirmation, Dispute, Trade, TradeVersion
from apps.trades.states import AllocationStatus, ConfirmationStatus, DisputeStatus, TradeKind, TradeStatus

from .deals import describe_version, get_version, list_accepted

UNANSWERED = [ConfirmationStatus.DUE, ConfirmationStatus.SENT, ConfirmationStatus.DISPUTED]


def find_confirmation(trade: Trade, number: int | None = None) -> Confirmation | None:
    """Of the current version, or of the one asked for; None where it is not made yet."""
    return Confirmation.objects.select_related("version").filter(trade=trade, version__number=number or trade.version).first()


def list_unaffirmed() -> QuerySet[Confirmation]:
    """What clients have not affirmed of deals that stand, the oldest first."""
    rows = Confirmation.objects.filter(status__in=UNANSWERED, trade__status=TradeStatus.ACTIVE).select_related(
        "trade", "trade__counterparty", "trade__account", "version"
    )
    return rows.order_by("made_at", "id")


def list_due_reminders(now: datetime, limit: int = 500) -> list[UUID]:
    due = Confirmation.objects.filter(status=ConfirmationStatus.SENT, trade__status=TradeStatus.ACTIVE, due_at__lte=now).order_by("due_at")
    return list(due.values_list("id", flat=True)[:limit])


def get_confirmation(confirmation_id: UUID) -> Confirmation:
    return Confirmation.objects.get(id=confirmation_id)


def lock_confirmation(confirmation_id: UUID) -> Confirmation:
    return Confirmation.objects.select_for_update(no_key=True, of=("self",)).select_related("version").get(id=confirmation_id)


def find_dispute(trade_id: UUID) -> Dispute | None:
    """The open one."""
    return Dispute.objects.filter(trade_id=trade_id, status=DisputeStatus.OPEN).first()


def list_disputes() -> QuerySet[Dispute]:
    """Open ones, the first due first."""
    rows = Dispute.objects.filter(status=DisputeStatus.OPEN).select_related("trade", "trade__counterparty", "trade__account", "version")
    return rows.order_by("due_at", "id")


def lock_dispute(trade_id: UUID) -> Dispute:
    """:raises IllegalMove: none is open"""
    rows = Dispute.objects.select_for_update(no_key=True, of=("self",)).select_related("version")
    found = rows.filter(trade_id=trade_id, status=DisputeStatus.OPEN).first()
    if found is None:
        raise IllegalMove("no dispute of this deal is open")
    return found


def list_disputed(trade_ids: Sequence[UUID]) -> set[UUID]:
    """Those with an open dispute."""
    return set(Dispute.objects.filter(trade_id__in=trade_ids, status=DisputeStatus.OPEN).values_list("trade_id", flat=True))


def has_unallocated(trade_ids: Sequence[UUID], *, account_id: UUID) -> bool:
    """Whether one of these is a block of this account of which a part was given to others, or refused by them, and a rest was not."""
    started = Q(allocations__status__in=[AllocationStatus.ACCEPTED, AllocationStatus.REJECTED, AllocationStatus.PROPOSED])
    blocks = Trade.objects.filter(started, id__in=trade_ids, account_id=account_id, status=TradeStatus.ACTIVE).distinct()
    return any(unallocated(one) > 0 for one in blocks)


def unallocated(trade: Trade) -> Decimal:
    """What of a block nobody else has taken, in base."""
    whole: Decimal = get_version(trade).quantity
    return whole - sum((one.quantity for one in list_accepted(trade)), money.ZERO)


def describe_unallocated(trade: Trade) -> str:
    return money.text(unallocated(trade))


def list_unallocated() -> QuerySet[Trade]:
    """Blocks that were given to other accounts in part, or refused by one, the oldest first."""
    started = Q(allocations__status__in=[AllocationStatus.ACCEPTED, AllocationStatus.REJECTED, AllocationStatus.PROPOSED])
    rows = Trade.objects.filter(started, status=TradeStatus.ACTIVE).select_related("counterparty", "account").distinct()
    taken = Coalesce(
        Sum("allocations__quantity", filter=Q(allocations__status=AllocationStatus.ACCEPTED)), money.ZERO, output_field=AmountField()
    )
    whole = TradeVersion.objects.filter(trade=OuterRef("pk"), number=OuterRef("version")).values("quantity")
    return rows.annotate(taken=taken, whole=Subquery(whole)).filter(taken__lt=F("whole")).order_by("booked_at", "id")


def has_unaffirmed(trade_ids: Sequence[UUID]) -> bool:
    """Whether the client has not affirmed the current version of one of these deals."""
    ours = Trade.objects.filter(id__in=trade_ids, kind=TradeKind.CLIENT)
    affirmed = Confirmation.objects.filter(trade__in=ours, version__number=F("trade__version"), status=ConfirmationStatus.AFFIRMED)
    return ours.count() > affirmed.count()


def confirmation_document(trade: Trade, version: TradeVersion, number: int) -> dict[str, Any]:
    """What a confirmation says: both sides, the deal, its version; amounts as decimal strings."""
    account = trade.account
    assert account is not None, "a client's deal has an account"
    return {
        "number": number,
        "house": {"name": trade.entity.name, "lei": trade.entity.lei},
        "client": {"name": trade.counterparty.name, "lei": trade.counterparty.lei, "account": account.code},
        "trade_id": ids.encode("trd", trade.id),
        "client_order_id": trade.client_order_id,
        "instrument": trade.pair_id,
        "trade_date": trade.trade_date.isoformat(),
        "booked_at": stamp(trade.booked_at),
        **describe_version(version),
    }


def describe_confirmation(one: Confirmation | None, trade: Trade, version: TradeVersion | None = None) -> dict[str, Any]:
    """A confirmation as REST and events tell it; one that is not made yet is DUE and has no number."""
    if one is None:
        version = version or get_version(trade)
        document = confirmation_document(trade, version, 0)
        return {"trade_id": document["trade_id"], "version": version.number, "status": "DUE", "document": {**document, "number": None}}
    told = {
        "trade_id": ids.encode("trd", trade.id),
        "version": one.version.number,
        "status": str(one.status),
        "number": one.number,
        "digest": one.digest,
        "document": one.document,
        "due_at": stamp(one.due_at),
    }
    if one.sent_at is not None:
        told["sent_at"] = stamp(one.sent_at)
    if one.answered_at is not None:
        told |= {"answered_at": stamp(one.answered_at), "answered_by": "you" if one.answered_kind == "MEMBER" else "us on your behalf"}
    return told


def describe_dispute(one: Dispute) -> dict[str, Any]:
    told = {
        "id": ids.encode("dsp", one.id),
        "trade_id": ids.encode("trd", one.trade_id),
        "version": one.version.number,
        "status": str(one.status),
        "reason": one.reason,
        "detail": one.detail,
        "raised_at": stamp(one.raised_at),
        "due_at": stamp(one.due_at),
    }
    return told | ({} if one.ended_at is None else {"ended_at": stamp(one.ended_at), "outcome": one.outcome})


def describe_allocation(one: Allocation) -> dict[str, Any]:
    """A share of a block as REST and events tell it."""
    told = {
        "id": ids.encode("alc", one.id),
        "trade_id": ids.encode("trd", one.trade_id),
        "account_id": ids.encode("acc", one.account_id),
        "quantity": money.text(one.quantity),
        "status": str(one.status),
        "proposed_at": stamp(one.proposed_at),
    }
    return told | ({"refusal": one.refusal, "detail": one.detail} if one.refusal else {})
