"""Release in batches under four eyes: asked by one of operations, executed in the checker's transaction."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals import queries as approval_queries
from apps.approvals.models import Approval
from apps.core import clock, db, ids, money
from apps.core.actor import Actor
from apps.core.unit import step
from apps.events import operations as events
from apps.settlement.errors import Blocked, NothingToRelease, NotOverridable, ReleaseReasonMissing, ReleaseStopped
from apps.settlement.models import Instruction, ReleaseStop
from apps.settlement.queries.gate import find_band, get_band, sum_let_go
from apps.settlement.rules.gate import HARD, Code, needed
from apps.settlement.states import INSTRUCTION, InstructionStatus
from apps.users import rules as roles

from . import instructions, splitting

RECALLED = "recalled"
RELEASABLE = {InstructionStatus.READY, InstructionStatus.BLOCKED}


@step
def ask(*, maker: Actor, instruction_ids: Sequence[UUID], overrides: Mapping[str, str], now: datetime) -> Approval:
    """Ask for the release of a batch; a second person of operations answers.

    Above the rail's second band a third one does too, and an override is signed by whoever answers for its blocker (OVERRIDDEN_BY).

    :param overrides: SOFT blocker → the reason for overriding it
    :raises NothingToRelease: none named, or one is not waiting for release, or is in another open request
    :raises NotOverridable: a HARD or unknown blocker, or no reason
    :raises Blocked: the gate is closed for one of them
    """
    _require_overridable(overrides)
    batch = _lock(instruction_ids)
    if not batch or len(batch) != len(set(instruction_ids)):
        raise NothingToRelease("none of these instructions")
    for one in batch:
        if one.status not in RELEASABLE:
            raise NothingToRelease(f"{one.end_to_end_id} is {one.status}")
        if approval_queries.list_open().filter(kind="release", payload__instructions__contains=[str(one.id)]).exists():
            raise NothingToRelease(f"{one.end_to_end_id} is in an open request already")
    _require_open(batch, "CHECK", now, maker.id, overrides)
    payload = {"instructions": [str(one.id) for one in batch], "overrides": dict(overrides), "totals": totals(batch)}
    return approvals.request(
        kind="release",
        subject_type="release",
        subject_id=ids.uuid7(),
        subject_version=_version(batch),
        title=f"Release of {len(batch)} payment{'s' if len(batch) > 1 else ''}",
        payload=payload,
        maker=maker,
        checker_roles=roles.ACTS["release"][1],
        also=[[role] for role in needed(overrides)] + ([roles.ACTS["release"][1]] if _needs_two(batch) else []),
        now=now,
    )


def _needs_two(batch: Sequence[Instruction]) -> bool:
    """Whether what would have left to one account in one asset on one day is above the band of its rail."""
    sums: dict[tuple[UUID | None, str, date], Decimal] = {}
    for one in batch:
        day = (one.account_id, one.nostro.rail_id, one.due_date)
        band = get_band(one.nostro.rail_id)
        before = sums.setdefault(day, sum_let_go(one))
        if band.needs_two(one.amount, before):
            return True
        sums[day] = before + one.amount
    return False


@step
def release_by_itself(*, instruction_id: UUID, now: datetime) -> Instruction | None:
    """READY → RELEASED without people: a leg within its rail's first band that nothing blocks. None: it waits for people.

    The account's row is held by the caller, so that two legs of it are never counted past each other.
    """
    batch = _lock([instruction_id])
    if not batch:
        return None
    (one,) = batch
    band = find_band(one.nostro.rail_id)
    is_leg = one.net_leg_id is not None or one.obligation_id is not None
    if band is None or one.status != InstructionStatus.READY or not is_leg or one.attempt > 1:
        return None  # what has failed once is looked at by people: else a rail that refuses is asked for ever
    if one.failure or one.whole_id is not None:
        return None  # a person took it back; or it is a piece of what the band has seen as a whole
    if not get_band(one.nostro.rail_id).goes_by_itself(one.amount, sum_let_go(one)):
        return None
    if instructions.check(instruction=one, moment="RELEASE", now=clock.desk_now()):
        return None
    one.band, one.released_at = band, now
    INSTRUCTION.move(one, InstructionStatus.RELEASED)
    one.save(update_fields=["status", "band", "released_at"])
    house = {"band": f"{band.rail_id} v{band.version}", **_payments(splitting.divide(whole=one))}
    events.record("instruction.released", subject_type="instruction", subject_id=one.id, house=house)
    return one


def version(approval: Approval) -> str:
    """What the batch is now: compared with what the maker asked on. Locks it."""
    return _version(_lock([UUID(one) for one in approval.payload["instructions"]]))


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """READY → RELEASED, all of the batch or none.

    :raises Blocked: the gate is closed for one of them by now
    """
    batch = _lock([UUID(one) for one in approval.payload["instructions"]])
    overrides = approval.payload["overrides"]
    _require_open(batch, "RELEASE", clock.desk_now(), checker.id, overrides)
    for one in batch:
        if one.status == InstructionStatus.BLOCKED:  # by nothing but what was overridden
            INSTRUCTION.move(one, InstructionStatus.READY)
            one.save(update_fields=["status"])
        INSTRUCTION.move(one, InstructionStatus.RELEASED)
        one.made_by, one.released_by, one.released_at, one.failure = approval.maker_id, checker.id, now, ""
        one.save(update_fields=["status", "made_by", "released_by", "released_at", "failure"])
        events.record(
            "instruction.released",
            subject_type="instruction",
            subject_id=one.id,
            house={
                "approval": str(approval.id), "maker": approval.maker_name, "checker": checker.name, "overrides": overrides,
                **_payments(splitting.divide(whole=one)),
            },
        )  # fmt: skip


def _payments(parts: Sequence[Instruction]) -> dict[str, int]:
    return {"payments": len(parts)} if parts else {}


@step
def recall(*, instruction_id: UUID, actor: Actor, reason: str) -> Instruction:
    """RELEASED → READY, before it was sent: one person, at once. Of one that is SPLIT, what has not begun to leave.

    It never leaves by itself again: people release it.

    :raises AppError: NothingToRelease, ReleaseReasonMissing, IllegalMove (it has left)
    """
    _require_reason(reason)
    one = next(iter(_lock([instruction_id])), None)
    if one is None:
        raise NothingToRelease("no such instruction")
    if one.status == InstructionStatus.SPLIT:
        splitting.join(whole=one)
    else:
        instructions.unrelease(instruction=one, status=InstructionStatus.READY)
    if one.status == InstructionStatus.READY:
        one.failure = f"{RECALLED}: {reason}"[:120]
        one.save(update_fields=["failure"])
    events.record("instruction.recalled", subject_type="instruction", subject_id=one.id, house={"by": actor.name, "reason": reason})
    return one


@step
def stop(*, actor: Actor, reason: str, now: datetime) -> ReleaseStop:
    """No payment is released or sent from now on: one person, at once.

    :raises ReleaseReasonMissing: it is thrown for a reason
    """
    assert actor.id is not None
    _require_reason(reason)
    made = ReleaseStop(id=ids.uuid7(), reason=reason[:200], thrown_by=actor.id, thrown_at=now)
    db.insert(made)
    events.record("release.stopped", subject_type="release_stop", subject_id=made.id, house={"by": actor.name, "reason": reason})
    return made


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise ReleaseReasonMissing("in words", pointer="reason")


@step
def resume(*, actor: Actor, now: datetime) -> int:
    """Lift every stop; how many. The one who threw a stop never lifts it.

    :raises ReleaseStopped: this person threw one of them
    """
    assert actor.id is not None
    thrown = list(ReleaseStop.objects.select_for_update(no_key=True).filter(lifted_at__isnull=True).order_by("id"))
    if any(one.thrown_by == actor.id for one in thrown):
        raise ReleaseStopped("a second person lifts it")
    for one in thrown:
        one.lifted_by, one.lifted_at = actor.id, now
        one.save(update_fields=["lifted_by", "lifted_at"])
        events.record("release.resumed", subject_type="release_stop", subject_id=one.id, house={"by": actor.name})
    return len(thrown)


def totals(batch: Sequence[Instruction]) -> list[dict[str, str]]:
    """By asset, rail and account: what the checker adds up."""
    sums: dict[tuple[str, str, str], Decimal] = {}
    for one in batch:
        key = (one.asset_id, one.nostro.rail_id, "" if one.account is None else one.account.code)
        sums[key] = sums.get(key, money.ZERO) + one.amount
    return [
        {"asset": asset, "rail": rail, "account": account, "amount": money.text(amount)}
        for (asset, rail, account), amount in sorted(sums.items())
    ]


def _lock(wanted: Sequence[UUID]) -> list[Instruction]:
    rows = Instruction.objects.select_for_update(no_key=True, of=("self",)).filter(id__in=wanted, direction__in=["PAY", "DRAW"])
    return list(rows.select_related("account", "account__owner", "nostro", "nostro__rail", "ssi", "asset", "net_leg").order_by("id"))


def _version(batch: Sequence[Instruction]) -> str:
    parts = [f"{i.id}:{i.status}:{money.text(i.amount)}:{i.ssi_id}:{i.beneficiary_address}" for i in batch]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _require_open(batch: Sequence[Instruction], moment: str, now: datetime, by: UUID | None, overrides: Mapping[str, str]) -> None:
    closed = {}
    for one in batch:
        left = instructions.check(instruction=one, moment=moment, now=now, by=by, overridden=tuple(overrides))
        if left:
            closed[one.end_to_end_id] = [str(b.code) for b in left]
    if closed:
        raise Blocked("; ".join(f"{name}: {', '.join(codes)}" for name, codes in closed.items()), blockers=closed)


def _require_overridable(overrides: Mapping[str, str]) -> None:
    for code, reason in overrides.items():
        if code not in set(Code) or code in HARD:
            raise NotOverridable(f"{code} is never overridden")
        if not reason.strip():
            raise NotOverridable(f"{code}: a reason is needed")
