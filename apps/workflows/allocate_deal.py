"""A block is shared out to other accounts of its client: each share is checked like a deal of that account, and settles by itself."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from apps.clients import queries as clients
from apps.clients import rules as client_rules
from apps.clients.errors import AccountUnavailable
from apps.clients.models import SettlementMode
from apps.clients.states import ClientStatus
from apps.core import ids, money
from apps.core.actor import Actor
from apps.core.errors import AppError, Busy, NotFound
from apps.core.unit import step, use_case
from apps.credit import operations as credit
from apps.credit import queries as credit_queries
from apps.credit.rules import Claim
from apps.ledger import operations as ledger
from apps.ledger.rules import Ref
from apps.ledger.states import Kind
from apps.settlement import queries as settlement
from apps.settlement.queries import Due
from apps.trades import operations as trades
from apps.trades import queries, rules
from apps.trades.errors import NotAllocatable, NoWord
from apps.trades.models import Allocation, Trade, TradeVersion
from apps.users import rules as people

from . import restate_deal, sharing
from .sharing import Share


@use_case
def allocate_trade(*, actor: Actor, trade_id: UUID, shares: Sequence[Share], evidence: str = "", now: datetime) -> list[Allocation]:
    """Share a block out. An account that is refused (line, balance, cap, status) is REJECTED with the reason; the block keeps its share.
    Nothing is shared out of an account that deals no more, however the block settles.

    Percentages are rounded down to the base asset's decimals; what is left goes to the largest share. A prefunded block is shared out
    among prefunded accounts, once: each pays its share out of its own balance, if that and the block's hold it.

    :param evidence: where the client's word lies, when one of ours does it
    :raises AppError: NotFound, RoleMissing, NoWord, IllegalMove, NotAllocatable, AccountUnavailable, BadAllocation (`pointer` names the
        share)
    """
    return share_out(trade=_lock(actor, trade_id, evidence), shares=shares, actor=actor, now=now)


@step
def share_out(*, trade: Trade, shares: Sequence[Share], actor: Actor, now: datetime) -> list[Allocation]:
    """What :func:`allocate_trade` does to a deal that is locked and allocatable, by the client's word of now or, as SYSTEM, of before.

    :raises AppError: AccountUnavailable, BadAllocation, NoWord, NotAllocatable, AlreadyAllocated
    """
    assert trade.account_id is not None and trade.terms is not None, "a client's deal has an account and terms"
    block = _status(trade.account_id)
    if not client_rules.may_deal(block) and not client_rules.may_reduce(block):
        raise AccountUnavailable("nothing of this account is shared out")
    version = queries.get_version(trade)
    whole = sharing.Block(
        trade.counterparty_id, trade.account_id, trade.terms, trade.pair.base, version.quantity, queries.unallocated(trade)
    )
    read = sharing.read_shares(whole, shares, actor, now)
    quantities = [(account_id, quantity) for account_id, quantity in read if quantity is not None]
    proposed = trades.propose_allocations(trade=trade, quantities=quantities, by=actor.id, now=now)
    assert trade.rfq_id is not None
    prefunded = restate_deal.is_prefunded(trade)
    if prefunded and queries.list_accepted(trade):
        raise NotAllocatable("its shares have settled in their accounts' balances")
    if not prefunded:
        credit.retake(claim=None, source_id=trade.rfq_id, deal_id=trade.id, now=now)  # the block's; its rest is taken again below
    parts = _parts(trade, version, proposed)
    for one in proposed:
        try:
            with transaction.atomic():
                if prefunded:
                    _take_caps(trade, version, one, now)
                    _hold(trade, version, one, parts[one.id], now)
                else:
                    credit.allocate(claim=_claim(trade, version, one, now), deal_id=trade.id, now=now)
        except Busy:
            raise
        except AppError as no:
            trades.decide_allocation(allocation=one, trade=trade, refusal=no, now=now)
        else:
            trades.decide_allocation(allocation=one, trade=trade, refusal=None, now=now)
    _follow(trade, version, now)
    return proposed


@use_case
def reverse_allocation(*, actor: Actor, trade_id: UUID, allocation_id: UUID, evidence: str = "", now: datetime) -> Allocation:
    """ACCEPTED → REVERSED: the block's own account settles it again, while nothing of the deal is in a net set, on its way or settled.

    :raises AppError: NotFound, RoleMissing, NoWord, IllegalMove, NotAllocatable, AccountUnavailable
    """
    seen = queries.get_trade(trade_id, actor=actor)
    if all(one.id != allocation_id for one in queries.list_allocations(seen)):
        raise NotFound("no such allocation")
    trade = _lock(actor, trade_id, evidence)
    one = next(one for one in queries.list_allocations(trade) if one.id == allocation_id)
    sharing.require_authority(actor, one.account_id)
    if restate_deal.is_prefunded(trade):
        raise NotAllocatable("its shares have settled in their accounts' balances")
    assert trade.account_id is not None, "a client's deal has an account"
    if clients.is_frozen(one.account_id) or clients.is_frozen(trade.account_id):
        raise AccountUnavailable("nothing of a frozen account moves")
    trades.reverse_allocation(allocation=one, trade=trade, by=actor.id, now=now)
    credit.close(source_id=one.id, now=now)
    _follow(trade, queries.get_version(trade), now)
    return one


@step
def _take_caps(trade: Trade, version: TradeVersion, one: Allocation, now: datetime) -> None:
    """What a share of a prefunded block takes of its account's caps, if that may deal; it settles at once, and caps keep what was dealt.

    :raises AppError: AccountUnavailable, CapExceeded, MarkStale
    """
    if not client_rules.may_deal(_status(one.account_id)):
        raise AccountUnavailable("no deals on this account")
    if credit_queries.has_caps(one.account_id):
        credit.allocate(claim=_claim(trade, version, one, now), deal_id=trade.id, now=now)
        credit.close(source_id=one.id, now=now)


@step
def _hold(trade: Trade, version: TradeVersion, one: Allocation, part: tuple[Decimal, Decimal], now: datetime) -> None:
    """Both balances have to hold what a share of a prefunded block moves: its account what it pays, the block's what it had received.

    :param part: what the share pays and receives
    :raises InsufficientBalance: one of them does not
    """
    assert trade.account_id is not None, "a client's deal has an account"
    pays, receives = part
    for account, asset, amount in ((one.account_id, version.pays_asset, pays), (trade.account_id, version.receives_asset, receives)):
        if amount:
            ref = Ref(trade.entity_id, Kind.CLIENT_BALANCE, asset, owner_id=account)
            ledger.hold(ref=ref, amount=amount, source_type="allocation", source_id=one.id, now=now)


def _parts(trade: Trade, version: TradeVersion, shares: Sequence[Allocation]) -> dict[UUID, tuple[Decimal, Decimal]]:
    """What each of these pays and receives when all of them are taken: no share is more when another is refused, since what is refused
    stays with the block, whose share is the larger for it."""
    quantities = [version.quantity - sum((one.quantity for one in shares), money.ZERO), *(one.quantity for one in shares)]
    scales = {trade.pair.base_id: trade.pair.base.scale, trade.pair.quote_id: trade.pair.quote.scale}
    pays = rules.share_out(version.pays, quantities, scales[version.pays_asset])[1:]
    receives = rules.share_out(version.receives, quantities, scales[version.receives_asset])[1:]
    return {one.id: (p, r) for one, p, r in zip(shares, pays, receives, strict=True)}


@step
def _follow(trade: Trade, version: TradeVersion, now: datetime) -> None:
    key = f"trade:{trade.id}:allocation:{ids.uuid7()}"
    restate_deal.restate(trade=trade, old=version, new=version, kind="ALLOCATION", key=key, now=now)
    for one in queries.list_allocations(trade):
        ledger.post_holds(source_id=one.id, now=now)  # of a prefunded block: what was set aside has just moved


def _lock(actor: Actor, trade_id: UUID, evidence: str) -> Trade:
    seen = queries.get_trade(trade_id, actor=actor)
    sharing.require_authority(actor, seen.account_id)
    if not actor.is_client:
        people.require_may(actor.roles, "affirm")
        if not evidence.strip():
            raise NoWord("say where the client's word lies")
    trade = restate_deal.lock_deal(seen.id)
    require_allocatable(trade)
    return trade


def require_allocatable(trade: Trade) -> None:
    """The caller holds the deal.

    :raises AppError: IllegalMove, NotAllocatable
    """
    queries.require_active(trade)
    assert trade.terms is not None
    if trade.terms.mode == SettlementMode.PREFUNDED and not restate_deal.is_prefunded(trade):
        raise NotAllocatable("its account's balance does not hold it yet")
    moving = any(o.status not in {"OPEN", "CANCELLED"} for o in settlement.list_obligations_of([trade.id]))
    if moving and not restate_deal.is_prefunded(trade):
        raise NotAllocatable("something of it is in a net set, on its way or settled")


def _status(account_id: UUID) -> ClientStatus:
    """Of client and account the stricter; whoever changes it holds the account's row, which :func:`_lock` has."""
    account = clients.get_owned(account_id)
    return client_rules.stricter(account.owner.status, account.status)


def _claim(trade: Trade, version: TradeVersion, one: Allocation, now: datetime) -> Claim:
    return restate_deal.claim_of(trade, version, one.id, one.account_id, _dues(version, one), now)


def _dues(version: TradeVersion, one: Allocation) -> list[Due]:
    """What a share would owe and be owed: near enough for its credit; what is booked is rounded to the last unit."""
    part = one.quantity / version.quantity
    return [
        Due(one.id, "RECEIVE", version.pays_asset, version.pays * part, version.value_date),
        Due(one.id, "PAY", version.receives_asset, version.receives * part, version.value_date),
    ]
