"""What a rail says of a payment while it has it: kept once and in the rail's order, whatever way and however often it comes."""

from datetime import datetime

from apps.core import db, ids, money
from apps.core.unit import step
from apps.events import operations as events
from apps.settlement.models import Instruction, RailReport
from apps.settlement.rules.rail import Answer


@step
def note(*, instruction: Instruction, answer: Answer, source: str, message: str, now: datetime) -> bool:
    """Keep it. False: it was told already, or something later was. A rail that keeps no versions is always listened to.

    :param instruction: locked
    """
    if not answer.version:
        return True
    if RailReport.objects.filter(instruction=instruction, version__gte=answer.version).exists():
        return False
    db.insert(
        RailReport(
            id=ids.uuid7(),
            instruction=instruction,
            version=answer.version,
            stage=answer.stage,
            reference=answer.reference[:80],
            reason=answer.reason[:120],
            source=source,
            message=message,
            heard_at=now,
        )
    )
    house = {"stage": answer.stage, "reason": answer.reason, "reference": instruction.end_to_end_id}
    events.record("instruction.reported", subject_type="instruction", subject_id=instruction.id, house=house)
    return True


@step
def contradict(*, instruction: Instruction, answer: Answer) -> None:
    """The rail says what cannot be, after what was said and booked: nothing moves, a person has to look."""
    events.record(
        "instruction.contradicted",
        subject_type="instruction",
        subject_id=instruction.id,
        house={
            "reference": instruction.end_to_end_id,
            "status": str(instruction.status),
            "amount": money.text(instruction.amount),
            "says": answer.stage or str(answer.outcome),
            "says_amount": "" if answer.amount is None else money.text(answer.amount),
        },
    )
