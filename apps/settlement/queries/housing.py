"""House transfers: those that are due, and the one that a receipt is the end of."""

from uuid import UUID

from django.db.models import Q, QuerySet

from apps.core.errors import NotFound
from apps.settlement.models import HouseTransfer, Receipt
from apps.settlement.states import HouseTransferStatus, ReceiptStatus

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
    """The oldest transfer in transit that this receipt is the end of: to this account, of this amount, and from our own place."""
    if receipt.status != ReceiptStatus.FINAL:
        return None
    rows = HouseTransfer.objects.filter(target_id=receipt.nostro_id, amount=receipt.amount, status=HouseTransferStatus.IN_TRANSIT)
    known = Q(instruction__rail_reference=receipt.rail_reference)
    if receipt.sender_address:
        known |= Q(source__address=receipt.sender_address)
    for transfer in rows.filter(known).order_by("requested_at", "id"):
        return transfer.id
    named = rows.select_related("instruction").order_by("requested_at", "id") if receipt.remittance else ()
    return next((one.id for one in named if one.instruction.end_to_end_id in receipt.remittance), None)
