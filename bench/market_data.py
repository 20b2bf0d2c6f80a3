"""Prints the figures of docs/market-data.md out of the recorded files: `python bench/market_data.py DATA_DIR`."""

import sys
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from statistics import median

from apps.core import money
from apps.pricing.feeds.recording import read

BPS = Decimal(10_000)
YEAR_MINUTES = Decimal("525960")


def root_mean_square(numbers: list[Decimal]) -> Decimal:
    return (sum((one * one for one in numbers), Decimal(0)) / len(numbers)).sqrt()


def bars(path: Path) -> None:
    recording = read(path)
    closes = [bar.close for bar in recording.bars]
    returns = [(later / earlier).ln() * BPS for earlier, later in pairwise(closes)]
    whole = root_mean_square(returns)
    sizes = sorted(abs(one) for one in returns)
    hours = sorted((returns[at : at + 60] for at in range(0, len(returns) - 59, 60)), key=root_mean_square)
    tenths = [[one for hour in hours[len(hours) * n // 10 : len(hours) * (n + 1) // 10] for one in hour] for n in range(10)]
    print(f"{path.name}: {len(closes)} bars, {recording.first_at:%Y-%m-%d %H:%M} to {recording.last_at:%Y-%m-%d %H:%M} UTC")
    lowest, highest = min(bar.low for bar in recording.bars), max(bar.high for bar in recording.bars)
    print(f"  median close {median(closes)}, lowest {lowest}, highest {highest}")
    print(f"  one-minute return: {whole:.2f} bp root mean square, {whole * YEAR_MINUTES.sqrt() / 100:.1f} % a year")
    print(f"  median |return| {median(sizes):.2f} bp, 99 % below {sizes[len(sizes) * 99 // 100]:.1f} bp, largest {sizes[-1]:.0f} bp")
    print(f"  root mean square by tenth of hours, quiet to wild, bp: {', '.join(f'{root_mean_square(tenth):.2f}' for tenth in tenths)}")


def books(path: Path) -> None:
    recorded = read(path).books
    print(
        f"{path.name}: {len(recorded)} books of {recorded[0].pair}, {recorded[0].at:%Y-%m-%d %H:%M:%S.%f} to {recorded[-1].at:%H:%M:%S.%f}"
    )
    print(f"  median spread {median((book.asks[0].price - book.bids[0].price) / book.mid * BPS for book in recorded):.3f} bp")
    for name in ("asks", "bids"):
        shape = []
        for level in range(len(recorded[0].asks)):
            rows = [(abs(getattr(book, name)[level].price / book.mid - 1) * BPS, getattr(book, name)[level].quantity) for book in recorded]
            shape.append((median(away for away, _ in rows), median(size for _, size in rows)))
        print(f"  {name}: {sum(size for _, size in shape):.2f} BTC within {shape[-1][0]:.2f} bp of the mid; bp away × BTC by level:")
        print("    " + " ".join(f"{money.text(round(away, 3))}×{money.text(size)}" for away, size in shape))


if __name__ == "__main__":
    money.use_exact_context()
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("usage: python bench/market_data.py DATA_DIR (the folder of the recorded files)")
    data = Path(sys.argv[1])
    bars(data / "btc-perp-20211231-20220201_1m.csv.gz")
    books(data / "binance-futures_book_snapshot_25_BTCUSDT.csv")
