"""A stuck transaction is replaced by one with a higher fee: asked by operations, checked as the rail's bands say, then sent by the worker.

The payment stays what it is: one instruction, SENT. All its transactions spend the same nonce or inputs, so whichever confirms settles it,
once, and the fee of that one is what the statement charges us.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db.models import Max

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.core import clock, db, ids, money
from apps.core.actor import Actor
from apps.core.unit import step
from apps.events import operations as events
from apps.settlement.errors import Blocked, NotReplaceable
from apps.settlement.models import GateDecision, Instruction, Nostro, ReleaseBand, Replacement
from apps.settlement.queries.gate import find_band, get_band, list_short_of_fee, read_facts, sum_let_go
from apps.settlement.queries.locks import lock_instruction
from apps.settlement.queries.replacing import is_stuck
from apps.settlement.rules.gate import Code, blockers
from apps.settlement.rules.rail import Answer, Outcome
from apps.settlement.states import REPLACEMENT, InstructionStatus, ReplacementStatus
from apps.users import rules as roles

ACT = "replacement"
# What nobody speeds up. The other blockers are about letting go, and this payment is let go.
STOPS = frozenset({Code.FROZEN, Code.SCREENING, Code.TRAVEL_RULE, Code.RELEASE_STOPPED, Code.SSI_NOT_ACTIVE})
MOST_SHARE = Decimal("0.2")  # of the payment, that a fee is
ALIVE = (ReplacementStatus.READY, ReplacementStatus.SENDING, ReplacementStatus.UNKNOWN)


@step
def ask(*, maker: Actor, instruction_id: UUID, fee: Decimal, reason: str, now: datetime) -> Approval | Replacement:
    """READY at once where the payment is within its rail's first band; else one of operations checks, or two above the second band.

    :param fee: the whole fee of the new transaction; it counts against the bands as the payment does
    :raises NotReplaceable: it is not stuck, is being replaced, or the fee is no better or too high
    :raises Blocked: what is paid may not be sped up, or our account does not hold the fee
    """
    i = lock_instruction(instruction_id)
    _require(i, fee, now)
    if not reason:
        raise NotReplaceable("say why", pointer="reason")
    _require_open(i, maker, fee, now)
    band, gone = find_band(i.nostro.rail_id), sum_let_go(i)
    limits = get_band(i.nostro.rail_id)
    if band is not None and limits.goes_by_itself(i.amount + fee, gone):
        return _make(i, fee=fee, reason=reason, asked_by=maker.id, checked_by=None, band=band, now=now)
    return approvals.request(
        kind=ACT,
        subject_type="instruction",
        subject_id=i.id,
        subject_version=_version(i),
        title=f"Replace the transaction of {i.end_to_end_id}",
        payload={"fee": money.text(fee), "reason": reason, "amount": f"{money.text(i.amount)} {i.asset_id}", "to": i.beneficiary_address},
        before={"transaction": last_reference(i), "sent_at": "" if i.sent_at is None else i.sent_at.isoformat()},
        maker=maker,
        checker_roles=roles.ACTS[ACT][1],
        also=[roles.ACTS[ACT][1]] if limits.needs_two(i.amount + fee, gone) else [],
        now=now,
    )


def version(approval: Approval) -> str:
    return _version(lock_instruction(approval.subject_id))


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """
    :raises NotReplaceable: it has confirmed, failed, or is being replaced by now
    :raises Blocked: what is paid may not be sped up by now
    """
    i = lock_instruction(approval.subject_id)
    fee = Decimal(approval.payload["fee"])
    _require(i, fee, now)
    _require_open(i, checker, fee, now)
    _make(i, fee=fee, reason=approval.payload["reason"], asked_by=approval.maker_id, checked_by=checker.id, band=None, now=now)


@step
def begin(*, replacement_id: UUID, now: datetime) -> tuple[str, int, Decimal] | None:
    """READY → SENDING with what the rail is to be told (key, number, fee). None: somebody was faster, or it is not needed any more.

    One whose answer was lost is told again as it was: the same transaction, however often it is broadcast, spends the same nonce once.
    """
    r = _lock(replacement_id)
    i = r.instruction
    if r.status in {ReplacementStatus.SENDING, ReplacementStatus.UNKNOWN}:
        return None if _stops(i, now) else (i.end_to_end_id, r.number, r.fee)  # it waits as it is: it may be out already
    if r.status != ReplacementStatus.READY:
        return None
    stopped = _stops(i, now) + _shorts(i, r.fee)
    if i.status != InstructionStatus.SENT or i.settled_amount or stopped:
        r.failure = "blocked: " + ", ".join(stopped) if stopped else f"the payment is {i.status.lower()}"
        _move(r, ReplacementStatus.CANCELLED, "failure")
        _tell(r, "instruction.replacement_cancelled")
        return None
    r.sending_since = clock.wall_now()
    _move(r, ReplacementStatus.SENDING, "sending_since")
    return i.end_to_end_id, r.number, r.fee


@step
def record(*, replacement_id: UUID, answer: Answer, now: datetime) -> Replacement:
    """SENDING, UNKNOWN → SENT, REFUSED, or UNKNOWN where no answer came."""
    r = _lock(replacement_id)
    if r.status not in {ReplacementStatus.SENDING, ReplacementStatus.UNKNOWN}:
        return r
    if answer.outcome is Outcome.ACCEPTED:
        r.reference, r.sent_at, r.failure = answer.reference[:80], now, ""
        _move(r, ReplacementStatus.SENT, "reference", "sent_at", "failure")
        _note_stuck(r.instruction, None)
        _tell(r, "instruction.replaced")
    elif answer.outcome in {Outcome.REJECTED, Outcome.NOT_FOUND}:
        r.failure = (answer.reason or "refused")[:120]
        _move(r, ReplacementStatus.REFUSED, "failure")
        _tell(r, "instruction.replacement_refused")
    elif r.status == ReplacementStatus.SENDING:
        _move(r, ReplacementStatus.UNKNOWN)
    return r


@step
def note_stuck(*, instruction_id: UUID, now: datetime) -> bool:
    """It has been on its way for too long: said once for each of its transactions."""
    i = lock_instruction(instruction_id)
    if i.stuck_at is not None or not is_stuck(i, now):
        return False
    _note_stuck(i, now)
    house = {"reference": i.end_to_end_id, "transaction": last_reference(i), "amount": money.text(i.amount), "asset": i.asset_id}
    events.record("instruction.stuck", subject_type="instruction", subject_id=i.id, house=house)
    return True


def last_reference(i: Instruction) -> str:
    """The hash of its youngest transaction."""
    sent = Replacement.objects.filter(instruction=i, status=ReplacementStatus.SENT).order_by("-number").first()
    return i.rail_reference if sent is None else sent.reference


def _require(i: Instruction, fee: Decimal, now: datetime) -> None:
    """
    :raises NotReplaceable: why not
    """
    if i.nostro.rail.kind != "CHAIN" or not is_stuck(i, now):
        raise NotReplaceable(f"{i.end_to_end_id} is {i.status.lower()} and does not hang on a chain")
    mine = Replacement.objects.filter(instruction=i)
    if mine.filter(status__in=ALIVE).exists():
        raise NotReplaceable("it is being replaced")
    highest = mine.exclude(status__in=[ReplacementStatus.REFUSED, ReplacementStatus.CANCELLED]).aggregate(m=Max("fee"))["m"]
    if not fee.is_finite() or fee <= 0 or fee != round(fee, i.asset.scale):
        raise NotReplaceable(f"fee: not an amount with {i.asset.scale} decimals", pointer="fee")
    if highest is not None and fee <= highest:
        raise NotReplaceable(f"fee: more than {money.text(highest)}, which the last one offers", pointer="fee")
    most = settings.CHAIN_FEE_MAX.get(i.nostro.rail_id)
    if most is None:
        raise NotReplaceable(f"CHAIN_FEE_MAX names no highest fee of {i.nostro.rail_id}", pointer="fee")
    if fee > most:
        raise NotReplaceable(f"fee: at most {money.text(most)} on {i.nostro.rail_id}", pointer="fee")
    if fee > i.amount * MOST_SHARE:
        raise NotReplaceable(f"fee: more than a fifth of the payment ({money.text(i.amount)})", pointer="fee")


def _stops(i: Instruction, now: datetime) -> list[str]:
    return [str(b.code) for b in blockers(read_facts(i, now)) if b.code in STOPS]


def _shorts(i: Instruction, fee: Decimal) -> list[str]:
    """What of ours does not cover the fee; the account's row is held, so that two fees never count on the same money."""
    Nostro.objects.select_for_update(no_key=True, of=("self",)).get(id=i.nostro_id)
    return [str(code) for code in list_short_of_fee(i, fee)]


def _require_open(i: Instruction, by: Actor, fee: Decimal, now: datetime) -> None:
    """Ask the gate for what stops this, and keep its answer.

    :raises Blocked: it does
    """
    codes = _stops(i, now) + _shorts(i, fee)
    if codes:
        raise Blocked(f"{i.end_to_end_id}: {', '.join(codes)}", blockers={i.end_to_end_id: codes})
    kept = GateDecision(id=ids.uuid7(), instruction=i, moment="REPLACE", blockers=[], passed=True, decided_by=by.id, decided_at=now)
    db.insert(kept)


def _make(
    i: Instruction,
    *,
    fee: Decimal,
    reason: str,
    asked_by: UUID | None,
    checked_by: UUID | None,
    band: ReleaseBand | None,
    now: datetime,
) -> Replacement:
    assert asked_by is not None, "somebody asks"
    last = Replacement.objects.filter(instruction=i).aggregate(m=Max("number"))["m"] or 1
    made = Replacement(
        id=ids.uuid7(),
        instruction=i,
        number=last + 1,
        fee=fee,
        reason=reason[:200],
        asked_by=asked_by,
        checked_by=checked_by,
        band=band,
        status=ReplacementStatus.READY,
        made_at=now,
    )
    db.insert(made)
    _tell(made, "instruction.replacing")
    return made


def _version(i: Instruction) -> str:
    return f"{i.status}:{last_reference(i)}"


def _lock(replacement_id: UUID) -> Replacement:
    """The payment's row, which everybody locks first, then the replacement."""
    lock_instruction(Replacement.objects.values_list("instruction_id", flat=True).get(id=replacement_id))
    rows = Replacement.objects.select_for_update(no_key=True, of=("self",)).select_related("instruction")
    return rows.get(id=replacement_id)


def _move(r: Replacement, status: ReplacementStatus, *fields: str) -> None:
    REPLACEMENT.move(r, status)
    r.save(update_fields=["status", *fields])


def _note_stuck(i: Instruction, at: datetime | None) -> None:
    Instruction.objects.filter(id=i.id).update(stuck_at=at)


def _tell(r: Replacement, kind: str) -> None:
    house = {"reference": r.instruction.end_to_end_id, "number": r.number, "fee": money.text(r.fee), "asset": r.instruction.asset_id}
    house |= {"transaction": r.reference, "reason": r.failure or r.reason}
    events.record(kind, subject_type="instruction", subject_id=r.instruction_id, house=house)
