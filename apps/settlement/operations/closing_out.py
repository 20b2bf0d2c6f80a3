"""Everything unsettled under one netting agreement ends, and one amount at approved marks is owed instead."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.clients import queries as clients
from apps.clients.models import Account
from apps.core import db, ids, money
from apps.core.unit import step
from apps.events import operations as events
from apps.instruments import queries as instruments
from apps.instruments.models import Asset
from apps.instruments.rules import next_good_day
from apps.ledger import operations as ledger
from apps.ledger import queries as balances
from apps.ledger.states import Kind
from apps.settlement.errors import BadCloseOut, CloseOutUnexplained, PaymentInFlight
from apps.settlement.models import CloseOut, Instruction, NetLeg, NetSet, Obligation
from apps.settlement.operations.adjusting import owe, request
from apps.settlement.queries.due import LIVE
from apps.settlement.queries.locks import lock_instructions, lock_legs_of, lock_net_sets, lock_owed
from apps.settlement.rules import closing_out as rules
from apps.settlement.rules.closing_out import Standing
from apps.settlement.states import (
    NET_LEG,
    NET_SET,
    OBLIGATION,
    OPEN_OBLIGATION,
    AdjustmentKind,
    InstructionStatus,
    NetLegStatus,
    NetSetStatus,
    ObligationStatus,
)

from . import instructions, settling
from .nostros import book_of, business_date

POSTED = "CLOSE_OUT"
IN_FLIGHT = {InstructionStatus.SENDING, InstructionStatus.UNKNOWN, InstructionStatus.SENT}
ENDS = {
    InstructionStatus.DRAFT, InstructionStatus.READY, InstructionStatus.BLOCKED, InstructionStatus.EXPECTED,
    InstructionStatus.PART_RECEIVED, InstructionStatus.SPLIT,
}  # fmt: skip


@dataclass(frozen=True)
class Unsettled:
    """All that is open between an entity of ours and some accounts of one counterparty, locked."""

    entity_id: UUID
    accounts: list[Account]
    net_sets: list[NetSet]
    legs: list[NetLeg]
    obligations: list[Obligation]
    instructions: list[Instruction]

    def digest(self, standing: Sequence[Standing], marks: Mapping[str, Decimal], currency: str) -> str:
        """What is owed now, however far it has been netted, and at which marks: compared with what the maker asked on."""
        parts = [str(one.id) for one in self.obligations]
        parts += [f"{one.account_id}:{one.asset}:{money.text(one.owed)}:{money.text(marks[one.asset])}" for one in standing]
        parts.append(currency)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@step
def lock(*, entity_id: UUID, accounts: Sequence[Account]) -> Unsettled:
    """Net sets, legs, obligations and payments that are open; the caller holds the accounts' money rows.

    :raises BadCloseOut: one of the accounts is frozen: nothing of it is netted or set off
    """
    frozen = sorted(one.code for one in accounts if clients.is_frozen(one.id))
    if frozen:
        raise BadCloseOut(f"{', '.join(frozen)}: frozen, nothing of it is netted or set off", pointer="/client")
    mine = [one.id for one in accounts]
    live = NetSet.objects.filter(account_id__in=mine, entity_id=entity_id, status__in=LIVE).values_list("id", flat=True)
    net_sets = lock_net_sets(live)
    legs = [leg for leg in lock_legs_of(net_sets) if leg.status != NetLegStatus.SETTLED]
    owed = lock_owed(account_ids=mine, entity_id=entity_id, statuses=OPEN_OBLIGATION)
    payments = lock_instructions(legs=[leg.id for leg in legs], obligations=[one.id for one in owed])
    return Unsettled(entity_id, sorted(accounts, key=lambda a: a.code), list(net_sets.values()), legs, owed, payments)


@step
def stand(*, unsettled: Unsettled) -> list[Standing]:
    """What stands by account and asset.

    :raises PaymentInFlight: a payment of ours has left, or may have: it ends first, by the rail's answer or a statement
    :raises CloseOutUnexplained: the ledger says another amount than the obligations
    """
    flying = [i.end_to_end_id for i in unsettled.instructions if i.status in IN_FLIGHT]
    if flying:
        raise PaymentInFlight(", ".join(flying))
    deals: dict[tuple[UUID, str], dict[UUID, Decimal]] = {}
    direct: dict[tuple[UUID, str], Decimal] = {}
    own_book = book_of(unsettled.entity_id)
    for one in unsettled.obligations:
        left = one.amount - one.settled_amount
        signed = left if one.direction == "RECEIVE" else -left
        key = one.account_id, one.asset_id
        book = own_book if one.trade is None else one.trade.book_id
        books = deals.setdefault(key, {})
        books[book] = books.get(book, money.ZERO) + signed
        if one.net_leg_id is None:
            direct[key] = direct.get(key, money.ZERO) + signed
    sets = {one.id: one.account_id for one in unsettled.net_sets}
    for leg in unsettled.legs:
        key = sets[leg.net_set_id], leg.asset_id
        left = leg.amount - leg.settled_amount
        direct[key] = direct.get(key, money.ZERO) + (left if leg.direction == "RECEIVE" else -left)
    out = []
    for (account_id, asset), books in sorted(deals.items(), key=lambda item: (str(item[0][0]), item[0][1])):
        receivable, payable = (
            balances.sum_amounts(unsettled.entity_id, asset, [kind], owner_ids=[account_id]) for kind in (Kind.RECEIVABLE, Kind.PAYABLE)
        )
        one_ = Standing(account_id, asset, receivable, -payable, direct.get((account_id, asset), money.ZERO), tuple(sorted(books.items())))
        if not one_.is_explained:
            raise CloseOutUnexplained(f"{asset}: {money.text(receivable + payable)} by the ledger, {money.text(one_.owed)} by obligations")
        out.append(one_)
    return out


@step
def close(
    *,
    unsettled: Unsettled,
    standing: Sequence[Standing],
    agreement: str,
    event: str,
    evidence: str,
    marks: Mapping[str, Decimal],
    marks_date: date,
    currency: Asset,
    approval_id: UUID,
    made_by: UUID,
    checked_by: UUID,
    now: datetime,
) -> CloseOut:
    """Obligations, legs, sets → CLOSED_OUT, payments that have not left → CANCELLED; one adjustment, one posting; credit is free.

    :param standing: of :func:`stand`, in this transaction
    :param marks: approved, in the close-out currency
    """
    end_all(unsettled=unsettled)
    owed_by = next((one for one in unsettled.accounts if one.is_default), unsettled.accounts[0])
    amounts = rules.totals(standing)
    amount = rules.worth(amounts, marks, currency.scale)
    lines = rules.lines(
        standing,
        entity_id=unsettled.entity_id,
        currency=currency.code,
        scale=currency.scale,
        amount=amount,
        prices=marks,
        owed_by=owed_by.id,
    )
    made_id, today = ids.uuid7(), business_date(unsettled.entity_id, now)
    adjustment = None
    if amount:
        adjustment = request(
            account=owed_by,
            entity_id=unsettled.entity_id,
            kind=AdjustmentKind.CLOSE_OUT,
            direction="RECEIVE" if amount > 0 else "PAY",
            asset=currency.code,
            amount=abs(amount),
            value_date=next_good_day(today, [currency.code] if currency.calendar else [], instruments.get_calendars()),
            reason=f"close-out under {agreement}"[:200],
            evidence=evidence,
            made_by=made_by,
            now=now,
        )
        owe(adjustment=adjustment, checker=checked_by, lines=lines, settled=False, now=now, kind=POSTED)
    else:
        ledger.post(
            key=f"close-out:{made_id}", kind=POSTED, source_type="close_out", source_id=made_id, lines=lines, effective_at=now,
            business_date=today, narrative=f"close-out under {agreement}"[:200],
        )  # fmt: skip
    told = [
        {"asset": asset, "amount": money.text(owed), "price": money.text(marks[asset]), "worth": money.text(owed * marks[asset])}
        for asset, owed in amounts.items()
    ]
    made = CloseOut(
        id=made_id,
        client_id=owed_by.owner_id,
        entity_id=unsettled.entity_id,
        agreement=agreement,
        event=event,
        evidence=evidence,
        marks_date=marks_date,
        currency=currency.code,
        amount=amount,
        lines=told,
        adjustment=adjustment,
        approval_id=approval_id,
        made_by=made_by,
        checked_by=checked_by,
        closed_at=now,
    )
    db.insert(made)
    settling.close_deals(trade_ids={one.trade_id for one in unsettled.obligations if one.trade_id is not None}, now=now)
    _tell(made, unsettled, owed_by)
    return made


@step
def end_all(*, unsettled: Unsettled) -> None:
    """What was to be paid never will be, as it stands."""
    for i in unsettled.instructions:
        if i.status == InstructionStatus.RELEASED:
            instructions.unrelease(instruction=i, status=InstructionStatus.READY)
    instructions.cancel(instructions=[i for i in unsettled.instructions if i.status in ENDS], reason="closed out")
    for leg in unsettled.legs:
        NET_LEG.move(leg, NetLegStatus.CLOSED_OUT)
        leg.save(update_fields=["status"])
    for one in unsettled.obligations:
        OBLIGATION.move(one, ObligationStatus.CLOSED_OUT)
        one.save(update_fields=["status"])
    for net_set in unsettled.net_sets:
        settling.begin(net_set=net_set)
        NET_SET.move(net_set, NetSetStatus.CLOSED_OUT)
        net_set.save(update_fields=["status"])
        settling.tell(net_set=net_set, kind="net_set.closed_out")


def _tell(made: CloseOut, unsettled: Unsettled, account: Account) -> None:
    owner = clients.get_counterparty(account.owner_id)
    house = {
        "client": owner.code,
        "event": made.event,
        "agreement": made.agreement,
        "amount": money.text(made.amount),
        "asset": made.currency,
    }
    public = {
        "id": ids.encode("clo", made.id),
        "agreement": made.agreement,
        "event": made.event,
        "currency": made.currency,
        "direction": "pay" if made.amount > 0 else "receive",
        "amount": money.text(abs(made.amount)),
        "marks_date": str(made.marks_date),
        "lines": [
            {**line, "amount": money.text(-Decimal(line["amount"])), "worth": money.text(-Decimal(line["worth"]))} for line in made.lines
        ],
        "adjustment_id": None if made.adjustment_id is None else ids.encode("adj", made.adjustment_id),
        "obligation_ids": [ids.encode("obl", one.id) for one in unsettled.obligations],
    }
    told: dict[str, Any] = {"client_id": owner.id, "account_id": account.id, "public": public} if "CLIENT" in owner.roles else {}
    events.record("close_out.determined", subject_type="close_out", subject_id=made.id, house=house, **told)
