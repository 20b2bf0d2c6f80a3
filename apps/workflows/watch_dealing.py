"""What clients and our own people do is held against the rules of monitoring; what a rule speaks about, compliance looks at."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings

from apps.compliance import operations as compliance
from apps.compliance import rules
from apps.compliance.rules import Finding, Thresholds
from apps.compliance.states import AlertRule
from apps.core.unit import step
from apps.credit import queries as credit
from apps.events.models import Event
from apps.events.operations import Subscriber
from apps.reports.queries import monitoring
from apps.reports.queries.monitoring import Deal


@step
def watch(*, events: Sequence[Event], now: datetime) -> None:
    """What a subscriber of these events does; told twice, an alert is raised once."""
    limit = rules.thresholds(settings.MONITORING)
    for event in events:
        for finding in _RULES[event.kind](event, limit):
            compliance.raise_alert(finding=finding, now=now)


def _booked(event: Event, limit: Thresholds) -> Iterator[Finding]:
    deal = monitoring.find_deal(event.subject_id)
    if deal is None:
        return
    yield from _say(AlertRule.OFF_MARKET, deal, str(deal.id), rules.off_market(price=deal.price, mid=deal.mid, limit=limit))
    late = rules.late_booking(agreed_at=deal.agreed_at, booked_at=deal.booked_at, limit=limit)
    yield from _say(AlertRule.LATE_BOOKING, deal, str(deal.id), late)
    worth = _usd(deal.quote)
    if worth is not None:
        beside = monitoring.list_beside(deal, timedelta(minutes=limit.split_minutes))
        split = rules.band_splitting(amounts=[amount * worth for amount in beside], band=deal.band, limit=limit)
        yield from _say(AlertRule.BAND_SPLITTING, deal, f"{deal.account_id}:{deal.pair}:{deal.side}:{deal.trade_day}", split)


def _cancelled(event: Event, limit: Thresholds) -> Iterator[Finding]:
    deal = monitoring.find_deal(event.subject_id)
    if deal is None:
        return
    base, quote = _usd(deal.base), _usd(deal.quote)
    moved = rules.cancel_after_move(mid=deal.mid, now=base / quote if base and quote else None, limit=limit)
    yield from _say(AlertRule.CANCEL_AFTER_MOVE, deal, str(deal.id), moved)


def _withdrawn(event: Event, limit: Thresholds) -> Iterator[Finding]:
    asked = monitoring.find_withdrawal(event.subject_id)
    if asked is None:
        return
    deposited, trades = monitoring.sum_deposits(asked, timedelta(days=limit.in_out_days))
    why = rules.in_out_no_trade(deposited=deposited, withdrawn=asked.amount, usd=_usd(asked.asset), trades=trades, limit=limit)
    if why:
        yield Finding(AlertRule.IN_OUT_NO_TRADE, str(asked.id), why, "withdrawal", asked.id, asked.client_id, asked.client_name)


def _released(event: Event, limit: Thresholds) -> Iterator[Finding]:
    found = monitoring.find_payment(event.subject_id)
    if found is None:
        return
    paid, since, had_another = found
    why = rules.ssi_change_before_payment(
        since=since, paid_at=paid.at, had_another=had_another, amount=paid.amount, usd=_usd(paid.asset), limit=limit
    )
    if why:
        yield Finding(AlertRule.SSI_CHANGE_BEFORE_PAYMENT, str(paid.id), why, "instruction", paid.id, paid.client_id, paid.client_name)


def _hedged(event: Event, limit: Thresholds) -> Iterator[Finding]:
    found = monitoring.find_hedge(event.subject_id)
    if found is None:
        return
    has_link, requests, execution = found
    why = rules.pre_hedge_no_consent(requests=requests, has_link=has_link)
    if why:
        yield Finding(AlertRule.PRE_HEDGE_NO_CONSENT, str(event.subject_id), f"hedge {execution}: {why}", "trade", event.subject_id)


def _say(rule: AlertRule, deal: Deal, cause: str, why: str) -> Iterator[Finding]:
    if why:
        yield Finding(rule, cause, f"{deal.pair} {deal.side}: {why}", "trade", deal.id, deal.client_id, deal.client_name)


def _usd(asset: str) -> Decimal | None:
    """What one unit is worth; None where nobody knows."""
    if asset == "USD":
        return Decimal(1)
    mark = credit.read_marks().get(asset)
    return None if mark is None else mark.usd


_RULES: dict[str, Callable[[Event, Thresholds], Iterator[Finding]]] = {
    "trade.booked": _booked,
    "trade.cancelled": _cancelled,
    "withdrawal.requested": _withdrawn,
    "instruction.released": _released,
    "hedge.booked": _hedged,
}
WATCH = Subscriber(kinds=frozenset(_RULES), handle=watch, together=True)
