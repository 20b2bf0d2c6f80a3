"""Statistics of dealing: what events say, and the sums of them."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from apps.clients import queries as clients
from apps.core import db
from apps.reports.rules.statistics import COUNTS, Fact, Tally

Place = tuple[int, int, int]  # era, xid, position: commit order
BATCH = 5000
NOWHERE = "-"  # the pair of a refusal that names none we know
# Kind of event → what it counts as. Of what is not in it nothing is counted.
COUNTED = {
    "rfq.received": ("requests", "to_person"),
    "rfq.quoted": ("quoted", "quotes"),
    "quote.replaced": ("quotes",),
    "quote.accepted": ("deals",),
    "rfq.declined": ("declined",),
    "rfq.cancelled": ("cancelled",),
    "rfq.expired": ("expired",),
    "rfq.rejected": ("rejected",),
    "quote.withdrawn": ("withdrawn",),
    "rfq.refused": ("refused",),
    "order.refused": ("refused",),
    "accept.refused": ("missed",),
}
KINDS = frozenset(COUNTED)
_OURS = frozenset({"DESK", "KILL_SWITCH", "FEED_LOST", "CLIENT_STATUS"})  # a quote that the client gave up is no withdrawal of ours

_FACTS = """
SELECT e.era, e.xid, e.position, e.kind, e.client_id, e.effective_at, coalesce(p.code, r.pair_id, qr.pair_id),
  coalesce(e.public->>'code', e.public->>'reason'), e.house->>'by', coalesce(e.house->>'opened', 'true'),
  coalesce(e.public->'quote'->>'response_time_us', e.house->>'response_time_us')::bigint,
  (extract(epoch FROM (e.public->'quote'->>'created_at')::timestamptz - (e.public->>'received_at')::timestamptz) * 1000000)::bigint
FROM events_event e
LEFT JOIN instruments_pair p ON p.code = e.house->>'pair'
LEFT JOIN rfqs_rfq r ON e.subject_type = 'rfq' AND r.id = e.subject_id
LEFT JOIN rfqs_quote q ON q.id = CASE WHEN e.subject_type = 'quote' THEN e.subject_id
  WHEN e.kind = 'accept.refused' THEN (e.house->>'quote')::uuid END
LEFT JOIN rfqs_rfq qr ON qr.id = q.rfq_id
WHERE e.kind = ANY(%s) AND e.client_id IS NOT NULL AND (e.era, e.xid, e.position) > (%s, %s, %s)
"""


def list_facts(event_ids: Collection[UUID], *, after: Place) -> list[Fact]:
    """What these events say, those up to `after` left out."""
    rows = db.run(_FACTS + " AND e.id = ANY(%s::uuid[])", (list(KINDS), *after, db.array(event_ids)))
    return [_fact(row) for row in rows]


def walk_facts(*, until: Place) -> Iterator[Fact]:
    """What all events up to `until` say, in commit order."""
    after: Place = (0, 0, 0)
    while True:
        rows = db.run(
            _FACTS + " AND (e.era, e.xid, e.position) <= (%s, %s, %s) ORDER BY e.era, e.xid, e.position LIMIT %s",
            (list(KINDS), *after, *until, BATCH),
        )
        yield from (_fact(row) for row in rows)
        if len(rows) < BATCH:
            return
        after = (rows[-1][0], rows[-1][1], rows[-1][2])


def _fact(row: Sequence[Any]) -> Fact:
    _, _, _, kind, client_id, at, pair, reason, by, opened, told_us, waited_us = row
    counts: tuple[str, ...] = COUNTED[kind]
    times: tuple[tuple[str, int], ...] = ()
    why = ""
    if kind == "rfq.quoted":
        if opened == "true":
            counts = ("requests", *counts)
        by_hand = by not in {None, "auto"}
        us = waited_us if by_hand else told_us
        times = (("desk" if by_hand else "auto", us),) if us is not None else ()
    elif kind == "quote.accepted" and told_us is not None:
        times = (("accept", told_us),)
    elif kind == "quote.withdrawn":
        counts, why = (counts, reason or "") if reason in _OURS else ((), "")
    elif kind in _PREFIX:
        why = reason or ""
        if why == "price_not_met":  # the limit of a fill-or-kill order: its own condition, no refusal of ours
            counts = ("missed",)
    return Fact(client_id, pair or NOWHERE, at, counts, times, f"{_PREFIX[kind]}.{why}" if why else "")


_PREFIX = {
    "quote.withdrawn": "withdrawn",
    "rfq.rejected": "rejected",
    "rfq.refused": "rfq",
    "order.refused": "order",
    "accept.refused": "accept",
}


# --- sums -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Sum:
    """A tally of some hours, under what it was summed by."""

    client: str
    client_name: str
    pair: str
    hour: datetime | None
    tally: Tally


_SUMS = f"""
WITH s AS MATERIALIZED (
  SELECT CASE WHEN %s THEN d.client_id END AS client, d.pair_code AS pair, CASE WHEN %s THEN d.hour END AS at, d.*
  FROM reports_dealinghour d
  WHERE d.hour >= %s AND d.hour < %s AND (%s::uuid IS NULL OR d.client_id = %s::uuid) AND (%s = '' OR d.pair_code = %s)
), whole AS (
  SELECT client, pair, at, {", ".join(f"sum({name})::bigint AS {name}" for name in COUNTS)} FROM s GROUP BY client, pair, at
), reasons AS (
  SELECT client, pair, at, jsonb_object_agg(key, n) AS sums
  FROM (SELECT client, pair, at, key, sum(value::bigint) AS n FROM s, jsonb_each_text(s.reasons) GROUP BY client, pair, at, key) x
  GROUP BY client, pair, at
), times AS (
  SELECT client, pair, at, jsonb_object_agg(key, n) AS sums
  FROM (SELECT client, pair, at, key, sum(value::bigint) AS n FROM s, jsonb_each_text(s.times) GROUP BY client, pair, at, key) x
  GROUP BY client, pair, at
)
SELECT coalesce(c.code, ''), coalesce(c.name, ''), w.pair, w.at, {", ".join(f"w.{name}" for name in COUNTS)}, r.sums, t.sums
FROM whole w LEFT JOIN clients_counterparty c ON c.id = w.client
LEFT JOIN reasons r ON (r.client, r.pair, r.at) IS NOT DISTINCT FROM (w.client, w.pair, w.at)
LEFT JOIN times t ON (t.client, t.pair, t.at) IS NOT DISTINCT FROM (w.client, w.pair, w.at)
ORDER BY c.code, w.pair, w.at
"""  # noqa: S608


def list_sums(
    *, since: datetime, until: datetime, client_id: UUID | None = None, pair: str = "", by_client: bool = False, by_hour: bool = False
) -> list[Sum]:
    """Sums of the hours from `since` (inclusive) to `until`, per pair, and per client and hour where asked."""
    rows = db.run(_SUMS, (by_client, by_hour, since, until, client_id, client_id, pair, pair))
    return [Sum(row[0], row[1], row[2], row[3], tally) for row in rows if (tally := _tally(row[4:])).counts]


def _tally(values: Sequence[Any]) -> Tally:
    *counts, reasons, times = values
    found = {name: count for name, count in zip(COUNTS, counts, strict=True) if count}
    return Tally(Counter(found), Counter(db.loads(reasons or "{}")), Counter(db.loads(times or "{}")))


def total(sums: Iterable[Sum]) -> Tally:
    out = Tally()
    for one in sums:
        out.merge(one.tally)
    return out


# --- fair use ---------------------------------------------------------------------------------------------------------
DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Use:
    """How much a client asked and dealt in the last day, what its terms allow, and what it was last judged as."""

    client_id: UUID
    code: str
    requests: int
    deals: int
    least: int
    soft: int
    hard: int | None
    level: str
    until: datetime | None


def list_use(now: datetime) -> list[Use]:
    """Every client that asked in the last day or that is flagged. The day is the running hour and the 23 before it."""
    rows = db.run(
        f"""SELECT c.id, c.code, coalesce(u.requests, 0)::bigint, coalesce(u.deals, 0)::bigint,
             t.fair_use_from, t.fair_use_soft, t.fair_use_hard, coalesce(f.level, 'OK'), f.until
           FROM (SELECT client_id, sum(requests + refused) AS requests, sum(deals) AS deals FROM reports_dealinghour
                 WHERE hour > %s AND hour <= %s GROUP BY client_id) u
           FULL JOIN (SELECT * FROM clients_fairuse WHERE level <> 'OK') f ON f.client_id = u.client_id
           JOIN clients_counterparty c ON c.id = coalesce(u.client_id, f.client_id)
           JOIN clients_account a ON a.owner_id = c.id AND a.is_default
           JOIN clients_terms t ON t.account_id = a.id AND {clients.terms_in_force("t")}
           ORDER BY c.code""",  # noqa: S608
        (now - DAY, now),
    )
    return [Use(*row) for row in rows]
