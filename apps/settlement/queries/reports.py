"""Payments as their rail has them."""

from collections.abc import Iterable
from uuid import UUID

from apps.settlement.models import Instruction, RailReport
from apps.settlement.states import InstructionStatus

from .due import BATCH


def find_payment(key: str, *, rail: str, asset: str, address: str) -> Instruction | None:
    """A payment of ours by its end-to-end id, from this account of ours on this rail."""
    return Instruction.objects.filter(
        end_to_end_id=key, direction="PAY", nostro__rail_id=rail, nostro__asset_id=asset, nostro__address=address
    ).first()


def list_sent(rails: Iterable[str]) -> list[UUID]:
    """Payments on these rails that are taken on and not booked; the longest so first."""
    sent = Instruction.objects.filter(status=InstructionStatus.SENT, nostro__rail_id__in=list(rails))
    return list(sent.order_by("sent_at", "id").values_list("id", flat=True)[:BATCH])


def list_attempts(i: Instruction) -> list[Instruction]:
    """Every attempt at what a payment is for, the first one first."""
    for target in ("net_leg_id", "obligation_id", "withdrawal_id", "returns_id"):
        if (wanted := getattr(i, target)) is not None:
            return list(Instruction.objects.filter(**{target: wanted}).order_by("attempt"))
    return [i]


def list_reports(instruction_id: UUID) -> list[RailReport]:
    """What the rail has said of a payment, in its own order."""
    return list(RailReport.objects.filter(instruction_id=instruction_id).order_by("version"))
