"""How a pair is priced, what stops it, and marks."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from apps.core.errors import NotFound

from .models import Halt, Mark, MarkSet, PairPolicy
from .rules import SizeStep, Spread
from .states import MarkSetStatus


def list_policies() -> list[PairPolicy]:
    return list(PairPolicy.objects.order_by("pair_code"))


def spread_of(policy: PairPolicy, *, tier: str, markup_bps: Decimal) -> Spread:
    """The policy as the pricing rules take it, for one client tier plus the client's own markup."""
    return Spread(
        base_bps=policy.spread_bps,
        size_steps=tuple(SizeStep(Decimal(t["above"]), Decimal(t["bps"])) for t in policy.size_tiers),
        client_bps=Decimal(policy.tier_bps.get(tier, "0")) + markup_bps,
        volatility_share=policy.volatility_share,
        skew_cap_bps=policy.skew_cap_bps,
        skew_full_at=policy.skew_full_at,
        minimum_earn=policy.minimum_earn,
    )


def list_halts() -> list[Halt]:
    """The kill switches that are on."""
    return list(Halt.objects.filter(lifted_at__isnull=True).order_by("thrown_at"))


def list_past_halts(limit: int = 50) -> list[Halt]:
    return list(Halt.objects.filter(lifted_at__isnull=False).order_by("-lifted_at")[:limit])


def lock_halt(halt_id: UUID) -> Halt:
    found = Halt.objects.select_for_update(no_key=True, of=("self",)).filter(id=halt_id).first()
    if found is None:
        raise NotFound("no such halt")
    return found


def find_approved_marks(entity_id: UUID, business_date: date) -> dict[str, Decimal] | None:
    """Approved closing marks by asset, in the set's currency; None while none is approved."""
    found = MarkSet.objects.filter(entity_id=entity_id, business_date=business_date, status=MarkSetStatus.APPROVED).first()
    return None if found is None else {m.asset_code: m.price for m in Mark.objects.filter(mark_set=found).order_by("asset_code")}


def find_last_marks(entity_id: UUID, before: date) -> dict[str, Decimal] | None:
    """The approved marks of the last business date before `before`."""
    found = (
        MarkSet.objects.filter(entity_id=entity_id, business_date__lt=before, status=MarkSetStatus.APPROVED)
        .order_by("-business_date")
        .first()
    )
    return None if found is None else {m.asset_code: m.price for m in Mark.objects.filter(mark_set=found)}


def lock_mark_set(mark_set_id: UUID) -> MarkSet:
    return MarkSet.objects.select_for_update(no_key=True, of=("self",)).get(id=mark_set_id)
