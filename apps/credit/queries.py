"""Lines with their use, haircuts, marks, breaches, calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet

from apps.clients.errors import AccountUnavailable
from apps.clients.rules import may_deal, stricter
from apps.clients.states import ClientStatus
from apps.core import db, ids, money
from apps.core.actor import Actor
from apps.core.errors import NotFound

from . import rules
from .errors import MarkStale
from .models import AssetMark, Breach, ExposureCall, Haircut, Line, LineDay, Reservation
from .rules import Claim, Headroom, LineState, Mark
from .states import CAPS, CallStatus, Level, Measure, ReservationStatus

ORDER = "CASE l.level WHEN 'GROUP' THEN 1 WHEN 'CLIENT' THEN 2 ELSE 3 END, l.subject_id, l.measure"
OF = "(l.level, l.subject_id) IN (('GROUP', %(group)s::uuid), ('CLIENT', %(client)s::uuid), ('ACCOUNT', %(account)s::uuid))"
# Behind the locks, in the same flight and with a snapshot of its own: what lines hold, and what else decides.
_FACTS = f"""
SELECT h.normal, EXISTS (SELECT 1 FROM credit_assetmark m WHERE m.asset_code IN (%(base)s, %(quote)s) AND m.is_stale), c.status, a.status,
  l.id, l.level, l.measure, l.amount, l.excess, l.excess_until, l.valid_from, l.valid_until,
  CASE WHEN l.measure = 'PRE_SETTLEMENT' THEN l.reserved + l.used + l.unchecked ELSE coalesce(d.reserved + d.used + d.unchecked, 0) END,
  l.revalued, coalesce(r.day, CASE l.measure WHEN 'SETTLEMENT' THEN %(value)s::date WHEN 'DAILY' THEN %(trade)s::date END),
  coalesce(r.amount, 0), b.kind
FROM (SELECT normal FROM credit_haircut WHERE pair_code IN (%(pair)s, '') ORDER BY pair_code DESC, number DESC LIMIT 1) h
LEFT JOIN clients_account a ON a.id = %(account)s::uuid
LEFT JOIN clients_counterparty c ON c.id = a.owner_id
LEFT JOIN credit_line l ON {OF}
LEFT JOIN credit_reservation r ON r.line_id = l.id AND r.source_id = %(source)s::uuid AND r.status = 'RESERVED'
LEFT JOIN credit_lineday d ON d.line_id = l.id
  AND d.day = coalesce(r.day, CASE l.measure WHEN 'SETTLEMENT' THEN %(value)s::date WHEN 'DAILY' THEN %(trade)s::date END)
LEFT JOIN credit_breach b ON b.line_id = l.id AND b.cured_at IS NULL
ORDER BY {ORDER}
"""  # noqa: S608
LIVE = [ReservationStatus.RESERVED, ReservationStatus.COMMITTED]


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides on one claim, as of one statement.

    :param status: the stricter of client and account
    """

    haircut: Decimal
    is_stale: bool
    status: ClientStatus | None
    lines: list[LineState]

    def take(self, claim: Claim, now: datetime) -> tuple[Headroom, list[tuple[LineState, Decimal]]]:
        """
        :raises AccountUnavailable: the client or account is not approved any more (RESTRICTED may reduce)
        :raises MarkStale: an asset of the pair has no live mark
        :raises CreditExceeded, CapExceeded, LineBreached: see `rules.take`
        """
        may_reduce = claim.reduces is not None and self.status == ClientStatus.RESTRICTED
        if self.status is not None and not may_deal(self.status) and not may_reduce:
            raise AccountUnavailable("no deals on this account")
        if self.is_stale and claim.reduces is None:
            raise MarkStale(f"a mark of {claim.pair} is stale: no new risk in it until there is one")
        return rules.take(claim, self.lines, self.haircut, now)


def facts_of(claim: Claim) -> tuple[str, dict[str, Any]]:
    """The statement that reads them, with its parameters: `reserve` sends it behind its locks."""
    of = {"group": claim.group_id, "client": claim.client_id, "account": claim.account_id, "source": claim.source_id}
    about = {"pair": claim.pair, "base": claim.base, "quote": claim.quote, "value": claim.value_date, "trade": claim.trade_date}
    return _FACTS, of | about


def read_facts(rows: Sequence[tuple[Any, ...]]) -> Facts:
    haircut, is_stale, client, account = rows[0][:4]
    lines = [LineState(*row[4:]) for row in rows if row[4] is not None]
    return Facts(haircut, is_stale, stricter(client, account) if client is not None else None, lines)


def read(claim: Claim) -> Facts:
    """Without a lock."""
    return read_facts(db.run(*facts_of(claim)))


def look(*, claim: Claim, now: datetime) -> Headroom:
    """What reserving for a claim, instead of what its request holds, would leave; nothing is locked or taken.

    :raises AppError: as `reserve` would
    """
    return read(claim).take(claim, now)[0]


def check_settlement(*, group_id: UUID | None, client_id: UUID, account_id: UUID, day: date, now: datetime) -> str:
    """Whether what is under way on a value date is within every settlement line: "" it is, NO_LINE in force, or OVER one of them."""
    levels = Q(level="CLIENT", subject_id=client_id) | Q(level="ACCOUNT", subject_id=account_id)
    if group_id is not None:
        levels |= Q(level="GROUP", subject_id=group_id)
    lines = list(Line.objects.filter(levels, measure=Measure.SETTLEMENT))
    limits = {line.id: limit_of(line, now) for line in lines}
    if not lines or not all(limits.values()):
        return "NO_LINE"
    used = LineDay.objects.filter(line__in=lines, day=day).values_list("line_id", F("reserved") + F("used") + F("unchecked"))
    return "OVER" if any(taken > limits[line_id] for line_id, taken in used) else ""


def list_live_reservations() -> QuerySet[Reservation]:
    """Those that still take part of a line."""
    return Reservation.objects.filter(status__in=LIVE).select_related("line")


def lock_line(level: str, subject_id: UUID, measure: str) -> Line | None:
    return Line.objects.select_for_update(no_key=True).filter(level=level, subject_id=subject_id, measure=measure).first()


def lock_line_by_id(line_id: UUID) -> Line:
    return Line.objects.select_for_update(no_key=True).get(id=line_id)


def get_line(line_id: UUID) -> Line:
    """:raises NotFound: no such line"""
    found = Line.objects.filter(id=line_id).first()
    if found is None:
        raise NotFound("no such line")
    return found


def find_line(level: str, subject_id: UUID, measure: str) -> Line | None:
    return Line.objects.filter(level=level, subject_id=subject_id, measure=measure).first()


def has_caps(account_id: UUID) -> bool:
    """Whether an account is capped on its notional, per deal or day."""
    return Line.objects.filter(level=Level.ACCOUNT, subject_id=account_id, measure__in=CAPS).exists()


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


def list_reviewed() -> list[UUID]:
    """Lines that marks, dates or settlement may have moved since they were looked at: with live use, a mark's share or an open breach."""
    taken = Exists(Reservation.objects.filter(line_id=OuterRef("id"), status__in=LIVE))  # by reservation_once: what ended is not read
    broken = Exists(Breach.objects.filter(line_id=OuterRef("id"), cured_at__isnull=True))
    live = Q(revalued__gt=0) | Q(level=Level.LP) | taken | broken
    return list(Line.objects.filter(live, measure__in=[Measure.PRE_SETTLEMENT, Measure.SETTLEMENT]).values_list("id", flat=True))


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


def list_called(account_id: UUID) -> set[str]:
    """The assets that a prefunded account is called for."""
    open_ones = ExposureCall.objects.filter(account_id=account_id, status=CallStatus.ISSUED)
    return set(open_ones.values_list("currency", flat=True))


def list_called_accounts() -> list[UUID]:
    """Prefunded accounts with an open call."""
    open_ones = ExposureCall.objects.filter(account_id__isnull=False, status=CallStatus.ISSUED)
    return [account_id for account_id in open_ones.values_list("account_id", flat=True).distinct() if account_id is not None]


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
        "currency": call.currency,
        "reason": call.reason,
        "issued_at": call.issued_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "due_at": call.due_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    if call.ended_at is not None:
        out["ended_at"] = call.ended_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return out


def first_notional(source_id: UUID) -> Decimal | None:
    """What a request was worth in USD when it was first counted; None where it never was."""
    found = Reservation.objects.filter(source_id=source_id, notional__gt=0).order_by("created_at", "id").values_list("notional", flat=True)
    return found.first()


def has_live(account_id: UUID) -> bool:
    """Whether something is reserved or used for this account."""
    return Reservation.objects.filter(account_id=account_id, status__in=LIVE).exists()
