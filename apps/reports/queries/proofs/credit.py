"""Promise 4: use of lines is the sum of what stands, never past the limit, and every reservation ends."""

# ruff: noqa: S608 - every part is written here

from .lines import sql

# Marks, a cut or a deal on behalf may carry a use past its line: that is a breach on record. A date or excess that ran out becomes one when
# the line is looked at next, and has its own grant to show for it.
_BREACH = "EXISTS (SELECT 1 FROM credit_breach b WHERE b.line_id = l.id AND b.cured_at IS NULL)"
_GRANTED = "(l.amount + CASE WHEN l.excess_until IS NOT NULL THEN l.excess ELSE 0 END)"

LINES = (
    sql(
        "credit_use",
        "Reserved and used of every line are the sums of its live reservations",
        """SELECT format('%s %s line %s: reserved %s, by reservations %s; used %s, by deals %s; unchecked %s, by deals %s',
            l.level, l.measure, l.id,
           trim_scale(l.reserved), trim_scale(coalesce(r.reserved, 0)), trim_scale(l.used), trim_scale(coalesce(r.used, 0)),
           trim_scale(l.unchecked), trim_scale(coalesce(r.unchecked, 0)))
           FROM credit_line l
           LEFT JOIN (SELECT line_id, sum(amount) FILTER (WHERE status = 'RESERVED') AS reserved,
           sum(amount - unchecked) FILTER (WHERE status = 'COMMITTED') AS used, sum(unchecked) FILTER (WHERE status =
             'COMMITTED') AS unchecked
           FROM credit_reservation WHERE day IS NULL GROUP BY line_id) r ON r.line_id = l.id
           WHERE (l.reserved, l.used, l.unchecked) IS DISTINCT FROM (coalesce(r.reserved, 0), coalesce(r.used, 0),
             coalesce(r.unchecked, 0))""",
        """SELECT format('%s %s line %s on %s: reserved %s, by reservations %s; used %s, by deals %s; unchecked %s, by deals
            %s', l.level, l.measure,
           l.id, coalesce(d.day, r.day), trim_scale(coalesce(d.reserved, 0)), trim_scale(coalesce(r.reserved, 0)),
           trim_scale(coalesce(d.used, 0)), trim_scale(coalesce(r.used, 0)), trim_scale(coalesce(d.unchecked, 0)),
           trim_scale(coalesce(r.unchecked, 0)))
           FROM credit_lineday d
           FULL JOIN (SELECT c.line_id, c.day, coalesce(sum(c.amount) FILTER (WHERE c.status = 'RESERVED'), 0) AS reserved,
             coalesce(sum(c.amount - c.unchecked) FILTER (WHERE c.status = 'COMMITTED' OR (c.status = 'CLOSED' AND k.measure =
               'DAILY')), 0) AS used,
             coalesce(sum(c.unchecked) FILTER (WHERE c.status = 'COMMITTED' OR (c.status = 'CLOSED' AND k.measure = 'DAILY')),
               0) AS unchecked
             FROM credit_reservation c JOIN credit_line k ON k.id = c.line_id WHERE c.day IS NOT NULL GROUP BY 1, 2) r
             ON r.line_id = d.line_id AND r.day = d.day
           JOIN credit_line l ON l.id = coalesce(d.line_id, r.line_id)
           WHERE (coalesce(d.reserved, 0), coalesce(d.used, 0), coalesce(d.unchecked, 0))
             IS DISTINCT FROM (coalesce(r.reserved, 0), coalesce(r.used, 0), coalesce(r.unchecked, 0))""",
    ),
    sql(
        "credit_limits",
        "No line is past its amount plus excess, on any day, unless the breach is on record",
        f"""SELECT format('%s %s line %s: %s taken of %s', l.level, l.measure, l.id,
           trim_scale(l.reserved + l.used + l.unchecked + l.revalued), trim_scale({_GRANTED}))
           FROM credit_line l WHERE l.reserved + l.used + l.unchecked + l.revalued > {_GRANTED} AND NOT {_BREACH}""",
        f"""SELECT format('%s %s line %s on %s: %s taken of %s', l.level, l.measure, l.id, d.day, trim_scale(d.reserved +
          d.used + d.unchecked),
           trim_scale({_GRANTED}))
           FROM credit_lineday d JOIN credit_line l ON l.id = d.line_id
           WHERE d.reserved + d.used + d.unchecked > {_GRANTED} AND l.measure <> 'DAILY' AND NOT {_BREACH}""",
    ),
    sql(
        "credit_breaches",
        "Every open breach is of a line with use, and every line's limits are those of its last grant",
        """SELECT format('breach %s of the %s %s line %s is open and nothing is taken of it', b.id, l.level, l.measure, l.id)
           FROM credit_breach b JOIN credit_line l ON l.id = b.line_id
           WHERE b.cured_at IS NULL AND b.since < desk_now() - interval '1 hour' AND l.reserved + l.used + l.unchecked + l.revalued = 0
             AND NOT EXISTS (SELECT 1 FROM credit_lineday d WHERE d.line_id = l.id AND d.reserved + d.used + d.unchecked > 0)""",
        """SELECT format('%s %s line %s: %s plus %s, granted %s plus %s', l.level, l.measure, l.id, trim_scale(l.amount),
            trim_scale(l.excess),
           trim_scale(g.amount), trim_scale(g.excess))
           FROM credit_line l LEFT JOIN credit_grant g ON g.line_id = l.id AND g.number = l.grant_number
           WHERE (l.amount, l.excess, l.excess_until, l.valid_from, l.valid_until)
             IS DISTINCT FROM (g.amount, g.excess, g.excess_until, g.valid_from, g.valid_until)""",
        """SELECT format('grant %s of line %s has no approval of two people', g.number, g.line_id)
           FROM credit_grant g LEFT JOIN approvals_approval a ON a.id = g.approval_id AND a.status = 'EXECUTED' AND a.maker_id
             <> a.checker_id
           WHERE g.number > 1 AND a.id IS NULL""",
        """SELECT format('call %s is %s, and its line %s is in no breach since %s', e.id, e.status, e.line_id, e.issued_at)
           FROM credit_exposurecall e WHERE e.status = 'ISSUED' AND e.issued_by IS NULL AND e.line_id IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM credit_breach b WHERE b.line_id = e.line_id AND b.cured_at IS NULL)""",
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
           WHERE c.status = 'COMMITTED' AND (SELECT bool_and(o.status IN ('SETTLED', 'CANCELLED', 'CLOSED_OUT'))
           FROM settlement_obligation o
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
