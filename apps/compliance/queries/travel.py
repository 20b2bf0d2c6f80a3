"""What travels with transfers, and what keeps one from travelling."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.clients.rules import places
from apps.compliance.models import TravelMessage, TravelRecord, WalletHost
from apps.compliance.states import MessageStatus

BATCH = 200
ASK_AGAIN = timedelta(minutes=5)  # after a lost answer, in desk time


def find_record(subject_id: UUID) -> TravelRecord | None:
    """The last version."""
    return TravelRecord.objects.filter(subject_id=subject_id).order_by("-version").first()


def is_told(subject_id: UUID, message: str) -> bool:
    """Whether this message is kept with the transfer, in whatever version."""
    return TravelRecord.objects.filter(subject_id=subject_id, source="MESSAGE", message=message).exists()


def find_host(address: str) -> WalletHost | None:
    """What is known last of where a wallet lies, however its address is written."""
    return WalletHost.objects.filter(address=places.canonical(address)).order_by("-version").first() if address else None


def why_held(subject_id: UUID) -> str:
    """What keeps a transfer of ours from leaving; "" where nothing of the travel rule does."""
    record = find_record(subject_id)
    if record is None:
        return "no record of who sends and who receives"
    if record.faults:
        return f"incomplete: {record.faults[0]}" + (f", and {len(record.faults) - 1} more" if len(record.faults) > 1 else "")
    told = TravelMessage.objects.filter(record=record).first()
    if told is None or told.status == MessageStatus.ACCEPTED:
        return ""
    return f"{told.vasp_name} " + ("refuses it: " + told.reason if told.status == MessageStatus.REJECTED else "has not answered")


def list_due(now: datetime, *, among: QuerySet[Any]) -> list[TravelMessage]:
    """Messages to send, and those without an answer that are asked about again; none of a record that another has replaced.

    :param among: the ids of the transfers that can still leave
    """
    due = Q(status=MessageStatus.DUE) | Q(status=MessageStatus.NO_ANSWER, tried_at__lte=now - ASK_AGAIN)
    later = TravelRecord.objects.filter(subject_id=OuterRef("record__subject_id"), version__gt=OuterRef("record__version"))
    rows = TravelMessage.objects.filter(due, ~Exists(later), record__subject_id__in=among)
    return list(rows.select_related("record").order_by("id")[:BATCH])


def list_exceptions() -> QuerySet[TravelRecord]:
    """The last records of transfers that are incomplete, unanswered or refused; the youngest first."""
    last = TravelRecord.objects.order_by("subject_id", "-version").distinct("subject_id").values("id")
    bad = ~Q(faults=[]) | Q(told__status__in=[MessageStatus.DUE, MessageStatus.NO_ANSWER, MessageStatus.REJECTED])
    return TravelRecord.objects.filter(id__in=last).filter(bad).select_related("told").order_by("-made_at", "-id")


def list_records() -> QuerySet[TravelRecord]:
    """Every version of every one, the youngest first."""
    return TravelRecord.objects.select_related("told").order_by("-made_at", "-id")


def list_hosts() -> list[WalletHost]:
    """Every wallet of which something is said, as it stands."""
    return list(WalletHost.objects.order_by("address", "-version").distinct("address"))
