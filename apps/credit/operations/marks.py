"""Marks of assets, and what they add to the use of lines."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from apps.core import db, money
from apps.core.unit import step
from apps.credit import queries, rules
from apps.credit.models import Line
from apps.credit.rules import Exposed, Mark
from apps.credit.states import BreachKind
from apps.events import operations as events

from . import breaches

_MARKS = """
INSERT INTO credit_assetmark AS m (asset_code, usd, as_of, is_stale)
SELECT * FROM unnest(%s::text[], %s::numeric[], %s::timestamptz[], %s::bool[]) ORDER BY 1
ON CONFLICT (asset_code) DO UPDATE SET usd = EXCLUDED.usd, as_of = EXCLUDED.as_of, is_stale = EXCLUDED.is_stale
WHERE (m.usd, m.as_of, m.is_stale) IS DISTINCT FROM (EXCLUDED.usd, EXCLUDED.as_of, EXCLUDED.is_stale)
"""


@step
def set_marks(*, marks: Mapping[str, Mark]) -> dict[str, Mark]:
    """Keep the last value of each asset in USD; one that went stale, or lives again, is told."""
    before = queries.read_marks()
    rows = sorted((asset, mark) for asset, mark in marks.items() if asset != "USD")
    db.run(
        _MARKS,
        (
            db.array(asset for asset, _ in rows),
            db.array(money.round_even(mark.usd, money.MAX_SCALE) for _, mark in rows),
            db.array(mark.as_of for _, mark in rows),
            [mark.is_stale for _, mark in rows],
        ),
    )
    for asset, mark in rows:
        if mark.is_stale != (asset in before and before[asset].is_stale):
            kind = "mark.stale" if mark.is_stale else "mark.live"
            events.record(kind, subject_type="mark", subject_id=queries.mark_id(asset), house={"asset": asset, "usd": money.text(mark.usd)})
    return dict(marks)


@step
def revalue(*, line: Line, deals: Sequence[Exposed], marks: Mapping[str, Mark], now: datetime) -> Line:
    """What the live marks add to a line: replacement cost, and the stressed haircut of what has no mark. Past the line it is a breach.

    :param line: locked; its deals were read under the lock
    """
    value = rules.replacement_cost(deals, marks) + rules.stress(deals, marks, queries.stressed_haircuts())
    return set_revalued(line=line, value=value, now=now)


@step
def set_revalued(*, line: Line, value: Decimal, now: datetime) -> Line:
    """
    :param line: locked
    """
    line.revalued, line.revalued_at = money.round_up(value, rules.CENT), now
    line.save(update_fields=["revalued", "revalued_at"])
    breaches.review(line_id=line.id, cause=BreachKind.MARKS, now=now)
    return line
