"""Requests and quotes, through who may see them; what dealing needs, in one statement each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.core import db, flights, ids, money
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.core.flights import Statement

from . import rendering, rules
from .models import Quote, Rfq
from .states import OPEN_RFQ, QuoteStatus, RfqStatus, Side


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


@dataclass(frozen=True, slots=True)
class Same:
    """What makes two requests of an account look like one that was sent twice: side and size, the first still live or just dealt."""

    side: str
    quantity: Decimal | None
    quote_quantity: Decimal | None


SAME_WITHIN = "10 seconds"  # how long after a request the same under another id is warned of
# Desk time after its end in which an accept that came in time may still be on its way (transaction_timeout is 10 s).
GRACE = timedelta(seconds=10)
_COLUMNS = """
SELECT a.id, a.code, a.status, c.id, c.status, c.group_id, coalesce(y.roles, '{}'), y.dealing_limit,
  t.id, t.mode, t.pairs, t.tier, t.markup_bps, t.fee_bps, t.fee_mode, t.auto_max_usd, t.auto_credit_share, t.min_life_ms,
  t.entity_id, t.book_id, e.roll, e.zone,
  p.code, p.base_id, ba.kind, ba.scale, p.quote_id, qa.kind, qa.scale, p.tick, p.step, p.min_quantity, p.max_quantity, p.tenor,
  EXISTS (SELECT 1 FROM credit_line k WHERE k.level = 'ACCOUNT' AND k.subject_id = a.id AND k.measure IN ('DAILY', 'DEAL')),
  to_jsonb(o), h.reason,
  coalesce((SELECT -sum(l.amount) FROM ledger_ledgeraccount l
            WHERE l.entity_id = t.entity_id AND l.kind = 'POSITION' AND l.asset_code = p.base_id AND l.book_id = t.book_id), 0),
  (SELECT jsonb_object_agg(m.asset_code, jsonb_build_array(m.hard,
            coalesce((SELECT -sum(l.amount) FROM ledger_ledgeraccount l
                      WHERE l.entity_id = t.entity_id AND l.kind = 'POSITION' AND l.asset_code = m.asset_code
                        AND l.book_id = t.book_id), 0)))
     FROM pricing_positionlimit m WHERE m.book_id = t.book_id AND m.asset_code IN (p.base_id, p.quote_id) AND m.effective_until IS NULL),
  (SELECT jsonb_agg(jsonb_build_object('asset', r.asset_id, 'at', r.cutoff, 'zone', r.zone))
     FROM instruments_rail r WHERE r.asset_id IN (p.base_id, p.quote_id))
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
JOIN clients_terms t ON t.account_id = a.id AND t.effective_until IS NULL
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
    return Statement(_DEALING, (actor.id, pair, *repeated, actor.client_id, account_id, account_id))


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
    row = db.first(_DEALING_FOR, (None, pair, account_id))
    if row is None:
        raise NotFound("no such account")
    return None if row[22] is None else _dealing(row)


def get_dealing_of(rfq_id: UUID) -> Dealing:
    """The same for a request that is there already, under the terms it was asked under.

    :raises NotFound: no such request
    """
    row = db.first(_DEALING_OF, (rfq_id,))
    if row is None:
        raise NotFound("no such request")
    return _dealing(row)


def _dealing(row: tuple[Any, ...]) -> Dealing:
    limits, cutoffs = row[-4:-2]
    values: list[Any] = [*row[:-4], db.loads(limits or "{}"), db.loads(cutoffs or "[]"), row[-2], row[-1]]
    return Dealing(*values)


_DEAL = """
SELECT q.rfq_id, r.account_id, r.client_id, r.pair_id, r.terms_id, r.value_date, a.status, c.status, y.roles,
  t.mode, t.min_life_ms, t.entity_id, t.book_id, e.roll, e.zone, p.base_id, p.quote_id,
  t.mode <> 'PREFUNDED' OR EXISTS (SELECT 1 FROM credit_reservation k WHERE k.source_id = q.rfq_id),
  CASE WHEN 'RESTRICTED' IN (a.status, c.status) THEN EXISTS (SELECT 1 FROM credit_reservation k
    WHERE k.source_id = q.rfq_id AND k.status = 'RESERVED' AND k.reduces IS NOT NULL) ELSE false END, y.dealing_limit,
  coalesce((q.provenance->>'notional_usd')::numeric, 0), coalesce(g.sales, '[]'), g.introducer_id,
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
"""


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


_QUOTE = [f.attname for f in Quote._meta.concrete_fields]
_PROVENANCE = _QUOTE.index("provenance")
_LOCK = f"""
WITH r AS MATERIALIZED (SELECT id, status FROM rfqs_rfq WHERE id = %s FOR NO KEY UPDATE)
SELECT {", ".join(f"q.{name}" for name in _QUOTE)}, r.status FROM r, rfqs_quote q WHERE q.id = %s AND q.rfq_id = r.id FOR NO KEY UPDATE OF q
"""  # noqa: S608


def lock_quote(quote_id: UUID, *, rfq_id: UUID) -> tuple[Quote, Rfq]:
    """Lock the request, then the quote; both with the state they have once locked.

    :raises NotFound: no such quote
    """
    row = db.first(_LOCK, (rfq_id, quote_id))
    if row is None:
        raise NotFound("no such quote")
    values = list(row[:-1])
    values[_PROVENANCE] = db.loads(values[_PROVENANCE])
    quote = Quote.from_db("default", _QUOTE, values)
    rfq = Rfq.from_db("default", ["id", "status"], [rfq_id, row[-1]])
    return quote, rfq


def lock_rfq(rfq_id: UUID) -> Rfq:
    return Rfq.objects.select_for_update(no_key=True, of=("self",)).get(id=rfq_id)


def get_rfq_row(rfq_id: UUID) -> Rfq:
    """The caller holds its row."""
    return Rfq.objects.get(id=rfq_id)


def list_executable(rfq_id: UUID, now: datetime) -> list[Quote]:
    """The open quote and those superseded within their minimum life, newest first. The caller holds the request's row."""
    live = Q(status=QuoteStatus.OPEN) | Q(status=QuoteStatus.SUPERSEDED, good_until__gt=now)
    return list(Quote.objects.select_for_update(no_key=True, of=("self",)).filter(live, rfq_id=rfq_id).order_by("-number"))


def has_executable(rfq_id: UUID, now: datetime) -> bool:
    """Whether an older quote of a request may still be executed at `now`, by an accept on its way too. The caller holds its row."""
    live = Q(status=QuoteStatus.OPEN, expires_at__gt=now - GRACE) | Q(status=QuoteStatus.SUPERSEDED, good_until__gt=now - GRACE)
    return Quote.objects.filter(live, rfq_id=rfq_id).exists()


def last_number(rfq_id: UUID) -> int:
    """The number of a request's last quote; 0 while it has none. The caller holds the request's row."""
    return int(db.one("SELECT coalesce(max(number), 0) FROM rfqs_quote WHERE rfq_id = %s", (rfq_id,))[0])


def gate(quote_id: UUID) -> int:
    """The key of the advisory lock that an accept shares from the instant it is received, and that a withdrawal waits for alone."""
    return int.from_bytes(quote_id.bytes[8:], signed=True)


def close_gates(rfq_id: UUID) -> None:
    """Wait for every accept of this request's live quotes that was received before, so that a withdrawal never overtakes one.

    To be called before any row is locked. What is received from now on is refused once the withdrawal commits.
    """
    db.run(
        "SELECT pg_advisory_xact_lock(('x' || right(replace(id::text, '-', ''), 16))::bit(64)::bigint) FROM rfqs_quote "
        "WHERE rfq_id = %s AND status IN ('OPEN', 'SUPERSEDED') ORDER BY id",
        (rfq_id,),
    )


def close_gates_of(account_ids: Sequence[UUID]) -> None:
    """:func:`close_gates` for every open request of these accounts, in one order."""
    db.run(
        "SELECT pg_advisory_xact_lock(('x' || right(replace(q.id::text, '-', ''), 16))::bit(64)::bigint) FROM rfqs_quote q "
        "JOIN rfqs_rfq r ON r.id = q.rfq_id WHERE r.account_id = ANY (%s::uuid[]) AND q.status IN ('OPEN', 'SUPERSEDED') ORDER BY q.id",
        (db.array(account_ids),),
    )


def list_open_of(account_id: UUID) -> list[Rfq]:
    """The open requests of an account, oldest first."""
    return list(Rfq.objects.select_related("terms").filter(account_id=account_id, status__in=OPEN_RFQ).order_by("received_at", "id"))


_ORPHANS = """
SELECT DISTINCT c.source_id FROM credit_reservation c LEFT JOIN rfqs_rfq r ON r.id = c.source_id
WHERE c.status = 'RESERVED' AND c.created_at <= %(before)s AND (%(only)s::uuid IS NULL OR c.source_id = %(only)s)
  AND (r.id IS NULL OR NOT (r.status = ANY (%(open)s)) OR (r.respond_by <= %(before)s AND NOT EXISTS (
    SELECT 1 FROM rfqs_quote q WHERE q.rfq_id = r.id AND q.status IN ('OPEN', 'SUPERSEDED') AND q.expires_at > %(before)s)))
LIMIT %(limit)s
"""


def list_orphans(before: datetime, *, only: UUID | None = None, limit: int = 200) -> list[UUID]:
    """Requests with something reserved since before a moment that have ended, never were, or are long dead."""
    given = {"before": before, "only": only, "open": [str(s) for s in OPEN_RFQ], "limit": limit}
    return [row[0] for row in db.run(_ORPHANS, given)]


def find_open_quote(rfq_id: UUID) -> Quote | None:
    """The caller holds the request's row."""
    return Quote.objects.select_for_update(no_key=True, of=("self",)).filter(rfq_id=rfq_id, status=QuoteStatus.OPEN).first()


def visible_to(actor: Actor) -> QuerySet[Rfq]:
    rfqs = Rfq.objects.select_related("account", "client", "pair", "terms")
    if actor.is_client:
        return rfqs.filter(client_id=actor.client_id, account_id__in=actor.account_ids or ())
    return rfqs if actor.kind in {"STAFF", "SYSTEM"} else rfqs.none()


def get_rfq(rfq_id: UUID, *, actor: Actor) -> Rfq:
    found = visible_to(actor).filter(id=rfq_id).first()
    if found is None:
        raise NotFound("no such request")
    return found


def get_quote(quote_id: UUID) -> Quote:
    found = Quote.objects.filter(id=quote_id).first()
    if found is None:
        raise NotFound("no such quote")
    return found


def find_last_quote(rfq_id: UUID) -> Quote | None:
    return Quote.objects.filter(rfq_id=rfq_id).order_by("-number").first()


def list_due_quotes(now: datetime, limit: int = 200) -> list[UUID]:
    """Open or superseded quotes whose time ended at or before `now`; the sweep passes a moment some seconds ago."""
    rows = Quote.objects.filter(status__in=[QuoteStatus.OPEN, QuoteStatus.SUPERSEDED], expires_at__lte=now).order_by("expires_at")
    return list(rows.values_list("id", flat=True)[:limit])


def list_due_rfqs(now: datetime, limit: int = 200) -> list[UUID]:
    """Requests that nobody has priced in time."""
    return list(
        Rfq.objects.filter(status__in=rules.WAITING, respond_by__lte=now).order_by("respond_by").values_list("id", flat=True)[:limit]
    )


def list_streams(now: datetime, limit: int = 500) -> list[tuple[UUID, str]]:
    """Streamed requests that still want prices, with their pair, the one that ends first first."""
    live = Q(status=RfqStatus.QUOTED) | Q(status=RfqStatus.RECEIVED, reasons=["FEED_LOST"])
    rows = Rfq.objects.filter(live, stream=True, owner__isnull=True, respond_by__gt=now).order_by("respond_by")
    return list(rows.values_list("id", "pair_id")[:limit])


def list_halted(limit: int = 200) -> list[UUID]:
    """Open requests under a kill switch, oldest first."""
    rows = db.run(
        """SELECT r.id FROM rfqs_rfq r WHERE r.status IN ('RECEIVED', 'PICKED_UP', 'ON_HOLD', 'QUOTED') AND EXISTS (
             SELECT 1 FROM pricing_halt h WHERE h.lifted_at IS NULL
               AND (h.scope = 'ALL' OR (h.scope = 'PAIR' AND h.pair_code = r.pair_id)
                    OR (h.scope = 'CLIENT' AND h.client_id = r.client_id)))
           ORDER BY r.received_at LIMIT %s""",
        (limit,),
    )
    return [row[0] for row in rows]


def list_open(actor: Actor) -> QuerySet[Rfq]:
    return visible_to(actor).filter(status__in=OPEN_RFQ).order_by("respond_by")


# --- how a request and a quote are told to a client: REST answers and events are the same words ------------------------
def describe_side(quote: Quote, side: Side) -> dict[str, str] | None:
    """One side's price and amounts as decimal strings; None when it was not quoted."""
    price = getattr(quote, f"{side}_price")
    if price is None:
        return None
    names = ("quantity", "quote_quantity", "fee", "client_pays", "client_receives")
    out = {"price": money.text(price)} | {name: money.text(getattr(quote, f"{side}_{name}")) for name in names}
    told: dict[str, str] = quote.provenance.get("headroom", {}).get(str(side), {})
    return out | told


def describe_quote(quote: Quote) -> dict[str, Any]:
    told = quote.provenance
    out: dict[str, Any] = {
        "id": ids.encode("quo", quote.id),
        "rfq_id": ids.encode("rfq", quote.rfq_id),
        "number": quote.number,
        "status": str(quote.status),
        "firm": True,
        "value_date": told["value_date"],
        "cutoffs": told["cutoffs"],
        "created_at": stamp(quote.created_at),
        "expires_at": stamp(quote.expires_at),
        "reference_mid": money.text(quote.reference_mid),
        "spread_bps": told["spread_bps"],
        "sources": told["sources"],
        "response_time_us": quote.response_time_us,
    }
    for side in (Side.BUY, Side.SELL):
        if (described := describe_side(quote, side)) is not None:
            out[str(side)] = described
    if "receipt" in told:
        out["quote_receipt"] = told["receipt"]
    if quote.good_until is not None:
        out["good_until"] = stamp(quote.good_until)
    if quote.end_reason:
        out["reason"] = quote.end_reason
    return out


def describe_rfq(rfq: Rfq, quote: Quote | None, account_code: str) -> dict[str, Any]:
    out: dict[str, Any] = {
        "id": ids.encode("rfq", rfq.id),
        "client_rfq_id": rfq.client_rfq_id,
        "account_id": ids.encode("acc", rfq.account_id),
        "account": account_code,
        "instrument": rfq.pair_id,
        "side": str(rfq.side),
        "quantity": None if rfq.quantity is None else money.text(rfq.quantity),
        "quote_quantity": None if rfq.quote_quantity is None else money.text(rfq.quote_quantity),
        "tenor": rfq.tenor,
        "value_date": rfq.value_date.isoformat(),
        "channel": str(rfq.channel),
        "stream": rfq.stream,
        "status": str(rfq.status),
        "received_at": stamp(rfq.received_at),
        "respond_by": stamp(rfq.respond_by),
    }
    if rfq.limit_price is not None:
        out["limit"] = {"side": rfq.limit_side, "price": money.text(rfq.limit_price)}
    out |= _reason(rfq)
    if rfq.duplicate_of is not None:
        out["warnings"] = [{"code": "possible_duplicate", "rfq_id": ids.encode("rfq", rfq.duplicate_of)}]
    if quote is not None:
        out["quote"] = describe_quote(quote)
    return out


def describe_state(rfq: Rfq) -> dict[str, Any]:
    """Where a request stands, for the events of its moves."""
    named = {"id": ids.encode("rfq", rfq.id), "client_rfq_id": rfq.client_rfq_id, "status": str(rfq.status)}
    return named | _reason(rfq)


def _reason(rfq: Rfq) -> dict[str, Any]:
    """Why it ended, with what FIX calls it, or why it waits."""
    out: dict[str, Any] = {}
    if rfq.end_reason:
        out["reason"] = rfq.end_reason
    elif rfq.reasons and rfq.status in rules.WAITING:
        out["reason"] = "priced_by_a_person"
    if (fix := rules.fix_codes(rfq.status, rfq.end_reason)) is not None:
        out["fix"] = fix
    return out


stamp = rendering.stamp


def any_rfq() -> bool:
    """Whether this desk was ever asked for a price."""
    return Rfq.objects.exists()


def list_quote_statuses() -> list[str]:
    return list(Quote.objects.values_list("status", flat=True))
