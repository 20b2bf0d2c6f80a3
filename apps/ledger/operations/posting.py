"""Post balanced transactions: as the last statement before the commit, one function call for one, one statement for many."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count

from apps.core import db, ids, unit
from apps.core.unit import step

from ..errors import PostingConflict, Unbalanced
from ..models import LedgerTransaction
from ..rules import Line, Ref, payload_hash, sums
from ..states import Kind

# Headers, locks in id order, balances, lines with their running balances. A header whose key exists already adds nothing, if its payload
# is the same. The triggers of 0002_walls and 0010_leaner_walls check the result and find the open date, here as after the function.
_POST_MANY = """
WITH h AS (
  INSERT INTO ledger_ledgertransaction
    (id, key, payload_hash, kind, entity_id, source_type, source_id, narrative, reverses_id, effective_at, business_date, era)
  SELECT f.id, f.key, f.hash, f.kind, f.entity_id, f.source_type, f.source_id, f.narrative, f.reverses, f.effective_at,
    f.business_date, %(era)s
  FROM unnest(%(id)s::uuid[], %(key)s::text[], %(hash)s::text[], %(kind)s::text[], %(entity_id)s::uuid[],
    %(source_type)s::text[], %(source_id)s::uuid[], %(narrative)s::text[], %(reverses)s::uuid[], %(effective_at)s::timestamptz[],
    %(business_date)s::date[])
    AS f(id, key, hash, kind, entity_id, source_type, source_id, narrative, reverses, effective_at, business_date)
  ON CONFLICT (key) DO NOTHING RETURNING id
), l AS (
  SELECT f.* FROM unnest(%(line_of)s::uuid[], %(line_account)s::uuid[], %(line_asset)s::text[], %(line_amount)s::numeric[])
    WITH ORDINALITY AS f(txn, acc, asset, amount, ord) JOIN h ON h.id = f.txn
), d AS (
  SELECT acc, sum(amount) AS s, count(*) AS n FROM l GROUP BY acc
), k AS MATERIALIZED (
  SELECT id FROM ledger_ledgeraccount WHERE id IN (SELECT acc FROM d) ORDER BY id FOR NO KEY UPDATE
), u AS (
  UPDATE ledger_ledgeraccount a SET amount = a.amount + d.s, version = a.version + d.n
  FROM d JOIN k ON k.id = d.acc WHERE a.id = d.acc
  RETURNING a.id, a.amount, a.version, d.s, d.n
), w AS (
  INSERT INTO ledger_ledgerline (transaction_id, account_id, asset_code, amount, balance, version)
  SELECT l.txn, l.acc, l.asset, l.amount, u.amount - u.s + sum(l.amount) OVER o, u.version - u.n + row_number() OVER o
  FROM l LEFT JOIN u ON u.id = l.acc WINDOW o AS (PARTITION BY l.acc ORDER BY l.ord) ORDER BY l.ord
)
SELECT ledger_require_same(%(key)s::text[], %(hash)s::text[]) WHERE (SELECT count(*) FROM h) < %(count)s::int
"""
_POST_ONE = "SELECT ledger_post(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::uuid[], %s::text[], %s::numeric[], %s::int[])"
_OPEN = """
INSERT INTO ledger_ledgeraccount (id, entity_id, kind, asset_code, book_id, owner_id, designation, amount, held, version)
SELECT f.*, 0, 0, 0 FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::uuid[], %s::text[])
  AS f(id, entity_id, kind, asset_code, book_id, owner_id, designation) ORDER BY id ON CONFLICT DO NOTHING
"""
_HEAD = ("id", "key", "hash", "kind", "entity_id", "source_type", "source_id", "narrative", "reverses", "effective_at", "business_date")
_QUOTED = {"key", "kind", "source_type", "narrative"}
_KIND, _TYPE, _SOURCE, _REVERSES = (_HEAD.index(name) for name in ("kind", "source_type", "source_id", "reverses"))

_Posting = tuple[tuple[str | None, ...], tuple[Line, ...]]  # the columns of _HEAD as PostgreSQL reads them, and the lines
_Old = tuple[tuple[UUID, str, str], Sequence[Line]]  # id, key and type of the source; the lines
_known: set[UUID] = set()  # accounts seen committed by this process; they are never deleted


@step
def post(
    *,
    key: str,
    kind: str,
    source_type: str,
    source_id: UUID,
    lines: Sequence[Line],
    effective_at: datetime,
    business_date: date,
    narrative: str = "",
    reverses: UUID | None = None,
) -> UUID:
    """Post one transaction, as the last statement before the commit.

    :param key: idempotency key; the same key with the same lines posts nothing again
    :param business_date: where this day is closed, the posting goes to the next open one; `effective_at` stays as it is
    :param lines: debits positive; Σ per asset is zero, all of one booking entity; lines of amount zero are left out
    :raises Unbalanced: Σ of an asset is not zero, or no line is left (a bug of the caller)
    :raises PostingConflict: the key was used for other lines (raised just before the commit)
    """
    real = tuple([line for line in lines if line.amount])
    off = {asset: total for asset, total in sums(real).items() if total}
    entities = {line.ref.entity_id for line in real}
    if off or len(entities) != 1:
        raise Unbalanced(f"{key}: sums {off}, entities {len(entities)}")
    new = ids.uuid7()
    columns = (
        str(new),
        key,
        payload_hash(kind, real),
        str(kind),
        str(entities.pop()),
        source_type,
        str(source_id),
        narrative,
        None if reverses is None else str(reverses),
        effective_at.isoformat(),
        business_date.isoformat(),
    )
    unit.bag(unit.BALANCES, "ledger", (columns, real), _flush)
    return new


def _flush(postings: list[_Posting]) -> None:
    open_accounts([*{line.ref.id: line.ref for _, lines in postings for line in lines}.values()])
    used = ", ".join(str(columns[1]) for columns, _ in postings[:3])
    repeated = PostingConflict(f"{used}{', …' if len(postings) > 3 else ''}: posted before with other lines")
    sql, params = (_POST_ONE, _one(*postings[0])) if len(postings) == 1 else (_POST_MANY, _many(postings))
    db.send(sql, params, refuse={"ledger_repeats": repeated}, failed=_known.clear)


def _one(columns: tuple[str | None, ...], lines: tuple[Line, ...]) -> list[Any]:
    refs = [line.ref for line in lines]
    turn = sorted(range(1, len(lines) + 1), key=lambda place: refs[place - 1].id.int)
    return [
        *columns,
        settings.EVENT_ERA,
        _plain([ref.text for ref in refs]),
        db.array([ref.asset for ref in refs]),
        _plain([str(line.amount) for line in lines]),
        _plain(map(str, turn)),
    ]


def _many(postings: list[_Posting]) -> dict[str, Any]:
    heads = zip(*(columns for columns, _ in postings), strict=True)
    out: dict[str, Any] = {
        name: db.array(some) if name in _QUOTED else _plain([one or "NULL" for one in some])
        for name, some in zip(_HEAD, heads, strict=True)
    }
    lines = [(columns[0] or "", line.ref.text, line.ref.asset, str(line.amount)) for columns, some in postings for line in some]
    of, accounts, assets, amounts = zip(*lines, strict=True)
    out |= {"line_of": _plain(of), "line_account": _plain(accounts), "line_asset": db.array(assets), "line_amount": _plain(amounts)}
    return out | {"era": settings.EVENT_ERA, "count": len(postings)}


def _plain(values: Iterable[str]) -> str:
    """An array of what needs no quotes: ids, numbers, times without a space."""
    return "{" + ",".join(values) + "}"


@step
def reverse(*, source_id: UUID, kinds: Sequence[str], effective_at: datetime, business_date: date, narrative: str = "") -> int:
    """Post the linked reversal of every transaction of this source and these kinds that has none yet; how many.

    It always posts, and may overdraw: a correction is never refused for balance. What this transaction has put off is reversed too.
    """
    found = [*_written(source_id, kinds), *_put_off(source_id, kinds)]
    for (old, old_key, source_type), lines in found:
        post(
            key=f"{old_key}:reversed",
            kind="REVERSAL",
            source_type=source_type,
            source_id=source_id,
            lines=[Line(line.ref, -line.amount) for line in lines],
            effective_at=effective_at,
            business_date=business_date,
            narrative=narrative,
            reverses=old,
        )
    return len(found)


@step
def count_posted(*, source_ids: Collection[UUID], kind: str) -> Counter[UUID]:
    """How many transactions of this kind each source has, those that are put off with them: what makes the key of the next one."""
    if not source_ids:
        return Counter()
    rows = LedgerTransaction.objects.filter(source_id__in=source_ids, kind=kind).values_list("source_id").annotate(n=Count("id"))
    written = dict(rows.order_by())
    waiting = Counter(columns[_SOURCE] for columns, _ in unit.bagged("ledger") if columns[_KIND] == kind)
    return Counter({one: written.get(one, 0) + waiting[str(one)] for one in source_ids})


def _written(source_id: UUID, kinds: Sequence[str]) -> list[_Old]:
    """Of these the ones that have no reversal."""
    found = LedgerTransaction.objects.filter(source_id=source_id, kind__in=list(kinds), reversed_by__isnull=True).order_by("id")
    undone = {columns[_REVERSES] for columns, _ in unit.bagged("ledger")}
    return [
        (
            (old.id, old.key, old.source_type),
            [
                Line(
                    Ref(a.entity_id, Kind(a.kind), a.asset_code, book_id=a.book_id, owner_id=a.owner_id, designation=a.designation), amount
                )
                for a, amount in ((line.account, line.amount) for line in old.lines.all())
            ],
        )
        for old in found.prefetch_related("lines__account")
        if str(old.id) not in undone
    ]


def _put_off(source_id: UUID, kinds: Sequence[str]) -> list[_Old]:
    """The same of what this transaction writes at its end."""
    waiting = unit.bagged("ledger")
    undone = {columns[_REVERSES] for columns, _ in waiting}
    return [
        ((UUID(columns[0]), str(columns[1]), str(columns[_TYPE])), lines)
        for columns, lines in waiting
        if columns[_SOURCE] == str(source_id) and columns[_KIND] in kinds and columns[0] not in undone
    ]


@step
def stop_day(*, entity_id: UUID, on: date) -> None:
    """Wait for every posting on this date that is not committed, and keep new ones waiting until this transaction ends."""
    db.run("SELECT ledger_stop_day(%s, %s)", (entity_id, on))


@step
def keep_open(*, entity_id: UUID, on: date) -> date:
    """The date on which a posting of this one goes, which nobody closes until this transaction ends. Others post beside it."""
    found: date = db.one("SELECT ledger_open_date(%s, %s)", (entity_id, on))[0]
    return found


@step
def open_accounts(refs: Sequence[Ref]) -> None:
    """Make the zero rows of accounts that do not exist yet."""
    new = [ref for ref in refs if ref.id not in _known]
    if not new:
        return
    rows = [(r.id, r.entity_id, str(r.kind), r.asset, r.book_id, r.owner_id, r.designation) for r in new]
    db.send(_OPEN, [list(column) for column in zip(*rows, strict=True)])
    fresh = {ref.id for ref in new}
    transaction.on_commit(lambda: _known.update(fresh), robust=True)


def forget_accounts() -> None:
    """For tests that empty the tables under a living process."""
    _known.clear()
