"""Promise 4: use of lines is the sum of what stands, never past the limit, and every reservation ends."""

# ruff: noqa: S608 - every part is written here

from .lines import sql

# A line cut (or an excess that ran out) below what was taken before is a passive breach: recorded, not forbidden. Both ids are UUIDv7, so
# they compare by wall time: the cut came after the last reservation that still stands.
_PASSIVE = """
EXISTS (SELECT 1 FROM events_event e WHERE e.subject_id = l.id AND e.kind = 'line.set'
        AND e.id > coalesce((SELECT r.id FROM credit_reservation r WHERE r.line_id = l.id AND r.status IN ('RESERVED', 'COMMITTED')
                             ORDER BY r.id DESC LIMIT 1), e.id))
"""

LINES = (
    sql(
        "credit_use",
        "Reserved and used of every line are the sums of its live reservations",
        """SELECT format('%s line %s: reserved %s, by reservations %s; used %s, by deals %s', l.level, l.id, trim_scale(l.reserved),
           trim_scale(coalesce(r.reserved, 0)), trim_scale(l.used), trim_scale(coalesce(r.used, 0)))
           FROM credit_line l
           LEFT JOIN (SELECT line_id, sum(amount) FILTER (WHERE status = 'RESERVED') AS reserved, sum(amount) FILTER (WHERE status =
           'COMMITTED') AS used FROM credit_reservation GROUP BY line_id) r ON r.line_id = l.id
           WHERE l.reserved <> coalesce(r.reserved, 0) OR l.used <> coalesce(r.used, 0)""",
    ),
    sql(
        "credit_limits",
        "No line is past its amount plus excess, unless it was cut or its excess ended afterwards (passive breach)",
        f"""SELECT format('%s line %s: %s taken of %s', l.level, l.id, trim_scale(l.reserved + l.used), trim_scale(l.amount +
           l.excess))
           FROM credit_line l
           WHERE l.reserved + l.used > l.amount + (CASE WHEN l.excess_until IS NOT NULL THEN l.excess ELSE 0 END) AND NOT {_PASSIVE}""",
    ),
    sql(
        "reservations_end",
        "Every reservation and hold of an ended request is committed, used, released or voided",
        """SELECT format('reservation %s is RESERVED for request %s, which is %s', c.id, c.source_id, coalesce(r.status, 'gone'))
           FROM credit_reservation c
           LEFT JOIN rfqs_rfq r ON r.id = c.source_id
           WHERE c.status = 'RESERVED' AND coalesce(r.status, 'gone') NOT IN ('RECEIVED', 'PICKED_UP', 'ON_HOLD', 'QUOTED')""",
        """SELECT format('reservation %s is %s for deal %s, which does not exist', c.id, c.status, coalesce(c.deal_id::text,
           'none'))
           FROM credit_reservation c
           LEFT JOIN trades_trade t ON t.id = c.deal_id
           WHERE c.status IN ('COMMITTED', 'CLOSED') AND t.id IS NULL""",
        """SELECT DISTINCT format('trade %s on credit took nothing of line %s', t.id, c.line_id)
           FROM trades_trade t
           JOIN clients_terms m ON m.id = t.terms_id AND m.mode <> 'PREFUNDED'
           JOIN credit_reservation c ON c.source_id = t.rfq_id
           WHERE NOT EXISTS (SELECT 1 FROM credit_reservation k WHERE k.source_id = c.source_id AND k.line_id = c.line_id
             AND k.status IN ('COMMITTED', 'CLOSED'))""",
        """SELECT format('reservation %s is COMMITTED for deal %s, which has settled', c.id, c.deal_id)
           FROM credit_reservation c
           WHERE c.status = 'COMMITTED' AND (SELECT bool_and(o.status IN ('SETTLED', 'CANCELLED')) FROM settlement_obligation o
           WHERE o.trade_id = c.deal_id)""",
        """SELECT format('hold %s is PENDING for request %s, which is %s', h.id, h.source_id, coalesce(r.status, 'gone'))
           FROM ledger_hold h
           LEFT JOIN rfqs_rfq r ON r.id = h.source_id
           WHERE h.status = 'PENDING' AND h.source_type = 'rfq' AND coalesce(r.status, 'gone') NOT IN ('RECEIVED', 'PICKED_UP',
           'ON_HOLD', 'QUOTED')""",
        """SELECT format('hold %s is PENDING for withdrawal %s, which is %s', h.id, h.source_id, coalesce(w.status, 'gone'))
           FROM ledger_hold h
           LEFT JOIN settlement_withdrawal w ON w.id = h.source_id
           WHERE h.status = 'PENDING' AND h.source_type = 'withdrawal' AND coalesce(w.status, 'gone') IN ('CANCELLED', 'REJECTED',
           'SETTLED', 'gone')""",
    ),
)
