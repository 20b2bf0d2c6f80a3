"""Depth around a mid: the shape of a recorded 25-level book, scaled."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from apps.pricing.rules import Level

# Distance from the mid in bps and size in BTC, level by level: medians of ten recorded BTC snapshots (docs/market-data.md).
ASKS = tuple((Decimal(away), Decimal(size)) for away, size in (
    ("0.004", "1.475"), ("0.399", "5.4"), ("0.416", "0.238"), ("0.459", "0.077"), ("0.725", "0.918"), ("0.871", "1.015"),
    ("0.896", "0.665"), ("0.957", "0.583"), ("1.034", "0.255"), ("1.042", "0.656"), ("1.334", "5.219"), ("1.343", "1.463"),
    ("1.403", "0.155"), ("1.437", "0.155"), ("1.548", "0.625"), ("1.6", "0.155"), ("1.634", "1.005"), ("1.643", "0.155"),
    ("1.651", "1.922"), ("1.669", "0.056"), ("1.763", "0.11"), ("1.797", "0.144"), ("1.806", "0.665"), ("1.84", "0.22"), ("1.892", "0.06"),
))  # fmt: skip
BIDS = tuple((Decimal(away), Decimal(size)) for away, size in (
    ("0.004", "10.896"), ("0.09", "0.2"), ("1.111", "0.2"), ("1.119", "0.98"), ("1.197", "0.111"), ("1.214", "0.077"),
    ("1.291", "0.34"), ("1.368", "0.4"), ("1.557", "1.185"), ("1.9", "0.195"), ("1.909", "0.275"), ("2.037", "0.175"),
    ("2.046", "0.194"), ("2.063", "1"), ("2.08", "0.05"), ("2.14", "0.05"), ("2.286", "0.11"), ("2.398", "0.618"),
    ("2.775", "0.135"), ("3.153", "0.17"), ("3.161", "1.008"), ("3.195", "4"), ("3.204", "2"), ("3.221", "0.5"), ("3.281", "1.003"),
))  # fmt: skip
Shape = tuple[tuple[Decimal, Decimal], ...]
_SIZE_GRAIN = Decimal("0.00000001")
_BPS = Decimal(10_000)


def ladder(
    mid: Decimal, tick: Decimal, *, shapes: tuple[Shape, Shape] = (BIDS, ASKS), wider_bps: Decimal = Decimal(0), size: Decimal = Decimal(1)
) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """Bids and asks around a mid: each level moved out by `wider_bps`, its size times `size`, rounded outward to the tick.

    Levels that fall on the same tick are one. At least one tick lies between the mid and each side.
    """
    bids, asks = shapes
    scaled: dict[str, Decimal] = {"mid": mid, "tick": tick, "wider_bps": wider_bps, "size": size}
    return _side(bids, -1, **scaled), _side(asks, 1, **scaled)


def _side(shape: Shape, sign: int, *, mid: Decimal, tick: Decimal, wider_bps: Decimal, size: Decimal) -> tuple[Level, ...]:
    rounding = ROUND_CEILING if sign > 0 else ROUND_FLOOR
    at: dict[Decimal, Decimal] = {}
    for away, quantity in shape:
        price = (mid * (1 + sign * (away + wider_bps) / _BPS) / tick).to_integral_value(rounding=rounding) * tick
        if price == mid:
            price += sign * tick
        if price > 0:
            at[price] = at.get(price, Decimal(0)) + (quantity * size).quantize(_SIZE_GRAIN)
    return tuple(Level(price, quantity) for price, quantity in at.items() if quantity > 0)
