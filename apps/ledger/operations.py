"""Post balanced transactions; hold, post and void earmarked client money."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from apps.core import db, ids, money, unit
from apps.core.unit import step

from . import rules
from .errors import InsufficientBalance, PostingConflict, Unbalanced
from .models import Hold, LedgerTransaction
from .rules import Line, Ref
from .states import HOLD, HoldStatus, Kind

# One statement: headers, locks in id order, balances, lines with their running balances. A header whose key exists
# already adds nothing, if its payload is the same. The triggers of 0002_walls check the result.
_POST = """
WITH h AS (
  INSERT INTO ledger_ledgertransaction
    (id, key, payload_hash, kind, entity_id, source_type, source_id, narrative, reverses_id, effective_at, business_date)
  SELECT * FROM unnest(%(id)s::uuid[], %(key)s::text[], %(hash)s::text[], %(kind)s::text[], %(entity_id)s::uuid[], %(source_type)s::text[],
    %(source_id)s::uuid[], %(narrative)s::text[], %(reverses)s::uuid[], %(effective_at)s::timestamptz[], %(business_date)s::date[])
  ON CONFLICT (key) DO NOTHING RETURNING id
), l AS (
  SELECT f.* FROM unnest(%(line_of)s::uuid[], %(line_account)s::uuid[], %(line_asset)s::text[], %(line_amount)s::numeric[],
    %(line_order)s::int[]) AS f(txn, acc, asset, amount, ord) JOIN h ON h.id = f.txn
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
SELECT ledger_require_same(%(key)s::text[], %(hash)s::text[]) WHERE (SELECT count(*) FROM h) < cardinality(%(id)s::uuid[])
"""
_OPEN = """
INSERT INTO ledger_ledgeraccount (id, entity_id, kind, asset_code, book_id, owner_id, designation, amount, held, version)
SELECT f.*, 0, 0, 0 FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::uuid[], %s::text[])
  AS f(id, entity_id, kind, asset_code, book_id, owner_id, designation) ORDER BY id ON CONFLICT DO NOTHING
"""

_HEAD = ("id", "key", "hash", "kind", "entity_id", "source_type", "source_id", "narrative", "reverses", "effective_at", "business_date")

_known: set[UUID] = set()  # accounts seen committed by this process; they are never deleted


@dataclass(frozen=True, slots=True)
class _Posting:
    id: UUID
    key: str
    hash: str
    kind: str
    entity_id: UUID
    source_type: str
    source_id: UUID
    narrative: str
    reverses: UUID | None
    effective_at: datetime
    business_date: date
    lines: tuple[Line, ...]


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
    :param lines: debits positive; Σ per asset is zero, all of one booking entity; lines of amount zero are left out
    :raises Unbalanced: Σ of an asset is not zero, or no line is left (a bug of the caller)
    :raises PostingConflict: the key was used for other lines (raised just before the commit)
    """
    real = tuple(line for line in lines if line.amount)
    off = {asset: total for asset, total in rules.sums(real).items() if total}
    entities = {line.ref.entity_id for line in real}
    if off or len(entities) != 1:
        raise Unbalanced(f"{key}: sums {off}, entities {len(entities)}")
    posting = _Posting(
        id=ids.uuid7(),
        key=key,
        hash=rules.payload_hash(kind, real),
        kind=kind,
        entity_id=entities.pop(),
        source_type=source_type,
        source_id=source_id,
        narrative=narrative,
        reverses=reverses,
        effective_at=effective_at,
        business_date=business_date,
        lines=real,
    )
    unit.bag(unit.BALANCES, "ledger", posting, _flush)
    return posting.id


def _flush(postings: list[_Posting]) -> None:
    refs = {line.ref.id: line.ref for p in postings for line in p.lines}
    open_accounts(list(refs.values()))
    lines = [(p.id, line.ref.id, line.ref.asset, line.amount) for p in postings for line in p.lines]
    names = ("line_of", "line_account", "line_asset", "line_amount")
    columns = {name: db.array(getattr(p, name) for p in postings) for name in _HEAD}
    columns |= {name: db.array(column) for name, column in zip(names, zip(*lines, strict=True), strict=True)}
    columns["line_order"] = db.array(range(len(lines)))
    used = ", ".join(p.key for p in postings[:3])
    repeated = PostingConflict(f"{used}{', …' if len(postings) > 3 else ''}: posted before with other lines")
    db.send(_POST, columns, refuse={"ledger_repeats": repeated}, failed=_known.clear)


@step
def reverse(*, source_id: UUID, kinds: Sequence[str], effective_at: datetime, business_date: date, narrative: str = "") -> int:
    """Post the linked reversal of every transaction of this source and these kinds that has none yet; how many.

    It always posts, and may overdraw: a correction is never refused for balance.
    """
    found = LedgerTransaction.objects.filter(source_id=source_id, kind__in=list(kinds), reversed_by__isnull=True).order_by("id")
    for old in found.prefetch_related("lines__account"):
        refs = [(line.account, line.amount) for line in old.lines.all()]
        post(
            key=f"{old.key}:reversed",
            kind="REVERSAL",
            source_type=old.source_type,
            source_id=old.source_id,
            lines=[
                Line(
                    Ref(a.entity_id, Kind(a.kind), a.asset_code, book_id=a.book_id, owner_id=a.owner_id, designation=a.designation), -amount
                )
                for a, amount in refs
            ],
            effective_at=effective_at,
            business_date=business_date,
            narrative=narrative,
            reverses=old.id,
        )
    return len(found)


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


@step
def hold(*, ref: Ref, amount: Decimal, source_type: str, source_id: UUID, now: datetime, coming: Decimal = money.ZERO) -> Decimal:
    """Set `amount` of a client's balance aside. The caller holds the client's account row.

    :param coming: what this very transaction gives back to the balance (a returned payment), posted at its end
    :return: what was available before
    :raises InsufficientBalance: more than is available
    """
    open_accounts([ref])
    posted, held = db.one("SELECT amount, held FROM ledger_ledgeraccount WHERE id = %s FOR NO KEY UPDATE", (ref.id,))
    free = rules.available(posted, held) + coming
    if amount > free:
        raise InsufficientBalance(
            f"{money.text(free)} {ref.asset} available, {money.text(amount)} needed", asset=ref.asset, available=money.text(free)
        )
    db.insert(Hold(id=ids.uuid7(), account_id=ref.id, amount=amount, source_type=source_type, source_id=source_id, created_at=now))
    db.send("UPDATE ledger_ledgeraccount SET held = held + %s WHERE id = %s", (amount, ref.id))
    return Decimal(free)


@step
def hold_anew(*, ref: Ref, amount: Decimal, lower: bool, source_type: str, source_id: UUID, now: datetime) -> Decimal:
    """Bring a source's hold on one balance to `amount`, making a first one where it has none. The caller holds the client's account row.

    :param lower: whether it may become less; else a larger one stays as it is
    :return: what would be available without it
    :raises InsufficientBalance: more than that
    """
    open_accounts([ref])
    posted, held = db.one("SELECT amount, held FROM ledger_ledgeraccount WHERE id = %s FOR NO KEY UPDATE", (ref.id,))
    one = Hold.objects.filter(source_id=source_id, account_id=ref.id, status=HoldStatus.PENDING).first()
    if one is not None:
        if amount == one.amount or (amount < one.amount and not lower):
            return Decimal(rules.available(posted, held) + one.amount)
        _end(one, HoldStatus.VOIDED, now)
    return hold(ref=ref, amount=amount, source_type=source_type, source_id=source_id, now=now)


@step
def post_holds(*, source_id: UUID, now: datetime, only: Sequence[Ref] | None = None) -> Decimal:
    """End the pending holds of a source as used: the caller posts the lines that use them. Others of it are voided.

    :return: the sum that was held in `only` (or in all)
    """
    keep = None if only is None else {ref.id for ref in only}
    total = money.ZERO
    for one in _lock_pending(source_id):
        used = keep is None or one.account_id in keep
        _end(one, HoldStatus.POSTED if used else HoldStatus.VOIDED, now)
        total += one.amount if used else money.ZERO
    return total


@step
def void_holds(*, source_id: UUID, now: datetime) -> None:
    """Give the pending holds of a source back; none is fine."""
    for one in _lock_pending(source_id):
        _end(one, HoldStatus.VOIDED, now)


_PENDING = """
SELECT h.id, h.account_id, h.amount FROM ledger_hold h WHERE h.source_id = %s AND h.status = 'PENDING' ORDER BY h.account_id
"""
_HELD = """
SELECT 1 FROM ledger_ledgeraccount WHERE id IN (SELECT account_id FROM ledger_hold WHERE source_id = %s) ORDER BY id FOR NO KEY UPDATE
"""
_ENDED = """
WITH h AS (UPDATE ledger_hold SET status = %s, ended_at = %s WHERE id = %s)
UPDATE ledger_ledgeraccount SET held = held - %s WHERE id = %s
"""


def _lock_pending(source_id: UUID) -> list[Hold]:
    """Lock the balances of a source's holds, then read those that are pending, in order of their accounts."""
    _, rows = db.run_all((_HELD, (source_id,)), (_PENDING, (source_id,)))
    return [Hold(id=row[0], account_id=row[1], amount=row[2], status=HoldStatus.PENDING) for row in rows]


def _end(one: Hold, status: HoldStatus, now: datetime) -> None:
    HOLD.move(one, status)
    db.send(_ENDED, (str(status), now, one.id, one.amount, one.account_id))
