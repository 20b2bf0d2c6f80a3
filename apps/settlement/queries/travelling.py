"""Transfers with their travel-rule records, as compliance reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from apps.clients.rules import places
from apps.compliance.models import TravelMessage, TravelRecord
from apps.compliance.queries import travel as kept
from apps.compliance.rules import ivms101
from apps.settlement.models import Instruction, Receipt
from apps.settlement.states import InstructionStatus, ReceiptStatus

CAN_LEAVE = (InstructionStatus.DRAFT, InstructionStatus.READY, InstructionStatus.BLOCKED, InstructionStatus.RELEASED)


@dataclass(frozen=True, slots=True)
class Travelled:
    """One record; `problem` is what keeps it from being in order, `message` what the other VASP said."""

    made_at: datetime
    direction: str  # out, in
    subject_id: UUID
    version: int
    reference: str
    account: str
    asset: str
    amount: Decimal
    status: str
    originator: str
    beneficiary: str
    vasp: str
    message: str
    problem: str
    source: str


def list_due(now: datetime) -> list[TravelMessage]:
    """What other VASPs are to be told now, of payments that can still leave."""
    return kept.list_due(now, among=Instruction.objects.filter(status__in=CAN_LEAVE).values("id"))


def find_receipt(*, address: str, reference: str) -> Receipt | None:
    """A transfer to a wallet of ours by its transaction."""
    found = Receipt.objects.filter(
        nostro__address__in={address, places.canonical(address)}, nostro__rail__kind="CHAIN", rail_reference=reference
    )
    return found.select_related("nostro", "nostro__rail", "nostro__entity").first()


def list_waiting() -> QuerySet[Receipt]:
    """Receipts in quarantine until their data come, the oldest first."""
    rows = Receipt.objects.filter(status=ReceiptStatus.QUARANTINED, quarantine_reason="TRAVEL_RULE")
    return rows.select_related("nostro", "account").order_by("seen_at", "id")


def describe(records: Sequence[TravelRecord]) -> list[Travelled]:
    """:param records: with `told` within reach"""
    wanted = [one.subject_id for one in records]
    paid = {i.id: i for i in Instruction.objects.filter(id__in=wanted).select_related("account")}
    came = {r.id: r for r in Receipt.objects.filter(id__in=wanted).select_related("account")}
    out = []
    for one in records:
        i, r = paid.get(one.subject_id), came.get(one.subject_id)
        subject = i or r
        if subject is None:
            continue
        told = getattr(one, "told", None)
        status = "" if told is None else str(told.status)
        problem = "; ".join(one.faults[:3]) + (f" and {len(one.faults) - 3} more" if len(one.faults) > 3 else "")
        if not problem and status not in {"", "ACCEPTED"}:
            problem = told.reason if told is not None and told.reason else status.lower().replace("_", " ")
        out.append(
            Travelled(
                made_at=one.made_at,
                direction="out" if i is not None else "in",
                subject_id=one.subject_id,
                version=one.version,
                reference=i.end_to_end_id if i is not None else r.rail_reference if r is not None else "",
                account="" if subject.account is None else subject.account.code,
                asset=subject.asset_id,
                amount=subject.amount,
                status=str(subject.status),
                originator=ivms101.name_of(one.payload, "originator"),
                beneficiary=ivms101.name_of(one.payload, "beneficiary"),
                vasp=one.vasp_name if told is None else told.vasp_name,
                message=status,
                problem=problem,
                source=one.get_source_display(),
            )
        )
    return out
