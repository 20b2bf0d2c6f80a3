"""Exposure calls: what a client is asked to bring down, by when."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.clients.models import Account
from apps.core import db, ids, money
from apps.core.unit import step
from apps.credit.errors import BadLine, CallOpen
from apps.credit.models import ExposureCall, Line
from apps.credit.queries import describe_call
from apps.credit.states import CALL, CallStatus, Level
from apps.events import operations as events


@step
def issue_call(
    *, line: Line, client_id: UUID, amount: Decimal, reason: str, due_at: datetime, issued_by: UUID | None, now: datetime
) -> ExposureCall:
    """Ask a client to bring its exposure down; it is told at once.

    :raises CallOpen: one on this line is open
    :raises BadLine: it would be due at once
    """
    if due_at <= now or amount <= 0:
        raise BadLine("a call is for an amount above zero and due later than now")
    made = ExposureCall(
        id=ids.uuid7(), line=line, client_id=client_id, amount=amount, reason=reason, issued_by=issued_by, issued_at=now, due_at=due_at
    )
    with db.refuse_on("call_one_open", CallOpen("it is met or withdrawn first")):
        db.insert(made)
    _tell(made, now)
    return made


@step
def issue_by_system(*, line: Line, amount: Decimal, due_at: datetime, now: datetime) -> None:
    """A breach past the bound is called once; a group's breach is for a person, who chooses the client."""
    if line.level == Level.GROUP or ExposureCall.objects.filter(line=line, status=CallStatus.ISSUED).exists():
        return
    client_id = line.subject_id if line.level == Level.CLIENT else Account.objects.only("owner_id").get(id=line.subject_id).owner_id
    issue_call(line=line, client_id=client_id, amount=amount, reason="past the credit line", due_at=due_at, issued_by=None, now=now)


@step
def meet_calls(*, line_id: UUID, now: datetime) -> None:
    """ISSUED → MET for every open call on a line that is within its limit again."""
    for call in ExposureCall.objects.select_for_update(no_key=True).filter(line_id=line_id, status=CallStatus.ISSUED).order_by("id"):
        _end(call, CallStatus.MET, now, [])


@step
def withdraw_call(*, call: ExposureCall, approval_id: UUID, now: datetime) -> ExposureCall:
    """ISSUED → WITHDRAWN, as two people decided.

    :param call: locked
    :raises IllegalMove: it is met or withdrawn
    """
    call.approval_id = approval_id
    return _end(call, CallStatus.WITHDRAWN, now, ["approval_id"])


def _end(call: ExposureCall, status: CallStatus, now: datetime, more: list[str]) -> ExposureCall:
    CALL.move(call, status)
    call.ended_at = now
    call.save(update_fields=["status", "ended_at", *more])
    _tell(call, now)
    return call


def _tell(call: ExposureCall, now: datetime) -> None:
    events.record(
        f"exposure_call.{call.status.lower()}",
        subject_type="exposure_call",
        subject_id=call.id,
        client_id=call.client_id,
        public=describe_call(call, now),
        house={"amount": money.text(call.amount), "line": str(call.line_id)},
    )
