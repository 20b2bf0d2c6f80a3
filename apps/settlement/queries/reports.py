"""Payments as their rail has them."""

from collections.abc import Collection, Iterable
from uuid import UUID

from apps.settlement.models import Instruction, RailReport
from apps.settlement.rules.rail import NEVER
from apps.settlement.states import InstructionStatus

from .due import BATCH, of_line


def find_payment(key: str, *, rail: str, asset: str, address: str) -> Instruction | None:
    """A payment of ours by its end-to-end id on this rail, from this account of ours; "" where a refusal does not name it."""
    mine = Instruction.objects.filter(end_to_end_id=key, direction="PAY", nostro__rail_id=rail)
    named = {"nostro__asset_id": asset, "nostro__address": address}
    return mine.filter(**{name: value for name, value in named.items() if value}).first()


def list_sent(rails: Iterable[str], but: Collection[UUID] = ()) -> list[UUID]:
    """Payments on these rails that are taken on and not booked; the longest so first."""
    sent = Instruction.objects.filter(status=InstructionStatus.SENT, direction="PAY", nostro__rail_id__in=list(rails))
    return list(sent.exclude(id__in=list(but)).order_by("sent_at", "id").values_list("id", flat=True)[:BATCH])


def list_drawn(on: str = "", but: Collection[UUID] = ()) -> list[UUID]:
    """What venues have agreed to pay out and their records do not show yet; the longest so first.

    :param on: venue:CODE of one of them, a rail (none), or "" for all
    """
    sent = of_line(on).filter(status=InstructionStatus.SENT, direction="DRAW")
    return list(sent.exclude(id__in=list(but)).order_by("sent_at", "id").values_list("id", flat=True)[:BATCH])


def list_attempts(i: Instruction) -> list[Instruction]:
    """Every attempt at what a payment is for, the first one first; of a part, every attempt at this part."""
    if i.whole_id is not None:
        return list(Instruction.objects.filter(whole_id=i.whole_id, part=i.part).order_by("attempt"))
    for target in ("net_leg_id", "obligation_id", "withdrawal_id", "returns_id"):
        if (wanted := getattr(i, target)) is not None:
            return list(Instruction.objects.filter(**{target: wanted}).order_by("attempt", "part"))
    return [i]


def list_parts(i: Instruction) -> list[Instruction]:
    """What an instruction leaves in, with every attempt at each."""
    return list(Instruction.objects.filter(whole_id=i.id).order_by("part", "attempt"))


def find_undead(i: Instruction) -> str:
    """Our reference of an earlier attempt at the same, or at the whole of a part, that has FAILED here, while its rail's last word is that
    it goes on; else "".
    """
    return _undead_before(i) or ("" if i.whole is None else _undead_before(i.whole))


def _undead_before(i: Instruction) -> str:
    if i.attempt == 1:
        return ""
    for one in list_attempts(i):
        last = RailReport.objects.filter(instruction=one).order_by("-version").first()
        if one.id < i.id and one.status == InstructionStatus.FAILED and last is not None and last.stage not in NEVER:
            return one.end_to_end_id
    return ""


def list_reports(instruction_id: UUID) -> list[RailReport]:
    """What the rail has said of a payment, in its own order."""
    return list(RailReport.objects.filter(instruction_id=instruction_id).order_by("version"))
