"""Requests and quotes: through who may see them, under their locks, and those that are due."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.clients import queries as clients
from apps.core import db
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.rfqs import rules
from apps.rfqs.models import Quote, Rfq
from apps.rfqs.states import OPEN_RFQ, QuoteStatus, RfqStatus

# Desk time after its end in which an accept that came in time may still be on its way (transaction_timeout is 10 s).
GRACE = timedelta(seconds=10)
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


def list_family(quote_id: UUID) -> set[UUID]:
    """The request of a quote, and every quote of it."""
    quotes = Quote.objects.filter(rfq__quotes=quote_id).values_list("rfq_id", "id")
    return {one for row in quotes for one in row}


def is_reference_used(client_id: UUID, client_rfq_id: str) -> bool:
    """Whether the client has given this id to a request before."""
    return Rfq.objects.filter(client_id=client_id, client_rfq_id=client_rfq_id).exists()


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


def list_last_quotes(rfq_ids: Iterable[UUID]) -> dict[UUID, Quote]:
    """The last quote of each request that has one."""
    rows = Quote.objects.filter(rfq_id__in=list(rfq_ids)).order_by("rfq_id", "-number").distinct("rfq_id")
    return {quote.rfq_id: quote for quote in rows}


def list_live_quotes(actor: Actor, now: datetime) -> QuerySet[Quote]:
    """What may be accepted at `now`, those of a streamed request's minimum life too."""
    live = Q(status=QuoteStatus.OPEN, expires_at__gt=now) | Q(status=QuoteStatus.SUPERSEDED, good_until__gt=now)
    return Quote.objects.filter(live, rfq__in=visible_to(actor).order_by().values("id")).order_by("id")


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


def list_dropped(limit: int = 200) -> list[UUID]:
    """Open requests in an instrument that the terms in force have no more, oldest first: they were signed ahead."""
    rows = db.run(
        f"""SELECT r.id FROM rfqs_rfq r JOIN clients_terms t ON t.account_id = r.account_id AND {clients.terms_in_force("t")}
           WHERE r.status IN ('RECEIVED', 'PICKED_UP', 'ON_HOLD', 'QUOTED') AND r.pair_id <> ALL (t.pairs)
           ORDER BY r.received_at, r.id LIMIT %s""",  # noqa: S608
        (limit,),
    )
    return [row[0] for row in rows]


def list_open(actor: Actor) -> QuerySet[Rfq]:
    return visible_to(actor).filter(status__in=OPEN_RFQ).order_by("respond_by")


def any_rfq() -> bool:
    """Whether this desk was ever asked for a price."""
    return Rfq.objects.exists()


def list_quote_statuses() -> list[str]:
    return list(Quote.objects.values_list("status", flat=True))
