"""Deals, through who may see them."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from apps.core import db, ids, money
from apps.core.actor import Actor
from apps.core.errors import IllegalMove, NotFound
from apps.rfqs.queries import stamp
from apps.trades.models import Allocation, Hedge, LpFill, LpRecord, Trade, TradeVersion
from apps.trades.rules import Economics, Figures, Terms
from apps.trades.states import AllocationStatus, HedgeStatus, TradeKind, TradeStatus


def visible_to(actor: Actor) -> QuerySet[Trade]:
    """A member sees the client deals of its accounts; staff see all kinds."""
    trades = Trade.objects.select_related("account", "counterparty", "pair", "pair__base", "pair__quote", "book", "entity")
    if actor.is_client and actor.client_id is not None:
        return trades.filter(kind=TradeKind.CLIENT, counterparty_id=actor.client_id, account_id__in=actor.account_ids or ())
    return trades if actor.kind in {"STAFF", "SYSTEM"} else trades.none()


def get_trade(trade_id: UUID, *, actor: Actor) -> Trade:
    found = visible_to(actor).filter(id=trade_id).first()
    if found is None:
        raise NotFound("no such trade")
    return found


def get_version(trade: Trade, number: int | None = None) -> TradeVersion:
    """The current version, or the one asked for."""
    return TradeVersion.objects.get(trade=trade, number=number or trade.version)


def find_version(trade: Trade, number: int | None) -> TradeVersion:
    """The current version, or the one asked for.

    :raises NotFound: it has none of this number
    """
    found = TradeVersion.objects.filter(trade=trade, number=number or trade.version).first()
    if found is None:
        raise NotFound("no such version")
    return found


def get_version_as_of(trade: Trade, *, known_at: datetime | None = None, effective_at: datetime | None = None) -> TradeVersion:
    """The version that was known at a moment (wall clock), or true at one (desk clock); of both, what was then known to be true then.

    :raises NotFound: nothing was known of the deal, or it was not dealt yet
    """
    versions = TradeVersion.objects.filter(trade=trade)
    if known_at is not None:
        versions = versions.filter(recorded_at__lte=known_at)
    if effective_at is not None:
        versions = versions.filter(effective_at__lte=effective_at)
    found = versions.order_by("-number").first()
    if found is None:
        raise NotFound("nothing was known of this deal then")
    return found


def list_versions(trade: Trade) -> list[TradeVersion]:
    """The oldest first."""
    return list(TradeVersion.objects.filter(trade=trade).order_by("number"))


def find_client_trade(trade_id: UUID) -> Trade:
    """A client's deal as it is, unlocked: whose it is never changes.

    :raises NotFound: there is no such deal
    """
    found = Trade.objects.select_related("counterparty").filter(id=trade_id, kind=TradeKind.CLIENT).first()
    if found is None:
        raise NotFound("no such trade")
    return found


def list_allocations(trade: Trade) -> list[Allocation]:
    """Every one that was proposed, the oldest first."""
    return list(Allocation.objects.filter(trade=trade).select_related("account").order_by("id"))


def list_accepted(trade: Trade) -> list[Allocation]:
    return [one for one in list_allocations(trade) if one.status == AllocationStatus.ACCEPTED]


def lock_trade(trade_id: UUID) -> Trade:
    """A client's deal. What it may touch (credit lines, accounts) is locked before.

    :raises NotFound: there is no such deal
    """
    rows = Trade.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "pair", "pair__base", "pair__quote", "terms", "counterparty"
    )
    found = rows.filter(id=trade_id, kind=TradeKind.CLIENT).first()
    if found is None:
        raise NotFound("no such trade")
    return found


def require_active(trade: Trade) -> None:
    """:raises IllegalMove: it is cancelled"""
    if trade.status != TradeStatus.ACTIVE:
        raise IllegalMove(f"the deal is {trade.status}", state=str(trade.status))


def terms_of(version: TradeVersion) -> Terms:
    return Terms(version.side, version.quantity, version.price, version.fee, version.value_date)


def economics_of(trade: Trade, version: TradeVersion) -> Economics | None:
    """What a version puts into the ledger; None where it cancels the deal."""
    if version.action == "CANCEL":
        return None
    billed = trade.counterparty_id if trade.terms is not None and trade.terms.fee_mode == "INVOICED" else None
    return Economics(version.side, trade.pair.base_id, trade.pair.quote_id, version.pays, version.receives, version.fee, billed)


def with_versions(trades: Sequence[Trade]) -> list[tuple[Trade, TradeVersion]]:
    """Each deal with its current version, in the order given."""
    current = TradeVersion.objects.filter(trade__in=[t.id for t in trades], number=F("trade__version"))
    by_trade = {v.trade_id: v for v in current}
    return [(trade, by_trade[trade.id]) for trade in trades]


def find_execution(counterparty_id: UUID, execution_id: str) -> Trade | None:
    return Trade.objects.select_related("hedge").filter(counterparty_id=counterparty_id, execution_id=execution_id).first()


def list_executions(counterparty_id: UUID, execution_ids: Collection[str]) -> dict[str, tuple[Trade, list[TradeVersion]]]:
    """What was booked under these ids of an LP, each with its hedge and its versions, the oldest first."""
    rows = Trade.objects.select_related("hedge").filter(counterparty_id=counterparty_id, execution_id__in=list(execution_ids))
    found = {one.id: (one, list[TradeVersion]()) for one in rows}
    for version in TradeVersion.objects.filter(trade_id__in=list(found)).order_by("trade_id", "number") if found else ():
        found[version.trade_id][1].append(version)
    return {str(trade.execution_id): (trade, versions) for trade, versions in found.values()}


def list_lp_figures(counterparty_id: UUID, trade_date: date) -> dict[str, Figures]:
    """All that the LP's last record of a date says, by execution id."""
    record = LpRecord.objects.filter(counterparty_id=counterparty_id, trade_date=trade_date).order_by("-imported_at", "-id")[:1]
    return {one.execution_id: figures_in(one) for one in LpFill.objects.filter(record__in=record.values("id"))}


def figures_of(hedge: Hedge) -> Figures:
    """A hedge's own, as of its current version."""
    version = get_version(hedge.trade)
    return Figures(hedge.trade.pair_id, version.side, version.quantity, version.price, version.fee)


def lock_hedge(trade_id: UUID) -> Hedge:
    """The trade's row, then the hedge's.

    :raises NotFound: there is no such hedge
    """
    trade = Trade.objects.select_for_update(no_key=True, of=("self",)).filter(id=trade_id, kind=TradeKind.HEDGE).first()
    if trade is None:
        raise NotFound("no such hedge")
    hedge = Hedge.objects.select_for_update(no_key=True, of=("self",)).get(trade_id=trade_id)
    hedge.trade = trade
    return hedge


def lock_hedges_of(counterparty_id: UUID, trade_date: date) -> list[tuple[Hedge, Figures]]:
    """What we booked with an LP on a business date and did not cancel, with its own figures: the trades' rows, then the hedges'."""
    rows = Trade.objects.select_for_update(no_key=True, of=("self",)).filter(
        kind=TradeKind.HEDGE, counterparty_id=counterparty_id, trade_date=trade_date, status="ACTIVE"
    )
    trades = {one.id: one for one in rows.order_by("id")}
    hedges = list(Hedge.objects.select_for_update(no_key=True, of=("self",)).filter(trade_id__in=list(trades)).order_by("trade_id"))
    current = TradeVersion.objects.filter(trade_id__in=list(trades), number=F("trade__version"))
    figures = {v.trade_id: Figures(trades[v.trade_id].pair_id, v.side, v.quantity, v.price, v.fee) for v in current}
    for hedge in hedges:
        hedge.trade = trades[hedge.trade_id]
    return [(hedge, figures[hedge.trade_id]) for hedge in hedges]


def find_otc_account(trade_id: UUID) -> UUID | None:
    """The LP's account in which a hedge settles; None where it was posted at once, and for what is no hedge."""
    return Trade.objects.filter(id=trade_id, kind=TradeKind.HEDGE).values_list("terms__account_id", flat=True).first()


def list_unknown(record: LpRecord) -> list[LpFill]:
    """Lines of an LP's record that are no hedge of ours."""
    ours = Trade.objects.filter(counterparty_id=record.counterparty_id, status="ACTIVE").values("execution_id")
    return list(LpFill.objects.filter(record=record).exclude(execution_id__in=ours).order_by("line"))


def find_lp_figures(counterparty_id: UUID, trade_date: date, execution_id: str) -> Figures | None:
    """What the LP's last record of that date says of this execution; None where it says nothing, or none has come."""
    record = LpRecord.objects.filter(counterparty_id=counterparty_id, trade_date=trade_date).order_by("-imported_at", "-id")[:1]
    fill = LpFill.objects.filter(record__in=record.values("id"), execution_id=execution_id).first()
    return None if fill is None else figures_in(fill)


def figures_in(fill: LpFill) -> Figures:
    """A line of an LP's record."""
    return Figures(fill.pair_code, fill.side, fill.quantity, fill.price, fill.fee)


def count_unconfirmed() -> int:
    return Hedge.objects.filter(status__in=[HedgeStatus.UNCONFIRMED, HedgeStatus.BREAK]).count()


def describe_version(version: TradeVersion) -> dict[str, Any]:
    """One state of a client deal: what was agreed, since when it is true, when it was recorded, and why."""
    return {
        "version": version.number,
        "action": version.action,
        "reason": version.reason,
        "note": version.note,
        "consent": version.consent,
        "side": version.side,
        "price": money.text(version.price),
        "quantity": money.text(version.quantity),
        "quote_quantity": money.text(version.quote_quantity),
        "fee": money.text(version.fee),
        "fee_asset": version.fee_asset,
        "client_pays": {"asset": version.pays_asset, "amount": money.text(version.pays)},
        "client_receives": {"asset": version.receives_asset, "amount": money.text(version.receives)},
        "value_date": version.value_date.isoformat(),
        "effective_at": stamp(version.effective_at),
    }


def describe(trade: Trade, version: TradeVersion, settlement_status: str) -> dict[str, Any]:
    """A client deal as REST and events tell it."""
    return {
        "id": ids.encode("trd", trade.id),
        "quote_id": None if trade.quote_id is None else ids.encode("quo", trade.quote_id),
        "rfq_id": None if trade.rfq_id is None else ids.encode("rfq", trade.rfq_id),
        "client_order_id": trade.client_order_id,
        "account_id": None if trade.account_id is None else ids.encode("acc", trade.account_id),
        "instrument": trade.pair_id,
        "status": "CANCELLED" if version.action == "CANCEL" else "ACTIVE",
        "version": version.number,
        "side": version.side,
        "price": money.text(version.price),
        "quantity": money.text(version.quantity),
        "quote_quantity": money.text(version.quote_quantity),
        "fee": money.text(version.fee),
        "fee_asset": version.fee_asset,
        "client_pays": {"asset": version.pays_asset, "amount": money.text(version.pays)},
        "client_receives": {"asset": version.receives_asset, "amount": money.text(version.receives)},
        "trade_date": trade.trade_date.isoformat(),
        "value_date": version.value_date.isoformat(),
        "booked_at": trade.booked_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "settlement_status": settlement_status,
    }


def describe_hedge(trade: Trade, version: TradeVersion, hedge: Hedge) -> dict[str, Any]:
    """A hedge as our own systems are told of it; amounts are ours."""
    return {
        "id": ids.encode("trd", trade.id),
        "execution_id": trade.execution_id,
        "status": str(hedge.status),
        "instrument": trade.pair_id,
        "side": version.side,
        "quantity": money.text(version.quantity),
        "price": money.text(version.price),
        "quote_quantity": money.text(version.quote_quantity),
        "fee": money.text(version.fee),
        "fee_asset": version.fee_asset,
        "pays": {"asset": version.pays_asset, "amount": money.text(version.pays)},
        "receives": {"asset": version.receives_asset, "amount": money.text(version.receives)},
        "executed_at": version.effective_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "trade_date": trade.trade_date.isoformat(),
        "value_date": version.value_date.isoformat(),
        "covers": None if trade.covers_id is None else ids.encode("trd", trade.covers_id),
        "pre_hedge_of": None if hedge.rfq_id is None else ids.encode("rfq", hedge.rfq_id),
        "differences": list(hedge.differences),
    }


def get_version_number(trade_id: UUID) -> int:
    """The number of a trade's current version.

    :raises NotFound: no such trade
    """
    found = Trade.objects.filter(id=trade_id).values_list("version", flat=True).first()
    if found is None:
        raise NotFound("no such trade")
    return found


def open_net_quantity(account_id: UUID, pair: str) -> Decimal:
    """Base quantity that an account has bought (positive) or sold in a pair and that has not settled."""
    (net,) = db.one(
        """SELECT coalesce(sum(CASE v.side WHEN 'buy' THEN v.quantity ELSE -v.quantity END), 0)
           FROM trades_trade t JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version
           WHERE t.account_id = %s AND t.pair_id = %s AND t.status = 'ACTIVE' AND t.kind = 'CLIENT' AND EXISTS (
             SELECT 1 FROM credit_reservation c WHERE c.deal_id = t.id AND c.status = 'COMMITTED')""",
        (account_id, pair),
    )
    return Decimal(net)
