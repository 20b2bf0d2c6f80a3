"""Which feeds make up a desk's prices."""

from datetime import date
from pathlib import Path

from apps.instruments import rules as calendar

from . import recording
from .base import Feed, Joined
from .fx import Fx
from .replay import Replay
from .simulator import BTC_USD, ETH_USD, Simulator

CURRENCIES = ("EUR-USD",)


def make_feed(prices_file: Path | None, seed: int, day: date, roll: calendar.Roll = calendar.NEW_YORK_CLOSE) -> Feed:
    """The feed of a desk day, its recording read from a file where there is one.

    :raises BadRecording: the file cannot be used
    """
    return join(recording.read(prices_file) if prices_file is not None else None, seed, day, roll)


def join(recorded: recording.Recording | None, seed: int, day: date, roll: calendar.Roll = calendar.NEW_YORK_CLOSE) -> Feed:
    """BTC-USD as recorded, or simulated; ETH-USD simulated; EUR-USD from the ECB's rates. BTC-EUR is crossed by the composer.

    The simulators start with the business date `day` and show nothing before it.
    """
    start, _ = calendar.business_day_bounds(day, roll)
    btc: Feed = Replay(recorded, seed=seed) if recorded is not None else Simulator(BTC_USD, seed=seed, start_at=start)
    return Joined([btc, Simulator(ETH_USD, seed=seed, start_at=start), Fx(CURRENCIES, seed=seed, roll=roll)])


def first_business_date(prices_file: Path, roll: calendar.Roll = calendar.NEW_YORK_CLOSE) -> date:
    """The business date of a recording's first instant.

    :raises BadRecording: the file cannot be used
    """
    return calendar.business_date(recording.read(prices_file).first_at, roll)
