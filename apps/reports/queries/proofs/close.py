"""Promise 9 and the close: a closed day was proven; documents are numbered without gaps; a report exists once."""

from .lines import sql

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
