"""Promise 5: what a deal says is owed, every obligation settles exactly once, and what is owed is what is outstanding plus paid."""

# ruff: noqa: S608 - every part is written here

from .lines import sql

UNKNOWN_BOUND = "2 hours"  # after which a payment without an answer is somebody's failure, not the rail's delay

# Signed as a balance is: what we receive positive, what we pay negative.
_SIGNED = "CASE direction WHEN 'RECEIVE' THEN amount ELSE -amount END"
_OPEN = "('OPEN', 'NETTED', 'INSTRUCTED', 'PART_SETTLED')"

_ECONOMICS = f"""
SELECT format('trade %s v%s: %s %s by its economics, %s by its obligations', coalesce(e.trade_id, o.trade_id), t.version,
              coalesce(e.asset, o.asset), trim_scale(coalesce(e.amount, 0)), trim_scale(coalesce(o.amount, 0)))
FROM (SELECT v.trade_id, x.asset, x.amount FROM trades_trade t
      JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version
      CROSS JOIN LATERAL (VALUES (v.pays_asset, v.pays), (v.receives_asset, -v.receives)) x(asset, amount)
      WHERE t.kind = 'CLIENT' AND v.action <> 'CANCEL'
      UNION ALL
      SELECT v.trade_id, x.asset, x.amount FROM trades_trade t
      JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version
      CROSS JOIN LATERAL (VALUES
        (v.pays_asset, -v.pays - CASE v.fee_asset WHEN v.pays_asset THEN v.fee ELSE 0 END),
        (v.receives_asset, v.receives - CASE v.fee_asset WHEN v.receives_asset THEN v.fee ELSE 0 END)) x(asset, amount)
      WHERE t.kind = 'HEDGE' AND t.terms_id IS NOT NULL AND v.action <> 'CANCEL') e
FULL JOIN (SELECT trade_id, asset_id AS asset, sum({_SIGNED}) AS amount FROM settlement_obligation
           WHERE status <> 'CANCELLED' AND trade_id IS NOT NULL GROUP BY trade_id, asset_id
           HAVING sum({_SIGNED}) <> 0) o ON o.trade_id = e.trade_id AND o.asset = e.asset
LEFT JOIN trades_trade t ON t.id = coalesce(e.trade_id, o.trade_id)
WHERE e.amount IS DISTINCT FROM o.amount
"""

# What an account owes and is owed by the ledger, against obligations that stand, less what has come in for them, plus what has been sent.
_OUTSTANDING = f"""
SELECT format('account %s %s: ledger %s, obligations outstanding %s, in flight %s', coalesce(l.owner_id, o.owner_id), coalesce(l.asset,
o.asset),
              trim_scale(coalesce(l.amount, 0)), trim_scale(coalesce(o.owed, 0)), trim_scale(coalesce(o.moving, 0)))
FROM (SELECT entity_id, owner_id, asset_code AS asset, sum(amount) AS amount FROM ledger_ledgeraccount
      WHERE kind IN ('RECEIVABLE', 'PAYABLE') GROUP BY 1, 2, 3) l
FULL JOIN (
  SELECT entity_id, owner_id, asset, sum(owed) AS owed, sum(moving) AS moving FROM (
    SELECT entity_id, account_id AS owner_id, asset_id AS asset,
           CASE direction WHEN 'RECEIVE' THEN amount - settled_amount ELSE settled_amount - amount END AS owed, 0 AS moving
    FROM settlement_obligation WHERE status IN {_OPEN}
    UNION ALL
    SELECT t.entity_id, t.counterparty_id, v.fee_asset, v.fee, 0 FROM trades_trade t
    JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version
    JOIN clients_terms m ON m.id = t.terms_id AND m.fee_mode = 'INVOICED'
    WHERE t.kind = 'CLIENT' AND v.action <> 'CANCEL'
    UNION ALL
    SELECT p.entity_id, c.owner_id, p.asset_id, CASE p.direction WHEN 'RECEIVE' THEN -p.amount ELSE p.amount END, 0
    FROM settlement_adjustment p JOIN clients_account c ON c.id = p.account_id
    WHERE p.kind = 'FEES' AND p.status IN ('BOOKED', 'SETTLED')
    UNION ALL
    SELECT t.entity_id, c.introducer_id, c.asset_id, -c.amount, 0 FROM settlement_accrual c JOIN trades_trade t ON t.id = c.trade_id
    LEFT JOIN settlement_adjustment p ON p.id = c.adjustment_id WHERE p.status IS NULL OR p.status NOT IN ('BOOKED', 'SETTLED')
    UNION ALL
    SELECT i.entity_id, i.account_id, i.asset_id, 0, i.amount - CASE WHEN i.obligation_id IS NULL THEN 0 ELSE i.settled_amount END
    FROM settlement_instruction i
    WHERE i.direction = 'PAY' AND i.status = 'SENT' AND (i.net_leg_id IS NOT NULL OR i.obligation_id IS NOT NULL)
    UNION ALL
    SELECT i.entity_id, i.account_id, i.asset_id, 0, i.amount FROM settlement_instruction i JOIN settlement_netleg n ON n.id = i.net_leg_id
    WHERE i.whole_id IS NOT NULL AND i.status = 'SETTLED' AND n.status NOT IN ('SETTLED', 'CLOSED_OUT')
    UNION ALL
    SELECT i.entity_id, i.account_id, i.asset_id, 0, -(i.settled_amount - coalesce(o.settled_amount, 0)) FROM settlement_instruction i
    LEFT JOIN settlement_netleg n ON n.id = i.net_leg_id LEFT JOIN settlement_obligation o ON o.id = i.obligation_id
    WHERE i.direction = 'RECEIVE' AND i.status IN ('EXPECTED', 'PART_RECEIVED', 'RECEIVED')
      AND (n.status NOT IN ('SETTLED', 'CLOSED_OUT') OR o.status IN {_OPEN})
  ) parts GROUP BY 1, 2, 3
) o ON o.entity_id = l.entity_id AND o.owner_id = l.owner_id AND o.asset = l.asset
WHERE coalesce(l.amount, 0) <> coalesce(o.owed + o.moving, 0)
"""

LINES = (
    sql("obligations_are_the_deal", "Σ obligations of a trade over its versions is its current economics", _ECONOMICS),
    sql(
        "obligations_settle_once",
        "Every obligation settles whole and once: no leg or obligation is paid past its amount",
        """SELECT format('obligation %s is %s with %s of %s settled', id, status, trim_scale(settled_amount), trim_scale(amount))
           FROM settlement_obligation
           WHERE (status = 'SETTLED') <> (settled_amount = amount) OR (status = 'SETTLED') <> (settled_at IS NOT NULL) OR (status IN
           ('OPEN', 'NETTED', 'INSTRUCTED', 'CANCELLED') AND settled_amount <> 0)""",
        """SELECT format('obligation %s is %s and its net leg %s', o.id, o.status, l.status)
           FROM settlement_obligation o
           JOIN settlement_netleg l ON l.id = o.net_leg_id
           JOIN settlement_netset s ON s.id = l.net_set_id
           WHERE s.status <> 'ABORTED' AND (o.status = 'SETTLED') <> (l.status = 'SETTLED')""",
        """SELECT format('obligation %s on credit is SETTLED by nothing', o.id)
           FROM settlement_obligation o
           JOIN trades_trade t ON t.id = o.trade_id
           JOIN clients_terms m ON m.id = t.terms_id
           WHERE o.status = 'SETTLED' AND m.mode <> 'PREFUNDED' AND o.net_leg_id IS NULL AND NOT EXISTS (SELECT 1 FROM
           settlement_instruction i WHERE i.obligation_id = o.id AND i.status IN ('SETTLED', 'RECEIVED'))""",
        """SELECT format('net leg %s of %s is paid %s', l.id, trim_scale(l.amount), trim_scale(sum(i.amount)))
           FROM settlement_netleg l
           JOIN settlement_instruction i ON i.net_leg_id = l.id AND i.status IN ('RELEASED', 'SENDING', 'UNKNOWN', 'SENT',
           'SETTLED', 'EXPECTED', 'PART_RECEIVED', 'RECEIVED')
           GROUP BY l.id, l.amount
           HAVING sum(i.amount) > l.amount OR sum(i.settled_amount) > l.amount""",
        """SELECT format('obligation %s of %s is paid %s', o.id, trim_scale(o.amount), trim_scale(sum(i.amount)))
           FROM settlement_obligation o
           JOIN settlement_instruction i ON i.obligation_id = o.id AND i.status IN ('RELEASED', 'SENDING', 'UNKNOWN', 'SENT',
           'SETTLED', 'EXPECTED', 'PART_RECEIVED', 'RECEIVED')
           GROUP BY o.id, o.amount
           HAVING sum(i.amount) > o.amount OR sum(i.settled_amount) > o.amount""",
    ),
    sql(
        "parts_make_the_whole",
        "The payments of an instruction that left in parts make its amount, and what they have paid is what it shows",
        """SELECT format('instruction %s of %s is SPLIT into %s and shows %s of %s paid', w.id, trim_scale(w.amount),
             trim_scale(coalesce(sum(p.amount), 0)), trim_scale(w.settled_amount), trim_scale(coalesce(sum(p.settled_amount), 0)))
           FROM settlement_instruction w
           LEFT JOIN settlement_instruction p ON p.whole_id = w.id AND p.status NOT IN ('FAILED', 'RETURNED', 'CANCELLED')
           WHERE w.status = 'SPLIT' GROUP BY w.id
           HAVING coalesce(sum(p.amount), 0) <> w.amount OR coalesce(sum(p.settled_amount), 0) <> w.settled_amount""",
        """SELECT format('part %s waits, and its instruction %s is %s', p.id, w.id, w.status)
           FROM settlement_instruction p JOIN settlement_instruction w ON w.id = p.whole_id
           WHERE w.status <> 'SPLIT' AND p.status IN ('DRAFT', 'READY', 'BLOCKED', 'RELEASED', 'SENDING', 'UNKNOWN')""",
    ),
    sql(
        "adjustments",
        "Every booked adjustment has its one obligation and its one ledger transaction, and stands as its obligation does",
        """SELECT format('adjustment %s is %s, its obligation %s, its ledger transactions %s', a.id, a.status, coalesce(o.status, 'none'),
             count(t.id))
           FROM settlement_adjustment a
           LEFT JOIN settlement_obligation o ON o.adjustment_id = a.id
           LEFT JOIN ledger_ledgertransaction t ON t.source_id = a.id AND t.kind IN ('ADJUSTMENT', 'CLOSE_OUT')
           GROUP BY a.id, a.status, o.status
           HAVING (a.status IN ('REQUESTED', 'APPROVED', 'REJECTED')) <> (o.status IS NULL) OR (a.status = 'SETTLED') <>
             coalesce(o.status = 'SETTLED', false) OR (a.status = 'REVERSED') <> coalesce(o.status = 'CANCELLED', false)
             OR count(t.id) <> CASE WHEN a.status IN ('REQUESTED', 'APPROVED', 'REJECTED') THEN 0 ELSE 1 END""",
    ),
    sql(
        "commissions",
        "What a deal accrues to its introducer adds up to what its last version earns, is posted once, and is paid by its own sum",
        """SELECT format('accrual %s: %s, posted %s', c.id, trim_scale(c.amount), trim_scale(coalesce(p.amount, 0)))
           FROM settlement_accrual c
           LEFT JOIN (SELECT t.source_id, sum(l.amount) AS amount FROM ledger_ledgertransaction t
                      JOIN ledger_ledgerline l ON l.transaction_id = t.id JOIN ledger_ledgeraccount a ON a.id = l.account_id
                      WHERE t.source_type = 'accrual' AND a.kind = 'COMMISSION' GROUP BY t.source_id) p ON p.source_id = c.id
           WHERE c.amount <> coalesce(p.amount, 0)""",
        """SELECT format('deal %s accrued %s, its version %s earns %s', s.trade_id, trim_scale(s.total), s.last, trim_scale(c.due))
           FROM (SELECT trade_id, introducer_id, sum(amount) AS total, max(trade_version) AS last FROM settlement_accrual
                 GROUP BY 1, 2) s
           JOIN settlement_accrual c ON c.trade_id = s.trade_id AND c.introducer_id = s.introducer_id AND c.trade_version = s.last
           WHERE s.total <> c.due""",
        """SELECT format('deal %s is cancelled and %s stays accrued', c.trade_id, trim_scale(c.due))
           FROM settlement_accrual c
           JOIN trades_tradeversion v ON v.trade_id = c.trade_id AND v.number = c.trade_version
           WHERE v.action = 'CANCEL' AND c.due <> 0""",
        """SELECT format('adjustment %s of %s pays accruals of %s', a.id, trim_scale(a.amount), trim_scale(sum(c.amount)))
           FROM settlement_adjustment a
           JOIN settlement_accrual c ON c.adjustment_id = a.id
           WHERE a.status IN ('BOOKED', 'SETTLED')
           GROUP BY a.id, a.amount
           HAVING sum(c.amount) <> a.amount""",
    ),
    sql(
        "net_legs",
        "Every net leg is the sum of its members, which are of its account, asset and value date",
        f"""SELECT format('net leg %s is %s, its members make %s', l.id, trim_scale(CASE l.direction WHEN 'RECEIVE' THEN l.amount
           ELSE -l.amount END), trim_scale(coalesce(m.total, 0)))
           FROM settlement_netleg l
           JOIN settlement_netset s ON s.id = l.net_set_id AND s.status <> 'ABORTED'
           LEFT JOIN (SELECT net_leg_id, sum({_SIGNED}) AS total FROM settlement_obligation GROUP BY net_leg_id) m ON m.net_leg_id =
           l.id
           WHERE coalesce(m.total, 0) <> CASE l.direction WHEN 'RECEIVE' THEN l.amount ELSE -l.amount END""",
        """SELECT format('obligation %s is not of the account, asset or value date of its net leg', o.id)
           FROM settlement_obligation o
           JOIN settlement_netleg l ON l.id = o.net_leg_id
           JOIN settlement_netset s ON s.id = l.net_set_id
           WHERE o.asset_id <> l.asset_id OR o.account_id <> s.account_id OR o.entity_id <> s.entity_id OR o.value_date <>
           s.value_date""",
        """SELECT format('obligation %s is %s in no net set', id, status)
           FROM settlement_obligation
           WHERE status = 'NETTED' AND net_leg_id IS NULL""",
    ),
    sql(
        "owed_is_outstanding",
        "What the ledger says is owed is what stands open plus what is on its way, per account and asset",
        _OUTSTANDING,
    ),
    sql(
        "suspense_and_transit",
        "SUSPENSE is the receipts not applied, IN_TRANSIT the payments sent and not booked, per nostro",
        """SELECT format('%s %s: SUSPENSE %s, receipts not applied %s', n.name, n.asset_id, trim_scale(coalesce(a.amount, 0)),
           trim_scale(-coalesce(r.total, 0)))
           FROM settlement_nostro n
           LEFT JOIN ledger_ledgeraccount a ON a.owner_id = n.id AND a.kind = 'SUSPENSE'
           LEFT JOIN (SELECT r.nostro_id, sum(r.amount - coalesce(b.sent, 0)) AS total FROM settlement_receipt r LEFT JOIN (SELECT
           returns_id, sum(amount) AS sent FROM settlement_instruction WHERE status IN ('SENT', 'SETTLED') GROUP BY returns_id) b ON
           b.returns_id = r.id WHERE r.status IN ('FINAL', 'CLEARED', 'QUARANTINED', 'RETURN_DUE') GROUP BY r.nostro_id) r ON
           r.nostro_id = n.id
           WHERE coalesce(a.amount, 0) <> -coalesce(r.total, 0)""",
        """SELECT format('%s %s: IN_TRANSIT %s, payments sent %s', n.name, n.asset_id, trim_scale(coalesce(a.amount, 0)),
           trim_scale(-coalesce(i.total, 0)))
           FROM settlement_nostro n
           LEFT JOIN ledger_ledgeraccount a ON a.owner_id = n.id AND a.kind = 'IN_TRANSIT'
           LEFT JOIN (SELECT nostro_id, sum(amount - settled_amount) AS total FROM settlement_instruction
           WHERE direction = 'PAY' AND status = 'SENT' GROUP BY nostro_id) i ON i.nostro_id = n.id
           WHERE coalesce(a.amount, 0) <> -coalesce(i.total, 0)""",
        """SELECT format('house transfer %s of %s is %s, arrived %s, its IN_TRANSIT %s', t.id, trim_scale(t.amount), t.status,
             trim_scale(t.arrived), trim_scale(coalesce(a.amount, 0)))
           FROM settlement_housetransfer t LEFT JOIN ledger_ledgeraccount a ON a.owner_id = t.id AND a.kind = 'IN_TRANSIT'
           WHERE coalesce(a.amount, 0) <> CASE t.status WHEN 'IN_TRANSIT' THEN t.amount - t.arrived ELSE 0 END""",
        """SELECT format('%s %s: IN_TRANSIT %s, asked for and not gone %s', c.code, v.asset_id, trim_scale(coalesce(a.amount, 0)),
             trim_scale(-coalesce(i.total, 0)))
           FROM (SELECT DISTINCT entity_id, venue_id, asset_id FROM settlement_venueplace) v
           JOIN clients_counterparty c ON c.id = v.venue_id
           LEFT JOIN ledger_ledgeraccount a ON a.owner_id = v.venue_id AND a.kind = 'IN_TRANSIT' AND a.entity_id = v.entity_id
             AND a.asset_code = v.asset_id
           LEFT JOIN (SELECT p.venue_id, i.entity_id, i.asset_id, sum(i.amount - i.settled_amount) AS total FROM settlement_instruction i
             JOIN settlement_housetransfer t ON t.id = i.house_transfer_id JOIN settlement_venueplace p ON p.id = t.place_id
             WHERE i.direction = 'DRAW' AND i.status = 'SENT' GROUP BY 1, 2, 3) i
             ON i.venue_id = v.venue_id AND i.entity_id = v.entity_id AND i.asset_id = v.asset_id
           WHERE coalesce(a.amount, 0) <> -coalesce(i.total, 0)""",
    ),
    sql(
        "venue_movements",
        "What a venue's record shows has posted once where its transfer is known, and nothing where it is not",
        """SELECT format('movement %s of %s %s, fee %s: posted %s', m.reference, trim_scale(m.amount), m.asset_id, trim_scale(m.fee),
             trim_scale(coalesce(p.total, 0)))
           FROM settlement_venuemovement m
           LEFT JOIN settlement_housetransfer t ON t.id = m.transfer_id
           LEFT JOIN (SELECT x.movement, sum(l.amount) AS total FROM (
                        SELECT source_id AS movement, id FROM ledger_ledgertransaction
                        WHERE source_type = 'venue_movement' AND reverses_id IS NULL
                        UNION ALL SELECT split_part(key, ':', 2)::uuid, id FROM ledger_ledgertransaction
                        WHERE kind = 'PAYMENT_BOOKED' AND key LIKE 'line:%') x
                      JOIN ledger_ledgerline l ON l.transaction_id = x.id JOIN ledger_ledgeraccount a ON a.id = l.account_id
                      WHERE a.kind = 'VENUE' GROUP BY 1) p ON p.movement = m.id
           WHERE coalesce(p.total, 0) <> CASE WHEN m.transfer_id IS NULL AND m.amount <> 0 THEN 0
             WHEN m.amount > 0 AND t.source_id IS NULL OR m.amount < 0 AND t.source_id IS NOT NULL THEN 0 ELSE m.amount END
             - CASE WHEN m.transfer_id IS NULL AND m.amount <> 0 THEN 0 ELSE m.fee END""",
    ),
    sql(
        "house_transfers_arrive",
        "What has arrived of a house transfer is what its receipts or its venue's record brought, and it is SETTLED with all of it",
        """SELECT format('house transfer %s of %s is %s, arrived %s: receipts and movements %s', t.id, trim_scale(t.amount), t.status,
             trim_scale(t.arrived), trim_scale(b.total))
           FROM settlement_housetransfer t
           CROSS JOIN LATERAL (SELECT CASE WHEN t.target_id IS NOT NULL
               THEN (SELECT coalesce(sum(m.amount), 0) FROM settlement_receiptmatch m WHERE m.house_transfer_id = t.id)
             WHEN t.place_id IS NOT NULL
               THEN (SELECT coalesce(sum(m.amount), 0) FROM settlement_venuemovement m WHERE m.transfer_id = t.id)
             ELSE t.arrived END AS total) b
           WHERE t.arrived <> b.total OR (t.status = 'SETTLED') <> (t.arrived = t.amount)
             OR t.status NOT IN ('SETTLED', 'IN_TRANSIT') AND t.arrived <> 0""",
    ),
    sql(
        "receipts_are_used_once",
        "A MATCHED receipt pays what it brought, any other nothing; an expected payment received what was matched to it or written off",
        """SELECT format('receipt %s is %s and pays %s of %s', r.id, r.status, trim_scale(coalesce(m.total, 0)), trim_scale(r.amount))
           FROM settlement_receipt r
           LEFT JOIN (SELECT receipt_id, sum(amount) AS total FROM settlement_receiptmatch GROUP BY 1) m ON m.receipt_id = r.id
           WHERE coalesce(m.total, 0) <> CASE r.status WHEN 'MATCHED' THEN r.amount ELSE 0 END""",
        """SELECT format('payment %s has received %s, matched %s', i.id, trim_scale(i.settled_amount), trim_scale(coalesce(m.total, 0)))
           FROM settlement_instruction i
           LEFT JOIN (SELECT instruction_id, sum(amount + written_off) AS total FROM settlement_receiptmatch
                      WHERE instruction_id IS NOT NULL GROUP BY 1) m ON m.instruction_id = i.id
           LEFT JOIN (SELECT pays_id, sum(amount) AS total FROM settlement_adjustment
                      WHERE pays_id IS NOT NULL AND status IN ('BOOKED', 'SETTLED') GROUP BY 1) w ON w.pays_id = i.id
           WHERE i.direction = 'RECEIVE' AND i.settled_amount <> coalesce(m.total, 0) + coalesce(w.total, 0)""",
    ),
    sql(
        "no_unknown_payment",
        f"No payment has been UNKNOWN for longer than {UNKNOWN_BOUND}",
        f"""SELECT format('instruction %s (%s) is UNKNOWN since %s', id, end_to_end_id, coalesce(sending_since, released_at))
           FROM settlement_instruction
           WHERE status = 'UNKNOWN' AND coalesce(sending_since, released_at, '-infinity') < clock_timestamp() - interval
           '{UNKNOWN_BOUND}'""",
    ),
)
