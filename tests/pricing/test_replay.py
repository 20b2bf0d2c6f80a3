"""The recorded month replayed gives the same quotes each time, however often and in whatever order it is asked."""

import hashlib
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from apps.core.errors import AppError
from apps.instruments import rules as calendar
from apps.pricing.feeds import factory, recording
from apps.pricing.feeds.composer import Composer
from apps.pricing.rules import Health, PairSpec, Recipe, Side, SizeStep, Spread, client_price

D = Decimal
MONTH = "btc-perp-20211231-20220201_1m.csv.gz"
ROOT = Path(__file__).resolve().parents[2]
RECIPE = Recipe(health={"BTC-USD": Health(max_jump_bps=D(1000))}, fees_bps={"recorded": D(2)}, crosses={"BTC-EUR": ("BTC-USD", "EUR-USD")})
SPREAD = Spread(
    base_bps=D(2),
    size_steps=(SizeStep(D(5), D(1)), SizeStep(D(15), D(3))),
    client_bps=D("1.5"),
    volatility_share=D("0.25"),
    skew_cap_bps=D(3),
    skew_full_at=D(100),
    minimum_earn=D(5),
)
SPECS = {"BTC-USD": PairSpec("BTC", "USD", D("0.01"), 8, 2), "BTC-EUR": PairSpec("BTC", "EUR", D("0.01"), 8, 2)}
SIZES = ({"quantity": D("0.25")}, {"quantity": D("16.5")}, {"quote_quantity": D("250000.00")})
BEGINS = datetime(2021, 12, 31, 23, 1, tzinfo=UTC)


def composer(recorded: recording.Recording) -> Composer:
    day = calendar.business_date(recorded.first_at) - timedelta(days=1)
    return Composer(factory.join(recorded, 7, day), RECIPE)


def grid(count: int, apart: timedelta) -> list[datetime]:
    """Instants over the month, a little off the minutes."""
    return [BEGINS + timedelta(minutes=70) + number * apart + timedelta(milliseconds=number * 37 % 60_000) for number in range(count)]


def quotes_at(source: Composer, now: datetime) -> list[str]:
    """Every price of the grid's sizes at an instant, with its amounts and parts, or the code of the refusal."""
    out, depths = [], source.composites(now)
    for pair, spec in SPECS.items():
        for side in Side:
            for size in SIZES:
                try:
                    got = client_price(side, depth=depths[pair], pair=spec, spread=SPREAD, position=D(-40), ttl_ms=30_000, **size)
                    out.append(f"{now} {pair} {side} {got}")
                except AppError as no:
                    out.append(f"{now} {pair} {side} {no.code}")
    return out


def digest(quotes: list[str]) -> str:
    return hashlib.blake2b("\n".join(quotes).encode(), digest_size=16).hexdigest()


@pytest.fixture
def path(recorded) -> Path:
    return recorded(MONTH)


@pytest.fixture
def month(path) -> recording.Recording:
    return recording.read(path)


def test_the_same_quotes_in_another_order_and_asked_more_often(month):
    instants = grid(8, timedelta(days=3, hours=17, minutes=11))
    forward = {now: quotes_at(one, now) for one in [composer(month)] for now in instants}
    back = {now: quotes_at(one, now) for one in [composer(month)] for now in reversed(instants)}
    busy, often = composer(month), {}
    for now in instants:
        for seconds in (-95, -61, -30, -3):
            busy.composites(now + timedelta(seconds=seconds))
        often[now] = quotes_at(busy, now)
    assert forward == back == often
    told = [quote for quotes in forward.values() for quote in quotes]
    assert sum("SidePrice" in quote for quote in told) > len(told) // 2
    assert len({quote.split(" ", 2)[2] for quote in told}) > len(told) // 2


def test_the_same_quotes_in_another_process(month, path):
    instants = grid(2, timedelta(days=11))
    code = (
        "import sys; from datetime import datetime; from apps.core import money; money.use_exact_context()\n"
        "from pathlib import Path; from apps.pricing.feeds import recording; from tests.pricing import test_replay as t\n"
        f"month = recording.read(Path({str(path)!r}))\n"
        "one = t.composer(month)\n"
        "print(t.digest([q for now in t.grid(2, t.timedelta(days=11)) for q in t.quotes_at(one, now)]))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": "4711"}
    )
    one = composer(month)
    assert out.stdout.strip() == digest([quote for now in instants for quote in quotes_at(one, now)])


@pytest.mark.drill
@pytest.mark.timeout(1800)
def test_the_whole_month_twice(month):
    instants = grid(2_900, timedelta(minutes=15))  # thirty days, every quarter of an hour
    one, other = composer(month), composer(month)
    first = [quotes_at(one, now) for now in instants]
    again = [quotes_at(other, now) for now in reversed(instants)]
    assert first == again[::-1]
    assert sum("SidePrice" in quote for quotes in first for quote in quotes) > 30_000
