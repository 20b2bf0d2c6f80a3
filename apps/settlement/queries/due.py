"""What the sweeps have to do: ids, unlocked, bounded, the oldest first. Each is checked again under its locks."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from apps.clients import queries as clients
from apps.core import db
from apps.settlement.models import Instruction, NetLeg, NetSet, Nostro, RailCursor, Receipt, ReleaseBand, Withdrawal
from apps.settlement.rules import netting
from apps.settlement.states import InstructionStatus, NetLegStatus, NetSetStatus, ReceiptStatus, WithdrawalStatus

BATCH = 500
VENUE = "venue:"
# Desk time that a cut-off is left after it: an accept received in time is committed by then, and so in the set (mechanics.md, Two clocks).
GRACE = timedelta(seconds=10)
LIVE = [NetSetStatus.FROZEN, NetSetStatus.AGREED, NetSetStatus.DISPUTED, NetSetStatus.SETTLING]


@dataclass(frozen=True, slots=True, order=True)
class Freeze:
    """One set to be frozen (or, without netting on file, obligations to be instructed one by one)."""

    cutoff_at: datetime
    value_date: date
    account_id: UUID
    entity_id: UUID


def let_in(cutoff_at: datetime) -> Q:
    """Obligations that nobody has excluded from the set of this cut-off."""
    return Q(held_until__isnull=True) | Q(held_until__lte=cutoff_at)


# The first and the last of each hour stand for it: a cut-off is daily, so at most one falls between them.
_ENTERED = """
SELECT o.account_id, o.entity_id, o.value_date, min(greatest(o.booked_at, o.held_until)), max(greatest(o.booked_at, o.held_until))
FROM settlement_obligation o LEFT JOIN trades_trade t ON t.id = o.trade_id LEFT JOIN clients_terms c ON c.id = t.terms_id
WHERE o.status = 'OPEN' AND o.value_date <= %s AND coalesce(c.mode, '') <> 'PREFUNDED'
  AND NOT EXISTS (SELECT 1 FROM trades_dispute d WHERE d.trade_id = o.trade_id AND d.status = 'OPEN')
GROUP BY o.account_id, o.entity_id, o.value_date, date_trunc('hour', greatest(o.booked_at, o.held_until))
"""


def list_due_freezes(now: datetime, but: Collection[Freeze] = ()) -> list[Freeze]:
    """The sets whose netting cut-off passed 10 s ago, by the account's terms. The statements are as many whatever is open.

    :param but: what this run has tried already; so of the other lists
    """
    rows = db.run(_ENTERED, ((now + timedelta(days=2)).date(),))
    accounts = {row[0] for row in rows}
    terms = clients.list_terms(accounts, now)
    alive = set(
        NetSet.objects.filter(account_id__in=accounts, value_date__in={row[2] for row in rows})
        .exclude(status=NetSetStatus.ABORTED)
        .values_list("account_id", "entity_id", "value_date", "cutoff_at")
    )
    found = set()
    for account_id, entity_id, value_date, *entered in rows:
        at, zone = terms[account_id].netting_cutoff, terms[account_id].netting_zone
        for booked_at in entered:
            moment = netting.first_cutoff(booked_at=booked_at, value_date=value_date, at=at, zone=zone)
            while (account_id, entity_id, value_date, moment) in alive:
                later = moment + timedelta(microseconds=1)
                moment = netting.first_cutoff(booked_at=later, value_date=value_date, at=at, zone=zone)
            if moment <= now - GRACE:
                found.add(Freeze(moment, value_date, account_id, entity_id))
    frozen = clients.list_frozen()  # nothing of theirs is netted
    return sorted(one for one in found if one.account_id not in frozen and one not in but)[:BATCH]


def list_due_agreements(now: datetime, but: Collection[UUID] = ()) -> list[UUID]:
    """Frozen sets on which silence agrees, whose time to object is over."""
    due = NetSet.objects.filter(status=NetSetStatus.FROZEN, agree_by__lte=now).order_by("agree_by")
    due = due.exclude(account_id__in=clients.list_frozen()).exclude(id__in=list(but))  # a frozen client's silence says nothing
    return list(due.values_list("id", flat=True)[:BATCH])


def list_sets_to_instruct(but: Collection[UUID] = ()) -> list[UUID]:
    """Living sets with a leg that has no living instruction."""
    open_legs = NetLeg.objects.filter(status=NetLegStatus.OPEN, net_set__status__in=LIVE)
    open_legs = open_legs.exclude(net_set_id__in=list(but))
    return list(open_legs.order_by("net_set_id").distinct().values_list("net_set_id", flat=True)[:BATCH])


def list_held_withdrawals(but: Collection[UUID] = ()) -> list[UUID]:
    held = Withdrawal.objects.filter(status=WithdrawalStatus.HELD).exclude(id__in=list(but))
    return list(held.order_by("requested_at", "id").values_list("id", flat=True)[:BATCH])


def list_queue(but: Collection[UUID] = ()) -> list[UUID]:
    """Payments whose blockers are looked at again."""
    waiting = Instruction.objects.filter(status__in=[InstructionStatus.READY, InstructionStatus.BLOCKED]).exclude(id__in=list(but))
    return list(waiting.order_by("due_date", "id").values_list("id", flat=True)[:BATCH])


def list_straight_through(but: Collection[UUID] = ()) -> list[UUID]:
    """Legs that wait for release and may be within their rail's band: nothing while no band lets anything go by itself."""
    bands = {b.rail_id: b.straight_through for b in ReleaseBand.objects.order_by("rail_id", "-version").distinct("rail_id")}
    fits = Q()
    for rail, most in bands.items():
        if most > 0:
            fits |= Q(nostro__rail_id=rail, amount__lte=most)
    if not fits:
        return []
    legs = Instruction.objects.filter(
        fits, status=InstructionStatus.READY, attempt=1, whole__isnull=True, failure="", withdrawal__isnull=True, returns__isnull=True,
        house_transfer__isnull=True,
    )  # fmt: skip
    return list(legs.exclude(id__in=list(but)).order_by("due_date", "id").values_list("id", flat=True)[:BATCH])


def list_released(rail: str = "", but: Collection[UUID] = ()) -> list[UUID]:
    """:param rail: of this one alone; "" of all"""
    released = of_line(rail).filter(status=InstructionStatus.RELEASED).exclude(id__in=list(but))
    return list(released.order_by("due_date", Coalesce("whole_id", "id"), "part", "id").values_list("id", flat=True)[:BATCH])


def list_unknown(rail: str = "", but: Collection[UUID] = ()) -> list[UUID]:
    unknown = of_line(rail).filter(status=InstructionStatus.UNKNOWN).exclude(id__in=list(but))
    return list(unknown.order_by("id").values_list("id", flat=True)[:BATCH])


def list_stuck(wall: datetime, rail: str = "", but: Collection[UUID] = ()) -> list[UUID]:
    """Payments whose sender died between the commit and the rail's answer."""
    stuck = of_line(rail).filter(status=InstructionStatus.SENDING, sending_since__lt=wall - timedelta(minutes=2))
    return list(stuck.exclude(id__in=list(but)).order_by("id").values_list("id", flat=True)[:BATCH])


def list_rails_to_call() -> list[str]:
    """Rails that have something of ours to take, or to tell; venue:CODE of a venue that we draw from."""
    going = [InstructionStatus.RELEASED, InstructionStatus.SENDING, InstructionStatus.UNKNOWN, InstructionStatus.SENT]
    rows = Instruction.objects.filter(status__in=going)
    rails = rows.filter(direction="PAY").values_list("nostro__rail_id", flat=True).distinct()
    drawn = rows.filter(direction="DRAW").values_list("house_transfer__place__venue__code", flat=True).distinct()
    return sorted({*rails, *(f"{VENUE}{code}" for code in drawn)})


def of_line(on: str) -> "QuerySet[Instruction]":
    """What a rail, or venue:CODE, is told of; "" everything."""
    if on.startswith(VENUE):
        return Instruction.objects.filter(direction="DRAW", house_transfer__place__venue__code=on.removeprefix(VENUE))
    return Instruction.objects.filter(nostro__rail_id=on).exclude(direction="DRAW") if on else Instruction.objects.all()


def list_final(but: Collection[UUID] = ()) -> list[UUID]:
    """Receipts that nobody has looked at yet."""
    final = Receipt.objects.filter(status=ReceiptStatus.FINAL).exclude(id__in=list(but))
    return list(final.order_by("final_at", "id").values_list("id", flat=True)[:BATCH])


def list_clearable(but: Collection[UUID] = ()) -> list[UUID]:
    """Cleared receipts that have paid nothing yet, but those that only people apply."""
    cleared = Receipt.objects.filter(status=ReceiptStatus.CLEARED, by_hand=False).exclude(id__in=list(but))
    return list(cleared.order_by("final_at", "id").values_list("id", flat=True)[:BATCH])


@dataclass(frozen=True, slots=True)
class Watched:
    """An account or wallet of ours and how far its statement has been read."""

    nostro_id: UUID
    rail: str
    kind: str
    address: str
    asset: str
    confirmations: int
    last_sequence: int
    read_at: datetime | None


def list_places(rail: str = "") -> list[Watched]:
    """:param rail: on this one alone; "" on all"""
    mine = Nostro.objects.filter(rail_id=rail) if rail else Nostro.objects.all()
    read = {row[0]: row[1:] for row in RailCursor.objects.values_list("nostro_id", "last_sequence", "read_at")}
    return [
        Watched(n.id, n.rail_id, n.rail.kind, n.address, n.asset_id, n.rail.confirmations, *read.get(n.id, (0, None)))
        for n in mine.select_related("rail").order_by("asset_id", "designation")
    ]
