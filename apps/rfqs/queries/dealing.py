"""What dealing needs to know beside the locked rows, each in one statement."""

from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.clients import queries as clients
from apps.core import db, flights
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.core.flights import Statement


@dataclass(frozen=True, slots=True)
class Dealing:
    """What pricing and booking for one account and pair need to know, read in one statement."""

    account_id: UUID
    account_code: str
    account_status: str
    client_id: UUID
    client_status: str
    group_id: UUID | None
    member_roles: tuple[str, ...]
    dealing_limit: Decimal | None
    terms_id: UUID
    mode: str
    pairs: tuple[str, ...]
    tier: str
    markup_bps: Decimal
    fee_bps: Decimal
    fee_mode: str
    auto_max_usd: Decimal
    auto_credit_share: Decimal
    min_life_ms: int
    entity_id: UUID
    book_id: UUID
    roll: time
    roll_zone: str
    pair: str
    base: str
    base_kind: str
    base_scale: int
    quote: str
    quote_kind: str
    quote_scale: int
    tick: Decimal
    step: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    default_tenor: str
    has_caps: bool  # on its notional, per deal or day
    policy: str  # the pair's row as JSON (pricing.queries.policy_of)
    halt: str | None
    position: Decimal  # of the book in the base asset, long positive
    hard_limits: dict[str, list[Decimal]]  # of base and quote, where there is one: limit and position of the book in that asset
    cutoffs: list[dict[str, str]]
    stopped_until: datetime | None = None  # by fair use
    duplicate_of: UUID | None = None  # a request that seems to be the same (Same)
    calendar_changes: tuple[str, ...] = ()  # all of them, in their order: number, currency or rail, day, what it is


@dataclass(frozen=True, slots=True)
class Same:
    """What makes two requests of an account look like one that was sent twice: side and size, the first still live or just dealt."""

    side: str
    quantity: Decimal | None
    quote_quantity: Decimal | None


SAME_WITHIN = "10 seconds"  # how long after a request the same under another id is warned of
_COLUMNS = """
SELECT a.id, a.code, a.status, c.id, c.status, c.group_id, coalesce(y.roles, '{}'), y.dealing_limit,
  t.id, t.mode, t.pairs, t.tier, t.markup_bps, t.fee_bps, t.fee_mode, t.auto_max_usd, t.auto_credit_share, t.min_life_ms,
  t.entity_id, t.book_id, e.roll, e.zone,
  p.code, p.base_id, ba.kind, ba.scale, p.quote_id, qa.kind, qa.scale, p.tick, p.step, p.min_quantity, p.max_quantity, p.tenor,
  EXISTS (SELECT 1 FROM credit_line k WHERE k.level = 'ACCOUNT' AND k.subject_id = a.id AND k.measure IN ('DAILY', 'DEAL')),
  CASE WHEN o.xmin::text = %s THEN NULL ELSE to_jsonb(o) END, o.xmin::text, h.reason,
  coalesce((SELECT -sum(l.amount) FROM ledger_ledgeraccount l
            WHERE l.entity_id = t.entity_id AND l.kind = 'POSITION' AND l.asset_code = p.base_id AND l.book_id = t.book_id), 0),
  (SELECT jsonb_object_agg(m.asset_code, jsonb_build_array(m.hard,
            coalesce((SELECT -sum(l.amount) FROM ledger_ledgeraccount l
                      WHERE l.entity_id = t.entity_id AND l.kind = 'POSITION' AND l.asset_code = m.asset_code
                        AND l.book_id = t.book_id), 0)))
     FROM pricing_positionlimit m WHERE m.book_id = t.book_id AND m.asset_code IN (p.base_id, p.quote_id) AND m.effective_until IS NULL),
  (SELECT array_agg(r.asset_id || ' ' || r.cutoff::text || ' ' || r.zone || ' ' || r.code)
     FROM instruments_rail r WHERE r.asset_id IN (p.base_id, p.quote_id)),
  (SELECT array_agg(concat_ws(' ', k.number, coalesce(k.currency_id, k.rail_id), k.day, coalesce(k.is_good::text, k.cutoff::text, '-'))
     ORDER BY k.number) FROM instruments_calendarchange k)
"""
_MARKET = """
LEFT JOIN instruments_asset ba ON ba.code = p.base_id
LEFT JOIN instruments_asset qa ON qa.code = p.quote_id
LEFT JOIN pricing_pairpolicy o ON o.pair_code = p.code
LEFT JOIN LATERAL (SELECT reason FROM pricing_halt h WHERE h.lifted_at IS NULL
   AND (h.scope = 'ALL' OR (h.scope = 'PAIR' AND h.pair_code = p.code) OR (h.scope = 'CLIENT' AND h.client_id = c.id)) LIMIT 1) h ON true
"""
_ACCOUNT = f"""
FROM clients_account a
JOIN clients_counterparty c ON c.id = a.owner_id
JOIN clients_terms t ON t.account_id = a.id AND {clients.terms_in_force("t")}
JOIN instruments_bookingentity e ON e.id = t.entity_id
LEFT JOIN clients_authority y ON y.account_id = a.id AND y.member_id = %s::uuid
LEFT JOIN instruments_pair p ON p.code = %s AND p.active
{_MARKET}
"""
_DEALING = f"""{_COLUMNS}, f.until, d.id
{_ACCOUNT}
LEFT JOIN clients_fairuse f ON f.client_id = c.id AND f.level = 'HARD'
LEFT JOIN LATERAL (SELECT r.id FROM rfqs_rfq r
   WHERE r.account_id = a.id AND r.pair_id = p.code AND r.side = %s AND coalesce(r.quantity, r.quote_quantity) = %s
     AND (r.quantity IS NULL) = %s AND r.received_at > (SELECT desk_now()) - interval '{SAME_WITHIN}'
     AND (r.status IN ('RECEIVED', 'PICKED_UP', 'ON_HOLD', 'FILLED') OR (r.status = 'QUOTED' AND EXISTS (
       SELECT 1 FROM rfqs_quote q WHERE q.rfq_id = r.id AND q.status = 'OPEN' AND q.expires_at > (SELECT desk_now()))))
   ORDER BY r.received_at DESC LIMIT 1) d ON true
WHERE a.owner_id = %s::uuid AND CASE WHEN %s::uuid IS NULL THEN a.is_default ELSE a.id = %s::uuid END
"""  # noqa: S608
_DEALING_FOR = f"{_COLUMNS}, NULL, NULL {_ACCOUNT} WHERE a.id = %s::uuid"
# The same for a request that is there already: under the terms it was asked under.
_DEALING_OF = f"""{_COLUMNS}, NULL, NULL
FROM rfqs_rfq r
JOIN clients_account a ON a.id = r.account_id
JOIN clients_counterparty c ON c.id = r.client_id
JOIN clients_terms t ON t.id = r.terms_id
JOIN instruments_bookingentity e ON e.id = t.entity_id
LEFT JOIN clients_authority y ON y.account_id = a.id AND y.member_id = r.member_id
JOIN instruments_pair p ON p.code = r.pair_id
{_MARKET}
WHERE r.id = %s
"""


def read_dealing(*, actor: Actor, account_id: UUID | None, pair: str, same: Same | None = None) -> Statement:
    """What :func:`get_dealing` asks, for who can send it ahead."""
    repeated: tuple[Any, ...] = (None,) * 3
    if same is not None:
        repeated = (same.side, same.quantity if same.quantity is not None else same.quote_quantity, same.quantity is None)
    return Statement(_DEALING, (_known(pair), actor.id, pair, *repeated, actor.client_id, account_id, account_id))


def get_dealing(*, actor: Actor, account_id: UUID | None, pair: str, same: Same | None = None) -> Dealing | None:
    """Account, client, terms, pair, policy, halts and position in one statement; None when the pair does not exist.

    :param same: look for a request that this one seems to repeat
    :raises NotFound: the account is not one that the key names
    """
    row = next(iter(flights.fly([read_dealing(actor=actor, account_id=account_id, pair=pair, same=same)])[0]), None)
    if row is None or (actor.account_ids is not None and row[0] not in actor.account_ids):
        raise NotFound("no such account")
    return None if row[22] is None else _dealing(row)


def get_dealing_for(account_id: UUID, *, pair: str) -> Dealing | None:
    """The same for one of our own people, who names an account; None when the pair does not exist.

    :raises NotFound: no such account, or it has no terms
    """
    row = db.first(_DEALING_FOR, (_known(pair), None, pair, account_id))
    if row is None:
        raise NotFound("no such account")
    return None if row[22] is None else _dealing(row)


def get_dealing_of(rfq_id: UUID) -> Dealing:
    """The same for a request that is there already, under the terms it was asked under.

    :raises NotFound: no such request
    """
    row = db.first(_DEALING_OF, ("", rfq_id))
    if row is None:
        raise NotFound("no such request")
    return _dealing(row)


def _dealing(row: tuple[Any, ...]) -> Dealing:
    policy, mark = row[35:37]
    if policy is not None:
        _rows[row[22], mark] = policy
        _marks[row[22]] = mark
        if len(_rows) > KEPT:
            _rows.pop(next(iter(_rows)))  # the oldest; a mark that is under way is among the youngest
    elif mark is not None:
        policy = _rows[row[22], mark]
    limits, cutoffs, changes = row[-5:-2]
    rails = [dict(zip(("asset", "at", "zone", "rail"), rail.split(" "), strict=True)) for rail in cutoffs or ()]
    values: list[Any] = [*row[:35], policy, *row[37:-5], db.loads(limits or "{}"), rails, row[-2], row[-1], tuple(changes or ())]
    return Dealing(*values)


# A policy's row, by pair and the transaction that wrote it, is sent only where another transaction wrote it than the last that was read.
# A mark that went out always finds its own row here, whatever other threads read meanwhile.
KEPT = 1_000
_rows: dict[tuple[str, str], str] = {}
_marks: dict[str, str] = {}


def _known(pair: str) -> str:
    return _marks.get(pair, "")


_DEAL = f"""
SELECT q.rfq_id, r.account_id, r.client_id, r.pair_id, r.terms_id, r.value_date, a.status, c.status, y.roles,
  t.mode, t.fee_mode, t.min_life_ms, t.entity_id, t.book_id, e.roll, e.zone, p.base_id, p.quote_id,
  t.mode <> 'PREFUNDED' OR EXISTS (SELECT 1 FROM credit_reservation k WHERE k.source_id = q.rfq_id),
  CASE WHEN 'RESTRICTED' IN (a.status, c.status) THEN EXISTS (SELECT 1 FROM credit_reservation k
    WHERE k.source_id = q.rfq_id AND k.status = 'RESERVED' AND k.reduces IS NOT NULL) ELSE false END, y.dealing_limit,
  coalesce((q.provenance->>'notional_usd')::numeric, 0),
  EXISTS (SELECT 1 FROM clients_terms n WHERE n.account_id = r.account_id AND n.version > t.version AND {clients.terms_in_force("n")}
    AND (n.mode <> t.mode OR n.safeguarded <> t.safeguarded OR NOT r.pair_id = ANY (n.pairs))),
  coalesce(g.sales, '[]'), g.introducer_id,
  (SELECT min(h.thrown_at) FROM pricing_halt h WHERE (h.lifted_at IS NULL OR h.thrown_at >= q.created_at)
     AND (h.scope = 'ALL' OR (h.scope = 'PAIR' AND h.pair_code = r.pair_id) OR (h.scope = 'CLIENT' AND h.client_id = r.client_id)))
FROM rfqs_quote q
JOIN rfqs_rfq r ON r.id = q.rfq_id
JOIN clients_account a ON a.id = r.account_id
JOIN clients_counterparty c ON c.id = r.client_id
JOIN clients_terms t ON t.id = r.terms_id
JOIN instruments_bookingentity e ON e.id = t.entity_id
JOIN instruments_pair p ON p.code = r.pair_id
LEFT JOIN clients_authority y ON y.account_id = r.account_id AND y.member_id = %s::uuid
LEFT JOIN clients_coverage g ON g.account_id = r.account_id AND g.effective_until IS NULL
WHERE q.id = %s
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Deal:
    """What accepting a quote needs besides the locked rows; none of it but statuses and halts ever changes."""

    rfq_id: UUID
    account_id: UUID
    client_id: UUID
    pair: str
    terms_id: UUID
    value_date: Any
    account_status: str
    client_status: str
    member_roles: list[str] | None
    mode: str
    fee_mode: str
    min_life_ms: int
    entity_id: UUID
    book_id: UUID
    roll: time
    roll_zone: str
    base: str
    quote: str
    has_reserved: bool  # of lines or caps: a prefunded account has at most caps
    is_reducing: bool  # of a restricted client: it only takes off what is open
    dealing_limit: Decimal | None  # the member's own, USD
    notional: Decimal  # the quote's larger side, USD
    is_left_none: bool  # by terms that came while its request was under way: another way to settle, or the pair is gone
    sales: list[dict[str, str]]  # whose credit the deal is, as it stands now: persons with shares in percent
    introducer_id: UUID | None
    halted_at: datetime | None


def read_deal(quote_id: UUID, *, actor: Actor) -> Statement:
    """What :func:`get_deal` asks, for who can send it ahead."""
    return Statement(_DEAL, (actor.id, quote_id))


def get_deal(quote_id: UUID, *, actor: Actor) -> Deal:
    """
    :raises NotFound: no such quote, or another client's, or of an account that the key does not name
    """
    row = next(iter(flights.fly([read_deal(quote_id, actor=actor)])[0]), None)
    mine = row is not None and (actor.kind == "STAFF" or row[2] == actor.client_id)
    if row is None or not mine or (actor.account_ids is not None and row[1] not in actor.account_ids):
        raise NotFound("no such quote")
    values: list[Any] = [*row[:-3], db.loads(row[-3]), *row[-2:]]
    return Deal(*values)
