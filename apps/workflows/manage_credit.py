"""Limits, haircuts and calls: one of risk asks, another one of risk approves, in whose transaction they come into force."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.core import money
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.credit import operations as credit
from apps.credit import queries
from apps.credit.errors import BadLine
from apps.credit.models import ExposureCall, Line
from apps.credit.operations.lines import Hands, Limits
from apps.credit.states import CAPS, CallStatus, Level, Measure
from apps.instruments import queries as instruments
from apps.users import rules as people
from apps.users.errors import RoleMissing

ACT = "line"
LINE, HAIRCUT, CALL = "credit_line", "credit_haircut", "exposure_call"
_HAIRCUTS = UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")


@use_case
def propose_line(
    *, actor: Actor, level: Level, subject_id: UUID, measure: Measure, limits: Limits, reason: str = "", now: datetime
) -> Approval:
    """Ask for a line, an excess or a cap. What stands now is shown beside it; the answer is void if it changes meanwhile.

    :raises RoleMissing: not of risk
    :raises BadLine: dates, excess or level make no sense
    :raises NotFound: no such group, client or account
    :raises ApprovalOpen: one for the same line is asked already
    """
    _require_risk(actor)
    name = clients.name_of(str(level), subject_id)
    _require_possible(level, measure, limits, now)
    line = queries.find_line(level, subject_id, measure)
    return approvals.request(
        kind=LINE,
        subject_type="line",
        subject_id=credit.line_id_of(level, subject_id, measure) if line is None else line.id,
        subject_version=_version(line),
        title=f"{str(measure).replace('_', '-').lower()} {'cap' if measure in CAPS else 'line'} of {name}: {money.text(limits.amount)} USD",
        payload={"level": str(level), "subject_id": str(subject_id), "of": name, "measure": str(measure), "why": reason, **_told(limits)},
        before={} if line is None else _told(_limits_of(line)),
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        now=now,
    )


@step
def execute_line(*, approval: Approval, checker: Actor, now: datetime) -> Line:
    """What an approved request of kind "credit_line" does (settings.APPROVALS)."""
    asked = approval.payload
    limits = Limits(
        amount=Decimal(asked["amount"]),
        excess=Decimal(asked["excess"]),
        excess_until=datetime.fromisoformat(asked["excess_until"]) if asked["excess_until"] else None,
        excess_reason=asked["excess_reason"],
        valid_from=datetime.fromisoformat(asked["valid_from"]),
        valid_until=datetime.fromisoformat(asked["valid_until"]),
    )
    return credit.set_line(
        level=Level(asked["level"]),
        subject_id=UUID(asked["subject_id"]),
        measure=Measure(asked["measure"]),
        limits=limits,
        hands=_hands(approval, checker),
        now=now,
    )


def line_version(approval: Approval) -> str:
    """The line as it is now, by the number of its last grant; nothing granted is 0."""
    asked = approval.payload
    return _version(queries.lock_line(asked["level"], UUID(asked["subject_id"]), asked["measure"]))


@use_case
def propose_haircut(*, actor: Actor, pair_code: str, normal: Decimal, stressed: Decimal, now: datetime) -> Approval:
    """Ask for another haircut of a pair, "" for every pair without its own.

    :raises RoleMissing: not of risk
    :raises BadLine: not 0 < normal ≤ stressed ≤ 1
    :raises NotFound: no such pair
    """
    _require_risk(actor)
    if pair_code:
        instruments.get_pair(pair_code)
    if not 0 < normal <= stressed <= 1:
        raise BadLine("haircuts are shares of notional: 0 < normal ≤ stressed ≤ 1")
    last = queries.find_haircut(pair_code)
    return approvals.request(
        kind=HAIRCUT,
        subject_type="haircut",
        subject_id=uuid5(_HAIRCUTS, pair_code),
        subject_version=str(last.number if last else 0),
        title=f"Haircut of {pair_code or 'all other pairs'}: {money.text(normal * 100)} %, stressed {money.text(stressed * 100)} %",
        payload={"pair": pair_code, "normal": money.text(normal), "stressed": money.text(stressed)},
        before={"pair": pair_code, "normal": money.text(last.normal), "stressed": money.text(last.stressed)} if last else {},
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        now=now,
    )


@step
def execute_haircut(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request of kind "credit_haircut" does."""
    asked = approval.payload
    credit.set_haircut(
        pair_code=asked["pair"],
        normal=Decimal(asked["normal"]),
        stressed=Decimal(asked["stressed"]),
        hands=_hands(approval, checker),
        now=now,
    )


def haircut_version(approval: Approval) -> str:
    last = queries.find_haircut(approval.payload["pair"])
    return str(last.number if last else 0)


@use_case
def issue_call(
    *, actor: Actor, line_id: UUID, client_id: UUID | None, amount: Decimal, reason: str, due_at: datetime, now: datetime
) -> ExposureCall:
    """Ask a client to bring its exposure down. Of a group's line risk says which client.

    :raises RoleMissing: not of risk
    :raises NotFound: no such line
    :raises BadLine: the client is not under this line, or it would be due at once
    :raises CallOpen: one on this line is open
    """
    _require_risk(actor)
    line = queries.get_line(line_id)
    under = clients.list_under(line.level, line.subject_id)
    if client_id is None and len(under) == 1:
        (client_id,) = under
    if client_id is None or client_id not in under:
        raise BadLine("name the client who is called: one under this line")
    return credit.issue_call(line=line, client_id=client_id, amount=amount, reason=reason, due_at=due_at, issued_by=actor.id, now=now)


@use_case
def propose_withdrawal(*, actor: Actor, call_id: UUID, reason: str, now: datetime) -> Approval:
    """Ask that a call be taken back.

    :raises RoleMissing: not of risk
    :raises NotFound: no such call
    """
    _require_risk(actor)
    call = queries.lock_call(call_id)
    return approvals.request(
        kind=CALL,
        subject_type="exposure_call",
        subject_id=call.id,
        subject_version=str(call.status),
        title=f"Withdraw the call for {money.text(call.amount)} {call.currency}",
        payload={"status": str(CallStatus.WITHDRAWN), "why": reason},
        before={"status": str(call.status), "amount": money.text(call.amount), "reason": call.reason},
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        now=now,
    )


@step
def execute_withdrawal(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request of kind "exposure_call" does."""
    credit.withdraw_call(call=queries.lock_call(approval.subject_id), approval_id=approval.id, now=now)


def call_version(approval: Approval) -> str:
    return str(queries.lock_call(approval.subject_id).status)


def _require_risk(actor: Actor) -> None:
    if actor.id is None or not people.may_make(actor.roles, ACT):
        raise RoleMissing("limits are set by risk")


def _require_possible(level: Level, measure: Measure, limits: Limits, now: datetime) -> None:
    if measure in CAPS and level != Level.ACCOUNT:
        raise BadLine("caps are of accounts")
    if level == Level.LP and measure != Measure.PRE_SETTLEMENT:
        raise BadLine("our exposure to an LP has one measure, pre-settlement")
    if limits.amount < 0 or limits.excess < 0:
        raise BadLine("no amount is below zero")
    if not limits.valid_from < limits.valid_until or limits.valid_until <= now:
        raise BadLine("a line ends after it begins, and not in the past")
    if limits.excess and (limits.excess_until is None or limits.excess_until <= now or not limits.excess_reason.strip()):
        raise BadLine("an excess has an end ahead and a reason")


def _limits_of(line: Line) -> Limits:
    return Limits(
        amount=line.amount,
        excess=line.excess,
        excess_until=line.excess_until,
        excess_reason=line.excess_reason,
        valid_from=line.valid_from,
        valid_until=line.valid_until,
    )


def _told(limits: Limits) -> dict[str, Any]:
    return {
        "amount": money.text(limits.amount),
        "excess": money.text(limits.excess),
        "excess_until": limits.excess_until.isoformat() if limits.excess_until else None,
        "excess_reason": limits.excess_reason,
        "valid_from": limits.valid_from.isoformat(),
        "valid_until": limits.valid_until.isoformat(),
    }


def _version(line: Line | None) -> str:
    return "0" if line is None else str(line.grant_number)


def _hands(approval: Approval, checker: Actor) -> Hands:
    return Hands(approval_id=approval.id, made_by=approval.maker_id, approved_by=checker.id)
