"""Exposure calls: what a client is asked to bring down or to pay in, by when."""

from collections.abc import Mapping
from datetime import datetime, timedelta
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

PAY_WITHIN = timedelta(hours=24)


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
def call_balance(*, account_id: UUID, client_id: UUID, short: Mapping[str, Decimal], now: datetime) -> list[ExposureCall]:
    """Bring the calls on a prefunded account to what its balances are short of: met where nothing is short, issued where none was.

    A call that two people took back is not issued again for the same shortfall, only for a larger one.

    :param short: by asset, above zero
    :return: the calls issued now
    """
    made = []
    calls = ExposureCall.objects.select_for_update(no_key=True).filter(account_id=account_id).order_by("issued_at", "id")
    last = {call.currency: call for call in calls}
    for asset, call in last.items():
        if call.status == CallStatus.ISSUED and asset not in short:
            _end(call, CallStatus.MET, now, [])
    for asset, amount in sorted(short.items()):
        before = last.get(asset)
        if before is not None and (
            before.status == CallStatus.ISSUED or (before.status == CallStatus.WITHDRAWN and amount <= before.amount)
        ):
            continue
        one = ExposureCall(
            id=ids.uuid7(),
            account_id=account_id,
            client_id=client_id,
            amount=amount,
            currency=asset,
            reason="a deal or a returned payment is past the balance",
            issued_at=now,
            due_at=now + PAY_WITHIN,
        )
        db.insert(one)
        _tell(one, now)
        made.append(one)
    return made


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
        house={"amount": money.text(call.amount), "of": str(call.line_id or call.account_id)},
    )
