"""One instruction, many payments: where a rail takes only so much at once, what is released as a whole leaves in parts.

The whole stays as it was released and is SPLIT; each part is a payment like any other, with its own key, reference and attempts.
The parts that live always make the whole (a trigger says the same), so one that fails or comes back is paid again alone.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Max, QuerySet

from apps.core import db, ids, money
from apps.core.errors import IllegalMove
from apps.core.unit import step
from apps.events import operations as events
from apps.settlement.models import Instruction
from apps.settlement.queries.describing import describe_instruction
from apps.settlement.queries.gate import split_of
from apps.settlement.states import ENDED_PART, INSTRUCTION, InstructionStatus

from . import instructions, transfers

S = InstructionStatus
NEVER_LEFT = {S.RELEASED, S.READY, S.BLOCKED, S.CANCELLED}
LEFT = {S.SENT, S.SETTLED}


@step
def divide(*, whole: Instruction) -> list[Instruction]:
    """RELEASED → SPLIT into the payments that its rail takes, each RELEASED by whoever released the whole. [] where it goes as it is."""
    amounts = split_of(whole)
    if len(amounts) < 2:
        return []
    INSTRUCTION.move(whole, S.SPLIT)
    whole.save(update_fields=["status"])
    last = dict(_of_target(whole).values_list("part").annotate(Max("attempt")))
    parts = [_part(whole, number, amount, attempt=last.get(number, 0) + 1) for number, amount in enumerate(amounts, 1)]
    db.insert(*parts)
    for status in (S.READY, S.RELEASED):
        for one in parts:
            INSTRUCTION.move(one, status)
    born = Instruction.objects.filter(id__in=[one.id for one in parts])
    born.update(status=S.READY)
    born.update(status=S.RELEASED, made_by=whole.made_by, released_by=whole.released_by, released_at=whole.released_at, band=whole.band_id)
    return parts


@step
def join(*, whole: Instruction) -> None:
    """SPLIT → READY, its parts CANCELLED, where none has ever left; else what can still be held back of it waits for a release again.

    :raises IllegalMove: nothing of it can be held back any more
    """
    parts = _lock_parts(whole)
    has_left = any(one.status not in NEVER_LEFT for one in parts)
    released = [one for one in parts if one.status == S.RELEASED]
    if has_left and not released:
        raise IllegalMove("what is released of it has left", state=str(whole.status))
    for one in released:
        instructions.unrelease(instruction=one, status=S.READY)
    if not has_left:
        instructions.cancel(instructions=[one for one in parts if one.status not in ENDED_PART], reason="recalled")
        instructions.unrelease(instruction=whole, status=S.READY)


@step
def follow(*, part: Instruction, now: datetime) -> bool:
    """The whole shows what its parts have paid; whether that is all of it. The caller holds the account's money rows."""
    whole = _lock_whole(part)
    live = [one for one in whole.parts.all() if one.status not in ENDED_PART]
    settled = sum((one.settled_amount for one in live), money.ZERO)
    done = bool(settled == whole.amount)
    whole.settled_amount, whole.settled_at = settled, (whole.settled_at or now) if done else None
    sent = [one.sent_at for one in live if one.sent_at is not None and one.status in LEFT]
    whole.sent_at = min(sent, default=None)
    whole.save(update_fields=["settled_amount", "settled_at", "sent_at"])
    return done


@step
def pay_again(*, part: Instruction, given_back: Decimal, now: datetime) -> Instruction:
    """A part failed or came back: another attempt at it waits for its own release; the rest of the whole goes on.

    :param part: FAILED or RETURNED by now
    :param given_back: what this transaction's reversal returns to a balance
    """
    last = _of_target(part).filter(part=part.part).aggregate(m=Max("attempt"))["m"]
    made = _part(part, part.part, part.amount, attempt=last + 1)
    db.insert(made)
    INSTRUCTION.move(made, S.READY)
    made.save(update_fields=["status"])
    if made.withdrawal_id is not None and given_back:
        transfers.hold_part_again(withdrawal_id=made.withdrawal_id, part=made, amount=given_back, now=now)
    follow(part=part, now=now)
    return made  # looked at by the next sweep: what this transaction gives back is not in the balance yet


def tell_whole(part: Instruction, kind: str) -> None:
    """What has become of all of it, by its last part."""
    whole = _whole_of(part)
    _tell(whole, kind, about=whole.id, house={})


def tell_part(part: Instruction, kind: str) -> None:
    """`instruction.sent` of a part is `instruction.payment_sent`: the client sees the whole with its payments."""
    house = {"reference": part.rail_reference, "reason": part.failure, "part": part.part}
    _tell(_whole_of(part), kind.replace(".", ".payment_"), about=part.id, house=house)


def _whole_of(part: Instruction) -> Instruction:
    assert part.whole_id is not None
    return Instruction.objects.select_related("account").get(id=part.whole_id)


def _tell(whole: Instruction, kind: str, *, about: UUID, house: Mapping[str, Any]) -> None:
    assert whole.account is not None, "what is split is a client's"
    events.record(
        kind,
        subject_type="instruction",
        subject_id=about,
        client_id=whole.account.owner_id,
        account_id=whole.account_id,
        public=describe_instruction(whole),
        house=house,
    )


def _part(of: Instruction, number: int, amount: Decimal, *, attempt: int) -> Instruction:
    """:param of: the whole, or the last attempt at this part"""
    made_id = ids.uuid7()
    return Instruction(
        id=made_id,
        whole_id=of.whole_id or of.id,
        part=number,
        direction=of.direction,
        account_id=of.account_id,
        entity_id=of.entity_id,
        asset_id=of.asset_id,
        nostro_id=of.nostro_id,
        ssi_id=of.ssi_id,
        amount=amount,
        settled_amount=money.ZERO,
        net_leg_id=of.net_leg_id,
        obligation_id=of.obligation_id,
        withdrawal_id=of.withdrawal_id,
        attempt=attempt,
        end_to_end_id=instructions.end_to_end_id(made_id),
        beneficiary_name=of.beneficiary_name,
        beneficiary_address=of.beneficiary_address,
        status=S.DRAFT,
        due_date=of.due_date,
    )


def _of_target(i: Instruction) -> "QuerySet[Instruction]":
    """Every payment for the same, whole or part."""
    target = {name: getattr(i, name) for name in ("net_leg_id", "obligation_id", "withdrawal_id") if getattr(i, name) is not None}
    assert target, "only what is owed or withdrawn is split"
    return Instruction.objects.filter(**target)


def _lock_parts(whole: Instruction) -> Sequence[Instruction]:
    rows = Instruction.objects.select_for_update(no_key=True, of=("self",)).filter(whole=whole)
    return list(rows.order_by("id"))


def _lock_whole(part: Instruction) -> Instruction:
    assert part.whole_id is not None
    rows = Instruction.objects.select_for_update(no_key=True, of=("self",)).select_related("account")
    return rows.get(id=part.whole_id)
