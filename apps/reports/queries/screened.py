"""Whose name was looked up in the lists before these had their last entries: parties that are with us, their members, and owners of the
house to whom capital has not left yet.
"""

from collections.abc import Collection
from uuid import UUID

from apps.core import db

BATCH = 200
# Ids are ordered by time, and a load waits for the screenings before it (compliance.operations.screening). Lists that were there before
# their loads were noted are held against whoever was never looked up.
_DUE = """
WITH loaded AS (SELECT max(id::text)::uuid AS id FROM compliance_listload)
SELECT x.kind, x.id FROM (
  SELECT 'counterparty' AS kind, c.id FROM clients_counterparty c
  WHERE c.house_of_id IS NULL AND c.status IN ('APPROVED', 'RESTRICTED', 'SUSPENDED', 'FROZEN')
  UNION ALL
  SELECT 'member', m.id FROM clients_member m JOIN clients_counterparty c ON c.id = m.counterparty_id
  WHERE m.closed_at IS NULL AND c.house_of_id IS NULL AND c.status NOT IN ('REFUSED', 'OFFBOARDED')
  UNION ALL
  SELECT 'house_transfer', t.id FROM settlement_housetransfer t
  WHERE t.owner_name <> '' AND t.status IN ('REQUESTED', 'APPROVED', 'INSTRUCTED')
) x CROSS JOIN loaded l
WHERE (l.id IS NOT NULL OR EXISTS (SELECT 1 FROM compliance_listentry)) AND x.id <> ALL(%s::uuid[])
  AND NOT EXISTS (SELECT 1 FROM compliance_screening s WHERE s.subject_id = x.id AND (l.id IS NULL OR s.id > l.id))
ORDER BY x.id LIMIT %s
"""


def list_unscreened(but: Collection[tuple[str, UUID]] = ()) -> list[tuple[str, UUID]]:
    """("counterparty", "member" or "house_transfer", id), a bounded number of them, and none of `but`."""
    return [(kind, found) for kind, found in db.run(_DUE, [[one for _, one in but], BATCH])]
