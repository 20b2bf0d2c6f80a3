"""Promises 1 and 2: one trade a quote and request, at exactly the price and size shown, while it was live."""

# ruff: noqa: S608 - every part is written here

from .lines import sql

_SIDES = " OR ".join(
    f"(v.side = '{side}' AND (v.{ours}) IS DISTINCT FROM (q.{side}_{theirs}))"
    for side in ("buy", "sell")
    for ours, theirs in (
        ("price", "price"),
        ("quantity", "quantity"),
        ("quote_quantity", "quote_quantity"),
        ("fee", "fee"),
        ("pays", "client_pays"),
        ("receives", "client_receives"),
    )
)

LINES = (
    sql(
        "one_trade_per_quote",
        "An accepted quote has exactly one trade, a request at most one",
        """SELECT format('quote %s has %s trades', quote_id, count(*))
           FROM trades_trade
           WHERE quote_id IS NOT NULL
           GROUP BY quote_id
           HAVING count(*) > 1""",
        """SELECT format('request %s has %s trades', rfq_id, count(*))
           FROM trades_trade
           WHERE rfq_id IS NOT NULL
           GROUP BY rfq_id
           HAVING count(*) > 1""",
        """SELECT format('request %s has %s accepted quotes', rfq_id, count(*))
           FROM rfqs_quote
           WHERE status = 'ACCEPTED'
           GROUP BY rfq_id
           HAVING count(*) > 1""",
        """SELECT format('quote %s is ACCEPTED and has no trade', q.id)
           FROM rfqs_quote q
           LEFT JOIN trades_trade t ON t.quote_id = q.id
           WHERE q.status = 'ACCEPTED' AND t.id IS NULL""",
        """SELECT format('request %s is FILLED and has no trade', r.id)
           FROM rfqs_rfq r
           LEFT JOIN trades_trade t ON t.rfq_id = r.id
           WHERE r.status = 'FILLED' AND t.id IS NULL""",
        """SELECT format('trade %s comes out of a quote that is %s, of a request that is %s', t.id, coalesce(q.status, 'gone'),
           coalesce(r.status, 'gone'))
           FROM trades_trade t
           LEFT JOIN rfqs_quote q ON q.id = t.quote_id
           LEFT JOIN rfqs_rfq r ON r.id = t.rfq_id
           WHERE t.quote_id IS NOT NULL AND (q.status IS DISTINCT FROM 'ACCEPTED' OR r.status IS DISTINCT FROM 'FILLED' OR q.rfq_id
           <> r.id)""",
    ),
    sql(
        "trade_is_the_quote",
        "Every trade out of a quote has its side, price and amounts, accepted before it expired",
        f"""SELECT format('trade %s is not what quote %s showed', t.id, q.id)
           FROM trades_trade t
           JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = 1
           JOIN rfqs_quote q ON q.id = t.quote_id
           WHERE v.side <> q.accepted_side OR {_SIDES}""",
        """SELECT format('quote %s was accepted at %s and expired at %s', id, accepted_at, expires_at)
           FROM rfqs_quote
           WHERE accepted_at >= expires_at OR accepted_at < created_at""",
    ),
    sql(
        "trade_versions",
        "A trade's versions are numbered without gaps up to the current one, each by two people",
        """SELECT format('trade %s is at version %s and has %s', t.id, t.version, coalesce(n.numbers, 'none'))
           FROM trades_trade t
           LEFT JOIN (SELECT trade_id, count(*) AS n, max(number) AS top, min(number) AS low, string_agg(number::text, ',' ORDER BY
           number) AS numbers FROM trades_tradeversion GROUP BY trade_id) n ON n.trade_id = t.id
           WHERE (n.n, n.top, n.low) IS DISTINCT FROM (t.version::bigint, t.version, 1::smallint)""",
        """SELECT format('trade %s v%s is %s by %s and %s', trade_id, number, lower(action), coalesce(made_by::text, 'nobody'),
           coalesce(checked_by::text, 'nobody'))
           FROM trades_tradeversion
           WHERE number > 1 AND (made_by IS NULL OR checked_by IS NULL OR made_by = checked_by OR reason = '')""",
        """SELECT format('trade %s is %s and its version %s says %s', t.id, t.status, v.number, v.action)
           FROM trades_trade t JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version
           WHERE (t.status = 'CANCELLED') <> (v.action = 'CANCEL')""",
    ),
    sql(
        "hedges",
        "A hedge's ledger lines are what its version says, none where it is cancelled; internal trades are posted once; what confirmed a "
        "hedge is known",
        """SELECT format('internal %s is %s and its ledger lines stand %s times', t.id, t.status, coalesce(l.n, 0))
           FROM trades_trade t
           LEFT JOIN (SELECT source_id, count(*) FILTER (WHERE kind = 'INTERNAL') - count(*) FILTER (WHERE kind = 'REVERSAL') AS n
                      FROM ledger_ledgertransaction WHERE source_type = 'trade' GROUP BY source_id) l ON l.source_id = t.id
           WHERE t.kind = 'INTERNAL' AND coalesce(l.n, 0) <> CASE t.status WHEN 'ACTIVE' THEN 1 ELSE 0 END""",
        """SELECT format('hedge %s v%s: %s %s is %s by the ledger, %s by its version', coalesce(e.id, l.id), e.version,
             coalesce(e.kind, l.kind), coalesce(e.asset, l.asset), trim_scale(coalesce(l.amount, 0)), trim_scale(coalesce(e.amount, 0)))
           FROM (SELECT t.id, t.version, x.kind, x.asset, x.amount FROM trades_trade t
                 JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version
                 CROSS JOIN LATERAL (VALUES ('POSITION', v.pays_asset, v.pays), ('POSITION', v.receives_asset, -v.receives),
                   ('COST', v.fee_asset, v.fee)) x(kind, asset, amount)
                 WHERE t.kind = 'HEDGE' AND v.action <> 'CANCEL' AND x.amount <> 0) e
           FULL JOIN (SELECT t.id, a.kind, l.asset_code AS asset, sum(l.amount) AS amount FROM trades_trade t
                      JOIN ledger_ledgertransaction x ON x.source_id = t.id AND x.kind IN ('HEDGE', 'CORRECTION', 'REVERSAL')
                      JOIN ledger_ledgerline l ON l.transaction_id = x.id
                      JOIN ledger_ledgeraccount a ON a.id = l.account_id AND a.kind IN ('POSITION', 'COST')
                      WHERE t.kind = 'HEDGE' GROUP BY 1, 2, 3 HAVING sum(l.amount) <> 0) l
             ON l.id = e.id AND l.kind = e.kind AND l.asset = e.asset
           WHERE e.amount IS DISTINCT FROM l.amount""",
        """SELECT format('hedge %s is %s, its deal %s', t.id, coalesce(h.status, 'gone'), t.status)
           FROM trades_trade t
           LEFT JOIN trades_hedge h ON h.trade_id = t.id
           WHERE t.kind = 'HEDGE' AND (h.id IS NULL OR (h.status = 'CANCELLED') <> (t.status = 'CANCELLED'))""",
        """SELECT format('hedge %s is %s with %s differences and nobody''s word', trade_id, status, jsonb_array_length(differences))
           FROM trades_hedge
           WHERE status = 'CONFIRMED' AND compared_at IS NULL AND checked_by IS NULL""",
    ),
)
