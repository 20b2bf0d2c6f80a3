"""A deal that is other than it was: what is owed, the ledger and the credit follow it. Steps that versions and allocations share."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.clients import queries as clients
from apps.clients.models import SettlementMode
from apps.core import money
from apps.core.unit import step
from apps.credit import operations as credit
from apps.credit import queries as credit_queries
from apps.credit.rules import Claim
from apps.instruments import queries as instruments
from apps.instruments import rules as calendar
from apps.ledger import operations as ledger
from apps.settlement import queries as settlement
from apps.settlement.operations import obligations
from apps.settlement.operations.obligations import Restated, Slice
from apps.settlement.queries import Due
from apps.trades import queries, rules
from apps.trades.models import Trade, TradeVersion
from apps.trades.rules import Owed


@step
def lock_deal(trade_id: UUID) -> Trade:
    """All that a change of a client's deal may touch, in the house order: its client's credit lines, its accounts' rows, the deal.

    :raises NotFound: no such deal
    """
    found = queries.find_client_trade(trade_id)
    accounts = sorted(clients.list_accounts(found.counterparty_id).values_list("id", flat=True))
    credit.lock_client(group_id=found.counterparty.group_id, client_id=found.counterparty_id, account_ids=accounts)
    for account_id in accounts:
        clients.lock_account(account_id)
    return queries.lock_trade(trade_id)


def is_prefunded(trade: Trade) -> bool:
    """Whether what it owes settles in the balance as it is booked; one agreed past the balance, and not paid yet, is owed as on credit."""
    assert trade.terms is not None, "a client's deal has terms"
    return trade.terms.mode == SettlementMode.PREFUNDED and not settlement.list_outstanding(trade.id)


def business_date(trade: Trade, now: datetime) -> date:
    """The open business date of the deal's booking entity."""
    return instruments.get_entity_by_id(trade.entity_id).business_date(now)


def next_good_date(trade: Trade, now: datetime) -> date:
    """The value date of what a version owes beyond what stays: the next one good for both legs."""
    base, quote = (calendar.Asset(a.code, calendar.Kind(a.kind)) for a in (trade.pair.base, trade.pair.quote))
    return calendar.value_date(business_date(trade, now), base, quote, 1, instruments.get_calendars())


def _scale(trade: Trade, asset: str) -> int:
    return int(trade.pair.base.scale if asset == trade.pair.base_id else trade.pair.quote.scale)


def slices_of(trade: Trade, version: TradeVersion) -> list[Slice]:
    """What each account pays and receives by a version: allocated accounts by their share, the deal's own account the rest."""
    assert trade.account_id is not None
    taken = queries.list_accepted(trade)
    if version.action == "CANCEL":
        return []
    shares = [version.quantity - sum((one.quantity for one in taken), money.ZERO), *(one.quantity for one in taken)]
    pays = rules.share_out(version.pays, shares, _scale(trade, version.pays_asset))
    receives = rules.share_out(version.receives, shares, _scale(trade, version.receives_asset))
    accounts: list[tuple[UUID, UUID | None]] = [(trade.account_id, None), *((one.account_id, one.id) for one in taken)]
    return [Slice(account, allocation, p, r) for (account, allocation), p, r in zip(accounts, pays, receives, strict=True) if p or r]


@step
def restate(*, trade: Trade, old: TradeVersion, new: TradeVersion, kind: str, key: str, now: datetime) -> Restated:
    """Obligations, ledger and credit follow: from `old` to `new`, or, where they are the same, from one sharing out to another.

    The ledger books on the open business date; its effective date is the version's.

    :param kind: of the ledger transaction, CORRECTION or ALLOCATION
    :param key: of the ledger transaction, once
    """
    prefunded, slices = is_prefunded(trade), slices_of(trade, new)
    done = obligations.restate(
        trade=trade, version=new, slices=slices, settles_now=prefunded, delta_date=next_good_date(trade, now), now=now
    )
    _post(trade, old, new, done, kind, key, prefunded, now)
    if not prefunded:
        follow_credit(
            trade=trade,
            version=new,
            besides=[part.allocation_id for part in slices if part.allocation_id] if kind == "ALLOCATION" else [],
            now=now,
        )
    return done


def _post(trade: Trade, old: TradeVersion, new: TradeVersion, done: Restated, kind: str, key: str, prefunded: bool, now: datetime) -> None:
    effective_at, today = new.effective_at if kind == "CORRECTION" else now, business_date(trade, now)
    told = new.note or new.reason.replace("_", " ").lower()
    if new.action == "CANCEL" and not done.kept:  # as if it had never been: each posting has its linked reversal
        ledger.reverse(
            source_id=trade.id,
            kinds=["DEAL", "CORRECTION", "ALLOCATION"],
            effective_at=effective_at,
            business_date=today,
            narrative=f"cancelled: {told}"[:200],
        )
        return
    same = old.id == new.id
    lines = rules.restating_lines(
        old=None if same else queries.economics_of(trade, old),
        new=None if same else queries.economics_of(trade, new),
        gone=[Owed(o.account_id, o.direction, o.asset_id, o.amount) for o in done.gone],
        made=[Owed(o.account_id, o.direction, o.asset_id, o.amount) for o in done.made],
        entity_id=trade.entity_id,
        book_id=trade.book_id,
        prefunded=prefunded,
    )
    if lines:
        ledger.post(
            key=key,
            kind=kind,
            source_type="trade",
            source_id=trade.id,
            lines=lines,
            effective_at=effective_at,
            business_date=today,
            narrative=f"v{new.number}: {told}"[:200],
        )


@step
def follow_credit(*, trade: Trade, version: TradeVersion, besides: Sequence[UUID], now: datetime) -> None:
    """Each account's part of a deal takes of its lines what is still owed from it; a part that owes nothing gives its credit back.

    :param besides: parts whose credit is taken otherwise
    """
    open_: dict[UUID | None, list[Due]] = {}
    for due in settlement.list_outstanding(trade.id):
        open_.setdefault(due.allocation_id, []).append(due)
    accounts = {one.id: one.account_id for one in queries.list_allocations(trade)} | {None: trade.account_id}
    for allocation_id, account_id in accounts.items():
        source = allocation_id or trade.rfq_id
        assert source is not None and account_id is not None
        if source in besides:
            continue
        mine = open_.get(allocation_id)
        claim = None if mine is None else claim_of(trade, version, source, account_id, mine, now)
        credit.retake(claim=claim, source_id=source, deal_id=trade.id, now=now)


@step
def carry_reverted(*, nostro_id: UUID, reference: str, now: datetime) -> None:
    """:func:`carry_again`, where a line of a statement took a receipt back; none is fine."""
    taken_back = settlement.find_reverted(nostro_id, reference)
    if taken_back is not None:
        carry_again(receipt_id=taken_back, now=now)


@step
def carry_again(*, receipt_id: UUID, now: datetime) -> None:
    """A receipt was taken back or off: the deals that it had paid take of their account's lines again what is open of them, fitting or not.

    Its account's lines are held by whoever did so (settlement.operations.matching.lock_for).
    """
    for account_id, trade_id in settlement.list_owed_again(receipt_id):
        trade = queries.find_client_trade(trade_id)
        others = [one.id for one in queries.list_allocations(trade) if one.account_id != account_id]
        if trade.account_id != account_id and trade.rfq_id is not None:
            others.append(trade.rfq_id)
        follow_credit(trade=trade, version=queries.get_version(trade), besides=others, now=now)


def claim_of(trade: Trade, version: TradeVersion, source_id: UUID, account_id: UUID, dues: Sequence[Due], now: datetime) -> Claim:
    """What an account's part of a deal takes of its lines: the larger side of what is open, in USD at the deal's own price."""
    assert trade.terms is not None
    per_quote = usd_per_quote(trade)
    worth = {trade.pair.quote_id: per_quote, trade.pair.base_id: version.price * per_quote}
    sides = {way: sum((d.amount * worth[d.asset] for d in dues if d.direction == way), money.ZERO) for way in ("PAY", "RECEIVE")}
    return Claim(
        source_id=source_id,
        group_id=trade.counterparty.group_id,
        client_id=trade.counterparty_id,
        account_id=account_id,
        pair=trade.pair_id,
        base=trade.pair.base_id,
        quote=trade.pair.quote_id,
        mode=trade.terms.mode,
        notional=max(sides.values()),
        value_date=min(d.value_date for d in dues),
        trade_date=business_date(trade, now),
    )


def usd_per_quote(trade: Trade) -> Decimal:
    """What one unit of the quote asset is worth: by its mark, else as it was counted when the deal was done."""
    mark = credit_queries.read_marks().get(trade.pair.quote_id)
    if trade.pair.quote_id == "USD":
        return Decimal(1)
    if mark is not None:
        return mark.usd
    first = queries.get_version(trade, 1)
    notional = credit_queries.first_notional(trade.rfq_id) if trade.rfq_id is not None else None
    return Decimal(1) if notional is None else notional / first.quote_quantity
