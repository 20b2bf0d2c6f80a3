"""How a pair is priced, what stops it, and marks."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from apps.core import db
from apps.core.errors import NotFound

from .models import Halt, Mark, MarkSet, PairPolicy, PairPolicyVersion, PositionBreach, PositionLimit, Venue
from .rules import AutoBounds, Bands, Health, PolicyTerms, Recipe, SizeStep, Spread
from .rules.policy import WHOLE
from .states import MarkSetStatus


def list_policies() -> list[PairPolicy]:
    return list(PairPolicy.objects.order_by("pair_code"))


def get_policy(pair_code: str) -> PairPolicy:
    """:raises NotFound: no such pair"""
    found = PairPolicy.objects.filter(pair_code=pair_code).first()
    if found is None:
        raise NotFound("no policy of such a pair")
    return found


def lock_policy(pair_code: str) -> PairPolicy:
    """:raises NotFound: no such pair"""
    found = PairPolicy.objects.select_for_update(no_key=True, of=("self",)).filter(pair_code=pair_code).first()
    if found is None:
        raise NotFound("no policy of such a pair")
    return found


def list_policy_versions(pair_code: str = "", limit: int = 100) -> list[PairPolicyVersion]:
    """The history, newest first; of all pairs where none is named."""
    found = PairPolicyVersion.objects.order_by("-changed_at", "-version")
    return list((found.filter(pair_code=pair_code) if pair_code else found)[:limit])


def get_policy_version(pair_code: str, version: int) -> PairPolicyVersion:
    return PairPolicyVersion.objects.get(pair_code=pair_code, version=version)


def find_agreed_terms(pair_code: str) -> PolicyTerms:
    """Each of the pair's terms as two people last agreed it, or as installed."""
    agreed: dict[str, Any] = {}
    before: dict[str, Any] = {}
    for version in PairPolicyVersion.objects.filter(pair_code=pair_code).order_by("version"):
        for name, value in version.terms.items():
            if not before or (version.approval_id is not None and before[name] != value):
                agreed[name] = value
        before = version.terms
    if not agreed:
        raise NotFound("no policy of such a pair")
    return terms_of_row(agreed)


def terms_of(policy: PairPolicy) -> PolicyTerms:
    return terms_of_row({name: getattr(policy, name) for name in PolicyTerms.__dataclass_fields__})


def terms_of_row(row: Mapping[str, Any]) -> PolicyTerms:
    """Terms out of a policy's row, or out of the copy that a version keeps (whose numbers are JSON's)."""
    lists: dict[str, Any] = {
        "size_tiers": tuple((Decimal(t["above"]), Decimal(t["bps"])) for t in row["size_tiers"]),
        "tier_bps": tuple(sorted((tier, Decimal(bps)) for tier, bps in row["tier_bps"].items())),
        "legs": tuple(row["legs"]),
    }
    numbers: dict[str, Any] = {name: row[name] for name in PolicyTerms.__dataclass_fields__ if name not in lists}
    exact: dict[str, Any] = {name: value if name in WHOLE else Decimal(value) for name, value in numbers.items()}
    return PolicyTerms(**lists, **exact)


def bounds_of(policy: PairPolicy) -> AutoBounds:
    return AutoBounds(
        max_quantity=policy.auto_max_quantity,
        max_age=timedelta(milliseconds=policy.auto_max_age_ms),
        max_sigma=policy.auto_max_sigma,
        max_spread_bps=policy.auto_max_spread_bps,
        min_sources=policy.auto_min_sources,
    )


def health_of(policy: PairPolicy) -> Health:
    """When a venue's book of this pair is left out of the merge."""
    return Health(
        max_age=timedelta(milliseconds=policy.source_max_age_ms),
        max_deviation_bps=policy.max_deviation_bps,
        min_depth=policy.min_depth,
        max_jump_bps=policy.max_jump_bps,
    )


def list_venues() -> list[Venue]:
    return list(Venue.objects.order_by("code"))


def lock_venue(code: str) -> Venue:
    """:raises NotFound: no such venue"""
    found = Venue.objects.select_for_update(no_key=True, of=("self",)).filter(code=code).first()
    if found is None:
        raise NotFound("no such venue")
    return found


@lru_cache(maxsize=256)
def policy_of(row: str) -> PairPolicy:
    """A pair's policy out of its row as JSON, not to be changed; the same row is the same policy."""
    return PairPolicy(**db.loads(row))


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


def get_recipe() -> Recipe:
    """How the feed makes composites out of venues' books, as policies and venues say now."""
    policies = list_policies()
    return Recipe(
        health={policy.pair_code: health_of(policy) for policy in policies},
        fees_bps={venue.code: venue.taker_bps for venue in list_venues()},
        crosses={policy.pair_code: (policy.legs[0], policy.legs[1]) for policy in policies if policy.legs},
    )


def bands_of(policy: PairPolicy) -> Bands:
    """How far from the market a price of this pair may be."""
    return Bands(policy.sure_bps, policy.refuse_bps, policy.through_bps)


def list_halts() -> list[Halt]:
    """The kill switches that are on."""
    return list(Halt.objects.filter(lifted_at__isnull=True).order_by("thrown_at", "id"))


def list_past_halts(limit: int = 50) -> list[Halt]:
    return list(Halt.objects.filter(lifted_at__isnull=False).order_by("-lifted_at", "-id")[:limit])


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


def list_position_limits() -> list[PositionLimit]:
    """Those in force."""
    return list(PositionLimit.objects.filter(effective_until__isnull=True).order_by("book_id", "asset_code"))


def find_position_limit(book_id: UUID, asset_code: str) -> PositionLimit | None:
    return PositionLimit.objects.filter(book_id=book_id, asset_code=asset_code, effective_until__isnull=True).first()


def list_past_position_limits(limit: int = 30) -> list[PositionLimit]:
    return list(PositionLimit.objects.filter(effective_until__isnull=False).order_by("-effective_until", "-id")[:limit])


def list_open_breaches() -> list[PositionBreach]:
    return list(PositionBreach.objects.filter(ended_at__isnull=True).order_by("began_at", "id"))
