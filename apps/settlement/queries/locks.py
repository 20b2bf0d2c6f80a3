"""Row locks in the house order: net set → net leg → obligation → instruction → receipt. Credit lines and the account come before."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from apps.core.errors import NotFound
from apps.settlement.models import Deposit, Instruction, NetLeg, NetSet, Obligation, Receipt, Withdrawal

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Chain:
    """Locked instructions with all that settles when they do, by id."""

    net_sets: dict[UUID, NetSet]
    legs: dict[UUID, NetLeg]
    members: dict[UUID, list[Obligation]]  # by leg
    obligations: dict[UUID, Obligation]
    instructions: dict[UUID, Instruction]

    def of(self, instruction_ids: Iterable[UUID]) -> "Chain":
        """What settles with some of them: the same rows."""
        mine = {one: self.instructions[one] for one in instruction_ids}
        legs = {one.net_leg_id: self.legs[one.net_leg_id] for one in mine.values() if one.net_leg_id is not None}
        sets = {one.net_set_id: self.net_sets[one.net_set_id] for one in legs.values()}
        members = {leg: self.members[leg] for leg in legs}
        direct = [self.obligations[one.obligation_id] for one in mine.values() if one.obligation_id is not None]
        return Chain(sets, legs, members, {one.id: one for one in (*direct, *(m for of in members.values() for m in of))}, mine)


def lock_chain(instruction_ids: Iterable[UUID]) -> Chain:
    """Lock net sets, legs, obligations, instructions; what they point at never changes, so it is read before."""
    wanted = list(instruction_ids)
    if not wanted:
        return Chain({}, {}, {}, {}, {})
    points = list(Instruction.objects.filter(id__in=wanted).values_list("net_leg_id", "obligation_id"))
    leg_ids = {leg for leg, _ in points if leg is not None}
    set_ids = set(NetLeg.objects.filter(id__in=leg_ids).values_list("net_set_id", flat=True))
    net_sets = lock_net_sets(set_ids)
    legs = {leg.id: leg for leg in _lock(NetLeg.objects.filter(id__in=leg_ids))}
    direct = {obligation for _, obligation in points if obligation is not None}
    members: dict[UUID, list[Obligation]] = {leg: [] for leg in leg_ids}
    obligations = {}
    for one in _lock(Obligation.objects.filter(net_leg_id__in=leg_ids) | Obligation.objects.filter(id__in=direct)):
        obligations[one.id] = one
        if one.net_leg_id in members:
            members[one.net_leg_id].append(one)
    rows = Instruction.objects.filter(id__in=wanted).select_related("account", "nostro", "house_transfer__place")
    return Chain(net_sets, legs, members, obligations, {i.id: i for i in _lock(rows)})


def lock_net_sets(ids: Iterable[UUID]) -> dict[UUID, NetSet]:
    return {one.id: one for one in _lock(NetSet.objects.filter(id__in=list(ids)).select_related("account"))}


def lock_net_set(net_set_id: UUID) -> NetSet:
    found = lock_net_sets([net_set_id]).get(net_set_id)
    if found is None:
        raise NotFound("no such net set")
    return found


def lock_legs(net_set_id: UUID) -> list[NetLeg]:
    return _lock(NetLeg.objects.filter(net_set_id=net_set_id))


def lock_legs_of(net_set_ids: Iterable[UUID]) -> list[NetLeg]:
    return _lock(NetLeg.objects.filter(net_set_id__in=list(net_set_ids)))


def lock_owed(*, account_ids: Iterable[UUID], entity_id: UUID, statuses: Iterable[str]) -> list[Obligation]:
    """What stands open on some accounts towards an entity of ours, with its deals."""
    rows = Obligation.objects.filter(account_id__in=list(account_ids), entity_id=entity_id, status__in=list(statuses))
    return _lock(rows.select_related("trade"))


def lock_instructions(*, legs: Iterable[UUID], obligations: Iterable[UUID]) -> list[Instruction]:
    """Every attempt to pay them."""
    return _lock(Instruction.objects.filter(Q(net_leg_id__in=list(legs)) | Q(obligation_id__in=list(obligations))))


def lock_members(leg_ids: Iterable[UUID]) -> list[Obligation]:
    return _lock(Obligation.objects.filter(net_leg_id__in=list(leg_ids)))


def lock_deposit(deposit_id: UUID) -> Deposit:
    return _one(Deposit.objects.filter(id=deposit_id), "deposit")


def lock_withdrawal(withdrawal_id: UUID) -> Withdrawal:
    return _one(Withdrawal.objects.filter(id=withdrawal_id), "withdrawal")


def lock_withdrawals(withdrawal_ids: Iterable[UUID]) -> list[Withdrawal]:
    return _lock(Withdrawal.objects.filter(id__in=list(withdrawal_ids)))


def lock_instruction(instruction_id: UUID) -> Instruction:
    return _one(Instruction.objects.filter(id=instruction_id), "instruction")


def lock_receipt(receipt_id: UUID) -> Receipt:
    return _one(Receipt.objects.filter(id=receipt_id), "receipt")


def _lock(rows: "QuerySet[M]") -> list[M]:
    return list(rows.order_by("id").select_for_update(no_key=True, of=("self",)))


def _one(rows: "QuerySet[M]", what: str) -> M:
    found = _lock(rows)
    if not found:
        raise NotFound(f"no such {what}")
    return found[0]
