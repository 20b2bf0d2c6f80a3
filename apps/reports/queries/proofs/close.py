"""Promise 9 and the close: a closed day was proven; documents are numbered without gaps; a report exists once."""

# ruff: noqa: S608 - every part is written here

from datetime import timedelta

from apps.core import db
from apps.instruments import queries as instruments
from apps.reports.queries import movements

from .lines import Line, listed, sql

# The last close that stands, of each entity.
_STANDING = """
SELECT DISTINCT ON (d.entity_id) d.entity_id, e.code, d.date, c.id FROM close_closing c JOIN close_businessday d ON d.id = c.day_id
JOIN instruments_bookingentity e ON e.id = d.entity_id WHERE c.status = 'STANDING' ORDER BY d.entity_id, d.date DESC
"""
# From one close to the next, so that each line is read once: what came since, and what had a later date then.
_ROLLED = """
FROM (
  SELECT b.*, d.date AS until, d.entity_id, e.zone, e.roll, a.id AS account, lag(b.version) OVER w AS before,
    lag(b.ledger) OVER w AS opened, lag(d.date) OVER w AS since, lag(b.open_lines) OVER w AS waited
  FROM close_closingbalance b JOIN close_closing c ON c.id = b.closing_id AND c.status = 'STANDING'
  JOIN close_businessday d ON d.id = c.day_id JOIN instruments_bookingentity e ON e.id = d.entity_id
  LEFT JOIN ledger_ledgeraccount a
    ON a.entity_id = d.entity_id AND a.kind = b.kind AND a.owner_id = b.owner_id AND a.asset_code = b.asset_code
  WINDOW w AS (PARTITION BY d.entity_id, b.kind, b.owner_id, b.asset_code ORDER BY d.date)
) b
"""


def _from_the_last_close() -> tuple[int, list[str]]:
    found = []
    for entity_id, code, closed, closing in db.run(_STANDING):
        on = closed + timedelta(days=1)
        whole, short = (movements.list_figures(entity_id, on, one) for one in (None, closing))
        names = {str(n): name for n, name in db.run("SELECT id, name FROM settlement_nostro")}
        for about in sorted({str(row[0]) for row in whole ^ short}):
            found.append(f"{code} since {closed}: {names.get(about, about)} is not what it is from the beginning")
    return listed(found)


LINES = (
    sql(
        "closed_days_were_proven",
        "A closed day has approved marks and every proof of its last closing proven",
        """SELECT format('day %s is CLOSED without approved marks', d.date)
           FROM close_businessday d
           WHERE d.status = 'CLOSED' AND NOT EXISTS (SELECT 1 FROM pricing_markset m WHERE m.entity_id = d.entity_id AND
           m.business_date = d.date AND m.status = 'APPROVED')""",
        """SELECT format('day %s is CLOSED and %s was not proven', d.date, p.kind)
           FROM close_businessday d
           JOIN LATERAL (SELECT DISTINCT ON (kind) kind, proven FROM close_proof WHERE day_id = d.id ORDER BY kind, id DESC) p ON
           NOT p.proven
           WHERE d.status = 'CLOSED'""",
        """SELECT format('day %s is CLOSED without a proof', d.date)
           FROM close_businessday d
           WHERE d.status = 'CLOSED' AND NOT EXISTS (SELECT 1 FROM close_proof p WHERE p.day_id = d.id)""",
    ),
    sql(
        "closed_days_take_nothing",
        "The ledger refuses exactly the days that are closed or of a locked month",
        """SELECT format('%s is CLOSED or of a locked month, and the ledger takes postings', d.date)
           FROM (SELECT entity_id, date FROM close_businessday WHERE status = 'CLOSED'
                 UNION SELECT m.entity_id, d::date FROM close_month m CROSS JOIN LATERAL
                   generate_series(m.first, m.first + interval '1 month' - interval '1 day', interval '1 day') d
                 WHERE m.status = 'LOCKED') d
           LEFT JOIN ledger_closedday c USING (entity_id, date) WHERE c.id IS NULL""",
        """SELECT format('%s is open, and the ledger refuses it', c.date) FROM ledger_closedday c
           WHERE NOT EXISTS (SELECT 1 FROM close_businessday b WHERE b.entity_id = c.entity_id AND b.date = c.date AND b.status = 'CLOSED')
             AND NOT EXISTS (SELECT 1 FROM close_month m WHERE m.entity_id = c.entity_id AND m.status = 'LOCKED'
                             AND m.first = date_trunc('month', c.date)::date)""",
    ),
    sql(
        "closings",
        "What a close keeps stands while its day is closed, and is what its lines come to",
        """SELECT format('%s is %s, and its closing stands', d.date, d.status)
           FROM close_closing c JOIN close_businessday d ON d.id = c.day_id
           WHERE c.status = 'STANDING' AND d.status <> 'CLOSED'""",
        """SELECT format('%s is CLOSED, and nothing was kept of it', d.date) FROM close_businessday d
           WHERE d.status = 'CLOSED' AND NOT EXISTS (SELECT 1 FROM close_closing c WHERE c.day_id = d.id)
             AND EXISTS (SELECT 1 FROM close_closing c JOIN close_businessday o ON o.id = c.day_id
                         WHERE o.entity_id = d.entity_id AND o.date < d.date)""",
        f"""SELECT format('%s of %s on %s: %s kept, its postings come to %s', b.kind, b.owner_id, b.until, trim_scale(b.ledger),
              trim_scale(made.amount)) {_ROLLED}
           CROSS JOIN LATERAL (SELECT coalesce(b.opened, 0)
             + coalesce((SELECT sum(l.amount) FROM ledger_ledgerline l JOIN ledger_ledgertransaction t ON t.id = l.transaction_id
                         WHERE l.account_id = b.account AND l.version > coalesce(b.before, 0) AND l.version <= b.version
                         AND t.business_date <= b.until), 0)
             + coalesce((SELECT sum(l.amount) FROM unnest(b.waited) AS o(id) JOIN ledger_ledgerline l ON l.id = o.id
                         JOIN ledger_ledgertransaction t ON t.id = l.transaction_id
                         WHERE t.business_date > b.since AND t.business_date <= b.until), 0) AS amount) made
           WHERE made.amount <> b.ledger""",
        f"""SELECT format('%s of %s on %s: %s stated, its lines come to %s', b.kind, b.owner_id, b.until, trim_scale(b.stated),
              trim_scale(made.amount)) {_ROLLED}
           CROSS JOIN LATERAL (SELECT coalesce((SELECT s.balance FROM settlement_statementline s
               WHERE s.nostro_id = b.owner_id AND s.sequence = b.sequence), 0)
             - coalesce((SELECT sum(s.amount) FROM unnest(b.open_statement_lines) AS o(id) JOIN settlement_statementline s ON s.id = o.id
                         WHERE {instruments.business_date_of("s.booked_at", "b")} > b.until), 0) AS amount) made
           WHERE b.kind = 'NOSTRO' AND b.sequence > 0 AND made.amount <> b.stated""",
    ),
    Line("proofs_from_closings", "A proof read from the last close comes to what one from the beginning does", _from_the_last_close),
    sql(
        "openings",
        "An opening balance was granted by two, is posted as it was granted, once, and before anything else of its account",
        """SELECT format('opening of %s %s: granted %s, posted %s', o.owner, o.asset_code, trim_scale(o.amount),
           coalesce(trim_scale(p.amount)::text, 'nothing'))
           FROM close_opening o
           LEFT JOIN (SELECT t.source_id, l.account_id, CASE a.kind WHEN 'CLIENT_BALANCE' THEN -l.amount ELSE l.amount END AS amount
                      FROM ledger_ledgertransaction t JOIN ledger_ledgerline l ON l.transaction_id = t.id
                      JOIN ledger_ledgeraccount a ON a.id = l.account_id WHERE t.source_type = 'opening') p
             ON p.source_id = o.id AND p.account_id = o.ledger_account_id
           WHERE p.amount IS DISTINCT FROM o.amount""",
        """SELECT format('posting %s says it is an opening, and nobody granted one', t.id)
           FROM ledger_ledgertransaction t
           WHERE t.source_type = 'opening' AND NOT EXISTS (SELECT 1 FROM close_opening o WHERE o.id = t.source_id)""",
        """SELECT format('opening of %s %s on %s: posting %s of %s came before it', o.owner, o.asset_code, o.date, t.id, t.business_date)
           FROM close_opening o
           JOIN ledger_ledgertransaction opened ON opened.source_id = o.id
           JOIN ledger_ledgerline first ON first.transaction_id = opened.id AND first.account_id = o.ledger_account_id
           JOIN ledger_ledgerline l ON l.account_id = o.ledger_account_id AND l.version < first.version
           JOIN ledger_ledgertransaction t ON t.id = l.transaction_id AND t.business_date <= o.date""",
    ),
    sql(
        "documents",
        "A report exists once per version, versions and document numbers without gaps, and what is DONE has files",
        """SELECT format('%s %s %s: versions %s to %s, %s of them', report, scope, business_date, min(version), max(version),
           count(*))
           FROM reports_reportrun
           GROUP BY report, scope, business_date
           HAVING min(version) <> 1 OR max(version) <> count(*)""",
        """SELECT format('%s of %s: numbered to %s, %s numbers given', c.kind, c.scope, c.last, count(r.id))
           FROM reports_documentcounter c
           LEFT JOIN reports_reportrun r ON r.report = c.kind AND r.number LIKE c.scope || '-%' AND r.number <> ''
           GROUP BY c.id, c.kind, c.scope, c.last
           HAVING count(r.id) <> c.last OR count(DISTINCT r.number) <> c.last""",
        """SELECT format('%s %s %s is DONE without files', report, scope, business_date)
           FROM reports_reportrun
           WHERE status = 'DONE' AND jsonb_array_length(files) = 0""",
    ),
)
