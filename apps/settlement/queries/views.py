"""What may be seen, through who may see it. How it is told: describing.py."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import F, Model, Q, QuerySet

from apps.clients import queries as clients
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.settlement.errors import NoNostro
from apps.settlement.models import (
    Deposit,
    GateDecision,
    Instruction,
    LineDispute,
    NetLeg,
    NetSet,
    Nostro,
    Obligation,
    Receipt,
    ReceiptMatch,
    StatementLine,
    Withdrawal,
)
from apps.settlement.rules import netting
from apps.settlement.states import CLOSED_INSTRUCTION, InstructionStatus, ObligationStatus, ReceiptStatus, WithdrawalStatus

M = TypeVar("M", bound=Model)
# Once it is known whose money it is. Of what people look at the client learns that they do, never why: FROZEN looks like QUARANTINED.
SHOWN_TO_CLIENTS = [
    ReceiptStatus.CLEARED,
    ReceiptStatus.MATCHED,
    ReceiptStatus.QUARANTINED,
    ReceiptStatus.FROZEN,
    ReceiptStatus.RETURN_DUE,
    ReceiptStatus.RETURNED,
    ReceiptStatus.REVERTED,
]
LOOKED_AT = [ReceiptStatus.QUARANTINED, ReceiptStatus.FROZEN]


def _seen(rows: "QuerySet[M]", actor: Actor) -> "QuerySet[M]":
    """A member sees what is of its key's accounts, staff see all."""
    if actor.is_client:
        return rows.filter(account__owner_id=actor.client_id, account_id__in=actor.account_ids or ())
    return rows if actor.kind in {"STAFF", "SYSTEM"} else rows.none()


def _get(rows: "QuerySet[M]", row_id: UUID, what: str) -> M:
    found = rows.filter(pk=row_id).first()
    if found is None:
        raise NotFound(f"no such {what}")
    return found


def list_obligations(actor: Actor) -> "QuerySet[Obligation]":
    rows = Obligation.objects.select_related("account", "trade", "net_leg").order_by("value_date", "id")
    return _seen(rows, actor)


def get_obligation(obligation_id: UUID, *, actor: Actor) -> Obligation:
    return _get(list_obligations(actor), obligation_id, "obligation")


def list_net_sets(actor: Actor) -> "QuerySet[NetSet]":
    return _seen(NetSet.objects.select_related("account", "account__owner", "entity").order_by("-value_date", "-id"), actor)


def get_net_set(net_set_id: UUID, *, actor: Actor) -> NetSet:
    return _get(list_net_sets(actor), net_set_id, "net set")


def net_set_legs(net_set_ids: Iterable[UUID]) -> dict[UUID, list[NetLeg]]:
    out: dict[UUID, list[NetLeg]] = {}
    for leg in NetLeg.objects.filter(net_set_id__in=list(net_set_ids)).order_by("asset_id"):
        out.setdefault(leg.net_set_id, []).append(leg)
    return out


def net_set_lines(net_set_id: UUID) -> list[tuple[Obligation, str | None]]:
    """The obligations of a set, each with why the client disputes it."""
    disputed = dict(LineDispute.objects.filter(net_set_id=net_set_id, outcome="").values_list("obligation_id", "reason"))
    members = Obligation.objects.filter(net_leg__net_set_id=net_set_id).select_related("account", "net_leg").order_by("asset_id", "id")
    return [(one, disputed.get(one.id)) for one in members]


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be frozen at a cut-off that lies ahead, out of what is booked now."""

    account_id: UUID
    value_date: date
    cutoff_at: datetime
    netted: bool  # False: no payment netting on file, each obligation is paid by itself
    legs: list[netting.Leg]
    members: list[Obligation]


def preview(actor: Actor, now: datetime) -> list[Preview]:
    """The sets ahead of the accounts this actor sees, the next cut-off first."""
    found: dict[tuple[datetime, date, UUID], list[Obligation]] = {}
    terms: dict[UUID, Any] = {}
    for one in list_obligations(actor).filter(status=ObligationStatus.OPEN):
        mine = terms.setdefault(one.account_id, clients.get_terms(one.account_id, now))
        enters = max(one.booked_at, one.held_until or one.booked_at)
        moment = netting.first_cutoff(booked_at=enters, value_date=one.value_date, at=mine.netting_cutoff, zone=mine.netting_zone)
        found.setdefault((moment, one.value_date, one.account_id), []).append(one)
    return [
        Preview(
            account_id,
            day,
            moment,
            terms[account_id].payment_netting,
            netting.net((o.asset_id, o.direction, o.amount) for o in members),
            members,
        )
        for (moment, day, account_id), members in sorted(found.items(), key=lambda item: item[0])
    ]


def list_instructions(actor: Actor) -> "QuerySet[Instruction]":
    rows = Instruction.objects.select_related(
        "account", "account__owner", "asset", "nostro", "nostro__rail", "ssi", "net_leg", "obligation", "whole"
    )
    if actor.is_client:  # sees one payment, and in it the parts that it leaves in
        rows = rows.filter(whole__isnull=True).prefetch_related("parts")
    return _seen(rows.order_by("due_date", "id"), actor)


def list_open_instructions(actor: Actor) -> "QuerySet[Instruction]":
    """Those that are not at their end; one that is SPLIT is when all its parts are paid."""
    paid = Q(status=InstructionStatus.SPLIT, settled_amount=F("amount"))
    return list_instructions(actor).exclude(Q(status__in=CLOSED_INSTRUCTION) | paid)


def get_instruction(instruction_id: UUID, *, actor: Actor) -> Instruction:
    return _get(list_instructions(actor), instruction_id, "instruction")


def list_decisions(instruction_ids: Iterable[UUID]) -> "QuerySet[GateDecision]":
    """Every gate decision of these, the newest first: the first of each is what stands."""
    return GateDecision.objects.filter(instruction_id__in=list(instruction_ids)).order_by("instruction_id", "-id")


def list_receipts(actor: Actor) -> "QuerySet[Receipt]":
    """A client sees what came for its accounts, as :func:`describe_receipt` tells it; staff see all."""
    rows = Receipt.objects.select_related("account", "account__owner", "nostro", "nostro__rail").order_by("-seen_at", "-id")
    return _seen(rows.filter(status__in=SHOWN_TO_CLIENTS) if actor.is_client else rows, actor)


def get_receipt(receipt_id: UUID, *, actor: Actor) -> Receipt:
    return _get(list_receipts(actor), receipt_id, "receipt")


def list_deposits(actor: Actor) -> "QuerySet[Deposit]":
    return _seen(Deposit.objects.select_related("account", "receipt").order_by("-created_at", "-id"), actor)


def get_deposit(deposit_id: UUID, *, actor: Actor) -> Deposit:
    return _get(list_deposits(actor), deposit_id, "deposit")


def list_withdrawals(actor: Actor) -> "QuerySet[Withdrawal]":
    return _seen(Withdrawal.objects.select_related("account", "account__owner", "ssi").order_by("-requested_at", "-id"), actor)


def list_requested_by(member_id: UUID) -> list[Withdrawal]:
    """What a member asked for and no other one has approved, the first first."""
    return list(Withdrawal.objects.filter(requested_by=member_id, status=WithdrawalStatus.REQUESTED).order_by("requested_at", "id"))


def get_withdrawal(withdrawal_id: UUID, *, actor: Actor) -> Withdrawal:
    return _get(list_withdrawals(actor), withdrawal_id, "withdrawal")


def list_nostros() -> "QuerySet[Nostro]":
    return Nostro.objects.select_related("rail", "entity", "asset").order_by("asset_id", "designation")


def get_nostro(entity_id: UUID, asset: str, *, client_money: bool = False) -> Nostro:
    """Ours for this asset; a CLIENT one for client money where there is one.

    :raises NoNostro: there is none
    """
    rows = {n.designation: n for n in list_nostros().filter(entity_id=entity_id, asset_id=asset)}
    found = (rows.get("CLIENT") if client_money else None) or rows.get("HOUSE")
    if found is None:
        raise NoNostro(asset)
    return found


def list_ways_in(entity_id: UUID, *, client_money: bool) -> list[Nostro]:
    """Where money of this kind comes in, one an asset: what is kept apart comes in apart, where there is such a place."""
    first = "CLIENT" if client_money else "HOUSE"
    ways: dict[str, Nostro] = {}
    for nostro in list_nostros().filter(entity_id=entity_id):
        if nostro.designation == first or (client_money and nostro.asset_id not in ways):
            ways[nostro.asset_id] = nostro
    return [ways[asset] for asset in sorted(ways)]


def find_place(*, rail_code: str, address: str) -> Nostro | None:
    """Ours with this address on this rail."""
    return Nostro.objects.filter(rail_id=rail_code, address=address).first()


def list_statement_lines(nostro_id: UUID) -> "QuerySet[StatementLine]":
    return StatementLine.objects.filter(nostro_id=nostro_id).order_by("sequence")


def list_parts_of(trade_id: UUID) -> set[UUID]:
    """Obligations of a deal, with the net sets, payments and receipts that settle them."""
    obligations = Obligation.objects.filter(trade_id=trade_id)
    legs = set(obligations.filter(net_leg__isnull=False).values_list("net_leg_id", flat=True))
    sets = set(NetLeg.objects.filter(id__in=legs).values_list("net_set_id", flat=True))
    own = set(obligations.values_list("id", flat=True))
    paid = set(Instruction.objects.filter(Q(obligation_id__in=own) | Q(net_leg_id__in=legs)).values_list("id", flat=True))
    received = set(ReceiptMatch.objects.filter(instruction_id__in=paid).values_list("receipt_id", flat=True))
    return own | legs | sets | paid | received


def trade_status(trade_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The settlement status of deals, derived from their obligations: OPEN, PART_SETTLED, SETTLED, CLOSED_OUT; CANCELLED before any did."""
    by: dict[UUID, set[str]] = {}
    for trade_id, status in Obligation.objects.filter(trade_id__in=trade_ids).values_list("trade_id", "status"):
        assert trade_id is not None
        by.setdefault(trade_id, set()).add(status)
    settled = {ObligationStatus.SETTLED, ObligationStatus.CANCELLED}
    return {
        trade_id: "CANCELLED"
        if found == {ObligationStatus.CANCELLED}
        else "SETTLED"
        if found <= settled
        else "CLOSED_OUT"
        if found <= {*settled, ObligationStatus.CLOSED_OUT}
        else "PART_SETTLED"
        if found & {"SETTLED", "PART_SETTLED"}
        else "OPEN"
        for trade_id, found in by.items()
    }
