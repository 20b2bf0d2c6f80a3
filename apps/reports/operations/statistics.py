"""Keep the sums of dealing up to date out of events, or make them again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from apps.core import db, ids
from apps.core.unit import step
from apps.events.models import Event
from apps.events.operations import Subscriber, place_of
from apps.reports.queries import statistics as queries
from apps.reports.queries.statistics import Place
from apps.reports.rules.statistics import COUNTS, Key, Tally, fold

MARK = "dealing"
_ADDED = """(SELECT coalesce(jsonb_object_agg(key, n), '{{}}'::jsonb) FROM (
    SELECT key, sum(value::bigint) AS n FROM (SELECT * FROM jsonb_each_text(d.{0}) UNION ALL SELECT * FROM jsonb_each_text(EXCLUDED.{0})) y
    GROUP BY key) x)"""
_ADD = f"""
INSERT INTO reports_dealinghour AS d (id, client_id, pair_code, hour, reasons, times, {", ".join(COUNTS)})
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::timestamptz[], %s::jsonb[], %s::jsonb[]{", %s::bigint[]" * len(COUNTS)})
ON CONFLICT (client_id, pair_code, hour) DO UPDATE SET {", ".join(f"{n} = d.{n} + EXCLUDED.{n}" for n in COUNTS)},
  reasons = {_ADDED.format("reasons")}, times = {_ADDED.format("times")}
"""  # noqa: S608
_NOTHING = f"UPDATE reports_dealinghour SET reasons = '{{}}', times = '{{}}', {', '.join(f'{name} = 0' for name in COUNTS)}"  # noqa: S608


@step
def count(*, events: Sequence[Event], now: datetime) -> None:
    """Add what a batch of events says to its hours, in one statement. Events that were counted before are left out: told twice, it
    counts once."""
    del now
    mark = _lock_mark()
    fresh = [event for event in events if place_of(event) > mark]
    if not fresh:
        return
    _add(fold(queries.list_facts([event.id for event in fresh], after=mark)))
    _move_mark(max(place_of(event) for event in fresh))


DEALING = Subscriber(kinds=queries.KINDS, handle=count, together=True)


@step
def rebuild() -> int:
    """Make all sums again out of the events that they were made of; how many hours have any."""
    mark = _lock_mark()
    tallies = fold(queries.walk_facts(until=mark))
    db.run(_NOTHING)
    _add(tallies)
    return len(tallies)


def _add(tallies: Mapping[Key, Tally]) -> None:
    if not tallies:
        return
    ordered = sorted(tallies.items())
    columns: list[list[Any]] = [
        [ids.uuid7() for _ in ordered],
        [key[0] for key, _ in ordered],
        [key[1] for key, _ in ordered],
        [key[2] for key, _ in ordered],
        [db.jsonb(dict(tally.reasons)) for _, tally in ordered],
        [db.jsonb(dict(tally.times)) for _, tally in ordered],
        *([tally.counts[name] for _, tally in ordered] for name in COUNTS),
    ]
    db.run(_ADD, [db.array(column) for column in columns])


def _lock_mark() -> Place:
    db.run("INSERT INTO reports_statisticsmark (name, era, xid, position) VALUES (%s, 1, 0, 0) ON CONFLICT DO NOTHING", (MARK,))
    era, xid, position = db.one("SELECT era, xid, position FROM reports_statisticsmark WHERE name = %s FOR NO KEY UPDATE", (MARK,))
    return era, xid, position


def _move_mark(to: Place) -> None:
    db.run("UPDATE reports_statisticsmark SET era = %s, xid = %s, position = %s WHERE name = %s", (*to, MARK))
