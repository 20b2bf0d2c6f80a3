"""Events and ledger transactions in commit order, each with its digest: what the audit chain seals, and whether it still is that.

A ledger transaction's digest covers its lines and what their accounts stand for. Amounts enter as text and times as seconds since 1970, so
that no setting of a session changes a digest.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.core import db
from apps.events import queries as events
from apps.events.models import Seal
from apps.events.rules import DIGEST, GENESIS, head_of

BLOCK = 500  # rows that a block has at least, where there are so many; it ends with a whole transaction

_EVENT = """
SELECT e.xid, 0 AS source, e.position AS place, e.id, sha256(convert_to(jsonb_build_array('event', e.id, e.position, e.era, e.xid, e.kind,
  e.subject_type, e.subject_id, e.client_id, e.account_id, e.client_seq, e.public, e.house, e.actor_kind, e.actor_id, e.actor_name,
  e.request_id, extract(epoch FROM e.effective_at), extract(epoch FROM e.recorded_at))::text, 'UTF8')) AS digest
FROM events_event e WHERE e.era = %(era)s AND e.xid > %(after)s AND e.xid <= %(to)s
"""
_POSTING = """
SELECT t.xid, 1 AS source, 0 AS place, t.id, sha256(convert_to(jsonb_build_array('ledger', t.id, t.key, t.payload_hash, t.kind, t.entity_id,
  t.source_type, t.source_id, t.narrative, t.reverses_id, extract(epoch FROM t.effective_at), t.business_date,
  extract(epoch FROM t.recorded_at), t.era, t.xid, (
    SELECT jsonb_agg(jsonb_build_array(l.id, l.account_id, l.asset_code, l.amount::text, l.balance::text, l.version,
      a.entity_id, a.kind, a.asset_code, a.book_id, a.owner_id, a.designation) ORDER BY l.id)
    FROM ledger_ledgerline l LEFT JOIN ledger_ledgeraccount a ON a.id = l.account_id
    WHERE l.transaction_id = t.id))::text, 'UTF8')) AS digest
FROM ledger_ledgertransaction t WHERE t.era = %(era)s AND t.xid > %(after)s AND t.xid <= %(to)s
"""
_ROWS = f"SELECT id, digest, xid FROM ({_EVENT} UNION ALL {_POSTING}) rows ORDER BY xid, source, place, id"  # noqa: S608
# The last transaction of the next block: nothing older still runs. What an older era left is over anyhow.
_NEXT = """
SELECT max(xid) FROM (
  SELECT xid FROM (
    (SELECT xid FROM events_event
     WHERE era = %(era)s AND xid > %(after)s AND xid < %(running)s ORDER BY era, xid LIMIT %(most)s)
    UNION ALL
    (SELECT xid FROM ledger_ledgertransaction
     WHERE era = %(era)s AND xid > %(after)s AND xid < %(running)s ORDER BY era, xid LIMIT %(most)s)
  ) both_kinds ORDER BY xid LIMIT %(most)s
) block
"""
_RUNNING = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_ERA = """
SELECT min(era) FROM (SELECT min(era) AS era FROM events_event WHERE era > %(era)s
  UNION ALL SELECT min(era) FROM ledger_ledgertransaction WHERE era > %(era)s) later
"""
_FOREVER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Unsealed:
    """The next block's rows, in commit order."""

    era: int
    xid: int
    ids: list[UUID]
    digests: bytes


def read_unsealed(*, era: int, after_xid: int, current_era: int, limit: int = BLOCK) -> Unsealed | None:
    """What comes after a place, up to the oldest transaction that still runs; None where there is nothing."""
    running = db.one(_RUNNING)[0]
    while True:
        bound = running if era >= current_era else _FOREVER
        to = db.one(_NEXT, {"era": era, "after": after_xid, "running": bound, "most": limit})[0]
        if to is not None:
            rows = db.run(_ROWS, {"era": era, "after": after_xid, "to": to})
            return Unsealed(era, to, [row[0] for row in rows], b"".join(bytes(row[1]) for row in rows))
        later = db.one(_ERA, {"era": era})[0]
        if later is None or later > current_era:
            return None
        era, after_xid = later, 0


@dataclass(frozen=True, slots=True)
class Chain:
    """What a walk along the chain found: where it is broken first, in words; "" where it holds."""

    blocks: int
    rows: int
    head: bytes
    sealed_at: datetime | None
    waiting: int
    broken: str


def verify() -> Chain:
    """Compute every block anew from the rows as they are now. The caller has opened a snapshot.

    A changed, swapped, removed or added row is named; so is a block that was changed, removed or put between.
    """
    head, number, rows, era, xid, last = GENESIS, 0, 0, 1, 0, None
    for block in events.iterate_seals():
        broken = _block(block, number=number, head=head, era=era, xid=xid)
        if broken:
            return Chain(number, rows, head, last, 0, f"block {block.number}: {broken}")
        number, head, era, xid, last = block.number, bytes(block.head), block.era, block.xid, block.sealed_at
        rows += len(block.ids)
    return Chain(number, rows, head, last, *_outside(rows, era, xid))


def _block(block: Seal, *, number: int, head: bytes, era: int, xid: int) -> str:
    ids, digests = list(block.ids), bytes(block.digests)
    if block.number != number + 1:
        return f"block {number + 1} is missing before it"
    if bytes(block.previous) != head:
        return "it does not follow the block before"
    if (block.era, block.after_xid) != (era, xid) and not (block.era > era and block.after_xid == 0):
        return "it does not begin where the block before ended"
    bounds: dict[str, Any] = {
        "number": block.number,
        "era": block.era,
        "after_xid": block.after_xid,
        "xid": block.xid,
        "sealed_at": block.sealed_at,
    }
    if len(digests) != DIGEST * len(ids) or bytes(block.head) != head_of(**bounds, previous=head, ids=ids, digests=digests):
        return "the block itself was changed"
    there = [(row[0], bytes(row[1])) for row in db.run(_ROWS, {"era": block.era, "after": block.after_xid, "to": block.xid})]
    sealed = [(one, digests[at * DIGEST : (at + 1) * DIGEST]) for at, one in enumerate(ids)]
    return "" if there == sealed else _difference(dict(sealed), dict(there))


def _difference(sealed: dict[UUID, bytes], there: dict[UUID, bytes]) -> str:
    told = [f"{_name(one)} was removed" for one in sealed if one not in there]
    told += [f"{_name(one)} was added" for one in there if one not in sealed]
    told += [f"{_name(one)} was changed" for one in sealed if one in there and sealed[one] != there[one]]
    return "; ".join(told[:5]) + (f"; and {len(told) - 5} more" if len(told) > 5 else "") or "its rows stand in another order"


def _name(one: UUID) -> str:
    row = db.first("SELECT kind FROM events_event WHERE id = %s", (one,))
    if row is not None:
        return f"event {one} ({row[0]})"
    row = db.first("SELECT key FROM ledger_ledgertransaction WHERE id = %s", (one,))
    return f"ledger transaction {one} ({row[0]})" if row is not None else f"row {one}"


_COUNTS = """
SELECT
  (SELECT count(*) FROM events_event WHERE (era, xid) <= (%(era)s, %(xid)s))
    + (SELECT count(*) FROM ledger_ledgertransaction WHERE (era, xid) <= (%(era)s, %(xid)s)),
  (SELECT count(*) FROM events_event WHERE (era, xid) > (%(era)s, %(xid)s))
    + (SELECT count(*) FROM ledger_ledgertransaction WHERE (era, xid) > (%(era)s, %(xid)s)),
  (SELECT count(*) FROM ledger_ledgerline l WHERE NOT EXISTS (SELECT 1 FROM ledger_ledgertransaction t WHERE t.id = l.transaction_id)),
  (SELECT count(*) FROM ledger_ledgertransaction t WHERE NOT EXISTS (SELECT 1 FROM ledger_ledgerline l WHERE l.transaction_id = t.id))
"""


def _outside(sealed: int, era: int, xid: int) -> tuple[int, str]:
    """Rows that no block covers though the chain has passed them, and lines without a transaction."""
    passed, waiting, orphans, empty = db.one(_COUNTS, {"era": era, "xid": xid})
    if passed != sealed:
        return waiting, f"{passed - sealed} rows stand outside every block, before its end"
    if orphans or empty:
        return waiting, f"{orphans} ledger lines without a transaction, {empty} transactions without lines"
    return waiting, ""


def find_head(number: int) -> str | None:
    """The head that a block has now, hexadecimal."""
    found = Seal.objects.filter(number=number).values_list("head", flat=True).first()
    return None if found is None else bytes(found).hex()
