"""Policies, kill switches and closing marks."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db, ids, money
from apps.core.actor import Actor
from apps.core.unit import step
from apps.events import operations as events

from . import queries
from .errors import AlreadyHalted, SameHandsLift
from .models import Halt, Mark, MarkSet, PairPolicy
from .states import MARK_SET, MarkSetStatus

_TIERS = {"gold": "0.5", "standard": "1.5", "basic": "3"}
POLICIES = [
    # pair, spread, steps, volatility share, skew cap, skew full at, minimum earn, auto max, max age ms, legs
    ("BTC-USD", "2", [("5", "1"), ("25", "3"), ("100", "8")], "0.25", "3", "100", "5", "100", 5000, []),
    ("ETH-USD", "3", [("50", "1"), ("250", "3"), ("1000", "8")], "0.25", "3", "1500", "5", "1000", 5000, []),
    ("BTC-EUR", "3", [("5", "1"), ("25", "3"), ("100", "8")], "0.25", "3", "100", "5", "50", 5000, ["BTC-USD", "EUR-USD"]),
    ("EUR-USD", "0.5", [("1000000", "0.2"), ("5000000", "0.6")], "0.1", "0.5", "20000000", "1", "10000000", 5000, []),
]


def seed_reference() -> None:
    """A policy for each seeded pair; existing ones stay as they are."""
    for pair, spread, steps, share, cap, full, earn, auto, age, legs in POLICIES:
        PairPolicy.objects.get_or_create(
            pair_code=pair,
            defaults={
                "spread_bps": Decimal(spread),
                "size_tiers": [{"above": above, "bps": bps} for above, bps in steps],
                "tier_bps": _TIERS,
                "volatility_share": Decimal(share),
                "skew_cap_bps": Decimal(cap),
                "skew_full_at": Decimal(full),
                "minimum_earn": Decimal(earn),
                "auto_max_quantity": Decimal(auto),
                "max_price_age_ms": age,
                "legs": legs,
            },
        )


@step
def throw_halt(*, actor: Actor, reason: str, now: datetime, pair_code: str = "", client_id: UUID | None = None) -> Halt:
    """Stop all dealing, one pair or one client, at once, by one person.

    :raises AlreadyHalted: it is stopped already
    """
    assert actor.id is not None
    scope = "PAIR" if pair_code else "CLIENT" if client_id else "ALL"
    made = Halt(id=ids.uuid7(), scope=scope, pair_code=pair_code, client_id=client_id, reason=reason, thrown_by=actor.id, thrown_at=now)
    with db.refuse_on("halt_once", AlreadyHalted(pair_code or scope)):
        db.insert(made)
    events.record("halt.thrown", subject_type="halt", subject_id=made.id, house={"scope": scope, "pair": pair_code, "reason": reason})
    return made


@step
def lift_halt(*, halt_id: UUID, actor: Actor, now: datetime) -> Halt:
    """Deal again; never by the one who stopped it.

    :raises NotFound: there is no such halt
    :raises SameHandsLift: the same person threw it
    """
    halt = queries.lock_halt(halt_id)
    if actor.id is None or actor.id == halt.thrown_by:
        raise SameHandsLift(halt.reason)
    if halt.lifted_at is None:
        halt.lifted_by, halt.lifted_at = actor.id, now
        halt.save(update_fields=["lifted_by", "lifted_at"])
        events.record("halt.lifted", subject_type="halt", subject_id=halt.id, house={"scope": halt.scope, "pair": halt.pair_code})
    return halt


@step
def propose_marks(
    *,
    entity_id: UUID,
    business_date: date,
    currency: str,
    marks: Mapping[str, tuple[Decimal, str, list[str]]],
    actor: Actor,
    now: datetime,
) -> MarkSet:
    """A set of closing marks, PROPOSED; an earlier proposal of the day is superseded.

    :param marks: by asset: price of one unit in `currency`, source, flags (stale, spread, move)
    """
    before = list(
        MarkSet.objects.select_for_update(no_key=True).filter(entity_id=entity_id, business_date=business_date).order_by("version")
    )
    for old in before:
        if old.status == MarkSetStatus.PROPOSED:
            MARK_SET.move(old, MarkSetStatus.SUPERSEDED)
            old.save(update_fields=["status"])
    made = MarkSet(
        id=ids.uuid7(),
        entity_id=entity_id,
        business_date=business_date,
        version=len(before) + 1,
        currency=currency,
        taken_at=now,
        proposed_by=actor.id,
    )
    rows = [
        Mark(id=ids.uuid7(), mark_set_id=made.id, asset_code=asset, price=price, source=source, flags=flags)
        for asset, (price, source, flags) in sorted(marks.items())
    ]
    db.insert(made, *rows)
    events.record(
        "marks.proposed",
        subject_type="mark_set",
        subject_id=made.id,
        house={"date": business_date.isoformat(), "marks": {asset: money.text(price) for asset, (price, _, _) in marks.items()}},
    )
    return made


@step
def approve_marks(*, mark_set_id: UUID, actor: Actor, now: datetime) -> MarkSet:
    """PROPOSED → APPROVED; the day's approved set before it is superseded. Four eyes are the approval's."""
    fresh = queries.lock_mark_set(mark_set_id)
    for old in MarkSet.objects.select_for_update(no_key=True).filter(
        entity_id=fresh.entity_id, business_date=fresh.business_date, status=MarkSetStatus.APPROVED
    ):
        MARK_SET.move(old, MarkSetStatus.SUPERSEDED)
        old.save(update_fields=["status"])
    MARK_SET.move(fresh, MarkSetStatus.APPROVED)
    fresh.approved_by, fresh.approved_at = actor.id, now
    fresh.save(update_fields=["status", "approved_by", "approved_at"])
    events.record("marks.approved", subject_type="mark_set", subject_id=fresh.id, house={"date": fresh.business_date.isoformat()})
    return fresh
