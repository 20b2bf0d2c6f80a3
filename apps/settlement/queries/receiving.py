"""Receipts beside what is expected: what may pay what, what did, and by how much a payment may fall short."""

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from apps.core import money
from apps.core.errors import NotFound
from apps.settlement.models import Instruction, MatchTolerance, Receipt, ReceiptMatch, ReceiptNote
from apps.settlement.rules import matching
from apps.settlement.rules.matching import Came, Expected, Part, Proposal
from apps.settlement.states import AWAITED_INSTRUCTION, ReceiptStatus


def list_waiting(receipt: Receipt) -> "QuerySet[Instruction]":
    """What the receipt's own account has to pay us, in its asset and to its booking entity, the first due first."""
    if receipt.account_id is None:
        return Instruction.objects.none()
    rows = Instruction.objects.filter(
        account_id=receipt.account_id,
        asset_id=receipt.asset_id,
        entity_id=receipt.nostro.entity_id,
        direction="RECEIVE",
        status__in=AWAITED_INSTRUCTION,
    )
    return rows.order_by("due_date", "id")


def list_beside(receipt: Receipt) -> "QuerySet[Receipt]":
    """Other receipts of its account and asset, to the same booking entity, that are cleared and not applied."""
    if receipt.account_id is None:
        return Receipt.objects.none()
    rows = Receipt.objects.filter(
        account_id=receipt.account_id,
        asset_id=receipt.asset_id,
        nostro__entity_id=receipt.nostro.entity_id,
        status=ReceiptStatus.CLEARED,
    )
    return rows.exclude(id=receipt.id).order_by("value_date", "id")


def list_matches(receipt_id: UUID) -> "QuerySet[ReceiptMatch]":
    """What the receipt pays now, what was undone left out."""
    return ReceiptMatch.objects.filter(receipt_id=receipt_id, undoes__isnull=True, undone__isnull=True).order_by("id")


def list_paid_by(receipt_ids: Collection[UUID]) -> list[UUID]:
    """The expected payments that receipts pay now."""
    if not receipt_ids:
        return []
    rows = ReceiptMatch.objects.filter(receipt_id__in=receipt_ids, undoes__isnull=True, undone__isnull=True, instruction__isnull=False)
    return list(rows.values_list("instruction_id", flat=True))


def list_match_history(receipt_id: UUID) -> "QuerySet[ReceiptMatch]":
    return ReceiptMatch.objects.filter(receipt_id=receipt_id).select_related("instruction", "undone", "house_transfer").order_by("id")


def list_notes(receipt_id: UUID) -> "QuerySet[ReceiptNote]":
    return ReceiptNote.objects.filter(receipt_id=receipt_id).order_by("-written_at", "-id")


def came(receipt: Receipt) -> Came:
    return Came(receipt.id, receipt.amount, receipt.remittance, receipt.value_date)


def expected(instructions: Iterable[Instruction]) -> list[Expected]:
    """Those that still wait, as the rules read them, the first due first."""
    waiting = sorted((i for i in instructions if i.status in AWAITED_INSTRUCTION), key=lambda i: (i.due_date, i.id))
    return [Expected(i.id, i.end_to_end_id, i.amount - i.settled_amount, i.due_date) for i in waiting]


def propose_first(receipts: Sequence[Receipt]) -> dict[UUID, Proposal]:
    """The surest proposal for each receipt alone, of those that have one: :func:`propose` for a list, with two statements in all."""
    cleared = [one for one in receipts if one.account_id is not None and one.status == ReceiptStatus.CLEARED]
    tolerances = {one.asset_id: one.amount for one in list_tolerances()} if cleared else {}
    waiting: dict[tuple[UUID | None, str, UUID], list[Instruction]] = {}
    rows = Instruction.objects.filter(
        account_id__in={one.account_id for one in cleared}, direction="RECEIVE", status__in=AWAITED_INSTRUCTION
    )
    for due in rows if cleared else ():
        waiting.setdefault((due.account_id, due.asset_id, due.entity_id), []).append(due)
    out = {}
    for one in cleared:
        mine = expected(waiting.get((one.account_id, one.asset_id, one.nostro.entity_id), ()))
        if found := matching.propose([came(one)], mine, tolerances.get(one.asset_id, money.ZERO)):
            out[one.id] = max(found, key=lambda proposal: proposal.score)
    return out


def propose(receipt: Receipt, beside: Sequence[Receipt] = ()) -> list[Proposal]:
    """For the receipt alone, then together with others of its account, the surest first; none while nobody knows whose it is."""
    if receipt.account_id is None or receipt.status != ReceiptStatus.CLEARED:
        return []
    waiting, tolerance = expected(list_waiting(receipt)), get_tolerance(receipt.asset_id)
    found = matching.propose([came(receipt)], waiting, tolerance)
    if beside:
        found += [one for one in matching.propose([came(receipt), *map(came, beside)], waiting, tolerance) if not one.left]
    return sorted(found, key=lambda one: -one.score)[: matching.MOST_PROPOSED]


def lay_out(receipt: Receipt, beside: Sequence[UUID], chosen: Sequence[UUID]) -> tuple[list[UUID], list[Part]]:
    """The receipt and others of its account onto the chosen payments, each in its order: what a person asks for.

    :raises NotFound: one of them is not of this account, or does not wait any more
    """
    others = {one.id: one for one in list_beside(receipt).filter(id__in=list(beside))}
    waiting = [one for one in expected(list_waiting(receipt)) if one.id in set(chosen)]
    if len(others) != len(set(beside)) or len(waiting) != len(set(chosen)):
        raise NotFound("one of them does not wait any more")
    parts = matching.spread([came(receipt), *map(came, others.values())], waiting, get_tolerance(receipt.asset_id))
    return [receipt.id, *others], parts


def find_tolerance(asset: str) -> MatchTolerance | None:
    return MatchTolerance.objects.filter(asset_id=asset).order_by("-version").first()


def get_tolerance(asset: str) -> Decimal:
    """By how much a payment of this asset may fall short; zero where nothing was set."""
    found = find_tolerance(asset)
    return money.ZERO if found is None else found.amount


def list_tolerances() -> list[MatchTolerance]:
    """The one in force, of every asset that has one."""
    return list(MatchTolerance.objects.order_by("asset_id", "-version").distinct("asset_id"))
