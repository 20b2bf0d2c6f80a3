"""What is owed and is no trade: one obligation and one ledger transaction, netted and paid like the others."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.clients import queries as clients
from apps.clients.models import Account
from apps.core import db, ids, money
from apps.core.unit import step
from apps.ledger import operations as ledger
from apps.ledger.rules import Line, Ref
from apps.ledger.states import Kind
from apps.settlement.errors import AlreadySettling, BadAdjustment
from apps.settlement.models import Adjustment, Instruction, Obligation
from apps.settlement.queries import accruing as accruals
from apps.settlement.queries.locks import Chain
from apps.settlement.rules import adjusting as rules
from apps.settlement.states import AWAITED_INSTRUCTION, OBLIGATION, AdjustmentKind, AdjustmentStatus, ObligationStatus
from apps.trades import rules as deal_rules

from . import accruing, obligations, settling
from .adjusted import follow, move, tell
from .nostros import book_of, business_date

POSTED = "ADJUSTMENT"


@step
def request(
    *,
    account: Account,
    entity_id: UUID,
    kind: str,
    direction: str,
    asset: str,
    amount: Decimal,
    value_date: date,
    reason: str,
    evidence: str = "",
    trade_id: UUID | None = None,
    pays: Instruction | None = None,
    made_by: UUID,
    adjustment_id: UUID | None = None,
    now: datetime,
) -> Adjustment:
    """REQUESTED: nothing is owed before finance has checked it.

    :param adjustment_id: of what is asked for once and never again

    :raises BadAdjustment: the account is frozen
    """
    require_chargeable(account.id)
    made = Adjustment(
        id=adjustment_id or ids.uuid7(),
        account=account,
        entity_id=entity_id,
        asset_id=asset,
        kind=kind,
        direction=direction,
        amount=amount,
        value_date=value_date,
        reason=reason,
        evidence=evidence,
        trade_id=trade_id,
        pays=pays,
        made_by=made_by,
        requested_at=now,
    )
    db.insert(made)
    tell(made, "adjustment.requested", public=False)
    return made


@step
def reject(*, adjustment: Adjustment, now: datetime) -> None:
    """REQUESTED → REJECTED."""
    adjustment.ended_at = now
    move(adjustment, AdjustmentStatus.REJECTED, "ended_at")
    tell(adjustment, "adjustment.rejected", public=False)


@step
def book(*, adjustment: Adjustment, checker: UUID, prefunded: bool, chain: Chain | None = None, now: datetime) -> Obligation:
    """REQUESTED → APPROVED → BOOKED: owed, posted and told. The caller holds the account's money rows.

    Of a prefunded account it settles in the balance at once, and a write-off settles with what it forgives.

    :param chain: locked, with the payment that a write-off forgives
    :raises InsufficientBalance: a prefunded account has less than it is to pay
    :raises BadAdjustment: a write-off of more than is still expected
    """
    a = adjustment
    is_write_off = a.pays_id is not None
    at_once = prefunded or is_write_off
    if prefunded and a.direction == "RECEIVE":
        ref = Ref(a.entity_id, Kind.CLIENT_BALANCE, a.asset_id, owner_id=a.account_id)
        ledger.hold(ref=ref, amount=a.amount, source_type="adjustment", source_id=a.id, now=now)
        ledger.post_holds(source_id=a.id, now=now)
    lines = rules.lines(
        kind=a.kind,
        direction=a.direction,
        entity_id=a.entity_id,
        account_id=a.account_id,
        book_id=book_of(a.entity_id),
        asset=a.asset_id,
        amount=a.amount,
        prefunded=prefunded,
        accrued=_accrued(a),
    )
    made = owe(adjustment=a, checker=checker, lines=lines, settled=at_once, now=now)
    if is_write_off and chain is not None:
        _forgive(a, chain, now)
    return made


@step
def owe(*, adjustment: Adjustment, checker: UUID, lines: list[Line], settled: bool, now: datetime, kind: str = POSTED) -> Obligation:
    """REQUESTED → APPROVED → BOOKED, with its one obligation and its one ledger transaction.

    :raises BadAdjustment: the account is frozen
    """
    a = adjustment
    require_chargeable(a.account_id)
    a.checked_by = checker
    move(a, AdjustmentStatus.APPROVED, "checked_by")
    a.booked_at = now
    move(a, AdjustmentStatus.BOOKED, "booked_at")
    made = Obligation(
        id=ids.uuid7(),
        adjustment=a,
        account_id=a.account_id,
        entity_id=a.entity_id,
        asset_id=a.asset_id,
        direction=a.direction,
        amount=a.amount,
        settled_amount=a.amount if settled else money.ZERO,
        value_date=a.value_date,
        status=ObligationStatus.SETTLED if settled else ObligationStatus.OPEN,
        booked_at=now,
        settled_at=now if settled else None,
    )
    db.insert(made)
    ledger.post(
        key=f"adjustment:{a.id}",
        kind=kind,
        source_type="adjustment",
        source_id=a.id,
        lines=lines,
        effective_at=now,
        business_date=business_date(a.entity_id, now),
        narrative=f"{a.kind.replace('_', ' ').lower()}: {a.reason}"[:200],
    )
    tell(a, "adjustment.booked")
    if settled:
        follow(members=[made], now=now)
    return made


def require_chargeable(account_id: UUID) -> None:
    """Of a frozen account nothing is paid, set off or charged: asked here, where no story gets past it.

    :raises BadAdjustment: `pointer` /account
    """
    if clients.is_frozen(account_id):
        raise BadAdjustment("the account is frozen", pointer="/account")


def require_reversible(adjustment: Adjustment) -> None:
    """A close-out stands: its posting ended all that was owed before, which no reversal brings back.

    :raises BadAdjustment: `pointer` /kind
    """
    if adjustment.kind == AdjustmentKind.CLOSE_OUT:
        raise BadAdjustment("a close-out is not reversed: adjust the other way", pointer="/kind")


def _accrued(a: Adjustment) -> Ref | None:
    """Where fees that were invoiced stand, or what a commission pays out; None where nothing was booked before.

    :raises BadAdjustment: a commission is not the sum of what it pays
    """
    if a.kind == AdjustmentKind.FEES:
        return deal_rules.invoiced(a.entity_id, clients.get_owned(a.account_id).owner_id, a.asset_id)
    if a.kind != AdjustmentKind.COMMISSION or (paid := accruals.sum_asked(a.id)) is None:
        return None
    if paid != a.amount:
        raise BadAdjustment("it is not the sum of what it pays out", pointer="/amount")
    return accruing.accrued_to(a.entity_id, clients.get_owned(a.account_id).owner_id, a.asset_id)


def _forgive(a: Adjustment, chain: Chain, now: datetime) -> None:
    """What is written off counts as received: the leg or obligation settles so far."""
    assert a.pays_id is not None
    expected = chain.instructions[a.pays_id]
    if expected.status not in AWAITED_INSTRUCTION or expected.amount - expected.settled_amount < a.amount:
        raise BadAdjustment(f"{expected.end_to_end_id} expects less", pointer="/amount")
    settling.receive(chain=chain, instruction=expected, amount=a.amount, now=now)


@step
def reverse(*, adjustment: Adjustment, reason: str, now: datetime) -> None:
    """BOOKED → REVERSED: what it made owed is cancelled, with the linked reversal of its one posting. The caller holds the account's
    money rows.

    :raises AlreadySettling: it is in a net set, on its way or settled: abort the set first, or adjust the other way
    :raises BadAdjustment: a close-out, or the ledger has not exactly one posting of it to reverse
    """
    a = adjustment
    require_reversible(a)
    (owed,) = obligations.lock_of_adjustment(adjustment_id=a.id)
    if not obligations.let_go(one=owed, reason="its adjustment is reversed"):
        raise AlreadySettling("it is in a net set, on its way or settled: abort the set first, or adjust the other way")
    OBLIGATION.move(owed, ObligationStatus.CANCELLED)
    owed.save(update_fields=["status"])
    a.ended_at = now
    move(a, AdjustmentStatus.REVERSED, "ended_at")
    today = business_date(a.entity_id, now)
    undone = ledger.reverse(source_id=a.id, kinds=[POSTED], effective_at=now, business_date=today, narrative=reason[:200])
    if undone != 1:
        raise BadAdjustment(f"the ledger has {undone} postings of it to reverse, not one", pointer="/status")
    tell(a, "adjustment.reversed")
