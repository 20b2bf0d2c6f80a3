"""Promise 7: no fact without its event, none lost or out of order for its reader."""

# ruff: noqa: S608 - every part is written here

import json

from apps.core import db, signing_keys
from apps.core.signing_keys import CHAIN_HEAD
from apps.events.rules import made_anew

from .lines import Line, listed, sql


def _missing(kind: str, subject: str, what: str, source: str) -> str:
    """Rows of `source` (an alias `f` with id) that have not exactly one event of this kind."""
    return (
        f"SELECT format('{what} %s has %s events {kind}', f.id, count(e.id)) FROM {source} "
        f"LEFT JOIN events_event e ON e.subject_id = f.id AND e.kind = '{kind}' AND e.subject_type = '{subject}' "
        f"GROUP BY f.id HAVING count(e.id) <> 1"
    )


def _untold(kind: str, what: str, source: str) -> str:
    """Rows of `source` (an alias `f` with id) without an event of this kind; what may happen twice (a payment comes back) may have two."""
    return (
        f"SELECT format('{what} %s has no event {kind}', f.id) FROM {source} "
        f"WHERE NOT EXISTS (SELECT 1 FROM events_event e WHERE e.subject_id = f.id AND e.kind = '{kind}')"
    )


_SETTLED = (
    "SELECT trade_id AS id FROM settlement_obligation GROUP BY trade_id "
    "HAVING bool_and(status IN ('SETTLED', 'CANCELLED')) AND bool_or(status = 'SETTLED')"
)

_ENDS = [
    _missing(f"rfq.{status.lower()}", "rfq", f"{status} request", f"(SELECT id FROM rfqs_rfq WHERE status = '{status}') f")
    for status in ("CANCELLED", "DECLINED", "REJECTED", "EXPIRED")
]
# What each status of an approval leaves behind; an executed one was approved first.
_DECIDED = [
    _missing(f"approval.{status.lower()}", "approval", "approval", f"(SELECT id FROM approvals_approval WHERE status = '{status}') f")
    for status in ("EXECUTED", "FAILED", "STALE", "REJECTED")
]

_ANCHORS = """
SELECT a.date, a.number, encode(a.head, 'hex'), a.signed, encode(s.head, 'hex')
FROM events_anchor a LEFT JOIN events_seal s ON s.number = a.number ORDER BY a.date
"""


def _anchors() -> tuple[int, list[str]]:
    """Each day's signed head is the one that its block has now. That the chain follows from its rows is `verify_chain`'s."""
    return listed([told for row in db.run(_ANCHORS) if (told := _broken(*row))])


def _broken(on: object, number: int, head: str, signed: str, now: str | None) -> str:
    if wrong := made_anew(number, head, kept_by=f"the anchor of {on}", now=now):
        return wrong
    try:
        kept = json.loads(signing_keys.verify(signed, CHAIN_HEAD))
    except ValueError as no:
        return f"anchor of {on}: {no}"
    same = isinstance(kept, dict) and (kept.get("date"), kept.get("number"), kept.get("head")) == (str(on), number, head)
    return "" if same else f"anchor of {on}: its signature is over another head"


_PAID = "SELECT id FROM settlement_instruction WHERE status"

LINES = (
    sql(
        "event_sequences",
        "Each client's events are numbered from 1 without gaps up to its counter",
        """SELECT format('client %s: %s events, numbers %s to %s, counter %s', coalesce(e.client_id, c.client_id), coalesce(e.n, 0),
           e.low, e.top, c.last_seq)
           FROM (SELECT client_id, count(*) AS n, min(client_seq) AS low, max(client_seq) AS top FROM events_event WHERE client_seq
           IS NOT NULL GROUP BY client_id) e
           FULL JOIN events_counter c ON c.client_id = e.client_id
           WHERE e.n IS DISTINCT FROM c.last_seq OR e.top IS DISTINCT FROM c.last_seq OR e.low IS DISTINCT FROM 1""",
    ),
    sql(
        "facts_have_events",
        "Every request, quote, deal, approval, mark set and closed day has its event, once, told to its own client",
        _missing("trade.booked", "trade", "client trade", "(SELECT id FROM trades_trade WHERE kind = 'CLIENT') f"),
        _missing(
            "trade.cancelled", "trade", "cancelled trade", "(SELECT id FROM trades_trade WHERE kind = 'CLIENT' AND status = 'CANCELLED') f"
        ),
        """SELECT format('trade %s has %s corrections and %s events trade.corrected', t.id, v.n, coalesce(e.n, 0))
           FROM trades_trade t
           JOIN (SELECT trade_id, count(*) AS n FROM trades_tradeversion WHERE action = 'CORRECT' GROUP BY trade_id) v ON v.trade_id = t.id
           LEFT JOIN (SELECT subject_id, count(*) AS n FROM events_event WHERE kind = 'trade.corrected' AND subject_type = 'trade'
                      GROUP BY subject_id) e ON e.subject_id = t.id
           WHERE t.kind = 'CLIENT' AND v.n <> coalesce(e.n, 0)""",
        _missing("hedge.booked", "trade", "hedge", "(SELECT id FROM trades_trade WHERE kind = 'HEDGE') f"),
        _missing("internal.booked", "trade", "internal trade", "(SELECT id FROM trades_trade WHERE kind = 'INTERNAL') f"),
        _missing("quote.accepted", "quote", "accepted quote", "(SELECT id FROM rfqs_quote WHERE status = 'ACCEPTED') f"),
        *_ENDS,
        _missing("approval.requested", "approval", "approval", "approvals_approval f"),
        *_DECIDED,
        _missing("marks.proposed", "mark_set", "mark set", "pricing_markset f"),
        _missing("marks.approved", "mark_set", "mark set", "(SELECT id FROM pricing_markset WHERE approved_at IS NOT NULL) f"),
        """SELECT format('request %s has no event of its beginning', r.id)
           FROM rfqs_rfq r
           WHERE NOT EXISTS (SELECT 1 FROM events_event e WHERE e.subject_id = r.id AND e.kind IN ('rfq.received', 'rfq.quoted'))""",
        """SELECT format('event %s (%s) names no trade', e.id, e.kind)
           FROM events_event e
           LEFT JOIN trades_trade t ON t.id = e.subject_id
           WHERE e.kind IN ('trade.booked', 'hedge.booked') AND t.id IS NULL""",
        """SELECT format('event %s of trade %s was told to %s, not to its client', e.id, t.id, coalesce(e.client_id::text,
           'nobody'))
           FROM events_event e
           JOIN trades_trade t ON t.id = e.subject_id
           WHERE e.kind = 'trade.booked' AND e.client_id IS DISTINCT FROM t.counterparty_id""",
        """SELECT format('event %s of request %s was told to %s, not to its client', e.id, r.id, coalesce(e.client_id::text,
           'nobody'))
           FROM events_event e
           JOIN rfqs_rfq r ON r.id = e.subject_id
           WHERE e.subject_type = 'rfq' AND e.client_id IS DISTINCT FROM r.client_id""",
        """SELECT format('day %s is CLOSED and has no event day.closed', d.date)
           FROM close_businessday d
           WHERE d.status = 'CLOSED' AND NOT EXISTS (SELECT 1 FROM events_event e WHERE e.subject_id = d.id AND e.kind =
           'day.closed')""",
    ),
    sql(
        "settlement_has_events",
        "Every net set, payment, receipt, deposit, withdrawal and settled deal has its events",
        _untold("net_set.frozen", "net set", "settlement_netset f"),
        _untold("instruction.sent", "payment", f"({_PAID} IN ('SENT', 'SETTLED', 'RETURNED') AND whole_id IS NULL) f"),
        _untold("instruction.settled", "payment", f"({_PAID} = 'SETTLED' AND whole_id IS NULL) f"),
        _untold("instruction.settled", "split payment", f"({_PAID} = 'SPLIT' AND settled_amount = amount) f"),
        _untold("instruction.failed", "payment", f"({_PAID} = 'FAILED' AND whole_id IS NULL) f"),
        _untold("instruction.payment_sent", "part", f"({_PAID} IN ('SENT', 'SETTLED', 'RETURNED') AND whole_id IS NOT NULL) f"),
        _untold("instruction.payment_settled", "part", f"({_PAID} = 'SETTLED' AND whole_id IS NOT NULL) f"),
        _untold("instruction.payment_failed", "part", f"({_PAID} = 'FAILED' AND whole_id IS NOT NULL) f"),
        _untold("receipt.seen", "receipt", "settlement_receipt f"),
        _untold("receipt.quarantined", "receipt", "(SELECT id FROM settlement_receipt WHERE status = 'QUARANTINED') f"),
        _untold("deposit.credited", "deposit", "(SELECT id FROM settlement_deposit WHERE status = 'CREDITED') f"),
        _untold("withdrawal.requested", "withdrawal", "settlement_withdrawal f"),
        _untold("withdrawal.settled", "withdrawal", "(SELECT id FROM settlement_withdrawal WHERE status = 'SETTLED') f"),
        _untold("close_out.determined", "close-out", "settlement_closeout f"),
        _untold("adjustment.requested", "adjustment", "(SELECT id FROM settlement_adjustment WHERE kind <> 'CLOSE_OUT') f"),
        _untold("adjustment.booked", "adjustment", "(SELECT id FROM settlement_adjustment WHERE booked_at IS NOT NULL) f"),
        _untold("adjustment.settled", "adjustment", "(SELECT id FROM settlement_adjustment WHERE status = 'SETTLED') f"),
        _untold(
            "trade.settled",
            "settled deal",
            f"({_SETTLED}) f JOIN trades_trade t ON t.id = f.id JOIN clients_terms m ON m.id = t.terms_id AND m.mode <> 'PREFUNDED'",
        ),
    ),
    Line("anchors", "The audit chain still leads through the head that was signed each day", _anchors),
)
