"""Policies, kill switches and closing marks."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from uuid import NAMESPACE_OID, UUID, uuid5

from django.db import transaction

from apps.core import clock, db, ids, money
from apps.core.actor import Actor
from apps.core.unit import step
from apps.events import operations as events

from . import queries
from .errors import AlreadyHalted, PolicyChanged, PolicyInvalid, PolicyUnchanged, SameHandsLift
from .models import Halt, Mark, MarkSet, PairPolicy, PositionBreach, PositionLimit, Venue
from .rules import PolicyTerms, write_terms
from .states import MARK_SET, MarkSetStatus

_TIERS = {"gold": "0.5", "standard": "1.5", "basic": "3"}
POLICIES = [
    # pair, spread, steps, volatility share, skew cap, skew full at, minimum earn, auto max, auto max sigma, auto max spread, legs
    ("BTC-USD", "2", [("5", "1"), ("25", "3"), ("100", "8")], "0.25", "3", "100", "5", "100", "2", "20", []),
    ("ETH-USD", "3", [("50", "1"), ("250", "3"), ("1000", "8")], "0.25", "3", "1500", "5", "1000", "2.5", "25", []),
    ("BTC-EUR", "3", [("5", "1"), ("25", "3"), ("100", "8")], "0.25", "3", "100", "5", "50", "2", "25", ["BTC-USD", "EUR-USD"]),
    ("EUR-USD", "0.5", [("1000000", "0.2"), ("5000000", "0.6")], "0.1", "0.5", "20000000", "1", "10000000", "0.5", "10", []),
]
# Recorded and simulated books are shown as they are, without a fee. Of the others a start (bitfinex and gemini are guesses):
# what this desk really pays is set in the desk.
VENUES = {
    "recorded": "0", "alder": "0", "birch": "0", "cedar": "0", "ecb": "0",
    "binance": "10", "bitfinex": "20", "bitstamp": "40", "coinbase": "120", "gemini": "40", "kraken": "26", "okx": "15",
}  # fmt: skip
_VENUE = re.compile(r"[a-z0-9]{2,30}", re.ASCII)
_COLUMNS = [field.attname for field in PairPolicy._meta.concrete_fields]


def seed_reference() -> None:
    """A policy for each seeded pair, a fee for each known venue; existing ones stay as they are."""
    for pair, spread, steps, share, cap, full, earn, auto, sigma, wide, legs in POLICIES:
        if PairPolicy.objects.filter(pair_code=pair).exists():
            continue
        policy = PairPolicy(
            pair_code=pair,
            spread_bps=Decimal(spread),
            size_tiers=[{"above": above, "bps": bps} for above, bps in steps],
            tier_bps=_TIERS,
            volatility_share=Decimal(share),
            skew_cap_bps=Decimal(cap),
            skew_full_at=Decimal(full),
            minimum_earn=Decimal(earn),
            auto_max_quantity=Decimal(auto),
            auto_max_sigma=Decimal(sigma),
            auto_max_spread_bps=Decimal(wide),
            legs=legs,
        )
        with transaction.atomic():
            _keep_version(policy, reason="as installed", maker=None, approval_id=None, checker="", now=clock.wall_now())
            policy.save(force_insert=True)
    for code, bps in VENUES.items():
        Venue.objects.get_or_create(code=code, defaults={"taker_bps": Decimal(bps)})


def _keep_version(
    policy: PairPolicy, *, reason: str, maker: tuple[UUID | None, str] | None, approval_id: UUID | None, checker: str, now: datetime
) -> None:
    """The version row that the database demands before it takes the policy: PostgreSQL itself makes the copy out of the columns."""
    row = {name: money.text(value) if isinstance(value := getattr(policy, name), Decimal) else value for name in _COLUMNS}
    who, name = maker or (None, "")
    db.run(
        "INSERT INTO pricing_pairpolicyversion (id, pair_code, version, terms, reason, changed_by, changed_by_name, approval_id, "
        "approved_by_name, changed_at) "
        "SELECT %s, %s, %s, to_jsonb(jsonb_populate_record(NULL::pricing_pairpolicy, %s::jsonb)), %s, %s, %s, %s, %s, %s",
        (ids.uuid7(), policy.pair_code, policy.version, db.jsonb(row), reason, who, name, approval_id, checker, now),
    )


@step
def set_policy(
    *,
    pair_code: str,
    terms: PolicyTerms,
    expected_version: int,
    maker: tuple[UUID, str],
    reason: str,
    now: datetime,
    approval_id: UUID | None = None,
    checker: str = "",
) -> PairPolicy:
    """The pair's next version, in force for every quote from the commit on.

    :param maker: id and name of who asked for it
    :param checker: name of who agreed, where a second person had to
    :raises NotFound: no such pair
    :raises PolicyChanged: it is no longer at `expected_version`
    :raises PolicyUnchanged: these are its terms already
    """
    policy = queries.lock_policy(pair_code)
    if policy.version != expected_version:
        raise PolicyChanged(f"{pair_code} is at version {policy.version}; look again")
    before = queries.terms_of(policy)
    if before == terms:
        raise PolicyUnchanged(pair_code)
    for name in PolicyTerms.__dataclass_fields__:
        setattr(policy, name, getattr(terms, name))
    policy.size_tiers = [{"above": money.text(above), "bps": money.text(bps)} for above, bps in terms.size_tiers]
    policy.tier_bps = {tier: money.text(bps) for tier, bps in terms.tier_bps}
    policy.legs = list(terms.legs)
    policy.version += 1
    _keep_version(policy, reason=reason, maker=maker, approval_id=approval_id, checker=checker, now=now)
    policy.save(force_update=True)
    old, new = write_terms(before), write_terms(terms)
    events.record(
        "policy.changed",
        subject_type="pair_policy",
        subject_id=policy_id(pair_code),
        house={
            "pair": pair_code,
            "version": policy.version,
            "reason": reason,
            "changed": {name: [old[name], new[name]] for name in new if old[name] != new[name]},
        },
    )
    return policy


def policy_id(pair_code: str) -> UUID:
    """The id under which events and approvals name a pair's policy, whose key is its code."""
    return uuid5(NAMESPACE_OID, f"pair-policy:{pair_code}")


@step
def set_venue_fee(*, code: str, taker_bps: Decimal, actor: Actor, now: datetime) -> Venue:
    """What taking costs at a venue, known before or new; the feed takes it up within seconds.

    :raises PolicyInvalid: not from 0 to below 1000 bps, or no name of a venue
    """
    if not (taker_bps.is_finite() and 0 <= taker_bps < 1_000 and money.scale_of(taker_bps) <= 4):
        raise PolicyInvalid("taker_bps: from 0 to below 1000, with at most 4 decimals", pointer="/taker_bps", fields={"taker_bps": "range"})
    if not _VENUE.fullmatch(code):
        raise PolicyInvalid("venue: 2 to 30 small letters and digits, as the feed names it", pointer="/venue", fields={"venue": "no name"})
    db.run("INSERT INTO pricing_venue (code, taker_bps) VALUES (%s, 0) ON CONFLICT DO NOTHING", (code,))
    venue = queries.lock_venue(code)
    old, venue.taker_bps = venue.taker_bps, taker_bps
    venue.save(update_fields=["taker_bps"])
    events.record(
        "venue.fee_changed",
        subject_type="venue",
        subject_id=uuid5(NAMESPACE_OID, f"venue:{code}"),
        house={"venue": code, "taker_bps": [money.text(old), money.text(taker_bps)]},
        at=now,
    )
    return venue


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


@step
def set_position_limit(
    *, book_id: UUID, asset_code: str, soft: Decimal, hard: Decimal, reason: str, proposed_by: UUID, approved_by: UUID, now: datetime
) -> PositionLimit:
    """A new version of a book's limit of one asset; the one before ends. Four eyes are the approval's."""
    old = PositionLimit.objects.select_for_update(no_key=True).filter(book_id=book_id, asset_code=asset_code, effective_until=None).first()
    if old is not None:
        old.effective_until = now
        old.save(update_fields=["effective_until"])
    made = PositionLimit(
        id=ids.uuid7(),
        book_id=book_id,
        asset_code=asset_code,
        version=1 if old is None else old.version + 1,
        soft=soft,
        hard=hard,
        reason=reason,
        effective_from=now,
        proposed_by=proposed_by,
        approved_by=approved_by,
    )
    db.insert(made)
    house = {"book": str(book_id), "asset": asset_code, "soft": money.text(soft), "hard": money.text(hard), "version": made.version}
    events.record("position_limit.set", subject_type="position_limit", subject_id=made.id, house=house)
    return made


@step
def note_breaches(*, positions: Mapping[tuple[UUID, str], Decimal], now: datetime) -> int:
    """Begin and end breaches of position limits as the positions are now; how many began or ended.

    :param positions: net open position by book and asset, long positive; what is not there is flat
    """
    open_ones = {(b.book_id, b.asset_code, b.standing): b for b in PositionBreach.objects.select_for_update().filter(ended_at=None)}
    past: dict[tuple[UUID, str, str], tuple[Decimal, Decimal]] = {}
    for one in queries.list_position_limits():
        position = positions.get((one.book_id, one.asset_code), money.ZERO)
        for standing, bound in (("SOFT", one.soft), ("HARD", one.hard)):
            if abs(position) > bound:
                past[one.book_id, one.asset_code, standing] = position, bound
    for key in past.keys() - open_ones.keys():
        position, bound = past[key]
        book_id, asset, standing = key
        breach = PositionBreach(
            id=ids.uuid7(), book_id=book_id, asset_code=asset, standing=standing, position=position, limit=bound, began_at=now
        )
        db.insert(breach)
        house = {"book": str(book_id), "asset": asset, "position": money.text(position), "limit": money.text(bound)}
        events.record(f"position.{standing.lower()}_passed", subject_type="position_breach", subject_id=breach.id, house=house, at=now)
    for key in open_ones.keys() - past.keys():
        breach = open_ones[key]
        breach.ended_at = now
        breach.save(update_fields=["ended_at"])
        house = {"book": str(breach.book_id), "asset": breach.asset_code, "standing": breach.standing}
        events.record("position.back_inside", subject_type="position_breach", subject_id=breach.id, house=house, at=now)
    return len(past.keys() ^ open_ones.keys())
