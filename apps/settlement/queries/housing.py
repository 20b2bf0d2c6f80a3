"""House transfers: those that are due, and the one that a receipt is the end of."""

from collections.abc import Collection
from itertools import chain
from uuid import UUID

from django.db.models import QuerySet

from apps.clients import queries as clients
from apps.compliance import rules as names
from apps.core.errors import NotFound
from apps.settlement.models import HouseTransfer, Instruction, Receipt
from apps.settlement.states import HouseTransferStatus, InstructionStatus, ReceiptStatus

from . import venues
from .due import BATCH

_ENDS = ("source", "source__rail", "target", "target__rail", "place", "place__venue", "entity", "asset")


def list_all() -> "QuerySet[HouseTransfer]":
    return HouseTransfer.objects.select_related(*_ENDS).order_by("-requested_at", "-id")


def lock(transfer_id: UUID) -> HouseTransfer:
    """:raises NotFound: there is none"""
    rows = HouseTransfer.objects.select_for_update(no_key=True, of=("self",)).filter(id=transfer_id)
    found = rows.select_related(*_ENDS).first()
    if found is None:
        raise NotFound("no such house transfer")
    return found


def lock_twin(transfer: HouseTransfer, came: Receipt) -> HouseTransfer | None:
    """The oldest other one on its way that what came fits as well: from the same venue, of the same amount, and no payment is named.

    :param transfer: locked, and ended by what came
    """
    if transfer.place is None or came.nostro.rail.kind != "BANK" or _names(came, transfer.instruction, ()):
        return None
    rows = HouseTransfer.objects.select_for_update(no_key=True, of=("self",)).filter(
        status=HouseTransferStatus.IN_TRANSIT, target_id=transfer.target_id, place__venue_id=transfer.place.venue_id, amount=transfer.amount
    )
    return rows.select_related(*_ENDS).order_by("requested_at", "id").first()


def is_capital(transfer_id: UUID) -> bool:
    """Whether it goes to an owner of the house."""
    return HouseTransfer.objects.filter(id=transfer_id).exclude(owner_address="").exists()


def get_venue(i: Instruction) -> str:
    """The code of the venue that a payment is asked of."""
    assert i.house_transfer is not None and i.house_transfer.place is not None, "the constraints say so"
    return str(i.house_transfer.place.venue.code)


def list_approved(but: Collection[UUID] = ()) -> list[UUID]:
    """Those that have no payment yet."""
    rows = HouseTransfer.objects.filter(status=HouseTransferStatus.APPROVED).exclude(id__in=list(but))
    return list(rows.order_by("requested_at", "id").values_list("id", flat=True)[:BATCH])


def find_arriving(receipt: Receipt) -> UUID | None:
    """The transfer that this receipt is the end of: to this account, of this amount, and from our own place.

    The one it names by a reference comes first, then the others as :func:`venues.list_on_their_way` has them. What a venue sends comes from
    wallets that nobody knows: its own record names the transaction, or else shows that so much is gone.
    """
    if receipt.status != ReceiptStatus.FINAL:
        return None
    found = venues.list_on_their_way(target_id=receipt.nostro_id, amount=receipt.amount)
    sent = venues.list_transactions(one.id for one in found if one.source is None)
    named = (one for one in found if _names(receipt, one.instruction, sent.get(one.id, ())))
    from_there = (one for one in found if _comes_from(receipt, one, sent.get(one.id, ())))
    return next((one.id for one in chain(named, from_there)), None)


def awaits_record(receipt: Receipt) -> bool:
    """Whether it may be what a venue sends us: on a chain, of that amount, from nobody we know, and the venue's record is not here yet."""
    if receipt.status != ReceiptStatus.FINAL or receipt.nostro.rail.kind != "CHAIN" or clients.find_sender(receipt.sender_address):
        return False
    drawn = [one.id for one in venues.list_on_their_way(target_id=receipt.nostro_id, amount=receipt.amount, source=None)]
    return len(venues.list_transactions(drawn)) < len(drawn)


def _names(receipt: Receipt, payment: Instruction, transactions: Collection[str]) -> bool:
    by_rail = bool(payment.rail_reference) and payment.rail_reference == receipt.rail_reference
    return by_rail or receipt.rail_reference in transactions or payment.end_to_end_id in receipt.remittance


def _comes_from(receipt: Receipt, one: HouseTransfer, transactions: Collection[str]) -> bool:
    """From our other account; from a bank account in the venue's own name; or from a wallet of nobody we know, where the venue's record
    shows it gone and names no transaction.
    """
    if one.source is not None:
        return bool(receipt.sender_address) and one.source.address == receipt.sender_address
    assert one.place is not None, "the constraint says so"
    if receipt.nostro.rail.kind == "BANK":
        return names.same(receipt.sender_name, one.place.venue.name)
    is_gone = one.instruction.status == InstructionStatus.SETTLED and not any(transactions)
    return is_gone and clients.find_sender(receipt.sender_address) is None
