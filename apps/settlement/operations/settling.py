"""What happens when money has moved: legs, obligations, sets and deals settle, or open again."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from apps.clients import queries as clients
from apps.clients.models import Account
from apps.core import ids, money
from apps.core.unit import step
from apps.credit import operations as credit
from apps.events import operations as events
from apps.ledger import operations as ledger
from apps.settlement.models import Instruction, NetLeg, NetSet, Obligation
from apps.settlement.queries import describing, views
from apps.settlement.queries.locks import Chain
from apps.settlement.rules import postings
from apps.settlement.states import (
    INSTRUCTION,
    NET_LEG,
    NET_SET,
    OBLIGATION,
    InstructionStatus,
    NetLegStatus,
    NetSetStatus,
    ObligationStatus,
)
from apps.trades.models import Trade

from .adjusted import follow
from .nostros import business_date

ENDED = {ObligationStatus.SETTLED, ObligationStatus.CANCELLED, ObligationStatus.CLOSED_OUT}


@dataclass(frozen=True)
class Dues:
    """What settles with a net leg, under its lock."""

    net_set: NetSet
    leg: NetLeg
    members: list[Obligation]


@step
def lock_money(*, account_id: UUID) -> Account:
    """Credit lines group → client → account, then the account's row: before anything that may settle or touch a balance."""
    account = clients.get_owned(account_id)
    credit.lock_lines(group_id=account.owner.group_id, client_id=account.owner_id, account_id=account_id)
    clients.lock_account(account_id)
    return account


@step
def lock_all_money(*, account_ids: Collection[UUID]) -> None:
    """:func:`lock_money` of several accounts, all of one kind before the next."""
    if not account_ids:
        return
    owners = [one.owner for one in clients.list_owned(account_ids).values()]
    subjects = {*account_ids, *(one.id for one in owners), *(one.group_id for one in owners if one.group_id is not None)}
    credit.lock_all_lines(subject_ids=subjects)
    clients.lock_accounts(account_ids)


@step
def begin(*, net_set: NetSet) -> None:
    """The first payment of a set has been sent or received."""
    _begin([net_set])


def _begin(net_sets: Iterable[NetSet]) -> None:
    first = {one.id: one for one in net_sets if one.status in {NetSetStatus.FROZEN, NetSetStatus.AGREED, NetSetStatus.DISPUTED}}
    for one in first.values():
        NET_SET.move(one, NetSetStatus.SETTLING)
    if first:
        NetSet.objects.filter(id__in=first).update(status=NetSetStatus.SETTLING)


@step
def receive(*, chain: Chain, instruction: Instruction, amount: Decimal, now: datetime) -> None:
    """EXPECTED, PART_RECEIVED → PART_RECEIVED, or RECEIVED with its last part: `amount` of it has come, or is not asked for any more."""
    one = instruction
    one.settled_amount += amount
    whole = one.settled_amount == one.amount
    if whole or one.status != InstructionStatus.PART_RECEIVED:
        INSTRUCTION.move(one, InstructionStatus.RECEIVED if whole else InstructionStatus.PART_RECEIVED)
    one.settled_at = now if whole else None
    one.save(update_fields=["status", "settled_amount", "settled_at"])
    apply(chain=chain, instruction=one, amount=amount, now=now)


@step
def apply(*, chain: Chain, instruction: Instruction, amount: Decimal, now: datetime) -> None:
    """`amount` of an instruction has been paid for good: its leg or obligation has settled so much."""
    apply_all(chain=chain, paid=[(instruction, amount)], now=now)


@step
def apply_all(*, chain: Chain, paid: Sequence[tuple[Instruction, Decimal]], now: datetime) -> None:
    """:func:`apply` of several in their order, written together."""
    legs, owed = dict[UUID, NetLeg](), dict[UUID, Obligation]()
    for instruction, amount in paid:
        if instruction.net_leg_id is not None:
            leg = legs[instruction.net_leg_id] = chain.legs[instruction.net_leg_id]
            leg.settled_amount += amount
        elif instruction.obligation_id is not None:
            one = owed[instruction.obligation_id] = chain.obligations[instruction.obligation_id]
            one.settled_amount += amount
    _begin(chain.net_sets[leg.net_set_id] for leg in legs.values())
    whole = [leg for leg in legs.values() if leg.settled_amount == leg.amount]
    for leg in legs.values():
        if leg.settled_amount != leg.amount:
            _part_settle(leg)
    settle_legs(dues=[Dues(chain.net_sets[leg.net_set_id], leg, chain.members[leg.id]) for leg in whole], now=now)
    _settle_obligations(list(owed.values()), now)


def _part_settle(leg: NetLeg) -> None:
    if leg.status != NetLegStatus.PART_SETTLED:
        NET_LEG.move(leg, NetLegStatus.PART_SETTLED)
    leg.save(update_fields=["status", "settled_amount"])


def _settle_obligations(owed: Sequence[Obligation], now: datetime) -> None:
    whole = [one for one in owed if one.settled_amount == one.amount]
    for one in whole:
        OBLIGATION.move(one, ObligationStatus.SETTLED)
        one.settled_at = now
    if whole:
        _write_settled(Obligation.objects.filter(id__in=[one.id for one in whole]), now)
        _end_of(whole, now)
    for one in owed:
        if one.settled_amount != one.amount:
            if one.status != ObligationStatus.PART_SETTLED:
                OBLIGATION.move(one, ObligationStatus.PART_SETTLED)
            one.settled_at = None
            one.save(update_fields=["status", "settled_amount", "settled_at"])


def _write_settled(rows: "QuerySet[Obligation]", now: datetime) -> None:
    rows.update(status=ObligationStatus.SETTLED, settled_amount=F("amount"), settled_at=now)


def _end_of(settled: list[Obligation], now: datetime) -> None:
    """What settles with obligations: their deals, their adjustments."""
    follow(members=settled, now=now)
    close_deals(trade_ids={one.trade_id for one in settled if one.trade_id is not None}, now=now)


@step
def settle_legs(*, dues: Sequence[Dues], now: datetime) -> None:
    """Legs are paid (or zero): their members settle with them, what they net is set off; the last leg of a set settles it."""
    if not dues:
        return
    for one in dues:
        NET_LEG.move(one.leg, NetLegStatus.SETTLED)
        for member in one.members:
            OBLIGATION.move(member, ObligationStatus.SETTLED)
            member.settled_amount, member.settled_at = member.amount, now
    legs = [one.leg.id for one in dues]
    NetLeg.objects.filter(id__in=legs).update(status=NetLegStatus.SETTLED, settled_amount=F("amount"))
    _write_settled(Obligation.objects.filter(net_leg_id__in=legs), now)
    offs = [(one, amount) for one in dues if (amount := _set_off_of(one))]
    before = ledger.count_posted(source_ids=[one.leg.id for one, _ in offs], kind="SET_OFF")  # a leg that was reopened settles again
    for one, amount in offs:
        _post_set_off(one, amount, before[one.leg.id] + 1, now)
    _settle_sets({one.net_set.id: one.net_set for one in dues}, now)
    _end_of([member for one in dues for member in one.members], now)


def _settle_sets(net_sets: dict[UUID, NetSet], now: datetime) -> None:
    """Those of which every leg is settled."""
    left = set(NetLeg.objects.filter(net_set_id__in=net_sets).exclude(status=NetLegStatus.SETTLED).values_list("net_set_id", flat=True))
    done = [one for one in net_sets.values() if one.id not in left]
    if not done:
        return
    _begin(done)
    for one in done:
        NET_SET.move(one, NetSetStatus.SETTLED)
        one.settled_at = now
    NetSet.objects.filter(id__in=[one.id for one in done]).update(status=NetSetStatus.SETTLED, settled_at=now)
    legs = views.net_set_legs([one.id for one in done])
    for one in done:
        tell(net_set=one, kind="settlement.settled", legs=legs[one.id])


def _set_off_of(dues: Dues) -> Decimal:
    pays = sum((o.amount for o in dues.members if o.direction == "PAY"), money.ZERO)
    receives = sum((o.amount for o in dues.members if o.direction == "RECEIVE"), money.ZERO)
    return min(pays, receives)


def _post_set_off(dues: Dues, both: Decimal, nth: int, now: datetime) -> None:
    leg, net_set = dues.leg, dues.net_set
    ledger.post(
        key=f"leg:{leg.id}:setoff:{nth}",
        kind="SET_OFF",
        source_type="netleg",
        source_id=leg.id,
        lines=postings.set_off(entity_id=net_set.entity_id, account_id=net_set.account_id, asset=leg.asset_id, amount=both),
        effective_at=now,
        business_date=business_date(net_set.entity_id, now),
        narrative=f"netting {net_set.value_date.isoformat()}",
    )


@step
def reopen(*, chain: Chain, instruction: Instruction, now: datetime) -> None:
    """A payment ended without paying (failed, returned, cancelled): what it was for is open again, to be paid by a new attempt."""
    undone = instruction.settled_amount
    if instruction.net_leg_id is not None:
        leg = chain.legs[instruction.net_leg_id]
        reopen_leg(dues=Dues(chain.net_sets[leg.net_set_id], leg, chain.members[leg.id]), undone=undone, now=now)
    elif instruction.obligation_id is not None:
        one = chain.obligations[instruction.obligation_id]
        one.settled_amount, one.settled_at = one.settled_amount - undone, None
        OBLIGATION.move(one, ObligationStatus.OPEN)
        one.save(update_fields=["status", "settled_amount", "settled_at"])
        follow(members=[one], now=now)


@step
def reopen_leg(*, dues: Dues, undone: Decimal, now: datetime) -> None:
    """The leg is open again; members that had settled with it are netted again, and their set-off is reversed."""
    leg, net_set = dues.leg, dues.net_set
    had_settled = leg.status == NetLegStatus.SETTLED
    leg.settled_amount -= undone
    NET_LEG.move(leg, NetLegStatus.OPEN)
    leg.save(update_fields=["status", "settled_amount"])
    if had_settled:
        for one in dues.members:
            OBLIGATION.move(one, ObligationStatus.NETTED)
            one.settled_amount, one.settled_at = money.ZERO, None
        Obligation.objects.filter(net_leg=leg).update(status=ObligationStatus.NETTED, settled_amount=money.ZERO, settled_at=None)
        follow(members=dues.members, now=now)
        ledger.reverse(
            source_id=leg.id,
            kinds=["SET_OFF"],
            effective_at=now,
            business_date=business_date(net_set.entity_id, now),
            narrative="the leg is open again",
        )
        if net_set.status == NetSetStatus.SETTLED:
            NET_SET.move(net_set, NetSetStatus.SETTLING)
            net_set.settled_at = None
            net_set.save(update_fields=["status", "settled_at"])


@step
def owe_again(*, chain: Chain, instruction: Instruction, amount: Decimal, now: datetime) -> None:
    """`amount` that had come for an expected payment is gone: what it settled is open again, and the payment is still expected."""
    if instruction.net_leg_id is not None:
        leg = chain.legs[instruction.net_leg_id]
        reopen_leg(dues=Dues(chain.net_sets[leg.net_set_id], leg, chain.members[leg.id]), undone=amount, now=now)
        NET_LEG.move(leg, NetLegStatus.INSTRUCTED)
        leg.save(update_fields=["status"])
        if leg.settled_amount:
            _part_settle(leg)
    elif instruction.obligation_id is not None:
        one = chain.obligations[instruction.obligation_id]
        one.settled_amount, one.settled_at = one.settled_amount - amount, None
        for status in (ObligationStatus.OPEN, ObligationStatus.INSTRUCTED, ObligationStatus.PART_SETTLED):
            if status == ObligationStatus.PART_SETTLED and not one.settled_amount:
                break
            OBLIGATION.move(one, status)
            one.save(update_fields=["status", "settled_amount", "settled_at"])
        follow(members=[one], now=now)


@step
def close_deals(*, trade_ids: Iterable[UUID], now: datetime) -> None:
    """Deals of which both sides have settled, or were closed out: the client is told. Each account's credit is free
    again as soon as its part has ended.
    """
    wanted = set(trade_ids)
    parts: dict[tuple[UUID, UUID | None], bool] = {}
    closed_out: set[UUID] = set()
    if not wanted:
        return
    rows = Obligation.objects.filter(trade_id__in=wanted).values_list("trade_id", "allocation_id", "status")
    for trade_id, allocation_id, status in rows:
        assert trade_id is not None
        ended = status in ENDED
        closed_out |= {trade_id} if status == ObligationStatus.CLOSED_OUT else set()
        parts[trade_id, allocation_id] = parts.get((trade_id, allocation_id), True) and ended
    still_open = {trade_id for (trade_id, _), ended in parts.items() if not ended}
    trades = {trade.id: trade for trade in Trade.objects.filter(id__in=wanted).order_by("id")}
    sources = {share or trades[deal].rfq_id for (deal, share), ended in parts.items() if ended}
    credit.close_all(source_ids=[one for one in sources if one is not None], now=now)
    for trade in trades.values():
        if trade.id in still_open:
            continue
        end = "CLOSED_OUT" if trade.id in closed_out else "SETTLED"
        events.record(f"trade.{end.lower()}", subject_type="trade", subject_id=trade.id, **_told_to(trade, end))


def _told_to(trade: Trade, end: str) -> dict[str, Any]:
    """The client; of a hedge with an LP only the house."""
    if trade.account_id is None:
        return {"house": {"execution_id": trade.execution_id}}
    told = {"id": ids.encode("trd", trade.id), "settlement_status": end}
    return {"client_id": trade.counterparty_id, "account_id": trade.account_id, "public": told}


@step
def tell(*, net_set: NetSet, kind: str, legs: Sequence[NetLeg] | None = None) -> None:
    """Record an event of a net set with its legs, by asset; they are read where they are not given."""
    legs = views.net_set_legs([net_set.id])[net_set.id] if legs is None else legs
    events.record(
        kind,
        subject_type="net_set",
        subject_id=net_set.id,
        client_id=net_set.account.owner_id,
        account_id=net_set.account_id,
        public=describing.describe_net_set(net_set, legs),
    )
