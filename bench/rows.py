"""One line of a benchmark's result, and the table of many."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

# Ratio ours / limit. A rate wants to be high (floor, then goal); a time wants to be low.
TARGETS: dict[str, tuple[str, str]] = {
    "accept": ("≥ 0.20", "≥ 0.40"),
    "quote": ("≤ 4.0", "≤ 2.5"),
    "quote p99": ("≤ 6.0", ""),
    "ledger": ("≥ 0.30", "≥ 0.50"),
    "ledger batch": ("≥ 0.80", ""),
    "netting": ("≤ 3.0", "≤ 1.5"),
    "fanout": ("≥ 0.70", ""),
    "events": ("≤ 3.0", "≤ 1.5"),
    "growth quote": ("≤ 1.15", ""),
    "growth accept": ("≤ 1.15", ""),
    "growth netting": ("≤ 1.15", ""),
}


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured: ours and its limit in `unit`, and ours divided by the limit."""

    name: str
    ours: float
    limit: float
    unit: str
    ratio: float
    note: str


def row(name: str, ours: float, limit: float, unit: str, note: str) -> Row:
    return Row(name, round(ours, 3), round(limit, 3), unit, round(ours / limit, 3), note)


def as_json(rows: Sequence[Row]) -> str:
    return json.dumps([asdict(one) for one in rows], indent=2, ensure_ascii=False)


def as_table(rows: Sequence[Row]) -> str:
    lines = [f"{'name':<14}{'ours':>12}{'limit':>12} {'unit':<12}{'ratio':>7}  {'floor':<8}{'goal':<8}"]
    for one in rows:
        floor, goal = TARGETS.get(one.name, ("", ""))
        lines.append(f"{one.name:<14}{one.ours:>12,.2f}{one.limit:>12,.2f} {one.unit:<12}{one.ratio:>7.3f}  {floor:<8}{goal:<8}")
        lines.append(f"    {one.note}")
    return "\n".join(lines)
