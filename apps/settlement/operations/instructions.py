"""Payments to make and to expect, and the gate before the ones we make."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Max

from apps.clients import queries as clients
from apps.clients.models import Account, Ssi
from apps.core import db, ids, money
from apps.core.unit import step
from apps.settlement.models import GateDecision, Instruction, NetLeg, NetSet, Nostro, Obligation
from apps.settlement.queries.gate import read_facts
from apps.settlement.queries.views import get_nostro
from apps.settlement.rules.gate import Blocker, blockers, standing
from apps.settlement.states import INSTRUCTION, NET_LEG, OBLIGATION, InstructionStatus, NetLegStatus, ObligationStatus

from . import travelling


@step
def instruct_leg(*, net_set: NetSet, leg: NetLeg, now: datetime) -> Instruction:
    """OPEN → INSTRUCTED: a payment of ours on the account's ACTIVE SSI, or one that we expect. A new attempt where one ended before."""
    NET_LEG.move(leg, NetLegStatus.INSTRUCTED)
    leg.save(update_fields=["status"])
    return _instruct(
        target={"net_leg": leg},
        direction=leg.direction,
        account=net_set.account,
        nostro=get_nostro(net_set.entity_id, leg.asset_id),
        amount=leg.amount,
        due_date=net_set.value_date,
        now=now,
    )


@step
def instruct_obligation(*, obligation: Obligation, account: Account, now: datetime) -> Instruction:
    """Without netting on file each obligation is paid by itself."""
    OBLIGATION.move(obligation, ObligationStatus.INSTRUCTED)
    obligation.save(update_fields=["status"])
    return _instruct(
        target={"obligation": obligation},
        direction=obligation.direction,
        account=account,
        nostro=get_nostro(obligation.entity_id, obligation.asset_id),
        amount=obligation.amount,
        due_date=obligation.value_date,
        now=now,
    )


@step
def instruct_payment(
    *,
    target: dict[str, Any],
    account: Account | None,
    nostro: Nostro,
    amount: Decimal,
    due_date: date,
    now: datetime,
    ssi: Ssi | None = None,
    beneficiary: tuple[str, str] = ("", ""),
    direction: str = "PAY",
) -> Instruction:
    """A payment that no deal is behind: a withdrawal, the return of a receipt, or a house transfer (`account` None: it is our own).

    :param target: {"withdrawal": …}, {"returns": …} or {"house_transfer": …}
    :param beneficiary: name and address, where there is no SSI
    :param direction: DRAW where a venue is asked to pay to `nostro`
    """
    return _instruct(
        target=target,
        direction=direction,
        account=account,
        nostro=nostro,
        amount=amount,
        due_date=due_date,
        now=now,
        ssi=ssi,
        beneficiary=beneficiary,
    )


def _instruct(
    *,
    target: dict[str, Any],
    direction: str,
    account: Account | None,
    nostro: Nostro,
    amount: Decimal,
    due_date: date,
    now: datetime,
    ssi: Ssi | None = None,
    beneficiary: tuple[str, str] = ("", ""),
) -> Instruction:
    made_id = ids.uuid7()
    pays = direction != "RECEIVE"
    if pays and ssi is None and account is not None and not beneficiary[1]:
        ssi = clients.lock_active_ssi(account.id, nostro.asset_id)
    name, address = (ssi.holder, ssi.address) if ssi is not None else beneficiary
    made = Instruction(
        id=made_id,
        direction=direction,
        account=account,
        entity_id=nostro.entity_id,
        asset_id=nostro.asset_id,
        nostro=nostro,
        ssi=ssi,
        amount=amount,
        settled_amount=money.ZERO,
        **target,
        attempt=(Instruction.objects.filter(**target).aggregate(m=Max("attempt"))["m"] or 0) + 1,
        end_to_end_id=end_to_end_id(made_id),
        beneficiary_name=name if pays else "",
        beneficiary_address=address if pays else "",
        status=InstructionStatus.DRAFT if pays else InstructionStatus.EXPECTED,
        due_date=due_date,
    )
    db.insert(made)
    if pays:
        _move(made, InstructionStatus.READY)
        review(instruction=made, now=now)
    return made


@step
def review(*, instruction: Instruction, now: datetime) -> list[Blocker]:
    """READY ⇄ BLOCKED, as the gate says now. A missing or withdrawn SSI is replaced by the account's ACTIVE one.

    :param instruction: locked, or made in this transaction
    """
    if instruction.account_id is not None and instruction.returns_id is None and not _has_active(instruction):
        found = clients.lock_active_ssi(instruction.account_id, instruction.asset_id)
        if found is not None and instruction.withdrawal_id is None:  # a withdrawal goes where its client said, or nowhere
            instruction.ssi = found
            instruction.beneficiary_name, instruction.beneficiary_address = found.holder, found.address
            instruction.save(update_fields=["ssi", "beneficiary_name", "beneficiary_address"])
    travelling.record_payment(instruction=instruction, now=now)
    found_now = check(instruction=instruction, moment="CHECK", now=now)
    if found_now and instruction.status == InstructionStatus.READY:
        _move(instruction, InstructionStatus.BLOCKED)
    elif not found_now and instruction.status == InstructionStatus.BLOCKED:
        _move(instruction, InstructionStatus.READY)
    return found_now


def end_to_end_id(made_id: UUID) -> str:
    """Letters and digits only: fit for every bank's charset."""
    return f"FD{ids.encode('e', made_id)[2:].upper()}"


def _has_active(instruction: Instruction) -> bool:
    return instruction.ssi is not None and instruction.ssi.status == "ACTIVE"


@step
def check(
    *, instruction: Instruction, moment: str, now: datetime, by: UUID | None = None, overridden: Collection[str] = ()
) -> list[Blocker]:
    """Ask the gate and keep its answer; what stands after overrides. A CHECK that says what the last decision said is not kept twice."""
    found = blockers(read_facts(instruction, now))
    left = standing(found, frozenset(overridden))
    told = [b.as_json() for b in found]
    if moment == "CHECK":
        last = GateDecision.objects.filter(instruction=instruction).order_by("-id").first()
        if last is not None and [b["code"] for b in last.blockers] == [b["code"] for b in told]:
            return left
    db.insert(
        GateDecision(
            id=ids.uuid7(),
            instruction=instruction,
            moment=moment,
            blockers=told,
            overridden=sorted(set(overridden)),
            passed=not left,
            decided_by=by,
            decided_at=now,
        )
    )
    return left


@step
def cancel(*, instructions: Iterable[Instruction], reason: str) -> None:
    """DRAFT, READY, BLOCKED, EXPECTED, PART_RECEIVED → CANCELLED."""
    for one in instructions:
        one.failure = reason[:120]
        _move(one, InstructionStatus.CANCELLED, "failure")


@step
def unrelease(*, instruction: Instruction, status: InstructionStatus) -> None:
    """READY or BLOCKED again: whoever had released it, or the band by which it went, has not."""
    i = instruction
    i.made_by, i.released_by, i.released_at, i.band = None, None, None, None
    _move(i, status, "made_by", "released_by", "released_at", "band")


def _move(instruction: Instruction, status: InstructionStatus, *fields: str) -> None:
    INSTRUCTION.move(instruction, status)
    instruction.save(update_fields=["status", *fields])
