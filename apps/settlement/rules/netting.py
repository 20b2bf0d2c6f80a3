"""What nets into what, and when a set is frozen. No Django."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from apps.instruments.rules import CutOff, cutoff_at

AGREE_WITHIN = timedelta(minutes=30)  # after the freeze; then silence agrees where terms say so


def first_cutoff(*, booked_at: datetime, value_date: date, at: time, zone: str) -> datetime:
    """The netting cut-off that takes an obligation: daily from the day before its value date, the first not before it was booked.

    The day before leaves the value date itself for agreeing and paying; what is dealt later goes into the next day's set.
    """
    day = value_date - timedelta(days=1)
    while (moment := cutoff_at(day, CutOff("", at, zone))) < booked_at:
        day += timedelta(days=1)
    return moment


@dataclass(frozen=True, slots=True)
class Leg:
    """What one asset nets to: direction ours, `set_off` what pays itself against the other side."""

    asset: str
    direction: str
    amount: Decimal
    set_off: Decimal


def net(members: Iterable[tuple[str, str, Decimal]]) -> list[Leg]:
    """One leg an asset, by its code: Σ of (asset, direction, amount); zero counts as ours to pay."""
    pay: dict[str, Decimal] = defaultdict(Decimal)
    receive: dict[str, Decimal] = defaultdict(Decimal)
    for asset, direction, amount in members:
        (pay if direction == "PAY" else receive)[asset] += amount
    return [
        Leg(
            asset=asset,
            direction="PAY" if pay[asset] >= receive[asset] else "RECEIVE",
            amount=abs(pay[asset] - receive[asset]),
            set_off=min(pay[asset], receive[asset]),
        )
        for asset in sorted(pay.keys() | receive.keys())
    ]
