"""House transfers: those that are due, and the one that a receipt is the end of."""

from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import chain
from uuid import UUID

from django.db.models import CharField, F, QuerySet, Value

from apps.clients import queries as clients
from apps.compliance import rules as names
from apps.core.errors import NotFound
from apps.settlement.models import HouseTransfer, Instruction, Receipt, ReceiptMatch
from apps.settlement.states import HouseTransferStatus, ReceiptStatus

from . import venues
from .due import BATCH

PART_WAITS = timedelta(days=1)  # for the record of the venue that may have sent it
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

    None for what people have said is of `transfer`.

    :param transfer: locked, and ended by what came
    """
    if came.by_hand or transfer.place is None or came.nostro.rail.kind != "BANK" or _names(came, transfer.instruction, ()):
        return None
    rows = HouseTransfer.objects.select_for_update(no_key=True, of=("self",)).filter(
        status=HouseTransferStatus.IN_TRANSIT,
        target_id=transfer.target_id,
        place__venue_id=transfer.place.venue_id,
        amount=transfer.amount,
        arrived=0,
    )
    return rows.select_related(*_ENDS).order_by("requested_at", "id").first()


def get(transfer_id: UUID) -> HouseTransfer:
    """:raises NotFound: there is none"""
    found = list_all().filter(id=transfer_id).first()
    if found is None:
        raise NotFound("no such house transfer")
    return found


def list_fitting(receipt: Receipt) -> list[HouseTransfer]:
    """Those on their way to the account on which it came that lack as much, the oldest first; none for a client's money."""
    if receipt.account_id is not None:
        return []
    rows = list_all().filter(status=HouseTransferStatus.IN_TRANSIT, target_id=receipt.nostro_id, arrived__lte=F("amount") - receipt.amount)
    return list(rows.order_by("requested_at", "id")[:BATCH])


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


def find_whole(transfer: HouseTransfer) -> ReceiptMatch | None:
    """The match of the one receipt that brought all of it."""
    found = ReceiptMatch.objects.filter(house_transfer=transfer, undoes__isnull=True, undone__isnull=True).first()
    return found if found is not None and found.amount == transfer.amount else None


def find_end_of(receipt_id: UUID) -> UUID | None:
    """The transfer that a receipt is of now."""
    rows = ReceiptMatch.objects.filter(receipt_id=receipt_id, undoes__isnull=True, undone__isnull=True)
    return rows.values_list("house_transfer_id", flat=True).first()


def find_arriving(receipt: Receipt) -> UUID | None:
    """The transfer that this receipt is the end of, or a part: to this account, of no more than it lacks, and from our own place.

    One it names by a reference comes first, and then it is of no other; then the one that lacks exactly so much, in the order of
    :func:`venues.list_on_their_way`. Less than that, and unnamed, is a part where the venue's record shows one like it, or where a single
    transfer is on its way from there. What a venue sends over a chain comes from wallets that nobody knows: there the record alone tells.
    """
    if receipt.status != ReceiptStatus.FINAL:
        return None
    going = venues.list_on_their_way(target_id=receipt.nostro_id)
    sent = venues.list_sent(one.id for one in going if one.source is None)
    named = [one for one in going if _names(receipt, one.instruction, [name for name, _ in sent.get(one.id, ())])]
    if named:
        return next((one.id for one in named if receipt.amount <= one.outstanding), None)
    shown = {one.id for one in going if _shows(receipt, one, sent.get(one.id, ()))}
    there = [one for one in going if receipt.amount <= one.outstanding and _comes_from(receipt, one, one.id in shown)]
    parts = [one for one in there if one.id in shown] or (there if len(there) == 1 and not _names_another(receipt) else [])
    return next((one.id for one in chain((one for one in there if one.outstanding == receipt.amount), parts)), None)


def awaits_record(receipt: Receipt, now: datetime) -> bool:
    """Whether it may be what a venue sends us, or a part: on a chain, from nobody we know, and the venue's record does not show all yet.

    What is less than a transfer lacks may be anybody's: it waits for no more than `PART_WAITS`.
    """
    if receipt.status != ReceiptStatus.FINAL or receipt.nostro.rail.kind != "CHAIN" or clients.find_sender(receipt.sender_address):
        return False
    drawn = venues.list_on_their_way(target_id=receipt.nostro_id, source=None)
    lacking = [one.outstanding for one in drawn if one.instruction.settled_amount < one.amount]
    young = receipt.final_at is not None and now - receipt.final_at < PART_WAITS
    return any(receipt.amount == lacks or (young and receipt.amount < lacks) for lacks in lacking)


def _names(receipt: Receipt, payment: Instruction, transactions: Collection[str]) -> bool:
    by_rail = bool(payment.rail_reference) and payment.rail_reference == receipt.rail_reference
    return by_rail or receipt.rail_reference in transactions or payment.end_to_end_id in receipt.remittance


def _names_another(receipt: Receipt) -> bool:
    """Whether it names a payment of a transfer that has ended: it comes a second time."""
    rows = Instruction.objects.filter(house_transfer__target_id=receipt.nostro_id)
    told = Value(receipt.remittance, output_field=CharField())
    return bool(receipt.remittance) and rows.alias(told=told).filter(told__contains=F("end_to_end_id")).exists()


def _comes_from(receipt: Receipt, one: HouseTransfer, is_shown: bool) -> bool:
    """From our other account; from a bank account in the venue's own name; or from a wallet of nobody we know, where the venue's record
    shows it gone and names no transaction.
    """
    if one.source is not None:
        return bool(receipt.sender_address) and one.source.address == receipt.sender_address
    assert one.place is not None, "the constraint says so"
    if receipt.nostro.rail.kind == "BANK":
        return names.same(receipt.sender_name, one.place.venue.name)
    return is_shown and clients.find_sender(receipt.sender_address) is None


def _shows(receipt: Receipt, one: HouseTransfer, sent: Collection[tuple[str, Decimal]]) -> bool:
    """Whether the venue's record shows so much gone, without a transaction, more often than it has come."""
    alike = sum(amount == receipt.amount for name, amount in sent if not name)
    if not alike:
        return False
    named = [name for name, _ in sent if name]
    came = one.parts.filter(undoes__isnull=True, undone__isnull=True, amount=receipt.amount).exclude(receipt__rail_reference__in=named)
    return bool(alike > came.count())
