"""What the sweeps have to do: ids, unlocked, bounded, the oldest first. Each is checked again under its locks."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Q

from apps.clients import queries as clients
from apps.core import db
from apps.settlement.models import Instruction, NetLeg, NetSet, Nostro, RailCursor, Receipt, ReleaseBand, Withdrawal
from apps.settlement.rules import netting
from apps.settlement.states import InstructionStatus, NetLegStatus, NetSetStatus, ReceiptStatus, WithdrawalStatus

BATCH = 500
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


def list_due_freezes(now: datetime) -> list[Freeze]:
    """The sets whose netting cut-off passed 10 s ago, by the account's terms. The statements are as many whatever is open."""
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
    return sorted(one for one in found if one.account_id not in frozen)[:BATCH]


def list_due_agreements(now: datetime) -> list[UUID]:
    """Frozen sets on which silence agrees, whose time to object is over."""
    due = NetSet.objects.filter(status=NetSetStatus.FROZEN, agree_by__lte=now).order_by("agree_by")
    due = due.exclude(account_id__in=clients.list_frozen())  # a frozen client's silence says nothing
    return list(due.values_list("id", flat=True)[:BATCH])


def list_sets_to_instruct() -> list[UUID]:
    """Living sets with a leg that has no living instruction."""
    open_legs = NetLeg.objects.filter(status=NetLegStatus.OPEN, net_set__status__in=LIVE)
    return list(open_legs.order_by("net_set_id").distinct().values_list("net_set_id", flat=True)[:BATCH])


def list_held_withdrawals() -> list[UUID]:
    return list(Withdrawal.objects.filter(status=WithdrawalStatus.HELD).order_by("requested_at").values_list("id", flat=True)[:BATCH])


def list_queue() -> list[UUID]:
    """Payments whose blockers are looked at again."""
    waiting = Instruction.objects.filter(status__in=[InstructionStatus.READY, InstructionStatus.BLOCKED])
    return list(waiting.order_by("due_date", "id").values_list("id", flat=True)[:BATCH])


def list_straight_through() -> list[UUID]:
    """Legs that wait for release and may be within their rail's band: nothing while no band lets anything go by itself."""
    bands = {b.rail_id: b.straight_through for b in ReleaseBand.objects.order_by("rail_id", "-version").distinct("rail_id")}
    fits = Q()
    for rail, most in bands.items():
        if most > 0:
            fits |= Q(nostro__rail_id=rail, amount__lte=most)
    if not fits:
        return []
    legs = Instruction.objects.filter(
        fits, status=InstructionStatus.READY, attempt=1, withdrawal__isnull=True, returns__isnull=True, house_transfer__isnull=True
    )
    return list(legs.order_by("due_date", "id").values_list("id", flat=True)[:BATCH])


def list_released() -> list[UUID]:
    released = Instruction.objects.filter(status=InstructionStatus.RELEASED)
    return list(released.order_by("due_date", "id").values_list("id", flat=True)[:BATCH])


def list_unknown() -> list[UUID]:
    return list(Instruction.objects.filter(status=InstructionStatus.UNKNOWN).order_by("id").values_list("id", flat=True)[:BATCH])


def list_stuck(wall: datetime) -> list[UUID]:
    """Payments whose sender died between the commit and the rail's answer."""
    stuck = Instruction.objects.filter(status=InstructionStatus.SENDING, sending_since__lt=wall - timedelta(minutes=2))
    return list(stuck.order_by("id").values_list("id", flat=True)[:BATCH])


def list_final() -> list[UUID]:
    """Receipts that nobody has looked at yet."""
    return list(Receipt.objects.filter(status=ReceiptStatus.FINAL).order_by("final_at", "id").values_list("id", flat=True)[:BATCH])


def list_clearable() -> list[UUID]:
    """Cleared receipts that have paid nothing yet, but those that only people apply."""
    return list(
        Receipt.objects.filter(status=ReceiptStatus.CLEARED, by_hand=False).order_by("final_at", "id").values_list("id", flat=True)[:BATCH]
    )


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


def list_places() -> list[Watched]:
    read = {row[0]: row[1:] for row in RailCursor.objects.values_list("nostro_id", "last_sequence", "read_at")}
    return [
        Watched(n.id, n.rail_id, n.rail.kind, n.address, n.asset_id, n.rail.confirmations, *read.get(n.id, (0, None)))
        for n in Nostro.objects.select_related("rail").order_by("asset_id", "designation")
    ]
