"""House transfers: those that are due, and the one that a receipt is the end of."""

from itertools import chain
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.core.errors import NotFound
from apps.settlement.models import HouseTransfer, Instruction, Receipt
from apps.settlement.states import HouseTransferStatus, InstructionStatus, ReceiptStatus

BATCH = 500


def list_all() -> "QuerySet[HouseTransfer]":
    return HouseTransfer.objects.select_related("source", "source__rail", "target", "entity", "asset").order_by("-requested_at", "-id")


def lock(transfer_id: UUID) -> HouseTransfer:
    """:raises NotFound: there is none"""
    rows = HouseTransfer.objects.select_for_update(no_key=True, of=("self",)).filter(id=transfer_id)
    found = rows.select_related("source", "source__rail", "target", "entity", "asset").first()
    if found is None:
        raise NotFound("no such house transfer")
    return found


def list_approved() -> list[UUID]:
    """Those that have no payment yet."""
    rows = HouseTransfer.objects.filter(status=HouseTransferStatus.APPROVED)
    return list(rows.order_by("requested_at", "id").values_list("id", flat=True)[:BATCH])


def find_arriving(receipt: Receipt) -> UUID | None:
    """The transfer that this receipt is the end of: to this account, of this amount, and from our own place.

    The one it names by a reference comes first, then the oldest in transit; then one whose payment may have left though we have no answer
    yet, since money is often faster than its answer.
    """
    if receipt.status != ReceiptStatus.FINAL:
        return None
    may_have_left = Q(status=HouseTransferStatus.INSTRUCTED, instruction__status__in=[InstructionStatus.SENDING, InstructionStatus.UNKNOWN])
    rows = HouseTransfer.objects.filter(may_have_left | Q(status=HouseTransferStatus.IN_TRANSIT), target_id=receipt.nostro_id)
    rows = rows.filter(amount=receipt.amount).select_related("instruction", "source").order_by("requested_at", "id")
    found = sorted(rows, key=lambda one: one.status != HouseTransferStatus.IN_TRANSIT)
    named = (one for one in found if _names(receipt, one.instruction))
    from_there = (one for one in found if receipt.sender_address and one.source.address == receipt.sender_address)
    return next((one.id for one in chain(named, from_there)), None)


def _names(receipt: Receipt, payment: Instruction) -> bool:
    by_rail = bool(payment.rail_reference) and payment.rail_reference == receipt.rail_reference
    return by_rail or payment.end_to_end_id in receipt.remittance
