"""Lines with their use, haircuts, marks, breaches, calls."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from django.db.models import F, Max, Q, QuerySet

from apps.core import db, ids, money
from apps.core.actor import Actor
from apps.core.errors import NotFound

from .models import AssetMark, ExposureCall, Haircut, Line, LineDay, Reservation
from .rules import LineState, Mark
from .states import CallStatus, Measure, ReservationStatus

LIVE = [ReservationStatus.RESERVED, ReservationStatus.COMMITTED]


def list_live_reservations() -> QuerySet[Reservation]:
    """Those that still take part of a line."""
    return Reservation.objects.filter(status__in=LIVE).select_related("line")


def lock_line(level: str, subject_id: UUID, measure: str) -> Line | None:
    return Line.objects.select_for_update(no_key=True).filter(level=level, subject_id=subject_id, measure=measure).first()


def get_line(line_id: UUID) -> Line:
    """:raises NotFound: no such line"""
    found = Line.objects.filter(id=line_id).first()
    if found is None:
        raise NotFound("no such line")
    return found


def find_line(level: str, subject_id: UUID, measure: str) -> Line | None:
    return Line.objects.filter(level=level, subject_id=subject_id, measure=measure).first()


def limit_of(line: Line, now: datetime) -> Decimal:
    return LineState(
        line.id,
        line.level,
        line.measure,
        line.amount,
        line.excess,
        line.excess_until,
        line.valid_from,
        line.valid_until,
        money.ZERO,
    ).limit(now)


def exposure_of(line: Line) -> Decimal:
    """What stands against a line: reserved, used, unchecked and revalued; of one that counts by day, its worst day."""
    if line.measure == Measure.PRE_SETTLEMENT:
        return Decimal(line.reserved + line.used + line.unchecked + line.revalued)
    worst = LineDay.objects.filter(line=line).aggregate(most=Max(F("reserved") + F("used") + F("unchecked")))["most"]
    return Decimal(worst or 0)


def list_reviewed(now: datetime) -> list[UUID]:
    """Lines that marks, dates or settlement may have moved since they were looked at: with live use, a mark's share or an open breach."""
    live = Q(reservations__status__in=LIVE) | Q(revalued__gt=0) | Q(breaches__cured_at__isnull=True, breaches__isnull=False) | Q(level="LP")
    return list(Line.objects.filter(live, measure__in=[Measure.PRE_SETTLEMENT, Measure.SETTLEMENT]).distinct().values_list("id", flat=True))


def find_haircut(pair_code: str) -> Haircut | None:
    """The one in force of exactly this pair."""
    return Haircut.objects.filter(pair_code=pair_code).order_by("-number").first()


def list_haircuts() -> list[Haircut]:
    """In force, the general one first."""
    return list(Haircut.objects.order_by("pair_code", "-number").distinct("pair_code"))


def stressed_haircuts() -> dict[str, Decimal]:
    return {h.pair_code: h.stressed for h in list_haircuts()}


def read_marks() -> dict[str, Mark]:
    return {m.asset_code: Mark(m.usd, m.as_of, m.is_stale) for m in AssetMark.objects.all()}


def mark_id(asset: str) -> UUID:
    """A mark's name as a subject of events."""
    return uuid5(NAMESPACE_OID, f"mark:{asset}")


def list_reserved_before(created: datetime, limit: int = 200) -> list[UUID]:
    """Requests with something reserved since before a moment, oldest first."""
    rows = db.run(
        "SELECT source_id FROM credit_reservation WHERE status = 'RESERVED' AND created_at <= %s GROUP BY 1 ORDER BY "
        "min(created_at) LIMIT %s",
        (created, limit),
    )
    return [row[0] for row in rows]


def sum_reducing(account_id: UUID, pair_code: str, *, besides: UUID) -> Decimal:
    """Base quantity that other open requests would already take off an account's open quantity."""
    (total,) = db.one(
        """SELECT coalesce(sum(reduces), 0) FROM (SELECT DISTINCT source_id, reduces FROM credit_reservation
             WHERE account_id = %s AND pair_code = %s AND status = 'RESERVED' AND reduces IS NOT NULL AND source_id <> %s) r""",
        (account_id, pair_code, besides),
    )
    return Decimal(total)


def calls_visible_to(actor: Actor) -> QuerySet[ExposureCall]:
    calls = ExposureCall.objects.select_related("line").order_by("-issued_at", "-id")
    if actor.client_id is not None:
        return calls.filter(client_id=actor.client_id)
    return calls if actor.kind in {"STAFF", "SYSTEM"} else calls.none()


def lock_call(call_id: UUID) -> ExposureCall:
    """:raises NotFound: no such call"""
    found = ExposureCall.objects.select_for_update(no_key=True, of=("self",)).filter(id=call_id).first()
    if found is None:
        raise NotFound("no such call")
    return found


def describe_call(call: ExposureCall, now: datetime) -> dict[str, Any]:
    """How a call is told to its client; OVERDUE is derived."""
    overdue = call.status == CallStatus.ISSUED and call.due_at <= now
    out = {
        "id": ids.encode("call", call.id),
        "status": "OVERDUE" if overdue else str(call.status),
        "amount": money.text(call.amount),
        "currency": "USD",
        "reason": call.reason,
        "issued_at": call.issued_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "due_at": call.due_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    if call.ended_at is not None:
        out["ended_at"] = call.ended_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return out
