"""Transactions of ours on their way on a chain, and what may replace them."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Max

from apps.settlement.models import Instruction, Replacement, StatementLine
from apps.settlement.states import InstructionStatus, ReplacementStatus

from .due import BATCH


def is_stuck(i: Instruction, now: datetime) -> bool:
    """Whether its youngest transaction has been on its way for longer than it should, and nothing of it is booked."""
    if i.status != InstructionStatus.SENT or i.direction == "DRAW" or i.settled_amount or i.sent_at is None:
        return False
    last = Replacement.objects.filter(instruction=i, status=ReplacementStatus.SENT).aggregate(m=Max("sent_at"))["m"]
    return bool(max(i.sent_at, last or i.sent_at) <= now - _patience())


def list_hanging(now: datetime, but: Collection[UUID] = ()) -> list[UUID]:
    """Payments on chains that may be stuck and of which that is not said yet."""
    rows = Instruction.objects.filter(
        status=InstructionStatus.SENT, stuck_at__isnull=True, settled_amount=0, sent_at__lte=now - _patience(), nostro__rail__kind="CHAIN"
    ).exclude(direction="DRAW")  # its transaction is the venue's
    return list(rows.exclude(id__in=list(but)).order_by("sent_at", "id").values_list("id", flat=True)[:BATCH])


def list_to_send(wall: datetime, rail: str = "", but: Collection[tuple[UUID, UUID]] = ()) -> list[tuple[UUID, UUID]]:
    """(replacement, its payment): new ones, and those whose answer was lost two minutes ago.

    :param rail: of this one alone; "" of all
    """
    new = Replacement.objects.filter(status=ReplacementStatus.READY)
    lost = Replacement.objects.filter(
        status__in=[ReplacementStatus.SENDING, ReplacementStatus.UNKNOWN], sending_since__lt=wall - timedelta(minutes=2)
    )
    mine = (new | lost).filter(instruction__nostro__rail_id=rail) if rail else new | lost
    mine = mine.exclude(id__in=[replacement_id for replacement_id, _ in but])
    return list(mine.order_by("made_at", "id").values_list("id", "instruction_id")[:BATCH])


def list_rails_to_replace_on() -> list[str]:
    """Rails with a replacement under way."""
    going = [ReplacementStatus.READY, ReplacementStatus.SENDING, ReplacementStatus.UNKNOWN]
    rows = Replacement.objects.filter(status__in=going).values_list("instruction__nostro__rail_id", flat=True)
    return sorted(set(rows.distinct()))


def list_replacements(instruction_id: UUID) -> list[Replacement]:
    return list(Replacement.objects.filter(instruction_id=instruction_id).select_related("band").order_by("number"))


def list_lines(i: Instruction) -> list[StatementLine]:
    """What statements say of a payment, in their order."""
    return list(StatementLine.objects.filter(nostro_id=i.nostro_id, end_to_end_id=i.end_to_end_id).order_by("sequence"))


def was_booked_as(*, nostro_id: UUID, key: str, reference: str, before: int) -> bool:
    """Whether a statement has shown this very transaction as our payment, in a line before that of this number."""
    rows = StatementLine.objects.filter(nostro_id=nostro_id, kind="PAYMENT", end_to_end_id=key, reference=reference)
    return rows.filter(sequence__lt=before).exists()


def _patience() -> timedelta:
    return timedelta(minutes=settings.CHAIN_STUCK_AFTER_MIN)
