"""Promises 3 and 12: zero sums, balances that are the sums of their entries, the position identity; client money covered."""

# ruff: noqa: S608 - every part is written here

from apps.core import money
from apps.instruments import queries as instruments
from apps.ledger import queries as ledger

from .lines import Line, listed, sql


def _identity() -> tuple[int, list[str]]:
    return listed(
        [
            f"{entity.code} {one.asset}: what we have is {money.text(one.have)}, the position {money.text(one.position)}"
            for entity in instruments.list_entities()
            for one in ledger.list_identity(entity.id)
            if not one.holds
        ]
    )


_OWNER = """
CASE WHEN a.kind IN ('NOSTRO', 'IN_TRANSIT',
'SUSPENSE') THEN EXISTS (SELECT 1 FROM settlement_nostro n WHERE n.id = a.owner_id AND n.asset_id = a.asset_code)
     OR a.kind = 'IN_TRANSIT' AND EXISTS (SELECT 1 FROM settlement_housetransfer h WHERE h.id = a.owner_id AND h.asset_id = a.asset_code)
     OR a.kind = 'IN_TRANSIT' AND EXISTS (SELECT 1 FROM settlement_venueplace v WHERE v.venue_id = a.owner_id AND v.asset_id = a.asset_code)
     WHEN a.kind = 'VENUE' THEN EXISTS (SELECT 1 FROM clients_counterparty c WHERE c.id = a.owner_id)
     ELSE EXISTS (SELECT 1 FROM clients_account c WHERE c.id = a.owner_id)
     OR a.kind = 'RECEIVABLE' AND EXISTS (SELECT 1 FROM clients_counterparty c WHERE c.id = a.owner_id)
     OR a.kind = 'PAYABLE' AND EXISTS (SELECT 1 FROM settlement_commissionrate r WHERE r.introducer_id = a.owner_id) END
"""

LINES = (
    sql(
        "zero_sums",
        "Every ledger transaction has lines and sums to zero per asset",
        """SELECT format('transaction %s: %s off by %s', transaction_id, asset_code, trim_scale(sum(amount)))
           FROM ledger_ledgerline
           GROUP BY transaction_id, asset_code
           HAVING sum(amount) <> 0""",
        """SELECT format('transaction %s has no lines', t.id)
           FROM ledger_ledgertransaction t
           WHERE NOT EXISTS (SELECT 1 FROM ledger_ledgerline l WHERE l.transaction_id = t.id)""",
        """SELECT format('line %s is %s on an account of %s, or of another entity', l.id, l.asset_code, a.asset_code)
           FROM ledger_ledgerline l
           JOIN ledger_ledgeraccount a ON a.id = l.account_id
           JOIN ledger_ledgertransaction t ON t.id = l.transaction_id
           WHERE l.asset_code <> a.asset_code OR a.entity_id <> t.entity_id""",
    ),
    sql(
        "balances",
        "Every balance is its last running balance and the sum of its entries, versions without gaps",
        """SELECT format('account %s (%s %s): balance %s at version %s; entries: last %s, sum %s, count %s', a.id, a.kind,
           a.asset_code, trim_scale(a.amount), a.version, trim_scale(l.last), trim_scale(l.total), l.n)
           FROM ledger_ledgeraccount a
           LEFT JOIN (SELECT account_id, sum(amount) AS total, count(*) AS n, max(version) AS top, (array_agg(balance ORDER BY
           version DESC))[1] AS last FROM ledger_ledgerline GROUP BY account_id) l ON l.account_id = a.id
           WHERE a.amount <> coalesce(l.total, 0) OR a.amount <> coalesce(l.last, 0) OR a.version <> coalesce(l.n, 0) OR a.version
           <> coalesce(l.top, 0)""",
        """SELECT format('line %s: balance %s at version %s, by its entries %s at %s', id, trim_scale(balance), version,
           trim_scale(running), place)
           FROM (SELECT id, balance, version, sum(amount) OVER w AS running, row_number() OVER w AS place FROM ledger_ledgerline
           WINDOW w AS (PARTITION BY account_id ORDER BY version)) r
           WHERE balance <> running OR version <> place""",
        """SELECT format('line %s belongs to no account', l.id)
           FROM ledger_ledgerline l
           WHERE NOT EXISTS (SELECT 1 FROM ledger_ledgeraccount a WHERE a.id = l.account_id)""",
    ),
    sql(
        "holds",
        "What is held of a balance is the sum of its pending holds",
        """SELECT format('account %s (%s) holds %s, pending are %s', a.id, a.asset_code, trim_scale(a.held),
           trim_scale(coalesce(h.total, 0)))
           FROM ledger_ledgeraccount a
           LEFT JOIN (SELECT account_id, sum(amount) AS total FROM ledger_hold WHERE status = 'PENDING' GROUP BY account_id) h ON
           h.account_id = a.id
           WHERE a.held <> coalesce(h.total, 0)""",
    ),
    Line("position_identity", "What we have and owe is the position, per entity and asset", _identity),
    sql(
        "client_money",
        "Safeguarded clients' balances are covered by nostros designated CLIENT, per entity and asset",
        """SELECT format('%s: clients are owed %s, CLIENT nostros hold %s', owed.asset_code, trim_scale(owed.total),
           trim_scale(coalesce(held.total, 0)))
           FROM (SELECT a.entity_id, a.asset_code, sum(-a.amount) AS total FROM ledger_ledgeraccount a JOIN clients_terms t ON
           t.account_id = a.owner_id AND t.effective_until IS NULL AND t.safeguarded WHERE a.kind = 'CLIENT_BALANCE' AND a.amount <
           0 GROUP BY 1, 2) owed
           LEFT JOIN (SELECT a.entity_id, a.asset_code, sum(a.amount) AS total FROM ledger_ledgeraccount a JOIN settlement_nostro n
           ON n.id = a.owner_id AND n.designation = 'CLIENT' WHERE a.kind = 'NOSTRO' GROUP BY 1, 2) held
           USING (entity_id, asset_code)
           WHERE owed.total > coalesce(held.total, 0)""",
    ),
    sql(
        "open_items_have_owners",
        "Every RECEIVABLE, PAYABLE, SUSPENSE, IN_TRANSIT and client balance has an owner and an age",
        f"""SELECT format('%s %s of %s belongs to %s', a.kind, a.asset_code, trim_scale(a.amount), coalesce(a.owner_id::text,
           'nobody'))
           FROM ledger_ledgeraccount a
           WHERE a.amount <> 0 AND a.kind IN ('RECEIVABLE', 'PAYABLE', 'SUSPENSE', 'IN_TRANSIT', 'NOSTRO', 'VENUE',
           'CLIENT_BALANCE') AND (a.owner_id IS NULL OR NOT ({_OWNER}))""",
        """SELECT format('%s %s of %s has no age: it was never posted', a.kind, a.asset_code, trim_scale(a.amount))
           FROM ledger_ledgeraccount a
           WHERE a.amount <> 0 AND a.kind IN ('RECEIVABLE', 'PAYABLE', 'SUSPENSE', 'IN_TRANSIT') AND NOT EXISTS (SELECT 1 FROM
           ledger_ledgerline l JOIN ledger_ledgertransaction t ON t.id = l.transaction_id WHERE l.account_id = a.id AND
           t.effective_at IS NOT NULL)""",
        """SELECT format('receipt %s is %s (%s) and nobody has to act on it', id, status, quarantine_reason)
           FROM settlement_receipt
           WHERE status IN ('FINAL', 'CLEARED', 'QUARANTINED', 'FROZEN', 'RETURN_DUE') AND owner_role = ''""",
    ),
)
