"""What staff may set for a pair: read from text field by field, and which changes need a second person."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import Enum
from itertools import pairwise
from typing import Any

from apps.core import money
from apps.pricing.errors import PolicyInvalid

FREE_MOVE_BPS = Decimal(2)  # as far as one person moves a spread alone, from what two agreed on last
_SIGNED = re.compile(r"-?[0-9]{1,6}(\.[0-9]{1,8})?", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,19}", re.ASCII)
_PAIR = re.compile(r"[A-Z0-9]{2,12}-[A-Z0-9]{2,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PolicyTerms:
    """Spreads and bounds of a pair, as `models.PairPolicy` keeps them; lists as tuples."""

    spread_bps: Decimal
    size_tiers: tuple[tuple[Decimal, Decimal], ...]  # above (base), bps
    tier_bps: tuple[tuple[str, Decimal], ...]
    volatility_share: Decimal
    skew_cap_bps: Decimal
    skew_full_at: Decimal
    minimum_earn: Decimal
    max_price_age_ms: int
    source_max_age_ms: int
    max_deviation_bps: Decimal
    max_jump_bps: Decimal
    min_depth: Decimal
    auto_max_quantity: Decimal
    auto_max_age_ms: int
    auto_max_sigma: Decimal
    auto_max_spread_bps: Decimal
    auto_min_sources: int
    sure_bps: Decimal
    refuse_bps: Decimal
    through_bps: Decimal
    legs: tuple[str, ...]


class Guard(Enum):
    """Which way a bound is loosened: a change that way needs a checker, the other way takes effect at once."""

    UP = "up"
    UP_OR_OFF = "up or switched off"
    DOWN = "down"
    ANY = "either way"


LOOSENED = {
    "volatility_share": Guard.DOWN,
    "skew_full_at": Guard.ANY,
    "minimum_earn": Guard.DOWN,
    "max_price_age_ms": Guard.UP,
    "source_max_age_ms": Guard.UP,
    "max_deviation_bps": Guard.UP,
    "max_jump_bps": Guard.UP_OR_OFF,
    "min_depth": Guard.DOWN,
    "auto_max_quantity": Guard.UP,
    "auto_max_age_ms": Guard.UP,
    "auto_max_sigma": Guard.UP_OR_OFF,
    "auto_max_spread_bps": Guard.UP_OR_OFF,
    "auto_min_sources": Guard.DOWN,
    "sure_bps": Guard.UP,
    "refuse_bps": Guard.UP,
    "through_bps": Guard.UP,
    "legs": Guard.ANY,
}
_LIMITS: dict[str, tuple[Decimal, Decimal]] = {  # least and most that make sense
    "spread_bps": (Decimal(0), Decimal(1_000)),
    "volatility_share": (Decimal(0), Decimal(10)),
    "skew_cap_bps": (Decimal(0), Decimal(500)),
    "skew_full_at": (Decimal(0), Decimal(10**12)),
    "minimum_earn": (Decimal(0), Decimal(10**9)),
    "max_price_age_ms": (Decimal(100), Decimal(60_000)),
    "source_max_age_ms": (Decimal(100), Decimal(60_000)),
    "max_deviation_bps": (Decimal(1), Decimal(5_000)),
    "max_jump_bps": (Decimal(0), Decimal(9_000)),
    "min_depth": (Decimal(0), Decimal(10**12)),
    "auto_max_quantity": (Decimal(0), Decimal(10**12)),
    "auto_max_age_ms": (Decimal(100), Decimal(60_000)),
    "auto_max_sigma": (Decimal(0), Decimal(10)),
    "auto_max_spread_bps": (Decimal(0), Decimal(5_000)),
    "auto_min_sources": (Decimal(1), Decimal(20)),
    "sure_bps": (Decimal("0.1"), Decimal(5_000)),
    "refuse_bps": (Decimal("0.1"), Decimal(5_000)),
    "through_bps": (Decimal(0), Decimal(100)),
}
_MOST_TIER_BPS = Decimal(1_000)
NAMES = tuple(field.name for field in fields(PolicyTerms))
WHOLE = frozenset({"max_price_age_ms", "source_max_age_ms", "auto_max_age_ms", "auto_min_sources"})


def read_terms(sent: Mapping[str, str]) -> PolicyTerms:
    """Terms out of a form. Steps are written `5:1, 25:3`, tiers `gold:0.5, standard:1.5`, legs `BTC-USD, EUR-USD`.

    :raises PolicyInvalid: fields that are missing or wrong, each with its name
    """
    wrong: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name in NAMES:
        text = sent.get(name, "").strip()
        try:
            values[name] = _read(name, text)
        except ValueError as no:
            wrong[name] = str(no)
    if not wrong and values["auto_max_age_ms"] > values["max_price_age_ms"]:
        wrong["auto_max_age_ms"] = f"not above max_price_age_ms, {values['max_price_age_ms']}"
    if not wrong and values["sure_bps"] > values["refuse_bps"]:
        wrong["sure_bps"] = f"not above refuse_bps, {money.text(values['refuse_bps'])}"
    if not wrong and values["skew_cap_bps"] and not values["skew_full_at"]:
        wrong["skew_full_at"] = "a skew needs the position at which it is full"
    if wrong:
        raise PolicyInvalid("; ".join(f"{name}: {why}" for name, why in wrong.items()), pointer=f"/{next(iter(wrong))}", fields=wrong)
    return PolicyTerms(**values)


def write_terms(terms: PolicyTerms) -> dict[str, str]:
    """Each field as a form shows it: what `read_terms` reads back."""
    return {name: _write(getattr(terms, name)) for name in NAMES}


def why_checked(agreed: PolicyTerms, asked: PolicyTerms) -> tuple[str, ...]:
    """What in `asked` is more than one person may set alone, as field names; empty: it takes effect at once.

    :param agreed: as two people last agreed it (or as installed), so that many small steps never add up to a large one
    """
    moved = {
        "spread_bps": abs(asked.spread_bps - agreed.spread_bps),
        "skew_cap_bps": abs(asked.skew_cap_bps - agreed.skew_cap_bps),
        "tier_bps": _tiers_move(dict(agreed.tier_bps), dict(asked.tier_bps)),
        "size_tiers": _steps_move(agreed.size_tiers, asked.size_tiers),
    }
    found = {name for name, bps in moved.items() if bps > FREE_MOVE_BPS}
    found |= {name for name, guard in LOOSENED.items() if _loosens(guard, getattr(agreed, name), getattr(asked, name))}
    return tuple(name for name in NAMES if name in found)


def _loosens(guard: Guard, old: Any, new: Any) -> bool:
    if guard is Guard.ANY or old == new:
        return bool(old != new)
    if guard is Guard.UP_OR_OFF:
        return not new or (bool(old) and new > old)
    return bool(new > old if guard is Guard.UP else new < old)


def _tiers_move(old: Mapping[str, Decimal], new: Mapping[str, Decimal]) -> Decimal:
    """A tier that is not named has no markup."""
    return max((abs(new.get(tier, money.ZERO) - old.get(tier, money.ZERO)) for tier in old.keys() | new.keys()), default=money.ZERO)


Steps = tuple[tuple[Decimal, Decimal], ...]


def _steps_move(old: Steps, new: Steps) -> Decimal:
    """The largest difference between two staircases: it is reached right above an edge of one of them."""
    edges = [above for above, _ in (*old, *new)]
    return max((abs(_step_at(new, edge) - _step_at(old, edge)) for edge in edges), default=money.ZERO)


def _step_at(steps: Steps, edge: Decimal) -> Decimal:
    return next((bps for above, bps in reversed(steps) if above <= edge), money.ZERO)


def _read(name: str, text: str) -> Any:
    if name == "legs":
        return _read_legs(text)
    if name == "tier_bps":
        return _read_tiers(text)
    if name == "size_tiers":
        return _read_steps(text)
    least, most = _LIMITS[name]
    value = money.parse(text)
    if name in WHOLE and value != value.to_integral_value():
        raise ValueError("a whole number")
    if not least <= value <= most:
        raise ValueError(f"from {money.text(least)} to {money.text(most)}")
    return int(value) if name in WHOLE else value


def _read_legs(text: str) -> tuple[str, ...]:
    legs = tuple(part.strip() for part in text.split(",")) if text else ()
    if legs and (len(legs) != 2 or legs[0] == legs[1] or not all(_PAIR.fullmatch(leg) for leg in legs)):
        raise ValueError("two pairs such as BTC-USD, EUR-USD, or none")
    return legs


def _read_tiers(text: str) -> tuple[tuple[str, Decimal], ...]:
    found: dict[str, Decimal] = {}
    for tier, bps in _couples(text):
        if not _NAME.fullmatch(tier) or tier in found or not _SIGNED.fullmatch(bps) or abs(Decimal(bps)) > _MOST_TIER_BPS:
            raise ValueError(f"{tier[:20]}:{bps[:20]} is not tier:bps, each tier once, at most {_MOST_TIER_BPS} bps")
        found[tier] = Decimal(bps)
    return tuple(sorted(found.items()))


def _read_steps(text: str) -> Steps:
    steps = tuple((money.parse(above), money.parse(bps)) for above, bps in _couples(text))
    if any(bps > _MOST_TIER_BPS for _, bps in steps):
        raise ValueError(f"at most {_MOST_TIER_BPS} bps")
    if any(higher[0] <= lower[0] or higher[1] < lower[1] for lower, higher in pairwise(steps)):
        raise ValueError("steps rise, in size and in bps, so that more is never cheaper")
    return steps


def _couples(text: str) -> list[tuple[str, str]]:
    parts = [part.partition(":") for part in text.split(",")] if text else []
    if any(not colon for _, colon, _ in parts):
        raise ValueError("written as 5:1, 25:3")
    return [(left.strip(), right.strip()) for left, _, right in parts]


def _write(value: Any) -> str:
    if isinstance(value, Decimal):
        return money.text(value)
    if isinstance(value, tuple):
        return ", ".join(part if isinstance(part, str) else ":".join(map(_write, part)) for part in value)
    return str(value)
